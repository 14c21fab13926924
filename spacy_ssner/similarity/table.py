"""The table of similar words that a pipeline reads: words, vectors, neighbours and how they were found.

Loading and looking up need numpy, safetensors and rapidfuzz only.
"""

from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union
from warnings import warn

import numpy as np

from ..errors import Errors, Warnings
from ..files import write_bytes
from .matching import check_settings, filter_by_spelling, get_scorer, nearest_by_cosine
from .oov import CACHE_SIZE, NeighbourCache, SpellingIndex, is_searchable
from .storage import pack, unpack
from .vectors import WordVectors, normalise


class SimilarWord(NamedTuple):
    """A neighbour of a word. `cosine` is None if the word that was asked for is outside the vocabulary: it has no
    vector."""

    word: str
    cosine: Optional[float]
    ratio: float


class LookUp(NamedTuple):
    """Rows of N words: own (N,) int32, -1 = outside the vocabulary; rows (N, k) int32, -1 = no neighbour."""

    own: np.ndarray
    rows: np.ndarray


class SimilarWordTable:
    """Words, their vectors and their similar words.

    words (Sequence[str]): V different normalised words, the frequent ones first.
    vectors (ndarray): (V, width) float32.
    rows, cosine, ratio (ndarray): (V, k) neighbours as in `matching.Neighbours`.
    settings (dict): m, k, lower, scorer, cutoff (percent, for words outside the vocabulary), source.
    RAISES (ValueError): S256 on an unknown scorer, S259 if shapes, rows or settings do not fit each other.
    """

    def __init__(
        self,
        words: Sequence[str],
        vectors: np.ndarray,
        rows: np.ndarray,
        cosine: np.ndarray,
        ratio: np.ndarray,
        settings: Dict[str, Any],
    ):
        self.words = tuple(words)
        self.vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self.rows = np.ascontiguousarray(rows, dtype=np.int32)
        self.cosine = np.ascontiguousarray(cosine, dtype=np.float32)
        self.ratio = np.ascontiguousarray(ratio, dtype=np.float32)
        self.settings = dict(settings)
        self._row_of = {word: row for row, word in enumerate(self.words)}
        self._check()
        self._spelling = SpellingIndex(
            self.words, scorer=self.settings["scorer"], cutoff=float(self.settings["cutoff"])
        )
        self._cache = NeighbourCache(CACHE_SIZE, self.k)

    @classmethod
    def build(
        cls,
        vectors: WordVectors,
        *,
        m: int = 50,
        k: int = 10,
        scorer: str = "ratio",
        cutoff: float = 60.0,
        source: str = "",
        block: int = 512,
        on_words: Optional[Callable[[int], Any]] = None,
    ) -> "SimilarWordTable":
        """Find the similar words of every word: m by cosine, of these k by spelling.

        cutoff (float): Lowest ratio, in percent, of a neighbour of a word outside the vocabulary.
        source (str): What the vectors were made from, for people to read.
        block, on_words: As in `matching.nearest_by_cosine`.
        RAISES (ValueError): S255 unless 1 <= k <= m; S256 if the scorer is unknown.
        WARNS: SW252 if there are too few words for m neighbours each.

        SOURCE: SSNER (Symmetry 2025, 17, 783), section 3.4. UNSTATED: m, k and cutoff.
        """
        check_settings(m, k, scorer)
        if len(vectors.words) <= m:
            warn(Warnings.SW252.format(n_words=len(vectors.words), m=m), stacklevel=2)
        near, cosine = nearest_by_cosine(vectors.vectors, m, block=block, on_words=on_words)
        found = filter_by_spelling(vectors.words, near, cosine, k, scorer=scorer)
        settings = dict(m=m, k=k, lower=vectors.lower, scorer=scorer, cutoff=cutoff, source=source)
        return cls(vectors.words, vectors.vectors, found.rows, found.cosine, found.ratio, settings)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self._normalise(word) in self._row_of

    @property
    def k(self) -> int:
        """Neighbours per word."""
        return self.rows.shape[1]

    @property
    def width(self) -> int:
        """Numbers per vector."""
        return self.vectors.shape[1]

    def neighbours(self, word: str) -> List[SimilarWord]:
        """The similar words of a word, closest in spelling first; the list is empty if there are none."""
        name = self._normalise(word)
        own = self._row_of.get(name, -1)
        if own >= 0:
            rows, ratio, cosine = self.rows[own], self.ratio[own], self.cosine[own]
            places = np.flatnonzero(rows >= 0)
            return [SimilarWord(self.words[rows[i]], float(cosine[i]), float(ratio[i])) for i in places]
        found_rows, found_ratio = self._by_spelling([name])
        pairs = [(row, value) for row, value in zip(found_rows[0], found_ratio[0]) if row >= 0]
        return [SimilarWord(self.words[row], None, float(value)) for row, value in pairs]

    def look_up(self, words: Sequence[str]) -> LookUp:
        """Rows of words and of their similar words; unpacks as own (N,), rows (N, k), both int32.

        A word outside the vocabulary gets the words closest in spelling, above the cutoff. Words over 40
        characters or without a letter are not looked up: all -1.
        """
        names = [self._normalise(word) for word in words]
        own = np.fromiter((self._row_of.get(name, -1) for name in names), np.int32, len(names))
        rows = np.full((len(names), self.k), -1, dtype=np.int32)
        rows[own >= 0] = self.rows[own[own >= 0]]
        unknown = np.flatnonzero(own < 0)
        if len(unknown):
            rows[unknown] = self._by_spelling([names[i] for i in unknown])[0]
        return LookUp(own, rows)

    def to_bytes(self) -> bytes:
        """The table as a safetensors file."""
        tensors = {"cosine": self.cosine, "ratio": self.ratio, "rows": self.rows, "vectors": self.vectors}
        return pack(self.words, tensors, self.settings)

    @classmethod
    def from_bytes(cls, data: bytes) -> "SimilarWordTable":
        """Read what `to_bytes` wrote.

        RAISES (ValueError): S257 if it is something else, S258 if it is damaged, S264 if it is too new.
        """
        words, tensors, settings = unpack(data)
        return cls(words, settings=settings, **tensors)

    def to_disk(self, path: Union[str, Path]) -> None:
        """Write the table to a file; a reader never sees half of it."""
        write_bytes(path, self.to_bytes())

    @classmethod
    def from_disk(cls, path: Union[str, Path]) -> "SimilarWordTable":
        """Read a table from a file. RAISES (ValueError): S257, S258, S264 as `from_bytes`."""
        return cls.from_bytes(Path(path).read_bytes())

    def _normalise(self, word: str) -> str:
        return normalise(word, lower=self.settings["lower"])

    def _by_spelling(self, names: Sequence[str]) -> Tuple[np.ndarray, np.ndarray]:
        """Rows (N, k) and ratio (N, k) of normalised words outside the vocabulary, through the cache."""
        places: Dict[str, int] = {}
        at = np.fromiter((places.setdefault(name, len(places)) for name in names), np.int64, len(names))
        unique = list(places)
        known, rows, ratio = self._cache.get(unique)
        new = [i for i in np.flatnonzero(~known) if is_searchable(unique[i])]
        rows[~known], ratio[~known] = -1, 0
        if new:
            fresh = [unique[i] for i in new]
            rows[new], ratio[new] = self._spelling.search(fresh, self.k)
            self._cache.put(fresh, rows[new], ratio[new])
        return rows[at], ratio[at]

    def _check(self) -> None:
        """Refuse parts that do not belong together (S259) and an unknown scorer (S256)."""
        n_words, width = len(self.words), self.vectors.shape[-1]
        shapes = [array.shape for array in (self.vectors, self.rows, self.cosine, self.ratio)]
        shape = (n_words, self.rows.shape[-1])
        expected = [(n_words, width), shape, shape, shape]
        if shapes != expected or shape[1] < 1 or len(self._row_of) != n_words:
            got = f"{len(self._row_of)} different words and shapes {shapes}"
            raise ValueError(Errors.S259.format(expected=f"{n_words} words and shapes {expected}", got=got))
        if self.rows.size and not (-1 <= self.rows.min() and self.rows.max() < n_words):
            got = f"{self.rows.min()} to {self.rows.max()}"
            raise ValueError(Errors.S259.format(expected=f"rows from -1 to {n_words - 1}", got=got))
        missing = {"m", "k", "lower", "scorer", "cutoff"} - set(self.settings)
        if missing or self.settings["k"] != self.k:
            got = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
            raise ValueError(
                Errors.S259.format(expected=f"settings m, k={self.k}, lower, scorer, cutoff", got=got)
            )
        get_scorer(self.settings["scorer"])
