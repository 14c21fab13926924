"""Best tag paths of a linear-chain CRF. No gradients.

Letters: B windows, T tokens of the longest, K tags. `transitions` is (K + 2, K) as in nn/crf.py.

Computed by numpy on the CPU, wherever the scores come from: each token needs a handful of operations on small
arrays, so what one call costs decides, and numpy's cost less than torch's or a GPU's kernels.
"""

from typing import Tuple

import numpy as np
import torch
from torch import Tensor

from .crf import OFF, check_shapes


def viterbi(emissions: Tensor, transitions: Tensor, mask: Tensor) -> Tensor:
    """Best tag path of each window: (B, T) int64, 0 where the mask is off.

    emissions: (B, T, K). transitions: (K + 2, K). mask: (B, T), left-aligned.
    RAISES (ValueError): S301 unless the three belong together.

    The way forward keeps scores only; the way back asks again which tag they came from, for one tag of a token
    instead of all K. Padding is computed too and never read.
    """
    check_shapes(emissions, transitions, mask)
    n_windows, n_tokens, n_tags = emissions.shape
    if n_windows == 0 or n_tokens == 0:
        return torch.zeros(n_windows, n_tokens, dtype=torch.long, device=emissions.device)
    packed = as_array(transitions)
    into, start, end = np.ascontiguousarray(packed[:n_tags].T), packed[n_tags], packed[n_tags + 1]
    scores = _best_scores(as_array(emissions), start, into)
    last = last_tokens(mask)
    final = (scores[last, np.arange(n_windows)] + end).argmax(axis=1)
    tags = _trace_back(scores, into, final, last)
    return torch.from_numpy(tags.T).to(emissions.device).masked_fill(~mask, 0)


def _best_scores(emissions: np.ndarray, start: np.ndarray, into: np.ndarray) -> np.ndarray:
    """Score of the best path up to each tag: (T, B, K). emissions: (B, T, K). into: (K, K), row = later tag.

    Half of the tags of a BIO scheme, the I tags, follow one of two tags only: they are taken apart from those that
    follow nearly all. What numpy pays for is runs of adjacent numbers, so earlier tags lie apart, and the longer of
    windows and later tags side by side. Nothing crosses from one window to another, not even NaN.
    """
    n_windows, n_tokens, n_tags = emissions.shape
    order, earlier, few = _tags_in_order(into)
    n_many = n_tags - len(few)
    X = np.ascontiguousarray(emissions.transpose(1, 2, 0)).take(order, axis=1)  # (T, K, B)
    scores = np.empty_like(X)
    scores[0] = X[0] + start[order, None]
    many = np.ascontiguousarray(into[order[:n_many]][:, order].T)  # earlier tag, later tag
    tags_last = n_windows < n_many
    shape = (n_windows, n_many) if tags_last else (n_many, n_windows)
    steps, best = np.empty((n_tags, *shape), X.dtype), np.empty(shape, X.dtype)
    earlier_tags = scores[:, :, :, None] if tags_last else scores[:, :, None]
    weights = many[:, None] if tags_last else many[:, :, None]
    best_many = best.T if tags_last else best
    pairs = np.empty((2, len(few), n_windows), X.dtype)
    into_few = np.repeat(few.T[:, :, None], n_windows, axis=2)
    for before, steps_from, here, x in zip(scores[:-1], earlier_tags[:-1], scores[1:], X[1:]):
        np.add(steps_from, weights, out=steps)
        np.maximum.reduce(steps, axis=0, out=best)
        here[:n_many] = best_many
        before.take(earlier, axis=0, out=pairs, mode="clip")  # numpy's other mode copies
        np.add(pairs, into_few, out=pairs)
        np.maximum(pairs[0], pairs[1], out=here[n_many:])
        np.add(here, x, out=here)
    back = np.argsort(order)
    return np.ascontiguousarray(scores.take(back, axis=1).transpose(0, 2, 1))


def _tags_in_order(into: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tags that follow many tags before those that follow two at most.

    RETURNS: The tags in that order (K,); of the F last ones, the two tags that each of them can follow, as places
        in the order (2, F), and the transitions from these (F, 2), OFF where there is no such tag.
    """
    legal = into > OFF
    is_few = (legal.sum(axis=1) <= 2) & (len(into) > 2)
    order = np.argsort(is_few, kind="stable")
    few = order[len(order) - int(is_few.sum()) :]
    two = np.argsort(~legal[few], axis=1, kind="stable")[:, :2]
    return order, np.argsort(order)[two].T, np.take_along_axis(into[few], two, axis=1)


def _trace_back(scores: np.ndarray, into: np.ndarray, final: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Tags of the best paths: (T, B); anything behind a window's last token.

    scores: (T, B, K). into: (K, K), row = later tag. final: (B,), tag at the `last` token (B,) of each window.
    """
    tags = np.empty(scores.shape[:2], dtype=np.int64)
    tags[-1] = final
    ending = {int(t): last == t for t in np.unique(last)}
    candidates = np.empty(scores.shape[1:], scores.dtype)
    for t in range(len(scores) - 2, -1, -1):
        into.take(tags[t + 1], axis=0, out=candidates, mode="clip")
        candidates += scores[t]
        candidates.argmax(axis=1, out=tags[t])
        if t in ending:
            np.copyto(tags[t], final, where=ending[t])
    return tags


def as_array(x: Tensor) -> np.ndarray:
    """The numbers of a tensor, on the CPU."""
    return x.detach().cpu().numpy()


def last_tokens(mask: Tensor) -> np.ndarray:
    """Place of each window's last token, 0 for an empty one: (B,). mask: (B, T)."""
    return np.maximum(as_array(mask).sum(axis=1) - 1, 0)
