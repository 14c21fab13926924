"""Odd input gives an empty result, a numbered error or a counted warning, and never a neighbour's result."""

import base64
import random
import sys
import time

import numpy as np
import pytest
import spacy
import srsly
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_ssner.corpus.convert import convert
from spacy_ssner.text.tokenizer import make_cti_tokenizer

ALL = ("char_cnn", "bilstm", "similar_words", "fusion")
ODD = {
    "empty": "",
    "space": " ",
    "line breaks": "\n\n\r\n \t",
    "one letter": "x",
    "one mark": ".",
    "one token": "Mimikatz",
    "zero width": "Mimi\u200bkatz \u200b \ufeff used\u200d \u2060",
    "only zero width": "\u200b\u200b",
    "control": "APT29\x00used\x07Mimikatz \x1b[31m \x7f",
    "only control": "\x00",
    "right to left": "\u202eMimikatz\u202c used",
    "combining": "a\u0301\u0327" * 30,
    "emoji": "APT29 \U0001f469\u200d\U0001f4bb used \U0001f480",
    "other scripts": "APT29 использует 米米卡茨 ミミカッツ ميميكاتز",
    "private": "\ue000\uf8ff\U0010ffff",
    "long word": "A" * 5000,
    "hashes": " ".join(f"{i:064x}" for i in range(60)),
    "punctuation": "?!.,;:" * 50,
    "defanged": "hxxps[:]//evil[.]example/a?b=c 192.0.2[.]1",
    "mixed defanging": "hxxp[:]//a[.]b{.}c(dot)d.e/x[.]y user[at]a.b[.]c 192[.]0.2(.)1:[80] hXXps:\\\\e[.]f",
    "open defanging": "evil[.com evil.]com [.] [. .] hxxp:// hxxps[:] [at] (dot) 192.0.2[.]",
    "replaced surrogates": "APT29 \ufffd\ufffd used Mimi\ufffdkatz",
    "nulls": "\x00" * 300 + "APT29\x00\x00",
    "isolates": "\u2067ميميكاتز\u2069 \u200fAPT29\u200e \u061c used \u2066x\u2069",
    "no full stop": "APT29 used Mimikatz " * 300,
    "over a sentence break": "Acme. Corp used! Mimi\n\nkatz in Ky\niv",
    "no-break": "APT29\u00a0used\u2003Mimikatz\u2028and\u2029more\x85end",
    "white space tokens": "APT29    used \n\n\n Mimikatz  \t against",
}


@pytest.fixture(params=["all", "none", "encoder"], scope="module")
def pipeline(request, make_nlp, tiny_bert):
    if request.param == "encoder":
        encoder = {"@architectures": "spacy-ssner.HFEncoder.v1", "name": str(tiny_bert), "max_pieces": 32}
        return make_nlp(*ALL, steps=3, tok2vec={**encoder, "max_word_pieces": 8})
    return make_nlp(*(ALL if request.param == "all" else ["none"]), steps=15)


@pytest.mark.parametrize("kind", ODD)
def test_odd_text(kind, pipeline):
    doc = pipeline(ODD[kind])
    assert doc.text == ODD[kind]
    assert all(0 <= ent._.ssner_score <= 1 for ent in doc.ents)
    assert len(doc.spans["ssner"]) == len(doc.ents)
    if not doc.text.strip():
        assert not doc.ents or kind != "empty"


@pytest.mark.parametrize("batch_size", [2, 5, 64])
def test_odd_docs_do_not_change_their_neighbours(batch_size, pipeline, annotated, found):
    normal = [text for text, _ in annotated]
    texts = []
    for i, text in enumerate(ODD.values()):
        texts += [text, normal[i % len(normal)]]
    alone = [found(pipeline(text)) for text in texts]
    docs = list(pipeline.pipe(texts, batch_size=batch_size))
    assert [doc.text for doc in docs] == texts
    assert [found(doc) for doc in docs] == alone


def test_training_on_odd_docs(pipeline, make_examples):
    odd = [Example(pipeline.make_doc(text), pipeline(text)) for text in ODD.values()]
    losses = pipeline.get_pipe("ssner").update([*odd, *make_examples(pipeline)])
    assert np.isfinite(losses["ssner"])


def test_lone_surrogates():
    """spaCy's tokenizer refuses them; a Doc cannot hold one, so none reaches the component."""
    nlp = spacy.blank("en")
    with pytest.raises(UnicodeEncodeError):
        nlp("APT29 \ud800 used")
    with pytest.raises(UnicodeEncodeError):
        Doc(nlp.vocab, words=["\udfff"])


@pytest.fixture(scope="module")
def nlp(make_nlp):
    return make_nlp(*ALL, steps=15)


@pytest.mark.slow
@pytest.mark.parametrize("style", ["sentences", "one line", "one word"])
def test_a_hundred_thousand_tokens(style, nlp):
    words = {
        "sentences": "The group APT29 used Mimikatz against Acme Corp in Kyiv .".split() * 9100,
        "one line": [f"word{i % 3000}" for i in range(99_997)] + ["APT29", "used", "Mimikatz"],
        "one word": ["Mimikatz"] * 100_000,
    }[style][:100_000]
    start = time.process_time()
    doc = nlp(Doc(nlp.vocab, words=words))
    assert len(doc) == 100_000 and time.process_time() - start < 60
    if style == "sentences":
        alone = nlp(Doc(nlp.vocab, words=words[:11]))
        assert len(doc.ents) >= 9000 * len(alone.ents) > 0
        assert [(e.text, e.label_) for e in doc.ents[: len(alone.ents)]] == [
            (e.text, e.label_) for e in alone.ents
        ]


@pytest.fixture
def raw_nlp(make_nlp):
    """Small, with the CTI tokenizer and the indicators by rule; no limit on the length of a text."""
    nlp = make_nlp("bilstm", steps=15)
    nlp.tokenizer = make_cti_tokenizer()(nlp)
    nlp.add_pipe("ssner_ioc", before="ssner")
    nlp.max_length = 20_000_000
    return nlp


BLOB = base64.b64encode(random.Random(0).randbytes(150_000)).decode()
BLOBS = {
    "brackets": "(" * 50_000 + ")" * 50_000,
    "mixed brackets": "([{<" * 25_000,
    "base64 in one line": BLOB,
    "base64 in lines": "\n".join(BLOB[i : i + 76] for i in range(0, len(BLOB), 76)),
    "one word": "A" * 200_000,
    "digits": "1" * 200_000,
    "defanged dots": "[.]" * 50_000,
    "nulls": "\x00" * 100_000,
    "zero width": "\u200b" * 100_000,
    "directions": "\u202eabc " * 20_000,
}


@pytest.mark.parametrize("kind", BLOBS)
def test_blobs_take_bounded_time_and_hide_nothing(kind, raw_nlp, annotated, found):
    """A sentence in front of a blob, or behind it, has the entities that it has alone."""
    sentence = annotated[1][0]
    start = time.process_time()
    doc = raw_nlp(f"{sentence}\n\n{BLOBS[kind]}\n\n{sentence}")
    assert time.process_time() - start < 60
    assert doc.text == f"{sentence}\n\n{BLOBS[kind]}\n\n{sentence}"
    length = len(raw_nlp.make_doc(sentence))
    expected = [(ent.text, ent.label_) for ent in raw_nlp(sentence).ents]
    assert len(expected) == 2
    for first, last in ((0, length), (len(doc) - length, len(doc))):
        assert [(e.text, e.label_) for e in doc.ents if first <= e.start < last] == expected
    assert doc._.ssner_report.no_vector_words == 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["words", "one word"])
def test_ten_megabytes_in_one_line(kind, raw_nlp):
    line = "APT29 used hxxps://cdn[.]evil[.]example/update/index.php?session=0123456789abcdef, " * 130_000
    text = (line if kind == "words" else "A" * len(line))[:10_000_000]
    start = time.process_time()
    doc = raw_nlp(text)
    assert time.process_time() - start < 600
    assert doc.text == text and len(text) == 10_000_000
    report = doc._.ssner_report
    assert report.cut_sentences == (kind == "words") and report.sentences == 1
    assert all(text[e.start_char : e.end_char] == e.text for e in doc.ents[::1000])


def test_spacys_limit_on_the_length_of_a_text_stays(nlp):
    with pytest.raises(ValueError, match="E088"):
        nlp("a " * 500_001)


def test_long_document_among_short_ones(nlp, annotated, found):
    texts = [annotated[0][0], "word " * 3000, annotated[1][0], "", annotated[0][0]]
    assert [found(doc) for doc in nlp.pipe(texts)] == [found(nlp(text)) for text in texts]


# Annotation


def test_overlapping_spans_are_refused_by_spacy(make_nlp):
    nlp = make_nlp("bilstm")
    spans = [(0, 5, "HackOrg"), (0, 10, "Tool")]
    with pytest.raises(ValueError, match="E1"):
        Example.from_dict(nlp.make_doc("APT29 used"), {"entities": spans})


def test_misaligned_spans_are_missing_and_spacy_warns(make_nlp):
    nlp = make_nlp("bilstm")
    with pytest.warns(UserWarning, match="W030"):
        example = Example.from_dict(nlp.make_doc("APT29 used Mimikatz"), {"entities": [(0, 3, "HackOrg")]})
    assert example.get_aligned_ner()[0] is None
    assert np.isfinite(nlp.get_pipe("ssner").update([example])["ssner"])


def test_overlapping_and_misaligned_spans_in_a_corpus_are_reported(tmp_path):
    path = tmp_path / "in.jsonl"
    spans = [(0, 5, "HackOrg"), (0, 10, "Org"), (11, 14, "Tool"), (90, 95, "Tool")]
    record = {"text": "APT29 used Mimikatz.", "spans": [dict(start=s, end=e, label=x) for s, e, x in spans]}
    srsly.write_jsonl(path, [record])
    sentences, report = convert(path)
    assert len(sentences) == 1 and sum(report.counts().values()) >= 3
    with pytest.raises(ValueError, match=r"S221.*in.jsonl:1"):
        convert(path, strict=True)


def test_no_and_all_missing_annotation_score_nothing(make_nlp):
    nlp = make_nlp("bilstm")
    reference = nlp.make_doc("APT29 used Mimikatz")
    assert nlp.evaluate([Example(nlp.make_doc(reference.text), reference)])["ents_f"] is None
    reference.set_ents([], default="missing")
    assert nlp.evaluate([Example(nlp.make_doc(reference.text), reference)])["ents_f"] is None


def test_initialize_on_docs_without_tokens(tiny_model, annotated):
    nlp = spacy.blank("en")
    nlp.add_pipe("ssner", config={"model": tiny_model("bilstm")}).add_label("Tool")
    nlp.initialize(lambda: [Example(nlp.make_doc(""), nlp.make_doc(""))] * 12)
    assert nlp(annotated[0][0]).has_annotation("ENT_IOB")


def test_first_docs_of_the_sample_are_empty(tiny_model, make_examples):
    nlp = spacy.blank("en")
    nlp.add_pipe("ssner", config={"model": tiny_model("bilstm")})
    empty = Example(nlp.make_doc(""), nlp.make_doc(""))
    nlp.initialize(lambda: [empty, *make_examples(nlp), empty])
    assert len(nlp.get_pipe("ssner").labels) == 5


def test_entity_with_an_empty_label_is_left_out(tiny_model):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("ssner", config={"model": tiny_model("bilstm")})
    reference = nlp.make_doc("APT29 used Mimikatz")
    reference.ents = [Span(reference, 0, 1, "HackOrg")]
    pipe.initialize(lambda: [Example(nlp.make_doc(reference.text), reference)])
    assert pipe.labels == ("HackOrg",)


# Files


def damaged(path, name, kind, other=None):
    data = (path / "ssner" / name).read_bytes()
    content = {"cut": data[: len(data) // 2], "empty": b"", "text": b"not a model", "pickle": b"\x80\x04N."}
    content["last byte"] = data[:-1]
    content["msgpack"] = srsly.msgpack_dumps({"nodes": [], "attrs": [], "params": [], "shims": []})
    content["list"] = srsly.msgpack_dumps([1, 2])
    if kind == "missing":
        (path / "ssner" / name).unlink()
    else:
        (path / "ssner" / name).write_bytes(other if kind == "foreign" else content[kind])
    return path


@pytest.fixture
def saved(trained, tmp_path):
    trained.to_disk(tmp_path / "saved")
    return tmp_path / "saved"


@pytest.mark.parametrize(
    "kind", ["cut", "empty", "text", "pickle", "last byte", "msgpack", "list", "missing"]
)
def test_damaged_model_file(kind, saved):
    with pytest.raises(ValueError, match="S111.*'ssner'.*model: "):
        spacy.load(damaged(saved, "model", kind))


def test_foreign_model_file(saved, make_examples):
    other = spacy.blank("en")
    other.add_pipe("ner")
    other.initialize(lambda: make_examples(other))
    with pytest.raises(ValueError, match="S111"):
        spacy.load(damaged(saved, "model", "foreign", other.get_pipe("ner").model.to_bytes()))


@pytest.mark.parametrize("names", [("char_cnn", "bilstm"), ("bilstm", "similar_words")])
def test_model_of_another_network_is_taken_with_its_sizes_or_refused(
    names, saved, make_nlp, found, annotated
):
    """The sizes of the network are saved beside its weights: they win over the config, but labels must fit."""
    other = make_nlp(*names, sentences=annotated[1:2])
    with pytest.raises(ValueError, match="S111.*2 labels beside 5 labels"):
        spacy.load(damaged(saved, "model", "foreign", other.get_pipe("ssner").model.to_bytes()))


@pytest.mark.parametrize(
    "setting, said", [({"future": 1}, "newer spacy-ssner.*'future'"), ({"threshold": "x"}, "threshold")]
)
def test_settings_of_another_version_are_refused_when_they_are_loaded(setting, said, saved):
    path = saved / "ssner" / "cfg"
    before = srsly.read_json(path)
    srsly.write_json(path, {**before, **setting})
    try:
        with pytest.raises(ValueError, match=f"S101.*{said}"):
            spacy.load(saved)
    finally:
        srsly.write_json(path, before)


@pytest.mark.parametrize("kind", ["cut", "empty", "text", "list", "missing"])
def test_damaged_settings_file(kind, saved):
    with pytest.raises(ValueError, match="S111.*cfg"):
        spacy.load(damaged(saved, "cfg", kind))


@pytest.mark.parametrize(
    "kind,code",
    [("cut", "S258"), ("text", "S257"), ("pickle", "S257"), ("empty", "S111"), ("missing", "S111")],
)
def test_damaged_similar_words(kind, code, saved):
    with pytest.raises(ValueError, match=code):
        spacy.load(damaged(saved, "similar_words", kind))


@pytest.mark.parametrize("package", ["transformers", "tokenizers"])
def test_an_encoder_without_its_package_is_not_called_damaged(
    package, make_nlp, tiny_bert, tmp_path, monkeypatch
):
    """`spacy package` lists spacy-ssner without extras: there a pipeline may come to be loaded without transformers."""
    encoder = {"@architectures": "spacy-ssner.HFEncoder.v1", "name": str(tiny_bert)}
    make_nlp("bilstm", tok2vec=encoder).to_disk(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    said = rf"S147.*'{package}'.*spacy-ssner\[transformers\]"
    with pytest.raises(ImportError, match=said):
        spacy.load(tmp_path)
    with pytest.raises(ImportError, match=said):  # nor unreadable where a training begins
        make_nlp("bilstm", tok2vec=encoder)


@pytest.mark.parametrize("kind", ["cut", "empty", "text", "list"])
def test_damaged_bytes(kind, trained):
    data = trained.get_pipe("ssner").to_bytes()
    content = {"cut": data[: len(data) // 2], "empty": b"", "text": b"nothing"}
    content["list"] = srsly.msgpack_dumps([1])
    with pytest.raises(ValueError, match="S111"):
        trained.get_pipe("ssner").from_bytes(content[kind])


def test_failed_load_leaves_other_pipelines_alone(saved, trained, annotated, found):
    expected = found(trained(annotated[0][0]))
    with pytest.raises(ValueError, match="S111"):
        spacy.load(damaged(saved, "model", "cut"))
    assert found(trained(annotated[0][0])) == expected


def test_error_handler_gets_the_docs_of_a_failing_batch(annotated):
    """spaCy's way to go on after an error: the docs of the batch are handed over, none is lost silently."""
    nlp = spacy.blank("en")
    nlp.add_pipe("ssner")  # has no network: every batch fails
    failed = []
    nlp.set_error_handler(lambda name, proc, docs, error: failed.extend(docs))
    assert list(nlp.pipe([text for text, _ in annotated], batch_size=2)) == []
    assert [doc.text for doc in failed] == [text for text, _ in annotated]
