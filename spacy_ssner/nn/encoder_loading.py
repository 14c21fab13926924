"""Encoders from a Hugging Face folder or hub id, and anew from the settings that a saved pipeline holds."""

import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator

from torch import nn

from .int8 import empty_int8_linears
from .onnx_encoder import OnnxEncoder
from .piece_encoder import PieceEncoder

PATHS = ("./", "../", "/", ".\\", "..\\", "~")  # how a path begins, and no hub id


def build_encoder(settings: Dict[str, Any]) -> PieceEncoder:
    """An encoder of these settings with fresh weights, for loading saved ones into."""
    from transformers import AutoConfig, AutoModel

    values = json.loads(settings["config"])
    config = AutoConfig.for_model(values.pop("model_type"), **values)
    if settings.get("engine") == "onnxruntime":
        return PieceEncoder(settings, OnnxEncoder(config))
    encoder = PieceEncoder(settings, _without_pooler(AutoModel.from_config(config)))
    if encoder.is_int8:
        empty_int8_linears(encoder.encoder)
    return encoder


def load_encoder(name: str, *, max_padded: int, mixed_precision: bool = False) -> PieceEncoder:
    """An encoder with its weights from a Hugging Face folder or hub id. Needs a fast tokenizer.

    RAISES (OSError, ValueError): What transformers raises for a missing or broken folder; ValueError
        for a slow tokenizer.
    """
    from transformers import AutoModel

    tokenizer = load_tokenizer(name)
    with quiet_loading():  # it warns of a fresh pooler, which is thrown away
        encoder = _without_pooler(AutoModel.from_pretrained(name))
    config = encoder.config.to_json_string(use_diff=False)  # type: ignore[union-attr,operator]
    sizes = {"max_padded": max_padded, "mixed_precision": mixed_precision}
    return PieceEncoder({"config": config, **tokenizer, **sizes}, encoder)


def check_folder(name: str) -> None:
    """See that there is something where a name says so that can only be a path's: transformers would take it for a
    hub id, and speak of that.

    RAISES (ValueError): If there is nothing.
    """
    if (name.startswith(PATHS) or Path(name).is_absolute()) and not Path(name).exists():
        hint = " (a '~' is not replaced by your home folder here)" if name.startswith("~") else ""
        raise ValueError(f"there is no such folder{hint}")


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Keep transformers from warning of weights that are fresh or left over; for loads that deal with them."""
    from transformers import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


def load_tokenizer(name: str) -> Dict[str, Any]:
    """The fast tokenizer of a Hugging Face folder or hub id: "tokenizer" (its JSON), "begin", "end", "pad",
    "unknown" (piece ids).

    RAISES (OSError, ValueError): What transformers raises for a missing or broken folder; ValueError
        for a slow tokenizer, and as check_folder.
    """
    from transformers import AutoTokenizer

    check_folder(name)
    tokenizer = AutoTokenizer.from_pretrained(name, use_fast=True, add_prefix_space=True)
    if not tokenizer.is_fast:
        raise ValueError("it has no fast tokenizer (tokenizer.json)")
    begin = tokenizer.cls_token_id if tokenizer.cls_token_id is not None else tokenizer.bos_token_id
    end = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else end
    unknown = tokenizer.unk_token_id if tokenizer.unk_token_id is not None else pad
    if begin is None or end is None:
        raise ValueError("its tokenizer has no begin and end pieces ([CLS], [SEP])")
    settings = {"begin": begin, "end": end, "pad": pad, "unknown": unknown}
    return {"tokenizer": tokenizer.backend_tokenizer.to_str(), **settings}


def _without_pooler(encoder: nn.Module) -> nn.Module:
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None  # type: ignore[assignment]
    return encoder
