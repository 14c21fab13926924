"""`python -m spacy ssner prepare-text`: raw text to a tokenised corpus for pre-training."""

import json
import time
from glob import glob
from pathlib import Path
from typing import Annotated, Any, Dict, List, Optional

import typer
from wasabi import msg

from ..errors import Errors
from ._app import ssner_app
from ._io import plain_errors, progress, told_at_the_end

PATHS_HELP = (
    "Files or glob patterns (.txt, .txt.gz, .html, .pdf, .jsonl, .spacy), then the folder to write. "
    "A folder made from the same files and settings is kept, another corpus in its place is replaced."
)
EXCLUDE_HELP = (
    "Labelled file (dev, test) whose sentences are dropped: found by 8 words in a row. May be repeated."
)
NEAR_HELP = "Drop lines that are much like an earlier one (word 5-grams), too"
THRESHOLD_HELP = "Likeness (Jaccard, 0 to 1) at which half of the near-duplicates are dropped"
HEADER = (
    "File",
    "Read",
    "Binary",
    "Short",
    "Repeated",
    "Excluded",
    "Alike",
    "Kept",
    "Held out",
    "Kept words",
)
COLUMNS = ("read", "binary", "short", "exact", "excluded", "near", "kept", "held_out")


@ssner_app.command("prepare-text")
def prepare_text_cli(
    paths: Annotated[List[str], typer.Argument(metavar="TEXT... OUT", help=PATHS_HELP)],
    encoder: str = typer.Option(..., "--encoder", help="Hugging Face folder or hub id with a fast tokenizer"),
    exclude: Annotated[Optional[List[Path]], typer.Option("--exclude", help=EXCLUDE_HELP)] = None,
    min_words: int = typer.Option(5, "--min-words", help="Drop shorter lines"),
    max_pieces: int = typer.Option(128, "--max-pieces", help="Longest row; a longer line becomes several"),
    max_word_pieces: int = typer.Option(8, "--max-word-pieces", help="Pieces of one word that are kept"),
    held_out: float = typer.Option(0.01, "--held-out", help="Share of lines set aside in OUT/held_out"),
    near_duplicates: bool = typer.Option(True, "--near-duplicates/--no-near-duplicates", help=NEAR_HELP),
    threshold: float = typer.Option(0.8, "--threshold", help=THRESHOLD_HELP),
    limit_words: int = typer.Option(0, "--limit-words", help="Stop after that many words; 0 takes all"),
    seed: int = typer.Option(0, "--seed", help="Decides which lines are held out"),
) -> None:
    """Clean text, drop repetitions and labelled test sentences, and cut it into word pieces, in flat memory.

    OUT is opened with spacy_ssner.pretraining.tokenised.TokenisedCorpus; OUT/report.json holds the counts.
    """
    from ..pretraining.prepare import PrepareSettings

    options: Dict[str, Any] = dict(
        min_words=min_words, max_pieces=max_pieces, max_word_pieces=max_word_pieces
    )
    options.update(near_duplicates=near_duplicates, threshold=threshold, limit_words=limit_words)
    with plain_errors(), told_at_the_end():
        settings = PrepareSettings(**options, held_out=held_out, seed=seed)
        make_corpus(paths, encoder, exclude or [], settings)


def make_corpus(paths: List[str], encoder: str, exclude: List[Path], settings: Any) -> None:
    """Make the corpus unless it is there already, and print what became of the lines.

    RAISES (ValueError): S285 without TEXT; what the library raises.
    """
    from ..pretraining.piece_table import read_tokenizer
    from ..pretraining.prepare import REPORT, describe_inputs, prepare_corpus
    from ..pretraining.tokenised import differences
    from ..pretraining.tokenised_writer import check_place

    if len(paths) < 2:
        raise ValueError(Errors.S285.format(name="TEXT... OUT", expected="at least two paths", got=paths[0]))
    out = Path(paths[-1])
    sources = find_sources(paths[:-1])
    check_place(out)
    tokenizer = read_tokenizer(encoder)
    made_from = describe_inputs(sources, exclude, tokenizer=tokenizer, settings=settings)
    changes = differences(out, made_from)
    if changes == []:
        print_report(json.loads((out / REPORT).read_text(encoding="utf8")))
        msg.good(f"{out} was made from the same files and settings: kept as it is")
        return
    if changes:
        msg.info(f"Made anew, since other than before: {'; '.join(changes)}")
    start = time.perf_counter()
    with progress(sum(path.stat().st_size for path in sources), "Preparing", "B") as bar:
        report = prepare_corpus(
            sources, out, tokenizer=tokenizer, settings=settings, exclude=exclude, on_bytes=bar.update
        )
    print_report(report)
    seconds = time.perf_counter() - start
    n_words = sum(source["read"]["words"] for source in report["sources"].values())
    msg.good(f"{out}: {seconds:.1f} s, {n_words / seconds:,.0f} words/s")


def find_sources(patterns: List[str]) -> List[Path]:
    """The files that are named or match a pattern, each once. RAISES (FileNotFoundError): S263 for one without."""
    found: List[Path] = []
    for pattern in patterns:
        matches = [pattern] if Path(pattern).exists() else sorted(glob(pattern, recursive=True))
        if not matches:
            raise FileNotFoundError(Errors.S263.format(path=pattern))
        found += map(Path, matches)
    return list(dict.fromkeys(found))


def print_report(report: Dict[str, Any]) -> None:
    """A table of lines by file, and the size of the corpus."""
    from wasabi import table

    from ..pretraining.prepare import totals

    rows = [_row(Path(source).name, tally) for source, tally in report["sources"].items()]
    footer = _row("all lines", totals(report)) if len(rows) > 1 else None
    print(table(rows, header=HEADER, footer=footer, divider=True, aligns=("l", *"r" * (len(HEADER) - 1))))
    for path, n_lines in report["excluded"].items():
        print(f"Excluded for {path}: {n_lines:,} lines")
    for name, what in (("kept", "To train on"), ("held_out", "Held out")):
        n = report[name]
        size = f"{n['lines']:,} lines, {n['rows']:,} rows, {n['words']:,} words, {n['pieces']:,} word pieces"
        print(f"{what}: {size}; {n['words_cut']:,} words lost their last pieces")


def _row(name: str, tally: Dict[str, Any]) -> List[str]:
    counts = [f"{tally[column]['lines']:,}" for column in COLUMNS]
    return [name, *counts, f"{tally['kept']['words']:,}"]
