r"""Ends of lines that are written as `\n`."""

import pytest

from spacy_ssner.text.indicators import find_indicators


@pytest.mark.parametrize(
    "text,expected",
    [
        (r"https://evil[.]com\nhttps://evil2[.]com", ["URL https://evil.com", "URL https://evil2.com"]),
        (r"evil[.]com\r\n1.2.3.4\tpayload.exe", ["DOMAIN evil.com", "IPV4 1.2.3.4", "FILE payload.exe"]),
        (r'{"d":"evil.com\nfoo.exe\r\nThe end"}', ["DOMAIN evil.com", "FILE foo.exe"]),
        (r"1.2.3.4\\nevil.com", ["IPV4 1.2.3.4", "DOMAIN evil.com"]),
        (r"payload.exe\nC:\Windows\x.exe", ["FILE payload.exe", r"PATH C:\Windows\x.exe"]),
    ],
)
def test_they_part_indicators(text, expected):
    hits = find_indicators(text)
    assert [f"{hit.kind} {hit.value}" for hit in hits] == expected
    assert all("\\n" not in text[hit.start : hit.end] for hit in hits)


@pytest.mark.parametrize(
    "path",
    [
        r"C:\new\x.exe",
        r"C:\new.exe\temp.txt",
        r"\temp\x.exe",
        r"\\server\name",
        r"\\nas.com\tools.exe",
        r"\\1.2.3.4\tools\x.exe",
        r"new\notes\readme.txt",
        r"temp\r.exe",
        r"a.zip\readme.txt",
        r"%TEMP%\new.exe\readme.txt",
        r"node.js\npm.exe",
        r"Microsoft.NET\new.dll",
        r"evil.com\new\config\x.dll",
    ],
)
def test_paths_stay_whole(path):
    assert [(hit.kind, hit.value) for hit in find_indicators(f"at {path} today")] == [("PATH", path)]


@pytest.mark.parametrize("piece", [r"\n", r"a.com\n", r"\\n", r"x\t", r"a.com\nC:\n", r"http:\\a\n"])
def test_many_of_them_take_no_longer_than_their_number(piece):
    find_indicators(piece * 20_000)
