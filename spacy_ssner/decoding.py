"""From tag scores to entities: best legal path, exact span probabilities, back to docs."""

from typing import List, Optional, Sequence, Tuple

import numpy as np
import torch
from thinc.util import xp2torch
from torch import Tensor

from .nn.batching import length_groups, padded_places
from .nn.crf import OFF, tempered
from .nn.crf_decoding import span_log_probability, viterbi
from .nn.network import MAX_PADDED
from .types import Prediction, ScoredSpan, TagScores


def decode(
    scores: TagScores,
    labels: Sequence[str],
    doc_lengths: Sequence[int],
    *,
    closed: Optional[np.ndarray] = None,
    temperature: float = 1.0,
) -> Prediction:
    """Entities of the best legal path in each window, with the probability of each, per doc.

    closed (Optional[np.ndarray]): (N,) bool, tokens that hold no entity of ours (preset or blocked by
        another component). The path is the best one, and the probability the exact one, given that.
    temperature (float): > 0; what the scores are divided by for the probabilities. The path does not depend on it.
    """
    if len(scores.windows.lengths) == 0:
        return [[] for _ in doc_lengths]
    with torch.no_grad():
        emissions, transitions = xp2torch(scores.emissions), xp2torch(scores.transitions)
        if closed is not None and closed.any():
            shut = torch.from_numpy(closed[scores.windows.index]).to(emissions.device)
            emissions = emissions.clone()
            emissions[shut, 1:] = OFF
        starts, ends, tags, probabilities = _best_spans(
            emissions, transitions, scores, temperature=temperature
        )
    return _by_doc(scores, labels, doc_lengths, starts, ends, tags, probabilities)


def _best_spans(
    emissions: Tensor, transitions: Tensor, scores: TagScores, *, temperature: float
) -> Tuple[np.ndarray, ...]:
    """Spans in flat places [start, end), their B tags and probabilities, over all windows: (S,) each."""
    lengths, starts = scores.windows.lengths, scores.windows.starts
    warm_transitions = tempered(transitions, temperature)
    found: List[Tuple[np.ndarray, ...]] = []
    for group in length_groups(lengths, max_padded=MAX_PADDED):
        place, mask = padded_places(starts[group], lengths[group], emissions.device)
        padded = emissions[place]
        row, start, end, tag = path_to_spans(viterbi(padded, transitions, mask))
        log_p = span_log_probability(
            tempered(padded, temperature), warm_transitions, mask, row, start, end, tag
        )
        first = place[row, 0]
        found.append(tuple(x.cpu().numpy() for x in (first + start, first + end, tag, log_p.exp())))
    columns = [np.concatenate(column) for column in zip(*found)]
    order = np.argsort(columns[0], kind="stable")
    return tuple(column[order] for column in columns)


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
    probabilities: np.ndarray,
) -> Prediction:
    """Put spans of flat places into their docs; of two from overlapping windows the earlier one stays."""
    windows = scores.windows
    result: Prediction = [[] for _ in doc_lengths]
    doc_ends = np.cumsum(doc_lengths)
    own = windows.core[starts]
    first_token = windows.index[starts[own]]
    n_tokens = ends[own] - starts[own]
    doc_index = np.searchsorted(doc_ends, first_token, side="right")
    columns = (doc_index, first_token, n_tokens, tags[own], probabilities[own])
    taken = -1
    for i, token, length, tag, probability in zip(*(column.tolist() for column in columns)):
        if token < taken:
            continue
        taken = token + length
        offset = int(doc_ends[i]) - doc_lengths[i]
        label = labels[(tag - 1) // 2]
        result[i].append(ScoredSpan(token - offset, token - offset + length, label, probability))
    return result
