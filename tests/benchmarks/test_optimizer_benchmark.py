"""The benchmark of optimizers runs and prints a row for each. No times are compared."""

import importlib
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("transformers")


def test_a_row_each(tiny_bert, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    monkeypatch.setattr(sys, "argv", ["optimizer.py", str(tiny_bert), "--repeats", "2"])
    try:
        importlib.import_module("optimizer").main()
    finally:
        for name in ("timing", "optimizer"):
            sys.modules.pop(name, None)
    head, *rows = capsys.readouterr().out.strip().splitlines()
    assert re.match(r"[\d,]+ weights, \d+ threads", head)
    assert [row.split(" | ")[0] for row in rows] == ["optimizer", "thinc", "ours", "torch"]
    assert rows[2].endswith(" | 1.00")
