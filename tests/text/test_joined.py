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
        (f"a wallet 0x{MD5}01234567, a transaction 0x{MD5}{MD5}", []),
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


@pytest.mark.parametrize(
    "text,expected",
    [
        ("x %TEMP%_502562165489004300.tmp -o%TEMP%", ["FILE %TEMP%_502562165489004300.tmp"]),
        ("run -o%TEMP%_1.tmp and %20a.exe", ["FILE %TEMP%_1.tmp", "FILE a.exe"]),
        ("name.%E2%80%AEphp.jpg", ["FILE name.%E2%80%AEphp.jpg"]),
    ],
)
def test_variables_before_names(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        ("**/tmp/x.sh** and _/etc/passwd_", ["PATH /tmp/x.sh", "PATH /etc/passwd"]),
        ("*/data/net.droidjack.server/ *", ["PATH /data/net.droidjack.server/"]),
        ("in __/etc/shadow__ and /opt/b_", ["PATH /etc/shadow", "PATH /opt/b_"]),
        ("runs **/x/y.sh** and **src/y.py**", ["PATH /x/y.sh", "PATH src/y.py"]),
        ("Accept: */*HTTP/1.1, */x/y and */x/*.y", []),
    ],
)
def test_emphasis_around_paths(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "name",
    "Trojan:Win32/NukeSped.C!dha Java/ByteVerify.C Android/Clipper.C Win32/Emotet.H Win32/Spy.Banker.CS "
    "Win32/Filecoder.GO Trojan:Win32/Zbot.CC!MTB Win32/Kryptik.JS JS/Agent.OCX MSIL/Agent.PS".split(),
)
def test_detections_are_none(name):
    assert found(f"detected as {name} trojan") == []


@pytest.mark.parametrize(
    "path", ["Win32/x.exe", "Win32/a/b.EXE", "Python/x.py", "src/main.c", "a/Linux/README.MD"]
)
def test_paths_that_look_like_detections(path):
    assert found(f"in {path} here") == [f"PATH {path}"]


@pytest.mark.parametrize(
    "text,expected",
    [
        ("It used evil.exe.Then 1.2.3.4.Then", ["FILE evil.exe", "IPV4 1.2.3.4"]),
        ("used evil.com.The next sentence", ["DOMAIN evil.com"]),
        ("Host: r2elajikcosf7zee.onion.toAccept:", ["DOMAIN r2elajikcosf7zee.onion.to"]),
        ("java.net.Socket, android.app.Activity, user.id.Value(x), System.Net.Http, 1.2.3.4.x", []),
    ],
)
def test_no_blank_behind_a_full_stop(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        (r"at hxxp:\\evil.com\a, then", ["URL http://evil.com/a"]),
        (r'"http:\\evil[.]com\a\b.php\"', ["URL http://evil.com/a/b.php"]),
    ],
)
def test_backslashes_of_urls(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        (r"| C:\Users\Public\a b\c.exe |", [r"PATH C:\Users\Public\a", "FILE c.exe"]),
        (r"copy C:\Windows\a.exe b\c.exe", [r"PATH C:\Windows\a.exe", r"PATH b\c.exe"]),
    ],
)
def test_the_rest_of_a_path_with_a_blank_is_no_path(text, expected):
    assert found(text) == expected


HOSTILE = (
    "中 中a a中 C:\\中a /a中 %a% %aa%. a.com.Then .onion.to Win32/ Win32/a.C! __/ */ http:\\\\a\\ a中@ 0x _CVE_2017_"
).split()


@pytest.mark.parametrize("piece", [*HOSTILE, "C:\\a b\\c ", " _/"])
def test_many_of_them_in_a_row(piece):
    find_indicators(piece * 20_000)
