"""Batches of a prediction side by side: each core computes one, instead of all cores together one after the other."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any, Callable, Iterable, Iterator, List, TypeVar

import torch

In = TypeVar("In")
Out = TypeVar("Out")
_LOCK = Lock()
_RUNNING: List[int] = []  # torch's usual number of threads, once for each call that is not over


def each(function: Callable[[In], Out], items: Iterable[In], *, device: torch.device) -> Iterator[Out]:
    """function(item) of each item, in order.

    function (Callable[[In], Out]): Works on `device` and changes nothing but what it makes.

    Where no gradient is wanted and torch has several threads on the CPU, as many items are in work at a time, each
    on one of them. A batch of short sentences is too small to be cut in pieces for two cores: 700 sentences side by
    side are 1.8 times as fast as on one core, cut up 1.6 times. Otherwise one item is done after the other.
    """
    n_threads = usual_threads()
    todo = list(items)
    n_workers = min(n_threads, len(todo))
    if n_workers < 2 or torch.is_grad_enabled() or device.type != "cpu":
        return map(function, todo)
    return _side_by_side(function, todo, n_workers, n_threads)


def _side_by_side(
    function: Callable[[In], Out], items: List[In], n_workers: int, n_threads: int
) -> Iterator[Out]:
    is_inference = torch.is_inference_mode_enabled()

    def run(item: In) -> Any:  # torch keeps these modes for each thread
        with torch.inference_mode(is_inference), torch.no_grad():
            return function(item)

    with _threads_each(n_threads // n_workers, usual=n_threads):  # new threads begin with it
        with ThreadPoolExecutor(n_workers) as pool:  # none is left behind that a fork would miss
            yield from pool.map(run, items)


def usual_threads() -> int:
    """How many threads torch has, or had before calls of `each` that are not over."""
    with _LOCK:
        return _RUNNING[0] if _RUNNING else torch.get_num_threads()


@contextmanager
def _threads_each(n_threads: int, *, usual: int) -> Iterator[None]:
    """Let torch use so many threads, and the usual ones afterwards, whatever other calls run meanwhile."""
    with _LOCK:
        _RUNNING.append(usual)
        torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        with _LOCK:
            torch.set_num_threads(_RUNNING.pop())


def _forget_calls() -> None:
    """In a forked process the calls of other threads will never end, nor give back a lock that they held."""
    global _LOCK
    _LOCK = Lock()
    _RUNNING.clear()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_forget_calls)
