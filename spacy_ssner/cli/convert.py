"""`python -m spacy ssner convert`: published corpora, CoNLL and JSONL files to .spacy, CoNLL files to natural text."""

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, List, Optional, Sequence, Tuple

import typer

from ..errors import Errors, Warnings
from ..files import check_file, write_text
from ._app import ssner_app
from ._io import load_tokenizer, plain_errors, split_names, told_at_the_end

if TYPE_CHECKING:
    from ..corpus.convert import ReadOptions, Selection
    from ..corpus.jsonl import Tokenizer
    from ..corpus.records import TextRecord
    from ..corpus.report import Report
    from ..corpus.sentence import Sentence

Opt = typer.Option
LARGE = 20_000  # sentences: below this writing takes a second and needs no progress bar
INPUT_HELP = "CoNLL, JSONL or JSON file, archive (.rar), or folder of brat's .txt and .ann"
FORMATS_HELP = (
    "auto, dnrti, aptner, cyner, malwaretextdb, annoctr, conll or jsonl (also a list in a .json file)"
)
EXCLUDE_HELP = "Drop what this file (any format, or .spacy) holds too; may be repeated"
LABELS_HELP = "Keep only these types, separated by commas; may be repeated"
FUSED_HELP = "APTNER lines with several tags: join (one token, the last tag) or split (a token for each tag)"
TOKENIZER_HELP = (
    "For JSONL and --raw: a config (.cfg) or a pipeline (folder or package); default spacy-ssner.CTITokenizer.v1 on "
    "blank English, as in the configs of the project"
)
OUTPUT_HELP = "File to write; with --raw also .jsonl: natural texts with exact character spans"
RAW_HELP = "Put the tokens of CoNLL files together to natural text, and let the tokenizer cut that"
PER_DOC_HELP = "With --raw: how many neighbouring sentences make a document"


@ssner_app.command("convert")
def convert_cli(
    input_path: Annotated[Path, typer.Argument(metavar="INPUT", help=INPUT_HELP)],
    output_path: Annotated[Path, typer.Argument(metavar="OUT", dir_okay=False, help=OUTPUT_HELP)],
    format: Annotated[str, Opt("--format", "-f", help=FORMATS_HELP)] = "auto",
    scheme: Annotated[str, Opt("--scheme", help="Tags of a CoNLL file: auto, bio, iobes or biluo")] = "auto",
    strict: Annotated[bool, Opt("--strict", help="Stop at the first fault instead of repairing it")] = False,
    drop_repeats: Annotated[bool, Opt("--drop-repeats", help="Drop sentences that occurred before")] = False,
    exclude: Annotated[Optional[List[Path]], Opt("--exclude", help=EXCLUDE_HELP)] = None,
    labels: Annotated[Optional[List[str]], Opt("--labels", help=LABELS_HELP)] = None,
    max_length: Annotated[Optional[int], Opt("--max-length", help="Cut longer sentences, in tokens")] = None,
    member: Annotated[Optional[str], Opt("--member", help="File of an archive, e.g. test.txt")] = None,
    fused: Annotated[str, Opt("--fused", help=FUSED_HELP)] = "join",
    tokenizer: Annotated[Optional[str], Opt("--tokenizer", help=TOKENIZER_HELP)] = None,
    raw: Annotated[bool, Opt("--raw", help=RAW_HELP)] = False,
    sentences_per_doc: Annotated[int, Opt("--sentences-per-doc", help=PER_DOC_HELP)] = 1,
    report: Annotated[
        Optional[Path], Opt("--report", help="Also write the repairs to this JSON file")
    ] = None,
) -> None:
    """Convert a corpus to spaCy's format, repair its faults and say which.

    Sentences are the same if they are equal after lower-casing and keeping only a-z and 0-9. Documents (of JSONL, or
    of several sentences) repeat an excluded text, and sentences an excluded document, if both hold the same eight
    words in a row, or a sentence of 30 letters stands in the document; a shorter text must be equal.
    """
    from ..corpus.convert import ReadOptions, Selection

    with plain_errors(), told_at_the_end():
        check_output(output_path, [input_path, *(exclude or [])], raw=raw)
        check_report(report, [input_path, output_path, *(exclude or [])])
        selection = Selection(exclude or (), drop_repeats, split_names(labels), max_length)
        cut = get_tokenizer(tokenizer)
        options = ReadOptions(format, scheme, fused, member, cut, raw, sentences_per_doc)
        sentences, texts, repairs = read_input(input_path, options, selection, strict=strict)
        warn_unused(input_path, options, sentences)
        if output_path.suffix == ".jsonl":
            write_texts(texts, output_path)
        else:
            write_sentences(sentences, output_path)
    if report is not None:
        with plain_errors():
            write_text(report, json.dumps(repairs.to_dict(), indent=2, ensure_ascii=False) + "\n")
    show_result(sentences, repairs, output_path)
    if output_path.suffix == ".jsonl":
        show_texts(texts, sentences)


def read_input(
    path: Path, options: "ReadOptions", selection: "Selection", *, strict: bool
) -> Tuple[List["Sentence"], List["TextRecord"], "Report"]:
    """corpus.convert.convert, with the natural texts of raw."""
    from ..corpus.convert import convert, convert_texts
    from ..corpus.jsonl import label_records

    texts: List["TextRecord"] = []
    if options.raw:
        texts, report = convert_texts(path, options, selection=selection, strict=strict)
        sentences = label_records(texts, options.tokenizer, report=report)
    else:
        sentences, report = convert(path, options, selection=selection, strict=strict)
    return sentences, texts, report


def warn_unused(path: Path, options: "ReadOptions", sentences: Sequence["Sentence"]) -> None:
    """WARNS: SW222 for options that were given and are not for such a file."""
    from ..corpus.convert import ARCHIVES

    is_jsonl = not options.raw and all(sentence.is_document for sentence in sentences)
    unused = {
        "--scheme": is_jsonl and options.scheme != "auto",
        "--fused": is_jsonl and options.fused != "join",
        "--tokenizer": not is_jsonl and not options.raw and options.tokenizer is not None,
        "--member": options.member is not None and path.suffix.lower() not in ARCHIVES,
    }
    names = ", ".join(name for name, is_unused in unused.items() if is_unused)
    if names:
        warnings.warn(Warnings.SW222.format(options=names, path=path), stacklevel=2)


def check_output(output_path: Path, inputs: List[Path], *, raw: bool = False) -> None:
    """RAISES (ValueError): S233 if the output is no .spacy or .jsonl file or one of the inputs; S212 if natural
    text is to be written without --raw. (OSError): As files.check_file."""
    kind = output_path.suffix
    if kind not in (".spacy", ".jsonl") or output_path.resolve() in {path.resolve() for path in inputs}:
        raise ValueError(Errors.S233.format(got=output_path))
    if kind == ".jsonl" and not raw:
        raise ValueError(Errors.S212.format(got=output_path))
    check_file(output_path)


def check_report(report: Optional[Path], others: List[Path]) -> None:
    """RAISES (ValueError): S217 if the report is to be written over another file of the command. (OSError): As
    files.check_file."""
    if report is None:
        return
    if report.resolve() in {path.resolve() for path in others}:
        raise ValueError(Errors.S217.format(path=report))
    check_file(report)


def get_tokenizer(name: Optional[str]) -> Optional["Tokenizer"]:
    """The tokenizer of a config or pipeline; None for the default.

    RAISES (ValueError): S270 if there is no such thing.
    """
    if name is None:
        return None
    is_config = name.lower().endswith(".cfg")
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


def write_texts(texts: List["TextRecord"], output_path: Path) -> None:
    """Write natural texts as JSON lines."""
    from ..corpus.records import write_record

    write_text(output_path, "".join(write_record(record) + "\n" for record in texts))


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
    unit = "documents" if all(sentence.is_document for sentence in sentences) else "sentences"
    n_tokens = sum(len(sentence.words) for sentence in sentences)
    n_missing = sum(tag is None for sentence in sentences for tag in sentence.tags)
    msg.good(
        f"{output_path}: {len(sentences):,} {unit}, {n_tokens:,} tokens ({n_missing:,} without a label), "
        f"{sum(labels.values()):,} entities of {len(labels)} types"
    )


def show_texts(texts: List["TextRecord"], sentences: List["Sentence"]) -> None:
    """Print how many entities the written texts hold, those that do not fit the tokens among them."""
    from wasabi import msg

    n, n_fitting = sum(len(text.spans or ()) for text in texts), sum(len(s.mentions) for s in sentences)
    msg.info(f"The texts hold {n:,} entities; {n - n_fitting:,} of them do not fit the tokenizer's tokens")
