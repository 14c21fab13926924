"""Text of web pages and PDF files."""

import pytest
import spacy

from spacy_ssner.text.pages import is_page, join_lines, main_text, read_page
from spacy_ssner.text.windows import wide_gaps

SENTENCES = [
    "The group APT28 used Mimikatz and Emotet against a bank in Kyiv last year.",
    "Its operators sent spearphishing mail with a link to hxxp://evil[.]com/login in 2020.",
]
PAGE = """<html><head><title>Report</title><script>var x = 1;</script></head><body><nav><a href="/">Home</a></nav>
<article><h1>Report on a group</h1>{}</article><footer>Imprint</footer></body></html>"""


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


def test_words_that_have_a_hyphen_elsewhere_keep_it(monkeypatch):
    pypdf = pytest.importorskip("pypdf")

    class Page:
        def __init__(self, text):
            self.extract_text = lambda: text

    class Reader:
        def __init__(self, stream):
            self.pages = [
                Page("The group is state-\nsponsored and uses mal-\nware."),
                Page("A State-Sponsored actor."),
            ]

    monkeypatch.setattr(pypdf, "PdfReader", Reader)
    text = read_page(b"%PDF-1.4", "a.pdf")
    assert text == "The group is state-sponsored and uses malware.\n\nA State-Sponsored actor."


@pytest.mark.parametrize(
    "lines,expected",
    [
        (
            ["It sent a link to hxxps://evil[.]example[.]com/very/long/", "path/index.php and then"],
            ["It sent a link to hxxps://evil[.]example[.]com/very/long/path/index.php and then"],
        ),
        (["a hxxp://evil[.]com/", "very/long/path/", "a.php"], ["a hxxp://evil[.]com/very/long/path/a.php"]),
        (["from evil[.]com/a/", "new-backdoor-targets-banks"], ["from evil[.]com/a/new-backdoor-targets-banks"]),
        (
            [r"It is saved as C:\Users\Public\Documents\Micro" + "\\", r"Update\loader.exe with"],
            [r"It is saved as C:\Users\Public\Documents\Micro\Update\loader.exe with"],
        ),
        ([r"in C:\Program Files\Micro" + "\\", r"Update\loader.exe"], [r"in C:\Program Files\Micro\Update\loader.exe"]),
        (
            [r"HKCU\Software\Microsoft\CurrentVersion" + "\\", r"Run\Updater"],
            [r"HKCU\Software\Microsoft\CurrentVersion\Run\Updater"],
        ),
        ([r"in HKLM\Software\Windows" + "\\", "Run to stay"], [r"in HKLM\Software\Windows\Run to stay"]),
        (["written to (/usr/local/", "bin/x) and"], ["written to (/usr/local/bin/x) and"]),
        (["It exploits CVE-2021-", "44228 and others"], ["It exploits CVE-2021-44228 and others"]),
        (["CVE-2021-", "44228"], ["CVE-2021-44228"]),
        (["a soft\u00ad", "ware of the group"], ["a software of the group"]),
        (["Java\u00ad", "Script", "", "b\u00ad", ""], ["JavaScript", "b\u00ad"]),
    ],
)  # fmt: skip
def test_lines_that_end_in_a_word(lines, expected):
    assert list(join_lines(lines)) == expected


@pytest.mark.parametrize(
    "lines",
    [
        ["users and/", "or their/his files in src/x.c"],
        ["it is either/or/", "and/or x"],
        ["it calls hxxp://evil[.]com/", "and then e.g. drops"],
        ["it calls hxxp://evil[.]com/", "hxxp://bad[.]com/ too"],
        ["it calls hxxp://evil[.]com/", "bad[.]com/x.exe too"],
        ["it calls hxxp://evil[.]com/", "bad.example/x.exe too"],
        ["it calls hxxp://evil[.]com/", "state-sponsored ones"],
        ["it is in C:" + "\\Temp\\", "and C:" + "\\Windows\\x.exe"],
        ["it is in C:" + "\\Temp\\", "C:" + "\\Windows\\x.exe"],
        ["it is in HKLM" + "\\Software\\", "HKCU" + "\\Software\\x"],
        ["since CVE-2021-", "related bugs"],
        ["all of 2021-", "2022 and more"],
    ],
)
def test_lines_that_end_in_a_whole_word(lines):
    assert " ".join(join_lines(lines)) == " ".join(lines)


@pytest.mark.parametrize(
    "lines",
    [
        ["hxxps://evil[.]com/", "bad.example", "evil.exe", "/tmp/", "/etc/x"],
        ["HKLM\\Software\\Micro\\", "Run to stay"],
        [
            "The whole list of what was found on the host:",
            "C2 hxxp://evil[.]com/",
            "NAME evil.exe or b/x.exe",
        ],
        ["The whole list of what was found on the host:", "C2 hxxp://evil[.]com/", "evil.exe"],
    ],
)
def test_lists_stay_lists(lines):
    assert list(join_lines(lines)) == lines


def test_footnote_marks_of_the_main_text():
    pytest.importorskip("trafilatura")
    article = "".join(
        f"<p>{line}</p>" for line in (*SENTENCES, "The group APT2<sup>8</sup> used it against a bank.")
    )
    lines = list(main_text(PAGE.format(article).encode(), "a.html"))
    assert lines[-1] == "The group APT2 8 used it against a bank."
