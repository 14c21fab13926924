"""Labels, tags and spans: the tag order, the rules of BIO, and the way back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.labels import (
    TagSpan,
    biluo_to_bio,
    legal_transitions,
    spans_to_tags,
    tag_names,
    tags_to_spans,
)

LABELS = ["HackOrg", "Tool", "Way-2"]


@st.composite
def texts_of_spans(draw):
    """Number of tokens and entities that do not overlap, in order."""
    spans, token = [], draw(st.integers(0, 2))
    for _ in range(draw(st.integers(0, 5))):
        end = token + draw(st.integers(1, 4))
        spans.append(TagSpan(token, end, draw(st.sampled_from(LABELS))))
        token = end + draw(st.integers(0, 2))
    return token, spans


def test_tag_names_keep_their_places_when_a_label_is_added():
    tags = tag_names(["HackOrg", "Tool"])
    assert tags == ("O", "B-HackOrg", "I-HackOrg", "B-Tool", "I-Tool")
    assert tag_names(["HackOrg", "Tool", "Exp"])[:5] == tags
    assert tag_names([]) == ("O",)


@pytest.mark.parametrize("n_labels", [0, 1, 2, 13])
def test_legal_transitions_equal_the_rule_written_out(n_labels):
    tags = tag_names([f"T{i}" for i in range(n_labels)])
    *follow, start, end = legal = legal_transitions(n_labels)
    assert legal.dtype == np.bool_ and legal.shape == (len(tags) + 2, len(tags)) and end.all()
    assert start.tolist() == [not tag.startswith("I-") for tag in tags]
    for i, earlier in enumerate(tags):
        for j, later in enumerate(tags):
            is_legal = not later.startswith("I-") or (earlier != "O" and earlier[2:] == later[2:])
            assert follow[i][j] == is_legal, (earlier, later)


@given(texts_of_spans())
def test_tags_of_spans_lead_back_to_the_spans(case):
    n_tokens, spans = case
    tags = spans_to_tags(spans, n_tokens)
    assert len(tags) == n_tokens
    assert tags_to_spans(tags) == spans


@given(st.lists(st.sampled_from([*tag_names(LABELS)]), max_size=12))
def test_any_tags_give_spans_that_do_not_overlap_and_repair_is_stable(tags):
    spans = tags_to_spans(tags)
    assert all(a.end <= b.start for a, b in zip(spans, spans[1:]))
    assert sum(span.end - span.start for span in spans) == sum(tag != "O" for tag in tags)
    assert tags_to_spans(spans_to_tags(spans, len(tags))) == spans


@pytest.mark.parametrize(
    "tags,expected",
    [
        ([], []),
        (["O", "O"], []),
        (["I-Tool"], [(0, 1, "Tool")]),
        (["O", "I-Tool", "I-Tool"], [(1, 3, "Tool")]),
        (["B-Tool", "I-Exp", "I-Exp"], [(0, 1, "Tool"), (1, 3, "Exp")]),
        (["B-Tool", "B-Tool", "I-Tool"], [(0, 1, "Tool"), (1, 3, "Tool")]),
        (["I-Tool", "B-Tool", "O", "I-Tool"], [(0, 1, "Tool"), (1, 2, "Tool"), (3, 4, "Tool")]),
        (["B-Way-2", "I-Way-2"], [(0, 2, "Way-2")]),
    ],
)
def test_tags_to_spans_repairs_as_conlleval_does(tags, expected):
    assert [tuple(span) for span in tags_to_spans(tags)] == expected


def test_biluo_to_bio_keeps_what_is_not_annotated_apart_from_outside():
    tags = ["B-Tool", "I-Tool", "L-Tool", "O", "U-Way-2", None, "-", "B-Exp", "L-Exp"]
    expected = ["B-Tool", "I-Tool", "I-Tool", "O", "B-Way-2", None, None, "B-Exp", "I-Exp"]
    assert biluo_to_bio(tags) == expected
    assert biluo_to_bio([]) == []
