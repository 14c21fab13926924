"""Number formats that a device computes in."""

import warnings

import torch

from ..errors import Warnings


def computes_in_bfloat16(device_type: str) -> bool:
    """Whether products of bfloat16 are faster there than those of float32, not many times slower.

    device_type (str): "cuda" or "cpu". CPUs without AVX-512 (or Arm's counterpart) emulate them number by number;
        those with AVX-512 but without its bfloat16 instructions count as able, though they gain little.
    """
    if device_type == "cuda":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    ask = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return device_type == "cpu" and ask is not None and bool(ask())


def warn_of_slow_bfloat16(setting: str, device_type: str) -> None:
    """Warn SW105 if a user asks for bfloat16 where it slows training down. setting (str): How it was asked for."""
    if not computes_in_bfloat16(device_type):
        warnings.warn(Warnings.SW105.format(setting=setting, device=device_type), stacklevel=3)
