"""Laws of segment length: eqs. (3)-(5), their text and file forms."""

import json
import sys

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from spacy.tokens import DocBin, Span

from spacy_ssner.pretraining.segments import (
    LengthLaw,
    cumulative,
    entity_law,
    entity_lengths,
    fixed_law,
    geometric_law,
    load_law,
    mean_length,
    parse_law,
    plot_law,
    read_entity_lengths,
    sample_lengths,
    save_law,
    token_law,
    whole_word_law,
)

LAWS = [
    LengthLaw("entity", (0.5, 0.0, 0.3, 0.2, 0.0)),
    fixed_law(3),
    whole_word_law(),
    token_law(),
    geometric_law(0.2, 10),
]


def test_entity_law_by_hand():
    law = entity_law([1, 1, 2, 1, 7, 3, 12, 2], max_length=4)
    assert law == LengthLaw("entity", (3 / 8, 2 / 8, 1 / 8, 2 / 8))


def test_entity_law_ends_with_the_longest_entity():
    assert entity_law([1, 3], max_length=10).probabilities == (0.5, 0.0, 0.5)


@pytest.mark.parametrize("lengths,max_length,code", [([], 5, "S241"), ([0, 1], 5, "S240"), ([1], 0, "S240")])
def test_entity_law_of_bad_lengths(lengths, max_length, code):
    with pytest.raises(ValueError, match=code):
        entity_law(lengths, max_length=max_length)


@pytest.mark.parametrize(
    "probabilities,unit",
    [((), "word"), ((0.5, 0.4), "word"), ((1.5, -0.5), "word"), ((float("nan"),), "word")]
    + [((1.0,), "piece"), ((0.5, 0.5), "token"), (((1.0,),), "word")],
)
def test_no_law(probabilities, unit):
    with pytest.raises(ValueError, match="S240"):
        LengthLaw("bad", probabilities, unit)


def test_geometric_law_is_the_truncated_one():
    law = geometric_law(0.2, 3)
    assert_allclose(law.probabilities, np.array([0.2, 0.16, 0.128]) / 0.488)
    assert_allclose(mean_length(geometric_law(0.2, 10)), 3.797, atol=1e-3)  # 3.8 in the SpanBERT paper
    assert geometric_law(1.0, 2).probabilities == (1.0, 0.0)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_cumulative(law):
    found = cumulative(law)
    assert found[0] == 0 and found[-1] == 1
    assert_allclose(np.diff(found), law.probabilities, atol=1e-12)


@given(st.sampled_from(LAWS), st.floats(0, 1, exclude_max=True))
def test_sample_is_the_length_whose_interval_holds_u(law, u):
    bounds = cumulative(law)
    expected = [k for k in range(1, len(bounds)) if bounds[k - 1] <= u < bounds[k]]
    assert sample_lengths(law, np.array([[u]])).tolist() == [expected]


def test_samples_follow_the_law():
    law = LAWS[0]
    u = (np.arange(100_000) + 0.5) / 100_000
    shares = np.bincount(sample_lengths(law, u), minlength=6)[1:] / len(u)
    assert_allclose(shares, law.probabilities, atol=2e-5)


def test_rounded_sums_leave_no_u_without_a_length():
    law = LengthLaw("tenths", (0.1,) * 10 + (0.0,))
    assert sample_lengths(law, np.array([np.nextafter(1.0, 0.0)])) == 10


def test_means():
    assert [mean_length(law) for law in LAWS[:4]] == pytest.approx([2.2, 3, 1, 1])


@pytest.mark.parametrize(
    "text,expected",
    [
        ("fixed:3", fixed_law(3)),
        ("whole-word", whole_word_law()),
        ("token", token_law()),
        ("geometric:0.2:10", geometric_law(0.2, 10)),
        ("geometric:.5:4", geometric_law(0.5, 4)),
    ],
)
def test_parse_law(text, expected):
    law = parse_law(text)
    assert law == expected
    if text != "geometric:.5:4":
        assert law.name == text


@pytest.mark.parametrize(
    "text",
    ["", "fixed", "fixed:", "fixed:0", "fixed:-1", "fixed:2.5", "fixed:99999999999", "entity", "tokens"]
    + ["geometric:0.2", "geometric:0:10", "geometric:1.5:10", "geometric:nan:3", "geometric:0.2:0"],
)
def test_parse_law_of_another_form(text):
    with pytest.raises(ValueError, match="S240"):
        parse_law(text)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_file_round_trip(law, tmp_path):
    path = tmp_path / "new folder" / "c:law.json"
    save_law(law, path)
    assert load_law(path) == parse_law(f"entity:{path}") == law
    assert [file.name for file in path.parent.iterdir()] == ["c:law.json"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"[1]", b'{"name": "x", "probabilities": [1.0], "unit": "word"}']
    + [
        json.dumps({"format": "spacy-ssner.LengthLaw.v1", "name": "x", "unit": "word", **values}).encode()
        for values in (
            {},
            {"probabilities": [0.5]},
            {"probabilities": "all"},
            {"probabilities": [1.0], "more": 1},
        )
    ],
)
def test_damaged_or_foreign_file(content, tmp_path):
    (tmp_path / "law.json").write_bytes(content)
    with pytest.raises(ValueError, match="S242.*law.json"):
        load_law(tmp_path / "law.json")


def test_missing_file(tmp_path):
    with pytest.raises(ValueError, match="S242.*none.json"):
        parse_law(f"entity:{tmp_path / 'none.json'}")


@pytest.fixture
def docs():
    nlp = spacy.blank("en")
    annotated = nlp("Lazarus Group used Mimikatz here")
    annotated.ents = [Span(annotated, 0, 2, "HackOrg"), Span(annotated, 3, 4, "Tool")]
    unannotated, without = nlp("APT29 came"), nlp("Nothing happened")
    without.set_ents([], default="outside")
    return [annotated, unannotated, without, nlp("")]


def test_entity_lengths_of_a_file(docs, tmp_path):
    assert entity_lengths(docs) == [2, 1]
    DocBin(docs=docs).to_disk(tmp_path / "train.spacy")
    assert read_entity_lengths(tmp_path / "train.spacy") == [2, 1]


def test_no_entities_in_the_training_split(docs, tmp_path):
    DocBin(docs=docs[1:]).to_disk(tmp_path / "train.spacy")
    with pytest.raises(ValueError, match="S241.*train.spacy"):
        read_entity_lengths(tmp_path / "train.spacy")


@pytest.mark.parametrize("content", [None, b"no docs"])
def test_unreadable_training_split(content, tmp_path):
    path = tmp_path / "train.spacy"
    if content:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="S235.*train.spacy"):
        read_entity_lengths(path)


@pytest.mark.parametrize("suffix,start", [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_plot(suffix, start, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "plots" / f"lengths.{suffix}"
    plot_law(LAWS[0], path)
    assert path.read_bytes().startswith(start)


def test_plot_without_matplotlib(tmp_path, monkeypatch):
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"S299.*spacy-ssner\[plots\]"):
        plot_law(LAWS[0], tmp_path / "law.png")
    assert not (tmp_path / "law.png").exists()
