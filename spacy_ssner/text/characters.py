"""From bytes to characters, and what is no text at all."""

import codecs
import re
import warnings

from ..errors import Errors, Warnings

REPLACEMENT = "\ufffd"  # stands for what cannot be decoded
UNREADABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffd]")
SURROGATE = re.compile("[\ud800-\udfff]")  # half a character: JSON and PDF may hold one, a Doc cannot
# How zip, tar, bzip2, xz, 7z, rar and zstd begin, decoded; what zip and tar hold may be plain text.
PACKED = re.compile(
    "PK\x03\x04|.{257}ustar|BZh[1-9]1AY&SY|\ufffd7zXZ\x00|7z\ufffd\ufffd'|Rar!\x1a|\\(\ufffd/\ufffd", re.S
)
BINARY_LEAST = 16  # unreadable characters, for a whole file to be called so: odd ones in a few words are read
BINARY_SHARE = 0.1  # of unreadable characters; text in a foreign encoding has less, an executable more


def encoding_of(data: bytes) -> str:
    """UTF-16 where a byte order mark says so, else UTF-8, of which the mark is dropped."""
    return "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


def decode_text(data: bytes, *, name: str) -> str:
    """Decode as `encoding_of` says, with "\\n" as the only newline.

    data (bytes): Content of a file. name (str): What to call it in the warning.
    WARNS: SW270, once, with the number of places that cannot be decoded; these become U+FFFD.
    """
    encoding = encoding_of(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        text = data.decode(encoding, errors="replace")
        count = text.count(REPLACEMENT) - data.count(REPLACEMENT.encode("utf8"))
        warnings.warn(Warnings.SW270.format(path=name, count=count, position=error.start), stacklevel=2)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def replace_surrogates(text: str) -> str:
    """The text with U+FFFD for each half of a character."""
    return SURROGATE.sub(REPLACEMENT, text)


def is_packed(text: str) -> bool:
    """Whether the decoded content of a file, or its beginning, is that of an archive or of a compressed file."""
    return PACKED.match(text) is not None


def check_is_text(text: str, name: str) -> None:
    """RAISES (ValueError): S288 for what is no text: an archive, a document of Word, a .spacy file."""
    if is_packed(text) or (is_binary(text) and count_unreadable(text) >= BINARY_LEAST):
        raise ValueError(Errors.S288.format(path=name))


def is_binary(text: str) -> bool:
    """Whether something is no text: over a tenth of its characters are control characters or could not be decoded."""
    if text.isascii() and text.isprintable():
        return False
    return count_unreadable(text) > BINARY_SHARE * len(text)


def count_unreadable(text: str) -> int:
    """How many characters are control characters or stand for what could not be decoded."""
    return sum(1 for _ in UNREADABLE.finditer(text))
