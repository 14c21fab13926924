"""Best tag paths of a linear-chain CRF. No gradients.

Letters: B windows, T tokens of the longest, K tags. `transitions` is (K + 2, K) as in nn/crf.py.

Computed on the CPU, wherever the scores come from: each token needs a handful of operations on small arrays, so what
one call costs decides. numpy's cost less than torch's or a GPU's kernels, but for sums over all pairs of tags.
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
    into, start, end = packed[:n_tags].T, packed[n_tags], packed[n_tags + 1]
    order, earlier, few = _tags_in_order(into)
    into = np.ascontiguousarray(into[order][:, order])
    scores = emissions.detach().cpu().permute(1, 2, 0).index_select(1, torch.from_numpy(order)).numpy()
    scores[0] += start[order, None]
    _add_best(scores, into, earlier, few)
    last = last_tokens(mask)
    final = (scores[last, :, np.arange(n_windows)] + end[order]).argmax(axis=1)
    tags = order[_trace_back(scores, into, final, last)]
    return torch.from_numpy(tags.T).to(emissions.device).masked_fill(~mask, 0)


def _add_best(scores: np.ndarray, into: np.ndarray, earlier: np.ndarray, few: np.ndarray) -> None:
    """Add to the score of each tag that of the best path to it. scores: (T, K, B). into: (K, K), row = later tag.

    earlier, few: See _tags_in_order.
    Half of the tags of a BIO scheme, the I tags, follow one of two tags only: they are taken apart from those that
    follow nearly all. What costs is runs of adjacent numbers, so earlier tags lie apart, and the longer of windows
    and later tags side by side. Nothing crosses from one window to another, not even NaN.
    """
    _, n_tags, n_windows = scores.shape
    n_many = n_tags - len(few)
    best = np.empty(scores.shape[1:], scores.dtype)
    best_many, best_few = best[:n_many], best[n_many:]
    view, weights = torch.from_numpy(scores), torch.from_numpy(np.ascontiguousarray(into[:n_many].T))
    tags_last = n_windows < n_many
    many = weights.new_empty(n_windows, n_many) if tags_last else torch.from_numpy(best_many)
    before, weights = (
        (view[..., None], weights[:, None]) if tags_last else (view[:, :, None], weights[..., None])
    )
    steps = weights.new_empty(n_tags, *many.shape)
    pairs = np.empty((2, len(few), n_windows), scores.dtype)
    one, other = pairs
    into_few = np.repeat(few.T[:, :, None], n_windows, axis=2)
    for scores_before, before_t, here in zip(scores, before.unbind(), scores[1:]):
        torch.add(before_t, weights, out=steps)
        torch.amax(steps, 0, out=many)
        if tags_last:
            best_many[:] = many.numpy().T
        scores_before.take(earlier, axis=0, out=pairs, mode="clip")  # numpy's other mode copies
        np.add(pairs, into_few, out=pairs)
        np.maximum(one, other, out=best_few)
        np.add(here, best, out=here)


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

    scores: (T, K, B). into: (K, K), row = later tag. final: (B,), tag at the `last` token (B,) of each window.
    """
    tags = np.empty((len(scores), len(final)), dtype=np.int64)
    tags[-1] = final
    ending = {int(t): last == t for t in np.unique(last)}
    candidates = np.empty((len(final), len(into)), scores.dtype)
    for t in range(len(scores) - 2, -1, -1):
        into.take(tags[t + 1], axis=0, out=candidates, mode="clip")
        candidates += scores[t].T
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
