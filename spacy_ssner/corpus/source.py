"""Bytes to lines: encodings, line ends and characters that nobody sees.

Rules: a byte order mark is dropped; CRLF, LF and (in a file without LF) CR end a line; a line that is not
UTF-8 is read as Windows-1252, or as Latin-1 where it is not that either, so that one bad line leaves the
others alone.
"""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import List, NamedTuple, Tuple, Union

from ..errors import Errors
from ..text.characters import is_packed
from .report import Report

# Control characters but the tab; zero-width spaces, joiners, marks, direction signs and byte order marks. The
# soft hyphen (U+00AD) is not here: MalwareTextDB writes it for a hyphen (cve<AD>2014<AD>0497).
_INVISIBLE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
# How gzip and a .spacy file begin: too few bytes to be told from text once they are decoded; the rest is is_packed's.
ZIPPED = (b"\x1f\x8b", b"x\x9c")
BEGINNING = 512  # bytes


class LineFault(NamedTuple):
    """A line (from 1) and what is wrong with it (a key of report.RULES)."""

    line: int
    kind: str


@dataclass(frozen=True)
class Source:
    """The bytes of a file and its name in messages (`DNRTI.rar/test.txt` for a file in an archive)."""

    path: str
    data: bytes


def read_source(path: Union[str, Path]) -> Source:
    """Read a file.

    RAISES (ValueError): S227 if there is no such file, S220 if it is empty.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(Errors.S227.format(path=path, got="a folder" if path.is_dir() else "nothing there"))
    source = Source(str(path), path.read_bytes())
    if not source.data.strip():
        raise ValueError(
            Errors.S220.format(path=path, got=f"{len(source.data)} bytes of white space or nothing")
        )
    return source


def not_packed(source: Source) -> Source:
    """The same source. RAISES (ValueError): S220 if it is an archive or compressed, as .spacy files are too."""
    beginning = source.data[:BEGINNING]
    if beginning.startswith(ZIPPED) or is_packed(beginning.decode("utf-8", errors="replace")):
        got = "an archive, a compressed file or a .spacy file. Of the first two, name what is in it once it is unpacked"
        raise ValueError(Errors.S220.format(path=source.path, got=got))
    return source


def remove_invisible(text: str) -> str:
    """The text without zero-width and control characters. The tab stays."""
    return _INVISIBLE.sub("", text)


def decode_line(line: bytes) -> Tuple[str, bool]:
    """The text of a line and whether it is UTF-8."""
    try:
        return line.decode("utf-8"), True
    except UnicodeDecodeError:
        pass
    try:
        return line.decode("cp1252"), False
    except UnicodeDecodeError:
        return line.decode("latin-1"), False


def decode_lines(data: bytes) -> Tuple[List[str], List[LineFault]]:
    """The lines of a file without their line ends, and what was repaired: one fault a file for the first two
    kinds (byte-order-mark, line-ends), one a line for encoding."""
    faults: List[LineFault] = []
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        faults.append(LineFault(1, "encoding"))
        data = data.decode("utf-16", errors="replace").encode("utf-8")
    if data.startswith(codecs.BOM_UTF8):
        faults.append(LineFault(1, "byte-order-mark"))
        data = data[len(codecs.BOM_UTF8) :]
    if b"\r" in data and (b"\r\n" in data or b"\n" not in data):
        faults.append(LineFault(1, "line-ends"))
        data = data if b"\n" in data else data.replace(b"\r", b"\n")
    lines: List[str] = []
    for number, raw in enumerate(data.split(b"\n"), start=1):
        text, is_utf8 = decode_line(raw.rstrip(b"\r"))
        if not is_utf8:
            faults.append(LineFault(number, "encoding"))
        lines.append(text)
    return lines, faults


def read_lines(source: Source, report: Report) -> List[str]:
    """decode_lines with its faults in the report."""
    lines, faults = decode_lines(source.data)
    for number, kind in faults:
        report.add(kind, source.path, number, lines[number - 1])
    return lines
