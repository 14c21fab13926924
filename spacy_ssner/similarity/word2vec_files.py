"""The formats of word vector files: word2vec text and binary by numpy, .kv by gensim."""

import gzip
import zlib
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

import numpy as np

from ..errors import Errors

LINE_END = b"\n"


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked if its name ends in .gz. RAISES (ValueError): S265 if that fails."""
    if path.suffix.lower() != ".gz":
        return path.read_bytes()
    try:
        return gzip.decompress(path.read_bytes())
    except (EOFError, gzip.BadGzipFile, zlib.error) as err:
        raise ValueError(Errors.S265.format(path=path, reason=err)) from err


def read_keyed_vectors(path: Path) -> Tuple[List[str], np.ndarray]:
    """Words and vectors (V, d) of gensim's own format. RAISES: S261 (ImportError) without gensim, S252 (ValueError)."""
    try:
        from gensim.models import KeyedVectors
    except ImportError as err:
        raise ImportError(Errors.S261) from err
    try:
        loaded = KeyedVectors.load(str(path))
        return list(loaded.index_to_key), np.array(loaded.vectors, dtype=np.float32)
    except FileNotFoundError:
        raise
    except Exception as err:  # unpickling foreign bytes can raise anything
        reason = f"gensim says {type(err).__name__}: {err}"
        raise ValueError(Errors.S252.format(path=path, reason=reason)) from err


def parse_word2vec(data: bytes, path: Path) -> Tuple[List[str], np.ndarray]:
    """Words and vectors (V, d) float32 of a word2vec file, text or binary.

    RAISES (ValueError): S252 if it is neither, S253 if it is cut off.
    """
    header, _, body = data.partition(LINE_END)
    fields = header.split()
    if len(fields) != 2 or not all(field.isdigit() for field in fields) or int(fields[1]) < 1:
        raise ValueError(Errors.S252.format(path=path, reason=f"its first line is {header[:60]!r}"))
    n_words, width = int(fields[0]), int(fields[1])
    first = parse_line(body.partition(LINE_END)[0], width)
    rows = parse_text(body, width, path) if first else parse_binary(body, width, n_words)
    words, vectors = [], []
    for word, vector in rows:
        words.append(word.decode("utf8", "replace"))
        vectors.append(vector)
    if len(words) < n_words:
        raise ValueError(Errors.S253.format(path=path, expected=n_words, got=len(words)))
    if len(words) > n_words or not words:
        reason = f"its first line promises {n_words} vectors, but it has {len(words)}"
        raise ValueError(Errors.S252.format(path=path, reason=reason))
    return words, np.array(vectors, dtype=np.float32)


def parse_line(line: bytes, width: int) -> Optional[Tuple[bytes, np.ndarray]]:
    """Word and vector (width,) of a line of text; None if the line is something else."""
    fields = line.strip().rsplit(b" ", width)
    try:
        return fields[0], np.fromiter(map(float, fields[1:]), np.float32, width)
    except ValueError:
        return None


def parse_text(body: bytes, width: int, path: Path) -> Iterator[Tuple[bytes, np.ndarray]]:
    """Words and vectors, one per line; a last line that is cut off is left out.

    RAISES (ValueError): S252 on another line without width numbers.
    """
    lines = body.split(LINE_END)
    for number, line in enumerate(lines, 2):
        parsed = parse_line(line, width)
        if parsed:
            yield parsed
        elif line.strip() and number <= len(lines):
            reason = f"line {number} has no {width} numbers"
            raise ValueError(Errors.S252.format(path=path, reason=reason))


def parse_binary(body: bytes, width: int, n_words: int) -> Iterator[Tuple[bytes, np.ndarray]]:
    """Words and vectors: a word, a space, width little-endian floats, perhaps a line end."""
    at = 0
    for _ in range(n_words):
        space = body.find(b" ", at)
        stop = space + 1 + 4 * width
        if space < 0 or stop > len(body):
            return
        yield body[at:space].lstrip(LINE_END), np.frombuffer(body, "<f4", width, space + 1)
        at = stop
