"""How elements of HTML are laid out as text."""

import pytest

from spacy_ssner.text.pages import read_page

pytest.importorskip("inscriptis")


def shown(body):
    return read_page(f"<html><body>{body}</body></html>".encode(), "a.html")


@pytest.mark.parametrize(
    "body,expected",
    [
        ("203.0.113.1<sup>2</sup> by CVE-2021-4422<sup><a href='#'>8</a></sup>.", "203.0.113.1 2 by CVE-2021-4422 8."),
        ("APT2<sup>8</sup>, evil[.]com<sup>1</sup>", "APT2 8, evil[.]com 1"),
        ("<sup>1</sup>evil[.]com, <sup>2</sup><a href='/'>b.exe</a>", "1 evil[.]com, 2 b.exe"),
        ("evil[.]com<sup>1</sup><sup>2</sup> H<sub>2</sub>O", "evil[.]com 1 2 H2O"),
        ("on the 20<sup>th</sup>, evil<sup></sup>[.]com", "on the 20th, evil[.]com"),
        ("<code>evil[.]com</code><button><b>Copy</b></button><code>b.exe</code>", "evil[.]com Copy b.exe"),
        ("<label>IP</label><code>1.2.3.4</code> <label>MD5</label>: 0", "IP 1.2.3.4 MD5: 0"),
    ],
)  # fmt: skip
def test_elements_apart_from_words(body, expected):
    assert shown(body) == expected


@pytest.mark.parametrize(
    "tag",
    "address article aside blockquote center dd details dialog div dl dt fieldset figcaption figure footer form header "
    "hr legend li main menu nav option p pre search section summary textarea".split(),
)
def test_elements_that_begin_a_line(tag):
    body = f"a.exe<{tag}>b.exe</{tag}>" + ("" if tag == "hr" else "c.exe")
    lines = [line.strip(" *") for line in shown(body).splitlines() if line]
    assert lines == (["a.exe", "b.exe"] if tag == "hr" else ["a.exe", "b.exe", "c.exe"])


@pytest.mark.parametrize(
    "body,expected",
    [
        ("<dl><dt>MD5</dt><dd>0a</dd><dt>C2</dt><dd>evil[.]com</dd></dl>", "MD5\n0a\nC2\nevil[.]com"),
        ("<select><option>a.exe</option><option>b.exe</option></select>", "a.exe\nb.exe"),
        ("<pre><code>a.exe\n  <span>evil</span><span>[.]com</span>\nb.exe</code></pre>", "a.exe\n  evil[.]com\nb.exe"),
        ("<textarea>a.exe\nb.exe</textarea>", "a.exe\nb.exe"),
        ("<b style='display: flex'>a.exe</b><b style='color:red;DISPLAY:grid'>b.exe</b>", "a.exe\nb.exe"),
        ("a<b style='display:inline-flex'>.exe</b><b style='display:none'>x</b>", "a.exe"),
        ("<table><tr><td><label>a</label>b.exe</td><td><section>c.exe</section></td></tr></table>", "a b.exe   c.exe"),
    ],
)  # fmt: skip
def test_lines_of_elements(body, expected):
    assert shown(body) == expected
