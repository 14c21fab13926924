"""How the encoder lives inside Thinc: when it learns, and in how many bits it computes."""

import warnings
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional, Sequence, cast

from thinc.api import Config, Model, Optimizer, get_torch_default_device
from torch import nn

from ..errors import Errors, Warnings
from ..nn.piece_encoder import PieceEncoder
from ..nn.precision import in_float32, warn_of_slow_bfloat16
from .torch_shim import ModuleShim
from .vector_cache import VectorCache

if TYPE_CHECKING:
    from spacy.language import Language

LAYER = "hf_encoder"  # name of the layer in a model
HEAD_FIRST = "spacy-ssner.head_first.v1"  # schedule of a learning rate that rises and falls twice


class EncoderShim(ModuleShim):
    """Holds the encoder. int8 (bool): Round it when it is loaded. bfloat16 (bool): Predict in bfloat16.

    run_settings (Dict[str, Any]): Settings of the encoder that are the config's and not those it was saved with.
    cache: What a frozen encoder has read since a training began.
    n_updates: How many there were since the initialization; None if the encoder was loaded.
    """

    def __init__(self, *args: Any, int8: bool, bfloat16: bool, run_settings: Dict[str, Any], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.int8 = int8
        self.bfloat16 = bfloat16
        self.run_settings = run_settings
        self.cache: Optional[VectorCache] = None
        self.n_updates: Optional[int] = 0

    def finish_update(self, optimizer: Optimizer) -> None:
        super().finish_update(optimizer)
        if self.n_updates is not None:
            self.n_updates += 1

    def from_bytes(self, bytes_data: bytes) -> "EncoderShim":
        super().from_bytes(bytes_data)
        self.n_updates = None
        if self.int8 and self.module is not None:
            self.quantise()
        return self

    def quantise(self, sentences: Optional[Iterable[Sequence[str]]] = None, *, engine: str = "torch") -> int:
        """See PieceEncoder.quantise; what is saved from now on is the rounded encoder. RAISES: S140 on a GPU."""
        self._check_device()
        encoder = cast(PieceEncoder, self.module)
        with in_float32():
            count = encoder.quantise(sentences, engine=engine)
        self.cache = None
        self.cfg["settings"] = encoder.settings
        return count

    def set_module(self, settings: Dict[str, Any], module: Optional[nn.Module] = None) -> nn.Module:
        """RAISES (ValueError): S140 for a rounded encoder on a GPU. WARNS: SW105 for bfloat16 where it is slow."""
        if settings.get("int8"):
            self._check_device()
        self.cache = None
        settings = {**settings, **self.run_settings}
        encoder = cast(PieceEncoder, super().set_module(settings, module))
        encoder.settings = settings
        encoder.predicts_in_bfloat16 = self.bfloat16
        if self.bfloat16:
            warn_of_slow_bfloat16("bfloat16 = true", get_torch_default_device().type)
        return encoder

    def _check_device(self) -> None:
        if get_torch_default_device().type != "cpu":
            raise ValueError(Errors.S140.format(got=get_torch_default_device()))


def layers_of(pipe: Any) -> Iterable[Model]:
    """The layers of a component's model, one inside the other; none of a component of rules."""
    model = getattr(pipe, "model", None)
    return model.walk() if isinstance(model, Model) else ()


def encoder_layers(nlp: "Language") -> List[Model]:
    """The layers of this kind in a pipeline that hold an encoder, each once; empty without one."""
    found: Dict[int, Model] = {}
    for _, pipe in nlp.pipeline:
        for node in layers_of(pipe):
            if node.name == LAYER and cast(EncoderShim, node.shims[0]).module is not None:
                found[node.id] = node
    return list(found.values())


def is_frozen(model: Model) -> bool:
    """Whether the encoder of a layer does not learn in the next update."""
    n_updates = cast(EncoderShim, model.shims[0]).n_updates
    return model.attrs["frozen"] or (n_updates is not None and n_updates < model.attrs["frozen_steps"])


def warn_if_never_learns(nlp: Optional["Language"]) -> None:
    """See that a training is longer than the encoder's frozen steps, by the limits that its config names, and that a
    learning rate with two slopes has its second one where these steps end.

    WARNS: SW106 if it ends, or its learning rate is zero, before the encoder learns, unless `head_steps` of the
        schedule `spacy-ssner.head_first.v1` end there too; SW107 if these are others than `frozen_steps`.
    """
    layers = [] if nlp is None else [layer for layer in encoder_layers(nlp) if _will_learn(layer)]
    if nlp is None or not layers:
        return
    training: Dict[str, Any] = Config(nlp.config).interpolate().get("training") or {}
    rate: Any = (training.get("optimizer") or {}).get("learn_rate")
    rate = rate if isinstance(rate, dict) else {}
    known = [n for n in (training.get("max_steps"), rate.get("total_steps")) if isinstance(n, int) and n > 0]
    head_steps = rate.get("head_steps") if rate.get("@schedules") == HEAD_FIRST else None
    for layer in layers:
        n_frozen = layer.attrs["frozen_steps"]
        if n_frozen == head_steps == training.get("max_steps"):  # the head alone, on purpose
            continue
        if known and n_frozen >= min(known):
            warnings.warn(Warnings.SW106.format(n_frozen=n_frozen, n_steps=min(known)), stacklevel=2)
        elif head_steps and head_steps != n_frozen:
            warnings.warn(Warnings.SW107.format(n_frozen=n_frozen, n_head=head_steps), stacklevel=2)


def _will_learn(layer: Model) -> bool:
    """Whether an encoder learns, if perhaps not from the first update on: one that was loaded has had its steps."""
    return not layer.attrs["frozen"] and cast(EncoderShim, layer.shims[0]).n_updates is not None
