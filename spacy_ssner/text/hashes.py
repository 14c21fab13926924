"""What the words before hex digits say of them: hashes that are none of a file, and SHA-256 in two halves."""

import re
from typing import Optional, Pattern

CONTEXT = 40  # characters looked at before a hash
SIGNS = r"[ \t\"'`*_|]{0,4}"
ASSIGNED = rf"(?:\(\))?{SIGNS}(?:==?|:|=>)?{SIGNS}"  # `imphash: `, `"imphash": "`, `imphash() == "`
WHAT = r"(?: (?:hash|fingerprint|id))?"


def _behind(words: str) -> Pattern[str]:
    """Matches one of the words right before the end; before a line break only where it stands alone on its line."""
    named = rf"(?:{words}){WHAT}{ASSIGNED}"
    return re.compile(
        rf"(?:(?<![A-Za-z0-9]){named}|^{SIGNS}{named}\n{SIGNS})\Z", re.IGNORECASE | re.MULTILINE
    )


FINGERPRINT = _behind("imp(?:ort[ _-]?)?hash|ja3s?|jarm")  # of imports, of TLS handshakes
REVISION = _behind("commit|revision")  # of source code
SHA256 = re.compile(r"(?<![A-Za-z0-9])SHA-?256:?\s?\Z", re.IGNORECASE)
SECOND_HALF = re.compile(r"\s([0-9A-Fa-f]{32})(?![0-9A-Za-z])")


def is_no_file_hash(text: str, start: int, kind: str) -> bool:
    """Do the words before text[start:], of the length of a hash of this kind, say that it is no file's?"""
    before = (text, max(0, start - CONTEXT), start)
    return FINGERPRINT.search(*before) is not None or (
        kind == "SHA1" and REVISION.search(*before) is not None
    )


def second_half(text: str, start: int, end: int) -> Optional[int]:
    """Where a SHA-256 ends whose first half is text[start:end], the second one behind a blank or line break.

    Only right behind `SHA-256` or `SHA256`, as two MD5s side by side are common in lists.
    """
    if not SHA256.search(text, max(0, start - CONTEXT), start):
        return None
    rest = SECOND_HALF.match(text, end)
    return rest.end() if rest else None
