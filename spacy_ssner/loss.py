"""The training objective as pure functions: scores and allowed tags in, loss and gradient out."""

import math
from typing import Iterable, Mapping, Optional, Sequence, Tuple

import numpy as np
import torch
from thinc.util import torch2xp, xp2torch
from torch import Tensor

from .errors import Errors
from .nn.batching import length_groups, padded_places
from .nn.crf import crf_nll
from .nn.focal import CLASS_WEIGHTS, allowed_focal_loss, balance_weights
from .nn.network import MAX_PADDED
from .types import TagScores, Windows

MISSING = -1  # tag id of a token without annotation


def gold_tag_ids(tags: Sequence[Optional[str]], tag_ids: dict) -> np.ndarray:
    """BIO tags as numbers: (n_tokens,) int64. None, and a tag the model does not know, become MISSING."""
    return np.fromiter((tag_ids.get(tag, MISSING) for tag in tags), dtype=np.int64, count=len(tags))


def allowed_tags(gold: np.ndarray, windows: Windows, n_tags: int) -> np.ndarray:
    """Tags that the annotation allows at each place of the windows: (M, K) bool.

    gold (np.ndarray): (N,) tag ids over the batch, MISSING where not annotated.

    A missing token, and one that is only context, allows all. An entity that a window cut in two, or that began with
    white space, which the windows leave out, begins anew: its I- becomes B- there.
    """
    ids, index = gold[windows.index], windows.index
    is_begin = (gold > 0) & (gold % 2 == 1)
    latest = np.maximum.accumulate(
        np.where(is_begin, np.arange(len(gold)), 0)
    )  # (N,): of each token, the last B-
    begins = np.append(True, latest[index[1:]] > index[:-1])[: len(ids)]
    begins[windows.starts] = True
    ids -= begins & (ids > 0) & (ids % 2 == 0)
    allowed = np.zeros((len(ids), n_tags), dtype=bool)
    known = (ids != MISSING) & windows.core
    allowed[known, ids[known]] = True
    allowed[~known] = True
    return allowed


@torch.enable_grad()
def crf_loss(scores: TagScores, allowed: np.ndarray) -> Tuple[float, TagScores]:
    """Negative log-probability of the allowed paths, in nats, mean over windows; and its gradient.

    allowed (np.ndarray): (M, K) bool. See nn.crf.crf_nll.
    """
    emissions, transitions = _leaves(scores)
    lengths, starts = scores.windows.lengths, scores.windows.starts
    legal = torch.from_numpy(allowed).to(emissions.device)
    total = emissions.new_zeros(())
    for group in length_groups(lengths, max_padded=MAX_PADDED):
        place, mask = padded_places(starts[group], lengths[group], emissions.device)
        total = total + crf_nll(emissions[place], transitions, legal[place], mask).sum()
    return _with_gradient(total / max(1, len(lengths)), emissions, transitions, scores.windows)


@torch.enable_grad()
def softmax_loss(
    scores: TagScores, allowed: np.ndarray, *, gamma: float = 0.0, tag_weights: Optional[Tensor] = None
) -> Tuple[float, TagScores]:
    """Focal loss of the allowed tags, in nats, mean over annotated tokens; and its gradient.

    allowed (np.ndarray): (M, K) bool. Tokens that allow every tag do not count.
    gamma (float), tag_weights (Optional[Tensor]): (K,). See nn.focal.focal_loss; by default this is the
        negative log-probability.
    """
    emissions, transitions = _leaves(scores)
    legal = torch.from_numpy(allowed).to(emissions.device)
    known = ~legal.all(dim=1)
    X = emissions[known]
    weights = None if tag_weights is None else tag_weights.to(X)
    loss = allowed_focal_loss(X, legal[known], gamma=gamma, class_weights=weights).sum() / max(1, len(X))
    return _with_gradient(loss, emissions, transitions, scores.windows)


def tag_weights(tags: Iterable[str], counts: Mapping[str, int], scheme: str) -> Optional[Tensor]:
    """Weights of tags by how often each was counted in the training split: (K,). See nn.focal.balance_weights.

    counts (Mapping[str, int]): By tag; one that was never counted (a label added later) weighs 1.
    """
    return balance_weights(torch.tensor([counts.get(tag, 0) for tag in tags]), scheme)


def check_loss(decoder: str, gamma: float, class_weights: str) -> None:
    """RAISES (ValueError): S104 for a gamma or weights that there are not, S126 if the decoder has no use for them."""
    if not 0 <= gamma < math.inf:
        raise ValueError(Errors.S104.format(name="focal_gamma", expected="a number of at least 0", got=gamma))
    if class_weights not in CLASS_WEIGHTS:
        expected = f"one of {CLASS_WEIGHTS}"
        raise ValueError(Errors.S104.format(name="class_weights", expected=expected, got=repr(class_weights)))
    if decoder == "crf" and (gamma or class_weights != "none"):
        raise ValueError(Errors.S126.format(gamma=gamma, weights=repr(class_weights)))


def _leaves(scores: TagScores) -> Tuple[Tensor, Tensor]:
    return (
        xp2torch(scores.emissions, requires_grad=True),
        xp2torch(scores.transitions, requires_grad=True),
    )


def _with_gradient(
    loss: Tensor, emissions: Tensor, transitions: Tensor, windows: Windows
) -> Tuple[float, TagScores]:
    if loss.requires_grad:
        loss.backward()
    gradients = [x.grad if x.grad is not None else torch.zeros_like(x) for x in (emissions, transitions)]
    return float(loss.detach()), TagScores(torch2xp(gradients[0]), torch2xp(gradients[1]), windows)
