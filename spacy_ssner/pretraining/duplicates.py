"""Which lines of a stream repeat an earlier one, exactly or nearly, in compact memory.

Letters: B lines of a batch, W words of all its lines, G word runs, H hash functions, b bands of r hashes.
Hashes do not depend on the process or the order of batches: the same stream gives the same decisions.
"""

from functools import lru_cache
from hashlib import blake2b
from typing import Sequence, Tuple

import numpy as np

GRAM = 5  # words in a row; of a shorter line all its words
MAX_HASHES = 128
MAX_BANDS = 16
SLOTS = 1 << 24  # of the memory for near-duplicates: 64 MB, about 1.7 million lines of 10 bands
MOVED_AT_ONCE = 1 << 15  # hashes, when a set grows
REMEMBERED = 1 << 17  # words whose hash is kept


def text_hash(text: str) -> int:
    """64 bits of a text, the same on every machine."""
    return int.from_bytes(blake2b(text.encode("utf8", "replace"), digest_size=8).digest(), "big")


class HashSet:
    """A growing set of 64-bit hashes: open addressing in one array, 11 to 22 bytes per hash, 32 while it grows.

    Of two lines with the same hash the second is taken for a repetition: among 10 million lines, that
    happens with a chance of 3 in a million.
    """

    def __init__(self) -> None:
        self.table = np.zeros(1 << 12, dtype=np.uint64)  # 0 marks a free place
        self.n = 0

    def __len__(self) -> int:
        return self.n

    def add(self, hashes: np.ndarray) -> np.ndarray:
        """Put hashes in, in order; whether each was new: (B,) bool. hashes: (B,) uint64."""
        hashes = np.maximum(hashes.astype(np.uint64), np.uint64(1))
        different, first = np.unique(hashes, return_index=True)
        while (self.n + len(different)) * 4 > len(self.table) * 3:
            old = self.table
            self.table = np.zeros(2 * len(old), dtype=np.uint64)
            for start in range(0, len(old), MOVED_AT_ONCE):
                part = old[start : start + MOVED_AT_ONCE]
                self._insert(part[part > 0])
        new = np.zeros(len(hashes), dtype=bool)
        new[first] = self._insert(different)
        self.n += int(new.sum())
        return new

    def _insert(self, hashes: np.ndarray) -> np.ndarray:
        """Insert different hashes; whether each was not there: (B,). Steps to the next place while one is taken."""
        new = np.zeros(len(hashes), dtype=bool)
        last = np.uint64(len(self.table) - 1)
        place = mix(hashes) & last
        left = np.arange(len(hashes))
        while len(left):
            there = self.table[place[left]]
            free = left[there == 0]
            self.table[place[free]] = hashes[free]  # of several on one place the last one stays
            won = free[self.table[place[free]] == hashes[free]]
            new[won] = True
            left = left[self.table[place[left]] != hashes[left]]
            place[left] = (place[left] + np.uint64(1)) & last
        return new


class NearDuplicates:
    """Min-hash signatures of word 5-grams, cut into bands: two lines that share a band are near-duplicates.

    threshold (float): Jaccard similarity of the 5-grams at which half of the pairs are found, 0 < threshold < 1.
    slots (int): Size of the memory, a power of two, 4 bytes each. It never grows: once it is full, newer lines
        overwrite older ones, so that a repetition far behind may be missed; `overwritten` counts these.

    A line counts as a near-duplicate of any earlier one, kept or not, within the memory.
    SOURCE: Broder (1997), On the resemblance and containment of documents; bands: Leskovec, Rajaraman and Ullman,
    Mining of Massive Datasets, section 3.4.
    """

    def __init__(self, *, threshold: float = 0.8, slots: int = SLOTS, seed: int = 0) -> None:
        self.n_bands, self.n_rows = band_shape(threshold)
        rng = np.random.default_rng(seed)
        n_hashes = self.n_bands * self.n_rows
        self.factors = rng.integers(1 << 63, size=n_hashes, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        self.memory = np.zeros(slots, dtype=np.uint32)  # 0 marks a free place
        self.overwritten = 0

    def add(self, lines: Sequence[Sequence[str]]) -> np.ndarray:
        """Remember lines, in order; whether each is like an earlier one: (B,) bool. lines: plain words, each >= 1."""
        if not lines:
            return np.zeros(0, dtype=bool)
        keys = self.band_keys(*gram_hashes(lines))  # (B, b)
        slot = (keys >> np.uint64(32)) & np.uint64(len(self.memory) - 1)
        tag = np.maximum(keys.astype(np.uint32), np.uint32(1))
        there = self.memory[slot]
        known = (there == tag).any(axis=1) | _repeats_above(keys)
        self.overwritten += int(((there != 0) & (there != tag)).sum())
        self.memory[slot] = tag
        return known

    def band_keys(self, grams: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Keys of the bands of each line: (B, b) uint64. grams: (G,) hashes. starts: (B,) first gram of each line."""
        signature = np.empty((self.n_bands * self.n_rows, len(starts)), dtype=np.uint64)
        for i, factor in enumerate(self.factors):
            signature[i] = np.minimum.reduceat((grams * factor) >> np.uint64(16), starts)
        keys = np.zeros((self.n_bands, len(starts)), dtype=np.uint64)
        for row in range(self.n_rows):
            keys = mix(keys + signature[row :: self.n_rows])
        bands = np.arange(1, self.n_bands + 1, dtype=np.uint64)
        return mix(keys + bands[:, None]).T


def _repeats_above(keys: np.ndarray) -> np.ndarray:
    """Whether a key of a line stands in an earlier line of the batch: (B,) bool. keys: (B, b)."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    first_line = first // keys.shape[1]  # the keys lie line after line
    return (first_line[inverse.reshape(keys.shape)] < np.arange(len(keys))[:, None]).any(axis=1)


def band_shape(threshold: float) -> Tuple[int, int]:
    """Bands b and hashes r of each, b * r <= 128, such that two lines of that Jaccard similarity s share a band
    with a chance of about one half: 1 - (1 - s^r)^b. The one with the most hashes of those as close as 0.01."""

    def middle(b: int, r: int) -> float:
        return (1 - 0.5 ** (1 / b)) ** (1 / r)

    shapes = [(b, r) for b in range(1, MAX_BANDS + 1) for r in range(1, MAX_HASHES // b + 1)]
    return min(shapes, key=lambda shape: (round(abs(middle(*shape) - threshold), 2), -shape[0] * shape[1]))


def gram_hashes(lines: Sequence[Sequence[str]]) -> Tuple[np.ndarray, np.ndarray]:
    """Hashes of the word 5-grams of lines: (G,) uint64, line after line, and the first one of each line: (B,)."""
    lengths = np.array([len(line) for line in lines])
    words = np.fromiter(
        (word_hash(word) for line in lines for word in line), dtype=np.uint64, count=lengths.sum()
    )
    padded = np.concatenate([words, np.zeros(GRAM - 1, dtype=np.uint64)])
    place = np.arange(len(words)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    left = np.repeat(lengths, lengths) - place  # words from here to the end of the line
    hashes = np.zeros(len(words), dtype=np.uint64)
    for i in range(GRAM):
        hashes = mix(hashes + np.where(left > i, padded[i : i + len(words)], np.uint64(0)))
    kept = (left >= GRAM) | (place == 0)
    counts = np.maximum(lengths - GRAM + 1, 1)
    return hashes[kept], np.cumsum(counts) - counts


@lru_cache(maxsize=REMEMBERED)
def word_hash(word: str) -> int:
    """64 bits of a word, remembered."""
    return text_hash(word)


def mix(x: np.ndarray) -> np.ndarray:
    """Spread the bits of 64-bit numbers over all bits; one to one. SOURCE: splitmix64 (Vigna 2015)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
