"""Similar words of a whole vocabulary: by meaning (M-SET), of these by spelling (S-SET). Pure functions.

SOURCE: SSNER (Symmetry 2025, 17, 783), section 3.4, eqs. (12)-(14).
"""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Callable, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from ..errors import Errors

SCORERS = (
    "ratio",
    "partial_ratio",
    "token_sort_ratio",
    "token_set_ratio",
    "token_ratio",
    "partial_token_ratio",
    "WRatio",
    "QRatio",
)
GROUP = 16  # columns compared at once when searching the largest of a row
CHUNK = 1 << 18  # word pairs handed to rapidfuzz in one call
N_THREADS = os.cpu_count() or 1


@dataclass(frozen=True)
class Neighbours:
    """The S-SET of each of V words. Places without a neighbour hold row -1, cosine 0 and ratio 0.

    rows (ndarray): (V, k) int32, rows of the vocabulary, closest in spelling first.
    cosine (ndarray): (V, k) float32, -1..1.
    ratio (ndarray): (V, k) float32, likeness in spelling, 0..100 percent.
    """

    rows: np.ndarray
    cosine: np.ndarray
    ratio: np.ndarray


def get_scorer(name: str) -> Callable[..., float]:
    """The function of rapidfuzz.fuzz with that name.

    RAISES (ValueError): S256 if it is not one of SCORERS.
    """
    from rapidfuzz import fuzz

    if name not in SCORERS:
        raise ValueError(Errors.S256.format(got=name, expected=", ".join(SCORERS)))
    return getattr(fuzz, name)


def check_settings(m: int, k: int, scorer: str) -> None:
    """RAISES (ValueError): S255 unless 1 <= k <= m, S256 if the scorer is unknown."""
    if not 1 <= k <= m:
        raise ValueError(Errors.S255.format(k=k, m=m))
    get_scorer(scorer)


def nearest_by_cosine(
    vectors: np.ndarray, m: int, *, block: int = 512, on_words: Optional[Callable[[int], Any]] = None
) -> Tuple[np.ndarray, np.ndarray]:
    """The m nearest words of every word, itself excluded, nearest first; ties go to the lower row, as float32 has them.

    vectors: (V, d) float32. A zero vector has cosine 0 with every word.
    m (int): Neighbours per word, >= 1. With V <= m the last places hold row -1 and cosine 0.
    block (int): Words compared with all others at once; memory is 2 * block * V * 4 bytes.
    on_words: Called with the number of words that were done, for a progress bar.
    RETURNS: rows (V, m) int32; cosine (V, m) float32, -1..1.

    SOURCE: SSNER (Symmetry 2025, 17, 783), M-SET of eq. (12).
    """
    n_words = len(vectors)
    n_near = min(m, n_words - 1)
    rows = np.full((n_words, m), -1, dtype=np.int32)
    cosine = np.zeros((n_words, m), dtype=np.float32)
    if n_near < 1:
        return rows, cosine
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.zeros((-(-n_words // GROUP) * GROUP, vectors.shape[1]), dtype=np.float32)
    unit[:n_words] = vectors / np.where(norms > 0, norms, 1)
    # used in turn: new ones cost as much as the product
    buffers = [np.empty((block, len(unit)), dtype=np.float32) for _ in range(2)]
    pending: List[Future] = []
    with ThreadPoolExecutor(N_THREADS) as pool:
        for number, start in enumerate(range(0, n_words, block)):
            stop = min(start + block, n_words)
            scores = np.matmul(unit[start:stop], unit.T, out=buffers[number % 2][: stop - start])
            scores[:, n_words:] = -np.inf  # (block, V padded to whole groups)
            scores[np.arange(stop - start), np.arange(start, stop)] = -np.inf
            done = [future.result() for future in pending]  # of the block before, searched meanwhile
            pending = [
                pool.submit(_keep_largest, part, rows[at], cosine[at], n_near)
                for part, at in _row_parts(scores, start)
            ]
            if on_words and done:
                on_words(sum(done))
        done = [future.result() for future in pending]
        if on_words:
            on_words(sum(done))
    return rows, np.clip(cosine, -1, 1)


def _row_parts(scores: np.ndarray, start: int) -> Iterator[Tuple[np.ndarray, slice]]:
    """Rows of a block of scores for each thread, with their places in the whole."""
    size = -(-len(scores) // N_THREADS)
    for first in range(0, len(scores), size):
        part = scores[first : first + size]
        yield part, slice(start + first, start + first + len(part))


def _keep_largest(scores: np.ndarray, rows: np.ndarray, cosine: np.ndarray, n: int) -> int:
    """Write the n largest of each row of scores (B, V), largest first, to rows and cosine (B, m). RETURNS: B."""
    top = largest_columns(scores, n)
    value = np.take_along_axis(scores, top, axis=1)
    order = np.lexsort((top, -value), axis=1)
    rows[:, :n] = np.take_along_axis(top, order, axis=1)
    cosine[:, :n] = np.take_along_axis(value, order, axis=1)
    return len(scores)


def largest_columns(scores: np.ndarray, n: int) -> np.ndarray:
    """The columns of the n largest numbers of each row, of equal ones the lower, in no order: (B, n).

    scores: (B, G * 16). A group is the 16 columns g, g + G, g + 2G, ... The n largest numbers lie within the
    n groups with the largest maxima, so only those are searched: several times faster than the whole row.
    """
    n_groups = scores.shape[1] // GROUP
    if n >= n_groups:
        top = np.argpartition(scores, -n, axis=1)[:, -n:]
        searched = [scores]
    else:
        maxima = scores.reshape(len(scores), GROUP, n_groups).max(axis=1)
        groups = np.argpartition(maxima, -n, axis=1)[:, -n:]
        columns = (groups[:, :, None] + np.arange(GROUP) * n_groups).reshape(len(scores), n * GROUP)
        inside = np.take_along_axis(scores, columns, axis=1)
        top = np.take_along_axis(columns, np.argpartition(inside, -n, axis=1)[:, -n:], axis=1)
        searched = [maxima, inside]
    # More than n numbers, or groups, that reach the least of the n: it has equals that were left out
    least = np.take_along_axis(scores, top, axis=1).min(axis=1)
    n_reaching = np.max([(part >= least[:, None]).sum(axis=1) for part in searched], axis=0)
    for row in np.flatnonzero(n_reaching > n):
        larger, equal = scores[row] > least[row], scores[row] == least[row]
        top[row] = np.concatenate([np.flatnonzero(larger), np.flatnonzero(equal)])[:n]
    return top


def spelling_ratio(left: np.ndarray, right: np.ndarray, scorer: str = "ratio") -> np.ndarray:
    """How alike the words of each pair are spelled, in percent: (P,) float32.

    left, right: (P,) arrays of str (dtype object), compared pair by pair in native code.
    RAISES (ValueError): S256 if the scorer is unknown.
    """
    from rapidfuzz.process import cpdist

    function = get_scorer(scorer)
    return cpdist(left, right, scorer=function, dtype=np.float32, workers=N_THREADS)


def filter_by_spelling(
    words: Sequence[str], neighbours: np.ndarray, cosine: np.ndarray, k: int, *, scorer: str = "ratio"
) -> Neighbours:
    """Of the m neighbours of each word keep the k closest in spelling; ties go to cosine, then the lower row.

    neighbours: (V, m) int32, -1 = none. cosine: (V, m) float32.
    scorer (str): Name of a function of rapidfuzz.fuzz.
    RAISES (ValueError): S255 unless 1 <= k <= m; S256 if the scorer is unknown.

    SOURCE: SSNER (Symmetry 2025, 17, 783), eqs. (13)-(14). UNSTATED: the scorer; fuzz.ratio is the default.
    """
    m = neighbours.shape[1]
    check_settings(m, k, scorer)
    names = np.array([*words, None], dtype=object)  # row -1 is None, which has ratio 0 with everything
    parts = [np.zeros((0, k), np.int32), np.zeros((0, k), np.float32), np.zeros((0, k), np.float32)]
    result = [[part] for part in parts]
    step = max(1, CHUNK // m)
    for start in range(0, len(neighbours), step):
        rows, near = neighbours[start : start + step], cosine[start : start + step]
        left = np.repeat(names[start : start + len(rows)], m)
        ratio = spelling_ratio(left, names[rows.ravel()], scorer).reshape(rows.shape)
        ranked = np.where(rows >= 0, ratio, -1)
        order = np.lexsort((rows, -near, -ranked), axis=1)[:, :k]
        for values, part in zip((rows, near, ratio), result):
            part.append(np.take_along_axis(values, order, axis=1))
    return Neighbours(*(np.concatenate(part) for part in result))
