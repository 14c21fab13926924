"""The look-up baseline: by hand, against a slow search, and against the published figure for DNRTI."""

import os
from pathlib import Path

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.evaluation.baselines import learn_phrases, longest_matches, lookup_pipeline
from spacy_ssner.labels import TagSpan

LETTERS = st.lists(st.sampled_from("abC"), max_size=8)


def test_commonest_type_is_learnt_and_no_entity_is_a_type():
    texts = [
        ("Cozy Bear ran", [(0, 2, "HackOrg")]),
        ("cozy bear ran the nmap", [(0, 2, "Org"), (3, 4, "Tool")]),
        ("COZY BEAR the the nmap", [(0, 2, "Org"), (4, 5, "Tool")]),
        ("bear used it once", [(0, 1, "HackOrg"), (3, 4, "Time")]),
        ("once", []),
    ]
    phrases = learn_phrases([(text.split(), [TagSpan(*s) for s in spans]) for text, spans in texts])
    # "the" is annotated once of three times; "once" half of the times; "bear" once of four
    assert phrases == {("cozy", "bear"): "Org", ("nmap",): "Tool", ("once",): "Time"}


def test_longest_from_the_left():
    phrases = {("a", "b"): "X", ("b", "c", "d"): "Y", ("d",): "Z", ("a",): "W"}
    assert longest_matches("A b c d".split(), phrases) == [TagSpan(0, 2, "X"), TagSpan(3, 4, "Z")]
    assert longest_matches("b c d d".split(), phrases) == [TagSpan(0, 3, "Y"), TagSpan(3, 4, "Z")]
    assert longest_matches([], phrases) == longest_matches(["a"], {}) == []


@given(LETTERS, st.sets(st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(tuple)))
def test_matches_are_known_disjoint_and_leave_no_phrase_in_the_gaps(words, known):
    spans = longest_matches(words, dict.fromkeys(known, "X"))
    lowered = [word.lower() for word in words]
    assert all(tuple(lowered[s.start : s.end]) in known for s in spans)
    edges = [0, *(at for span in spans for at in span[:2]), len(words)]
    assert edges == sorted(edges)
    for start, end in zip(edges[::2], edges[1::2]):
        inside = {tuple(lowered[i:j]) for i in range(start, end) for j in range(i + 1, end + 1)}
        assert not inside & known


@pytest.mark.slow
@pytest.mark.skipif("SSNER_DATA" not in os.environ, reason="needs SSNER_DATA")
def test_official_dnrti_gives_the_known_figure(tmp_path):
    from spacy_ssner.cli.convert import write_sentences
    from spacy_ssner.cli.evaluate import EvaluateSettings, evaluate
    from spacy_ssner.corpus.convert import convert

    raw = Path(os.environ["SSNER_DATA"], "data", "dnrti", "raw")
    for split in ("train", "test"):
        write_sentences(convert(raw / f"{split}.txt")[0], tmp_path / f"{split}.spacy")
    train, test = str(tmp_path / "train.spacy"), str(tmp_path / "test.spacy")
    results = evaluate(EvaluateSettings(f"lookup:{train}", test, train))
    assert 100 * results["micro"]["f1"] == pytest.approx(70.7, abs=0.05)
    assert results["subsets"]["unseen_in_train"]["micro"]["tp"] == 0
    assert results["subsets"]["sentence_not_in_train"]["micro"]["support"] == 992  # as in test_unseen


def test_pipeline_is_one(tmp_path):
    from spacy.tokens import Doc, DocBin

    nlp = spacy.blank("en")
    doc = Doc(nlp.vocab, words=["Cozy", "Bear", "ran"], ents=["B-HackOrg", "I-HackOrg", "O"])
    DocBin(docs=[doc]).to_disk(tmp_path / "train.spacy")
    lookup = lookup_pipeline(tmp_path / "train.spacy")
    assert [(e.text, e.label_) for e in lookup("So cozy bear did").ents] == [("cozy bear", "HackOrg")]
    assert lookup("").has_annotation("ENT_IOB") and lookup("none").has_annotation("ENT_IOB")
    with pytest.raises(ValueError, match="S273"):
        lookup_pipeline(tmp_path / "none.spacy")
