"""Linear-chain CRF with forbidden transitions and missing labels, on top of pytorch-crf.

Letters: B windows, T tokens of the longest, K tags.
`transitions` is always (K + 2, K): row i < K from tag i, row K from the start, row K + 1 to the end.

SOURCE: Lafferty et al. 2001; SSNER (Symmetry 2025, 17, 783), end of section 3.5. pytorch-crf 0.7.2 gives
the parameters and the recursion of the partition function; constraints and missing labels are added here,
best paths in nn/crf_decoding.py, sums over paths in nn/crf_sums.py, span probabilities in nn/span_marginals.py.
"""

from types import SimpleNamespace
from typing import Any, cast

import torch
import torchcrf
from torch import Tensor

from ..errors import Errors

OFF = -1e4  # finite on purpose: -inf makes the gradient of logsumexp NaN
COLDEST = 1e-6  # temperature; below it, what is left apart from the best path is the scores' own rounding


class ConstrainedCRF(torchcrf.CRF):
    """pytorch-crf's parameters plus the knowledge of which transitions are legal.

    legal: (K + 2, K) bool. See labels.legal_transitions.
    """

    def __init__(self, legal: Tensor):
        super().__init__(legal.shape[1], batch_first=True)
        self.register_buffer("legal", legal, persistent=False)

    def packed(self) -> Tensor:
        """Transitions with the illegal ones held at OFF: (K + 2, K). No gradient reaches those."""
        free = torch.cat([self.transitions, self.start_transitions[None], self.end_transitions[None]])
        return free.masked_fill(~cast(Tensor, self.legal), OFF)


def log_partition(emissions: Tensor, transitions: Tensor, mask: Tensor) -> Tensor:
    """Log of the summed scores of all tag paths: (B,). An empty window has one path, of score 0.

    emissions: (B, T, K). transitions: (K + 2, K). mask: (B, T), left-aligned.
    RAISES (ValueError): S301 unless the three belong together.
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
    RAISES (ValueError): S301 as `log_partition`.
    """
    gold = emissions.masked_fill(~allowed, OFF)
    return log_partition(emissions, transitions, mask) - log_partition(gold, transitions, mask)


def tempered(scores: Tensor, temperature: float) -> Tensor:
    """Emissions or transitions divided by a temperature; what is OFF stays so far off or farther: nothing illegal gets
    warm, nor does it come near where all else gets colder.

    temperature (float): > 0. Above 1 probabilities become more even, below 1 sharper. A path's score is a sum of
        emissions and transitions, so dividing all of them keeps the order of the paths, and with it the best one.
        Less than COLDEST counts as that: float32 would not hold what comes out.

    SOURCE: Guo et al. 2017 (On Calibration of Modern Neural Networks), section 4.2, for paths in place of classes.
    """
    temperature = max(temperature, COLDEST)
    return torch.where(scores > OFF, scores / temperature, scores / min(temperature, 1.0))


def check_shapes(emissions: Tensor, transitions: Tensor, mask: Tensor) -> None:
    """RAISES (ValueError): S301 unless the three belong together."""
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
