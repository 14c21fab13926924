"""Leaving out text that repeats test sentences."""

import os
from pathlib import Path

import pytest

from spacy_ssner.text.overlap import collect_runs, plain_runs, plain_words, repeats, word_runs
from spacy_ssner.text.reading import read_sentences

LONG = "the group used a new loader to install the implant on seven hosts".split()


def read(path):
    return list(read_sentences(path))


def test_word_runs():
    assert list(word_runs(["A-b", "!", "c"])) == [("a", "b", "c")]
    assert len(list(word_runs(LONG))) == len(LONG) - 7
    assert list(word_runs(["...", "_"])) == []
    assert list(plain_runs(plain_words(LONG))) == list(word_runs(LONG))


def test_repeated_sentences_are_found(tmp_path):
    test = [["APT28", "'s", "tool"], ["Yesterday", ",", *LONG[:9], "."]]
    (tmp_path / "test.conll").write_text("\n\n".join("\n".join(f"{w}\tO" for w in s) for s in test))
    runs = collect_runs([tmp_path / "test.conll"])
    assert repeats(["But", *LONG, "x"], runs)
    assert repeats(["APT28's", "tool", "!"], runs)  # tokenised in another way
    assert not repeats(["the", "APT28's", "tool"], runs)  # short sentences only as a whole
    assert not repeats(LONG[2:], runs) and not repeats([], runs)


@pytest.mark.skipif("SSNER_DATA" not in os.environ, reason="needs SSNER_DATA")
def test_clean_train_shares_little_with_test():
    folder = Path(os.environ["SSNER_DATA"]) / "data" / "cyner" / "clean"
    sentences = read(folder / "train.conll")
    assert len(sentences) == 2726
    runs = collect_runs([folder / "test.conll"])
    assert all(
        repeats(sentence, runs) for sentence in read(folder / "test.conll") if list(word_runs(sentence))
    )
    assert sum(repeats(sentence, runs) for sentence in sentences) < 0.05 * len(sentences)
