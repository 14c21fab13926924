"""Indicators as entities by rule, and beside other components."""

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc
from spacy.tokens.underscore import Underscore
from spacy.training import Example

from spacy_ssner.ioc import add_indicators

TEXT = "APT29 sent hxxp://evil[.]com/a.exe from 203.0.113[.]7 (CVE-2017-0144)."
CONFIG = {"nlp": {"tokenizer": {"@tokenizers": "spacy-ssner.CTITokenizer.v1"}}}


@pytest.fixture
def nlp():
    return spacy.blank("en", config=CONFIG)


def found(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


INDICATORS = [("hxxp://evil[.]com/a.exe", "URL"), ("203.0.113[.]7", "IPV4"), ("CVE-2017-0144", "CVE")]


def test_entities_with_their_values(nlp):
    nlp.add_pipe("ssner_ioc")
    doc = nlp(TEXT)
    assert found(doc) == INDICATORS
    assert [ent._.ssner_value for ent in doc.ents] == [
        "http://evil.com/a.exe",
        "203.0.113.7",
        "CVE-2017-0144",
    ]
    assert [TEXT[slice(*ent._.ssner_characters)] for ent in doc.ents] == [text for text, _ in INDICATORS]


def test_exact_characters_go_with_docs_that_are_joined_and_cut(nlp):
    nlp.add_pipe("ssner_ioc")
    doc = nlp(TEXT)
    both = spacy.tokens.Doc.from_docs([doc, nlp(TEXT)])
    assert [both.text[slice(*ent._.ssner_characters)] for ent in both.ents] == [
        text for text, _ in INDICATORS
    ] * 2
    part = doc[2:].as_doc(copy_user_data=True)
    assert [part.text[slice(*ent._.ssner_characters)] for ent in part.ents] == [
        text for text, _ in INDICATORS
    ]
    (other,) = nlp.pipe([TEXT], n_process=2)
    assert [ent._.ssner_characters for ent in other.ents] == [ent._.ssner_characters for ent in doc.ents]
    assert doc[0:1]._.ssner_characters is None


@pytest.mark.parametrize("text", ["Nothing to see.", "See CVE-2017-0144."])
def test_a_doc_is_annotated_whatever_is_found(text, nlp):
    """As by spaCy's entity_ruler: otherwise it counts as missing where it is gold, in training and scores."""
    ruler = nlp.add_pipe("ssner_ioc")
    assert all(token.ent_iob for token in nlp(text)) and len(nlp("")) == 0
    reference = Doc(nlp.vocab, words=["Nothing", "here"])
    reference.set_ents([], blocked=[reference[0:1]], missing=[reference[1:2]])
    assert [token.ent_iob_ for token in ruler(reference)] == ["B", "O"]


def test_labels_are_mapped_and_kinds_left_out(nlp):
    nlp.add_pipe("ssner_ioc", config={"labels": {"URL": "Indicator", "IPV4": None}})
    assert found(nlp(TEXT)) == [("hxxp://evil[.]com/a.exe", "Indicator"), ("CVE-2017-0144", "CVE")]


@pytest.mark.parametrize("overwrite", [False, True])
def test_entities_set_before(overwrite, nlp):
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns(
        [{"label": "Mine", "pattern": "CVE-2017-0144"}, {"label": "HackOrg", "pattern": "APT29"}]
    )
    nlp.add_pipe("ssner_ioc", config={"overwrite_ents": overwrite})
    ents = dict(found(nlp(TEXT)))
    assert ents["APT29"] == "HackOrg"
    assert ents["CVE-2017-0144"] == ("CVE" if overwrite else "Mine")


def test_ssner_keeps_them(trained_path, nlp):
    trained = spacy.load(trained_path)
    trained.add_pipe("ssner_ioc", before="ssner")
    doc = trained("APT29 used Mimikatz on 203.0.113.7 against Acme Corp in Kyiv.")
    assert ("203.0.113.7", "IPV4") in found(doc)
    assert len(doc.ents) > 1  # and the network's own beside it


@pytest.mark.parametrize(
    "config,code",
    [
        ({"labels": {"NONE": "X"}}, "S286"),
        ({"alignment_mode": "best"}, "S101"),
        ({"labels": {"URL": " "}}, "S108"),
    ],
)
def test_settings_that_are_not_usable(config, code, nlp):
    with pytest.raises(ValueError, match=code):
        nlp.add_pipe("ssner_ioc", config=config)


def test_it_is_saved(nlp, tmp_path):
    nlp.add_pipe("ssner_ioc", config={"labels": {"URL": "Indicator"}})
    nlp.to_disk(tmp_path)
    assert found(spacy.load(tmp_path)(TEXT)) == found(nlp(TEXT))


@pytest.mark.parametrize(
    "name,value", [("overwrite_ents", np.bool_(True)), ("alignment_mode", np.str_("strict"))]
)
def test_numpy_scalars_that_a_user_sets_can_be_saved(name, value, nlp, tmp_path):
    nlp.add_pipe("ssner_ioc").cfg[name] = value
    nlp.to_disk(tmp_path)
    for again in (spacy.load(tmp_path), spacy.load(tmp_path).from_bytes(nlp.to_bytes())):
        saved = again.get_pipe("ssner_ioc").cfg[name]
        assert saved == value and type(saved) in (bool, str)


@pytest.mark.parametrize("name,value", [("overwrite_ents", "no"), ("alignment_mode", "best")])
def test_a_setting_that_cannot_be_is_not_saved(name, value, nlp):
    nlp.add_pipe("ssner_ioc").cfg[name] = value
    with pytest.raises(ValueError, match=f"S101.*'{name}'"):
        nlp.to_bytes()


@pytest.mark.parametrize(
    "mode,counts", [("expand", "1 do not end.*0 were left out"), ("strict", "0 do.*1 were")]
)
def test_indicators_that_do_not_fit_the_tokens_are_counted_in_one_warning(mode, counts, nlp):
    ruler = nlp.add_pipe("ssner_ioc", config={"alignment_mode": mode})
    words = ["see", "(http://evil.example/a.exe)", "203.0.113.7"]
    with pytest.warns(UserWarning, match=f"SW286.*Of 2 indicators {counts}") as caught:
        doc = ruler(spacy.tokens.Doc(nlp.vocab, words=words))
    assert len(caught) == 1
    assert [ent.text for ent in doc.ents] == (words[1:] if mode == "expand" else words[2:])


def examples_of(nlp):
    doc = nlp.make_doc(TEXT)
    starts = [(TEXT.index(text), text, label) for text, label in INDICATORS[:2]]
    spans = [(start, start + len(text), label) for start, text, label in starts]
    return [Example.from_dict(doc, {"entities": spans})]


def test_a_pipeline_of_rules_alone_is_scored(nlp, tmp_path):
    """As one with spaCy's entity_ruler."""
    ruler = nlp.add_pipe("ssner_ioc")
    scores = nlp.evaluate(examples_of(nlp))
    assert (scores["ents_p"], scores["ents_r"]) == (2 / 3, 1.0) and scores["ents_f"] == pytest.approx(0.8)
    assert scores["ents_per_type"]["CVE"]["p"] == 0.0 and scores["ents_per_type"]["URL"]["f"] == 1.0
    assert set(ruler.score(examples_of(nlp))) == {"ents_p", "ents_r", "ents_f", "ents_per_type"}
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert again.evaluate(examples_of(again))["ents_f"] == scores["ents_f"]
    weights = nlp.config["training"]["score_weights"]
    assert weights == {"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None}
    nlp.add_pipe("ssner")
    assert nlp.config["training"]["score_weights"] == weights


def test_its_scorer_is_a_setting(nlp):
    config = spacy.blank("en").get_factory_meta("ssner_ioc").default_config
    assert config["scorer"] == {"@scorers": "spacy-ssner.ssner_scorer.v1"}
    ruler = nlp.add_pipe("ssner_ioc", config={"scorer": None})
    assert ruler.scorer is None and ruler.score(examples_of(nlp)) == {}
    assert "ents_f" not in nlp.evaluate(examples_of(nlp))
    other = nlp.add_pipe(
        "ssner_ioc", name="b", config={"scorer": {"@scorers": "spacy.entity_ruler_scorer.v1"}}
    )
    assert other.score(examples_of(nlp)).keys() == {"ents_p", "ents_r", "ents_f", "ents_per_type"}


def test_an_attribute_of_our_name_that_cannot_be_written(nlp, monkeypatch):
    foreign = (None, lambda span: "x", None, None)  # default, method, getter, setter
    monkeypatch.setitem(Underscore.span_extensions, "ssner_value", foreign)
    with pytest.raises(ValueError, match="S287.*ssner_value"):
        nlp.add_pipe("ssner_ioc")


def test_indicators_go_in_front_of_what_finds_entities():
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("entity_ruler")
    add_indicators(nlp)
    add_indicators(nlp)
    assert nlp.pipe_names == ["sentencizer", "ssner_ioc", "entity_ruler"]
    other = spacy.blank("en")
    add_indicators(other)
    assert other.pipe_names == ["ssner_ioc"]
