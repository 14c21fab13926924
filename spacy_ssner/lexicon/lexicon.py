"""Names of a knowledge base by category, and where they stand in a text. Needs no spaCy."""

from pathlib import Path
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from ..errors import Errors
from ..files import write_bytes
from .pieces import name_pieces, surface
from .storage import pack, unpack
from .trie import Ids, Trie

CACHE_SIZE = 200_000  # words whose pieces are remembered
LONGEST_CACHED = 64  # characters of such a word


class Name(NamedTuple):
    """A name as listed. `cased`: it is an ordinary word too, and counts only where it is spelled as here."""

    text: str
    category: str
    cased: bool = False


class Match(NamedTuple):
    """Tokens [start, end) are a name of a category."""

    start: int
    end: int
    category: str


class _Entry(NamedTuple):
    """Categories of one sequence of pieces, as bits: in any spelling, and by spelling."""

    any_case: int
    by_surface: Dict[str, int]


GIVEN = "names given in code"


class Lexicon:
    """Names by category.

    names (Iterable[Name]): Any order; repeated ones count once. Names of no letter or digit are refused.
    categories (Optional[Sequence[str]]): Their order is that of the features; default: sorted.
    settings (Optional[Dict]): How it was made, for people to read.
    source (str): Where the names come from, for messages.
    RAISES (ValueError): S267 for a name of no pieces or of a category that is not among the categories.
    """

    def __init__(
        self,
        names: Iterable[Name],
        *,
        categories: Optional[Sequence[str]] = None,
        settings: Optional[Dict[str, object]] = None,
        source: str = GIVEN,
    ):
        self.names: Tuple[Name, ...] = tuple(sorted(set(names)))
        found = sorted({name.category for name in self.names})
        self.categories: Tuple[str, ...] = tuple(found if categories is None else categories)
        self.settings = dict(settings or {})
        unknown = sorted(set(found) - set(self.categories))
        if unknown or len(set(self.categories)) != len(self.categories):
            got = f"names of {', '.join(found)} but the categories {', '.join(self.categories)}"
            absent = f" (there is no {', no '.join(unknown)})" if unknown else ""
            reason = f"expected each category once, and no names of others, got {got}{absent}"
            raise ValueError(Errors.S267.format(name=source, reason=reason))
        entries = self._entries(source)
        self._values = list(entries.values())
        self._trie = Trie(entries)
        self._ids: Dict[str, Ids] = {}

    def _entries(self, source: str) -> Dict[Tuple[str, ...], _Entry]:
        bits = {category: 1 << i for i, category in enumerate(self.categories)}
        entries: Dict[Tuple[str, ...], _Entry] = {}
        for name in self.names:
            pieces = name_pieces(name.text)
            if not pieces:
                raise ValueError(Errors.S267.format(name=source, reason=f"{name.text!r} is no name"))
            entry = entries.get(pieces, _Entry(0, {}))
            if name.cased:
                spelling = surface(name.text)
                entry.by_surface[spelling] = entry.by_surface.get(spelling, 0) | bits[name.category]
            else:
                entry = _Entry(entry.any_case | bits[name.category], entry.by_surface)
            entries[pieces] = entry
        return entries

    def __len__(self) -> int:
        return len(self.names)

    @property
    def n_features(self) -> int:
        """Features of a token: begin and inside of each category."""
        return 2 * len(self.categories)

    def look_up(self, text: str) -> List[Name]:
        """The listed names that have the same pieces, whatever their case."""
        pieces = name_pieces(text)
        return [name for name in self.names if name_pieces(name.text) == pieces]

    def find(self, tokens: Sequence[str]) -> List[Match]:
        """Names in the tokens of one text, by start and category; see `features`."""
        words = list(dict.fromkeys(tokens))
        place = {word: i for i, word in enumerate(words)}
        index = np.array([place[token] for token in tokens], dtype=np.int64)
        found = self._spans(words, index, [len(tokens)])
        return sorted(Match(start, end, self.categories[c]) for start, end, c in found)

    def features(self, words: Sequence[str], word_index: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
        """Which tokens begin or continue a name: (N, 2 * categories) bool, begin and inside side by side.

        words (Sequence[str]): The different words of the texts.
        word_index (np.ndarray): (N,) which of them each token is, text after text.
        lengths (Sequence[int]): Tokens of each text; a name does not reach over its end. Their sum is N.

        In each category for itself the longest name from the left counts, and the next is sought behind it.
        Time is linear in N: from each token at most as many steps as twice the pieces of the longest name.
        """
        result = np.zeros((len(word_index), self.n_features), dtype=bool)
        for start, end, category in self._spans(words, word_index, lengths):
            result[start, 2 * category] = True
            result[start + 1 : end, 2 * category + 1] = True
        return result

    def _spans(
        self, words: Sequence[str], word_index: np.ndarray, lengths: Sequence[int]
    ) -> Iterator[Tuple[int, int, int]]:
        """Start, end and category number of each name found."""
        word_ids = [self._word_ids(word) for word in words]
        begins = np.array([self._trie.can_begin(ids) for ids in word_ids], dtype=bool)
        if not begins.any():
            return
        index = word_index.tolist()
        tokens = [word_ids[i] for i in index]
        starts = np.flatnonzero(begins[word_index])
        ends = np.cumsum(np.asarray(lengths, dtype=np.int64))
        stops = ends[np.searchsorted(ends, starts, side="right")].tolist()
        free = [0] * len(self.categories)  # the first token behind the last name of a category
        for start, stop in zip(starts.tolist(), stops):
            longest: Dict[int, int] = {}
            for end, number in self._trie.names_from(tokens, start, stop):
                bits = self._categories_at(number, words, index, start, end)
                longest.update((c, end) for c in range(len(free)) if bits >> c & 1)
            for category, end in longest.items():
                if start >= free[category]:
                    free[category] = end
                    yield start, end, category

    def _categories_at(
        self, number: int, words: Sequence[str], index: Sequence[int], start: int, end: int
    ) -> int:
        entry = self._values[number]
        if not entry.by_surface:
            return entry.any_case
        spelling = surface(" ".join(words[i] for i in index[start:end]))
        return entry.any_case | entry.by_surface.get(spelling, 0)

    def _word_ids(self, word: str) -> Ids:
        if len(word) > LONGEST_CACHED:  # links and blobs, which seldom come again
            return self._trie.word_ids(word)
        known = self._ids  # other threads may begin a new one meanwhile
        if word not in known:
            if len(known) >= CACHE_SIZE:
                known = self._ids = {}
            known[word] = self._trie.word_ids(word)
        return known[word]

    def with_names(self, names: Iterable[Name]) -> "Lexicon":
        """The same lexicon with more names. RAISES (ValueError): S267 for a category that it does not have."""
        return Lexicon([*self.names, *names], categories=self.categories, settings=self.settings)

    def to_bytes(self) -> bytes:
        """Names, categories and settings with a checksum; the same content gives the same bytes."""
        return pack(self.categories, self.names, self.settings)

    @classmethod
    def from_bytes(cls, data: bytes, *, name: str = "bytes") -> "Lexicon":
        """Read what `to_bytes` wrote. name (str): What is read, for messages.

        RAISES (ValueError): S267 if it is something else or damaged.
        """
        categories, rows, settings = unpack(data, name=name)
        return cls((Name(*row) for row in rows), categories=categories, settings=settings, source=name)

    def to_disk(self, path: Union[str, Path]) -> None:
        """Write to a file; a reader never sees half of it."""
        write_bytes(path, self.to_bytes())

    @classmethod
    def from_disk(cls, path: Union[str, Path]) -> "Lexicon":
        """RAISES (FileNotFoundError): S263; (ValueError): S267 if the file is something else or damaged."""
        if not Path(path).is_file():
            raise FileNotFoundError(Errors.S263.format(path=path))
        return cls.from_bytes(Path(path).read_bytes(), name=f"'{path}'")
