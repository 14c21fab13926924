"""Torch in forked worker processes: `nlp.pipe(n_process=2)` must not wait for threads that do not exist."""

import os
from functools import lru_cache

import torch


@lru_cache(maxsize=None)
def use_one_thread_when_forked() -> None:
    """Let every process forked from this one run torch on one thread; this process keeps its threads.

    A fork copies OpenMP's record of its thread pool but not the threads: the first operation in the child that
    torch would split waits for them for ever. Nothing happens where there is no fork (Windows), or in
    spawned processes, which make their own pool.

    SOURCE: pytorch#17199, spaCy#6662.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_use_one_thread)


def _use_one_thread() -> None:
    torch.set_num_threads(1)
