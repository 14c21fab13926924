"""Indicators that corpora cut into tokens."""

import pytest

from spacy_ssner.corpus.natural_text import join_words, space_after
from spacy_ssner.corpus.split_indicators import is_scheme_at, joined_gaps, url_gaps


def rebuild(tokens):
    words = tokens.split()
    return join_words(words, [" " if space else "" for space in space_after(words)]).text


@pytest.mark.parametrize(
    "tokens,text",
    [
        # defanged
        ("from evil [ . ] example , and", "from evil[.]example, and"),
        ("a [ . ] b [ . ] example c [ . ] example", "a[.]b[.]example c[.]example"),
        ("at 203.0.113 [ . ] 7 :", "at 203.0.113[.]7:"),
        ("evil ( dot ) example and a [ at ] b [ dot ] example", "evil(dot)example and a[at]b[dot]example"),
        ("evil { . } example", "evil{.}example"),
        ("from evil [ .", "from evil[."),  # the rest stands in the next sentence
        ("] example said", "]example said"),
        ("] Once started", "] Once started"),
        ("admin [ .evil [ .example", "admin[.evil[.example"),
        ("from evil . ] example through", "from evil.]example through"),
        # URLs
        ("see hxxp : //evil [ . ] example/a , or", "see hxxp://evil[.]example/a, or"),
        ("see http : //evil.example https : //b.example .", "see http://evil.example https://b.example."),
        ("https : / / a.example / b / c.html and", "https://a.example/b/c.html and"),
        ("hxxps : / / a [ . ] example / b", "hxxps://a[.]example/b"),
        ("https : / / a7 . io / b and https : / / c.io . Then", "https://a7.io/b and https://c.io. Then"),
        ("( http : //a.example )", "(http://a.example)"),
        ("http : //a.example/x.php ? id=1 & b=2 and", "http://a.example/x.php?id=1&b=2 and"),
        ("http : //a.example/x % 20y % 20z.apk", "http://a.example/x%20y%20z.apk"),
        ("http : //a.example : 8080 .", "http://a.example:8080."),
        ("http : //a.example ? Yes", "http://a.example? Yes"),
        ("[ http : ] //a.example/x", "[http:]//a.example/x"),
        ("http [ : ] //a.example", "http[:]//a.example"),
        ("the file : //x", "the file://x"),
        ("seen here : //x", "seen here://x"),
        # paths, variables, formats
        ("in C : \\Windows\\x.exe c : \\y , z", "in C:\\Windows\\x.exe c:\\y, z"),
        ("in % APPDATA % \\x and % TEMP % .", "in %APPDATA%\\x and %TEMP%."),
        ("/x/ % Y % m % d-%H % M % S_a.zip", "/x/%Y%m%d-%H%M%S_a.zip"),
        ("50 % of them and 9 % of us", "50% of them and 9% of us"),
        ("reads /proc/ [ pid ] /maps", "reads /proc/[pid]/maps"),
        ("saved as img_ [ n ] .apk", "saved as img_[n].apk"),
        # other
        ("F4 : FE:56 : AE : AC .", "F4:FE:56:AE:AC."),
        ("at 10 : 30 sharp", "at 10:30 sharp"),
        ("as : be it", "as: be it"),
        ("write to a.b @ c.example now", "write to a.b@c.example now"),
        ("follow @ someone", "follow @someone"),
        ("a * * * d.example and ru/7 * * * 3", "a***d.example and ru/7***3"),
    ],
)
def test_indicators(tokens, text):
    assert rebuild(tokens) == text


def test_gaps_are_inside_the_words():
    words = "hxxp : //a [ .".split()
    assert joined_gaps(words) == {0, 1, 2, 3}
    assert joined_gaps([]) == set() and joined_gaps(["["]) == set()
    assert url_gaps("http : / / a b".split(), 0, set()) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "tokens,expected", [("http : //a", True), ("http : a", False), ("http :", False), ("a : //b", False)]
)
def test_scheme(tokens, expected):
    assert is_scheme_at(tokens.split(), 0) is expected
