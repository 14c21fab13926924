"""Number formats that a device computes in."""

import time
import warnings
from contextlib import contextmanager
from functools import lru_cache
from typing import Iterator

import torch

from ..errors import Warnings

PIECES, WIDTH, REPEATS = 256, 384, 7  # the product that is timed: one of a small encoder


@contextmanager
def in_float32() -> Iterator[None]:
    """Make modules here: their weights are float32, which Thinc counts on, whatever torch's default type is outside."""
    before = torch.get_default_dtype()
    if before is not torch.float32:  # of all threads, so only where it must be
        torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        if before is not torch.float32:
            torch.set_default_dtype(before)


def computes_in_bfloat16(device_type: str) -> bool:
    """Whether products of bfloat16 are faster there than those of float32.

    device_type (str): "cuda" or "cpu". CPUs are tried: some without AVX-512 (or Arm's counterpart) emulate these
        products number by number, and one Intel Xeon that names avx512_bf16 takes 1.8 times as long as for float32.
    """
    if device_type == "cuda":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return device_type == "cpu" and bfloat16_speed() > 1


@lru_cache(maxsize=1)
def bfloat16_speed() -> float:
    """How many times as fast as float32 this CPU multiplies in bfloat16; 0 if it only emulates that. Takes 0.2 s."""
    ask = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    if ask is None or not ask():
        return 0.0
    with torch.inference_mode():
        exact = torch.ones(PIECES, WIDTH), torch.ones(WIDTH, WIDTH)
        halved = tuple(x.bfloat16() for x in exact)
        # in turns, so that other load slows both
        times = [(_seconds(*exact), _seconds(*halved)) for _ in range(REPEATS)]
    best_exact, best_halved = (min(seconds) for seconds in zip(*times))
    return best_exact / best_halved


def _seconds(X: torch.Tensor, weight: torch.Tensor) -> float:
    start = time.perf_counter()
    torch.matmul(X, weight)
    return time.perf_counter() - start


def warn_of_slow_bfloat16(setting: str, device_type: str) -> None:
    """Warn SW105 if a user asks for bfloat16 where it slows training down. setting (str): How it was asked for."""
    if not computes_in_bfloat16(device_type):
        warnings.warn(Warnings.SW105.format(setting=setting, device=device_type), stacklevel=3)
