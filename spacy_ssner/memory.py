"""How the C library treats freed memory: handing every large block back costs a third of a training's time."""

import ctypes
import sys
from typing import Callable

from spacy.language import Language

# Parameters of glibc's mallopt, and values that keep freed blocks for the next step.
TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
KEEP = {TRIM_THRESHOLD: 2**31 - 1, MMAP_THRESHOLD: 2**30, ARENA_MAX: 1}


def keep_freed_memory() -> bool:
    """Let this process keep the memory it frees, for the same sizes come again with every step.

    RETURNS (bool): False where the C library has no such settings (not glibc): nothing was changed then.

    Peak memory grows somewhat. Meant for processes that train; not for services that run on.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all([mallopt(name, value) == 1 for name, value in KEEP.items()])


def make_keep_freed_memory() -> Callable[[Language], None]:
    """For `[initialize.before_init]` of a training config: `@callbacks = "spacy-ssner.keep_freed_memory.v1"`."""

    def before_init(nlp: Language) -> None:
        keep_freed_memory()

    return before_init
