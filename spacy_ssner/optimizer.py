"""Adam for Thinc that updates a weight in one pass over its memory, on all cores."""

import math
from typing import Any, Dict, Tuple

import numpy as np
import torch
from thinc.api import NumpyOps, Optimizer
from thinc.optimizers import ADAM_DEFAULTS, FloatOrSeq
from torch.optim.adam import adam

from .layers.forked import use_one_thread_when_forked
from .settings import check_number


class FusedAdam(Optimizer):
    """Thinc's Adam, computed by PyTorch's fused kernel where weights are in the CPU's memory, by Thinc elsewhere.

    Thinc goes over each weight, its gradient and their moments some six times on one core, which is a tenth of an
    epoch with a MiniLM. The result is the same but for rounding.

    SOURCE: Kingma and Ba 2015 (Adam), with decoupled weight decay by Loshchilov and Hutter 2019.
    """

    __slots__ = ()  # as in Thinc: a mistyped attribute is an error

    def __call__(
        self, key: Tuple[int, str], weights: Any, gradient: Any, *, lr_scale: float = 1.0
    ) -> Tuple[Any, Any]:
        """Update the weights in place and set the gradient to zero.

        key: Of the model's node and its parameter. weights, gradient: of one shape.
        lr_scale (float): Multiplies the learning rate.
        RETURNS: weights and gradient. RAISES (ValueError): Thinc's, if the arrays are not of one shape.
        """
        if not self._can_fuse(key, weights, gradient):
            return super().__call__(key, weights, gradient, lr_scale=lr_scale)
        self.nr_update[key] += 1
        mom1, mom2 = (
            torch.from_numpy(_entry(moments, key, weights.size)) for moments in (self.mom1, self.mom2)
        )
        W, dW = (torch.from_numpy(array.reshape(-1)) for array in (weights, gradient))
        if self.L2 and not self.L2_is_weight_decay:
            dW.add_(W, alpha=float(self.L2))
        _clip(dW, float(self.grad_clip))
        n_steps, rate = self.nr_update[key], float(self.learn_rate) * lr_scale
        # the kernel counts this step itself
        n_before = torch.tensor(n_steps - 1, dtype=torch.float32, device="cpu")
        adam(
            [W],
            [dW],
            [mom1],
            [mom2],
            [],
            [n_before],
            fused=True,
            amsgrad=False,
            beta1=float(self.b1),
            beta2=float(self.b2),
            lr=rate,
            weight_decay=0.0,  # Thinc's comes after the step
            # Thinc adds it to the root of a second moment that is not yet corrected for its start at zero
            eps=float(self.eps) / (1 - float(self.b2) ** n_steps) ** 0.5,
            maximize=False,
        )
        dW.zero_()
        if self.L2 and self.L2_is_weight_decay:
            W.sub_(W, alpha=rate * float(self.L2))
        if self.averages is not None:
            NumpyOps().update_averages(_entry(self.averages, key, weights.shape), weights, n_steps)
        return weights, gradient

    def _can_fuse(self, key: Tuple[int, str], weights: Any, gradient: Any) -> bool:
        """Whether the kernel, which checks nothing, may have these arrays. Thinc takes the others, or refuses them."""
        sizes = {moments[key].size for moments in (self.mom1, self.mom2) if key in moments}
        return (
            not self.use_radam
            and self.b1 > 0
            and 0 < self.b2 < 1
            and _in_one_piece(weights)
            and _in_one_piece(gradient)
            and weights.shape == gradient.shape
            and sizes <= {weights.size}
        )


def _clip(gradient: torch.Tensor, longest: float) -> None:
    """Shorten a gradient, in place, if it is longer than that; 0 leaves it as it is."""
    if longest and (norm := float(torch.linalg.vector_norm(gradient))) >= longest:
        gradient.mul_(longest / norm)


def _entry(arrays: Dict[Any, Any], key: Tuple[int, str], shape: Any) -> Any:
    """An optimizer's array for a weight, zeros at first."""
    if key not in arrays:
        arrays[key] = np.zeros(shape, dtype="f")
    return arrays[key]


def _in_one_piece(array: Any) -> bool:
    """Whether PyTorch can work on this array in place."""
    return (
        isinstance(array, np.ndarray)
        and array.dtype == np.float32
        and array.flags.c_contiguous
        and array.flags.writeable
    )


def make_fused_adam(
    learn_rate: FloatOrSeq = ADAM_DEFAULTS["learn_rate"],
    *,
    L2: FloatOrSeq = ADAM_DEFAULTS["L2"],
    beta1: FloatOrSeq = ADAM_DEFAULTS["beta1"],
    beta2: FloatOrSeq = ADAM_DEFAULTS["beta2"],
    eps: FloatOrSeq = ADAM_DEFAULTS["eps"],
    grad_clip: FloatOrSeq = ADAM_DEFAULTS["grad_clip"],
    L2_is_weight_decay: bool = bool(ADAM_DEFAULTS["L2_is_weight_decay"]),
    use_averages: bool = True,
) -> FusedAdam:
    """For `[training.optimizer]`: `@optimizers = "spacy-ssner.FusedAdam.v1"`. Settings are those of Thinc's Adam.v1.

    RAISES (ValueError): S101 for a number out of range; schedules are taken as they are.
    """
    values = {
        "learn_rate": learn_rate,
        "L2": L2,
        "beta1": beta1,
        "beta2": beta2,
        "eps": eps,
        "grad_clip": grad_clip,
    }
    for name, value in values.items():
        if isinstance(value, (int, float)):
            check_number(name, value, least=0, below=1 if name in ("beta1", "beta2") else math.inf)
    use_one_thread_when_forked()
    return FusedAdam(
        learn_rate,
        L2=L2,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        grad_clip=grad_clip,
        L2_is_weight_decay=L2_is_weight_decay,
        use_averages=use_averages,
    )
