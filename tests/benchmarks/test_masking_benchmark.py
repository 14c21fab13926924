"""The benchmark of masking runs and measures what it says. No times are compared."""

import importlib
import re
import sys
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin

pytest.importorskip("transformers")


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    modules = [importlib.import_module(name) for name in ("timing", "masking")]
    yield modules[1]
    for name in ("timing", "masking"):
        sys.modules.pop(name)


@pytest.fixture
def corpus(tmp_path, annotated):
    nlp = spacy.blank("en")
    path = tmp_path / "train.spacy"
    DocBin(docs=[nlp(text) for text, _ in annotated * 12]).to_disk(path)
    return path


def test_features_are_the_words_of_the_docs(benchmark, corpus, tiny_bert):
    from transformers import AutoTokenizer

    features = benchmark.read_features(corpus, AutoTokenizer.from_pretrained(tiny_bert))
    assert len(features) == 48
    words = [token.text for token in spacy.blank("en")("Nothing was stolen on that day.")]
    assert set(features[2]["word_ids"]) == {-1, *range(len(words))}


@pytest.mark.parametrize("speed_up,share,code", [(6.0, 0.01, None), (4.0, 0.01, 1), (6.0, 0.06, 1)])
def test_check_and_table(speed_up, share, code, benchmark, corpus, tiny_bert, monkeypatch, capsys):
    found = benchmark.measure(corpus, str(tiny_bert), law="fixed:2", batch_size=8, n_repeats=1)
    assert all(value > 0 for value in found.values())
    monkeypatch.setattr(
        benchmark, "measure", lambda *_, **__: {**found, "speed_up": speed_up, "share": share}
    )
    monkeypatch.setattr(sys, "argv", ["masking.py", "train.spacy", "--check"])
    if code:
        with pytest.raises(SystemExit, match="at least 5.0 x"):
            benchmark.main()
    else:
        benchmark.main()
    assert re.search(rf"speed-up +{speed_up} x", capsys.readouterr().out)


def test_jobs_take_turns(benchmark):
    order = []
    jobs = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    times = benchmark.time_in_turns(jobs, n_repeats=2)
    assert order == ["a", "b"] * 3 and [len(values) for values in times.values()] == [2, 2]
    assert benchmark.median_ratio([2, 9, 12], [1, 3, 3]) == 3
