"""From tag scores to entities: best legal path, exact span probabilities, probable spans, back to docs."""

from typing import Iterator, List, Optional, Sequence, Tuple

import numpy as np
import torch
from thinc.util import xp2torch
from torch import Tensor

from .nn.batching import length_groups, padded_places
from .nn.crf import OFF, tempered
from .nn.crf_decoding import viterbi
from .nn.network import MAX_PADDED
from .nn.span_marginals import probable_spans, span_log_probability
from .text.windows import wide_gaps
from .types import Reading, ScoredSpan, TagScores, Windows

LEAST_PROBABLE = 1e-3  # of the spans for review, and of entities for an expected F1
# Flat places of the first token and of the one behind the last, B tag, probability: (S,) each.
FlatSpans = Tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def decode(
    scores: TagScores,
    labels: Sequence[str],
    doc_lengths: Sequence[int],
    *,
    closed: Optional[np.ndarray] = None,
    temperature: float = 1.0,
    expected_f1: float = 0.0,
    with_scores: bool = True,
) -> List[List[ScoredSpan]]:
    """Entities with the probability of each, per doc: those of the best legal path in each window, or those for the
    greatest expected F1.

    closed (Optional[np.ndarray]): (N,) bool, tokens that hold no entity of ours (preset or blocked by
        another component). The path is the best one, and the probability the exact one, given that.
    temperature (float): > 0; what the scores are divided by for the probabilities. The best path does not depend on it.
    expected_f1 (float): 0 for the best path; otherwise the F1, up to 1, that is reached on such data. Of all spans that
        do not overlap those are taken whose probabilities, each less half of it, have the greatest sum: a span more
        probable than that half adds more to the F1 than it costs, and no other does. None is less probable than
        LEAST_PROBABLE.
    with_scores (bool): Without, the probabilities are not returned, nor, for the best path, computed.

    SOURCE: Jansche 2007, A Maximum Expected Utility Framework for Binary Sequence Labeling (expected F1 of a sequence);
        Lipton et al. 2014, Optimal Thresholding of Classifiers to Maximize F1 Measure (half of the F1 as threshold).
    """
    if len(scores.windows.lengths) == 0:
        return [[] for _ in doc_lengths]
    if expected_f1:
        floor = max(expected_f1 / 2, LEAST_PROBABLE)  # there are 1 / floor spans for a token at worst
        starts, ends, tags, p = _probable(scores, closed, temperature, floor=floor)
    else:
        starts, ends, tags, p = _best_path(scores, closed, temperature if with_scores else None)
    index, own = scores.windows.index, np.flatnonzero(scores.windows.core[starts])
    if expected_f1:
        first, behind = index[starts[own]], index[ends[own] - 1] + 1
        own = own[best_disjoint(first, behind, p[own] - expected_f1 / 2)]
    columns = (starts[own], ends[own], tags[own], p[own] if with_scores else None)
    return _by_doc(scores, labels, doc_lengths, *columns)


def n_best_spans(
    scores: TagScores,
    labels: Sequence[str],
    doc_lengths: Sequence[int],
    *,
    n: int,
    closed: Optional[np.ndarray] = None,
    temperature: float = 1.0,
) -> List[List[ScoredSpan]]:
    """The `n` most probable spans of each window, whether they overlap or not, in the order of their tokens, per doc.

    Spans less probable than LEAST_PROBABLE are left out. Other arguments as for `decode`.
    """
    if len(scores.windows.lengths) == 0:
        return [[] for _ in doc_lengths]
    starts, ends, tags, probabilities = _probable(scores, closed, temperature, floor=LEAST_PROBABLE)
    best = _best_of_windows(scores.windows, starts, probabilities, n)
    best = best[np.lexsort((tags[best], ends[best], starts[best]))]
    columns = (x[best] for x in (starts, ends, tags, probabilities))
    return _by_doc(scores, labels, doc_lengths, *columns, overlap=True)


def best_disjoint(starts: np.ndarray, ends: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Which of some spans have the greatest sum of gains without any overlap, in the order of their tokens: int64.

    starts, ends (np.ndarray): (S,), first token and the one behind the last. gains (np.ndarray): (S,), >= 0.
    Weighted interval scheduling, by dynamic programming in each run of spans that overlap; most have none.
    """
    order = np.lexsort((starts, ends))
    starts, ends, gains = starts[order], ends[order], gains[order]
    least_start = np.minimum.accumulate(starts[::-1])[::-1]  # of each span and those that end later
    is_new = np.append(True, ends[:-1] <= least_start[1:])[: len(order)]
    runs = np.split(np.arange(len(order)), np.flatnonzero(is_new)[1:])
    best = [run if len(run) == 1 else _best_of_run(run, starts, ends, gains) for run in runs]
    return order[np.concatenate(best)]


def _best_of_run(run: np.ndarray, starts: np.ndarray, ends: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """`best_disjoint` of some spans in the order of their ends."""
    earlier = np.searchsorted(ends[run], starts[run], side="right")  # how many end before each begins
    sums, taken = [0.0], []
    for i, n_earlier, gain in zip(range(len(run)), earlier.tolist(), gains[run].tolist()):
        taken.append(sums[n_earlier] + gain > sums[i])
        sums.append(max(sums[n_earlier] + gain, sums[i]))
    best, i = [], len(run)
    while i:
        if taken[i - 1]:
            best.append(i - 1)
        i = int(earlier[i - 1]) if taken[i - 1] else i - 1
    return run[best[::-1]]


def _best_path(scores: TagScores, closed: Optional[np.ndarray], temperature: Optional[float]) -> FlatSpans:
    """Spans of the best legal paths in the order of their places; without a temperature their probabilities are 0."""
    found = []
    for place, mask, emissions, transitions in _groups(scores, closed):
        row, start, end, tag = path_to_spans(viterbi(emissions, transitions, mask))
        probability = torch.zeros(len(row))
        if temperature is not None:
            warm = tempered(emissions, temperature), tempered(transitions, temperature)
            probability = span_log_probability(*warm, mask, row, start, end, tag).exp()
        found.append((place[row, 0] + start, place[row, 0] + end, tag, probability))
    starts, ends, tags, p = _joined(found)
    order = np.argsort(starts, kind="stable")
    return starts[order], ends[order], tags[order], p[order]


def _probable(
    scores: TagScores, closed: Optional[np.ndarray], temperature: float, *, floor: float
) -> FlatSpans:
    """All spans of at least this probability, in no order."""
    found = []
    for place, mask, emissions, transitions in _groups(scores, closed):
        warm = tempered(emissions, temperature), tempered(transitions, temperature)
        row, start, end, tag, p = probable_spans(*warm, mask, floor=floor)
        found.append((place[row, 0] + start, place[row, 0] + end, tag, p))
    return _joined(found)


def _joined(groups: Sequence[Tuple[Tensor, Tensor, Tensor, Tensor]]) -> FlatSpans:
    starts, ends, tags, p = (torch.cat(column).cpu().numpy() for column in zip(*groups))
    return starts, ends, tags, p


def _groups(
    scores: TagScores, closed: Optional[np.ndarray]
) -> Iterator[Tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Windows of like length: places (B, T), mask (B, T), emissions (B, T, K) with closed tokens held at O and words
    behind a barrier not at I, transitions (K + 2, K)."""
    windows = scores.windows
    lengths, starts = windows.lengths, windows.starts
    emissions, transitions = xp2torch(scores.emissions), xp2torch(scores.transitions)  # without gradients
    shut = np.zeros(windows.n_tokens, dtype=bool) if closed is None else closed
    parted = _parted(windows, shut if scores.reading is None else shut | _wide_gaps(scores.reading))
    if parted.any() or shut.any():
        emissions = emissions.clone()
        emissions[torch.from_numpy(parted).to(emissions.device), 2::2] = OFF
        emissions[torch.from_numpy(shut[windows.index]).to(emissions.device), 1:] = OFF
    for group in length_groups(lengths, max_padded=MAX_PADDED):
        place, mask = padded_places(starts[group], lengths[group], emissions.device)
        yield place, mask, emissions[place], transitions


def _wide_gaps(reading: Reading) -> np.ndarray:
    """White space that parts columns of a table: (N,) bool."""
    return wide_gaps(reading.words)[reading.features.word_index]


def _parted(windows: Windows, barriers: np.ndarray) -> np.ndarray:
    """Which places have a barrier (N,) among the white space between them and the place before: (M,) bool."""
    behind = np.cumsum(barriers) - barriers  # (N,): barriers before each token
    index = windows.index
    parted = np.zeros(len(index), dtype=bool)
    parted[1:] = behind[index[1:]] > behind[index[:-1]] + barriers[index[:-1]]
    return parted


def _best_of_windows(windows: Windows, starts: np.ndarray, p: np.ndarray, n: int) -> np.ndarray:
    """Which of some spans (flat places of their first tokens; probabilities) are among the `n` best that begin in the
    core of their window: (at most n * W,) int64."""
    own = np.flatnonzero(windows.core[starts])
    window = np.searchsorted(windows.starts, starts[own], side="right")
    order = own[np.lexsort((-p[own], window))]
    window = np.sort(window)
    rank = np.arange(len(window)) - np.searchsorted(window, window)
    return order[rank < n]


def path_to_spans(tags: Tensor) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
    """Entities of legal tag paths: window, first token, end, B tag; (S,) int64 each.

    tags: (B, T) int64, 0 = O, odd = B, even = I of the tag before; 0 in the padding.
    """
    n_tokens = tags.shape[1]
    is_begin = tags % 2 == 1
    is_inside = (tags > 0) & ~is_begin
    row, start = is_begin.nonzero(as_tuple=True)
    # For each place the next one that is not an I-: scan from the right.
    places = torch.arange(n_tokens, device=tags.device).expand_as(tags)
    stops = torch.where(is_inside, n_tokens, places)
    next_stop = stops.flip(1).cummin(dim=1).values.flip(1)  # (B, T): first non-I at or behind a place
    behind = torch.cat([next_stop[:, 1:], torch.full_like(tags[:, :1], n_tokens)], dim=1)
    return row, start, behind[row, start], tags[row, start]


def _by_doc(
    scores: TagScores,
    labels: Sequence[str],
    doc_lengths: Sequence[int],
    starts: np.ndarray,
    ends: np.ndarray,
    tags: np.ndarray,
    probabilities: Optional[np.ndarray] = None,
    *,
    overlap: bool = False,
) -> List[List[ScoredSpan]]:
    """Put spans of flat places into their docs, in the order given.

    overlap (bool): Keep all. Otherwise the earlier one of two from overlapping windows stays.
    """
    result: List[List[ScoredSpan]] = [[] for _ in doc_lengths]
    doc_ends = np.cumsum(doc_lengths)
    first_token = scores.windows.index[starts]
    doc_index = np.searchsorted(doc_ends, first_token, side="right")
    last_token = scores.windows.index[ends - 1]  # white space within an entity is not in the windows
    columns = [x.tolist() for x in (doc_index, first_token, last_token + 1 - first_token, tags)]
    columns.append([None] * len(starts) if probabilities is None else probabilities.tolist())
    taken = -1
    for i, token, length, tag, score in zip(*columns):
        if token < taken and not overlap:
            continue
        taken = token + length
        offset = int(doc_ends[i]) - doc_lengths[i]
        result[i].append(ScoredSpan(token - offset, token - offset + length, labels[(tag - 1) // 2], score))
    return result
