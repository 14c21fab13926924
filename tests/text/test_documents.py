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

from spacy_ssner.text.documents import (
    check_is_text,
    cut_long,
    is_binary,
    is_page,
    join_lines,
    read_page,
    read_text_lines,
)
from spacy_ssner.text.windows import wide_gaps

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
    assert read(tmp_path / "a.txt") == SENTENCES
    (tmp_path / "B.TXT.GZ").rename(tmp_path / "b.txt.gz")
    assert read(tmp_path / "b.txt.gz") == SENTENCES


def test_jsonl_with_a_long_record(tmp_path):
    text = "\n".join([*SENTENCES, "word " * 300_000])
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": text}) + "\n")
    lines = read(tmp_path / "a.jsonl", max_chars=1000)
    assert lines[:2] == SENTENCES
    assert max(map(len, lines)) == 1000 and "".join(lines[2:]) == "word " * 300_000


def test_spacy(tmp_path):
    DocBin(docs=[Doc(Vocab(), sentence.split()) for sentence in SENTENCES]).to_disk(tmp_path / "a.spacy")
    assert read(tmp_path / "a.spacy") == SENTENCES


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


@pytest.mark.parametrize(
    "lines,expected",
    [
        (
            ["A line that goes", "on here.", "Another starts", "and ends."],
            ["A line that goes on here.", "Another starts and ends."],
        ),
        (
            ["Heading", "The text below the heading is long.", ""],
            ["Heading", "The text below the heading is long."],
        ),
        (["It was sent by the group of", "Kyiv in a mail."], ["It was sent by the group of Kyiv in a mail."]),
        (["a mal-", "ware and 2-", "day"], ["a malware and 2- day"]),
        (["one", "", "two"], ["one", "two"]),
        ([], []),
    ],
)
def test_join_lines(lines, expected):
    assert list(join_lines(lines)) == expected


@given(st.text(alphabet="ab. \n", max_size=200), st.integers(2, 40))
def test_long_lines_are_cut_and_nothing_is_lost(text, max_chars):
    parts = list(cut_long(text, max_chars))
    assert "".join(parts) == text
    assert all(len(part) <= max_chars for part in parts)


def test_long_lines_are_cut_at_the_best_place():
    assert list(cut_long("One two three. Four five six", 20)) == ["One two three. ", "Four five six"]
    assert list(cut_long("one two three four five six", 20)) == ["one two three four ", "five six"]
    assert list(cut_long("x" * 45, 20)) == ["x" * 20, "x" * 20, "x" * 5]


def test_binary():
    data = Path(sys.executable).resolve().read_bytes()[:3000].decode("utf8", "replace")
    assert is_binary(data) and is_binary("\x00a")
    assert not is_binary("caf\ufffd au lait") and not is_binary("naïve\ttext") and not is_binary("")


def test_all_that_a_page_shows(tmp_path):
    """The main text alone, as pre-training takes it, leaves out tables beside the article."""
    pytest.importorskip("inscriptis")
    article = "".join(f"<p>{line}</p>" for line in SENTENCES)
    table = (
        "<table><tr><td>c2[.]example</td><td>C2</td></tr><tr><td>bad[.]example</td><td>C2</td></tr></table>"
    )
    page = PAGE.format(article).replace("</article>", f"</article><div class='widget'>{table}</div>")
    text = read_page(page.encode(), "a.html")
    for line in ("Report on a group", *SENTENCES, "c2[.]example", "bad[.]example"):
        assert sum(line in found for found in text.splitlines()) == 1, line
    assert "var x" not in text and not any(line != line.rstrip() for line in text.splitlines())
    (row,) = (line for line in text.splitlines() if "c2[.]example" in line)
    words = [token.text for token in spacy.blank("en")(row.strip())]
    assert wide_gaps(words).sum() == 1 and row.split() == ["c2[.]example", "C2"]
    russian = (
        "<html><head><meta charset='windows-1251'></head><body><p>Группа атаковала банк</p></body></html>"
    )
    assert "Группа атаковала банк" in read_page(russian.encode("cp1251"), "b.html")
    with pytest.raises(ValueError, match="S246.*c.html.*no text"):
        read_page(b"<html><body></body></html>", "c.html")


def test_pages_of_a_pdf(tmp_path, write_pdf):
    pytest.importorskip("pypdf")
    write_pdf(tmp_path / "a.pdf", SENTENCES)
    assert read_page((tmp_path / "a.pdf").read_bytes(), "a") == "\n\n".join(SENTENCES)
    write_pdf(tmp_path / "scan.pdf", [])
    with pytest.raises(ValueError, match="S246.*scan.pdf.*no text"):
        read_page((tmp_path / "scan.pdf").read_bytes(), "scan.pdf")


def test_scanned_pages_among_others_are_told(tmp_path, monkeypatch):
    pypdf = pytest.importorskip("pypdf")

    class Reader:
        def __init__(self, stream):
            self.pages = [Page("One."), Page(" "), Page("Two.")]

    class Page:
        def __init__(self, text):
            self.extract_text = lambda: text

    monkeypatch.setattr(pypdf, "PdfReader", Reader)
    with pytest.warns(UserWarning, match="SW257.*1 of 3 pages of a.pdf"):
        assert read_page(b"%PDF-1.4", "a.pdf") == "One.\n\nTwo."


@pytest.mark.parametrize(
    "data,expected",
    [
        (b"%PDF-1.7", True),
        (b"\xef\xbb\xbf \n<!DOCTYPE HTML><p>", True),
        (b"<?xml version='1.0'?>\n<html xmlns='x'>", True),
        (b"<?xml version='1.0'?><rss>", False),
        (b"A text about <html> tags", False),
        (b"", False),
    ],
)
def test_what_is_a_page(data, expected):
    assert is_page(data) is expected


def test_a_file_is_no_text_from_sixteen_unreadable_characters_on():
    check_is_text("\x00\u200b\u202e", "odd.txt")
    check_is_text("APT\ufffd" * 15, "a.txt")
    with pytest.raises(ValueError, match="S288.*b.docx"):
        check_is_text("APT\ufffd" * 16, "b.docx")
    check_is_text("The group APT29 used Mimikatz. \ufffd" * 100, "c.txt")  # three in a hundred


def test_half_a_character(tmp_path, monkeypatch):
    from spacy_ssner.text import documents

    monkeypatch.setattr(documents, "_pdf_paragraphs", lambda data, name: iter(["\ud835PT29 used Mimikatz"]))
    assert read_page(b"%PDF-", "a.pdf") == "\ufffdPT29 used Mimikatz"
    (tmp_path / "a.jsonl").write_text('{"text": "lone \\ud800 half"}\n')
    assert read(tmp_path / "a.jsonl") == ["lone \ufffd half"]


@pytest.mark.parametrize(
    "lines,expected",
    [
        (
            ["it dropped evil-", "updates[.]net and", "more files"],
            ["it dropped evil-updates[.]net and more files"],
        ),
        (["the mal-", "ware called home to", "its server"], ["the malware called home to its server"]),
        (
            ["It used", "CVE-", "2021-44228 and a loader of its own"],
            ["It used", "CVE-2021-44228 and a loader of its own"],
        ),
        (["a vendor of Anti-", "Virus for the many"], ["a vendor of Anti-Virus for the many"]),
        (["Hosts:", "bad[.]example", "evil[.]com"], ["Hosts:", "bad[.]example", "evil[.]com"]),
        (["a list of several", "countries in all"], ["a list of several countries in all"]),
        (["it was seen in several", "countries."], ["it was seen in several countries."]),
    ],
)
def test_hyphens_and_lists_of_indicators(lines, expected):
    assert list(join_lines(lines)) == expected


def test_xhtml_is_a_page(tmp_path):
    pytest.importorskip("trafilatura")
    page = PAGE.format("".join(f"<p>{line}</p>" for line in SENTENCES))
    for name in ("a.html", "a.xhtml"):
        (tmp_path / name).write_text(page)
    assert read(tmp_path / "a.xhtml") == read(tmp_path / "a.html") == ["Report on a group", *SENTENCES]
