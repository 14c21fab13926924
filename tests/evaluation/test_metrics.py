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
    score_entities,
    scored_doc,
    sentence_counts,
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


def test_counts_of_sentences_add_up_to_the_document():
    doc = ScoredDoc(
        words=tuple("abcdef"),
        gold=(TagSpan(0, 1, "A"), TagSpan(1, 3, "A"), TagSpan(4, 5, "B")),
        predicted=(TagSpan(0, 1, "A"), TagSpan(2, 4, "A"), TagSpan(4, 5, "A"), TagSpan(5, 6, "B")),
        starts=(0, 2, 4),
    )
    # [1, 3) begins in the first sentence, [2, 4) in the second
    assert sentence_counts([doc]).tolist() == [[1, 0, 1], [0, 1, 0], [0, 2, 1]]
    assert sentence_counts([doc, doc]).sum(axis=0).tolist() == [2, 6, 4]
    micro = score_entities([doc]).micro
    assert [micro.tp, micro.fp, micro.fn] == sentence_counts([doc]).sum(axis=0).tolist()
    only_b = sentence_counts([doc], keep=lambda _, span: span.label == "B")
    assert only_b.tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 1]]
    assert sentence_counts([]).shape == (0, 3)


def test_raw_text_is_compared_by_character():
    nlp = spacy.blank("en")
    gold = Doc(
        nlp.vocab, words=["APT28", "'s", "tool"], spaces=[False, True, False], ents=["B-A", "O", "B-B"]
    )
    words = ["APT", "28", "'s", "tool"]
    spaces = [False, False, True, False]
    part = Doc(nlp.vocab, words=words, spaces=spaces, ents=["O", "B-A", "O", "B-B"])
    whole = Doc(nlp.vocab, words=words, spaces=spaces, ents=["B-A", "I-A", "O", "B-B"])
    assert score_entities([scored_doc(Example(part, gold))]).micro == PRF(tp=2)  # widened to the gold token
    doc = scored_doc(Example(part, gold), raw=True)
    assert score_entities([doc]).micro == PRF(tp=1, fp=1, fn=1)
    assert score_entities([scored_doc(Example(whole, gold), raw=True)]).micro == PRF(tp=2)
    assert [doc.in_tokens(span) for span in doc.predicted] == [TagSpan(0, 1, "A"), TagSpan(2, 3, "B")]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.data())
def test_characters_lead_back_to_the_tokens_they_touch(lengths, data):
    starts = [sum(lengths[:i]) + i for i in range(len(lengths))]  # one space between tokens
    offsets = tuple((s, s + n) for s, n in zip(starts, lengths))
    start = data.draw(st.integers(0, offsets[-1][1] - 1))
    end = data.draw(st.integers(start + 1, offsets[-1][1]))
    doc = ScoredDoc(("w",) * len(lengths), (), (), offsets=offsets)
    touched = [i for i, (s, e) in enumerate(offsets) if s < end and e > start]
    first, last, _ = doc.in_tokens(TagSpan(start, end, "A"))
    assert list(range(first, last)) == touched


def test_unannotated_characters_are_ignored():
    doc = ScoredDoc(
        ("ab", "cd"), (), (TagSpan(1, 2, "A"), TagSpan(3, 4, "A")), frozenset([1]), (0,), ((0, 2), (3, 5))
    )
    scores = score_entities([doc])
    assert scores.micro == PRF(fp=1) and scores.n_ignored == 1
