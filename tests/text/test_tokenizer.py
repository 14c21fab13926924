"""The tokenizer for threat-intelligence text: one token for each indicator, everything else as spaCy's English."""

import random

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.text.indicators import find_indicators

CONFIG = {"nlp": {"tokenizer": {"@tokenizers": "spacy-ssner.CTITokenizer.v1"}}}

# Text, its tokens, and the indicators among them: kind, refanged value.
SNIPPETS = [
    (
        "See (CVE-2017-0144)/EternalBlue now.",
        "See|(|CVE-2017-0144|)|/|EternalBlue|now|.",
        "CVE CVE-2017-0144",
    ),
    (
        "hxxp://evil[.]com/a.php?x=1, then",
        "hxxp://evil[.]com/a.php?x=1|,|then",
        "URL http://evil.com/a.php?x=1",
    ),
    ("hxxps[:]//a{.}b{.}org/x", "hxxps[:]//a{.}b{.}org/x", "URL https://a.b.org/x"),
    ("https://example.com/path_(x).", "https://example.com/path_(x)|.", "URL https://example.com/path_(x)"),
    ("beacon to 203.0.113[.]7:443.", "beacon|to|203.0.113[.]7:443|.", "IPV4 203.0.113.7:443"),
    ("10.0.0.0/8 range", "10.0.0.0/8|range", "IPV4 10.0.0.0/8"),
    ("fe80::1ff:fe23:4567:890a up", "fe80::1ff:fe23:4567:890a|up", "IPV6 fe80::1ff:fe23:4567:890a"),
    ("bob[at]evil(dot)com wrote", "bob[at]evil(dot)com|wrote", "EMAIL bob@evil.com"),
    ("user@example.com", "user@example.com", "EMAIL user@example.com"),
    ("[evil[.]net]", "[|evil[.]net|]", "DOMAIN evil.net"),
    ('"evil.net"', '"|evil.net|"', "DOMAIN evil.net"),
    (
        r"C:\Windows\System32\cmd.exe ran",
        r"C:\Windows\System32\cmd.exe|ran",
        r"PATH C:\Windows\System32\cmd.exe",
    ),
    ("/etc/passwd and and/or", "/etc/passwd|and|and/or", "PATH /etc/passwd"),
    (r"HKLM\Software\Run was set", r"HKLM\Software\Run|was|set", r"REGISTRY HKLM\Software\Run"),
    (r"Global\MyMutex99 exists", r"Global\MyMutex99|exists", r"MUTEX Global\MyMutex99"),
    ("T1059.001 and S0154", "T1059.001|and|S0154", "ATTACK_ID T1059.001|ATTACK_ID S0154"),
    (
        "d41d8cd98f00b204e9800998ecf8427e.",
        "d41d8cd98f00b204e9800998ecf8427e|.",
        "MD5 d41d8cd98f00b204e9800998ecf8427e",
    ),
    ("invoice_0423.xlsm was opened", "invoice_0423.xlsm|was|opened", "FILE invoice_0423.xlsm"),
    ("version 1.2.3.4 was patched", "version|1.2.3.4|was|patched", ""),
    ("e.g. the U.S. Node.js", "e.g.|the|U.S.|Node.js", ""),
    ("It's fine.", "It|'s|fine|.", ""),
]


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("en", config=CONFIG)


@pytest.mark.parametrize("text,tokens,indicators", SNIPPETS, ids=[text for text, _, _ in SNIPPETS])
def test_snippets(text, tokens, indicators, nlp):
    doc = nlp(text)
    assert doc.text == text
    assert "|".join(token.text for token in doc) == tokens
    found = find_indicators(text)
    assert "|".join(f"{one.kind} {one.value}" for one in found) == indicators
    for one in found:
        assert doc.char_span(one.start, one.end) is not None  # tokens of their own


def test_text_without_indicators_is_cut_as_by_spacy(nlp):
    english = spacy.blank("en")
    text = "The group didn't use well-known tools; it wrote its own (for $5 million), they said.  Really?\n\nYes!"
    assert [t.text_with_ws for t in nlp(text)] == [t.text_with_ws for t in english(text)]


PARTS = ["hxxp://", "evil", "[.]", "com", "(", ")", " ", "\n", "\t", "1.2.3.4", "\\", "/", "C:", ":", "@", "a\u0301",
         "\u200b", "\u202e", "\x00", "\u05d0", "CVE-2020-1234", "f" * 32, "{.}", "...", "'s", "\U0001f600"]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(PARTS), st.text(max_size=4)), max_size=25).map("".join))
def test_no_character_is_lost_or_changed(nlp, text):
    assert nlp(text).text == text
    ends = [0, *(place for one in find_indicators(text) for place in (one.start, one.end)), len(text)]
    assert ends == sorted(ends)  # in order, without overlap


def test_ten_thousand_random_strings(nlp):
    rng = random.Random(0)
    for _ in range(10_000):
        text = "".join(rng.choices(PARTS, k=rng.randint(0, 8)))
        assert nlp.make_doc(text).text == text


@pytest.mark.parametrize(
    "text",
    [
        "(" * 20_000,
        "QUJD" * 20_000,
        "a." * 20_000,
        "1." * 20_000,
        "/" * 20_000,
        "x@" * 20_000,
        "[.]" * 20_000,
    ],
)
def test_long_odd_text(text, nlp):
    assert nlp(text).text == text


def test_it_is_saved_with_the_pipeline(nlp, tmp_path):
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    text = "hxxp://evil[.]com (CVE-2017-0144)"
    assert [t.text for t in again(text)] == [t.text for t in nlp(text)]
    assert [t.text for t in spacy.blank("en", config=CONFIG).from_bytes(nlp.to_bytes())(text)] == [
        t.text for t in nlp(text)
    ]


def test_pipe_equals_one_by_one(nlp):
    texts = [text for text, _, _ in SNIPPETS] + ["", " "]
    assert [[t.text for t in doc] for doc in nlp.tokenizer.pipe(texts)] == [
        [t.text for t in nlp(x)] for x in texts
    ]
