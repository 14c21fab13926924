"""Windows of like length side by side, so that padding stays small. Letters: W windows, M tokens of all."""

from typing import Iterator, Tuple

import numpy as np
import torch
from torch import Tensor


def length_groups(lengths: np.ndarray, *, max_padded: int) -> Iterator[np.ndarray]:
    """Indices of windows, longest first, in groups of at most `max_padded` padded tokens.

    A window longer than `max_padded` is a group of its own.
    >>> [list(g) for g in length_groups(np.array([2, 9, 3, 8]), max_padded=20)]
    [[1, 3], [2, 0]]
    """
    order = np.argsort(-lengths, kind="stable")
    first = 0
    while first < len(order):
        size = max(1, max_padded // max(1, int(lengths[order[first]])))
        yield order[first : first + size]
        first += size


def padded_places(starts: np.ndarray, lengths: np.ndarray, device: torch.device) -> Tuple[Tensor, Tensor]:
    """Where each token of some windows lies in the flat arrays: (B, T) int64, and which are real: (B, T) bool."""
    width = int(lengths.max(initial=0))
    steps = np.arange(width)[None]
    mask = steps < lengths[:, None]
    places = np.where(mask, starts[:, None] + steps, 0)
    return torch.from_numpy(places).to(device), torch.from_numpy(mask).to(device)
