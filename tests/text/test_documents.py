"""Lines of text from files of all kinds."""

import gzip
import json
import sys
from pathlib import Path

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_ssner.text.documents import cut_text, document_text, read_document, read_text_lines
from spacy_ssner.text.pages import read_page
from spacy_ssner.text.reading import read_sentences

SENTENCES = [
    "The group APT28 used Mimikatz and Emotet against a bank in Kyiv last year.",
    "Its operators sent spearphishing mail with a link to hxxp://evil[.]com/login in 2020.",
]
PAGE = """<html><head><title>Report</title><script>var x = 1;</script></head><body><nav><a href="/">Home</a></nav>
<article><h1>Report on a group</h1>{}</article><footer>Imprint</footer></body></html>"""


def read(path, **options):
    return list(read_text_lines(path, **options))


def test_text(tmp_path):
    (tmp_path / "a.txt").write_text("\n".join(SENTENCES))
    (tmp_path / "B.TXT.GZ").write_bytes(gzip.compress((tmp_path / "a.txt").read_bytes()))
    (tmp_path / "C.TXT").write_text("\n".join(SENTENCES), encoding="utf-16")
    (tmp_path / "d.txt.gz").write_bytes(gzip.compress((tmp_path / "C.TXT").read_bytes()))
    for name in ("a.txt", "B.TXT.GZ", "C.TXT", "d.txt.gz"):
        assert read(tmp_path / name) == SENTENCES
        assert list(read_sentences(tmp_path / name))[0][:4] == ["The", "group", "APT28", "used"]


def test_jsonl_with_a_long_record(tmp_path):
    text = "\n".join([*SENTENCES, "word " * 300_000])
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": text}) + "\n")
    lines = read(tmp_path / "a.jsonl", max_chars=1000)
    assert lines[:2] == SENTENCES
    assert max(map(len, lines)) == 1000 and "".join(lines[2:]) == "word " * 300_000


def test_spacy(tmp_path):
    DocBin(docs=[Doc(Vocab(), sentence.split()) for sentence in SENTENCES]).to_disk(tmp_path / "a.spacy")
    assert read(tmp_path / "a.spacy") == SENTENCES
    text = "The group (APT29) didn't stop: it left.\nA new line"
    DocBin(docs=[spacy.blank("en")(text)]).to_disk(tmp_path / "b.spacy")
    assert read(tmp_path / "b.spacy") == [text.replace("\n", " ")]


def test_html(tmp_path):
    pytest.importorskip("trafilatura")
    body = "".join(f"<p>{sentence} {sentence}</p>" for sentence in SENTENCES * 3)
    (tmp_path / "a.html").write_text(PAGE.format(body))
    done = []
    text = "\n".join(read(tmp_path / "a.html", on_bytes=done.append))
    assert all(sentence in text for sentence in SENTENCES)
    assert "var x" not in text and "Imprint" not in text and "<p>" not in text
    assert sum(done) == (tmp_path / "a.html").stat().st_size
    (tmp_path / "empty.htm").write_text("")
    assert read(tmp_path / "empty.htm") == []


def test_pdf(tmp_path, write_pdf):
    pytest.importorskip("pypdf")
    write_pdf(
        tmp_path / "a.pdf", ["The group APT28 used a new mal-", "ware against a bank in the city of", "Kyiv."]
    )
    done = []
    assert read(tmp_path / "a.pdf", on_bytes=done.append) == [
        "The group APT28 used a new malware against a bank in the city of Kyiv."
    ]
    assert sum(done) == (tmp_path / "a.pdf").stat().st_size


def test_pdf_that_cannot_be_read(tmp_path, write_pdf):
    pytest.importorskip("pypdf")
    write_pdf(tmp_path / "a.pdf", ["text"])
    (tmp_path / "cut.pdf").write_bytes((tmp_path / "a.pdf").read_bytes()[:80])
    (tmp_path / "empty.pdf").write_bytes(b"")
    for name in ("cut.pdf", "empty.pdf"):
        with pytest.raises(ValueError, match="S246"):
            read(tmp_path / name)


@pytest.mark.parametrize("name,module", [("a.html", "trafilatura"), ("a.pdf", "pypdf")])
def test_missing_extractor(name, module, tmp_path, monkeypatch):
    (tmp_path / name).write_text("x")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"S245\].*{module}.*spacy-ssner\[documents\]"):
        read(tmp_path / name)


def test_files_that_are_not_there_or_not_known(tmp_path):
    with pytest.raises(ValueError, match=r"S260.*\.pdf"):
        read_text_lines(tmp_path / "a.docx")
    with pytest.raises(FileNotFoundError, match="S263"):
        read_text_lines(tmp_path / "a.txt")


@given(st.text(alphabet="ab. \n", max_size=200), st.integers(2, 40))
def test_long_lines_are_cut_and_nothing_is_lost(text, max_chars):
    parts = list(cut_text(text, max_chars))
    assert "".join(parts) == text
    assert all(len(part) <= max_chars for part in parts)


def test_long_lines_are_cut_at_the_best_place():
    assert list(cut_text("One two three. Four five six", 20)) == ["One two three. ", "Four five six"]
    assert list(cut_text("one two three four five six", 20)) == ["one two three four ", "five six"]
    assert list(cut_text("x" * 45, 20)) == ["x" * 20, "x" * 20, "x" * 5]


def test_half_a_character(tmp_path, monkeypatch):
    from spacy_ssner.text import pages

    monkeypatch.setattr(pages, "_pdf_pages", lambda data, name: ["\ud835PT29 used Mimikatz"])
    assert read_page(b"%PDF-", "a.pdf") == "\ufffdPT29 used Mimikatz"
    (tmp_path / "a.jsonl").write_text('{"text": "lone \\ud800 half"}\n')
    assert read(tmp_path / "a.jsonl") == ["lone \ufffd half"]


def test_xhtml_is_a_page(tmp_path):
    pytest.importorskip("trafilatura")
    page = PAGE.format("".join(f"<p>{line}</p>" for line in SENTENCES))
    for name in ("a.html", "a.xhtml"):
        (tmp_path / name).write_text(page)
    assert read(tmp_path / "a.xhtml") == read(tmp_path / "a.html") == ["Report on a group", *SENTENCES]


def test_what_is_no_text_is_refused(tmp_path):
    data = Path(sys.executable).resolve().read_bytes()[:100_000]
    (tmp_path / "a.txt").write_bytes(data)
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(data))
    for name in ("a.txt", "b.txt.gz"):
        for reader in (read, lambda path: list(read_sentences(path)), read_document):
            with pytest.raises(ValueError, match=f"S288.*{name}"):
                reader(tmp_path / name)


def test_a_record_that_is_nested_too_deep_is_skipped(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n{"text": ' + "[" * 100_000 + '\n{"text": "two"}\n')
    with pytest.warns(UserWarning, match=r"SW254\].*1 lines.*line 2"):
        assert read(tmp_path / "a.jsonl") == ["one", "two"]


def test_a_file_of_scans_alone_is_told(tmp_path, write_pdf):
    pytest.importorskip("pypdf")
    write_pdf(tmp_path / "scan.pdf", [])
    with pytest.warns(UserWarning, match="SW257.*1 of 1 pages"):
        assert read(tmp_path / "scan.pdf") == []


def test_a_page_is_one_by_its_name_or_its_beginning(tmp_path):
    pytest.importorskip("inscriptis")
    page = PAGE.format(f"<p>{SENTENCES[0]}</p>").encode()
    for name in ("a.html", "a.HTM", "a.html.gz", "saved", "saved.gz", "-"):
        data = gzip.compress(page) if name.endswith("gz") else page
        (tmp_path / name).write_bytes(data)
        text = read_document(tmp_path / name)
        assert SENTENCES[0] in text.splitlines() and "<p>" not in text, name
    (tmp_path / "a.txt").write_bytes(page)
    assert read_document(tmp_path / "a.txt") == page.decode()  # it is called text
    assert "<p>" not in document_text(b"<!-- saved from a site -->\n" + page, "standard input")


def test_documents_that_cannot_be_read(tmp_path):
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(b"text" * 1000)[:-9])
    (tmp_path / "none.gz").write_bytes(b"text")
    for name in ("", "nowhere.txt", "cut.txt.gz", "none.gz"):
        with pytest.raises(ValueError, match="S280"):
            read_document(tmp_path / name)
