"""Windows and Unix paths, registry keys and mutexes in refanged text."""

import re
from typing import Iterator, Optional

from .addresses import IPV4, Hit, balanced_run, before_open_bracket
from .names import has_extension, host_kind, is_detection
from .refang import Refanged
from .scripts import CJK, IN_PATH, LETTER, WIDE_SIGNS, narrowed

SLASH = r"\\{1,2}"  # doubled where the text was taken from source code
# Names and backslashes between them, without brackets; balanced_run adds these.
NO_PART = rf"\s:\"<>|,;'`()\[\]{{}}\u2018\u2019\u201c\u201d{WIDE_SIGNS}{CJK}"
TAG = r"(?i:b|br|code|div|em|hr|i|li|ol|p|pre|span|strong|table|td|th|tr|ul) ?>"  # of HTML in Markdown
BODY = re.compile(rf"(?:[^\\/{NO_PART}]+|<(?!{TAG})[\w .-]{{1,30}}>|\\{{1,2}}(?!\\)|{IN_PATH}){{0,500}}")
SLASHED = re.compile(rf"(?:[^{NO_PART}]+|{IN_PATH})*")
HIVES = (
    r"(?:HKEY_(?:LOCAL_MACHINE|CURRENT_USER|CLASSES_ROOT|USERS|CURRENT_CONFIG)|HKLM|HKCU|HKCR|HKU|HKCC)[:\]]?"
)
SUBKEYS = (
    rf"(?:SOFTWARE{SLASH}(?:Microsoft|Wow6432Node|Classes|Policies){SLASH}"
    rf"|SYSTEM{SLASH}(?:CurrentControlSet|ControlSet00\d){SLASH}"
    rf"|REGISTRY{SLASH}(?:MACHINE|USER){SLASH})"  # the kernel's name of the hives
)
ROOT = re.compile(
    rf"""(?:(?<!{LETTER})(?<!\\)|(?<=\bComputer\\))(?:
      (?P<MUTEX>(?-i:Global|Local){SLASH}(?=[^\s\\]))
    | (?P<REGISTRY>{HIVES}{SLASH}|\\{{0,4}}{SUBKEYS})  # `\SOFTWARE\Microsoft\x` in rules that leave the hive out
    | (?P<PATH>\\\\[?.]\\(?:[A-Z]:\\)?|[A-Z]:{SLASH}|%[A-Z][\w()]{{1,30}}%{SLASH}|\$env:\w{{1,30}}{SLASH}
               |\\{{2,4}}(?=[\w.$%-]+\\))
    )(?=\S)""",
    re.IGNORECASE | re.VERBOSE,
)
SLASHED_ROOT = re.compile(
    rf"(?<!{LETTER})(?<!\\)(?:(?P<REGISTRY>(?i:{HIVES})/(?!(?i:{HIVES}))(?=\w))|(?P<PATH>[A-Za-z]:/(?=[\w.~%$]{{2}})))"
)
# A folder with blanks in its name counts if a backslash follows soon and its words look like a name's.
WORD = (
    rf"(?:(?!HK[ELCU]|SOFTWARE\\|SYSTEM\\|(?i:{SUBKEYS}))[A-Z0-9(&-]"
    r"[^\s\\/:*?\"<>|,;%]{0,40}|and|of|for|the)"
)
SPACED = re.compile(rf" (?:{WORD} ){{0,3}}{WORD}{SLASH}")
# Well-known last folders with blanks, behind their first word.
FINAL = re.compile(
    r"(?:(?<=\\Program) Files(?: \(x86\))?|(?<=\\Image) File Execution Options|(?<=\\Internet) (?:Settings|Explorer)"
    r"|(?<=\\Start) Menu|(?<=\\Windows) (?:NT|Defender)|(?<=\\Application) Data|(?<=\\Common) Files"
    r"|(?<=\\Session) Manager|(?<=\\Security) Packages|(?<=\\Terminal) Server|(?:(?<=\\User)|(?<=\\Login)) Data"
    r"|(?<=\\App) Paths|(?<=\\User) Shell Folders"
    r"|(?<=\\Shell) Folders|(?<=\\Browser) Helper Objects|(?<=\\Installed) Components)(?!\w)",
    re.IGNORECASE,
)
FOLDER = rf"(?:{SLASH}[\w.$%@~#!&+{{}}*-]+)"
RELATIVE = re.compile(rf"(?<![\w\\:.$%~-])(?:[\w.$%~-]+)?{FOLDER}+")
RELATIVE_REST = re.compile(rf"{FOLDER}*")
MAX_FOLDER = 260  # characters looked at
# A path that ended at the blank before, which may well stand in a folder's name: `C:\Public\a b\c.exe`.
CUT_OFF = re.compile(r"(?<!\w)[A-Za-z]:\\[^\s\"'`<>|*?:;,]*(?<=[\w)~-]) $")
ESCAPE = re.compile(r"(?:x[0-9a-f]{2}|u[0-9a-f]{4}|[\da-z]{1,2})$", re.IGNORECASE)
# Two of them in one string, `z\x00v\x00`, or one with four digits; but `WinSxS\x86_microsoft`.
HEX = r"\\x(?!(?:86|64)(?:[_\\]|$))[0-9a-f]{2}"
ESCAPES = re.compile(rf"{HEX}(?=.*{HEX})|\\u(?=[a-f]*\d)[0-9a-f]{{4}}", re.IGNORECASE)
LINES = re.compile(r"\\r\\n|\\n\\n|\\0\\0")  # ends of lines in code: `HTTP/1.1\r\nHost`
QUOTES = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019"}
QUOTED = re.compile(r"[^\n:*?\"<>|]{1,260}")

OPENERS = rf"\s\"'`(\[{{=:,;>|\u2018\u201c{WIDE_SIGNS}"
OPENED = rf"(?<![^{OPENERS}])"  # at the start, or behind what may stand before a path
HOME = r"(?:~|\.{1,2}|\$\{?\w{1,30}\}?|%\w{2,30}%)?"
EMPHASIS = r"(?<=\*)|(?<=^_)|(?<=\s_)|(?<=^__)|(?<=\s__)"  # `_/etc/passwd_`
UNIX = re.compile(rf"(?:(?<![^{OPENERS}{CJK}])|{EMPHASIS}){HOME}/[\w./@%+~$#*-]+(?:\?[\w=&%.+-]+)?")
# macOS: `~/Library/Application Support/com.x`; the blank may be escaped
SUPPORT = re.compile(r"(?<=/Application)\\? Support/[\w./@%+~$#*-]*")
UNIX_RELATIVE = re.compile(rf"(?:{OPENED}|(?<=\*\*))" + r"[\w@%+~$.-]+(?:/[\w@%+~$.-]+)+")
TOP_FOLDERS = frozenset(
    "applications bin boot data dev etc home lib lib64 library media mnt opt private proc root run sbin sdcard srv sys "
    "system tmp users usr var volumes".split()
)


def reach(text: str, hi: int, furthest: int) -> int:
    """How far a hit may go: past `hi` only if white space begins there, for what follows is taken otherwise."""
    return furthest if hi == len(text) or text[hi].isspace() else min(hi, furthest)


def windows_paths(plain: Refanged, lo: int, hi: int) -> Iterator[Hit]:
    """Windows paths, registry keys and mutexes. One with blanks in a folder's name passes `hi`."""
    text, pos = plain.text, lo
    limit = reach(text, hi, len(text))
    while pos < hi and (match := ROOT.search(text, pos, hi)):
        start, kind = match.start(), match.lastgroup or "PATH"
        end = pos = match.end()
        if kind == "MUTEX":
            end = trimmed(text, pos, balanced_run(BODY, text, pos, hi))
        else:
            end = _quoted_end(text, start, end, limit) or trimmed(text, pos, _windows_end(text, end, limit))
        if end > pos:
            yield Hit(start, end, kind)
            pos = end
    if pos < hi:
        yield from _relative(text, pos, hi, limit)


def slashed_paths(plain: Refanged, lo: int, hi: int) -> Iterator[Hit]:
    """Windows paths and registry keys with slashes in place of backslashes: `C:/Windows/x.exe`, `HKLM/Software/x`."""
    text, pos = plain.text, lo
    while match := SLASHED_ROOT.search(text, pos, hi):
        pos = match.end()
        end = trimmed(text, pos, balanced_run(SLASHED, text, pos, hi))
        folder = text[pos:end].partition("/")[0]
        if end > pos and not (
            match["PATH"] and folder in TOP_FOLDERS
        ):  # `s:/usr/bin`: a sign, then a path of Unix
            yield Hit(match.start(), end, match.lastgroup or "PATH")
            pos = end


def _windows_end(text: str, pos: int, limit: int) -> int:
    end, last = balanced_run(BODY, text, pos, limit), pos
    while True:
        name = text[max(last, text.rfind("\\", last, end) + 1) : end]
        if has_extension(name) or name[-1:] in ".)":
            return end
        spaced = SPACED.match(text, end, limit)
        if spaced is None:
            final = FINAL.match(text, end, limit)
            return final.end() if final else end
        last = spaced.start()
        end = balanced_run(BODY, text, spaced.end(), limit)


def _quoted_end(text: str, start: int, pos: int, limit: int) -> Optional[int]:
    """End of a path in quotes with blanks in it; None if the quotes hold more than a path."""
    closing = QUOTES.get(text[start - 1 : start]) if start else None
    inside = QUOTED.match(text, pos, limit)
    if closing is None or inside is None:
        return None
    end = text.find(closing, pos, min(inside.end() + 1, limit))
    content = text[pos:end] if end > 0 else ""
    words = content.split(" ")
    if (
        len(words) < 2
        or content.endswith(" ")
        or any(has_extension(word.rstrip(".,;")) for word in words[:-1])
    ):
        return None
    return end if has_extension(words[-1]) or "\\" in words[-1] else None


def trimmed(text: str, start: int, end: int) -> int:
    """End of text[start:end] without punctuation and opening brackets there, and without what these open."""
    end = before_open_bracket(text, start, end)
    while end > start and text[end - 1] in ".!?*([{":
        end -= 1
    return end


def _relative(text: str, lo: int, hi: int, limit: int) -> Iterator[Hit]:
    r"""Paths without a drive: `System32\cmd.exe`, `\Windows\Temp`, `..\x.dll`; not `DOMAIN\user` or `\x41\x42`.

    One with blanks in a well-known folder passes `hi`, but not `limit`.
    """
    for match in RELATIVE.finditer(text, lo, hi):
        start, end = narrowed(text, match.start(), text.find("\\", match.start()), match.end())
        while final := FINAL.match(text, end, limit):
            rest = RELATIVE_REST.match(text, final.end(), limit)
            end = rest.end() if rest else final.end()
        end = trimmed(text, start, end)
        if text.count("{", start, end) != text.count("}", start, end):
            continue  # LaTeX and other markup
        while end > start and text[end - 2 : end] in ("\\n", "\\r", "\\t"):
            end -= 2
        if LINES.search(text, start, end) or "\\" not in text[start:end]:
            continue
        parts = [part for part in text[start:end].split("\\") if part]
        if all(ESCAPE.match(part) for part in parts) or ESCAPES.search(text, start, end):
            continue
        rooted = text[start] in "\\."
        before = None if rooted else CUT_OFF.search(text, max(0, start - MAX_FOLDER), start)
        if before and "." not in before[0].rpartition("\\")[2]:
            continue
        if has_extension(parts[-1]) or len(parts) > 2 or (rooted and len(parts) > 1):
            yield Hit(start, end, "PATH")


def unix_paths(plain: Refanged, lo: int, hi: int) -> Iterator[Hit]:
    """Unix paths and paths of a web server; relative ones if they end in an extension. Not `and/or`, `24/7`.

    May pass `hi` behind `Application Support`.
    """
    text = plain.text
    limit = reach(text, hi, len(text))
    for match in UNIX.finditer(text, lo, hi):
        start, end = narrowed(text, match.start(), match.start(), match.end())
        support = SUPPORT.match(text, end, limit)
        end = support.end() if support else end
        around = ".*-?#_" if start and text[start - 1] == "_" else ".*-?#"
        while end > start and text[end - 1] in around:
            end -= 1
        before = text[start - 1] if start else ""
        # `*/x/*.js` is no emphasis, nor is `Accept: */*`
        glued = before.isalpha() or (before == "*" and text[end : end + 1] != "*")
        if is_unix_path(text[start:end], glued=glued):
            yield Hit(start, end, "PATH")
    for match in UNIX_RELATIVE.finditer(text, lo, hi):
        slash = text.find("/", match.start())
        start, end = narrowed(text, match.start(), slash, match.end())
        while end > start and text[end - 1] in ".-":
            end -= 1
        first, _, rest = text[start:end].partition("/")
        if first.isdigit() and text[start - 1 : start] == ":":  # a port, `evil.com:80/a.exe`
            continue
        program = first.endswith(".app") and rest.startswith("Contents/")  # of macOS
        if first[0] in "~$%" or not any(c.isalnum() for c in first) or not (program or has_extension(rest)):
            continue
        if (host_kind(first) and not program) or IPV4.match(first):
            continue
        if first[0] == "." and "/." in f"/{rest}":  # `.exe/.dll`
            continue
        if "/" not in rest and is_detection(text, slash + 1, end):  # `Win32/Emotet.H`
            continue
        yield Hit(start, end, "PATH")


def is_unix_path(path: str, *, glued: bool = False) -> bool:
    """Does a string that begins with `/`, `~/`, `./`, `../` or `$NAME/` look like a path?

    glued (bool): It goes on before the slash: then only a well-known first folder will do, not `和/或`.
    """
    root, _, rest = path.partition("/")
    parts = rest.rstrip("/").partition("?")[0].split("/")
    if not all(any(c.isalnum() for c in part) or part in (".", "..", "*") for part in parts):
        return False
    if not any(c.isalpha() for c in rest) or max(map(len, parts)) < 2:
        return False
    known = parts[0].lower() in TOP_FOLDERS
    return known or (not glued and (bool(root) or len(parts) > 1 or has_extension(parts[0])))
