import subprocess
import sys

import pytest
import spacy

from spacy_ssner.memory import keep_freed_memory, make_trim_freed_memory, trim_freed_memory

MEASURE = """
import resource, sys
import torch
from spacy_ssner.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
for _ in range(20):
    torch.ones(12_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def page_faults(how):
    result = subprocess.run([sys.executable, "-c", MEASURE, how], capture_output=True, text=True, check=True)
    return int(result.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of glibc")
def test_freed_memory_is_used_again():
    # 20 tensors of 48 MB are 240,000 pages of 4 kB if every one is fetched anew.
    assert page_faults("keep") < 0.5 * page_faults("return")


PILE_UP = """
import sys
import numpy as np
from spacy_ssner.memory import keep_freed_memory, trim_freed_memory
def resident():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) / 1024
keep_freed_memory()
sizes = np.random.default_rng(0).integers(1, 8, 60)
kept = [np.ones(int(n) * 2**17) for n in sizes]  # 1 to 7 MB each, every other one freed
before = resident()
del kept[::2]
freed = resident()
assert trim_freed_memory()
print(before - freed, freed - resident())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of glibc")
def test_trimming_gives_back_what_was_kept():
    result = subprocess.run([sys.executable, "-c", PILE_UP], capture_output=True, text=True, check=True)
    freed, trimmed = map(float, result.stdout.split())  # MB
    assert freed < 20 and trimmed > 60


def test_trimming_every_no_steps_is_refused():
    with pytest.raises(ValueError, match="S101.*'every'"):
        make_trim_freed_memory(every=0)


def test_trimming_every_few_steps(monkeypatch):
    calls = []
    monkeypatch.setattr("spacy_ssner.memory.trim_freed_memory", lambda: calls.append(1))
    before_update = make_trim_freed_memory(every=3)
    for step in range(7):
        before_update(spacy.blank("en"), {"step": step, "epoch": 0})
    assert len(calls) == 3


@pytest.mark.parametrize("every", [0, -1])
def test_steps_between_two_calls_out_of_range(every):
    with pytest.raises(ValueError, match=f"S101.*every.*at least 1, but is {every}"):
        make_trim_freed_memory(every=every)


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    assert keep_freed_memory() is False
    assert trim_freed_memory() is False


def test_the_callback_is_registered():
    callback = spacy.registry.callbacks.get("spacy-ssner.keep_freed_memory.v1")()
    assert callback(spacy.blank("en")) is None
    callback = spacy.registry.callbacks.get("spacy-ssner.trim_freed_memory.v1")()
    assert callback(spacy.blank("en"), {"step": 1, "epoch": 0}) is None
