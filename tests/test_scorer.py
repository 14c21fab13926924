"""Strict scores: boundaries and type must both fit; predictions on missing tokens do not count."""

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import registry

from spacy_ssner.scorer import make_ssner_scorer

WORDS = "APT29 used Mimikatz against Acme Corp".split()
GOLD = [(0, 1, "HackOrg"), (2, 3, "Tool"), (4, 6, "Org")]
score = make_ssner_scorer()


def example(predicted, gold=GOLD, missing=()):
    vocab = spacy.blank("en").vocab
    docs = []
    for spans in (predicted, gold):
        doc = Doc(vocab, words=WORDS)
        doc.set_ents([Span(doc, *span) for span in spans], default="outside")
        docs.append(doc)
    if missing:
        doc = docs[1]
        doc.set_ents([], missing=[doc[i : i + 1] for i in missing], default="unmodified")
    return Example(*docs)


@pytest.mark.parametrize(
    "predicted,p,r",
    [
        (GOLD, 1.0, 1.0),
        ([], 0.0, 0.0),
        (GOLD[:1], 1.0, 1 / 3),
        ([(0, 1, "Tool")], 0.0, 0.0),  # another type
        ([(4, 5, "Org")], 0.0, 0.0),  # other boundaries
        ([*GOLD, (1, 2, "Tool")], 3 / 4, 1.0),
    ],
)
def test_strict(predicted, p, r):
    scores = score([example(predicted)])
    assert (scores["ents_p"], scores["ents_r"]) == (pytest.approx(p), pytest.approx(r))
    assert scores["ents_f"] == pytest.approx(2 * p * r / (p + r) if p + r else 0.0)


def test_per_type():
    per_type = score([example([(0, 1, "HackOrg"), (2, 3, "Org")])])["ents_per_type"]
    assert per_type["HackOrg"] == {"p": 1.0, "r": 1.0, "f": 1.0}
    assert per_type["Tool"]["r"] == 0.0 and per_type["Org"]["p"] == 0.0


def test_prediction_on_a_missing_token_does_not_count():
    scores = score([example(GOLD, gold=GOLD[:1], missing=[2, 3, 4, 5])])
    assert scores["ents_p"] == scores["ents_r"] == 1.0


def test_nothing_annotated_gives_no_score():
    docs = [Doc(spacy.blank("en").vocab, words=WORDS) for _ in range(2)]
    scores = score([Example(*docs)])
    assert scores == {"ents_p": None, "ents_r": None, "ents_f": None, "ents_per_type": None}


def test_same_as_the_scorer_of_spacys_ner():
    examples = [example(GOLD[:2]), example([(4, 5, "Org")])]
    peer = registry.scorers.get("spacy.ner_scorer.v1")()
    assert score(examples) == peer(examples)
    assert registry.scorers.get("spacy-ssner.ssner_scorer.v1")() is score
