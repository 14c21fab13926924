"""Is one system better than another? Paired bootstrap over sentences, from counts per sentence and seed."""

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Dict, Iterator, Optional, Sequence, Tuple

import numpy as np

from ..errors import Errors
from .metrics import KINDS

CHUNK = 500  # resamples at once: bounds memory to CHUNK x n_sentences numbers
KEPT = 32_000_000  # numbers of draws that are kept for the next comparison on as many sentences


@dataclass(frozen=True)
class Difference:
    """How far F1 of A is above that of B, from -1 to 1, and how sure that is.

    low, high: Ends of the confidence interval (percentiles of the resampled differences).
    p (float): Two-sided p-value, in (0, 1]: twice the share of resamples on the rarer side of zero, zero
        itself on both sides. Below 1 - level if and only if the interval excludes zero, but for rounding.
    n_sentences, n_seeds_a, n_seeds_b: What went in.
    """

    f1_a: float
    f1_b: float
    difference: float
    low: float
    high: float
    p: float
    level: float
    n_resamples: int
    n_sentences: int
    n_seeds_a: int
    n_seeds_b: int

    def to_dict(self) -> Dict[str, float]:
        return asdict(self)


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation of n values; the deviation of one value is NaN."""

    mean: float
    sd: float
    n: int


def spread(values: Sequence[float]) -> Spread:
    """Mean and spread over seeds. RAISES (ValueError): S291 without values."""
    if not values:
        raise ValueError(Errors.S291.format(expected="at least one value", got="none"))
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
    return Spread(float(np.mean(values)), sd, len(values))


def f1_of_counts(counts: np.ndarray) -> np.ndarray:
    """F1 of counts whose last axis is tp, fp, fn: (..., 3) -> (...), from 0 to 1; 0 if all are 0."""
    tp, fp, fn = np.moveaxis(np.asarray(counts, dtype=float), -1, 0)
    whole = 2 * tp + fp + fn
    return np.divide(2 * tp, whole, out=np.zeros_like(whole), where=whole > 0)


def mean_f1(counts: np.ndarray, weights: np.ndarray, seeds: Optional[np.ndarray] = None) -> np.ndarray:
    """F1 over weighted sentences, averaged over seeds.

    counts (np.ndarray): (S seeds, N sentences, 3). weights (np.ndarray): (R resamples, N).
    seeds (Optional[np.ndarray]): (R, S) how often each seed counts, S times in all; otherwise once.
    RETURNS (np.ndarray): (R,).
    """
    sums = np.einsum("rn,snk->rsk", weights.astype(float), counts.astype(float), optimize=True)
    f1 = f1_of_counts(sums)
    return (f1 if seeds is None else f1 * seeds).mean(axis=1)


def paired_bootstrap(
    a: np.ndarray,
    b: np.ndarray,
    *,
    n_resamples: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
    seeds_too: bool = False,
) -> Difference:
    """Compare two systems on the same sentences.

    a, b (np.ndarray): Counts (N, 3) of one seed, or (S, N, 3) of S seeds, columns tp, fp, fn. Seeds are pooled:
        each resample draws sentences with replacement, the same ones for all seeds of both systems, and
        compares the means of F1 over seeds. The numbers of seeds may differ.
    n_resamples (int): At least 1. level (float): Of the confidence interval, between 0 and 1.
    seeds_too (bool): Each resample also draws as many seeds of either system, with replacement.
    RAISES (ValueError): S291 if the sentences differ in number, there are none, or an array has another shape.

    The seeds are taken as they are: the interval is about other sentences, the spread about other seeds. With
    `seeds_too` it is about both; somewhat too narrow, as the variance of three seeds is a third less in a resample.
    SOURCE: Efron and Tibshirani (1993), chapter 13; paired as in Koehn (EMNLP 2004).
    """
    first, second = _with_seeds(a), _with_seeds(b)
    n = first.shape[1]
    if n != second.shape[1] or n == 0:
        expected, got = "counts of the same sentences", f"{n} and {second.shape[1]} sentences"
        raise ValueError(Errors.S291.format(expected=expected, got=got))
    whole = np.ones((1, n))
    f1_a, f1_b = mean_f1(first, whole)[0], mean_f1(second, whole)[0]
    draws = resamples(n, n_resamples=n_resamples, seed=seed)
    rng = np.random.default_rng([seed, 1])

    def drawn_seeds(counts: np.ndarray, n_rows: int) -> Optional[np.ndarray]:
        n_seeds = len(counts)
        return rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size=n_rows) if seeds_too else None

    found = np.concatenate(
        [
            mean_f1(first, w, drawn_seeds(first, len(w))) - mean_f1(second, w, drawn_seeds(second, len(w)))
            for w in draws
        ]
    )
    found[np.abs(found) < 1e-12] = 0.0  # equal systems differ by rounding only
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    rarer = min(np.count_nonzero(found <= 0), np.count_nonzero(found >= 0))
    p = min(1.0, 2 * (rarer + 1) / (n_resamples + 1))
    return Difference(
        f1_a=float(f1_a),
        f1_b=float(f1_b),
        difference=float(f1_a - f1_b),
        low=float(low),
        high=float(high),
        p=p,
        level=level,
        n_resamples=n_resamples,
        n_sentences=n,
        n_seeds_a=len(first),
        n_seeds_b=len(second),
    )


def resamples(n: int, *, n_resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each of n sentences is drawn, in n draws with replacement: blocks of (<= CHUNK, n)."""
    if n * n_resamples > KEPT:
        return _draw(n, n_resamples, seed)
    return iter(_drawn(n, n_resamples, seed))


def _draw(n: int, n_resamples: int, seed: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    shares = np.full(n, 1 / n)
    for start in range(0, n_resamples, CHUNK):
        yield rng.multinomial(n, shares, size=min(CHUNK, n_resamples - start))


@lru_cache(maxsize=1)
def _drawn(n: int, n_resamples: int, seed: int) -> Tuple[np.ndarray, ...]:
    """As `_draw`, all at once: a page of results compares dozens of systems on the same sentences."""
    return tuple(block.astype(np.uint16) for block in _draw(n, n_resamples, seed))


def _with_seeds(counts: np.ndarray) -> np.ndarray:
    """(N, 3) or (S, N, 3) -> (S, N, 3)."""
    counts = np.asarray(counts)
    shape: Tuple[int, ...] = counts.shape
    if len(shape) not in (2, 3) or shape[-1] != len(KINDS) or shape[0] == 0:
        raise ValueError(Errors.S291.format(expected="an array (N, 3) or (S, N, 3)", got=shape))
    return counts if counts.ndim == 3 else counts[None]
