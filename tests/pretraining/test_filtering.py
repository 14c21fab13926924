"""Which lines are dropped, and why, against sets of strings."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from spacy_ssner.pretraining.filtering import LineFilter
from spacy_ssner.text.overlap import collect_file_runs, plain_words

GOOD = [
    "The group APT28 used Mimikatz and Emotet.",
    "Its operators sent spearphishing mail with a link to hxxp://evil[.]com/login.",
    "On seven hosts of the bank the implant was found by an analyst of the company last week.",
]


def make_filter(runs=None, **options):
    values = dict(min_words=5, near_duplicates=True, threshold=0.8, held_out=0.0, limit_words=0, seed=0)
    return LineFilter(runs or {}, **{**values, **options})


def lines_by_reason(lines, source="a"):
    return {name: n["lines"] for name, n in lines.tallies[source].to_dict().items() if n["lines"]}


def test_each_reason(tmp_path):
    (tmp_path / "dev.conll").write_text(
        "\n".join(f"{w}\tO" for w in "Loader of the group is a new one .".split())
    )
    (tmp_path / "test.conll").write_text(
        "\n".join(f"{w}\tO" for w in "The loader of the group is a new one".split())
    )
    runs = collect_file_runs([tmp_path / "dev.conll", tmp_path / "test.conll"])
    near = GOOD[2].replace("week", "year")
    texts = [
        *GOOD,
        "",
        "  \u00a0",
        "\x00\x01\x02 abc",
        "Too short.",
        "! ! ! ! - - / | ?",
        "**the group** APT28 used `Mimikatz` and Emotet",
        near,
        "Yesterday the Loader of the group is a new one!",
    ]
    lines = make_filter(runs, threshold=0.5)
    kept, held_out = lines.split(texts, "a")
    assert [" ".join(words) for words in kept] == [
        "The group APT28 used Mimikatz and Emotet .",
        "Its operators sent spearphishing mail with a link to hxxp://evil[.]com/login .",
        "On seven hosts of the bank the implant was found by an analyst of the company last week .",
    ]
    assert held_out == []
    assert lines_by_reason(lines) == dict(read=9, binary=1, short=2, exact=1, excluded=1, near=1, kept=3)
    assert lines.excluded == {str(tmp_path / "test.conll"): 1, str(tmp_path / "dev.conll"): 1}
    assert lines.split(GOOD, "b") == ([], []) and lines_by_reason(lines, "b") == dict(read=3, exact=3)
    words = lines.tallies["a"].to_dict()
    assert words["kept"]["words"] == sum(map(len, kept))


def test_near_duplicates_are_left_alone_if_wanted():
    texts = [GOOD[2], GOOD[2].replace("week", "year"), GOOD[2].upper()]
    assert len(make_filter(near_duplicates=False).split(texts, "a")[0]) == 2
    assert len(make_filter(threshold=0.5).split(texts, "a")[0]) == 1


def test_no_more_words_than_wanted():
    lines = make_filter(limit_words=9)
    kept, _ = lines.split(GOOD, "a")
    assert [len(words) for words in kept] == [8, 11] and lines.left <= 0
    assert lines.split(["Another line of five words."], "a") == ([], [])


@pytest.mark.skipif("SSNER_DATA" not in os.environ, reason="needs SSNER_DATA")
def test_real_lines_and_a_test_set():
    """Exact repetitions as a set of strings finds them; no word run of the test set is left."""
    data = Path(os.environ["SSNER_DATA"])
    with gzip.open(data / "text" / "tram.txt.gz", "rt", encoding="utf8") as file:
        texts = [line for _, line in zip(range(6000), file)]
    runs = collect_file_runs([data / "data" / "cyner" / "clean" / "test.conll"])
    lines = make_filter(runs, near_duplicates=False, held_out=0.2, min_words=1)
    kept, held_out = [], []
    for start in range(0, 6000, 500):
        for part, more in zip((kept, held_out), lines.split(texts[start : start + 500], "a")):
            part += more
    n = lines_by_reason(lines)
    assert n["excluded"] >= 5 and n["excluded"] == lines.excluded.total()
    (labelled,) = runs.values()
    for words in kept + held_out:
        plain = plain_words(words)
        assert not any(tuple(plain[i : i + 8]) in labelled for i in range(max(1, len(plain) - 7)))
    assert len({" ".join(plain_words(words)) for words in kept + held_out}) == len(kept) + len(held_out)
    assert n["read"] == sum(n[name] for name in n if name != "read")
    assert len(held_out) / len(kept + held_out) == pytest.approx(0.2, abs=0.02)
    backwards = make_filter(runs, near_duplicates=False, held_out=0.2, min_words=1)
    again = {" ".join(words).lower() for words in backwards.split(texts[::-1], "a")[1]}
    assert np.mean([" ".join(words).lower() in again for words in held_out]) > 0.99  # whatever the order
