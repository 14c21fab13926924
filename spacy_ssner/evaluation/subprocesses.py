"""Commands in processes of their own, several at a time: their output in logs, their time and peak memory."""

import os
import platform
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import Any, Callable, Optional, Sequence, Tuple, TypeVar

from ..errors import Errors
from .memory_use import peak_memory

Item = TypeVar("Item")
Result = TypeVar("Result")

TAIL = 6  # lines of a failed command's output that go into the error
ASK_EVERY = 0.1  # seconds between two looks at a command that runs
NEAR = 1.05  # Linux counts pages on each core apart: two readings of one peak differ a little


def run_command(
    words: Sequence[str], log: Path, *, threads: Optional[int] = None, stop: Optional[Event] = None
) -> Tuple[float, Optional[float]]:
    """Run a command, add its output to a log file.

    words (Sequence[str]): "python" stands for this interpreter. threads (Optional[int]): OMP_NUM_THREADS.
    RETURNS: Wall time in seconds and the peak of resident memory in MB (None where the system can't tell).
    RAISES (ValueError): S295 if it fails. If this process is stopped meanwhile, or `stop` is set, the command is
        killed; in the second case with SystemExit.
    """
    environment = dict(os.environ, PYTHONUNBUFFERED="1")
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    program = sys.executable if words[0] == "python" else words[0]
    start = perf_counter()
    with log.open("ab") as file:
        file.write(f"$ {shlex.join(words)}\n".encode())
        file.flush()
        process = subprocess.Popen([program, *words[1:]], stdout=file, stderr=file, env=environment)
        try:
            peak = _wait(process, stop or Event())
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
    if process.returncode != 0:
        tail = " | ".join(log.read_text(encoding="utf8", errors="replace").strip().splitlines()[-TAIL:])
        raise ValueError(Errors.S295.format(code=process.returncode, command=shlex.join(words), got=tail))
    return perf_counter() - start, peak


def run_jobs(
    work: Callable[[Item, Event], Result],
    items: Sequence[Item],
    on_done: Callable[[Item, Result], Any],
    *,
    jobs: int,
) -> None:
    """Call `work` with each item, in threads, `jobs` of them at a time, and `on_done`, in this thread, with each item
    and its result once it is there.

    work: Also gets an event, to pass on to run_command: it is set once something raises, or this process is told to
        end. What has not begun by then does not.
    RAISES: What work and on_done raise, the first of it.
    """
    stop = Event()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            begun = {pool.submit(work, item, stop): item for item in items}
            for done in as_completed(begun):
                on_done(begun[done], done.result())
        except BaseException:  # Ctrl-C and signals too
            pool.shutdown(wait=False, cancel_futures=True)
            stop.set()
            raise


def _wait(process: subprocess.Popen, stop: Event) -> Optional[float]:
    """Wait for a process and give its peak memory in MB. RAISES (SystemExit): Once `stop` is set.

    Linux tells no less than this process's own peak. Where that hides the other's, what was seen of it while it ran
    counts, but for its last moments, up to ASK_EVERY; None if it was too short to be seen.
    """
    can_tell = hasattr(os, "wait4")  # not on Windows
    seen: Optional[float] = None
    while process.returncode is None:
        if stop.is_set():
            sys.exit("stopped")
        if not can_tell:
            process.poll()
        else:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                peak = usage.ru_maxrss / (2**20 if platform.system() == "Darwin" else 2**10)
                return seen if peak <= NEAR * (peak_memory() or 0.0) else peak
            seen = peak_memory(process.pid) or seen
        stop.wait(ASK_EVERY)
    return None
