"""Subsets of entities, on cases worked by hand."""

from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.evaluation.metrics import PRF, ScoredDoc, score_entities
from spacy_ssner.evaluation.subsets import (
    SUBSETS,
    TrainIndex,
    mentions,
    polysemous_surfaces,
    subset_tests,
)
from spacy_ssner.labels import TagSpan

TRAIN = [
    (("Cozy", "Bear", "used", "nmap"), [TagSpan(0, 2, "HackOrg"), TagSpan(3, 4, "Tool")]),
    (("Nmap", "!"), [TagSpan(0, 1, "SamFile")]),
]
FOUND = mentions(TRAIN)
INDEX = TrainIndex(FOUND, polysemous_surfaces(FOUND), frozenset(["nmap"]))
DOC = ScoredDoc(
    words=("COZY", "bear", "ran", "Nmap", "and", "Mimikatz", "nmap", "?"),
    gold=(TagSpan(0, 2, "HackOrg"), TagSpan(3, 4, "HackOrg"), TagSpan(5, 6, "Tool"), TagSpan(6, 7, "Tool")),
    predicted=(TagSpan(0, 2, "HackOrg"), TagSpan(3, 4, "Tool"), TagSpan(5, 6, "Tool")),
    starts=(0, 6),
)


def micro(name, docs=(DOC,), train=INDEX):
    return score_entities(docs, keep=subset_tests(train)[name]).micro


def test_by_hand():
    assert micro("multi_token") == micro("length_2") == PRF(tp=1)
    assert micro("length_1") == PRF(tp=1, fp=1, fn=2)
    # Nmap as HackOrg is new (type counts), so overlooking it is a fault of the unseen; Nmap as Tool is seen
    assert micro("seen_in_train") == PRF(tp=1, fp=1, fn=1)
    assert micro("unseen_in_train") == PRF(tp=1, fn=1)
    assert micro("polysemous") == PRF(fp=1, fn=2)
    assert micro("sentence_not_in_train") == PRF(tp=2, fp=1, fn=1)  # "nmap ?" stands in train


def test_every_subset_has_a_name_for_people():
    assert list(subset_tests(INDEX)) == list(SUBSETS)
    assert list(subset_tests()) == list(SUBSETS)[:6]


@given(st.integers(1, 12))
def test_each_length_is_in_one_subset(n):
    doc = ScoredDoc(("w",) * n, (TagSpan(0, n, "A"),), ())
    found = [name for name in SUBSETS if name.startswith("length") and micro(name, [doc]).fn]
    assert found == [f"length_{n}" if n < 5 else "length_5+"]


def test_length_of_characters_is_counted_in_gold_tokens():
    offsets = ((0, 4), (5, 9))
    doc = ScoredDoc(
        ("cozy", "bear"), (TagSpan(0, 9, "HackOrg"),), (TagSpan(0, 6, "HackOrg"),), offsets=offsets
    )
    assert micro("length_2", [doc]) == PRF(fp=1, fn=1)
    assert micro("seen_in_train", [doc]) == PRF(fp=1, fn=1)


def test_a_prediction_of_white_space_only_counts_as_one_token():
    doc = ScoredDoc(("a", "b"), (), (TagSpan(1, 3, "A"),), offsets=((0, 1), (3, 4)))
    assert micro("length_1", [doc]) == PRF(fp=1)
