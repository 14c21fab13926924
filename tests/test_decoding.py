"""Decoding: best legal path and span probabilities by enumeration, closed tokens, cuts, docs."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from spacy_ssner import decoding as decoding_module
from spacy_ssner.decoding import LEAST_PROBABLE, best_disjoint, decode, n_best_spans, path_to_spans
from spacy_ssner.labels import tag_names, tags_to_spans
from spacy_ssner.layers.word_features import head_windows
from spacy_ssner.text.windows import make_windows
from spacy_ssner.types import Reading, ScoredSpan, TagScores, WordFeatures

LABELS = ["HackOrg", "Tool"]
TAGS = tag_names(LABELS)
seeds = st.integers(0, 2**31)


def doc_windows(doc_lengths, *, max_tokens=100, context=0):
    """One sentence per doc, cut where it is longer than `max_tokens`."""
    ends = np.cumsum(doc_lengths)
    starts = np.zeros(sum(doc_lengths), dtype=bool)
    starts[[end - length for end, length in zip(ends, doc_lengths) if length]] = True
    ones = np.ones(len(starts), dtype=np.int64)
    return make_windows(starts, ones, max_weight=max_tokens, context=context)


def random_scores(make_scores, windows, *, seed, scale=1.0):
    emissions, transitions = make_scores(1, len(windows.index), 2, seed=seed, scale=scale)
    return TagScores(emissions[0].numpy(), transitions.numpy(), windows)


def best_spans(emissions, transitions, closed, enumerate_paths):
    """Entities of one window from all its paths, closed tokens held at O, with their probabilities."""
    paths, scores = enumerate_paths(
        torch.from_numpy(emissions).double(), torch.from_numpy(transitions).double()
    )
    open_paths = (paths[:, closed] == 0).all(dim=1)
    paths, scores = paths[open_paths], scores[open_paths]
    p = scores.softmax(0)
    result = []
    for start, end, label in tags_to_spans([TAGS[tag] for tag in paths[scores.argmax()]]):
        tag = 1 + 2 * LABELS.index(label)
        holds = (paths[:, start] == tag) & (paths[:, start + 1 : end] == tag + 1).all(dim=1)
        if end < paths.shape[1]:
            holds &= paths[:, end] != tag + 1
        result.append(ScoredSpan(start, end, label, float(p[holds].sum())))
    return result


def assert_same(found, expected):
    assert [(s.start, s.end, s.label) for s in found] == [(s.start, s.end, s.label) for s in expected]
    assert_allclose([s.score for s in found], [s.score for s in expected], atol=1e-5)


@given(tags=st.lists(st.sampled_from(range(5)), min_size=1, max_size=10))
def test_path_to_spans_equals_the_slow_reader_of_tags(tags):
    legal = [
        tag if tag % 2 or tag == 0 or before in (tag, tag - 1) else tag - 1
        for before, tag in zip([0, *tags], tags)
    ]
    path = torch.tensor([[0] * len(legal), legal])
    row, start, end, tag = path_to_spans(path)
    expected = tags_to_spans([TAGS[tag] for tag in legal])
    assert row.tolist() == [1] * len(expected)
    found = zip(start.tolist(), end.tolist(), tag.tolist())
    assert [(s, e, LABELS[(t - 1) // 2]) for s, e, t in found] == [tuple(span) for span in expected]


@given(seed=seeds, scale=st.sampled_from([0.5, 3.0]))
@settings(max_examples=25)
def test_spans_and_probabilities_equal_enumeration(seed, scale, make_scores, enumerate_paths):
    lengths = [3, 5, 1, 4]
    scores = random_scores(make_scores, doc_windows(lengths), seed=seed, scale=scale)
    ends = np.cumsum(lengths)
    for found, length, end in zip(decode(scores, LABELS, lengths), lengths, ends):
        emissions = scores.emissions[end - length : end]
        assert_same(found, best_spans(emissions, scores.transitions, [False] * length, enumerate_paths))
        assert all(0.0 <= span.score <= 1.0 for span in found)


@given(seed=seeds, closed=st.lists(st.booleans(), min_size=9, max_size=9))
@settings(max_examples=40)
def test_closed_tokens_hold_no_entity_and_the_rest_is_the_best_given_that(
    seed, closed, make_scores, enumerate_paths
):
    lengths, closed = [5, 4], np.array(closed)
    scores = random_scores(make_scores, doc_windows(lengths), seed=seed, scale=2.0)
    scores.emissions[:, 0] -= 3.0  # entities everywhere, so that closing matters
    before = scores.emissions.copy()
    found = decode(scores, LABELS, lengths, closed=closed)
    for spans, places in zip(found, (slice(0, 5), slice(5, 9))):
        assert not any(closed[places][span.start : span.end].any() for span in spans)
        assert_same(spans, best_spans(before[places], scores.transitions, closed[places], enumerate_paths))
    assert (scores.emissions == before).all()


@given(seed=seeds, temperature=st.sampled_from([0.3, 2.0, 9.0]))
@settings(max_examples=20)
def test_a_temperature_keeps_the_path_and_gives_the_probabilities_of_the_divided_scores(
    seed, temperature, make_scores, enumerate_paths
):
    closed = np.array([False, True, False, False, False])
    scores = random_scores(make_scores, doc_windows([5]), seed=seed, scale=2.0)
    scores.emissions[:, 0] -= 3.0  # entities everywhere
    (found,) = decode(scores, LABELS, [5], closed=closed, temperature=temperature)
    (cold,) = decode(scores, LABELS, [5], closed=closed)
    assert [(s.start, s.end, s.label) for s in found] == [(s.start, s.end, s.label) for s in cold]
    transitions = np.where(scores.transitions <= -1e4, -1e4, scores.transitions / temperature)
    assert_same(found, best_spans(scores.emissions / temperature, transitions, closed, enumerate_paths))


def test_all_tokens_closed_give_no_entity(make_scores):
    scores = random_scores(make_scores, doc_windows([6]), seed=0, scale=50.0)
    assert decode(scores, LABELS, [6], closed=np.ones(6, dtype=bool)) == [[]]


def read_windows(scores, doc_lengths):
    """Slow reading of cut windows: entities that begin in the core, the earlier one of two that overlap."""
    windows, found, taken = scores.windows, [], -1
    for start, length in zip(windows.starts, windows.lengths):
        places = slice(start, start + length)
        alone = make_windows(np.arange(length) == 0, np.ones(length, dtype=int), max_weight=length, context=0)
        spans = decode(TagScores(scores.emissions[places], scores.transitions, alone), LABELS, [length])[0]
        for span in spans:
            first = int(windows.index[start + span.start])
            if windows.core[start + span.start] and first >= taken:
                taken = first + span.end - span.start
                found.append((first, taken, span.label))
    return found


@given(seed=seeds, context=st.integers(0, 1))
@settings(max_examples=40)
def test_a_cut_sentence_yields_no_overlapping_entities(seed, context, make_scores):
    lengths = [0, 30, 3, 0, 17]
    windows = doc_windows(lengths, max_tokens=8, context=context)
    assert len(windows.lengths) > 7
    scores = random_scores(make_scores, windows, seed=seed, scale=2.0)
    scores.emissions[:, 2::2] += 3.0  # long entities that reach over the cuts
    found = decode(scores, LABELS, lengths)
    flat = []
    for spans, length, end in zip(found, lengths, np.cumsum(lengths)):
        assert all(0 <= span.start < span.end <= length for span in spans)
        assert all(a.end <= b.start for a, b in zip(spans, spans[1:]))
        assert all(0.0 <= span.score <= 1.0 for span in spans)
        flat += [(end - length + span.start, end - length + span.end, span.label) for span in spans]
    assert flat == read_windows(scores, lengths)


def test_an_entity_over_a_cut_stays_in_one_piece():
    """Tokens 2 to 4 are one entity; the cut lies between 3 and 4, and both windows see it."""
    windows = doc_windows([10], max_tokens=6, context=1)
    assert windows.index.tolist() == [0, 1, 2, 3, 4, 3, 4, 5, 6, 7, 8, 7, 8, 9]
    gold = np.array([0, 0, 1, 2, 2, 0, 0, 0, 0, 0])
    emissions = 20.0 * np.eye(5, dtype=np.float32)[gold[windows.index]]
    transitions = np.zeros((7, 5), dtype=np.float32)
    transitions[[0, 3, 4, 5], 2] = transitions[[0, 1, 2, 5], 4] = -1e4
    found = decode(TagScores(emissions, transitions, windows), LABELS, [10])
    assert [(span.start, span.end, span.label) for span in found[0]] == [(2, 5, "HackOrg")]


@pytest.mark.parametrize("lengths", [[2, 3], [0, 2, 0, 0, 3, 0], [0, 0, 2, 3], [2, 3, 0, 0]])
def test_empty_docs_neither_lose_nor_swap_a_result(lengths, make_scores):
    scores = random_scores(make_scores, doc_windows([2, 3]), seed=3)
    scores.emissions[:, 0] -= 10.0  # an entity in every doc
    expected = decode(scores, LABELS, [2, 3])
    assert all(expected)
    found = decode(scores, LABELS, lengths)
    assert [len(spans) > 0 for spans in found] == [length > 0 for length in lengths]
    assert [spans for spans in found if spans] == expected


@pytest.mark.parametrize("lengths", [[], [0], [0, 0, 0]])
def test_no_tokens(lengths, make_scores):
    scores = random_scores(make_scores, doc_windows(lengths), seed=0)
    assert decode(scores, LABELS, lengths) == [[] for _ in lengths]
    assert decode(scores, LABELS, lengths, closed=np.zeros(0, dtype=bool)) == [[] for _ in lengths]


def test_no_entity_at_all(make_scores):
    scores = random_scores(make_scores, doc_windows([4, 2]), seed=0)
    scores.emissions[:, 0] += 100.0
    assert decode(scores, LABELS, [4, 2]) == [[], []]


@pytest.mark.parametrize("max_padded", [1, 7])
def test_the_size_of_a_pass_does_not_matter(max_padded, make_scores, monkeypatch):
    lengths = [3, 7, 1, 4]
    scores = random_scores(make_scores, doc_windows(lengths), seed=1)
    expected = decode(scores, LABELS, lengths)
    monkeypatch.setattr(decoding_module, "MAX_PADDED", max_padded)
    for found, spans in zip(decode(scores, LABELS, lengths), expected):
        assert_same(found, spans)


@given(seed=seeds)
@settings(max_examples=10)
def test_without_scores_the_entities_are_the_same(seed, make_scores):
    lengths = [3, 0, 9, 1]
    scores = random_scores(make_scores, doc_windows(lengths, max_tokens=6, context=1), seed=seed, scale=2.0)
    scores.emissions[:, 0] -= 2.0
    with_scores, without = decode(scores, LABELS, lengths), decode(scores, LABELS, lengths, with_scores=False)
    assert any(with_scores) and all(s.score is not None for spans in with_scores for s in spans)
    assert without == [[ScoredSpan(s.start, s.end, s.label, None) for s in spans] for spans in with_scores]


def test_without_scores_nothing_is_summed(make_scores, monkeypatch):
    monkeypatch.setattr(decoding_module, "span_log_probability", None)  # calling it would fail
    scores = random_scores(make_scores, doc_windows([4]), seed=0)
    scores.emissions[:, 0] -= 5.0
    assert decode(scores, LABELS, [4], with_scores=False)[0]


def spans_by_enumeration(emissions, transitions, closed, enumerate_paths):
    """All spans of one window with their probabilities, closed tokens held at O."""
    paths, scores = enumerate_paths(
        torch.from_numpy(emissions).double(), torch.from_numpy(transitions).double()
    )
    open_paths = (paths[:, closed] == 0).all(dim=1)
    paths, p = paths[open_paths], scores[open_paths].softmax(0)
    n_tokens, result = paths.shape[1], []
    for label in range(len(LABELS)):
        tag = 1 + 2 * label
        for start in range(n_tokens):
            for end in range(start + 1, n_tokens + 1):
                holds = (paths[:, start] == tag) & (paths[:, start + 1 : end] == tag + 1).all(dim=1)
                if end < n_tokens:
                    holds &= paths[:, end] != tag + 1
                result.append(ScoredSpan(start, end, LABELS[label], float(p[holds].sum())))
    return sorted(result, key=lambda span: -span.score)


@given(
    seed=seeds,
    n=st.integers(1, 8),
    closed=st.lists(st.booleans(), min_size=9, max_size=9),
    temperature=st.sampled_from([1.0, 3.0]),
)
@settings(max_examples=25)
def test_n_best_spans_equal_enumeration(seed, n, closed, temperature, make_scores, enumerate_paths):
    lengths, closed = [5, 4], np.array(closed)
    scores = random_scores(make_scores, doc_windows(lengths), seed=seed, scale=2.0)
    scores.emissions[:, 0] -= 1.0
    found = n_best_spans(scores, LABELS, lengths, n=n, closed=closed, temperature=temperature)
    transitions = np.where(scores.transitions <= -1e4, -1e4, scores.transitions / temperature)
    for spans, places in zip(found, (slice(0, 5), slice(5, 9))):
        emissions = scores.emissions[places] / temperature
        expected = spans_by_enumeration(emissions, transitions, closed[places], enumerate_paths)
        by_score = sorted(spans, key=lambda span: -span.score)
        least = [span.score for span in expected[:n] if span.score >= LEAST_PROBABLE]
        assert_allclose([span.score for span in by_score], least, atol=1e-5)
        known = {(s.start, s.end, s.label): s.score for s in expected}
        assert_allclose([known[s.start, s.end, s.label] for s in spans], [s.score for s in spans], atol=1e-5)
        assert [s.start for s in spans] == sorted(s.start for s in spans)
        assert not any(closed[places][s.start : s.end].any() for s in spans)


def disjoint_sets(places):
    """All sets of spans (start, end, ...) that do not overlap, by enumeration."""
    for size in range(len(places) + 1):
        for chosen in combinations(places, size):
            if all(a[1] <= b[0] or b[1] <= a[0] for a, b in combinations(chosen, 2)):
                yield chosen


spans_and_gains = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4), st.integers(1, 20)), max_size=8)


@given(spans=spans_and_gains)
def test_best_disjoint_spans_equal_enumeration(spans):
    places = [(start, start + length, gain) for start, length, gain in spans]
    starts, ends, gains = np.array(places, dtype=np.int64).reshape(-1, 3).T
    found = best_disjoint(starts, ends, gains)
    assert all(ends[a] <= starts[b] for a, b in zip(found, found[1:]))
    assert gains[found].sum() == max(sum(span[2] for span in chosen) for chosen in disjoint_sets(places))


@given(
    seed=seeds,
    expected_f1=st.sampled_from([0.3, 0.6, 1.0]),
    closed=st.lists(st.booleans(), min_size=9, max_size=9),
    temperature=st.sampled_from([1.0, 3.0]),
)
@settings(max_examples=25)
def test_entities_for_the_expected_f1_equal_enumeration(
    seed, expected_f1, closed, temperature, make_scores, enumerate_paths
):
    lengths, closed = [5, 4], np.array(closed)
    scores = random_scores(make_scores, doc_windows(lengths), seed=seed, scale=2.0)
    scores.emissions[:, 0] += 1.0
    given = {"closed": closed, "temperature": temperature, "expected_f1": expected_f1}
    found = decode(scores, LABELS, lengths, **given)
    transitions = np.where(scores.transitions <= -1e4, -1e4, scores.transitions / temperature)
    for spans, places in zip(found, (slice(0, 5), slice(5, 9))):
        emissions = scores.emissions[places] / temperature
        every = spans_by_enumeration(emissions, transitions, closed[places], enumerate_paths)
        known = {(s.start, s.end, s.label): s.score for s in every}
        assert_allclose([known[s.start, s.end, s.label] for s in spans], [s.score for s in spans], atol=1e-5)
        likely = [(s.start, s.end, s.score - expected_f1 / 2) for s in every if s.score > expected_f1 / 2]
        best = max(sum(span[2] for span in chosen) for chosen in disjoint_sets(likely))
        assert sum(s.score - expected_f1 / 2 for s in spans) == pytest.approx(best, abs=1e-4)
        assert all(a.end <= b.start for a, b in zip(spans, spans[1:]))
    without = decode(scores, LABELS, lengths, **given, with_scores=False)
    assert without == [[replace(span, score=None) for span in spans] for spans in found]


def test_what_is_likelier_than_half_of_the_f1_is_found_where_nothing_is_likelier_still():
    emissions = np.log(
        np.array([[0.6, 0.4, 1e-9, 1e-9, 1e-9], [0.8, 1e-9, 1e-9, 0.2, 1e-9]], dtype=np.float32)
    )
    windows = doc_windows([1, 1])
    scores = TagScores(emissions, np.zeros((7, 5), dtype=np.float32), windows)
    assert decode(scores, LABELS, [1, 1]) == [[], []]
    (found,), others = decode(scores, LABELS, [1, 1], expected_f1=0.6)
    assert (found.start, found.end, found.label) == (0, 1, "HackOrg") and others == []
    assert found.score == pytest.approx(0.4)


@pytest.mark.parametrize("temperature", [1e-3, 1e-6, 1e-30, 1e-45, 5e-324])
def test_near_a_temperature_of_zero_the_best_path_is_certain(temperature, make_scores):
    lengths = [6, 4]
    scores = random_scores(make_scores, doc_windows(lengths), seed=1, scale=3.0)
    scores.emissions[:, 0] -= 2.0
    best = decode(scores, LABELS, lengths, temperature=temperature)
    assert all(len(spans) > 1 for spans in best)
    assert [s.score for spans in best for s in spans] == pytest.approx([1.0] * sum(map(len, best)))
    for f1 in (0.6, 1.0):
        assert decode(scores, LABELS, lengths, temperature=temperature, expected_f1=f1) == best
    assert n_best_spans(scores, LABELS, lengths, n=9, temperature=temperature) == best


@pytest.mark.parametrize("expected_f1", [1e-3, 1e-300, 5e-324])
def test_the_smallest_expected_f1_gives_what_is_probable_at_all(expected_f1, make_scores):
    scores = random_scores(make_scores, doc_windows([6]), seed=1)
    (found,) = decode(scores, LABELS, [6], expected_f1=expected_f1)
    assert {i for s in found for i in range(s.start, s.end)} == set(range(6))
    assert all(s.score >= LEAST_PROBABLE for s in found)


def test_entities_of_windows_that_overlap_do_not(make_scores):
    windows = doc_windows([300], max_tokens=8, context=2)
    scores = random_scores(make_scores, windows, seed=3, scale=2.0)
    (found,) = decode(scores, LABELS, [300], expected_f1=0.2)
    assert len(found) > 50 and all(a.end <= b.start for a, b in zip(found, found[1:]))


def test_entities_are_among_the_many_best(make_scores):
    lengths = [0, 12, 3]
    scores = random_scores(make_scores, doc_windows(lengths), seed=5, scale=3.0)
    for entities, probable in zip(
        decode(scores, LABELS, lengths), n_best_spans(scores, LABELS, lengths, n=1000)
    ):
        listed = {(s.start, s.end, s.label): s.score for s in probable}
        for s in entities:
            if s.score > 2 * LEAST_PROBABLE:
                assert listed[s.start, s.end, s.label] == pytest.approx(s.score, abs=1e-5)


def test_n_best_of_a_cut_sentence_are_counted_once_per_window(make_scores):
    windows = doc_windows([30], max_tokens=8, context=1)
    scores = random_scores(make_scores, windows, seed=1, scale=2.0)
    (found,) = n_best_spans(scores, LABELS, [30], n=3)
    keys = [(s.start, s.end, s.label) for s in found]
    assert len(set(keys)) == len(keys) and 0 < len(keys) <= 3 * len(windows.lengths)
    core = windows.index[windows.core]
    assert core.tolist() == list(range(30))
    window_of = np.repeat(np.arange(len(windows.lengths)), windows.lengths)[windows.core]
    assert np.bincount(window_of[[s.start for s in found]]).max() <= 3


@pytest.mark.parametrize("lengths", [[], [0], [0, 2, 0]])
def test_n_best_without_tokens_or_spans(lengths, make_scores):
    scores = random_scores(make_scores, doc_windows(lengths), seed=0)
    scores.emissions[:, 0] += 100.0
    assert n_best_spans(scores, LABELS, lengths, n=2) == [[] for _ in lengths]
    assert decode(scores, LABELS, lengths, expected_f1=0.5) == [[] for _ in lengths]


def read_words(words, *, n_docs=1):
    """Windows of the words, white space left out, one for each doc; and what the reading says of them."""
    index, is_space = np.arange(len(words)), np.array([word.isspace() for word in words])
    starts = index % (len(words) // n_docs) == 0
    none = np.full(len(words), -1), np.full((len(words), 1), -1)
    features = WordFeatures(index, np.zeros((len(words), 0), dtype=int), *none)
    windows = head_windows(starts, is_space, max_tokens=100)
    return windows, Reading(words, features, starts, is_space, index < 0)


def slow_spans(emissions, transitions, words, closed, enumerate_paths):
    """Entities of one doc from all paths over its words, and their probabilities, in tokens of the doc."""
    places = [i for i, word in enumerate(words) if not word.isspace()]
    emissions = emissions.copy()
    for j, (last, place) in enumerate(zip(places, places[1:]), start=1):
        between = range(last + 1, place)
        if any(closed[i] or words[i] in ("\t", "  ") for i in between):
            emissions[j, 2::2] = -1e4
    found = best_spans(emissions, transitions, closed[places], enumerate_paths)
    return [ScoredSpan(places[s.start], places[s.end - 1] + 1, s.label, s.score) for s in found]


@given(
    seed=seeds,
    words=st.lists(st.sampled_from(["a", "a", " ", "\n", "\n  ", "\t", "  "]), min_size=12, max_size=12),
    closed=st.lists(st.sampled_from([False, False, True]), min_size=12, max_size=12),
)
@settings(max_examples=60)
def test_white_space_is_no_part_of_the_path_and_columns_part_entities(
    seed, words, closed, make_scores, enumerate_paths
):
    windows, reading = read_words(words, n_docs=2)
    scores = random_scores(make_scores, windows, seed=seed, scale=2.0)
    scores.emissions[:, 0] -= 3.0  # entities everywhere
    scores.emissions[:, 2::2] += 2.0  # of several words
    closed = np.array(closed)
    scores = TagScores(scores.emissions, scores.transitions, windows, reading)
    found = decode(scores, LABELS, [6, 6], closed=closed)
    probable = n_best_spans(scores, LABELS, [6, 6], closed=closed, n=1000)
    for spans, more, place in zip(found, probable, (slice(0, 6), slice(6, 12))):
        own = [word for word in words[place]]
        n_before, n_words = (sum(not w.isspace() for w in part) for part in (words[: place.start], own))
        emissions = scores.emissions[n_before : n_before + n_words]
        expected = []
        if n_words:
            expected = slow_spans(emissions, scores.transitions, own, closed[place], enumerate_paths)
        assert_same(spans, expected)
        for span in [*spans, *more]:
            inside = own[span.start : span.end]
            assert not inside[0].isspace() and not inside[-1].isspace()
            assert not {"\t", "  "} & set(inside) and not closed[place][span.start : span.end].any()
