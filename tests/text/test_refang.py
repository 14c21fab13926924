r"""Defanging as converters and web pages leave it: `\[.\]`, characters without width, marks of footnotes."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_ssner.text.indicators import find_indicators
from spacy_ssner.text.tokenizer import blank_english

HIDDEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
NLP = blank_english()
SHA256 = "02c7cf55fd5c5809ce2dce56085ba43795f2480423a4256537bfdfda0df85592"


def found(text):
    return [f"{hit.kind} {hit.value}" for hit in find_indicators(text)]


@pytest.mark.parametrize(
    "written,expected",
    [
        (r"evil\[.\]com", "DOMAIN evil.com"),
        (r"evil\[dot\]com", "DOMAIN evil.com"),
        (r"evil\(.\)com", "DOMAIN evil.com"),
        (r"evil\(dot\)com", "DOMAIN evil.com"),
        (r"evil\{.\}com", "DOMAIN evil.com"),
        (r"my\[-\]site.com", "DOMAIN my-site.com"),
        (r"hxxps\[:\]//evil\[.\]org/a.php", "URL https://evil.org/a.php"),
        (r"hxxps\[://\]evil\[.\]org/a.php", "URL https://evil.org/a.php"),
        (r"h\[tt\]ps\[:\]//evil\[.\]org", "URL https://evil.org"),
        (r"hxxp://1\[.\]2\[.\]3\[.\]4/b", "URL http://1.2.3.4/b"),
        (r"198\[.\]51\[.\]100\[.\]7", "IPV4 198.51.100.7"),
        (r"bad\[@\]evil\[.\]net", "EMAIL bad@evil.net"),
        (r"bad\[at\]evil\[dot\]net", "EMAIL bad@evil.net"),
        (r"evil \[.\] com", "DOMAIN evil.com"),
        (r"evil\[.]com", "DOMAIN evil.com"),
        (r"evil\[dot]example\[dot]com", "DOMAIN evil.example.com"),
        (r"evil\(.)com", "DOMAIN evil.com"),
        (r"my\[-]site.com", "DOMAIN my-site.com"),
        (r"hxxps\[:]//evil\[.]org/a.php", "URL https://evil.org/a.php"),
        (r"h\[tt]ps\[:]//evil\[.]org", "URL https://evil.org"),
        (r"198\[.]51\[.]100\[.]7", "IPV4 198.51.100.7"),
        (r"bad\[@]evil\[.]net", "EMAIL bad@evil.net"),
        (r"evil \[.] com", "DOMAIN evil.com"),
        ("evil<span>[.]</span>com", "DOMAIN evil.com"),
        ('evil<b class="x">[.]</b>example<B>[dot]</B>com', "DOMAIN evil.example.com"),
        ("198<i>[.]</i>51<i>[.]</i>100<i>[.]</i>7", "IPV4 198.51.100.7"),
    ],
)
def test_brackets_with_escapes_or_tags(written, expected):
    text = f"see {written} today"
    (hit,) = find_indicators(text)
    assert f"{hit.kind} {hit.value}" == expected
    assert text[hit.start : hit.end] == written


@pytest.mark.parametrize(
    "text,expected",
    [
        (r"C:\dir\[x]\a.exe", [r"PATH C:\dir\[x]\a.exe"]),
        (r"C:\dir\[x\]\a.exe", [r"PATH C:\dir\[x\]\a.exe"]),
        (r"D:\[at]\a.exe", [r"PATH D:\@\a.exe"]),  # as ever
        (r"C:\temp\[.]a\b.exe", [r"PATH C:\temp\.a\b.exe"]),  # as ever
        (r"[.\]com", []),
        (r"a \[\] b", []),
    ],
)
def test_backslashes_that_escape_nothing(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize("sign", HIDDEN)
@pytest.mark.parametrize(
    "written,expected",
    [
        ("evil|-domain[.]com", "DOMAIN evil-domain.com"),
        ("evil[|.|]com", "DOMAIN evil.com"),
        ("hxxp://evil[.]com/|gate.php", "URL http://evil.com/gate.php"),
        ("198.51.|100.7", "IPV4 198.51.100.7"),
        ("bob|@evil|.com", "EMAIL bob@evil.com"),
        (r"C:\Users\|bob\a.exe", r"PATH C:\Users\bob\a.exe"),
        ("CVE-2017|-0144", "CVE CVE-2017-0144"),
        (f"{SHA256[:32]}|{SHA256[32:]}", f"SHA256 {SHA256}"),
        (f"{SHA256[:40]}||{SHA256[40:]}", f"SHA256 {SHA256}"),
        ("e|v|i|l|.|e|x|e", "FILE evil.exe"),
    ],
)
def test_characters_without_width_are_no_part_of_a_value(sign, written, expected):
    written = written.replace("|", sign)
    for before, after in (
        ("see ", " today"),
        ("see ", f"{sign} today"),
        (f"see {sign}", f"{sign}. Then"),
        ("", ""),
    ):
        text = f"{before}{written}{after}"
        (hit,) = find_indicators(text)
        assert f"{hit.kind} {hit.value}" == expected
        assert text[hit.start : hit.end] == written
        assert NLP(text).text == text


def test_a_dropped_character_is_no_defanging():
    assert found("in user\u200b.id and the re\u00adquest.host") == []
    assert found("on tree\u200b.com and tree[.]\u200bcom") == ["FILE tree.com", "DOMAIN tree.com"]


@pytest.mark.parametrize(
    "text,expected",
    [
        ("evil.com\u200bevil.org", ["DOMAIN evil.com", "DOMAIN evil.org"]),
        ("evil[.]com\u200bevil[.]org", ["DOMAIN evil.com", "DOMAIN evil.org"]),
        ("1.2.3.4\u200b5.6.7.8", ["IPV4 1.2.3.4", "IPV4 5.6.7.8"]),
        ("evil.com\u200bDownload", ["DOMAIN evil.com"]),
        ("evil.com\u200bhxxps[:]//evil.org", ["DOMAIN evil.com", "URL https://evil.org"]),
        ("The end.\u200bTop of it", []),
    ],
)
def test_a_zero_width_space_between_two_names_parts_them(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u0631\u0648\u062f evil.com \u0645\u06cc\u200c\u0631\u0648\u062f",
        "\u0915\u094d\u200d\u0937 evil.com",
        "\U0001f469\u200d\U0001f4bb evil.com \U0001f469\u200d\U0001f4bb",
        "\u0e01\u0e02\u200bevil.com\u200b\u0e01\u0e02",
    ],
)
def test_other_scripts_and_emoji_stay(text):
    (hit,) = find_indicators(text)
    assert text[hit.start : hit.end] == hit.value == "evil.com"
    assert NLP(text).text == text


@pytest.mark.parametrize(
    "text,expected",
    [
        ("evil[.]com\u00b2", ["DOMAIN evil.com"]),
        ("at http://x[.]com/a\u00b9 now", ["URL http://x.com/a"]),
        ("1.2.3.4\u00b9, a.exe\u00b9.", ["IPV4 1.2.3.4", "FILE a.exe"]),
        ("bob@evil.com\u00b9\u2070 and evil.com\u00b9,\u00b2.", ["EMAIL bob@evil.com", "DOMAIN evil.com"]),
        ("(C:\\x\\a.exe\u2074)", ["PATH C:\\x\\a.exe"]),
        (f"{SHA256}\u00b3", [f"SHA256 {SHA256}"]),
        ("CVE-2017-0144\u2075", ["CVE CVE-2017-0144"]),
        ("evil.com\u00b2\u548c", ["DOMAIN evil.com"]),
        ("a\u00b2.txt http://x.com/m\u00b2/a", ["FILE a\u00b2.txt", "URL http://x.com/m\u00b2/a"]),
        ("on 2\u00b3\u00b2. O(N\u00b2)) in 10\u2079", []),
    ],
)
def test_marks_of_footnotes_end_an_indicator(text, expected):
    assert found(text) == expected
    assert all(text[hit.start : hit.end].isascii() or "\u00b2" in hit.value for hit in find_indicators(text))


BITS = r"""evil .com \[.\] \( \) [ ] \ . [.] AT http:// \/ 1.2.3.4 a.exe \n CVE 2017-0144 {dot} \[dot\]""".split()
SIGNS = [*HIDDEN, "\u00b9", "\u00b2,\u00b3", "\u548c", "\U0001f469", " ", "\n"]


@given(st.lists(st.sampled_from([*BITS, *SIGNS]), max_size=14).map("".join))
@settings(max_examples=400)
def test_spans_lie_in_the_text_and_hold_no_such_character_at_their_edges(text):
    hits = find_indicators(text)
    assert all(a.end <= b.start for a, b in zip(hits, hits[1:]))
    for hit in hits:
        surface = text[hit.start : hit.end]
        assert surface and surface.strip(HIDDEN) == surface.strip() == surface
    assert NLP(text).text == text


@pytest.mark.parametrize(
    "piece", ["\u00b9", "\u00b9,", "a\u200b", "\u200b", "a.com\u200b", r"\[.\]", "a\u00ad."]
)
def test_many_of_them_take_no_longer_than_their_number(piece):
    find_indicators(piece * 20_000 + "a")


@pytest.mark.parametrize("text", [f"evil.com{chr(0x200B) * 60_000}\u4e2d", "http://evil.com/(" * 6_000])
def test_no_quadratic_time(text):
    start = time.process_time()
    assert find_indicators(text)
    assert time.process_time() - start < 5


def test_bracket_that_stays_open_ends_a_url():
    behind = "x" * 5_000
    assert found(f"http://evil.com/a(b){behind}") == [f"URL http://evil.com/a(b){behind}"]
    assert found(f"http://evil.com/a({behind}") == ["URL http://evil.com/a"]
