"""Cleaning of lines: what goes, what stays, and that long lines are no trouble."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.pretraining.cleaning import (
    clean_line,
    join_spaces,
    strip_citations,
    strip_emphasis,
    strip_entities,
    strip_invisible,
    strip_line_marks,
    strip_links,
    strip_rules,
    strip_tags,
    strip_ticks,
)

INDICATORS = (
    r"C:\Users\[user]\AppData\a_b\x[1].exe",
    "hxxps[:]//evil[.]com/a?b=1&copy=2&lt=3#x",
    "https://example.com/wiki/Tool_(software)",
    "HKLM\\SOFTWARE\\Run*",
    "*.exe",
    "%TEMP%\\~$a.doc",
    "__init__.py",
    "../../etc/passwd",
    "rm -rf /* && cat a | grep b",
    "d41d8cd98f00b204e9800998ecf8427e",
    "user[@]mail.com",
    "po`wer`shell",
    "<script>alert(1)</script>",
    "<username>",
    "argv[0]",
    "10.0.0[.]1:443",
    "CVE-2017-0144",
    "c3RyaW5nIQ==",
)


@pytest.mark.parametrize("indicator", INDICATORS)
def test_indicators_stay(indicator):
    for text in (indicator, f"The group used {indicator} in 2020", f"(see {indicator})"):
        assert clean_line(text) == text


@pytest.mark.parametrize(
    "clean,text,expected",
    [
        (strip_entities, "a &lt;b&gt; &amp; &#8217;&#x41; &copy &nosuch;", "a <b> & ’A &copy &nosuch;"),
        (strip_tags, "<p class='x'>one</p><br/>t<b>w</b>o <!-- note --> <!--cut", " one  two    cut"),
        (strip_tags, "<user> <script> a < b > c", "<user> <script> a < b > c"),
        (strip_line_marks, "> ## Title # 1", "Title # 1"),
        (strip_line_marks, "- item", "item"),
        (strip_line_marks, "• item", "item"),
        (strip_line_marks, "| a | b |", "  a   b  "),
        (strip_line_marks, "|---|:-:|", ""),
        (strip_line_marks, "a | b", "a | b"),
        (strip_line_marks, "#hashtag -x", "#hashtag -x"),
        (strip_links, "see [the report](http://a.b/c_(d)) ![logo](x.png)", "see the report logo"),
        (strip_links, "evil[.]com (x)", "evil[.]com (x)"),
        (strip_ticks, "run `whoami` or ```net user```", "run whoami or net user"),
        (strip_emphasis, "**Bold**, *it*, ***both*** and 2*3*4", "Bold, it, both and 2*3*4"),
        (strip_citations, "Emotet[1][2] spread.[3] (Citation: FireEye (2017) x)", "Emotet spread. "),
        (strip_citations, "in 2019 [1, 3-5].", "in 2019 ."),
        (strip_citations, "It ended. [Symantec Chafer Dec 2015] [A-B-2019]", "It ended.  "),
        (strip_citations, "[Updated in 2014] file[1].php [draft]", "[Updated in 2014] file[1].php [draft]"),
        (strip_rules, "Intro ------ text ...... 5 ┌──┐ a--b ...", "Intro   text   5   a--b ..."),
        (strip_invisible, "a\u200bb\x00c\u202e\xadd\ufffde\tf\u00e9", "abcde\tfé"),
        (join_spaces, " a\u00a0b\t\r\n c ", "a b c"),
    ],
)
def test_each_step(clean, text, expected):
    assert clean(text) == expected


def test_all_steps_together():
    text = "## **Emotet** &amp; friends<sup>[1]</sup> use `cmd /c` ([details](http://a.b)) ---- \u200b"
    assert clean_line(text) == "Emotet & friends use cmd /c (details)"
    assert clean_line("") == clean_line(" \x00\u200b<br>") == ""


@given(st.text(alphabet="ab .<>/&;#*`[](){}|-_!\"'1\u200b\u2500\n", max_size=80))
def test_laws(text):
    cleaned = clean_line(text)
    assert cleaned == " ".join(cleaned.split())
    assert len(cleaned) <= len(text)
    if not set("<[&|") & set(text):  # what goes is neither letter nor digit
        assert re.sub("[^ab1]", "", cleaned) == re.sub("[^ab1]", "", text)
    assert not re.search("[\u200b\u2500]", cleaned)


@pytest.mark.parametrize(
    "unit", ["<", "&", "`", "*", "[", "(", "|", "-", " -", "> ", "<a ", "[1]", "](", "[a](", "a*", ".", "a"]
)
def test_a_long_line_of_one_unit(unit):
    """A quadratic step would take minutes here."""
    text = unit * (300_000 // len(unit))
    cleaned = clean_line(text)
    assert cleaned in (text.strip(), "") or set(cleaned) <= set(text)
