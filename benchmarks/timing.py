"""Times of several jobs in one process: in turns, so that other load on the machine meets all of them alike."""

import time
from statistics import median
from typing import Any, Callable, Dict, List, Optional, Sequence


def time_in_turns(
    jobs: Dict[str, Callable[[], Any]],
    *,
    n_repeats: int,
    warm_up: bool = True,
    before: Optional[Callable[[], Any]] = None,
) -> Dict[str, List[float]]:
    """Run all jobs once to warm up, then `n_repeats` times one after the other.

    warm_up: Leave the first round out if False, for jobs that were warmed up on less.
    before: Called before each run, outside its time.
    RETURNS (Dict[str, List[float]]): Seconds of each run, `n_repeats` per job; run i of all jobs is neighbours.
    """
    if warm_up:
        for job in jobs.values():
            job()
    times: Dict[str, List[float]] = {name: [] for name in jobs}
    for _ in range(n_repeats):
        for name, job in jobs.items():
            if before is not None:
                before()
            start = time.perf_counter()
            job()
            times[name].append(time.perf_counter() - start)
    return times


def median_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """Median over the repeats of the ratio within one repeat."""
    return median(a / b for a, b in zip(numerators, denominators))
