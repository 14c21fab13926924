"""Focal loss and class weights: what keeps the many easy O tokens from drowning the rare types.

Letters: N tokens, K classes (tags).
"""

from typing import Optional

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from .crf import OFF

CLASS_WEIGHTS = ("none", "inverse", "effective")
BETA = 0.999  # of the effective number: about 1 / (1 - BETA) examples of a class are told apart


def focal_loss(
    logits: Tensor, gold: Tensor, *, gamma: float, class_weights: Optional[Tensor] = None
) -> Tensor:
    """Focal loss of each token, w (1 - p)^gamma (-log p) with p the probability of its class: (N,), >= 0.

    logits: (N, K). gold: (N,) int64, 0 <= gold < K.
    gamma (float): >= 0. 0 is cross-entropy; 2 lets a token with p = 0.9 count a hundredth of that.
    class_weights: (K,), each >= 0. See `balance_weights`.

    SOURCE: Lin et al. 2017, Focal Loss for Dense Object Detection, eqs. (4)-(5), for K classes by softmax;
        SSNER (Symmetry 2025, 17, 783), Algorithm 1. UNSTATED: gamma and the weights.
    """
    allowed = one_hot(gold, logits.shape[1]).bool()
    return allowed_focal_loss(logits, allowed, gamma=gamma, class_weights=class_weights)


def allowed_focal_loss(
    logits: Tensor, allowed: Tensor, *, gamma: float, class_weights: Optional[Tensor] = None
) -> Tensor:
    """Focal loss where p is the probability of all classes that the annotation allows: (N,), >= 0.

    logits: (N, K). allowed: (N, K) bool, at least one True a row; all True costs nothing.
    gamma (float): >= 0. class_weights: (K,); a token weighs as much as the classes it allows on average.
    """
    log_z = logits.logsumexp(dim=1)
    nll = log_z - logits.masked_fill(~allowed, OFF).logsumexp(dim=1)  # (N,)
    loss = nll
    if gamma:
        # log(1 - p) from the other classes' scores: 1 - exp(-nll) rounds to 0 for a sure token, and its
        # power has no gradient there for gamma < 1.
        log_rest = logits.masked_fill(allowed, OFF).logsumexp(dim=1) - log_z
        loss = (gamma * log_rest).exp() * nll
    if class_weights is not None:
        of_token = allowed.to(class_weights) @ class_weights / allowed.sum(dim=1)  # (N,)
        loss = of_token * loss
    return loss


def balance_weights(counts: Tensor, scheme: str) -> Optional[Tensor]:
    """Weight of each class, so that the tokens counted weigh 1 on average: (K,) float32; None for "none".

    counts: (K,), how often each class occurs in the training split. One that does not occur weighs 1.
    scheme (str): One of CLASS_WEIGHTS. "inverse": by 1 / count; all classes together weigh the same.
        "effective": by the inverse of the effective number of examples, (1 - BETA^count) / (1 - BETA), which
        stops growing at about a thousand, so that rare classes are not preferred without bounds.

    SOURCE: Cui et al. 2019, Class-Balanced Loss Based on Effective Number of Samples, eq. (2).
    """
    if scheme == "none":
        return None
    counts = counts.double()
    seen = counts > 0
    effective = counts if scheme == "inverse" else (1 - BETA**counts) / (1 - BETA)
    raw = torch.where(seen, 1 / effective.clamp(min=1), 0.0)
    total = (raw * counts).sum()
    weights = raw * counts.sum() / total if total > 0 else raw
    return torch.where(seen, weights, 1.0).float()
