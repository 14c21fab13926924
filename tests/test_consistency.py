"""One name, one type in a document."""

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, Span, SpanGroup

from spacy_ssner.annotations import annotate
from spacy_ssner.consistency import (
    LEAST_LETTERS,
    ConsistencyRuler,
    known_names,
    looks_like_name,
    scored_mentions,
)
from spacy_ssner.extensions import WRITTEN_BY
from spacy_ssner.settings import DEFAULTS
from spacy_ssner.types import DocPrediction, DocReport, ScoredSpan

CONFIG = {"nlp": {"tokenizer": {"@tokenizers": "spacy-ssner.CTITokenizer.v1"}}}
TEXT = "The EventBot malware is new. Decrypted EventBot configuration. EVENTBOT INFRASTRUCTURE is known."


@pytest.fixture
def nlp():
    nlp = spacy.blank("en", config=CONFIG)
    nlp.add_pipe("ssner_consistency")
    return nlp


def found(doc):
    return [(ent.text, ent.start_char, ent.label_) for ent in doc.ents]


def as_by_ssner(nlp, text, mentions):
    """A doc as the component `ssner` leaves it. mentions: characters, how often they came before, label, score."""
    doc = nlp.make_doc(text)
    spans = []
    for surface, nth, label, score in mentions:
        start = -1
        for _ in range(nth + 1):
            start = text.index(surface, start + 1)
        span = doc.char_span(start, start + len(surface))
        spans.append(ScoredSpan(span.start, span.end, label, score))
    return annotated(doc, sorted(spans, key=lambda s: s.start))


def annotated(doc, spans):
    report = DocReport(len(doc), 0, 1, 1, 0, 0, 0)
    annotate(doc, DocPrediction(spans, report, None), dict(DEFAULTS))
    return doc


def consistent(nlp, text, mentions):
    return nlp.get_pipe("ssner_consistency")(as_by_ssner(nlp, text, mentions))


def test_a_name_found_once_counts_in_the_whole_document(nlp):
    doc = consistent(nlp, TEXT, [("EventBot", 0, "Malware", 0.9)])
    assert found(doc) == [
        ("EventBot", TEXT.index("EventBot"), "Malware"),
        ("EventBot", TEXT.rindex("EventBot"), "Malware"),
        ("EVENTBOT", TEXT.index("EVENTBOT"), "Malware"),
    ]
    assert [(span.text, span.label_) for span in doc.spans["ssner_consistency"]] == [
        ("EventBot", "Malware"),
        ("EVENTBOT", "Malware"),
    ]
    assert [ent._.ssner_score for ent in doc.ents] == [pytest.approx(0.9), None, None]
    assert doc.has_annotation("ENT_IOB") and doc.text == TEXT


@pytest.mark.parametrize("score, n_found", [(0.59, 1), (0.6, 3)])
def test_only_what_is_probable_enough_spreads(score, n_found, nlp):
    doc = consistent(nlp, TEXT, [("EventBot", 0, "Malware", score + 1e-6)])
    assert len(doc.ents) == n_found and len(doc.spans["ssner_consistency"]) == n_found - 1


def test_the_group_of_another_component_is_not_replaced(nlp):
    nlp.add_pipe("ssner_consistency", name="other", config={"spans_key": "ssner"})
    doc = consistent(nlp, TEXT, [("EventBot", 0, "Malware", 0.9)])
    doc.spans["ssner"] = SpanGroup(doc, attrs={WRITTEN_BY: "ssner"})
    with pytest.raises(ValueError, match="S101.*spans_key.*'ssner'"):
        nlp.get_pipe("other")(doc)


def test_the_most_probable_mention_gives_the_type(nlp):
    doc = consistent(nlp, TEXT, [("EventBot", 0, "Malware", 0.9), ("EventBot", 1, "System", 0.7)])
    assert [label for _, _, label in found(doc)] == ["Malware"] * 3
    assert [(s.start_char, s.label_) for s in doc.spans["ssner_consistency"]] == [
        (TEXT.rindex("EventBot"), "Malware"),
        (TEXT.index("EVENTBOT"), "Malware"),
    ]


@pytest.mark.parametrize(
    "text, name, others",
    [
        ("APT-28 came. APT28 and Apt 28 left.", "APT-28", ["APT28", "Apt 28"]),
        ("Agent Smith is new. What Agent\nSmith does.", "Agent Smith", ["Agent\nSmith"]),
        ("Agent Smith is new.\nAgent    Smith", "Agent Smith", []),  # columns of a table
        ("Agent Smith is new. An Agent. Smith left.", "Agent Smith", []),
        ("Judy is malware. The judy case.", "Judy", []),  # an ordinary word
        ("The malware spread. Malware is bad.", "malware", []),
        ("C2 is up. A C2 server.", "C2", []),  # too short to tell
        ("Crash is malware. Crash.exe and http://Crash.com/Crash too.", "Crash", []),
    ],
)
def test_which_mentions_count(text, name, others, nlp):
    doc = consistent(nlp, text, [(name, 0, "Malware", 0.99)])
    assert [ent.text for ent in doc.ents] == [name, *others]


def test_the_longer_of_two_names(nlp):
    text = "Smith wrote Agent Smith. What Agent Smith does, and Smith too."
    doc = consistent(nlp, text, [("Smith", 0, "Person", 0.9), ("Agent Smith", 0, "Malware", 0.8)])
    assert [(t, label) for t, _, label in found(doc)] == [
        ("Smith", "Person"),
        ("Agent Smith", "Malware"),
        ("Agent Smith", "Malware"),
        ("Smith", "Person"),
    ]


def test_others_entities_and_blocked_tokens_stay(nlp):
    doc = nlp.make_doc(TEXT)
    places = [token.i for token in doc if token.text.lower() == "eventbot"]
    preset = Span(doc, places[1] - 1, places[1] + 1, label="Name")
    doc.set_ents([preset], blocked=[doc[places[2] : places[2] + 1]], default="outside")
    first = ScoredSpan(places[0], places[0] + 1, "Malware", 0.9)
    doc = nlp.get_pipe("ssner_consistency")(annotated(doc, [first]))
    assert [(ent.text, ent.label_) for ent in doc.ents] == [
        ("EventBot", "Malware"),
        ("Decrypted EventBot", "Name"),
    ]
    assert doc[places[2]].ent_iob == 3 and not doc[places[2]].ent_type


def test_entities_without_a_score_say_nothing(nlp):
    doc = nlp.make_doc(TEXT)
    doc.set_ents([Span(doc, 1, 2, label="Malware")])
    assert known_names(scored_mentions(doc), 0.0) == {}
    before = found(doc)
    assert found(nlp.get_pipe("ssner_consistency")(doc)) == before


def test_again_changes_nothing(nlp):
    doc = consistent(nlp, TEXT, [("EventBot", 0, "Malware", 0.9), ("EventBot", 1, "System", 0.7)])
    before = found(doc), [(s.start, s.end, s.label_) for s in doc.spans["ssner_consistency"]]
    doc = nlp.get_pipe("ssner_consistency")(doc)
    assert (found(doc), [(s.start, s.end, s.label_) for s in doc.spans["ssner_consistency"]]) == before


def test_again_after_tokens_were_merged(nlp):
    """spaCy leaves the tokens of span groups as they were. Our group follows, but for what lies behind the last one."""
    doc = consistent(nlp, TEXT, [("EventBot", 0, "Malware", 0.9)])
    expected = found(doc)
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[3:6])  # is new.
        retokenizer.merge(doc[11:15])  # INFRASTRUCTURE is known.
    doc = nlp.get_pipe("ssner_consistency")(doc)
    assert found(doc) == expected
    assert list(doc.spans["ssner_consistency"]) == [doc.ents[1]]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "...", "No names here."])
def test_docs_without_names(text, nlp):
    assert nlp(text).text == text and not nlp(text).ents


def test_settings_are_saved(nlp, tmp_path):
    nlp.remove_pipe("ssner_consistency")
    nlp.add_pipe("ssner_consistency", config={"threshold": 0.25, "spans_key": "same"})
    nlp.to_disk(tmp_path / "nlp")
    pipe = spacy.load(tmp_path / "nlp").get_pipe("ssner_consistency")
    assert pipe.cfg == {"threshold": 0.25, "spans_key": "same"}


def test_settings_that_were_changed_are_saved(nlp, tmp_path):
    pipe = nlp.get_pipe("ssner_consistency")
    pipe.cfg.update(threshold=np.float32(0.25), spans_key="same")
    nlp.to_disk(tmp_path / "nlp")
    for again in (spacy.load(tmp_path / "nlp"), spacy.blank("en", config=CONFIG)):
        if not again.pipe_names:
            again.add_pipe("ssner_consistency")
            again.from_bytes(nlp.to_bytes())
        loaded = again.get_pipe("ssner_consistency")
        assert loaded.cfg == {"threshold": 0.25, "spans_key": "same"}
    pipe.cfg["threshold"] = 2.0
    with pytest.raises(ValueError, match=r"S101.*threshold"):
        nlp.to_disk(tmp_path / "bad")


@pytest.mark.parametrize(
    "data,code",
    [(b"", "S111"), (b"{", "S111"), (b"[]", "S111"), (b'{"threshold": "x"}', "S101"), (b'{"spans_key": 1}', "S101")],
)  # fmt: skip
def test_damaged_settings(data, code, nlp, tmp_path):
    nlp.to_disk(tmp_path)
    (tmp_path / "ssner_consistency" / "cfg").write_bytes(data)
    with pytest.raises(ValueError, match=code):
        spacy.load(tmp_path)
    with pytest.raises(ValueError, match="S111.*ssner_consistency"):
        nlp.get_pipe("ssner_consistency").from_bytes(b"garbage")


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), True])
def test_bad_threshold(threshold):
    with pytest.raises(ValueError, match=r"S101.*threshold"):
        ConsistencyRuler(threshold=threshold)


def test_behind_a_trained_pipeline(trained):
    text = "The FIN7 group used Carbanak against banks in Russia. FIN7 was seen again. Carbanak spread, said FIN7."
    alone = found(trained(text))
    trained.add_pipe("ssner_consistency", config={"threshold": 0.0})
    assert trained.analyze_pipes()["problems"] == {"ssner": [], "ssner_consistency": []}
    doc = trained(text)
    assert {ent[:2] for ent in alone} <= {ent[:2] for ent in found(doc)}
    types = {}
    for ent in doc.ents:
        if looks_like_name(ent.text):
            assert types.setdefault(ent.text.lower(), ent.label_) == ent.label_
    (other,) = trained.pipe([text], n_process=2)
    assert found(other) == found(doc)


def test_looks_like_name():
    assert LEAST_LETTERS == 3
    for text in ("EventBot", "APT28", "iOS", "H - worm", "3CX"):
        assert looks_like_name(text)
    for text in ("malware", "C2", "", "---", "H-"):
        assert not looks_like_name(text)


def test_many_names_take_linear_time():
    """10,000 different names, each twice: no test of times, but this would not end if it were quadratic."""
    nlp = spacy.blank("en")
    nlp.add_pipe("ssner_consistency")
    words = [f"Name{i:05d}" for i in range(10_000)] * 2
    doc = Doc(nlp.vocab, words=words)
    spans = [ScoredSpan(i, i + 1, "X", 0.9) for i in range(10_000)]
    assert len(nlp.get_pipe("ssner_consistency")(annotated(doc, spans)).ents) == 20_000
