"""Raw reports through the whole pipeline: windows, indicators, entities set before; nothing is lost or cut."""

import hashlib
import random

import numpy as np
import pytest
import spacy
import srsly
from spacy.tokens import Doc, Span

from spacy_ssner.layers.word_features import distinct_words, doc_sentence_starts
from spacy_ssner.text.tokenizer import make_cti_tokenizer

HASHES = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(40)]
SENTENCE = "Turla sent Mimikatz to the Foreign Ministry of Peru."
GOLD = [("Turla", "HackOrg"), ("Mimikatz", "Tool"), ("Foreign Ministry of Peru", "Org")]
REPORT = """\
Turla sent Mimikatz to the Foreign Ministry of Peru

Indicators of Compromise
203.0.113.7
evil[.]example
- APT29
- Lazarus dropped Emotet

The group Lazarus dropped Emotet. APT29 used Mimikatz against Acme Corp in Kyiv. Turla
sent Mimikatz to Acme Corp in
Kyiv! (Emotet.) Lazarus?
Nothing was stolen on that day."""


@pytest.fixture(scope="module")
def encoder_path(make_nlp, tiny_bert, tmp_path_factory):
    """A pipeline with an encoder that knows the annotated sentences by heart, and the CTI tokenizer."""
    encoder = {"@architectures": "spacy-ssner.HFEncoder.v1", "name": str(tiny_bert), "max_pieces": 62}
    nlp = make_nlp(
        "char_cnn",
        "bilstm",
        "similar_words",
        steps=60,
        tok2vec={**encoder, "max_word_pieces": 15},
        max_window=64,
    )
    path = tmp_path_factory.mktemp("encoder")
    nlp.to_disk(path)
    return path


@pytest.fixture
def nlp(encoder_path):
    nlp = spacy.load(encoder_path)
    nlp.tokenizer = make_cti_tokenizer()(nlp)
    return nlp


def texts_of(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


def sentences_of(doc):
    words, word_index = distinct_words([doc])
    starts = np.flatnonzero(doc_sentence_starts([doc], words, word_index)).tolist()
    return [doc[start:end] for start, end in zip(starts, [*starts[1:], len(doc)])]


def alone(nlp, span):
    """The tokens of a sentence as a doc of their own that is one sentence."""
    spaces = [bool(token.whitespace_) for token in span]
    starts = [i == 0 for i in range(len(span))]
    return nlp(Doc(nlp.vocab, words=[token.text for token in span], spaces=spaces, sent_starts=starts))


# Windows


@pytest.mark.parametrize("layout", ["lines", "one line", "table", "paragraphs"])
def test_forty_hashes_and_a_sentence_with_three_entities(layout, nlp):
    """spacy-transformers' strided windows lose 36 of 44 tokens here, the entities among them."""
    separator = {"lines": "\n", "one line": " ", "table": "\tsample.exe\n", "paragraphs": "\n\n"}[layout]
    nlp.add_pipe("ssner_ioc", before="ssner")
    for text in (separator.join([*HASHES, SENTENCE]), SENTENCE + separator + separator.join(HASHES)):
        doc = nlp(text)
        report = doc._.ssner_report
        assert report.no_vector_words == 0 and report.truncated_words == 40
        assert report.no_vector == report.white_space and report.pieces >= 40 * 15
        assert [ent.text for ent in doc.ents if ent.label_ == "SHA256"] == HASHES
        if text.startswith("Turla") or layout != "one line":  # behind 40 hashes it is no sentence of its own
            assert [ent for ent in texts_of(doc) if ent[1] not in ("SHA256", "FILE")] == GOLD


def test_sentences_one_by_one_equal_the_report_as_a_whole(nlp, found):
    doc = nlp(REPORT)
    sentences = sentences_of(doc)
    assert len(sentences) == 12
    n_at_edges = 0
    for span in sentences:
        inside = [ent for ent in doc.ents if span.start <= ent.start < span.end]
        assert all(ent.end <= span.end for ent in inside)
        expected = [
            (e.start - span.start, e.end - span.start, e.label_, pytest.approx(e._.ssner_score, abs=1e-5))
            for e in inside
        ]
        assert found(alone(nlp, span)) == expected, span.text
        words = [token.i for token in span if not token.is_space and not token.is_punct]
        n_at_edges += sum(ent.start == words[0] or ent.end == words[-1] + 1 for ent in inside)
        if "\n" not in span.text.strip():  # then its text alone is one sentence as well
            assert found(nlp(span.text)) == expected, span.text
    assert n_at_edges >= 8


def test_reports_of_the_sample_equal_their_sentences(nlp, found):
    path = spacy.util.ensure_path(__file__).parents[1] / "assets" / "sample" / "dev.jsonl"
    for record in list(srsly.read_jsonl(path))[:3]:
        doc = nlp(record["text"])
        whole = [(e.start, e.end, e.label_, e._.ssner_score) for e in doc.ents]
        parts = []
        for span in sentences_of(doc):
            parts += [
                (e.start + span.start, e.end + span.start, e.label_, pytest.approx(e._.ssner_score, abs=1e-5))
                for e in alone(nlp, span).ents
            ]
        assert whole == parts
        assert doc._.ssner_report.no_vector_words == 0


def test_n_best_of_a_report_equal_those_of_its_sentences(nlp):
    nlp.get_pipe("ssner").cfg.update(n_best=4, temperature=5.0)
    doc = nlp(REPORT)
    for span in sentences_of(doc):
        sentence = alone(nlp, span)  # a group lives as long as its doc
        own = sentence.spans["ssner_nbest"]
        whole = [s for s in doc.spans["ssner_nbest"] if span.start <= s.start < span.end]
        assert [(s.start, s.end, s.label_) for s in own] == [
            (s.start - span.start, s.end - span.start, s.label_) for s in whole
        ]


# Entities set before

RULES = [
    {"label": "Preset", "pattern": "used Mimikatz against"},
    {"label": "Preset", "pattern": "Lazarus"},
    {"label": "Preset", "pattern": "Corp in Kyiv"},
    {"label": "Preset", "pattern": ". The"},  # over the end of a sentence
    {"label": "Preset", "pattern": [{"IS_SPACE": True}, {"TEXT": "Turla"}]},
]
PARTS = [
    "APT29 used Mimikatz against Acme Corp in Kyiv.",
    "The group Lazarus dropped Emotet.",
    "Nothing happened. The end.",
    "203.0.113[.]7",
    "\n",
    "\n\n",
    "Turla sent Mimikatz to the Foreign Ministry of Peru.",
    "APT29 used CVE-2017-0144 in Kyiv,",
    "hxxp://evil[.]example/a.exe",
    HASHES[0],
    "- Lazarus",
    "Acme Corp in Kyiv",
]


def reports(n):
    rng = random.Random(0)
    return [" ".join(rng.choices(PARTS, k=rng.randint(1, 12))) for _ in range(n)]


def with_rules(nlp):
    nlp.add_pipe("entity_ruler", before="ssner", config={"validate": False}).add_patterns(RULES)
    nlp.add_pipe("ssner_ioc", before="ssner")
    return nlp


def presets(nlp, texts):
    """What the rules alone find."""
    with nlp.select_pipes(disable=["ssner"]):
        return [[(e.start_char, e.end_char, e.label_) for e in doc.ents] for doc in nlp.pipe(texts)]


def test_presets_of_a_hundred_docs_are_kept(nlp):
    nlp, texts = with_rules(nlp), reports(100)
    expected = presets(nlp, texts)
    assert sum(map(len, expected)) > 300 and {label for ents in expected for *_, label in ents} > {
        "Preset",
        "IPV4",
        "CVE",
    }
    n_ours = 0
    for preset, doc in zip(expected, nlp.pipe(texts, batch_size=16)):
        ents = [(e.start_char, e.end_char, e.label_) for e in doc.ents]
        assert [ent for ent in ents if ent in preset] == preset  # none lost, labels untouched, in order
        ours = [s for s in doc.spans["ssner"]]
        assert len(ents) == len(preset) + len(ours)  # what is not preset is ours, all of it
        taken = {i for start, end, _ in preset for i in range(start, end)}
        assert all(taken.isdisjoint(range(s.start_char, s.end_char)) for s in ours)
        assert all(ent._.ssner_value for ent in doc.ents if ent.label_ in ("IPV4", "URL", "CVE", "SHA256"))
        n_ours += len(ours)
    assert n_ours > 100


def test_presets_of_a_hundred_docs_are_replaced_when_asked(nlp):
    """With overwrite_ents the entities are those of a pipeline without rules: no preset is left, none is mixed in."""
    texts = reports(100)
    expected = [texts_of(doc) for doc in nlp.pipe(texts)]
    nlp = with_rules(nlp)
    nlp.get_pipe("ssner").cfg["overwrite_ents"] = True
    for doc, ents in zip(nlp.pipe(texts), expected):
        assert texts_of(doc) == ents
        assert len(doc.spans["ssner"]) == len(ents)


def test_a_preset_over_the_end_of_a_window_is_kept_and_both_sides_go_around_it(nlp):
    doc = nlp.make_doc("APT29 used Mimikatz. Lazarus dropped Emotet.")
    doc.ents = [Span(doc, 2, 5, "Preset")]  # Mimikatz . Lazarus
    assert [span.start for span in sentences_of(doc)] == [0, 4]
    doc = nlp(doc)
    assert ("Mimikatz. Lazarus", "Preset") in texts_of(doc)
    assert all(s.end <= 2 or s.start >= 5 for s in doc.spans["ssner"]) and len(doc.spans["ssner"])


def test_presets_by_tags(nlp):
    """spaCy reads an I behind an O as a B; we go around whatever entities it makes of that."""
    doc = Doc(
        nlp.vocab, words=["APT29", "used", "Mimikatz", "."], ents=["B-Preset", "B-Preset", "O", "I-Preset"]
    )
    before = [(e.start, e.end, e.label_) for e in doc.ents]
    assert len(before) == 3
    doc = nlp(doc)
    assert [ent for ent in ((e.start, e.end, e.label_) for e in doc.ents) if ent[2] == "Preset"] == before
    assert not any(ent.label_ == "HackOrg" for ent in doc.ents)  # APT29 is taken


def test_presets_that_break_the_scheme(nlp):
    """spaCy cannot read such entities itself, and says which tokens they are; they can only be replaced."""
    words, tags = ["Turla", "sent", "Mimikatz", "."], ["I-Preset", "O", "O", "O"]
    with pytest.raises(ValueError, match="E093.*Turla|I"):
        nlp(Doc(nlp.vocab, words=words, ents=tags))
    nlp.get_pipe("ssner").cfg["overwrite_ents"] = True
    doc = nlp(Doc(nlp.vocab, words=words, ents=tags))
    assert "Preset" not in {ent.label_ for ent in doc.ents} and doc.has_annotation("ENT_IOB")


def test_presets_that_overlap_are_refused_by_spacy(nlp):
    doc = nlp.make_doc(SENTENCE)
    with pytest.raises(ValueError, match="E1010"):
        doc.ents = [Span(doc, 0, 2, "Preset"), Span(doc, 1, 3, "Preset")]
    assert texts_of(nlp(doc)) == GOLD


def test_presets_on_every_token(nlp):
    doc = nlp.make_doc(REPORT)
    doc.ents = [Span(doc, i, i + 1, "Preset") for i in range(len(doc))]
    doc = nlp(doc)
    assert len(doc.ents) == len(doc) and len(doc.spans["ssner"]) == 0
