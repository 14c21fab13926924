"""Linear layers of a trained module in 8-bit integers, for predictions on a CPU.

Weights are rounded once, one scale per output; inputs are rounded as they come, one scale per call
(dynamic quantisation). What is saved is the rounded weights, a quarter of the size.
"""

import warnings
from typing import Any, Tuple, cast

import torch
from torch import Tensor, nn

LEVELS = 127  # of a sign; -128 is left out so that weights are symmetric


class Int8Linear(nn.Module):
    """`nn.Linear` on rounded weights. No gradients.

    weight: (out, in) int8. scale: (out,) float32, value of one level. bias: (out,) float32.
    SOURCE: Jacob et al. 2018 (Quantization and Training of Neural Networks for Efficient
        Integer-Arithmetic-Only Inference), section 2; the product is torch's (FBGEMM, QNNPACK on ARM).
    """

    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.register_buffer("weight", torch.zeros(out_features, in_features, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(out_features))
        self.register_buffer("bias", torch.zeros(out_features))
        self._packed: Any = None

    @classmethod
    def from_float(cls, linear: nn.Linear) -> "Int8Linear":
        """Round the weights of a trained layer."""
        new = cls(linear.in_features, linear.out_features)
        new.weight, new.scale = round_rows(linear.weight.detach().float().cpu())
        if linear.bias is not None:
            new.bias = linear.bias.detach().float().cpu()
        return new

    def forward(self, X: Tensor) -> Tensor:
        """X: (..., in) float32 on the CPU. RETURNS: (..., out) float32."""
        if self._packed is None:
            self._packed = self._pack()
        # reduce_range: without VNNI the CPU adds two products in 16 bits, which 8-bit inputs would overflow
        return cast(Tensor, torch.ops.quantized.linear_dynamic(X, self._packed, True))

    def _pack(self) -> Any:
        weight, scale = cast(Tensor, self.weight), cast(Tensor, self.scale)
        with warnings.catch_warnings():  # torch announces another way to make such tensors; there is none yet
            warnings.simplefilter("ignore")
            zeros = torch.zeros(len(scale), dtype=torch.long)
            quantised = torch._make_per_channel_quantized_tensor(weight, scale.double(), zeros, 0)
            return torch.ops.quantized.linear_prepack(quantised, cast(Tensor, self.bias))

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._packed = None

    def __getstate__(self) -> dict:
        """Without torch's packed weights, which can be neither copied nor pickled."""
        return {**self.__dict__, "_packed": None}


def round_rows(weight: Tensor) -> Tuple[Tensor, Tensor]:
    """Nearest of 255 levels, symmetric around 0, one scale for each row: (out, in) int8, (out,) float32."""
    scale = (weight.abs().amax(dim=1) / LEVELS).clamp(min=1e-12)
    levels = torch.round(weight / scale.unsqueeze(1)).clamp(-LEVELS, LEVELS)
    return levels.to(torch.int8), scale


def quantise_linears(module: nn.Module) -> int:
    """Put an Int8Linear in place of every nn.Linear inside a module. RETURNS (int): How many."""
    count = 0
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Linear):
            setattr(module, name, Int8Linear.from_float(child))
            count += 1
        else:
            count += quantise_linears(child)
    return count
