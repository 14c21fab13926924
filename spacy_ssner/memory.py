"""How the C library treats freed memory: handing every large block back costs a third of a training's time."""

import ctypes
import sys
from typing import Any, Callable, Dict, Optional

from spacy.language import Language

from .settings import check_number

# Parameters of glibc's mallopt, and values that keep freed blocks for the next step.
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
KEEP = {TRIM_THRESHOLD: 2**31 - 1, MMAP_THRESHOLD: 2**30, ARENA_MAX: 1}
TRIM_EVERY = 20  # steps: their batches differ in size, so that kept blocks fit less and less and pile up


def keep_freed_memory() -> bool:
    """Let this process keep the memory it frees, for like sizes come again with every step.

    RETURNS (bool): False where the C library has no such settings (not glibc): nothing was changed then.

    Meant for processes that train, which should call `trim_freed_memory` every TRIM_EVERY steps: without it
    peak memory grows by 15 MB a step of 1,000 tokens. Not for services that run on.
    """
    mallopt = _glibc("mallopt")
    return mallopt is not None and all([mallopt(name, value) == 1 for name, value in KEEP.items()])


def trim_freed_memory() -> bool:
    """Hand the memory that is kept but free back to the system. RETURNS (bool): False where there is no such call."""
    malloc_trim = _glibc("malloc_trim")
    return malloc_trim is not None and malloc_trim(0) in (0, 1)


def _glibc(name: str) -> Optional[Callable[..., int]]:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None


def make_keep_freed_memory() -> Callable[[Language], None]:
    """For `[initialize.before_init]` of a training config: `@callbacks = "spacy-ssner.keep_freed_memory.v1"`."""

    def before_init(nlp: Language) -> None:
        keep_freed_memory()

    return before_init


def make_trim_freed_memory(every: int = TRIM_EVERY) -> Callable[[Language, Dict[str, Any]], None]:
    """For `[training.before_update]` beside the above: `@callbacks = "spacy-ssner.trim_freed_memory.v1"`.

    every (int): Steps between two calls, >= 1. RAISES (ValueError): S101 for less.
    """
    check_number("every", every, least=1)

    def before_update(nlp: Language, info: Dict[str, Any]) -> None:
        if info["step"] % every == 0:
            trim_freed_memory()

    return before_update
