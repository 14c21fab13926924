from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.corpus.report import Report
from spacy_ssner.corpus.select import (
    Excluded,
    cut_sentences,
    drop_excluded,
    drop_repeats,
    find_cuts,
    keep_labels,
)
from spacy_ssner.corpus.sentence import Sentence, count_labels, missing_spans, normal_form


def sentence(text, tags=None, line=1):
    words = tuple(text.split())
    tags = tuple(tags.split()) if tags else ("O",) * len(words)
    return Sentence(words, tags, "f.txt", tuple(range(line, line + len(words))))


def test_normal_form():
    assert normal_form(["The", "APT-28", "…", "É"]) == "theapt28"
    assert normal_form(["Группа", "APT-28", "в", "банке", "."]) == "группаapt28вбанке"
    assert normal_form(["。"]) == ""


def test_drop_repeats_keeps_the_first():
    report = Report()
    kept = drop_repeats(
        [sentence("A b ."), sentence("a B !", line=5), sentence("c"), sentence(".")], report=report
    )
    assert [s.words for s in kept] == [("A", "b", "."), ("c",), (".",)]
    assert [(r.kind, r.line) for r in report.repairs] == [("repeat", 5)]


def test_drop_excluded():
    report = Report()
    kept = drop_excluded([sentence("A b ."), sentence("c")], Excluded(forms={"ab"}), report=report)
    assert [s.words for s in kept] == [("c",)]
    assert report.counts() == {"excluded": 1}


URL = "https://www.cisa.gov/news-events/cybersecurity-advisories"
EIGHT = "The actor used a new loader against banks"


@pytest.mark.parametrize(
    "text,is_document,other,other_is_document,expected",
    [
        (EIGHT, False, f"Before . {EIGHT} . After .", True, True),  # a sentence that stands in a document
        (f"Before . {EIGHT} . After .", True, EIGHT, False, True),  # and the other way round
        (f"One . {EIGHT} . Two .", True, f"Three . {EIGHT} .", True, True),
        (f"{EIGHT} and shops .", False, EIGHT, False, False),  # sentences are compared as a whole
        ("The actor used a new loader .", False, f"Before . {EIGHT} .", True, False),  # seven words
        ("Indicators of compromise", True, "Indicators of Compromise :", True, True),
        ("Indicators of compromise", False, f"Indicators of compromise {EIGHT}", True, False),
        ("Группа атаковала банк 5", True, "Другой текст 5", True, False),
        ("Группа атаковала банк", False, "。", False, False),
        (f"One {URL}/aa23-165a .", True, f"Two {URL}/aa20-280a .", True, False),
        ("Группа атаковала банк", False, "группа атаковала банк .", False, True),
        (
            "Other . They did n't reach the servers in Poland . End .",
            True,
            "They didn't reach the servers in Poland .",
            False,
            True,
        ),
        (
            "They can not reach the servers in Poland .",
            False,
            "Now . They cannot reach the servers in Poland . End .",
            True,
            True,
        ),
        ("APT29 did n't stop .", True, "APT29 didn't stop .", False, True),
    ],
)
def test_documents_are_compared_by_eight_words(text, is_document, other, other_is_document, expected):
    found = sentence(text)
    if is_document:
        found = replace(found, spaces=(True,) * len(found.words))
    excluded = Excluded()
    excluded.add(other.split(), is_document=other_is_document)
    assert excluded.holds(found) is expected


def test_keep_labels():
    report = Report()
    (kept,) = keep_labels([sentence("a b c d", "B-X I-X B-Y O")], {"Y"}, report=report)
    assert kept.tags == ("O", "O", "B-Y", "O")
    assert [tuple(r) for r in report.repairs] == [("other-label", "f.txt", 1, "a b (X)")]


@pytest.mark.parametrize(
    "text,tags,max_length,expected",
    [
        ("a b . c d .", None, 6, []),
        ("a b . c d .", None, 4, [(3, "cut")]),
        ("a . b . c . d", None, 4, [(4, "cut")]),
        ("a b c d e", None, 2, [(2, "cut-anywhere"), (4, "cut-anywhere")]),
        ("a . b c", "B-X I-X I-X O", 2, [(3, "cut-anywhere")]),
        ("a . b c", "B-X I-X O O", 3, [(3, "cut-anywhere")]),  # the stop is part of the entity
        ("a b c", "B-X I-X I-X", 1, []),
        ("", None, 1, []),
    ],
)
def test_find_cuts(text, tags, max_length, expected):
    s = sentence(text, tags)
    assert [tuple(cut) for cut in find_cuts(s.words, s.tags, max_length=max_length)] == expected


@given(
    st.lists(st.sampled_from([("a", "O"), (".", "O"), ("b", "B-X"), ("c", None)]), min_size=1),
    st.integers(1, 9),
)
def test_cut_long_loses_nothing(pairs, max_length):
    words, tags = zip(*pairs)
    whole = Sentence(words, tags, "f.txt", tuple(range(1, len(words) + 1)))
    report = Report()
    pieces = cut_sentences([whole], max_length, report=report)
    assert sum((piece.words for piece in pieces), ()) == words
    assert sum((piece.tags for piece in pieces), ()) == tags
    assert sum((piece.lines for piece in pieces), ()) == whole.lines
    assert all(1 <= len(piece.words) <= max_length for piece in pieces)
    assert len(report.repairs) == len(pieces) - 1


def test_counts():
    sentences = [sentence("a b c", "B-X I-X B-Y"), sentence("a " * 7, "B-X" + " I-X" * 6)]
    assert count_labels(sentences) == {"X": 2, "Y": 1}
    assert missing_spans(["O", None, None, "O", None]) == [(1, 3), (4, 5)]
