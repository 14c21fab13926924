"""`python -m spacy ssner debug-data`: look at annotated data before training on it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Dict, Iterable, List, Optional, Sequence

import typer

from ..errors import Errors
from ..evaluation.data_checks import RARE, DataReport, SplitReport, check_data
from ..evaluation.span_checks import SpanProblem
from ._app import ssner_app
from ._io import load_tokenizer, plain_errors, print_table

Opt = typer.Option
UNUSABLE = ("misaligned", "out of range", "overlap")
LENGTHS = (*((str(n), n, n) for n in range(1, 6)), ("6-10", 6, 10), (">10", 11, 10**9))


@ssner_app.command("debug-data")
def debug_data_cli(
    train: Annotated[Path, typer.Argument(help="Train: .spacy file or folder, or .jsonl")],
    dev: Annotated[Optional[Path], typer.Argument(help="Development data")] = None,
    test: Annotated[Optional[Path], typer.Argument(help="Test data")] = None,
    pipeline: Annotated[Optional[str], Opt("--pipeline", "-p", help="Pipeline with the tokenizer")] = None,
    config: Annotated[Optional[Path], Opt("--config", "-c", help="Config with the tokenizer")] = None,
    examples: Annotated[int, Opt("--examples", "-n", min=0, help="Lines of each list to print")] = 10,
    as_json: Annotated[bool, Opt("--json", help="Print everything as JSON")] = False,
) -> None:
    """Show types, lengths, overlaps, contradictions, and every entity that training cannot use.

    The tokenizer is spacy-ssner.CTITokenizer.v1 on English unless --pipeline or --config names another one.
    """
    with plain_errors():
        if pipeline is not None and config is not None:
            expected, got = "--pipeline or --config", "both"
            raise ValueError(Errors.S262.format(command="debug-data", expected=expected, got=got))
        paths = {"train": train, "dev": dev, "test": test}
        report = debug_data({k: p for k, p in paths.items() if p}, pipeline=pipeline, config=config)
    if as_json:
        typer.echo(json.dumps(report_to_dict(report), indent=2, ensure_ascii=False).encode("utf8"))
    else:
        print_report(report, limit=examples)


def debug_data(
    paths: Dict[str, Path], *, pipeline: Optional[str] = None, config: Optional[Path] = None
) -> DataReport:
    """Read the files and check them.

    paths (Dict[str, Path]): Files by name of the split, train first.
    RAISES (ValueError): S270 for the pipeline or config, S272-S274 and S280 for files that cannot be read.
    WARNS: SW270 for a file that is not valid UTF-8.
    """
    from ..evaluation.data_files import read_split

    nlp = load_tokenizer(pipeline=pipeline, config=config)
    return check_data({name: read_split(path, nlp) for name, path in paths.items()})


def report_to_dict(report: DataReport) -> Dict[str, object]:
    """The report as plain JSON values, with the sums that it computes."""
    values = asdict(report)
    for name, split in report.splits.items():
        values["splits"][name]["n_entities"] = split.n_entities
    return values


def print_report(report: DataReport, *, limit: int) -> None:
    """Print tables, then the lists; `limit` lines of each list except unusable spans."""
    from wasabi import msg

    names = list(report.splits)
    splits = list(report.splits.values())
    print_table("Size", ["", *names], _size_rows(splits))
    labels = sorted({a for s in splits for a in s.types}, key=lambda a: (-splits[0].types.get(a, 0), a))
    counts = [[label, *(s.types.get(label, 0) for s in splits)] for label in labels]
    print_table("Entities per type", ["", *names], counts)
    print_table("Entity length in tokens", ["", *names], _length_rows(splits))
    _print_overlaps(report)
    _print_types(report)
    _print_conflicts(report, limit=limit)
    problems = [problem for split in splits for problem in split.problems]
    _print_unusable([p for p in problems if p.kind in UNUSABLE])
    odd = [p for p in problems if p.kind not in UNUSABLE]
    if odd:
        msg.divider("Entities with odd edges")
        msg.warn(f"{len(odd)} entities begin or end with a space or a punctuation mark")
        _print_some([f"{p.path}:{p.line} {p.text!r} [{p.label}] {p.kind}" for p in odd], limit)
    if not any(s.n_entities for s in splits):
        msg.warn("No entities at all: is this annotated data?")


def _size_rows(splits: Sequence[SplitReport]) -> List[List[object]]:
    counts = {
        "documents": [s.n_docs for s in splits],
        "sentences": [s.n_sentences for s in splits],
        "repeated sentences": [s.n_repeats for s in splits],
        "tokens": [s.n_tokens for s in splits],
        "entities": [s.n_entities for s in splits],
        "documents without entities": [s.n_docs_without_entities for s in splits],
        "documents not annotated": [s.n_docs_unannotated for s in splits],
        "tokens not annotated": [s.n_missing_tokens for s in splits],
    }
    return [[name, *row] for name, row in counts.items()]


def _length_rows(splits: Sequence[SplitReport]) -> List[List[object]]:
    return [
        [name, *(sum(k for n, k in s.lengths.items() if low <= n <= high) for s in splits)]
        for name, low, high in LENGTHS
    ]


def _print_overlaps(report: DataReport) -> None:
    def share(part: int, whole: int) -> str:
        return f"{part} of {whole} ({100 * part / whole:.1f} %)" if whole else "-"

    rows = [
        [f"{o.split} in {o.of}", share(o.n_shared, o.n_sentences), share(o.n_unseen, o.n_mentions)]
        for o in report.overlaps
    ]
    print_table("Overlaps", ["", "sentences shared", "mentions unseen"], rows)


def _print_types(report: DataReport) -> None:
    from wasabi import msg

    for name, missing in report.missing_types.items():
        if missing:
            msg.warn(f"Types missing in {name}: {', '.join(missing)}")
    for name, rare in report.rare_types.items():
        if rare:
            listed = ", ".join(f"{label} ({count})" for label, count in rare.items())
            msg.warn(f"Types with fewer than {RARE} entities in {name}: {listed}")


def _print_conflicts(report: DataReport, *, limit: int) -> None:
    from wasabi import msg

    if not report.conflicts:
        return
    msg.divider("Repeated sentences with differing annotation")
    msg.warn(f"{len(report.conflicts)} sentences are annotated in more than one way")
    lines = []
    for conflict in report.conflicts:
        variants = "".join(
            f"\n    {places[0]} ({len(places)} x): {', '.join(entities) or 'no entities'}"
            for entities, places in conflict.variants
        )
        lines.append(conflict.text + variants)
    _print_some(lines, limit)


def _print_unusable(problems: Sequence[SpanProblem]) -> None:
    from wasabi import msg

    if not problems:
        msg.good("Every entity begins and ends where a token does")
        return
    msg.divider("Entities that training cannot use")
    msg.warn(f"{len(problems)} entities do not fit the tokens of the runtime tokenizer")
    lines = []
    for p in problems:
        hint = f" -> {p.proposal[0]}-{p.proposal[1]} {p.proposal[2]!r}" if p.proposal else ""
        lines.append(f"{p.path}:{p.line} {p.start}-{p.end} {p.text!r} [{p.label}] {p.kind}{hint}")
    _print_some(lines, len(lines))


def _print_some(lines: Sequence[str], limit: int) -> None:
    for line in _head(lines, limit):
        print(f"  {line}")


def _head(lines: Sequence[str], limit: int) -> Iterable[str]:
    yield from lines[:limit]
    if len(lines) > limit:
        yield f"... and {len(lines) - limit} more (--examples, or --json for all)"
