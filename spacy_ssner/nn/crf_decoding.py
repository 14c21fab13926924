"""Best tag paths, sums over paths and exact span probabilities of a linear-chain CRF. No gradients.

Letters: B windows, T tokens of the longest, K tags, S spans. `transitions` is (K + 2, K) as in nn/crf.py.

Computed by numpy on the CPU, wherever the scores come from: each token needs a handful of operations on small
arrays, so what one call costs decides, and numpy's cost less than torch's or a GPU's kernels.
"""

from functools import partial
from typing import NamedTuple, Tuple

import numpy as np
import torch
from torch import Tensor

from .crf import check_shapes

RESCALE = 8  # tokens between two rescalings: as many steps of 80 nats fit into float64
TINY = 1e-300  # smallest sum of exponentials that float64 can take the logarithm of


class PathSums(NamedTuple):
    """Sums over paths as factor times exp(scale): alpha, beta (B, T, K), scales (B, T), log_z (B,). float64.

    What stands behind the end of a window means nothing.
    """

    alpha: np.ndarray
    alpha_scale: np.ndarray
    beta: np.ndarray
    beta_scale: np.ndarray
    log_z: np.ndarray


def viterbi(emissions: Tensor, transitions: Tensor, mask: Tensor) -> Tensor:
    """Best tag path of each window: (B, T) int64, 0 where the mask is off.

    emissions: (B, T, K). transitions: (K + 2, K). mask: (B, T), left-aligned.

    The way forward keeps scores only; the way back asks again which tag they came from, for one tag of a token
    instead of all K. Padding is computed too and never read.
    """
    check_shapes(emissions, transitions, mask)
    n_windows, n_tokens, n_tags = emissions.shape
    if n_windows == 0 or n_tokens == 0:
        return torch.zeros(n_windows, n_tokens, dtype=torch.long, device=emissions.device)
    packed = _array(transitions)
    follow, start, end = np.ascontiguousarray(packed[:n_tags]), packed[n_tags], packed[n_tags + 1]
    scores = _best_scores(_array(emissions), start, follow)
    last = _last_tokens(mask)
    final = (scores[last, np.arange(n_windows)] + end).argmax(axis=1)
    tags = _trace_back(scores, np.ascontiguousarray(follow.T), final, last)
    return torch.from_numpy(tags.T).to(emissions.device).masked_fill(~mask, 0)


def _best_scores(emissions: np.ndarray, start: np.ndarray, follow: np.ndarray) -> np.ndarray:
    """Score of the best path up to each tag: (T, B, K). emissions: (B, T, K).

    The longer of B and K lies in the last dimension while the maximum is taken: numpy works along it.
    """
    n_windows, n_tokens, n_tags = emissions.shape
    windows_last = n_windows > n_tags
    X = np.ascontiguousarray(emissions.transpose((1, 2, 0) if windows_last else (1, 0, 2)))
    scores = np.empty_like(X)  # (T, K, B) or (T, B, K)
    scores[0] = X[0] + (start[:, None] if windows_last else start)
    if windows_last:
        steps = np.empty((n_tags, n_tags, n_windows), X.dtype)  # earlier tag, later tag, window
        earlier, weights, axis = scores[:, :, None, :], follow[:, :, None], 0
    else:
        steps = np.empty((n_windows, n_tags, n_tags), X.dtype)  # window, earlier tag, later tag
        earlier, weights, axis = scores[:, :, :, None], follow, 1
    for before, here, x in zip(earlier[:-1], scores[1:], X[1:]):
        np.add(before, weights, out=steps)
        np.maximum.reduce(steps, axis=axis, out=here)
        here += x
    return np.ascontiguousarray(scores.transpose(0, 2, 1)) if windows_last else scores


def _trace_back(scores: np.ndarray, into: np.ndarray, final: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Tags of the best paths: (T, B); anything behind a window's last token.

    scores: (T, B, K). into: (K, K), row = later tag. final: (B,), tag at the `last` token (B,) of each window.
    """
    tags = np.empty(scores.shape[:2], dtype=np.int64)
    tags[-1] = final
    ending = {int(t): last == t for t in np.unique(last)}
    candidates = np.empty(scores.shape[1:], scores.dtype)
    for t in range(len(scores) - 2, -1, -1):
        into.take(tags[t + 1], axis=0, out=candidates)
        candidates += scores[t]
        candidates.argmax(axis=1, out=tags[t])
        if t in ending:
            np.copyto(tags[t], final, where=ending[t])
    return tags


def forward_backward(emissions: Tensor, transitions: Tensor, mask: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    """Log-sums over the paths up to each tag, those after it, and all of them.

    emissions: (B, T, K), T >= 1. transitions: (K + 2, K). mask: (B, T), left-aligned.
    RETURNS: alpha (B, T, K), its own emission included; beta (B, T, K), its own emission left out;
        log_z (B,); all float64. alpha + beta - log_z is the log-probability of a tag at a token.
        Behind the end of a window alpha keeps its last values, and beta means nothing.
    """
    sums = path_sums(*_float64(emissions, transitions, mask), mask)
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha = np.log(sums.alpha) + sums.alpha_scale[:, :, None]
        beta = np.log(sums.beta) + sums.beta_scale[:, :, None]
    last, rows = _last_tokens(mask), np.arange(len(alpha))[:, None]
    alpha = alpha[rows, np.minimum(np.arange(alpha.shape[1]), last[:, None])]
    alpha, beta, log_z = (torch.from_numpy(x).to(emissions.device) for x in (alpha, beta, sums.log_z))
    return alpha, beta, log_z


def path_sums(emissions: np.ndarray, transitions: np.ndarray, mask: Tensor) -> PathSums:
    """The sums of `forward_backward` with their scales apart: two operations a step in place of eight.

    Outside of log space a sum is lost where it is too small for float64 beside the largest of its window (two tags
    700 nats apart, of which only the smaller can be reached). Then, and only then, all is done again in log space.
    In float64 either way: float32 loses 1e-3 of a probability over 256 tokens.

    SOURCE: Rabiner 1989 (A Tutorial on Hidden Markov Models), section V.A, for the scaling.
    """
    with np.errstate(all="ignore"):  # what is lost shows in log_z
        sums = _scaled_sums(emissions, transitions, mask)
    return sums if np.isfinite(sums.log_z).all() else _log_sums(emissions, transitions, mask)


def _apart(logs: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Factors (B, T, K), at most 1, and scales (B, T)."""
    top = logs.max(axis=2)
    return np.exp(logs - top[:, :, None]), top


def _scaled_sums(emissions: np.ndarray, transitions: np.ndarray, mask: Tensor) -> PathSums:
    """Both recursions on exponentials; log_z is not finite where float64 was too narrow. emissions: (B, T, K)."""
    n_windows, n_tokens, n_tags = emissions.shape
    last, rows, steps = _last_tokens(mask), np.arange(n_windows), np.arange(n_tokens)[:, None]
    weights = np.exp(transitions)
    follow, start, end = weights[:n_tags], weights[n_tags], weights[n_tags + 1]
    top = np.where(steps <= last, emissions.max(axis=2).T, 0.0)  # (T, B)
    X = np.exp(emissions.transpose(1, 0, 2) - top[:, :, None])  # (T, B, K), at most 1
    alpha, beta = np.empty_like(X), np.empty_like(X)
    alpha_scale, beta_scale = top, np.where(steps < last, np.roll(top, -1, axis=0), 0.0)
    np.multiply(start, X[0], out=alpha[0])
    for t in range(1, n_tokens):
        np.matmul(alpha[t - 1], follow, out=alpha[t])
        alpha[t] *= X[t]
        if t % RESCALE == 0:
            alpha_scale[t] += _rescale(alpha[t])
    back = np.ascontiguousarray(follow.T)
    ending = {int(t): last == t for t in np.unique(last)}
    beta[-1] = end
    weighted = np.empty_like(beta[0])
    for t in range(n_tokens - 2, -1, -1):
        np.multiply(beta[t + 1], X[t + 1], out=weighted)
        np.matmul(weighted, back, out=beta[t])
        if t in ending:
            beta[t, ending[t]] = end
        if t % RESCALE == 0:
            beta_scale[t] += np.where(t < last, _rescale(beta[t]), 0.0)
            beta[t, t >= last] = end
    alpha_scale = np.cumsum(alpha_scale, axis=0)
    beta_scale = np.cumsum(beta_scale[::-1], axis=0)[::-1]
    log_z = np.log((alpha[last, rows] * end).sum(axis=1)) + alpha_scale[last, rows]
    swap = partial(np.swapaxes, axis1=0, axis2=1)
    return PathSums(swap(alpha), swap(alpha_scale), swap(beta), swap(beta_scale), log_z)


def _rescale(sums: np.ndarray) -> np.ndarray:
    """Divide each row by its sum, in place. sums: (B, K). RETURNS: logarithms of the divisors, (B,)."""
    total = sums.sum(axis=1, keepdims=True)
    sums /= total
    return np.log(total[:, 0])


def _log_sums(X: np.ndarray, transitions: np.ndarray, mask: Tensor) -> PathSums:
    """The sums in log space, rows shifted by their maximum. X: (B, T, K), emissions."""
    on = mask.cpu().numpy()[:, :, None]
    follow, start, end = np.exp(transitions[:-2]), transitions[-2], transitions[-1]
    alpha, beta = np.empty_like(X), np.empty_like(X)
    alpha[:, 0] = start + X[:, 0]
    for t in range(1, X.shape[1]):
        alpha[:, t] = _log_matmul(alpha[:, t - 1], follow) + X[:, t]
        alpha[:, t] = np.where(on[:, t], alpha[:, t], alpha[:, t - 1])
    beta[:, -1] = end
    for t in range(X.shape[1] - 1, 0, -1):
        beta[:, t - 1] = _log_matmul(beta[:, t] + X[:, t], follow.T)
        beta[:, t - 1] = np.where(on[:, t], beta[:, t - 1], beta[:, t])
    return PathSums(*_apart(alpha), *_apart(beta), _log_sum(alpha[:, -1] + end))


def _log_matmul(log_x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """log(exp(log_x) @ y), rows shifted by their maximum: (B, K)."""
    top = log_x.max(axis=1, keepdims=True)
    return np.log(np.maximum(np.exp(log_x - top) @ y, TINY)) + top


def _log_sum(log_x: np.ndarray) -> np.ndarray:
    """log(sum(exp(x))) of each row: (B, K) to (B,)."""
    top = log_x.max(axis=1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(log_x - top).sum(axis=1)) + top[:, 0]


def span_log_probability(
    emissions: Tensor, transitions: Tensor, mask: Tensor, row: Tensor, start: Tensor, end: Tensor, tag: Tensor
) -> Tensor:
    """Log-probability that the window holds precisely this entity: B at `start`, I up to `end`, then no I: (S,).

    row, start, end, tag: (S,) int64; window, first token, token behind the last, the entity's B tag
    (its I tag is the next one).
    """
    n_tags = emissions.shape[2]
    X, packed = _float64(emissions, transitions, mask)
    sums = path_sums(X, packed, mask)
    n_row, n_start, n_end, n_tag = (_array(x) for x in (row, start, end, tag))
    inside, length = n_tag + 1, n_end - n_start
    # all-I stretch [start + 1, end): emissions from a running sum, transitions B-I then I-I
    running = np.cumsum(X, axis=1)
    body = running[n_row, n_end - 1, inside] - running[n_row, n_start, inside]
    body += np.where(length > 1, packed[n_tag, inside], 0.0)
    body += np.maximum(length - 2, 0) * packed[inside, inside]
    last = np.where(length > 1, inside, n_tag)
    next_token = np.minimum(n_end, X.shape[1] - 1)
    with np.errstate(divide="ignore"):
        before = np.log(sums.alpha[n_row, n_start, n_tag]) + sums.alpha_scale[n_row, n_start]
        after = np.log(sums.beta[n_row, next_token]) + sums.beta_scale[n_row, next_token, None]
    after = after + packed[last] + X[n_row, next_token]  # (S, K)
    after[np.arange(len(inside)), inside] = -np.inf
    at_end = n_end > _last_tokens(mask)[n_row]
    behind = np.where(at_end, packed[n_tags + 1][last], _log_sum(after))
    log_p = np.minimum(before + body + behind - sums.log_z[n_row], 0.0)
    return torch.from_numpy(log_p.astype(np.float32)).to(emissions.device)


def _float64(emissions: Tensor, transitions: Tensor, mask: Tensor) -> Tuple[np.ndarray, np.ndarray]:
    """Emissions and transitions as arrays. RAISES (ValueError): S301 unless the three belong together."""
    check_shapes(emissions, transitions, mask)
    return _array(emissions).astype(np.float64), _array(transitions).astype(np.float64)


def _array(x: Tensor) -> np.ndarray:
    return x.detach().cpu().numpy()


def _last_tokens(mask: Tensor) -> np.ndarray:
    """Place of each window's last token, 0 for an empty one: (B,). mask: (B, T)."""
    return np.maximum(_array(mask).sum(axis=1) - 1, 0)
