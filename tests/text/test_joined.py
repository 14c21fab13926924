"""Indicators that are joined to other signs or words: underscores, emphasis, variables, the next sentence."""

import pytest

from spacy_ssner.text.indicators import find_indicators

MD5 = "d41d8cd98f00b204e9800998ecf8427e"


def found(text):
    return [f"{hit.kind} {hit.value}" for hit in find_indicators(text)]


@pytest.mark.parametrize(
    "text,expected",
    [
        (f"{MD5}_sample, VirusShare_{MD5} and 0x{MD5}", [f"MD5 {MD5}"] * 3),
        (f"VirusShare_{MD5}.exe and CVE_2021_44228.py", [f"FILE VirusShare_{MD5}.exe", "FILE CVE_2021_44228.py"]),
        (f"a{MD5}, 10x{MD5} and {MD5}g", []),
        ("FE_Exploit_RTF_CVE_2017_8759 and CVE_2021_44228", ["CVE CVE-2017-8759", "CVE CVE-2021-44228"]),
    ],
)  # fmt: skip
def test_underscores(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "agent", ["Mozilla/4.08 [en] (Win98; I ;Nav)", "Mozilla/4.08", "Mozilla/5.0 (X11) Gecko/20100101"]
)
def test_versions_of_user_agents(agent):
    assert found(f'"{agent}"') == [f"USER_AGENT {agent}"]
