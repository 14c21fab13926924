"""`python -m spacy ssner convert`: published corpora, CoNLL and JSONL files to .spacy."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, List, Optional, Tuple

import typer

from ..errors import Errors
from ..files import write_text
from ._app import ssner_app
from ._io import load_tokenizer, plain_errors

if TYPE_CHECKING:
    from ..corpus.convert import ReadOptions, Selection
    from ..corpus.jsonl import Tokenizer
    from ..corpus.report import Report
    from ..corpus.sentence import Sentence

Opt = typer.Option
LARGE = 20_000  # sentences: below this writing takes a second and needs no progress bar
FORMATS_HELP = "auto, dnrti, aptner, cyner, malwaretextdb, annoctr, conll or jsonl"
EXCLUDE_HELP = "Drop sentences that occur in this file (any format, or .spacy); may be repeated"
FUSED_HELP = "APTNER lines with several tags: join (one token, the last tag) or split (a token for each tag)"
TOKENIZER_HELP = "For JSONL: a config (.cfg) or a pipeline (folder or package); default blank English"


@ssner_app.command("convert")
def convert_cli(
    input_path: Annotated[
        Path, typer.Argument(metavar="INPUT", help="CoNLL or JSONL file, or archive (.rar)")
    ],
    output_path: Annotated[Path, typer.Argument(metavar="OUT.spacy", help="File to write")],
    format: Annotated[str, Opt("--format", "-f", help=FORMATS_HELP)] = "auto",
    scheme: Annotated[str, Opt("--scheme", help="Tags of a CoNLL file: auto, bio, iobes or biluo")] = "auto",
    strict: Annotated[bool, Opt("--strict", help="Stop at the first fault instead of repairing it")] = False,
    drop_repeats: Annotated[bool, Opt("--drop-repeats", help="Drop sentences that occurred before")] = False,
    exclude: Annotated[Optional[List[Path]], Opt("--exclude", help=EXCLUDE_HELP)] = None,
    labels: Annotated[str, Opt("--labels", help="Keep only these types, separated by commas")] = "",
    max_length: Annotated[Optional[int], Opt("--max-length", help="Cut longer sentences, in tokens")] = None,
    member: Annotated[Optional[str], Opt("--member", help="File of an archive, e.g. test.txt")] = None,
    fused: Annotated[str, Opt("--fused", help=FUSED_HELP)] = "join",
    tokenizer: Annotated[Optional[str], Opt("--tokenizer", help=TOKENIZER_HELP)] = None,
    report: Annotated[
        Optional[Path], Opt("--report", help="Also write the repairs to this JSON file")
    ] = None,
) -> None:
    """Convert a corpus to spaCy's format, repair its faults and say which.

    Sentences are the same if they are equal after lower-casing and keeping only a-z and 0-9.
    """
    from ..corpus.convert import ReadOptions, Selection

    with plain_errors():
        check_output(output_path, [input_path, *(exclude or [])])
        kept_labels = [label.strip() for label in labels.split(",") if label.strip()]
        selection = Selection(exclude or (), drop_repeats, kept_labels, max_length)
        options = ReadOptions(format, scheme, fused, member, get_tokenizer(tokenizer))
        sentences, repairs = read_input(input_path, options, selection, strict=strict)
        write_sentences(sentences, output_path)
    if report is not None:
        write_text(report, json.dumps(repairs.to_dict(), indent=2, ensure_ascii=False) + "\n")
    show_result(sentences, repairs, output_path)


def read_input(
    path: Path, options: "ReadOptions", selection: "Selection", *, strict: bool
) -> Tuple[List["Sentence"], "Report"]:
    """corpus.convert.convert; prints its warnings, and makes a missing library (S224) a ValueError."""
    import warnings

    from wasabi import msg

    from ..corpus.convert import convert

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = convert(path, options, selection=selection, strict=strict)
        except ImportError as err:
            raise ValueError(str(err)) from err
    for warning in caught:
        msg.warn(str(warning.message))
    return result


def check_output(output_path: Path, inputs: List[Path]) -> None:
    """RAISES (ValueError): S233 if the output is no .spacy file or one of the inputs."""
    if output_path.suffix != ".spacy" or output_path.resolve() in {path.resolve() for path in inputs}:
        raise ValueError(Errors.S233.format(got=output_path))


def get_tokenizer(name: Optional[str]) -> Optional["Tokenizer"]:
    """The tokenizer of a config or pipeline; None for the default.

    RAISES (ValueError): S270 if there is no such thing.
    """
    if name is None:
        return None
    is_config = name.endswith(".cfg")
    return (
        load_tokenizer(config=Path(name)).tokenizer if is_config else load_tokenizer(pipeline=name).tokenizer
    )


def write_sentences(sentences: List["Sentence"], output_path: Path) -> None:
    """Write a .spacy file, with a progress bar if it is large."""
    from spacy.vocab import Vocab
    from tqdm import tqdm

    from ..corpus.docs import make_docs, write_docs

    bar = tqdm(sentences, unit=" sentences", disable=len(sentences) < LARGE)
    write_docs(make_docs(bar, Vocab()), output_path)


def show_result(sentences: List["Sentence"], report: "Report", output_path: Path) -> None:
    """Print what was repaired and what was written."""
    from wasabi import msg

    from ..corpus.sentence import count_labels

    if report.repairs:
        msg.divider("Repairs")
        print(report.table())
    labels = count_labels(sentences)
    msg.divider("Entities")
    print(", ".join(f"{label} {count:,}" for label, count in labels.items()) or "none")
    n_tokens = sum(len(sentence.words) for sentence in sentences)
    n_missing = sum(tag is None for sentence in sentences for tag in sentence.tags)
    msg.good(
        f"{output_path}: {len(sentences):,} sentences, {n_tokens:,} tokens ({n_missing:,} without a label), "
        f"{sum(labels.values()):,} entities of {len(labels)} types"
    )
