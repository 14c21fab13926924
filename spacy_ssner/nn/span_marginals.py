"""The most probable spans of a linear-chain CRF, with the exact probability of each.

Letters: B windows, T tokens of the longest, K tags (0 = O, odd = B, the even one behind it = I), C candidates, S spans.
"""

import math
from typing import List, Tuple

import torch
from torch import Tensor

from .crf_sums import forward_backward

Spans = Tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
TINY = 1e-300  # smallest sum of exponentials that float64 can take the logarithm of


def probable_spans(emissions: Tensor, transitions: Tensor, mask: Tensor, *, floor: float) -> Spans:
    """All spans of at least this probability, whether they overlap or not.

    emissions: (B, T, K), T >= 1. transitions: (K + 2, K). mask: (B, T), left-aligned.
    floor (float): > 0 and <= 1. There are at most T / floor such spans in a window, and few in fact.
    RETURNS: window, first token, token behind the last, B tag, (S,) int64 each; probability (S,) float32.
    RAISES (ValueError): S301 unless the three belong together.

    Candidates are the B tags of at least this probability. They grow token by token; one is given up as soon as all
    spans that begin with its tokens together are less probable, so no span is missed, whatever its length.
    """
    alpha, beta, log_z = forward_backward(emissions, transitions, mask)
    emissions, transitions = emissions.double(), transitions.double()
    lengths, least = mask.sum(dim=1), math.log(floor)
    closing = _closing(emissions, transitions, beta, lengths)
    is_begin = torch.arange(emissions.shape[2], device=mask.device) % 2 == 1
    likely = alpha + beta - log_z[:, None, None] >= least  # (B, T, K)
    row, start, tag = (likely & is_begin & mask[:, :, None]).nonzero(as_tuple=True)  # (C,) each
    end, last, score = start + 1, tag, alpha[row, start, tag] - log_z[row]
    found: List[Spans] = []
    while len(row):
        total = score + closing[row, end - 1, last]
        good = total >= least
        found.append((row[good], start[good], end[good], tag[good], total[good]))
        on = (end < lengths[row]).nonzero(as_tuple=True)[0]
        row, start, end, tag, last, score = (x[on] for x in (row, start, end, tag, last, score))
        inside = tag + 1
        score = score + transitions[last, inside] + emissions[row, end, inside]
        on = (score + beta[row, end, inside] >= least).nonzero(as_tuple=True)[0]
        row, start, end, tag, last, score = (x[on] for x in (row, start, end + 1, tag, inside, score))
    columns = list(zip(*found)) if found else [(row,), (start,), (end,), (tag,), (score,)]
    row, start, end, tag, score = (torch.cat(column) for column in columns)
    return row, start, end, tag, score.exp().clamp(max=1.0).float()


def _closing(emissions: Tensor, transitions: Tensor, beta: Tensor, lengths: Tensor) -> Tensor:
    """Log-sum of all that may follow an entity whose last token has this tag, its I tag left out: (B, T, K).

    What stands at O is of no use.
    """
    n_tags = emissions.shape[2]
    follow = transitions[:n_tags].exp()
    begins = torch.arange(1, n_tags, 2, device=follow.device)
    follow[begins, begins + 1] = 0.0
    follow[begins + 1, begins + 1] = 0.0
    after = emissions[:, 1:] + beta[:, 1:]
    top = after.amax(dim=2, keepdim=True)
    sums = ((after - top).exp() @ follow.T).clamp(min=TINY).log() + top  # (B, T - 1, K)
    end = transitions[n_tags + 1].expand(emissions.shape[0], 1, n_tags)
    steps = torch.arange(emissions.shape[1], device=lengths.device)
    return torch.where((steps == lengths[:, None] - 1)[:, :, None], end, torch.cat([sums, end], dim=1))
