"""Is a score of 0.8 right in 80 of 100 cases? Arithmetic of calibration over predicted entities. S: entities.

SOURCE: Guo et al. 2017 (On Calibration of Modern Neural Networks, ICML): expected calibration error in
section 2, temperature in section 4.2. Equal-mass bins: Nixon et al. 2019 (Measuring Calibration in Deep
Learning), section 4. What chance alone does to the error: Bröcker and Smith 2007 (Increasing the Reliability
of Reliability Diagrams), consistency resampling.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Callable, Dict, List, Sequence, Tuple

import numpy as np

from ..errors import Errors
from .metrics import PRF, ratio

N_BINS = 10
THRESHOLDS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
REVIEWED = 0.1
N_DRAWS = 2000  # of chance_error
DRAWS_AT_ONCE = 100
LOWEST, HIGHEST = 0.1, 10.0  # temperatures; a network that needs others is broken rather than overconfident
N_COARSE = 9  # steps of a factor of 1.78
PRECISION = 1e-2  # of ln(temperature): 1 %
N_ROUNDS = 5  # of fit_expected_f1
CLOSEST = 1e-7  # to 0 and 1: scores are float32, and one sure mistake must not be an infinite loss
GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class JudgedSpans:
    """Predicted entities with what became of them.

    scores (np.ndarray): (S,) probabilities, 0 to 1.
    right (np.ndarray): (S,) bool; start, end and type are those of a gold entity.
    n_gold (int): Gold entities, found or not.
    """

    scores: np.ndarray
    right: np.ndarray
    n_gold: int


@dataclass(frozen=True)
class Bin:
    """Entities of like score. `lowest` and `highest` bound the bin, not what lies in it.

    score (float): Mean score, 0 to 1. precision (float): Share that is right. Both 0 if the bin is empty.
    """

    lowest: float
    highest: float
    count: int
    score: float
    precision: float


def equal_width_bins(spans: JudgedSpans, *, n_bins: int = N_BINS) -> List[Bin]:
    """Bins (0, 1/n], (1/n, 2/n], ... as in Guo et al.; a score of 0 lies in the first."""
    edges, place = np.linspace(0.0, 1.0, n_bins + 1), _bin_numbers(spans.scores, n_bins)
    return [_bin(spans, np.flatnonzero(place == i), edges[i], edges[i + 1]) for i in range(n_bins)]


def _bin_numbers(scores: np.ndarray, n_bins: int) -> np.ndarray:
    """Number of the bin of equal width of each score: (S,)."""
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    return np.clip(np.searchsorted(edges, scores, side="left") - 1, 0, n_bins - 1)


def equal_mass_bins(spans: JudgedSpans, *, n_bins: int = N_BINS) -> List[Bin]:
    """Bins of equally many entities, lowest scores first; sizes differ by one at most.

    Most entities of a good model score above 0.9, so that equal widths leave nearly all of them in one bin. With
    fewer entities than bins there is a bin for each. Bounds are the extreme scores of the bin; equal scores may
    lie in two bins.
    """
    order = np.argsort(spans.scores, kind="stable")
    parts = np.array_split(order, min(n_bins, len(order))) if len(order) else []
    return [_bin(spans, part, spans.scores[part[0]], spans.scores[part[-1]]) for part in parts]


def _bin(spans: JudgedSpans, members: np.ndarray, lowest: float, highest: float) -> Bin:
    n = len(members)
    score = float(spans.scores[members].mean(dtype=np.float64)) if n else 0.0
    return Bin(float(lowest), float(highest), n, score, ratio(int(spans.right[members].sum()), n))


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Mean distance of score and precision over bins, weighted by entities: 0 (calibrated) to 1."""
    total = sum(b.count for b in bins)
    return ratio(sum(b.count * abs(b.score - b.precision) for b in bins), total)


def chance_error(spans: JudgedSpans, *, n_draws: int = N_DRAWS, seed: int = 0) -> Tuple[float, float]:
    """The calibration error that chance alone gives scores that mean what they say: its mean, and what it exceeds in
    one data set of twenty; 0 and 0 without entities. An error below the second is no proof of bad scores.

    n_draws (int): Data sets that are drawn with the same scores, each entity right with the probability it claims.
    """
    n = len(spans.scores)
    if not n:
        return 0.0, 0.0
    member = np.zeros((n, N_BINS))
    member[np.arange(n), _bin_numbers(spans.scores, N_BINS)] = 1.0
    rng = np.random.default_rng(seed)
    errors = []
    for size in [DRAWS_AT_ONCE] * (n_draws // DRAWS_AT_ONCE) + [n_draws % DRAWS_AT_ONCE]:
        surplus = (rng.random((size, n)) < spans.scores) - spans.scores
        errors.append(np.abs(surplus @ member).sum(axis=1) / n)
    drawn = np.concatenate(errors)
    return float(drawn.mean()), float(np.quantile(drawn, 0.95))


def correctness_loss(spans: JudgedSpans) -> float:
    """Negative log-likelihood of which entities are right, in nats per entity, >= 0; 0 if there are none."""
    if not len(spans.scores):
        return 0.0
    p = np.clip(spans.scores.astype(np.float64), CLOSEST, 1.0 - CLOSEST)
    return float(-np.where(spans.right, np.log(p), np.log1p(-p)).mean())


def fit_temperature(judged_at: Callable[[float], JudgedSpans]) -> float:
    """The temperature with the least `correctness_loss`: a coarse grid, then golden-section search in ln(T).

    judged_at (Callable[[float], JudgedSpans]): The same entities with their scores at a temperature.
    RAISES (ValueError): S307 unless some entities are right and some wrong; S309 if the best lies at the edge.

    The loss is that of predicted entities, not that of gold paths: it is what the score claims and what the
    calibration error measures. A gold path's likelihood is mostly made of the many O tokens, and has no value
    where gold is missing. Guo et al. minimise the same loss, on data not trained on; they have classes for paths.
    """
    right = judged_at(1.0).right
    n_right = int(right.sum())
    if n_right in (0, len(right)):
        raise ValueError(Errors.S307.format(n_right=n_right, n_wrong=len(right) - n_right))

    def loss(log_temperature: float) -> float:
        return correctness_loss(judged_at(math.exp(log_temperature)))

    grid = np.linspace(math.log(LOWEST), math.log(HIGHEST), N_COARSE).tolist()
    losses = [loss(x) for x in grid]
    best = int(np.argmin(losses))
    if best in (0, N_COARSE - 1):
        got = round(math.exp(grid[best]), 3)
        raise ValueError(Errors.S309.format(lowest=LOWEST, highest=HIGHEST, got=got))
    return math.exp(golden_section(loss, grid[best - 1], grid[best + 1], precision=PRECISION))


def fit_expected_f1(judged_at: Callable[[float], JudgedSpans]) -> float:
    """The F1, 0 to 1, that is reached when so much is expected (see decoding.decode): repeated from the best path's on.

    judged_at (Callable[[float], JudgedSpans]): The entities that an expected F1 gives, 0 for those of the best path.
    """
    f1 = 0.0
    for _ in range(N_ROUNDS):
        f1 = scores_at(judged_at(f1), [0.0])[0.0].f1
    return f1


def golden_section(f: Callable[[float], float], low: float, high: float, *, precision: float) -> float:
    """Where f, which falls and then rises, is least in [low, high], to within `precision`.

    SOURCE: Kiefer 1953. Each step needs one new value of f and keeps 0.618 of the interval.
    """
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    f_left, f_right = f(left), f(right)
    while high - low > precision:
        if f_left < f_right:
            high, right, f_right = right, left, f_left
            left = high - GOLDEN * (high - low)
            f_left = f(left)
        else:
            low, left, f_left = left, right, f_right
            right = low + GOLDEN * (high - low)
            f_right = f(right)
    return (low + high) / 2


def errors_caught(spans: JudgedSpans, *, share: float = REVIEWED) -> float:
    """Share of the wrong entities that are among the lowest-scored ones, from 0 to 1.

    share (float): Part of the entities that is reviewed, 0 to 1, rounded up to whole ones. Of equal scores the
        earlier in the data comes first. Entities that were not predicted cannot be caught this way.
    """
    n_reviewed = math.ceil(share * len(spans.scores))
    reviewed = np.argsort(spans.scores, kind="stable")[:n_reviewed]
    return ratio(int((~spans.right[reviewed]).sum()), int((~spans.right).sum()))


def scores_at(spans: JudgedSpans, thresholds: Sequence[float] = THRESHOLDS) -> Dict[float, PRF]:
    """Strict precision, recall and F1 if only entities with at least that score are kept, by threshold."""
    result = {}
    for threshold in thresholds:
        kept = spans.right[spans.scores >= threshold]
        n_right = int(kept.sum())
        result[threshold] = PRF(n_right, len(kept) - n_right, spans.n_gold - n_right)
    return result


def calibration_figures(spans: JudgedSpans) -> Dict[str, Any]:
    """All figures for one temperature, for JSON; ratios from 0 to 1, the loss in nats per entity."""
    width, mass = equal_width_bins(spans), equal_mass_bins(spans)
    thresholds = [{"threshold": t, **prf.to_dict()} for t, prf in scores_at(spans).items()]
    by_chance, by_chance_95 = chance_error(spans)
    return {
        "ece": expected_calibration_error(width),
        "ece_equal_mass": expected_calibration_error(mass),
        "ece_by_chance": by_chance,
        "ece_by_chance_95": by_chance_95,
        "loss": correctness_loss(spans),
        "n_predicted": len(spans.scores),
        "n_wrong": int((~spans.right).sum()),
        "errors_caught": errors_caught(spans),
        "bins": [asdict(b) for b in width],
        "bins_equal_mass": [asdict(b) for b in mass],
        "thresholds": thresholds,
    }
