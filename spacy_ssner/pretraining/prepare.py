"""From files of raw text to a tokenised corpus on disk, one batch of lines at a time."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple
from warnings import warn

from ..errors import Errors, Warnings
from ..settings import check_values
from ..text.documents import read_text_lines
from ..text.overlap import collect_file_runs
from ..text.reading import OnBytes
from .filtering import DROPPED, LineFilter
from .piece_table import PieceTable, fingerprint
from .tokenised import HELD_OUT
from .tokenised_writer import CorpusWriter, new_folder

REPORT = "report.json"
BATCH_LINES = 1000
BATCH_CHARS = 200_000
FILTER_SETTINGS = ("min_words", "near_duplicates", "threshold", "held_out", "limit_words", "seed")


@dataclass(frozen=True)
class PrepareSettings:
    """How a corpus is made.

    min_words: Shorter lines are dropped; words without a letter or digit do not count.
    max_pieces: Longest row in word pieces with its begin and end piece; a longer line becomes several rows.
    max_word_pieces: Pieces of one word that are kept, the first ones.
    held_out: Share of lines set aside, 0 <= share <= 0.5.
    near_duplicates: Drop lines like an earlier one, by the Jaccard similarity of their word 5-grams.
    threshold: The similarity at which half of them are dropped, 0 < threshold < 1.
    limit_words: Stop after that many words in the order of the files; 0 takes all.
    seed: Of the lines that are held out and of the hash functions.
    """

    min_words: int = 5
    max_pieces: int = 128
    max_word_pieces: int = 8
    held_out: float = 0.01
    near_duplicates: bool = True
    threshold: float = 0.8
    limit_words: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        """RAISES (ValueError): S285."""
        checks = {
            "min_words": (self.min_words >= 1, "at least 1"),
            "max_word_pieces": (self.max_word_pieces >= 1, "at least 1"),
            "max_pieces": (
                self.max_pieces >= 4 * self.max_word_pieces + 2,
                "at least 4 * max_word_pieces + 2",
            ),
            "held_out": (0 <= self.held_out <= 0.5, "from 0 to 0.5"),
            "threshold": (0 < self.threshold < 1, "between 0 and 1"),
            "limit_words": (self.limit_words >= 0, "0 or more"),
            "seed": (0 <= self.seed < 1 << 63, "0 or more"),
        }
        check_values(vars(self), checks, Errors.S285)


def describe_inputs(
    sources: Sequence[Path], exclude: Sequence[Path], *, tokenizer: Dict[str, Any], settings: PrepareSettings
) -> Dict[str, Any]:
    """What a corpus is made from, as far as it decides what comes out. Files count by path, size and time of change.

    RAISES (FileNotFoundError): S263.
    """
    made_from: Dict[str, Any] = {**asdict(settings), "tokenizer": fingerprint(tokenizer["tokenizer"])}
    for name, paths in (("sources", sources), ("exclude", exclude)):
        for path in paths:
            if not path.is_file():
                raise FileNotFoundError(Errors.S263.format(path=path))
        made_from[name] = [
            [str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns] for path in paths
        ]
    return made_from


def prepare_corpus(
    sources: Sequence[Path],
    out: Path,
    *,
    tokenizer: Dict[str, Any],
    settings: PrepareSettings,
    exclude: Sequence[Path] = (),
    on_bytes: Optional[OnBytes] = None,
) -> Dict[str, Any]:
    """Clean, filter and tokenise files into the folder `out` (`TokenisedCorpus`), held-out lines into `out/held_out`.

    tokenizer: What `piece_table.read_tokenizer` gives.
    exclude: Labelled files whose sentences must not be trained on, found by 8 words in a row.
    RETURNS: The report that is also saved as report.json: what was read, dropped for each reason and kept.
    RAISES (ValueError): S247 if no line is left, S284 if `out` holds something else. (OSError): S283 if the disk is
        full. What read_text_lines and read_sentences (`exclude`) raise. After an error `out` is as it was.
    WARNS: SW245 on binary lines, SW246 if the memory for near-duplicates overflowed; as these two.
    """
    made_from = describe_inputs(sources, exclude, tokenizer=tokenizer, settings=settings)
    table = PieceTable(tokenizer, max_word_pieces=settings.max_word_pieces)
    lines = LineFilter(collect_file_runs(exclude), **{name: made_from[name] for name in FILTER_SETTINGS})
    sizes: Dict[str, Any] = dict(tokenizer=tokenizer, max_pieces=settings.max_pieces)
    with new_folder(out) as draft:
        with (
            CorpusWriter(draft, table, **sizes) as kept,
            CorpusWriter(draft / HELD_OUT, table, **sizes) as aside,
        ):
            for source, batch in batches(sources, on_bytes):
                for writer, part in zip((kept, aside), lines.split(batch, source)):
                    writer.add(part)
                if lines.left <= 0:
                    break
            report = make_report(lines, kept.counts, aside.counts)
            check_rest(report)
            kept.finish(made_from)
            aside.finish(made_from)
        (draft / REPORT).write_text(json.dumps(report, indent=1, ensure_ascii=False), encoding="utf8")
    warn_of(lines)
    return report


def batches(sources: Sequence[Path], on_bytes: Optional[OnBytes]) -> Iterator[Tuple[str, List[str]]]:
    """Lines of the files in batches, each with the path of its file. Errors and warnings as read_text_lines."""
    for path in sources:
        batch: List[str] = []
        n_chars = 0
        for text in read_text_lines(path, on_bytes=on_bytes):
            batch.append(text)
            n_chars += len(text)
            if len(batch) == BATCH_LINES or n_chars >= BATCH_CHARS:
                yield str(path), batch
                batch, n_chars = [], 0
        yield str(path), batch


def make_report(lines: LineFilter, kept: Dict[str, int], held_out: Dict[str, int]) -> Dict[str, Any]:
    """What became of the lines of each source, how many repeat each labelled file, and the size of the corpus."""
    return {
        "sources": {source: tally.to_dict() for source, tally in lines.tallies.items()},
        "excluded": {path: lines.excluded[path] for path in lines.runs},
        "kept": dict(kept),
        "held_out": dict(held_out),
    }


def totals(report: Dict[str, Any]) -> Dict[str, Dict[str, int]]:
    """The sums over all sources."""
    sources = list(report["sources"].values())
    return {what: {unit: sum(s[what][unit] for s in sources) for unit in n} for what, n in sources[0].items()}


def check_rest(report: Dict[str, Any]) -> None:
    """RAISES (ValueError): S247 if no line is left to train on."""
    if report["kept"]["lines"]:
        return
    total = totals(report)
    dropped = ", ".join(
        f"{name} {total[name]['lines']}" for name in (*DROPPED, "held_out") if total[name]["lines"]
    )
    raise ValueError(Errors.S247.format(n=total["read"]["lines"], dropped=dropped or "nothing"))


def warn_of(lines: LineFilter) -> None:
    """WARNS: SW245 on binary lines, SW246 if the memory for near-duplicates overflowed."""
    for source, tally in lines.tallies.items():
        if tally.lines["binary"]:
            warn(Warnings.SW245.format(n=tally.lines["binary"], path=source), stacklevel=3)
    if lines.near is not None and lines.near.overwritten > len(lines.near.memory) // 2:
        warn(Warnings.SW246.format(n=lines.near.overwritten), stacklevel=3)
