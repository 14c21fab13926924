r"""Ends of lines that JSON and source code write as `\n`, where indicators stand beside them."""

import re
from typing import Iterator, List, Tuple

from .name_lists import EXTENSIONS, NOT_NAMES, TOP_LEVEL

STRETCH = re.compile(r"[^\s\"'`<>|]+")
LINE_END = re.compile(r"\\{1,2}[nrt]")
ADDRESS = r"\d{1,3}(?:\[?\.\]?\d{1,3}){3}(?!\w)|[0-9A-Fa-f]{32,128}(?!\w)"
# What no name in a Windows path begins with, once its first letter is taken off.
NO_NAME = re.compile(
    rf"(?:h[tx*]{{2}}ps?|s?ftps?|tcp|udp|wss?|meows?|fxps?)\[?:|[A-Za-z]:\\|{ADDRESS}", re.IGNORECASE
)
ADDRESSES = re.compile(rf"(?:{ADDRESS})$")
NAME = re.compile(r"[\w.-]+")
DRIVE = re.compile(r"(?:(?<!\w)[A-Za-z]:|%)$")
# Paths go on behind these: `a.zip\readme.txt`.
ARCHIVES = frozenset("7z apk app cab gz img iso jar msi rar tar tgz war zip".split())
ENDINGS = (TOP_LEVEL | EXTENSIONS) - ARCHIVES


def line_ends(text: str) -> Iterator[Tuple[int, int]]:
    r"""Places of `\n`, `\r` and `\t` that end a line, in order; those in Windows paths, such as `C:\new`, are none.

    text (str): Any text. Of a stretch without white space all count if there is no other backslash in it and an
        indicator stands before one of them; else those that a URL, an address, a hash or a drive follows.
    """
    if "\\n" not in text and "\\r" not in text and "\\t" not in text:
        return
    for stretch in STRETCH.finditer(text):
        ends = [match.span() for match in LINE_END.finditer(text, *stretch.span())]
        if not ends:
            continue
        if sum(end - start - 1 for start, end in ends) == text.count("\\", *stretch.span()) and _is_code(
            text, stretch.start(), ends
        ):
            yield from ends
        else:
            yield from (span for span in ends if NO_NAME.match(text, span[1], stretch.end()))


def _is_code(text: str, start: int, ends: List[Tuple[int, int]]) -> bool:
    """Does an indicator stand before one of the ends of lines in a stretch, and none behind a drive or variable?"""
    if ends[0][0] == start:  # `\temp\x.exe`
        return False
    found = False
    for end, behind in ends:
        piece = text[start:end]
        if DRIVE.search(piece[-3:]):
            return False
        found = found or _ends_in_indicator(piece)
        start = behind
    return found


def _ends_in_indicator(piece: str) -> bool:
    if "://" in piece or "[.]" in piece:
        return True
    name = ""
    for match in NAME.finditer(piece):
        name = match[0] if match.end() == len(piece) else ""
    last = name.rpartition(".")[2]
    known = "." in name and last in ENDINGS and name.lower() not in NOT_NAMES
    return known or bool(ADDRESSES.match(name))
