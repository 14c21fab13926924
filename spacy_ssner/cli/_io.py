"""What several commands share: load a pipeline, find a file in one, take lists apart, print errors and warnings."""

import json
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterable, Iterator, List, Mapping, Optional, Sequence, Union

import typer

from ..errors import Errors
from ..files import check_file, draft_folder, make_folder, write_text

if TYPE_CHECKING:
    from spacy.language import Language
    from thinc.api import Config

STDIN = "-"  # name of standard input on the command line


@contextmanager
def plain_errors() -> Iterator[None]:
    """Print a numbered error of this package, or the system's word on a file, without a traceback and leave with
    exit code 1. Where nobody reads the output any more (`| head`), Click leaves so without a word."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (ValueError, OSError, ImportError) as error:
        if not isinstance(error, OSError) and not str(error).startswith("[S"):
            raise
        typer.secho(f"✘ {error}", fg=typer.colors.RED, err=True)
        raise typer.Exit(1) from error


@contextmanager
def told_at_the_end() -> Iterator[None]:
    """Print the warnings of a block once it is over, if only by an error: ours each once, others as Python does."""
    from wasabi import msg

    caught: List[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            yield
    finally:
        ours = [str(warning.message) for warning in caught if str(warning.message).startswith("[S")]
        for text in dict.fromkeys(ours):
            msg.warn(text)
        for warning in caught:
            if not str(warning.message).startswith("[S"):
                warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)


def check_outputs(outputs: Iterable[Optional[Path]], inputs: Iterable[Union[str, Path, None]]) -> None:
    """See, before any work, that no file is written over one that is read, and that each can be. None: not given.

    RAISES (ValueError): S213 for an output that is an input. (OSError): As files.check_file.
    """
    read = {Path(path).resolve() for path in inputs if path is not None}
    named = [path for path in outputs if path is not None]
    for path in named:
        if path.resolve() in read:
            raise ValueError(Errors.S213.format(path=path))
    for path in named:
        check_file(path)


def check_new_pipeline(out: Path, *, force: bool = False) -> None:
    """See, before any work, that a pipeline can be saved in a new folder; makes those above it.

    force (bool): Or in that of another pipeline.
    RAISES (ValueError): S308 if there is something already. (OSError): S289 if a folder above it is a file.
    """
    if out.exists() and not (force and (out / "config.cfg").is_file()):
        raise ValueError(Errors.S308.format(path=out))
    make_folder(out.parent)


def save_pipeline(nlp: "Language", out: Path) -> None:
    """Save a pipeline as a whole or not at all. RAISES (OSError): S283 if the disk is full."""
    with draft_folder(out) as draft:
        nlp.to_disk(draft)


def read_config(path: Path, *, interpolate: bool) -> "Config":
    """Read a config. RAISES (ValueError): S270 if there is none, or if it is something else, such as YAML."""
    from configparser import Error

    from spacy.util import load_config

    if not path.is_file():
        raise _no_config(path, "there is no such config file")
    try:
        return load_config(path, interpolate=interpolate)
    except (Error, ValueError) as error:
        raise _no_config(path, f"it cannot be read as a config: {error}") from error


def _no_config(path: Path, reason: str) -> ValueError:
    what = {"expected": "a config file (.cfg)", "hint": "takes the same"}
    return ValueError(Errors.S270.format(name=path, reason=" ".join(reason.split()), **what))


def split_names(given: Union[str, Iterable[str], None]) -> List[str]:
    """Names separated by commas, or those of an option that was given once, several times or not at all."""
    texts = [given] if isinstance(given, str) else given or ()
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]


def find_part(path: Path, places: Sequence[str]) -> Path:
    """A file itself, or the first of some places in a saved pipeline or component. RAISES (FileNotFoundError): S263."""
    for place in (path, *(path / name for name in places)):
        if place.is_file():
            return place
    raise FileNotFoundError(Errors.S263.format(path=path / places[0] if path.is_dir() else path))


def progress(total: Optional[int], what: str, unit: str) -> Any:
    """A progress bar; only on a terminal, so that logs stay readable."""
    from tqdm import tqdm

    return tqdm(total=total, desc=what, unit=unit, unit_scale=True, leave=False, disable=None)


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table, its first column to the left and the others to the right; nothing without rows."""
    from wasabi import msg

    if rows:
        aligns = ("l", *"r" * (len(header) - 1))
        msg.table([list(row) for row in rows], header=header, aligns=aligns, divider=True, title=title)


def save_figures(figures: Mapping[str, Any], path: Optional[Path]) -> None:
    """Write figures as JSON, if a file is named; a file that cannot be written is told without a traceback."""
    from wasabi import msg

    if path is not None:
        with plain_errors():
            write_text(path, json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
        msg.good("Saved all figures", path)


def read_stdin() -> str:
    """All of standard input as one text.

    Errors and warnings as text.documents.read_document.
    """
    from ..text.documents import document_text

    return document_text(typer.get_binary_stream("stdin").read(), "standard input")


def use_gpu(gpu_id: int) -> None:
    """Choose the device, before anything is loaded. -1 is the CPU.

    RAISES (ValueError): S276 if there is no such GPU.
    """
    from thinc.api import require_gpu

    if gpu_id < 0:
        return
    try:
        require_gpu(gpu_id)
    except Exception as error:  # thinc raises ValueError, cupy and torch their own
        raise ValueError(Errors.S276.format(gpu_id=gpu_id, reason=error)) from error


def load_pipeline(name: str) -> "Language":
    """Load a saved pipeline or an installed pipeline package.

    RAISES (ValueError): S270 if there is no such thing.
    """
    from spacy.util import load_model

    _check_pipeline(name)
    return load_model(name)


def load_tokenizer(*, pipeline: Optional[str] = None, config: Optional[Path] = None) -> "Language":
    """The language and tokenizer of a pipeline or config, without its components; else English with the tokenizer
    of the project's configs, `spacy-ssner.CTITokenizer.v1`.

    RAISES (ValueError): S270 if there is no such pipeline or config.
    """
    from spacy.util import get_package_path, is_package, load_model, load_model_from_config

    if pipeline is not None:
        _check_pipeline(pipeline)
        # a package holds its pipeline in a folder of its own
        places = [Path(pipeline)] if not is_package(pipeline) else get_package_path(pipeline).glob("*/")
        configs = [place / "config.cfg" for place in places if (place / "config.cfg").is_file()]
        names = {n for path in configs for n in read_config(path, interpolate=False)["nlp"]["pipeline"]}
        return load_model(pipeline, exclude=sorted(names))
    if config is None:
        from ..text.tokenizer import blank_english

        return blank_english()
    settings = read_config(config, interpolate=True).get("nlp")
    if settings is None:
        raise _no_config(config, "it has no section [nlp]")
    nlp_only = {"nlp": {**settings, "pipeline": [], "disabled": []}}
    try:
        return load_model_from_config(nlp_only, auto_fill=True)
    except (ValueError, ImportError) as error:  # spaCy's own: an unknown language or tokenizer
        raise _no_config(config, str(error)) from error


def is_pipeline(name: str) -> bool:
    """Whether a name is that of a pipeline package or of a folder of a saved pipeline."""
    from spacy.util import is_package

    return is_package(name) or (Path(name) / "config.cfg").is_file()


def _check_pipeline(name: str) -> None:
    if is_pipeline(name):
        return
    path = Path(name)
    reason = "there is no such folder or package"
    if path.is_dir():
        reason = "the folder has no config.cfg"
    elif path.exists():
        reason = "it is a file"
    expected = (
        "the folder of a saved pipeline (with a config.cfg) or the name of an installed pipeline package"
    )
    hint = "saves to model-best"
    raise ValueError(Errors.S270.format(expected=expected, name=name, reason=reason, hint=hint))
