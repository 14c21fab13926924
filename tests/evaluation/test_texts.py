import json

import pytest
import spacy
from spacy.tokens import Doc, DocBin

from spacy_ssner.evaluation.texts import read_texts


def test_a_file_is_one_text(tmp_path):
    path = tmp_path / "report.txt"
    path.write_bytes(b"\xef\xbb\xbfFirst line.\r\nSecond.")
    assert read_texts(path) == ["First line.\nSecond."]


def test_each_line_of_jsonl_is_one(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = [json.dumps({"text": "One.", "spans": []}), "", json.dumps({"text": "Two"}), '{"text": " "}']
    path.write_text("\n".join(lines), encoding="utf8")
    assert read_texts(path) == ["One.", "Two"]


@pytest.mark.parametrize("line", ["{", "[1]", '{"txt": "a"}', '{"text": 3}', '"text"'])
def test_lines_without_text_are_refused(line, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\n' + line, encoding="utf8")
    with pytest.raises(ValueError, match=r"S274.*a.jsonl:2"):
        read_texts(path)


def test_docs_of_a_file_or_folder(tmp_path):
    vocab = spacy.blank("en").vocab
    DocBin(docs=[Doc(vocab, words=["a", "b"]), Doc(vocab)]).to_disk(tmp_path / "a.spacy")
    DocBin(docs=[Doc(vocab, words=["c", "."], spaces=[False, False])]).to_disk(tmp_path / "b.spacy")
    assert read_texts(tmp_path / "a.spacy") == ["a b "]
    assert sorted(read_texts(tmp_path)) == ["a b ", "c."]


def test_files_without_text_or_that_are_not_there(tmp_path):
    (tmp_path / "blank.txt").write_text(" \n", encoding="utf8")
    (tmp_path / "bad.spacy").write_bytes(b"nothing of the kind")
    for name, code in {"blank.txt": "S272", "none.txt": "S280", "bad.spacy": "S235"}.items():
        with pytest.raises(ValueError, match=code):
            read_texts(tmp_path / name)


def test_a_suffix_in_capitals(tmp_path):
    (tmp_path / "A.JSONL").write_text('{"text": "One."}\n')
    assert read_texts(tmp_path / "A.JSONL") == ["One."]
