"""Sums over the tag paths of a linear-chain CRF. No gradients.

Letters: B windows, T tokens of the longest, K tags. `transitions` is (K + 2, K) as in nn/crf.py.

Computed by numpy on the CPU, for the same reason as in nn/crf_decoding.py.
"""

import math
from typing import NamedTuple, Optional, Tuple

import numpy as np
import torch
from torch import Tensor

from .crf import OFF, check_shapes
from .crf_decoding import as_array, last_tokens

RESCALE = 8  # tokens between two rescalings: as many steps of 80 nats fit into float64
FAR = math.exp(-150.0)
LOST = 1e-6  # nats by which the sum of the paths through a token may differ from that of all paths


class PathSums(NamedTuple):
    """Sums over paths as factor (T, B, K) times exp(scale), scales (T, B, 1), or (T, B, K) in log space. float64.

    before: All that leads to a tag, after: all that may follow it; its own emission is in neither. own, own_scale
    (T, B): emissions. mirror: (T, B), where in `after` a token stands. log_z: (B,), of all paths. What stands behind
    the end of a window means nothing.
    """

    before: np.ndarray
    before_scale: np.ndarray
    after: np.ndarray
    after_scale: np.ndarray
    own: np.ndarray
    own_scale: np.ndarray
    mirror: np.ndarray
    log_z: np.ndarray


def forward_backward(emissions: Tensor, transitions: Tensor, mask: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    """Log-sums over the paths up to each tag, those after it, and all of them.

    emissions: (B, T, K), T >= 1. transitions: (K + 2, K). mask: (B, T), left-aligned.
    RETURNS: alpha (B, T, K), its own emission included; beta (B, T, K), its own emission left out;
        log_z (B,); all float64. alpha + beta - log_z is the log-probability of a tag at a token.
        Behind the end of a window alpha keeps its last values, and beta means nothing.
    RAISES (ValueError): S301 unless the three arguments belong together.
    """
    X, packed = checked(emissions, transitions, mask)
    sums = path_sums(X, packed, mask)
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha = np.log(sums.before) + sums.before_scale + X.transpose(1, 0, 2)
        beta = np.log(sums.after) + sums.after_scale
    last, tokens = last_tokens(mask), np.arange(len(alpha))[:, None]
    rows = np.arange(len(last))
    alpha = alpha[np.minimum(tokens, last), rows].swapaxes(0, 1)
    beta = beta[sums.mirror, rows].swapaxes(0, 1)
    alpha, beta, log_z = (torch.from_numpy(x).to(emissions.device) for x in (alpha, beta, sums.log_z))
    return alpha, beta, log_z


def path_sums(emissions: np.ndarray, transitions: np.ndarray, mask: Tensor) -> PathSums:
    """The sums of `forward_backward` with their scales apart: two operations a step in place of eight.

    Outside of log space a sum is lost where it is too small for float64 beside the largest of its window (two tags
    700 nats apart, of which only the smaller can be reached). Then the sums through some token do not make up that of
    all paths, and all is done again in log space.
    All is computed in float64: float32 loses 1e-3 of a probability over 256 tokens, and every tag that is 87 nats
    behind another.
    emissions: (B, T, K). transitions: (K + 2, K), float64. mask: (B, T).

    SOURCE: Rabiner 1989 (A Tutorial on Hidden Markov Models), section V.A, for the scaling.
    """
    with np.errstate(all="ignore"):  # what is lost shows
        sums = _scaled_sums(emissions, transitions, mask)
    return _log_sums(emissions, transitions, mask) if sums is None else sums


def _apart(logs: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Factors (T, B, K), at most 1, and scales (T, B) of logs (B, T, K). float64."""
    top = logs.max(axis=2).T.astype(np.float64)
    factors = np.empty((*top.shape, logs.shape[2]))
    np.subtract(logs.swapaxes(0, 1), top[:, :, None], out=factors)
    return np.exp(factors, out=factors), top


def _scaled_sums(emissions: np.ndarray, transitions: np.ndarray, mask: Tensor) -> Optional[PathSums]:
    """Both recursions on exponentials; None where float64 was too narrow. emissions: (B, T, K).

    The sums after a token are those before a token of the window read from its end, with transitions turned round and
    the end's weights at the start: so both are steps of one loop, side by side.
    """
    n_windows, n_tokens, n_tags = emissions.shape
    last, rows, tokens = last_tokens(mask), np.arange(n_windows), np.arange(n_tokens)[:, None]
    mirror = np.where(tokens <= last, last - tokens, tokens)  # (T, B), its own inverse
    own, top = _apart(emissions)
    weights = np.exp(transitions)
    follow = np.stack([weights[:n_tags], weights[:n_tags].T])
    sums, logs = _both_chains(own, mirror, weights[n_tags:], follow)
    tops = np.stack([top, top[mirror, rows]], axis=1)
    scales = logs + np.cumsum(tops, axis=0) - tops  # (T, 2, B)
    at_end = last, rows
    ends = (sums[:, 0][at_end] * own[at_end] * weights[n_tags + 1]).sum(axis=1)
    log_z = np.log(ends) + scales[:, 0][at_end] + top[at_end]
    at = slice(None, None, _step_of_check(own, emissions))
    back = mirror[at]
    through = np.einsum("tbk,tbk,tbk->tb", sums[at, 0], own[at], sums[back, 1, rows])
    logs_of_z = np.log(through) + scales[at, 0] + scales[back, 1, rows] + top[at]
    if not (np.abs(logs_of_z - log_z) < LOST)[tokens[at] <= last].all():
        return None
    before, after = ((sums[:, i], scales[:, i, :, None]) for i in range(2))
    return PathSums(*before, *after, own, top, mirror, log_z)


def _step_of_check(own: np.ndarray, emissions: np.ndarray) -> int:
    """How many tokens apart the sums through a token are compared with that of all paths.

    A path that counts and is lost in both directions falls 1,400 nats behind from where the one loses it to where the
    other does. Where the scores of each token lie less than 150 nats apart, that takes more than RESCALE tokens.
    own: Exponentials of the emissions, 1 at most.
    """
    n_near = np.count_nonzero(own > FAR)
    return RESCALE if n_near == np.count_nonzero(emissions > OFF / 2) else 1


def _both_chains(
    own: np.ndarray, mirror: np.ndarray, start: np.ndarray, follow: np.ndarray
) -> Tuple[np.ndarray, np.ndarray]:
    """Sums over the paths that lead to each tag, its own emission left out, from either end of a window.

    own: (T, B, K), exponentials of emissions. mirror: (T, B), token of the other end's chain. start: (2, K).
    follow: (2, K, K). RETURNS: Factor (T, 2, B, K) and logarithm of a scale (T, 2, B).
    """
    n_tokens, n_windows, n_tags = own.shape
    sums, logs = np.empty((n_tokens, 2, n_windows, n_tags)), np.zeros((n_tokens, 2, n_windows))
    sums[0] = start[:, None]
    places, flat = mirror * n_windows + np.arange(n_windows), own.reshape(-1, n_tags)
    own_of_both, here = np.empty((2, *sums.shape[1:]))
    for t in range(1, n_tokens):
        own_of_both[0] = own[t - 1]
        flat.take(places[t - 1], axis=0, out=own_of_both[1], mode="clip")  # numpy's other mode copies
        np.multiply(sums[t - 1], own_of_both, out=here)
        np.matmul(here, follow, out=sums[t])
        if t % RESCALE == 0:
            total = sums[t].sum(axis=-1, keepdims=True)
            sums[t] /= total
            logs[t] = np.log(total[..., 0])
    return sums, np.cumsum(logs, axis=0)


def _log_sums(emissions: np.ndarray, transitions: np.ndarray, mask: Tensor) -> PathSums:
    """The sums in log space. emissions: (B, T, K)."""
    X = emissions.astype(np.float64)
    on = mask.cpu().numpy()[:, :, None]
    follow, start, end = transitions[:-2], transitions[-2], transitions[-1]
    before, after = np.empty_like(X), np.empty_like(X)
    before[:, 0] = start
    for t in range(1, X.shape[1]):
        before[:, t] = _log_matmul(before[:, t - 1] + X[:, t - 1], follow)
    after[:, -1] = end
    for t in range(X.shape[1] - 1, 0, -1):
        after[:, t - 1] = _log_matmul(after[:, t] + X[:, t], follow.T)
        after[:, t - 1] = np.where(on[:, t], after[:, t - 1], after[:, t])
    at_end = np.arange(len(X)), last_tokens(mask)
    log_z = log_sum(before[at_end] + X[at_end] + end)
    as_it_is = np.repeat(np.arange(X.shape[1])[:, None], len(X), axis=1)
    before, after = before.swapaxes(0, 1), after.swapaxes(0, 1)
    ones = np.ones(before.shape)
    return PathSums(ones, before, ones, after, *_apart(emissions), as_it_is, log_z)


def _log_matmul(log_x: np.ndarray, log_y: np.ndarray) -> np.ndarray:
    """log(exp(log_x) @ exp(log_y)), each sum shifted by its own largest term: (B, K) of (B, K), (K, K)."""
    return log_sum((log_x[:, :, None] + log_y).swapaxes(1, 2).reshape(-1, log_x.shape[1])).reshape(
        log_x.shape
    )


def log_sum(log_x: np.ndarray) -> np.ndarray:
    """log(sum(exp(x))) of each row: (B, K) to (B,)."""
    top = log_x.max(axis=1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    x = log_x - top
    with np.errstate(divide="ignore"):
        return np.log(np.exp(x, out=x).sum(axis=1)) + top[:, 0]


def checked(emissions: Tensor, transitions: Tensor, mask: Tensor) -> Tuple[np.ndarray, np.ndarray]:
    """Emissions, and transitions as float64. RAISES (ValueError): S301 unless the three belong together."""
    check_shapes(emissions, transitions, mask)
    return as_array(emissions), as_array(transitions).astype(np.float64)
