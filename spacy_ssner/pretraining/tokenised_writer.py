"""Writing a tokenised corpus, batch by batch, so that it is there as a whole or not at all."""

import json
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Dict, Iterator, Sequence

import numpy as np

from ..errors import Errors
from ..files import draft_folder
from .piece_table import PieceTable, fingerprint
from .tokenised import FILES, FORMAT, META


def row_lengths(counts: np.ndarray, *, limit: int) -> np.ndarray:
    """How many words each row of a line has, if a row may have `limit` pieces: (n_rows,), their sum is len(counts).

    counts: (W,) pieces of each word of the line, 1 <= count <= limit. A line that is too long is cut into rows of
    nearly the same size, so that none is a short remainder.
    """
    ends = np.cumsum(counts)
    if ends[-1] <= limit:
        return np.array([len(counts)])
    n_rows = -(-int(ends[-1]) // max(1, limit - int(counts.max()) + 1))
    wanted = ends[-1] * np.arange(1, n_rows + 1) / n_rows
    cuts = np.unique(np.searchsorted(ends, wanted) + 1)
    return np.diff(cuts, prepend=0)


class CorpusWriter:
    """Appends lines of words to the files of a corpus in an existing folder.

    tokenizer: What `read_tokenizer` gives. max_pieces (int): Longest row with its begin and end piece.
    """

    def __init__(self, folder: Path, table: PieceTable, *, tokenizer: Dict[str, Any], max_pieces: int):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.table = table
        self.tokenizer = tokenizer
        self.limit = max_pieces - 2
        self.dtype = "uint16" if table.n_vocab <= 1 << 16 else "int32"
        self.counts = {"lines": 0, "rows": 0, "words": 0, "pieces": 0, "words_cut": 0}
        # Without buffer: what does not fit onto the disk fails here and not when the file is closed.
        self.files: Dict[str, IO[bytes]] = {
            part: (folder / name).open("wb", buffering=0) for part, name in FILES.items()
        }
        try:
            self._write("rows", np.zeros(1, dtype=np.int64))
        except OSError:
            self.close()
            raise

    def add(self, lines: Sequence[Sequence[str]]) -> None:
        """Append lines, each of at least one word. RAISES (OSError): If the disk is full."""
        words = [word for line in lines for word in line]
        if not words:
            return
        ids, counts, n_cut = self.table.pieces(words)
        starts = np.zeros(len(ids), dtype=np.uint8)
        starts[np.cumsum(counts) - counts] = 1
        stops = np.cumsum([len(line) for line in lines])[:-1]
        rows = np.concatenate([row_lengths(part, limit=self.limit) for part in np.split(counts, stops)])
        ends = np.cumsum(counts, dtype=np.int64)[np.cumsum(rows) - 1] + self.counts["pieces"]
        for part, numbers in (("pieces", ids.astype(self.dtype)), ("starts", starts), ("rows", ends)):
            self._write(part, numbers)
        added = dict(lines=len(lines), rows=len(rows), words=len(words), pieces=len(ids), words_cut=n_cut)
        self.counts = {name: n + added[name] for name, n in self.counts.items()}

    def _write(self, part: str, numbers: np.ndarray) -> None:
        left = memoryview(numbers.tobytes())
        while left:
            left = left[self.files[part].write(left) :]

    def finish(self, made_from: Dict[str, Any]) -> Dict[str, Any]:
        """Close the files and say in meta.json what they hold and what they were made from; returns that."""
        self.close()
        special = {name: self.tokenizer[name] for name in ("begin", "end", "pad", "unknown")}
        meta: Dict[str, Any] = {
            "format": FORMAT,
            "dtype": self.dtype,
            "n_vocab": self.table.n_vocab,
            **special,
        }
        meta.update(
            tokenizer=fingerprint(self.tokenizer["tokenizer"]), counts=self.counts, made_from=made_from
        )
        (self.folder / META).write_text(json.dumps(meta, indent=1), encoding="utf8")
        return meta

    def __enter__(self) -> "CorpusWriter":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def close(self) -> None:
        """Close the files; once more does nothing."""
        for file in self.files.values():
            file.close()


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A draft folder that takes the place of a previous corpus in `out` at the end, see `files.draft_folder`.

    RAISES (ValueError): S284 if `out` is there and no corpus. (OSError): S283 if the disk is full.
    """
    check_place(out)
    with draft_folder(out) as draft:
        yield draft


def check_place(out: Path) -> None:
    """RAISES (ValueError): S284 if `out` is there and neither a corpus nor an empty folder."""
    names = (META, *FILES.values())  # a pipeline of spaCy has a meta.json too
    if out.is_dir() and (all((out / name).is_file() for name in names) or not any(out.iterdir())):
        return
    if out.exists():
        got = "a folder with other files" if out.is_dir() else "a file"
        raise ValueError(Errors.S284.format(path=out, got=got))
