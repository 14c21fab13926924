"""The look-up baseline: by hand, against a slow search, and against the published figure for DNRTI."""

import os
from pathlib import Path

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from nervaluate import Evaluator
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_ssner.cli.convert import write_sentences
from spacy_ssner.corpus.convert import convert
from spacy_ssner.evaluation.baselines import (
    PhraseLookup,
    learn_categories,
    learn_phrases,
    longest_matches,
    lookup_pipeline,
)
from spacy_ssner.evaluation.prediction import predict, read_examples, read_train
from spacy_ssner.evaluation.results import summarize
from spacy_ssner.labels import TagSpan, spans_to_tags
from spacy_ssner.lexicon.lexicon import Lexicon, Name

SIDES = ("gold", "predicted")

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


def test_listed_names_fill_the_gaps_with_the_type_of_their_category(tmp_path):
    lexicon = Lexicon(
        [
            Name("Cozy Bear", "actor"),
            Name("Turla", "actor"),
            Name("Emotet", "malware"),
            Name("Page", "tool", True),
        ]
    )
    texts = [
        ("Cozy Bear wrote a Page", [(0, 2, "HackOrg")]),
        ("Turla used Emotet", [(0, 1, "HackOrg"), (2, 3, "Malware")]),
    ]
    docs = [(text.split(), [TagSpan(*s) for s in spans]) for text, spans in texts]
    types = learn_categories(docs, lexicon)
    assert types == {"actor": "HackOrg", "malware": "Malware"}  # "tool" is no entity of this training set
    lookup = PhraseLookup({("bear", "group"): "Org"})
    lookup.lexicon, lookup.types = lexicon, types
    doc = lookup(Doc(Vocab(), words="The Cozy Bear Group and Turla saw the Page of EMOTET".split()))
    assert [(ent.text, ent.label_) for ent in doc.ents] == [
        ("Bear Group", "Org"),
        ("Turla", "HackOrg"),
        ("EMOTET", "Malware"),
    ]


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
def test_official_dnrti_gives_the_known_figure_and_what_seqeval_and_nervaluate_say(tmp_path):
    raw = Path(os.environ["SSNER_DATA"], "data", "dnrti", "raw")
    for split in ("train", "test"):
        write_sentences(convert(raw / f"{split}.txt")[0], tmp_path / f"{split}.spacy")
    nlp = lookup_pipeline(tmp_path / "train.spacy")
    docs, _ = predict(nlp, read_examples(tmp_path / "test.spacy", nlp))
    results = summarize(docs, train=read_train(tmp_path / "train.spacy", nlp))
    assert 100 * results["micro"]["f1"] == pytest.approx(70.7, abs=0.05)
    assert results["subsets"]["unseen_in_train"]["micro"]["tp"] == 0
    assert results["subsets"]["sentence_not_in_train"]["micro"]["support"] == 992  # as in test_unseen

    sides = [[spans_to_tags(getattr(d, k), len(d.words)) for d in docs] for k in SIDES]
    assert results["micro"]["f1"] == pytest.approx(f1_score(*sides, mode="strict", scheme=IOB2))
    labels = sorted(results["per_type"])
    spans = [
        [[{"label": s.label, "start": s.start, "end": s.end - 1} for s in getattr(d, k)] for d in docs]
        for k in SIDES
    ]
    expected = Evaluator(*spans, tags=labels, loader="dict").evaluate()["overall"]
    for scheme, row in results["matching"].items():
        assert row["f1"] == pytest.approx(expected[scheme].f1), scheme


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


def test_tokens_without_annotation_do_not_count_as_no_entity(tmp_path):
    from spacy.tokens import Doc, DocBin

    vocab = spacy.blank("en").vocab
    words = ["Cozy", "Bear", "ran", "nmap"]
    docs = [
        Doc(vocab, words=words, ents=["B-HackOrg", "I-HackOrg", "O", "B-Tool"]),
        *(Doc(vocab, words=words, ents=["O", "", "O", "O"]) for _ in range(2)),  # Bear may be one
        *(Doc(vocab, words=words) for _ in range(2)),
    ]
    DocBin(docs=docs).to_disk(tmp_path / "train.spacy")
    found = lookup_pipeline(tmp_path / "train.spacy")("Cozy Bear ran nmap").ents
    # nmap is no entity twice of three times
    assert [(e.text, e.label_) for e in found] == [("Cozy Bear", "HackOrg")]
