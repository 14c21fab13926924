"""What ends a command that runs others ends these too."""

import signal
import sys
from contextlib import contextmanager
from typing import Iterator

# There is no SIGHUP on Windows
ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Leave as Ctrl-C does when the process is told to end or its terminal is closed, so that no training goes on
    without it. What is ignored (`nohup`) stays ignored.

    RAISES (SystemExit): 128 plus the signal's number, as shells count.
    """
    found = {number: signal.getsignal(number) for number in ENDING}
    before = {number: handler for number, handler in found.items() if handler not in (None, signal.SIG_IGN)}
    for number in before:
        signal.signal(number, lambda got, _: sys.exit(128 + got))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
