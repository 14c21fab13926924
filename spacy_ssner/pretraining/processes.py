"""Which of torchrun's processes this is, and what it computes on. Without torchrun there is one process."""

import atexit
import os

import torch
from torch import distributed


def is_first_process() -> bool:
    """Whether this process writes and talks; under torchrun one of many does."""
    return os.environ.get("RANK", "0") == "0"


def count_processes() -> int:
    """Processes that torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def end_together() -> None:
    """Let the processes of a run wait for each other, and leave their group when they exit. One that is gone while
    others still hold a connection to it can make these abort."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.barrier()
        atexit.unregister(_leave)
        atexit.register(_leave)


def _leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


def training_device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
