"""Neighbours by spelling alone, for words outside the vocabulary: bounded in time, cached, without spaCy.

Every word is compared with a bounded number of vocabulary words: those that share most trigrams with it.
The result for a word depends on the vocabulary and the settings only, never on the batch or the cache.
"""

import threading
from collections import OrderedDict
from typing import Sequence, Tuple

import numpy as np

from .matching import get_scorer

MAX_LENGTH = 40  # characters; longer "words" are hashes, URLs and base64, which resemble nothing
N_POSTINGS = 1000  # trigram occurrences read per word, rarest trigrams first
N_CANDIDATES = 100  # vocabulary words compared by the scorer per word
LONG = 10  # trigrams; candidates of a word that long share more than one of them with it
BATCH = 256  # words searched at once, see smallest_of_each
ROW_BITS = 24  # a query (8 bits) and a row make one uint32; only the first 16 million words are found
LEAST = 1e-6  # percent: a ratio of 0 is no likeness, even with cutoff 0
EDGE = 2  # code point that marks both ends of a word
CACHE_SIZE = 1 << 16  # words


def is_searchable(word: str) -> bool:
    """Whether a normalised word is looked up by spelling: at most 40 characters, at least one letter."""
    return 0 < len(word) <= MAX_LENGTH and (word.isalpha() or any(map(str.isalpha, word)))


class SpellingIndex:
    """An inverted index from letter trigrams to the words of a vocabulary.

    words (Sequence[str]): Normalised words, the frequent ones first. Those over 40 characters are not found.
    scorer (str): Name of a function of rapidfuzz.fuzz.
    cutoff (float): Lowest ratio of a neighbour, in percent.

    UNSTATED: the paper has no rule for words outside the vocabulary; this one is ours.
    """

    def __init__(self, words: Sequence[str], *, scorer: str, cutoff: float):
        self.scorer, self.cutoff = scorer, cutoff
        self.words = np.array([*words, None], dtype=object)[:-1]  # None keeps numpy from guessing a shape
        short = np.flatnonzero([len(word) <= MAX_LENGTH for word in words[: 1 << ROW_BITS]])
        grams = trigrams(self.words[short].tolist())
        word_of, _ = np.nonzero(grams)
        found = grams[grams > 0]
        order = np.argsort(found, kind="stable")  # stable: frequent words first within a trigram
        self.postings = short[word_of[order]].astype(np.uint32)
        self.grams, counts = np.unique(found, return_counts=True)
        self.starts = np.concatenate([[0], np.cumsum(counts)])
        self.n_grams = np.zeros(len(self.words), dtype=np.float32)
        self.n_grams[short] = (grams > 0).sum(axis=1)

    def search(self, words: Sequence[str], k: int) -> Tuple[np.ndarray, np.ndarray]:
        """The k words of the vocabulary closest in spelling, best first; ties go to the more frequent word.

        RETURNS: rows (N, k) int32, -1 = none; ratio (N, k) float32 in percent, 0 where there is none.
        """
        from rapidfuzz.process import extract

        function, cutoff = get_scorer(self.scorer), max(self.cutoff, LEAST)
        rows = np.full((len(words), k), -1, dtype=np.int32)
        ratio = np.zeros((len(words), k), dtype=np.float32)
        for first in range(0, len(words), BATCH):
            batch = words[first : first + BATCH]
            row, ends = self.candidates(batch)
            names, starts = self.words[row].tolist(), [0, *ends.tolist()]
            found = [
                extract(word, names[start:end], scorer=function, score_cutoff=cutoff, limit=k)
                for word, start, end in zip(batch, starts, starts[1:])
            ]
            counts = np.array([len(best) for best in found])
            query = np.repeat(np.arange(len(batch)), counts)
            place = np.arange(len(query)) - np.repeat(np.cumsum(counts) - counts, counts)
            at = np.array([place for best in found for _, _, place in best], dtype=np.int64)
            rows[first + query, place] = row[np.array(starts)[query] + at]
            ratio[first + query, place] = [score for best in found for _, score, _ in best]
        return rows, ratio

    def candidates(self, words: Sequence[str]) -> Tuple[np.ndarray, np.ndarray]:
        """Rows worth comparing with each of B <= 256 words, ascending, at most 100 per word.

        RETURNS: row (P,) uint32, those of one word after those of another; ends (B,), where each word's end.
        """
        if not len(self.grams):
            return np.zeros(0, dtype=np.uint32), np.zeros(len(words), dtype=np.int64)
        grams = trigrams(words)  # (B, L)
        query, row = self.read_postings(grams)
        pair = query << ROW_BITS | row
        pair.sort(kind="stable")  # a merge sort: fast because the postings are sorted runs
        first = np.flatnonzero(np.concatenate([pair[:1] >= 0, pair[1:] != pair[:-1]]))
        shared, pair = np.diff(first, append=len(pair)), pair[first]
        n_grams = (grams > 0).sum(axis=1, dtype=np.float32)
        likely = np.flatnonzero((shared > 1) | (n_grams < LONG)[pair >> ROW_BITS])
        shared, pair = shared[likely].astype(np.float32), pair[likely]
        query, row = pair >> ROW_BITS, pair & (1 << ROW_BITS) - 1
        dice = 2 * shared / (n_grams[query] + self.n_grams[row])
        kept = smallest_of_each(query, 255 - (255 * dice).astype(np.uint16), N_CANDIDATES)
        return row[kept], np.searchsorted(query[kept], np.arange(len(words)), side="right")

    def read_postings(self, grams: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Where trigrams (B, L) occur in the vocabulary, at most 1,000 per word: query, row (E,) uint32.

        The rarest trigrams come first: they tell most, and a common one ("ing") costs most.
        """
        at = np.minimum(np.searchsorted(self.grams, grams), len(self.grams) - 1)
        length = np.where(self.grams[at] == grams, self.starts[at + 1] - self.starts[at], 0)
        order = np.argsort(length, axis=1, kind="stable")
        length = np.take_along_axis(length, order, axis=1)
        start = np.take_along_axis(self.starts[at], order, axis=1).ravel()
        room = N_POSTINGS - (np.cumsum(length, axis=1) - length)
        length = np.clip(room, 0, length)
        query = np.repeat(np.arange(len(grams), dtype=np.uint32), length.sum(axis=1))
        flat = length.ravel()
        ends = np.cumsum(flat)
        where = np.repeat(start - (ends - flat), flat) + np.arange(ends[-1])
        return query, self.postings[where]


def trigrams(words: Sequence[str]) -> np.ndarray:
    """The distinct trigrams of each word, its edges marked, as numbers > 0: (N, L) int64, 0 = none."""
    if not len(words):
        return np.zeros((0, 1), dtype=np.int64)
    lengths = np.array([len(word) for word in words])
    width = max(1, int(lengths.max()))
    codes = np.zeros((len(words), width + 2), dtype=np.int64)
    codes[:, 1:-1] = np.array(words, dtype=f"<U{width}").view(np.uint32).reshape(len(words), width)
    codes[:, 0] = EDGE
    codes[np.arange(len(words)), lengths + 1] = EDGE
    grams = codes[:, :-2] << 42 | codes[:, 1:-1] << 21 | codes[:, 2:]  # a code point has 21 bits
    grams[np.arange(width) >= lengths[:, None]] = 0
    grams.sort(axis=1)
    grams[:, 1:][grams[:, 1:] == grams[:, :-1]] = 0
    return grams


def smallest_of_each(query: np.ndarray, loss: np.ndarray, n: int) -> np.ndarray:
    """Mark for each query the n pairs with the smallest loss; ties go to the earlier pair: (P,) bool.

    query, loss: (P,) in 0..255, query ascending. Together they have 16 bits, which numpy sorts by radix.
    """
    order = np.argsort((query << 8 | loss).astype(np.uint16), kind="stable")
    starts = np.searchsorted(query, np.arange(BATCH))
    place = np.arange(len(query)) - starts[query]  # sorting moves pairs within their query only
    kept = np.zeros(len(query), dtype=bool)
    kept[order[place < n]] = True
    return kept


class NeighbourCache:
    """The results of the words used last: at most `size` words, k neighbours each. Safe to share by threads.

    A copied or unpickled cache is empty.
    """

    def __init__(self, size: int, k: int):
        self.size, self.k = size, k
        self._lock = threading.Lock()
        self._slots: "OrderedDict[str, int]" = OrderedDict()
        self._rows = np.zeros((size, k), dtype=np.int32)
        self._ratio = np.zeros((size, k), dtype=np.float32)

    def __len__(self) -> int:
        return len(self._slots)

    def __reduce__(self) -> Tuple[type, Tuple[int, int]]:
        return NeighbourCache, (self.size, self.k)

    def get(self, words: Sequence[str]) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What is kept of N words: found (N,) bool; where found, rows (N, k) int32, ratio (N, k) float32."""
        with self._lock:
            slots = np.fromiter((self._slots.get(word, -1) for word in words), np.int64, len(words))
            for word, slot in zip(words, slots):
                if slot >= 0:
                    self._slots.move_to_end(word)
            return slots >= 0, self._rows[slots], self._ratio[slots]

    def put(self, words: Sequence[str], rows: np.ndarray, ratio: np.ndarray) -> None:
        """Keep the results of N different words, forgetting those used longest ago if they are too many."""
        first = max(0, len(words) - self.size)
        with self._lock:
            slots = []
            for word in words[first:]:
                slot = self._slots.pop(word, -1)
                if slot < 0:
                    full = len(self._slots) == self.size
                    slot = self._slots.popitem(last=False)[1] if full else len(self._slots)
                self._slots[word] = slot
                slots.append(slot)
            self._rows[slots], self._ratio[slots] = rows[first:], ratio[first:]
