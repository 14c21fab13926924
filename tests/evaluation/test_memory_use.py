import sys

import numpy as np
import pytest

from spacy_ssner.evaluation import memory_use
from spacy_ssner.evaluation.memory_use import MemoryUse, memory_of, peak_memory, resident_memory

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@linux
def test_a_large_array_is_seen_after_it_is_gone():
    def work():
        np.ones(40 * 2**17)  # 40 MB, freed at once

    first = memory_of(work)
    assert 30 < first.above < 80
    assert memory_of(lambda: None).above < 20  # the peak before is forgotten
    assert 0 < resident_memory() <= peak_memory() + 1


@linux
def test_memory_that_is_kept_counts_as_resident_next_time():
    kept = []
    memory_of(lambda: kept.append(np.ones(40 * 2**17)))
    after = memory_of(lambda: None)
    assert after.above < 20 and len(kept[0]) > 0


def test_without_proc_nothing_is_claimed(monkeypatch, tmp_path):
    monkeypatch.setattr(memory_use, "STATUS", tmp_path / "none")
    monkeypatch.setattr(memory_use, "CLEAR_REFS", tmp_path / "no" / "where")
    ran = []
    found = memory_of(lambda: ran.append(1))
    assert ran == [1] and found == MemoryUse(None, None) and found.above is None


def test_peak_below_the_start_is_nothing_on_top():
    assert MemoryUse(10.0, 9.5).above == 0.0 and MemoryUse(10.0, 12.5).above == 2.5
