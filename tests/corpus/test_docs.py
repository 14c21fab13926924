import pytest
import spacy
from spacy.tokens import DocBin
from spacy.training import Corpus
from spacy.vocab import Vocab

from spacy_ssner.corpus.docs import is_document, make_doc, write_docs
from spacy_ssner.corpus.sentence import Sentence
from spacy_ssner.text.docbins import load_docbin


def sentence(words, tags, spaces=None, meta=None):
    return Sentence(tuple(words), tuple(tags), "f", tuple(range(1, len(words) + 1)), spaces, meta)


CONLL = sentence(["Deep", "Panda", "x", ",", "can't"], ["B-A", "I-A", None, "O", "B-B"])
JSONL = sentence(["APT28", "ran", "."], ["B-A", "O", "O"], (True, False, False), {"id": "r1"})


def test_make_doc_from_conll():
    doc = make_doc(CONLL, Vocab())
    assert [(e.text, e.label_) for e in doc.ents] == [("Deep Panda", "A"), ("can't", "B")]
    assert [t.ent_iob_ for t in doc] == ["B", "I", "", "O", "B"]
    assert doc.has_unknown_spaces
    assert [t.is_sent_start for t in doc] == [True, False, False, False, False]


def test_make_doc_from_jsonl():
    doc = make_doc(JSONL, Vocab())
    assert doc.text == "APT28 ran." and not doc.has_unknown_spaces
    assert doc.user_data["meta"] == {"id": "r1"}
    assert not doc.has_annotation("SENT_START")


def test_all_missing_and_no_entities():
    assert not make_doc(sentence(["a", "b"], [None, None]), Vocab()).has_annotation("ENT_IOB")
    assert make_doc(sentence(["a", "b"], ["O", "O"]), Vocab()).has_annotation("ENT_IOB")


def test_write_and_read_back(tmp_path):
    path = tmp_path / "new" / "folder" / "out.spacy"
    vocab = Vocab()
    assert write_docs([make_doc(CONLL, vocab), make_doc(JSONL, vocab)], path) == 2
    first, second = load_docbin(path, Vocab())
    assert [t.ent_iob_ for t in first] == ["B", "I", "", "O", "B"] and first.has_unknown_spaces
    assert [t.is_sent_start for t in first] == [True, False, False, False, False]
    assert second.text == "APT28 ran." and second.user_data["meta"] == {"id": "r1"}
    assert not is_document(first) and is_document(second)
    assert [p.name for p in path.parent.iterdir()] == ["out.spacy"]


def test_spacy_corpus_keeps_gold_tokens(tmp_path):
    path = tmp_path / "out.spacy"
    write_docs([make_doc(CONLL, Vocab())], path)
    (example,) = Corpus(path)(spacy.blank("en"))
    assert [t.text for t in example.predicted] == list(CONLL.words)
    assert example.get_aligned_ner() == ["B-A", "L-A", None, "O", "U-B"]


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "out.spacy"
    path.write_bytes(b"old")

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_docs([make_doc(CONLL, Vocab())], path)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


def test_docbin_that_is_something_else(tmp_path):
    path = tmp_path / "x.spacy"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="S235"):
        load_docbin(path, Vocab())
    path.write_bytes(DocBin(docs=[make_doc(CONLL, Vocab())]).to_bytes()[:-20])
    with pytest.raises(ValueError, match="S235"):
        load_docbin(path, Vocab())
