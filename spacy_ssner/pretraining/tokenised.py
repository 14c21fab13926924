"""A tokenised corpus on disk, read through memory maps.

A folder: `pieces.bin` (piece ids without special ones, uint16 or int32), `starts.bin` (uint8, 1 = the piece begins a
word), `rows.bin` (int64, first piece of each row, then the number of pieces), `meta.json`.
"""

import json
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

import numpy as np

from ..errors import Errors

FORMAT = 1
FILES = {"pieces": "pieces.bin", "starts": "starts.bin", "rows": "rows.bin"}
META = "meta.json"
DTYPES = ("uint16", "int32")
# What is read from META
KINDS = {"dtype": str, "begin": int, "end": int, "tokenizer": str, "counts": dict, "made_from": dict}
HELD_OUT = "held_out"  # folder inside a corpus: the lines set aside, a corpus of the same form


class TokenisedCorpus:
    """Rows of word pieces. `lengths`: (n_rows,) pieces of each row with the begin and end piece."""

    def __init__(self, meta: Dict[str, Any], *, pieces: np.ndarray, starts: np.ndarray, rows: np.ndarray):
        self.meta = meta
        self.pieces = pieces
        self.starts = starts
        self.rows = rows
        self.lengths: np.ndarray = np.diff(rows) + 2

    @classmethod
    def open(cls, folder: Union[str, Path]) -> "TokenisedCorpus":
        """Map a corpus into memory; little is read before rows are.

        folder: What `prepare-text` wrote, or its `held_out` folder.
        RAISES (ValueError): S248 if it is no such folder or damaged, S249 if a newer version made it.
        """
        folder = Path(folder)
        meta = read_meta(folder)
        n_rows, n_pieces = meta["counts"]["rows"], meta["counts"]["pieces"]
        parts = {
            "pieces": _map(folder, "pieces", meta["dtype"], n_pieces),
            "starts": _map(folder, "starts", "uint8", n_pieces),
            "rows": _map(folder, "rows", "int64", n_rows + 1),
        }
        rows = parts["rows"]
        if rows[0] != 0 or rows[-1] != n_pieces or (np.diff(rows) < 1).any():
            raise ValueError(
                Errors.S248.format(folder=folder, reason=f"{FILES['rows']} does not fit the pieces")
            )
        return cls(meta, **parts)

    def __len__(self) -> int:
        return len(self.rows) - 1

    def __getitem__(self, row: int) -> Dict[str, Any]:
        """A row: "input_ids" int64 with the begin and end piece, "word_ids" int32, number of each piece's word in
        the row, -1 for these two, "row" its number."""
        row = range(len(self))[row]
        start, end = self.rows[row], self.rows[row + 1]
        input_ids = np.empty(end - start + 2, dtype=np.int64)
        input_ids[0], input_ids[-1] = self.meta["begin"], self.meta["end"]
        input_ids[1:-1] = self.pieces[start:end]
        word_ids = np.full(len(input_ids), -1, dtype=np.int32)
        word_ids[1:-1] = np.cumsum(self.starts[start:end], dtype=np.int32) - 1
        return {"input_ids": input_ids, "word_ids": word_ids, "row": row}


def read_meta(folder: Path) -> Dict[str, Any]:
    """What meta.json of a corpus says. RAISES (ValueError): S248 if it is damaged, S249 if it is of a newer version."""
    try:
        meta = json.loads((folder / META).read_text(encoding="utf8"))
        version = meta["format"]
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise ValueError(Errors.S248.format(folder=folder, reason=f"{META}: {err}")) from err
    if version != FORMAT:
        expected = f"version {FORMAT} of the form"
        raise ValueError(Errors.S249.format(folder=folder, expected=expected, got=f"version {version}"))
    wrong = [key for key, kind in KINDS.items() if not isinstance(meta.get(key), kind)]
    if not wrong:
        wrong = [key for key in ("rows", "pieces") if not isinstance(meta["counts"].get(key), int)]
        wrong += ["dtype"] if meta["dtype"] not in DTYPES else []
    if wrong:
        reason = f"{META} says nothing that can be used of: {', '.join(wrong)}"
        raise ValueError(Errors.S248.format(folder=folder, reason=reason))
    return meta


def differences(folder: Path, made_from: Dict[str, Any]) -> Optional[List[str]]:
    """What a corpus was made from that is not as in `made_from`, in words; [] if nothing, None if there is no corpus.

    A damaged corpus counts as none, so that it is made anew.
    """
    try:
        meta = TokenisedCorpus.open(folder).meta
        TokenisedCorpus.open(folder / HELD_OUT)
    except ValueError:
        return None
    old = meta["made_from"]
    made_from = json.loads(json.dumps(made_from))
    keys = [key for key in {**old, **made_from} if old.get(key) != made_from.get(key)]
    return [f"{key}: {_short(old.get(key))} -> {_short(made_from.get(key))}" for key in keys]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else "..." if isinstance(value, (list, dict)) else f"{text[:12]}..."


def _map(folder: Path, part: str, dtype: str, n: int) -> np.ndarray:
    """A file of n numbers. RAISES (ValueError): S248 if it has another size."""
    path = folder / FILES[part]
    expected, got = n * np.dtype(dtype).itemsize, path.stat().st_size if path.is_file() else -1
    if got != expected:
        reason = (
            f"{path.name} has {got} bytes instead of {expected}" if got >= 0 else f"{path.name} is missing"
        )
        raise ValueError(Errors.S248.format(folder=folder, reason=reason))
    return np.memmap(path, dtype=dtype, mode="r") if n else np.zeros(0, dtype=dtype)
