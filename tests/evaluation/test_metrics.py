"""Oracles: seqeval (strict, IOB2), spaCy's get_ner_prf, and cases worked by hand."""

import random

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc
from spacy.training import Example

from spacy_ssner.evaluation.metrics import (
    PRF,
    ScoredDoc,
    breakdown,
    mentions,
    score_entities,
    scored_doc,
)
from spacy_ssner.labels import TagSpan, spans_to_tags, tag_names, tags_to_spans

LABELS = ("Tool", "HackOrg", "Time")


def from_tags(gold, predicted):
    words = tuple(f"w{i}" for i in range(len(gold)))
    return ScoredDoc(words, tuple(tags_to_spans(gold)), tuple(tags_to_spans(predicted)))


def random_spans(rng, n_tokens):
    """Non-overlapping entities, several of them adjacent."""
    spans, at = [], 0
    while at < n_tokens:
        length = rng.randint(1, 3)
        if rng.random() < 0.5 and at + length <= n_tokens:
            spans.append(TagSpan(at, at + length, rng.choice(LABELS)))
        at += length
    return spans


def assert_equals_seqeval(gold, predicted):
    docs = [from_tags(g, p) for g, p in zip(gold, predicted)]
    scores = score_entities(docs)
    expected = classification_report(
        gold, predicted, scheme=IOB2, mode="strict", output_dict=True, zero_division=0
    )
    rows = {
        "micro avg": scores.micro.to_dict(),
        "macro avg": scores.macro.to_dict(),
        **{label: prf.to_dict() for label, prf in scores.per_type.items()},
    }
    assert {*rows, "weighted avg"} == set(expected)
    for name, row in rows.items():
        found = [row["precision"], row["recall"], row["f1"]]
        want = [expected[name][key] for key in ("precision", "recall", "f1-score")]
        assert found == pytest.approx(want), name
        if "support" in row:
            assert row["support"] == expected[name]["support"]


HAND_MADE = [
    ("B-Tool I-Tool O B-Time", "B-Tool I-Tool O B-Time"),  # all right
    ("B-Tool I-Tool O O", "B-Tool O O O"),  # too short
    ("B-Tool O O O", "B-HackOrg O O O"),  # other type
    ("B-Tool B-Tool O O", "B-Tool I-Tool O O"),  # two adjacent as one
    ("O O O B-Time", "O O B-Time O"),  # shifted
    ("B-Tool O O O", "O O O O"),  # nothing predicted of it
]


def test_scores_equal_seqeval_on_hand_made_sequences():
    gold = [g.split() for g, _ in HAND_MADE]
    predicted = [p.split() for _, p in HAND_MADE]
    assert_equals_seqeval(gold, predicted)
    for g, p in zip(gold, predicted):
        assert_equals_seqeval([g], [p])


@pytest.mark.parametrize("seed", range(20))
def test_scores_equal_seqeval_on_random_sequences(seed):
    rng = random.Random(seed)
    lengths = [rng.randint(1, 12) for _ in range(15)]
    gold = [spans_to_tags([TagSpan(0, 1, "Tool")], 4)]
    predicted = [spans_to_tags([TagSpan(0, 1, "Tool")], 4)]
    for n in lengths:
        spans = random_spans(rng, n)
        gold.append(spans_to_tags(spans, n))
        kept = [s for s in spans if rng.random() < 0.6]
        predicted.append(spans_to_tags(kept or random_spans(rng, n), n))
    assert_equals_seqeval(gold, predicted)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_scores_do_not_depend_on_order_or_split_into_docs(data):
    tags = st.lists(st.sampled_from(tag_names(LABELS)), min_size=3, max_size=3)
    docs = [from_tags(g, p) for g, p in data.draw(st.lists(st.tuples(tags, tags), max_size=6))]
    together = score_entities(docs)
    assert score_entities(reversed(docs)) == together
    assert sum((score_entities([doc]).micro for doc in docs), PRF()) == together.micro


@pytest.mark.parametrize("seed", range(20))
def test_missing_annotation_is_handled_as_in_spacy(seed):
    rng = random.Random(seed)
    vocab = spacy.blank("en").vocab
    examples = []
    for _ in range(10):
        n = rng.randint(1, 10)
        gold = Doc(vocab, words=["w"] * n)
        spans = []
        for start, end, label in random_spans(rng, n):
            span = gold[start:end]
            span.label_ = label
            spans.append(span)
        covered = {i for s in spans for i in range(s.start, s.end)}
        free = [gold[i : i + 1] for i in range(n) if i not in covered]
        missing = [span for span in free if rng.random() < 0.5]
        gold.set_ents(spans, missing=missing, default="outside")
        tags = spans_to_tags(random_spans(rng, n), n)
        examples.append(Example(Doc(vocab, words=["w"] * n, ents=tags), gold))
    examples.append(Example(Doc(vocab, words=["w"], ents=["B-Tool"]), Doc(vocab, words=["w"])))
    scores = score_entities(map(scored_doc, examples))
    expected = get_ner_prf(examples)
    assert scores.micro.f1 == pytest.approx(expected["ents_f"])
    assert scores.micro.precision == pytest.approx(expected["ents_p"])
    assert scores.micro.recall == pytest.approx(expected["ents_r"])
    for label, prf in scores.per_type.items():
        assert prf.f1 == pytest.approx(expected["ents_per_type"][label]["f"])
    assert scores.n_ignored >= 1


def test_prediction_on_unannotated_tokens_is_neither_right_nor_wrong():
    doc = ScoredDoc(tuple("abc"), (), (TagSpan(0, 2, "Tool"),), frozenset([1]))
    scores = score_entities([doc])
    assert scores.micro == PRF() and scores.n_ignored == 1


def test_other_tokenization_is_compared_in_gold_tokens():
    nlp = spacy.blank("en")
    gold = Doc(nlp.vocab, words=["APT28", "'s", "tool"], spaces=[False, True, False], ents=["B-A", "O", "O"])
    words = ["APT", "28", "'s", "tool"]
    predicted = Doc(nlp.vocab, words=words, spaces=[False, False, True, False], ents=["B-A", "I-A", "O", "O"])
    example = Example(predicted, gold)
    assert scored_doc(example).predicted == (TagSpan(0, 1, "A"),)
    assert score_entities([scored_doc(example)]).micro.f1 == get_ner_prf([example])["ents_f"] == 1.0


def test_of_two_equal_predictions_one_is_wrong():
    span = TagSpan(0, 1, "Tool")
    assert score_entities([ScoredDoc(("a",), (span,), (span, span))]).micro == PRF(tp=1, fp=1)


def test_nothing_at_all_scores_zero():
    scores = score_entities([ScoredDoc((), (), ())])
    assert scores.micro == PRF() and scores.micro.f1 == 0.0
    assert scores.macro.n_types == 0 and scores.macro.f1 == 0.0


def test_breakdown_by_length_and_by_train():
    train = mentions([(("Cozy", "Bear", "used", "nmap"), [TagSpan(0, 2, "HackOrg"), TagSpan(3, 4, "Tool")])])
    doc = ScoredDoc(
        words=("COZY", "bear", "ran", "Nmap", "and", "Mimikatz"),
        gold=(TagSpan(0, 2, "HackOrg"), TagSpan(3, 4, "HackOrg"), TagSpan(5, 6, "Tool")),
        predicted=(TagSpan(0, 2, "HackOrg"), TagSpan(3, 4, "Tool"), TagSpan(5, 6, "Tool")),
    )
    subsets = breakdown([doc], train_mentions=train)
    assert subsets["multi_token"].micro == PRF(tp=1)
    assert subsets["one_token"].micro == PRF(tp=1, fp=1, fn=1)
    # Nmap as HackOrg is new (type counts), so overlooking it is a fault of the unseen; Nmap as Tool is seen
    assert subsets["seen_in_train"].micro == PRF(tp=1, fp=1)
    assert subsets["unseen_in_train"].micro == PRF(tp=1, fn=1)
    assert set(breakdown([doc])) == {"one_token", "multi_token"}
    whole = score_entities([doc]).micro
    assert subsets["seen_in_train"].micro + subsets["unseen_in_train"].micro == whole
