"""URLs, e-mail addresses, IPv4 and IPv6 in refanged text. Every pattern is linear in what it reads."""

import ipaddress
import re
from typing import Iterator, List, NamedTuple, Pattern

from .name_lists import EXTENSIONS, TOP_LEVEL
from .refang import Refanged
from .scripts import CJK, IN_URL, LETTER, WIDE_SIGNS
from .versions import is_version


class Hit(NamedTuple):
    """An indicator in refanged text, which is text[start:end]."""

    start: int
    end: int
    kind: str


# No quantifier below is followed by what it could also match, or it is bounded: no backtracking to speak of.
SCHEME = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Za-z][A-Za-z0-9+*-]{1,15}://|[Hh][TtXx*]{2}[Pp][Ss]?:\\\\|[Ff][Ii][Ll][Ee]:///)"
    r"(?=[\w\[%${<*])"
)
# Signs of running text that no URL holds.
TYPESET = (
    "\u2018\u2019\u201c\u201d\u00ab\u00bb\u2026\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff" + WIDE_SIGNS
)
URL_REST = re.compile(rf"(?:[^\s\"'<>`|^\\,;()\[\]{{}}{TYPESET}{CJK}]+|{IN_URL})*")
COMMANDS = (
    r"bash busybox cat cd chmod cp curl done echo export kill killall mkdir mv nohup perl python\d? rm sh "
    "sleep sudo tar tftp wget"
)
DOWNLOADED = "7z apk bat bin dll doc docm docx exe hta iso jar msi pdf ps1 rar scr vbs xls xlsm xlsx zip"
# What no longer belongs to a URL: the next one, a command of a shell, an address or a hash in the next column, any
# other column behind a file.
BEHIND_URL = re.compile(
    r"[,;|]{1,4}[A-Za-z][A-Za-z0-9+*-]{1,15}://"
    rf"|;(?:{'|'.join(COMMANDS.split())})(?![\w=/.-])"
    r"|[,;](?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{32,128})(?![\w.=-])"
    rf"|(?i:{'|'.join(rf'(?<=[.]{ending})' for ending in DOWNLOADED.split())})[,;](?=\w)"
)
# A host and what stands around it hold neither comma nor semicolon: `http://evil.org,C2,high` is a row of a table.
HOST_IN_ROW = re.compile(r"[^\s/?#\\,;=]{1,300}(?=[,;])")
FARTHEST = (
    2048  # characters in which an opening bracket is closed; one that stays open ends a URL or path anyhow
)
OPENER = {")": "(", "]": "[", "}": "{"}
BRACKET = re.compile(r"[()\[\]]")
PORT = re.compile(rf":\d{{1,5}}(?!{LETTER})")
# Each part of an address is either in letters of Chinese, Japanese or Korean or in others.
EMAIL = re.compile(
    rf"((?<!{LETTER})(?<![.+%-])(?:{LETTER}|[.+%-]){{1,64}}|(?<![\w.+%-])[{CJK}]{{1,64}})"
    rf"@((?:(?:(?:{LETTER}|-){{1,63}}|[{CJK}]{{1,63}})\.){{1,10}}"
    rf"(?:[^\W\d_{CJK}]{{2,24}}(?!{LETTER})|[{CJK}]{{2,24}}(?!\w)))(?!@|-\w)"
)
IPV4 = re.compile(
    rf"(?<!{LETTER})(?<!\.)(?<![A-Za-z][-/])\d{{1,3}}(?:\.\d{{1,3}}){{3}}"
    rf"(?!{LETTER}|\.(?![A-Z][a-z]){LETTER}|-[A-Za-z])"  # `1.2.3.4.Then it`
)
# With backslashes in place of slashes, `http:\\evil.com\a`.
BACKSLASHED_REST = re.compile(rf"(?:[^\s\"'<>`|^,;()\[\]{{}}{TYPESET}{CJK}]+|{IN_URL})*")
CIDR = re.compile(rf"/\d{{1,2}}(?!{LETTER}|/|\.\d)")
IPV6 = re.compile(rf"(?<!{LETTER})(?<![:.])[0-9A-Fa-f:][0-9A-Fa-f:.]{{1,48}}(?!{LETTER}|:)")
IPV6_TAIL = re.compile(rf"(?:%{LETTER}{{1,16}})?(?:/\d{{1,3}}(?!{LETTER}))?")
KNOWN_IPV6 = re.compile(
    r"(?:2[0-9a-f]{3}|3[0-9a-f]{3}|fe[89ab][0-9a-f]|f[cd][0-9a-f]{2}|ff[0-9a-f]{2}|64):|::(?:1$|ffff:)", re.I
)


def balanced_run(pattern: Pattern[str], text: str, pos: int, hi: int, *, commas: bool = False) -> int:
    """Where a run of what the pattern matches, and of brackets, ends: before a closing one that nothing in it opens, or
    FARTHEST behind a round or square one that nothing closes.

    pattern (Pattern[str]): Matches no brackets, but the empty string. No character is looked at twice.
    commas (bool): Commas and semicolons belong to the run unless what follows is BEHIND_URL.
    """
    depth = {"(": 0, "[": 0, "{": 0}
    opened = pos
    while True:
        match = pattern.match(text, pos, hi)
        pos = match.end() if match else pos
        if not depth["("] and not depth["["]:
            opened = pos
        elif pos - opened > FARTHEST:
            return pos
        sign = text[pos : min(pos + 1, hi)]
        if sign in depth:
            depth[sign] += 1
        elif depth.get(OPENER.get(sign, ""), 0) > 0:
            depth[OPENER[sign]] -= 1
        elif not commas or sign not in (",", ";") or BEHIND_URL.match(text, pos, hi):
            return pos
        pos += 1


def before_open_bracket(text: str, start: int, end: int) -> int:
    """End of text[start:end] before the first round or square bracket in it that nothing closes: `a.exe(MD5`."""
    opened: List[int] = []
    for bracket in BRACKET.finditer(text, start, end):
        if bracket[0] in "([":
            opened.append(bracket.start())
        elif opened:
            opened.pop()
    return opened[0] if opened else end


def url_end(text: str, pos: int, hi: int) -> int:
    r"""Where a URL ends that goes on at `pos`: before white space, quotes, an unmatched bracket, punctuation.

    Backslashes belong to it where they stand before `pos`, as in `http:\\`.
    """
    rest = BACKSLASHED_REST if text.startswith("\\", pos - 1) else URL_REST
    host = HOST_IN_ROW.match(text, pos, hi) if text[pos - 1] in "/\\" else None
    end = balanced_run(rest, text, pos, host.end() if host else hi, commas=True)
    end = before_open_bracket(text, pos, end)
    while end > pos and text[end - 1] in ".,;:!?*([{\\":
        end -= 1
    return end


def urls(plain: Refanged, lo: int, hi: int) -> Iterator[Hit]:
    """URLs with a scheme, `hxxp` included. One without a host is none."""
    pos = lo
    while match := SCHEME.search(plain.text, pos, hi):
        pos = url_end(plain.text, match.end(), hi)
        if pos > match.end():
            yield Hit(match.start(), pos, "URL")
        pos = max(pos, match.end())


def emails(plain: Refanged, lo: int, hi: int) -> Iterator[Hit]:
    """E-mail addresses."""
    for match in EMAIL.finditer(plain.text, lo, hi):
        start = match.start() + len(match[1]) - len(match[1].lstrip(".%+-"))
        last = match[2].rpartition(".")[2].lower()
        if start < match.end(1) and (last in TOP_LEVEL or last not in EXTENSIONS):
            yield Hit(start, match.end(), "EMAIL")


def ipv4(plain: Refanged, lo: int, hi: int) -> Iterator[Hit]:
    """IPv4 addresses with port or prefix length; with a path behind they are URLs. Versions are none."""
    text, done = plain.text, lo
    for match in IPV4.finditer(text, lo, hi):
        start, end = match.span()
        if (
            start < done
            or not _is_ipv4(match[0])
            or (not plain.defanged(start, end) and is_version(text, start, end))
        ):
            continue
        kind = "IPV4"
        cidr = CIDR.match(text, end, hi)
        if cidr and int(cidr[0][1:]) <= 32:
            end = cidr.end()
        else:
            port = PORT.match(text, end, hi)
            end = port.end() if port else end
            if text[end : min(end + 1, hi)] == "/" and not IPV4.match(text, end + 1, hi):
                kind, end = "URL", url_end(text, end, hi)
        yield Hit(start, end, kind)
        done = end


def _is_ipv4(text: str) -> bool:
    return all(int(part) < 256 and (part == "0" or part[0] != "0") for part in text.split("."))


def ipv6(plain: Refanged, lo: int, hi: int) -> Iterator[Hit]:
    """IPv6 addresses with zone, prefix length, or brackets and port. `std::abs` and `10:30:15` are none."""
    text = plain.text
    for match in IPV6.finditer(text, lo, hi):
        address = match[0]
        if address[-1] in ".:" and not address.endswith("::"):
            address = address[:-1]
        if address.count(":") < 2 or not is_ipv6(address):
            continue
        start, end = match.start(), match.start() + len(address)
        tail = IPV6_TAIL.match(text, end, hi)
        end = tail.end() if tail else end
        if start > lo and text[start - 1] == "[" and text[end : end + 1] == "]":
            port = PORT.match(text, end + 1, hi)
            if port:
                start, end = start - 1, port.end()
        yield Hit(start, end, "IPV6")


def is_ipv6(text: str) -> bool:
    """A valid address, and when shortened by `::` one that is not just two words of a program (`Add::Face`)."""
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    parts = [part for part in text.split(":") if part]
    return (
        "::" not in text
        or bool(KNOWN_IPV6.match(text))
        or (len(parts) > 3 and any(c.isdigit() for c in text))
    )
