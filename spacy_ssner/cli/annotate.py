"""`python -m spacy ssner annotate`: many documents to JSON lines with entities, offsets and scores."""

import codecs
import csv
import json
import sys
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from time import perf_counter
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Optional,
    Sequence,
    TextIO,
    cast,
)

import typer

from ..errors import Errors
from ..files import open_at_end, open_draft
from ._app import ssner_app
from ._io import STDIN, load_pipeline, plain_errors, split_names, use_gpu

if TYPE_CHECKING:
    from ..bulk import Totals

Opt = typer.Option
INPUTS_HELP = (
    "Text files (.txt, .md, .log, also gzipped; others but .json as plain text), .html and .pdf, JSON lines with "
    "'text' (.jsonl, .jsonl.gz), folders of these, or - for stdin"
)
TEXT_HELP = "Write texts, or only offsets, labels, scores and values"
OUTPUT_HELP = (
    "JSON lines to write, one a document; .csv: a row for each entity; - for JSON lines on standard output, totals go "
    "to standard error then"
)
KEEP_HELP = "Fields of JSON lines to write beside id and meta, separated by commas; may be repeated"
INDICATORS_HELP = (
    "Find indicators by rules first (`ssner_ioc`), with refanged values, unless the pipeline does"
)
RESUME_HELP = (
    "Go on with an --output that was left unfinished: documents that stand there are passed over, and each is there as "
    "soon as it is annotated"
)
REPORTS_HELP = "Write what was read of each document (tokens, pieces, windows, truncated words, ...)"


@ssner_app.command("annotate")
def annotate_cli(
    pipeline: Annotated[str, typer.Argument(help="Saved pipeline (folder) or pipeline package")],
    inputs: Annotated[List[str], typer.Argument(help=INPUTS_HELP)],
    output: Annotated[Path, Opt("--output", "-o", dir_okay=False, help=OUTPUT_HELP)],
    batch_size: Annotated[Optional[int], Opt("--batch-size", "-b", min=1, help="Docs per batch")] = None,
    n_process: Annotated[int, Opt("--n-process", "-n", min=1, help="Processes, each with one thread")] = 1,
    text: Annotated[bool, Opt("--text/--no-text", help=TEXT_HELP)] = True,
    reports: Annotated[bool, Opt("--reports", help=REPORTS_HELP)] = False,
    indicators: Annotated[bool, Opt("--indicators", help=INDICATORS_HELP)] = False,
    jsonl: Annotated[bool, Opt("--jsonl", help="Standard input holds JSON lines, not one text")] = False,
    keep: Annotated[Optional[List[str]], Opt("--keep", help=KEEP_HELP)] = None,
    resume: Annotated[bool, Opt("--resume", help=RESUME_HELP)] = False,
    max_length: Annotated[
        Optional[int], Opt("--max-length", min=1, help="Longest text in characters")
    ] = None,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
) -> None:
    """Annotate documents in a stream and write one line of JSON for each.

    What cannot be read or annotated is counted and named; the others go on. At the end stand the totals of what was
    found, and of what was not read in full. The output is replaced only once all is annotated, but for --resume.
    """
    from tqdm import tqdm
    from wasabi import msg

    from ..bulk import COLUMNS, WRITTEN, Totals, annotate_records, check_kept, to_json
    from ..evaluation.prediction import require_entities
    from ..ioc import add_indicators
    from ..resuming import Written, read_written
    from ..text.records import KEPT, find_inputs, read_records

    is_table = output.suffix.lower() == ".csv"
    kept = list(dict.fromkeys([*KEPT, *split_names(keep)]))
    totals, start = Totals(), perf_counter()
    on_bad = totals.leave_out
    with messages_beside(output) as out, plain_errors():
        check_kept(kept, (*WRITTEN, *COLUMNS) if is_table else WRITTEN)
        if resume and (is_table or out is not None):
            raise ValueError(Errors.S208.format(got=output))
        names = find_inputs(inputs, output=output, on_bad=on_bad)
        before = read_written(output) if resume else Written()
        use_gpu(gpu_id)
        nlp = load_pipeline(pipeline)
        nlp.max_length = max_length or nlp.max_length
        if indicators:
            add_indicators(nlp)
        records = read_records(names, max_length=nlp.max_length, on_bad=on_bad, stdin_lines=jsonl, kept=kept)
        rest = before.rest(records)
        stream = annotate_records(nlp, rest, on_bad=on_bad, batch_size=batch_size, n_process=n_process)
        opened = open_at_end(output) if resume else open_draft(output)
        with opened if out is None else nullcontext(out) as file:
            write = make_writer(file, kept if is_table else None)
            for record, doc in tqdm(stream, unit="doc", disable=None, leave=False):
                totals.add(record, doc)
                write(to_json(record, doc, with_text=text, with_report=reports))
            name_left_out(totals)
            if not totals.documents and not before.documents:
                got = ": ".join(totals.bad[0]) if totals.bad else "the files are empty"
                raise ValueError(Errors.S215.format(path=output, got=got))
            if totals.documents:
                require_entities(nlp, annotated=totals.annotated)
        if resume:
            msg.info(f"{before.documents:,} documents stood in {output} before")
        print_totals(totals, seconds=perf_counter() - start)
        msg.good(f"Wrote {totals.documents:,} documents with {totals.entities.total():,} entities", output)


def make_writer(file: TextIO, columns: Optional[Sequence[str]]) -> Callable[[Dict[str, Any]], Any]:
    """What writes a document: a line of JSON, or, with the columns of a CSV file beside those of its place and its
    entities, a row for each entity."""
    from ..bulk import COLUMNS, to_rows
    from ..text.characters import replace_surrogates

    if columns is None:
        # fields that are kept may hold halves of characters
        return lambda doc: file.write(replace_surrogates(json.dumps(doc, ensure_ascii=False)) + "\n")
    names = ["source", "line", *(name for name in columns if name != "meta"), *COLUMNS]
    rows = csv.DictWriter(file, names, lineterminator="\n")
    rows.writeheader()

    def clean(value: Any) -> Any:
        return replace_surrogates(value) if isinstance(value, str) else value

    return lambda doc: rows.writerows({k: clean(v) for k, v in row.items()} for row in to_rows(doc))


@contextmanager
def messages_beside(output: Path) -> Iterator[Optional[TextIO]]:
    """Standard output, in UTF-8, where that is to hold the lines: what is printed meanwhile goes to standard error.
    Otherwise None."""
    if str(output) != STDIN:
        yield None
        return
    lines = cast(TextIO, codecs.getwriter("utf8")(typer.get_binary_stream("stdout")))
    with redirect_stdout(sys.stderr):
        yield lines
    lines.flush()


def print_totals(totals: "Totals", *, seconds: float) -> None:
    """Print what was found, how much was read, and what was not."""
    from wasabi import msg

    from ..truncation import describe
    from ..types import LOSSES

    report = totals.report
    msg.text(f"{totals.documents:,} documents, {totals.characters:,} characters in {seconds:.1f} s")
    rows = [(label, f"{count:,}") for label, count in totals.entities.most_common()]
    if rows:
        footer = ("all", f"{totals.entities.total():,}")
        msg.table(rows, header=("Type", "Entities"), footer=footer, aligns=("l", "r"), divider=True)
    if report["tokens"]:
        parts = [f"{report[name]:,} {what}" for name, what in READ.items() if name in report]
        msg.text(f"Read: {', '.join(parts)}")
    losses = {name: report[name] for name in LOSSES if report[name]}
    if losses:
        msg.warn(f"{totals.not_in_full:,} documents were not read in full: {describe(losses)}")
    if totals.unreadable:
        msg.warn(f"{totals.unreadable:,} documents hold U+FFFD, which stands for what cannot be decoded")


READ = {
    "tokens": "tokens",
    "white_space": "of them white space",
    "sentences": "sentences",
    "windows": "windows",
    "pieces": "word pieces",
    "encoder_windows": "windows of the encoder",
    "no_vector": "tokens without a vector",
    "no_similar_words": "words without similar words",
}


def name_left_out(totals: "Totals") -> None:
    """Print how many files and lines were left out, and why the first ones were."""
    from wasabi import msg

    for name, reason in totals.bad:
        msg.warn(f"Left out {name}", reason)
    if totals.n_bad:
        msg.warn(f"{totals.n_bad:,} files or lines were left out")
