"""Oracle: nervaluate, on random entities and on those of the sample corpus; mistakes by hand and by their sums."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nervaluate import Evaluator

from spacy_ssner.evaluation import matching
from spacy_ssner.evaluation.matching import (
    MISTAKES,
    SCHEMES,
    MatchCounts,
    count_mistakes,
    match_entities,
    match_kinds,
    pair_entities,
)
from spacy_ssner.evaluation.metrics import ScoredDoc, score_entities
from spacy_ssner.labels import TagSpan

LABELS = ("HackOrg", "Time", "Tool")


@st.composite
def entities(draw, n_tokens=9):
    """Non-overlapping entities in order."""
    cuts = sorted(draw(st.sets(st.integers(0, n_tokens), max_size=8)))
    pairs = list(zip(cuts, cuts[1:]))
    kept = [pair for pair in pairs if draw(st.booleans())]
    return tuple(TagSpan(start, end, draw(st.sampled_from(LABELS))) for start, end in kept)


def make_docs(pairs):
    return [ScoredDoc(("w",) * 200, tuple(gold), tuple(predicted)) for gold, predicted in pairs]


def assert_equals_nervaluate(docs):
    as_dicts = [
        [[{"label": s.label, "start": s.start, "end": s.end - 1} for s in spans] for spans in side]
        for side in ([doc.gold for doc in docs], [doc.predicted for doc in docs])
    ]
    expected = Evaluator(*as_dicts, tags=list(LABELS), loader="dict").evaluate()["overall"]
    found = match_entities(docs)
    assert set(found) == set(SCHEMES) == set(expected)
    for scheme, counts in found.items():
        want = expected[scheme]
        fields = ("correct", "incorrect", "partial", "missed", "spurious")
        assert [getattr(counts, f) for f in fields] == [getattr(want, f) for f in fields], scheme
        ratios = [counts.precision, counts.recall, counts.f1]
        assert ratios == pytest.approx([want.precision, want.recall, want.f1]), scheme
        assert counts.to_dict()["f1"] == counts.f1


@given(st.lists(st.tuples(entities(), entities()), min_size=1, max_size=4))
def test_equals_nervaluate_on_random_entities(pairs):
    assert_equals_nervaluate(make_docs(pairs))


def damaged(rng, spans, n_tokens):
    """Predictions as a model makes them: most right, some shifted, mistyped, cut, left out or made up."""
    result, taken = [], 0
    for start, end, label in spans:
        kind = rng.random()
        start += kind > 0.9
        end += 0.8 < kind < 0.85
        label = rng.choice(LABELS) if 0.7 < kind < 0.8 else label
        if kind > 0.1 and taken <= start < end <= n_tokens:
            result.append(TagSpan(start, end, label))
            taken = end
    return result


@pytest.mark.parametrize("seed", range(5))
def test_equals_nervaluate_on_predictions_as_models_make_them(seed):
    rng = random.Random(seed)
    pairs = []
    for _ in range(60):
        gold, at = [], 0
        while at < 30:
            length = rng.choice([1, 1, 1, 2, 2, 3, 6])
            if rng.random() < 0.3:
                gold.append(TagSpan(at, at + length, rng.choice(LABELS)))
            at += length
        pairs.append((gold, damaged(rng, gold, 40)))
    assert_equals_nervaluate(make_docs(pairs))


def test_less_than_a_hundredth_is_no_overlap():
    gold = (TagSpan(0, 150, "Tool"),)
    for n_shared, kind in ((1, "spurious"), (2, "partial")):
        docs = make_docs([(gold, (TagSpan(150 - n_shared, 160, "Tool"),))])
        assert getattr(match_entities(docs)["partial"], kind) == 1
        assert_equals_nervaluate(docs)


def test_nothing_at_all():
    assert match_entities([ScoredDoc((), (), ())]) == dict.fromkeys(SCHEMES, MatchCounts())


@given(st.lists(st.tuples(entities(), entities()), max_size=4))
def test_strict_scheme_equals_strict_scores(pairs):
    docs = make_docs(pairs)
    strict, micro = match_entities(docs)["strict"], score_entities(docs).micro
    assert (strict.correct, strict.f1) == (micro.tp, pytest.approx(micro.f1))


@pytest.mark.parametrize(
    "gold,predicted,expected",
    [
        ("0-2 Tool", "0-2 Tool", {}),
        ("0-2 Tool", "0-2 Time", {"type": 1}),
        ("0-2 Tool", "0-3 Tool", {"boundary": 1}),
        ("0-2 Tool", "1-3 Time", {"type and boundary": 1}),
        ("0-2 Tool", "", {"missed": 1}),
        ("", "0-2 Tool", {"spurious": 1}),
        ("0-2 Tool", "2-3 Tool", {"missed": 1, "spurious": 1}),
        ("0-4 Tool", "0-1 Time,1-4 Tool", {"boundary": 1, "spurious": 1}),  # same type goes first
        ("0-4 Tool", "0-2 Tool,2-4 Tool", {"boundary": 1, "spurious": 1}),
        ("0-1 Tool,1-4 Time", "0-4 Tool", {"boundary": 1, "missed": 1}),
        ("0-2 Tool,2-4 Time", "0-3 Time,3-4 Tool", {"boundary": 1, "missed": 1, "spurious": 1}),
    ],
)
def test_mistakes_by_hand(gold, predicted, expected):
    def spans(text):
        words = [word.replace("-", " ").split() for word in text.split(",") if word]
        return tuple(TagSpan(int(start), int(end), label) for start, end, label in words)

    kinds, _ = count_mistakes(make_docs([(spans(gold), spans(predicted))]))
    assert kinds == {**dict.fromkeys(MISTAKES, 0), **expected}


def test_confusion_by_hand():
    gold = (TagSpan(0, 1, "Tool"), TagSpan(2, 3, "Tool"), TagSpan(4, 6, "Time"))
    predicted = (TagSpan(0, 1, "Time"), TagSpan(2, 3, "Tool"), TagSpan(7, 8, "HackOrg"))
    _, confusion = count_mistakes(make_docs([(gold, predicted)]))
    assert confusion == {"Tool": {"Time": 1, "Tool": 1}, "Time": {"O": 1}, "O": {"HackOrg": 1}}


@given(st.lists(st.tuples(entities(), entities()), max_size=4))
def test_every_entity_is_in_one_pair(pairs):
    docs = make_docs(pairs)
    for doc in docs:
        found = pair_entities(doc.gold, doc.predicted)
        assert sorted(g for g, _ in found if g) == sorted(doc.gold)
        assert sorted(p for _, p in found if p) == sorted(doc.predicted)
    kinds, confusion = count_mistakes(docs)
    micro = score_entities(docs).micro
    both = kinds["type"] + kinds["boundary"] + kinds["type and boundary"]
    assert (micro.fn, micro.fp) == (both + kinds["missed"], both + kinds["spurious"])
    for label, prf in score_entities(docs).per_type.items():
        assert sum(confusion.get(label, {}).values()) == prf.support
        assert sum(row.get(label, 0) for row in confusion.values()) == prf.tp + prf.fp


def slow_match(gold, predicted, scheme):
    """match_kinds, where each prediction looks at every gold entity."""
    left, kinds = list(gold), []
    for span in predicted:
        touched = [other for other in left if matching._is_touched(other, span)]
        right = [other for other in touched if matching._is_right(other, span, scheme)]
        if touched:
            near = sorted(right, key=lambda other: matching._distance(other, span))
            left.remove([*near, *touched][0])
        kinds.append("spurious" if not touched else "correct" if right else "")
    wrong = "partial" if scheme == "partial" else "incorrect"
    return [kind or wrong for kind in kinds] + ["missed"] * len(left)


def slow_pairs(gold, predicted):
    """pair_entities, where each prediction is compared with every gold entity in every round."""
    rounds = (
        lambda g, p: g[:2] == p[:2],
        lambda g, p: matching.overlap(g, p) > 0 and g.label == p.label,
        lambda g, p: matching.overlap(g, p) > 0,
    )
    left, free, pairs = list(gold), list(predicted), []
    for fits in rounds:
        for _, g, p in sorted((matching._distance(g, p), g, p) for g in left for p in free if fits(g, p)):
            if g in left and p in free:
                left.remove(g)
                free.remove(p)
                pairs.append((g, p))
    return [*pairs, *((g, None) for g in left), *((None, p) for p in free)]


# Predictions that were widened to gold tokens may overlap, be equal, and stand in any order
ANY_SPAN = st.builds(
    lambda start, length, label: TagSpan(start, start + length, label),
    *(st.integers(0, 19), st.integers(1, 6), st.sampled_from(LABELS)),
)


@given(entities(20), st.one_of(entities(20), st.lists(ANY_SPAN, max_size=9)))
def test_equals_the_slow_comparison_of_all_with_all(gold, predicted):
    for scheme in SCHEMES:
        assert match_kinds(gold, predicted, scheme=scheme) == slow_match(gold, predicted, scheme)
    assert pair_entities(gold, predicted) == slow_pairs(gold, predicted)


def test_work_grows_with_the_entities_and_not_with_their_square(monkeypatch):
    n = 300
    gold = tuple(TagSpan(4 * i, 4 * i + 3, LABELS[i % 3]) for i in range(n))
    predicted = tuple(TagSpan(4 * i + 1, 4 * i + 5, "Tool") for i in range(n))
    calls = []
    for name in ("overlap", "_distance"):
        one = getattr(matching, name)
        monkeypatch.setattr(matching, name, lambda *pair, one=one: calls.append(pair) or one(*pair))
    match_entities(make_docs([(gold, predicted)]))
    assert n <= len(calls) < 20 * n
    calls.clear()
    count_mistakes(make_docs([(gold, predicted)]))
    assert n <= len(calls) < 20 * n
