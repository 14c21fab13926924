"""Functions in processes of their own, so that memory and settings of one system do not touch another's."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, Callable, Dict, List, Sequence


def run_apart(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of a module in a fresh process and wait for what it returns; its errors are raised here."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


class Workers:
    """One process for each system, which keeps what it has set up; one of them works at a time.

    set_ups: By name, a module's function and its arguments. What it returns is called with each task.
    """

    def __init__(self, set_ups: Dict[str, Sequence[Any]]):
        context = get_context("spawn")
        self._pools = {name: ProcessPoolExecutor(max_workers=1, mp_context=context) for name in set_ups}
        self.infos = {
            name: self._pools[name].submit(_set_up, *args).result() for name, args in set_ups.items()
        }

    def ask(self, name: str, task: Any) -> Any:
        """What the system does with a task; its errors are raised here."""
        return self._pools[name].submit(_work, task).result()

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: Any) -> None:
        for pool in self._pools.values():
            pool.shutdown()


_state: List[Any] = []  # of a worker process


def _set_up(function: Callable[..., Any], *args: Any) -> Any:
    work, info = function(*args)
    _state[:] = [work]
    return info


def _work(task: Any) -> Any:
    return _state[0](task)
