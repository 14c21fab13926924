"""Which of torchrun's processes this is, and what it computes on. Without torchrun there is one process."""

import os

import torch


def is_first_process() -> bool:
    """Whether this process writes and talks; under torchrun one of many does."""
    return os.environ.get("RANK", "0") == "0"


def count_processes() -> int:
    """Processes that torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def training_device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
