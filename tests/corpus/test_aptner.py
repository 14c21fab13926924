import pytest

from spacy_ssner.corpus.aptner import correct_tag, make_parser
from spacy_ssner.corpus.conll import Layout, read_conll
from spacy_ssner.corpus.report import Report
from spacy_ssner.corpus.source import Source

LAYOUT = Layout(False, 2, "iobes", frozenset({"O", "S-MAL"}))
JOIN, SPLIT = make_parser("join"), make_parser("split")


@pytest.mark.parametrize(
    "tag,expected",
    [
        ("S-S-SECTEAM", "S-SECTEAM"),
        ("B-S-SECTEAM", "B-SECTEAM"),
        ("B-IDTYL", "B-IDTY"),
        ("I-TOO", "I-TOOL"),
        ("S-SHA", "S-SHA"),  # SHA1 or SHA2
        ("S-XYZ", "S-XYZ"),
        ("S-MAL", "S-MAL"),
        ("O", "O"),
        ("word", "word"),
    ],
)
def test_correct_tag(tag, expected):
    assert correct_tag(tag) == expected


@pytest.mark.parametrize(
    "line,expected,faults",
    [
        ("C2 S-TOOL", [("C2", "S-TOOL")], []),
        ("OilRig S-APT/APT34 S-APT", [("OilRig/APT34", "S-APT")], ["fused-tags"]),
        ("http://x.com S-DOM/ts.exe S-FILE", [("http://x.com/ts.exe", "S-FILE")], ["fused-tags"]),
        ("unzIP S-TOOL S-TOOL", [("unzIP", "S-TOOL")], ["fused-tags"]),
        ("PowerShell B-FILE S-TOOL I-FILE", [("PowerShell", "I-FILE")], ["fused-tags"]),
        ("optimiza S-IDTYtion I-TOOL", [("optimization", "I-TOOL")], ["fused-tags"]),
        ("Troja S-MALn E-MAL S-MAL", [("Trojan", "S-MAL")], ["fused-tags"]),
        ("2 E-IDTY003 I-TOOL", [("2003", "I-TOOL")], ["fused-tags"]),
        (" S-SHA2init2 S-FILE", [("init2", "S-FILE")], ["fused-tags"]),
        ("5798 S-SHA2\tAutoIt B-MAL", [("5798", None), ("AutoIt", "B-MAL")], ["fused-tags"]),
        ("by\xa0Scarlet B-APT", [("by", None), ("Scarlet", "B-APT")], ["several-tokens"]),
        ("is Oan O", [("is", "O"), ("Oan", "O")], ["several-tokens"]),
        ("APT16 S-APT\xa0", [("APT16", "S-APT")], []),
        ("APT18 S-APT\xa0is", [("APT18", None), ("is", None)], ["token-without-tag"]),
        (",O", [(",", "O")], ["fused-tags"]),
        ("DNS PROT", [("DNS", "S-PROT")], ["bare-type"]),
        ("McAfee S-S-SECTEAM", [("McAfee", "S-SECTEAM")], ["misspelt-tag"]),
        ("– I-TOO B-IDTYL", [("–", "B-IDTY")], ["misspelt-tag", "fused-tags"]),
        ("script", [("script", None)], ["token-without-tag"]),
        ("O", [], ["tag-without-token"]),
        (" O", [], ["tag-without-token"]),
        ("x S-XYZ", [("x", None), ("S-XYZ", None)], ["token-without-tag"]),
    ],
)
def test_parse_line_joined(line, expected, faults):
    assert JOIN(line, LAYOUT) == (expected, faults)


@pytest.mark.parametrize(
    "line,expected",
    [
        ("C2 S-TOOL", [("C2", "S-TOOL")]),
        ("OilRig S-APT/APT34 S-APT", [("OilRig", "S-APT"), ("/", "O"), ("APT34", "S-APT")]),
        ("A S-APT/B S-APT/C S-MAL", [("A", "S-APT"), ("/", "O"), ("B", "S-APT"), ("/", "O"), ("C", "S-MAL")]),
        ("9002 S-MAL:933d S-SHA2", [("9002", "S-MAL"), (":", "O"), ("933d", "S-SHA2")]),
        ("5798 S-SHA2\tAutoIt B-MAL", [("5798", "S-SHA2"), ("AutoIt", "B-MAL")]),
        ("unzIP S-TOOL S-TOOL", [("unzIP", "S-TOOL")]),
        ("optimiza S-IDTYtion I-TOOL", [("optimization", "I-TOOL")]),
        (
            "Mimic E-APT\xa0and\xa0Putter B-APT",
            [("Mimic", "E-APT"), ("and", None), ("Putter", "B-APT")],
        ),
        ("APT18 S-APT\xa0is", [("APT18", "S-APT"), ("is", None)]),
    ],
)
def test_parse_line_split(line, expected):
    assert SPLIT(line, LAYOUT).pairs == expected


def test_in_a_file():
    text = "Deep B-APT\nPanda E-APT\n\nA S-APT/B S-MAL\nS-MALon E-ACT\nx\n"
    report = Report()
    sentences = read_conll(Source("a.txt", text.encode()), report=report, scheme="iobes", parse=SPLIT)
    assert sentences[0].tags == ("B-APT", "I-APT")
    assert sentences[1].words == ("A", "/", "B", "S-MALon", "x")
    assert sentences[1].tags == ("B-APT", "O", "B-MAL", "B-ACT", None)
    assert sentences[1].lines == (4, 4, 4, 5, 6)
    assert [r.line for r in report.of_kind("fused-tags")] == [4]
