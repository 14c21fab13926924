"""Exact probabilities of spans of a linear-chain CRF, and its most probable spans. No gradients.

Letters: B windows, T tokens of the longest, K tags (0 = O, odd = B, the even one behind it = I), C candidates, S spans.
"""

import math
from typing import List, Tuple

import numpy as np
import torch
from torch import Tensor

from .crf_decoding import as_array, last_tokens
from .crf_sums import PathSums, checked, forward_backward, log_sum, path_sums

Spans = Tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
SMALL = 1e-200  # sums below it may have lost a part in float64


def span_log_probability(
    emissions: Tensor, transitions: Tensor, mask: Tensor, row: Tensor, start: Tensor, end: Tensor, tag: Tensor
) -> Tensor:
    """Log-probability that the window holds precisely this entity: B at `start`, I up to `end`, then no I: (S,).

    row, start, end, tag: (S,) int64; window, first token, token behind the last, the entity's B tag
    (its I tag is the next one).
    RAISES (ValueError): S301 unless emissions, transitions and mask belong together.
    """
    n_tags = emissions.shape[2]
    X, packed = checked(emissions, transitions, mask)
    sums = path_sums(X, packed, mask)
    n_row, n_start, n_end, n_tag = (as_array(x) for x in (row, start, end, tag))
    inside, length = n_tag + 1, n_end - n_start
    last = np.where(length > 1, inside, n_tag)
    with np.errstate(divide="ignore"):
        scale = np.broadcast_to(sums.before_scale, sums.before.shape)[n_start, n_row, n_tag]
        log_p = np.log(sums.before[n_start, n_row, n_tag]) + scale + X[n_row, n_start, n_tag]
    is_last = n_end > last_tokens(mask)[n_row]
    behind = _log_behind(sums, X, packed, n_row, np.where(is_last, 0, n_end), last)
    log_p += np.where(is_last, packed[n_tags + 1][last], behind)
    # the I tags: B to I, then I to I, each with its emission
    span = np.repeat(np.arange(len(length)), length - 1)
    token = np.arange(len(span)) - np.repeat(np.cumsum(length - 1) - length, length - 1) + n_start[span]
    log_p += np.bincount(span, weights=X[n_row[span], token, inside[span]], minlength=len(length))
    log_p += np.where(length > 1, packed[n_tag, inside], 0.0)
    log_p += np.maximum(length - 2, 0) * packed[inside, inside]
    log_p = np.minimum(log_p - sums.log_z[n_row], 0.0)
    return torch.from_numpy(log_p.astype(np.float32)).to(emissions.device)


def _log_behind(
    sums: PathSums,
    emissions: np.ndarray,
    transitions: np.ndarray,
    row: np.ndarray,
    token: np.ndarray,
    tag: np.ndarray,
) -> np.ndarray:
    """Log-sum of all that may follow an entity's last tag, its I tag left out, as that would make it longer: (S,).

    row, token: (S,), the window and the token behind the entity. tag: (S,), the last tag, B or I.
    """
    follow = _ends(transitions)
    place = sums.mirror[token, row], row
    after, scale = sums.after[place], sums.after_scale[place]  # (S, K), (S, 1) or in log space (S, K)
    with np.errstate(all="ignore"):
        total = np.einsum("sk,sk,sk->s", after, sums.own[token, row], np.exp(follow)[tag])
        found = np.log(total) + scale[:, 0] + sums.own_scale[token, row]
        lost = np.arange(len(row)) if scale.shape[1] > 1 else np.flatnonzero(~(total > SMALL))
        if len(lost):
            logs = np.log(after[lost]) + scale[lost] + emissions[row[lost], token[lost]] + follow[tag[lost]]
            found[lost] = log_sum(logs)
    return found


def _ends(transitions: np.ndarray) -> np.ndarray:
    """Transitions (K, K) from tag to tag, without those by which an entity goes on."""
    n_tags = transitions.shape[1]
    follow = transitions[:n_tags].copy()
    inside = np.arange(2, n_tags, 2)
    follow[inside - 1, inside] = follow[inside, inside] = -np.inf
    return follow


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
    follow = torch.from_numpy(_ends(as_array(transitions))).to(transitions.device)
    after = emissions[:, 1:] + beta[:, 1:]
    top = after.amax(dim=2, keepdim=True)
    total = (after - top).exp() @ follow.exp().T  # (B, T - 1, K)
    sums = total.log() + top
    steps = torch.arange(emissions.shape[1], device=lengths.device)
    # the likeliest tag by far is one that may not follow: the entity's I tag, or that of another label
    is_lost = ~(total > SMALL) & (steps[1:] < lengths[:, None])[:, :, None]
    row, token, tag = is_lost.nonzero(as_tuple=True)
    sums[row, token, tag] = (after[row, token] + follow[tag]).logsumexp(dim=1)
    end = transitions[n_tags + 1].expand(emissions.shape[0], 1, n_tags)
    return torch.where((steps == lengths[:, None] - 1)[:, :, None], end, torch.cat([sums, end], dim=1))
