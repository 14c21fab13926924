"""Memory of this process as the operating system counts it. Linux; elsewhere the figures are None."""

import gc
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional

from ..memory import trim_freed_memory

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # see proc(5): VmHWM becomes what is resident now


class MemoryUse(NamedTuple):
    """resident: before the work; peak: highest while it ran. Megabytes of 2**20 bytes, None where unknown."""

    resident: Optional[float]
    peak: Optional[float]

    @property
    def above(self) -> Optional[float]:
        """What the work took on top."""
        return None if self.peak is None or self.resident is None else max(0.0, self.peak - self.resident)


def resident_memory() -> Optional[float]:
    """Resident memory now, in megabytes."""
    return _read("VmRSS", STATUS)


def peak_memory(pid: Optional[int] = None) -> Optional[float]:
    """Highest resident memory of a process, this one by default, since it began or `reset_peak`, in megabytes."""
    return _read("VmHWM", STATUS if pid is None else Path(f"/proc/{pid}/status"))


def reset_peak() -> bool:
    """Start counting the peak anew. RETURNS (bool): False if the system does not let us."""
    try:
        CLEAR_REFS.write_text(RESET_PEAK)
    except OSError:
        return False
    return True


def memory_of(job: Callable[[], Any]) -> MemoryUse:
    """Run a job and see what memory it takes, apart from what was resident before."""
    gc.collect()
    trim_freed_memory()  # the next peak must not hide in what is free but resident
    known = reset_peak()
    before = resident_memory()
    job()
    return MemoryUse(before, peak_memory() if known else None)


def _read(field: str, status: Path) -> Optional[float]:
    try:
        lines = status.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    found = next((line for line in lines if line.startswith(field + ":")), None)
    return None if found is None else int(found.split()[1]) / 1024
