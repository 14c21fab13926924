import subprocess
import sys

import pytest
import spacy

from spacy_ssner.memory import keep_freed_memory

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


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    assert keep_freed_memory() is False


def test_the_callback_is_registered():
    callback = spacy.registry.callbacks.get("spacy-ssner.keep_freed_memory.v1")()
    assert callback(spacy.blank("en")) is None
