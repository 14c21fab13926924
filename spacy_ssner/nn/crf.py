"""Linear-chain CRF with forbidden transitions and missing labels, on top of pytorch-crf.

Letters: B windows, T tokens of the longest, K tags, S spans.
`transitions` is always (K + 2, K): row i < K from tag i, row K from the start, row K + 1 to the end.

SOURCE: Lafferty et al. 2001; SSNER (Symmetry 2025, 17, 783), end of section 3.5. pytorch-crf 0.7.2 gives
the parameters and the recursion of the partition function; constraints, missing labels, batched
Viterbi and span marginals are added here.
"""

from types import SimpleNamespace
from typing import Any, Tuple, cast

import torch
import torchcrf
from torch import Tensor

from ..errors import Errors

OFF = -1e4  # finite on purpose: -inf makes the gradient of logsumexp NaN
TINY = 1e-300  # smallest sum of exponentials that float64 can take the logarithm of


class ConstrainedCRF(torchcrf.CRF):
    """pytorch-crf's parameters plus the knowledge of which transitions are legal.

    start_legal: (K,) bool. follow_legal: (K, K) bool, row = earlier tag.
    """

    def __init__(self, start_legal: Tensor, follow_legal: Tensor):
        n_tags = start_legal.shape[0]
        super().__init__(n_tags, batch_first=True)
        legal = torch.cat([follow_legal, start_legal[None], torch.ones(1, n_tags, dtype=torch.bool)])
        self.register_buffer("legal", legal, persistent=False)

    def packed(self) -> Tensor:
        """Transitions with the illegal ones held at OFF: (K + 2, K). No gradient reaches those."""
        free = torch.cat([self.transitions, self.start_transitions[None], self.end_transitions[None]])
        return free.masked_fill(~cast(Tensor, self.legal), OFF)


def log_partition(emissions: Tensor, transitions: Tensor, mask: Tensor) -> Tensor:
    """Log of the summed scores of all tag paths: (B,). An empty window has one path, of score 0.

    emissions: (B, T, K). transitions: (K + 2, K). mask: (B, T), left-aligned.
    """
    check_shapes(emissions, transitions, mask)
    if emissions.shape[1] == 0:
        return emissions.new_zeros(emissions.shape[0])
    parameters = _as_torchcrf(transitions)
    first_on = mask.clone()
    first_on[:, 0] = True  # pytorch-crf refuses empty rows; they are blanked below
    recursion = cast(Any, torchcrf.CRF)._compute_normalizer
    total = recursion(parameters, emissions.transpose(0, 1), first_on.transpose(0, 1))  # (B,)
    return torch.where(mask[:, 0], total, torch.zeros_like(total))


def crf_nll(emissions: Tensor, transitions: Tensor, allowed: Tensor, mask: Tensor) -> Tensor:
    """Negative log-probability of the allowed tag paths, in nats, >= 0 up to rounding: (B,).

    emissions: (B, T, K). transitions: (K + 2, K). mask: (B, T), left-aligned.
    allowed: (B, T, K). One True per token is full gold; all True is a missing label.
    """
    gold = emissions.masked_fill(~allowed, OFF)
    return log_partition(emissions, transitions, mask) - log_partition(gold, transitions, mask)


def viterbi(emissions: Tensor, transitions: Tensor, mask: Tensor) -> Tensor:
    """Best tag path of each window: (B, T) int64, 0 where the mask is off.

    emissions: (B, T, K). transitions: (K + 2, K). mask: (B, T), left-aligned.
    """
    check_shapes(emissions, transitions, mask)
    n_windows, n_tokens, n_tags = emissions.shape
    tags = torch.zeros(n_windows, n_tokens, dtype=torch.long, device=emissions.device)
    if n_tokens == 0:
        return tags
    follow, start, end = transitions[:n_tags], transitions[n_tags], transitions[n_tags + 1]
    stay = torch.arange(n_tags, device=emissions.device).expand(n_windows, n_tags)
    score = start + emissions[:, 0]  # (B, K)
    pointers = []
    for t in range(1, n_tokens):
        best, pointer = (score.unsqueeze(2) + follow).max(dim=1)  # (B, K)
        on = mask[:, t, None]
        score = torch.where(on, best + emissions[:, t], score)
        pointers.append(torch.where(on, pointer, stay))
    tags[:, -1] = (score + end).argmax(dim=1)
    for t in range(n_tokens - 1, 0, -1):
        tags[:, t - 1] = pointers[t - 1].gather(1, tags[:, t, None]).squeeze(1)
    return tags.masked_fill(~mask, 0)


def forward_backward(emissions: Tensor, transitions: Tensor, mask: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    """Log-sums over the paths up to each tag, those after it, and all of them.

    emissions: (B, T, K), T >= 1. transitions: (K + 2, K). mask: (B, T), left-aligned.
    RETURNS: alpha (B, T, K), its own emission included; beta (B, T, K), its own emission left out;
        log_z (B,); all float64. alpha + beta - log_z is the log-probability of a tag at a token.

    The sums are taken outside of log space, each row shifted by its maximum: one matrix product a step.
    In float64: float32 loses 1e-3 of a probability over 256 tokens, and all of it where two tags lie more
    than 85 nats apart.
    """
    check_shapes(emissions, transitions, mask)
    emissions, transitions = emissions.double(), transitions.double()
    n_tokens, n_tags = emissions.shape[1:]
    follow, start, end = transitions[:n_tags].exp(), transitions[n_tags], transitions[n_tags + 1]
    alphas = [start + emissions[:, 0]]
    for t in range(1, n_tokens):
        alpha = _log_matmul(alphas[-1], follow) + emissions[:, t]
        alphas.append(torch.where(mask[:, t, None], alpha, alphas[-1]))
    betas = [end.expand_as(alphas[0])]
    for t in range(n_tokens - 1, 0, -1):
        beta = _log_matmul(betas[-1] + emissions[:, t], follow.T)
        betas.append(torch.where(mask[:, t, None], beta, betas[-1]))
    log_z = torch.logsumexp(alphas[-1] + end, dim=1)
    return torch.stack(alphas, dim=1), torch.stack(betas[::-1], dim=1), log_z


def span_log_probability(
    emissions: Tensor, transitions: Tensor, mask: Tensor, row: Tensor, start: Tensor, end: Tensor, tag: Tensor
) -> Tensor:
    """Log-probability that the window holds precisely this entity: B at `start`, I up to `end`, then no I: (S,).

    row, start, end, tag: (S,) int64; window, first token, token behind the last, the entity's B tag
    (its I tag is the next one).
    """
    n_tags = emissions.shape[2]
    alpha, beta, log_z = forward_backward(emissions, transitions, mask)
    inside = tag + 1
    # all-I stretch [start + 1, end): emissions from a running sum, transitions B-I then I-I
    running = torch.cumsum(emissions.double(), dim=1)
    body = running[row, end - 1, inside] - running[row, start, inside]
    length = end - start
    body = body + torch.where(length > 1, transitions[tag, inside], 0.0)
    body = body + (length - 2).clamp(min=0) * transitions[inside, inside]
    last = torch.where(length > 1, inside, tag)  # (S,)
    lengths = mask.sum(dim=1)
    at_end = end >= lengths[row]
    next_token = end.clamp(max=emissions.shape[1] - 1)
    after = transitions[last] + emissions[row, next_token] + beta[row, next_token]  # (S, K)
    continues = torch.arange(n_tags, device=tag.device)[None] == inside[:, None]
    after = torch.logsumexp(after.masked_fill(continues, -torch.inf), dim=1)
    after = torch.where(at_end, transitions[n_tags + 1][last], after)
    return (alpha[row, start, tag] + body + after - log_z[row]).clamp(max=0.0).float()


def tempered(scores: Tensor, temperature: float) -> Tensor:
    """Emissions or transitions divided by a temperature; what is OFF stays OFF, so that nothing illegal gets warm.

    temperature (float): > 0. Above 1 probabilities become more even, below 1 sharper. A path's score is a sum of
        emissions and transitions, so dividing all of them keeps the order of the paths, and with it the best one.

    SOURCE: Guo et al. 2017 (On Calibration of Modern Neural Networks), section 4.2, for paths in place of classes.
    """
    return torch.where(scores > OFF, scores / temperature, scores)


def check_shapes(emissions: Tensor, transitions: Tensor, mask: Tensor) -> None:
    """Raise S301 unless the three belong together."""
    n_tags = emissions.shape[-1]
    expected = f"(B, T, {n_tags}), ({n_tags + 2}, {n_tags}) and (B, T) bool"
    got = f"{tuple(emissions.shape)}, {tuple(transitions.shape)} and {tuple(mask.shape)} {mask.dtype}"
    fits = emissions.dim() == 3 and transitions.shape == (n_tags + 2, n_tags)
    if not (fits and mask.shape == emissions.shape[:2] and mask.dtype == torch.bool):
        raise ValueError(Errors.S301.format(expected=expected, got=got))


def _as_torchcrf(transitions: Tensor) -> SimpleNamespace:
    """The attributes that pytorch-crf's recursion reads, taken from the packed transitions."""
    n_tags = transitions.shape[1]
    return SimpleNamespace(
        num_tags=n_tags,
        transitions=transitions[:n_tags],
        start_transitions=transitions[n_tags],
        end_transitions=transitions[n_tags + 1],
    )


def _log_matmul(log_x: Tensor, y: Tensor) -> Tensor:
    """log(exp(log_x) @ y), rows shifted by their maximum: (B, K)."""
    top = log_x.amax(dim=1, keepdim=True)
    return ((log_x - top).exp() @ y).clamp(min=TINY).log() + top
