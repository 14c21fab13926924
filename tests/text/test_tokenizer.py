"""The tokenizer for threat-intelligence text: one token for each indicator, everything else as spaCy's English."""

import pickle
import random
import re

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.attrs import LIKE_URL
from spacy.vocab import Vocab

from spacy_ssner.text.indicators import find_indicators
from spacy_ssner.text.tokenizer import MAX_URL, bound_like_url

CONFIG = {"nlp": {"tokenizer": {"@tokenizers": "spacy-ssner.CTITokenizer.v1"}}}

# Text, its tokens, and the indicators among them: kind, refanged value.
SNIPPETS = [
    ("It drops PlugX. Then FakeM.", "It|drops|PlugX|.|Then|FakeM|.", ""),
    ("Made by J. Doe of PwC.", "Made|by|J.|Doe|of|PwC|.", ""),
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
    ("mail bob AT evil DOT com now", "mail|bob AT evil DOT com|now", "EMAIL bob@evil.com"),
    ("bob [at] evil [dot] com, or", "bob [at] evil [dot] com|,|or", "EMAIL bob@evil.com"),
    ("at evil [.]com, a[.] net.", "at|evil [.]com|,|a[.] net|.", "DOMAIN evil.com|DOMAIN a.net"),
    ("hxxp://www [.] evil (.) com/a", "hxxp://www [.] evil (.) com/a", "URL http://www.evil.com/a"),
    ("10 [.] 0 [.] 0 [.] 5 up", "10 [.] 0 [.] 0 [.] 5|up", "IPV4 10.0.0.5"),
    ("it ends [.]xyz or [.]top", "it|ends|[|.]xyz|or|[|.]top", ""),
    ("gone home[.] In the end", "gone|home|[|.|]|In|the|end", ""),
    ("LOOK AT MICROSOFT.COM", "LOOK|AT|MICROSOFT.COM", "DOMAIN MICROSOFT.COM"),
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
    ("evil.com -> 203.0.113.7 now", "evil.com|-|>|203.0.113.7|now", "DOMAIN evil.com|IPV4 203.0.113.7"),
    ("<td>1.2.3.4</td>", "<|td|>|1.2.3.4|<|/|td|>", "IPV4 1.2.3.4"),
    ("from mail <5.6.7.8> by", "from|mail|<|5.6.7.8|>|by", "IPV4 5.6.7.8"),
    (
        "10.9.8.7:49152 > 203.0.113.7:443",
        "10.9.8.7:49152|>|203.0.113.7:443",
        "IPV4 10.9.8.7:49152|IPV4 203.0.113.7:443",
    ),
    ("IP 203.0.113.7 allows SSH", "IP|203.0.113.7|allows|SSH", "IPV4 203.0.113.7"),
    ("OpenSSL < 1.0.2.1, Chrome >= 9.0.3.4", "OpenSSL|<|1.0.2.1|,|Chrome|>|=|9.0.3.4", ""),
    ("Connector on Windows <4.2.0.190.", "Connector|on|Windows|<|4.2.0.190|.", ""),
    ("version 1.2.3.4 was patched", "version|1.2.3.4|was|patched", ""),
    ("the 7.19.0.1 builds are safe", "the|7.19.0.1|builds|are|safe", ""),
    ("read file:///etc/passwd aloud", "read|file:///etc/passwd|aloud", "URL file:///etc/passwd"),
    ("e.g. the U.S. Node.js", "e.g.|the|U.S.|Node.js", ""),
    ("It's fine.", "It|'s|fine|.", ""),
    (
        "The C2s are hxxp://1.2.3[.]4:8080/gate.php?id=1&x=2; hxxps://evil[.]com/.",
        "The|C2s|are|hxxp://1.2.3[.]4:8080/gate.php?id=1&x=2|;|hxxps://evil[.]com/|.",
        "URL http://1.2.3.4:8080/gate.php?id=1&x=2|URL https://evil.com/",
    ),
    (
        "<https://example.org/a/b?c=d#e>",
        "<|https://example.org/a/b?c=d#e|>",
        "URL https://example.org/a/b?c=d#e",
    ),
    ('"hxxp[:]//evil(.)com/x,y"', '"|hxxp[:]//evil(.)com/x,y|"', "URL http://evil.com/x,y"),
    (
        "See evil[dot]com and evil(dot)net/path.",
        "See|evil[dot]com|and|evil(dot)net/path|.",
        "DOMAIN evil.com|URL evil.net/path",
    ),
    ("user+tag@sub.example.co.uk;", "user+tag@sub.example.co.uk|;", "EMAIL user+tag@sub.example.co.uk"),
    (
        "192.168.1[.]1/24, 10[.]0[.]0[.]5",
        "192.168.1[.]1/24|,|10[.]0[.]0[.]5",
        "IPV4 192.168.1.1/24|IPV4 10.0.0.5",
    ),
    (
        "IPs: 203.0.113.7,203.0.113.8;203.0.113.9",
        "IPs|:|203.0.113.7|,|203.0.113.8|;|203.0.113.9",
        "IPV4 203.0.113.7|IPV4 203.0.113.8|IPV4 203.0.113.9",
    ),
    (
        "[2001:db8::1]:443 and 2001:db8:85a3::8a2e:370:7334/64",
        "[2001:db8::1]:443|and|2001:db8:85a3::8a2e:370:7334/64",
        "IPV6 [2001:db8::1]:443|IPV6 2001:db8:85a3::8a2e:370:7334/64",
    ),
    ("::1 is local, 10:30:00 is a time", "::1|is|local|,|10:30:00|is|a|time", "IPV6 ::1"),
    (
        "MD5:d41d8cd98f00b204e9800998ecf8427e",
        "MD5|:|d41d8cd98f00b204e9800998ecf8427e",
        "MD5 d41d8cd98f00b204e9800998ecf8427e",
    ),
    (
        "(SHA-1: da39a3ee5e6b4b0d3255bfef95601890afd80709)",
        "(|SHA-1|:|da39a3ee5e6b4b0d3255bfef95601890afd80709|)",
        "SHA1 da39a3ee5e6b4b0d3255bfef95601890afd80709",
    ),
    (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.exe",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.exe",
        "FILE e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.exe",
    ),
    (
        "deadbeef is no hash, nor is 1234567890123456789012345678901234567890",
        "deadbeef|is|no|hash|,|nor|is|1234567890123456789012345678901234567890",
        "",
    ),
    (
        "CVE-2021-44228/CVE-2021-45046, CVE‑2017‑0144",
        "CVE-2021-44228|/|CVE-2021-45046|,|CVE‑2017‑0144",
        "CVE CVE-2021-44228|CVE CVE-2021-45046|CVE CVE-2017-0144",
    ),
    ("cve-2014-0160's patch", "cve-2014-0160|'s|patch", "CVE CVE-2014-0160"),
    (
        "T1566.001: Spearphishing (TA0001), G0016/S0154, M1036",
        "T1566.001|:|Spearphishing|(|TA0001|)|,|G0016|/|S0154|,|M1036",
        "ATTACK_ID T1566.001|ATTACK_ID TA0001|ATTACK_ID G0016|ATTACK_ID S0154|ATTACK_ID M1036",
    ),
    (
        "C:\\Program Files (x86)\\Evil Corp\\run.exe /silent",
        "C:\\Program Files (x86)\\Evil Corp\\run.exe|/silent",
        "PATH C:\\Program Files (x86)\\Evil Corp\\run.exe",
    ),
    (
        '"%APPDATA%\\Microsoft\\Windows\\Start Menu\\Programs\\Startup\\x.lnk"',
        '"|%APPDATA%\\Microsoft\\Windows\\Start Menu\\Programs\\Startup\\x.lnk|"',
        "PATH %APPDATA%\\Microsoft\\Windows\\Start Menu\\Programs\\Startup\\x.lnk",
    ),
    ("\\\\10.0.0.5\\c$\\temp\\a.bat", "\\\\10.0.0.5\\c$\\temp\\a.bat", "PATH \\\\10.0.0.5\\c$\\temp\\a.bat"),
    (
        "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon\\Shell",
        "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon\\Shell",
        "REGISTRY HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon\\Shell",
    ),
    (
        "HKCU:\\Software\\Classes\\CLSID\\{E6D34FFC-AD32-4d6a-934C-D387FA873A19}",
        "HKCU:\\Software\\Classes\\CLSID\\{E6D34FFC-AD32-4d6a-934C-D387FA873A19}",
        "REGISTRY HKCU:\\Software\\Classes\\CLSID\\{E6D34FFC-AD32-4d6a-934C-D387FA873A19}",
    ),
    (
        "~/.ssh/authorized_keys, /tmp/.X11-unix/a.sh",
        "~/.ssh/authorized_keys|,|/tmp/.X11-unix/a.sh",
        "PATH ~/.ssh/authorized_keys|PATH /tmp/.X11-unix/a.sh",
    ),
    ("/usr/bin/python3 -c 'import os'", "/usr/bin/python3|-c|'|import|os|'", "PATH /usr/bin/python3"),
    (
        "Global\\{8761ABBD-7F85-42EE-B272-A76179687C63}",
        "Global\\{8761ABBD-7F85-42EE-B272-A76179687C63}",
        "MUTEX Global\\{8761ABBD-7F85-42EE-B272-A76179687C63}",
    ),
    (
        "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36",
        "User|-|Agent|:|Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36",
        "USER_AGENT Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36",
    ),
    ("TCP/IP, and/or, n/a, 24/7, w/o", "TCP|/|IP|,|and/or|,|n|/|a|,|24/7|,|w/o", ""),
    (".NET, Node.js, ASP.NET, e.g. this.", ".NET|,|Node.js|,|ASP.NET|,|e.g.|this|.", ""),
    ("$5.00 isn't 5.00$", "$|5.00|is|n't|5.00|$", ""),
    ("évil[.]com пример[.]рф", "évil[.]com|пример[.]рф", "DOMAIN évil.com|DOMAIN пример.рф"),
    ("evil[.com and evil.]com", "evil[.com|and|evil.]com", "DOMAIN evil.com|DOMAIN evil.com"),
    (
        "http://user:pass@evil.com:8080/",
        "http://user:pass@evil.com:8080/",
        "URL http://user:pass@evil.com:8080/",
    ),
    ("ftp[://]files[.]evil[.]net/pub", "ftp[://]files[.]evil[.]net/pub", "URL ftp://files.evil.net/pub"),
    (
        "tcp://203.0.113.7:4444 and sftp://x.example",
        "tcp://203.0.113.7:4444|and|sftp://x.example",
        "URL tcp://203.0.113.7:4444|URL sftp://x.example",
    ),
    ("xn--80ak6aa92e[.]com.", "xn--80ak6aa92e[.]com|.", "DOMAIN xn--80ak6aa92e.com"),
    ("abcdefghijklmnop.onion/market", "abcdefghijklmnop.onion/market", "URL abcdefghijklmnop.onion/market"),
    ("https://t[.]me/channel_name!", "https://t[.]me/channel_name|!", "URL https://t.me/channel_name"),
    ("...evil.com...", "...|evil.com|...", "DOMAIN evil.com"),
    ("mailto:evil@bad.com?subject=x", "mailto|:|evil@bad.com|?|subject|=|x", "EMAIL evil@bad.com"),
    ("a.exe/b.exe", "a.exe|/|b.exe", "FILE a.exe|FILE b.exe"),
    (
        '"CVE-2020-1472" (Zerologon), MS17-010',
        '"|CVE-2020-1472|"|(|Zerologon|)|,|MS17|-|010',
        "CVE CVE-2020-1472",
    ),
    ("sample.zip[.]exe", "sample.zip[.]exe", "FILE sample.zip.exe"),
    (
        "example[.]com[.]evil[.]net:8443",
        "example[.]com[.]evil[.]net:8443",
        "DOMAIN example.com.evil.net:8443",
    ),
    ("https://evil.com/a(b)c), next", "https://evil.com/a(b)c|)|,|next", "URL https://evil.com/a(b)c"),
    ("1.1.1.1.1 and 256.1.1.1", "1.1.1.1.1|and|256.1.1.1", ""),
    ("-10.0.0.1-", "-|10.0.0.1|-", "IPV4 10.0.0.1"),
    ("key=10.0.0.1&x=evil.com", "key|=|10.0.0.1|&|x|=|evil.com", "IPV4 10.0.0.1|DOMAIN evil.com"),
    ("@evil.com, #evil", "@|evil.com|,|#|evil", "DOMAIN evil.com"),
    (
        "docs.google[.]com/document/d/1abc/edit",
        "docs.google[.]com/document/d/1abc/edit",
        "URL docs.google.com/document/d/1abc/edit",
    ),
    ("www.evil.com/index.html.", "www.evil.com/index.html|.", "URL www.evil.com/index.html"),
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


TABLES = [
    ("|APT28|Cobalt Strike|\n|---|", "| APT28 | Cobalt Strike | \n | --- |"),
    ("  |a|b.|  ", "   | a | b. |  "),
    ("||x||", "| | x | |"),
    (r"|a\|b|c|", r"| a\|b | c |"),
    ("|http://evil.com/a|b|", "| http://evil.com/a | b |"),
    ("cat x |grep y || true", "cat x | grep y || true"),
    ("| web shells.| ASPXSpy", "| web shells . | ASPXSpy"),
    (r"a|b and c\|", r"a|b and c\|"),
]


@pytest.mark.parametrize("text,tokens", TABLES, ids=[text for text, _ in TABLES])
def test_bars_of_a_table_are_tokens(text, tokens, nlp):
    doc = nlp(text)
    assert doc.text == text
    assert " ".join(token.text for token in doc) == tokens


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


def test_there_are_enough_hard_snippets():
    assert len({text for text, *_ in SNIPPETS}) == len(SNIPPETS) >= 60


def test_ten_thousand_random_strings(nlp):
    """Half of parts of indicators, half of any characters of Unicode (surrogates are none)."""
    rng = random.Random(0)
    planes = (range(0x20, 0x250), range(0x300, 0x700), range(0x2000, 0x2100), range(0xFE00, 0x10FFFF))
    for i in range(10_000):
        if i % 2:
            text = "".join(rng.choices(PARTS, k=rng.randint(0, 8)))
        else:
            text = "".join(chr(rng.choice(rng.choice(planes))) for _ in range(rng.randint(0, 20)))
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
        "a[-]" * 20_000,
        "1[.1" * 20_000,
        "CVE " * 20_000,
        "\\n" * 20_000,
        "Server 1.2.3.4, " * 2_000,
        "10.1.0.5 FIPS, " * 2_000,
        "A 1.2.3.4 " * 2_000,
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


@pytest.mark.parametrize("content", [b"", b"cut", b"\x81\xa1"])
def test_a_damaged_file_is_named(content, nlp, tmp_path):
    nlp.to_disk(tmp_path)
    (tmp_path / "tokenizer").write_bytes(content)
    with pytest.raises(ValueError, match="S111.*'tokenizer'"):
        spacy.load(tmp_path)


@pytest.mark.parametrize("how", ["disk", "bytes", "pickle", "twice"])
def test_rules_that_a_user_changed_are_saved(how, tmp_path):
    nlp = spacy.blank("en", config=CONFIG)
    nlp.tokenizer.token_match = re.compile(r"^@\S+@$").match
    nlp.tokenizer.add_special_case("APTs", [{"ORTH": "APT"}, {"ORTH": "s"}])
    text = "APTs @a,b@ evil[.]com, hxxp://a[.]b/c"
    words = ["APT", "s", "@a,b@", "evil[.]com", ",", "hxxp://a[.]b/c"]
    assert [token.text for token in nlp(text)] == words
    if how == "pickle":
        again = pickle.loads(pickle.dumps(nlp))
    elif how == "bytes":
        again = spacy.blank("en", config=CONFIG).from_bytes(nlp.to_bytes())
    else:
        nlp.to_disk(tmp_path)
        again = spacy.load(tmp_path)
    if how == "twice":
        again.to_disk(tmp_path / "again")
        again = spacy.load(tmp_path / "again")
    assert [token.text for token in again(text)] == words


def test_pipe_equals_one_by_one(nlp):
    texts = [text for text, _, _ in SNIPPETS] + ["", " "]
    assert [[t.text for t in doc] for doc in nlp.tokenizer.pipe(texts)] == [
        [t.text for t in nlp(x)] for x in texts
    ]


def test_like_url_looks_at_the_start_of_a_word_only(nlp):
    seen = []
    vocab = Vocab(lex_attr_getters={LIKE_URL: lambda text: (seen.append(text), "x" in text)[1]})
    for _ in range(2):  # a second tokenizer of the same vocab
        bound_like_url(vocab)
    words = ["x", "y", "y" * 5000 + "x"]
    assert [vocab[word].like_url for word in words] == [True, False, False]
    assert seen == ["x", "y", "y" * MAX_URL]
    url = "hxxp://evil.com/?b" + "q:" * 20_000 + "q"
    doc = nlp(f"{url} evil.com www.evil.com e.g.")
    assert doc[0].text == url and [token.like_url for token in doc[-3:]] == [True, True, False]
