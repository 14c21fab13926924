"""Doubts about annotations, worked out by hand."""

import pytest

from spacy_ssner.evaluation.label_errors import (
    KINDS,
    Doubt,
    Judgement,
    agreement,
    doubted_tokens,
    find_doubts,
    nothing_there,
)
from spacy_ssner.evaluation.metrics import PRF
from spacy_ssner.labels import TagSpan

ACTOR = TagSpan(2, 4, "Actor")
IMPROBABLE = {ACTOR: 0.01}


@pytest.mark.parametrize(
    "found,kind",
    [
        ((), "extra"),
        ((TagSpan(2, 4, "Tool"),), "type"),
        ((TagSpan(2, 3, "Actor"),), "bounds"),
        ((TagSpan(2, 3, "Tool"),), "both"),
        ((TagSpan(2, 3, "Tool"), TagSpan(3, 5, "Actor")), "bounds"),
        ((TagSpan(2, 3, "Actor"), TagSpan(3, 5, "Tool")), "bounds"),
        ((TagSpan(0, 2, "Tool"), TagSpan(4, 6, "Tool")), "extra"),
    ],
)
def test_kinds(found, kind):
    judgement = Judgement(found, {**IMPROBABLE, **dict.fromkeys(found, 0.7)})
    (doubt,) = find_doubts([ACTOR], judgement)
    beside = tuple((span, 0.7) for span in found if span.start < 4 and span.end > 2)
    # where nothing is found, its tokens are in the annotated span with 0.01 and in no other
    against = 0.7 if beside else 0.99
    assert doubt == Doubt(kind, ACTOR, 0.01, against, beside) and doubt.kind in KINDS
    assert doubt.strength == pytest.approx(against - 0.01)


def test_what_is_probable_or_as_annotated_is_not_doubted():
    assert find_doubts([ACTOR], Judgement((), {ACTOR: 0.02})) == []
    assert find_doubts([ACTOR], Judgement((ACTOR,), {ACTOR: 0.9})) == []
    assert len(find_doubts([ACTOR], Judgement((), {ACTOR: 0.02}), low=0.021)) == 1
    assert (
        find_doubts([ACTOR], Judgement((ACTOR,), {ACTOR: 0.4}), low=0.5) == []
    )  # found, if without much confidence
    # a span that the model does not even list is most improbable
    assert find_doubts([ACTOR], Judgement((), {}))[0].probability == 0.0


def test_missing():
    tool = TagSpan(5, 6, "Tool")
    sure, unsure = (Judgement((tool,), {tool: p, ACTOR: 1.0}) for p in (0.8, 0.79))
    (doubt,) = find_doubts([ACTOR], sure)
    assert doubt == Doubt("missing", tool, 0.8, pytest.approx(0.2)) and doubt.strength == pytest.approx(0.6)
    assert find_doubts([ACTOR], unsure) == []
    assert len(find_doubts([ACTOR], unsure, high=0.7)) == 1
    assert find_doubts([ACTOR], sure, unknown={5}) == []
    # beside a doubted entity it is said once, as what stands there instead
    longer = TagSpan(3, 6, "Tool")
    (doubt,) = find_doubts([ACTOR], Judgement((longer,), {longer: 0.99}))
    assert doubt.kind == "both" and doubt.instead == ((longer, 0.99),)


def test_what_other_components_set_is_not_judged():
    assert find_doubts([ACTOR], Judgement((), {}, closed=frozenset({3}))) == []
    assert len(find_doubts([ACTOR], Judgement((), {}, closed=frozenset({4})))) == 1


def test_nothing_there_counts_all_spans_over_a_token():
    spans = {
        TagSpan(0, 3, "A"): 0.25,
        TagSpan(2, 3, "B"): 0.125,
        TagSpan(3, 9, "B"): 0.0625,
        TagSpan(5, 6, "A"): 1.0,
    }
    assert nothing_there(ACTOR, spans) == 1 - 0.375  # token 2; token 3 would have 1 - 0.0625
    assert nothing_there(TagSpan(9, 10, "A"), spans) == 1.0
    assert nothing_there(TagSpan(5, 6, "A"), spans) == 0.0  # rounding may make more than 1 of a sum


def test_agreement():
    tool, other = TagSpan(5, 6, "Tool"), TagSpan(8, 9, "Tool")
    said = Judgement((ACTOR, other), {})
    assert agreement([ACTOR, tool], said) == PRF(tp=1, fp=1, fn=1)
    assert agreement([ACTOR, tool], said, unknown={8}) == PRF(tp=1, fp=0, fn=1)
    assert agreement([tool], Judgement((), {}, closed=frozenset({5}))) == PRF()


def test_doubts_in_the_order_of_the_text():
    spans = [TagSpan(8, 9, "Tool"), TagSpan(0, 1, "Tool")]
    new = TagSpan(4, 5, "Tool")
    doubts = find_doubts(spans, Judgement((new,), {new: 0.9}))
    assert [doubt.span.start for doubt in doubts] == [0, 4, 8]


def test_doubted_tokens_spare_entities_that_stand():
    tool, actor = TagSpan(5, 6, "Tool"), TagSpan(0, 2, "Actor")
    wider = TagSpan(1, 5, "Actor")
    doubts = [
        Doubt("bounds", ACTOR, 0.0, 0.9, ((wider, 0.9),)),
        Doubt("missing", TagSpan(8, 9, "Tool"), 0.9, 0.1),
    ]
    assert doubted_tokens([ACTOR, tool], doubts) == {1, 2, 3, 4, 8}
    assert doubted_tokens([actor, ACTOR, tool], doubts) == {2, 3, 4, 8}
    assert doubted_tokens([ACTOR], []) == set()
