"""Batches of a prediction side by side: each core computes one, instead of all cores together one after the other."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterable, Iterator, List, TypeVar

import torch

In = TypeVar("In")
Out = TypeVar("Out")


def each(function: Callable[[In], Out], items: Iterable[In], *, device: torch.device) -> Iterator[Out]:
    """function(item) of each item, in order.

    function (Callable[[In], Out]): Works on `device` and changes nothing but what it makes.

    Where no gradient is wanted and torch has several threads on the CPU, as many items are in work at a time, each
    on one of them. A batch of short sentences is too small to be cut in pieces for two cores: 700 sentences side by
    side are 1.8 times as fast as on one core, cut up 1.6 times. Otherwise one item is done after the other.
    """
    n_threads = torch.get_num_threads()
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

    torch.set_num_threads(n_threads // n_workers)  # new threads begin with it
    try:
        with ThreadPoolExecutor(n_workers) as pool:  # none is left behind that a fork would miss
            yield from pool.map(run, items)
    finally:
        torch.set_num_threads(n_threads)
