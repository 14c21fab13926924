"""Bytes of a table of similar words: a safetensors file with a JSON note and a checksum, no pickle."""

import json
import zlib
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

from ..errors import Errors

FORMAT = 1
KEY = "spacy-ssner.SimilarWordTable"  # a foreign safetensors file has no such note
TENSORS = ("cosine", "ratio", "rows", "vectors", "word_bytes")


def pack(words: Sequence[str], tensors: Dict[str, np.ndarray], settings: Dict[str, Any]) -> bytes:
    """Write words, arrays (cosine, ratio, rows, vectors) and settings as one safetensors file.

    The same content gives the same bytes. The note is one entry: safetensors does not keep their order.
    """
    from safetensors.numpy import save

    joined = json.dumps(list(words)).encode("ascii")  # JSON keeps line breaks and lone surrogates in words
    content = {**tensors, "word_bytes": np.frombuffer(joined, dtype=np.uint8)}
    text = json.dumps(settings, sort_keys=True)
    note = {"format": FORMAT, "settings": text, "crc32": checksum(content, text)}
    return save(content, metadata={KEY: json.dumps(note, sort_keys=True)})


def unpack(data: bytes) -> Tuple[List[str], Dict[str, np.ndarray], Dict[str, Any]]:
    """Read what `pack` wrote.

    RAISES (ValueError): S257 if the bytes are something else, S258 if damaged, S264 if of a newer format.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    note = read_note(data)
    if note.get("format") != FORMAT:
        raise ValueError(Errors.S264.format(got=note.get("format"), expected=FORMAT))
    try:
        content = load(data)
    except (SafetensorError, ValueError, TypeError) as err:
        raise ValueError(Errors.S258.format(reason=err)) from err
    if sorted(content) != sorted(TENSORS) or note.get("crc32") != checksum(content, note["settings"]):
        raise ValueError(Errors.S258.format(reason="its checksum differs"))
    words = json.loads(content.pop("word_bytes").tobytes())
    tensors = {name: array.copy() for name, array in content.items()}  # load gives read-only views
    return words, tensors, json.loads(note["settings"])


def read_note(data: bytes) -> Dict[str, Any]:
    """The JSON note in the header of a safetensors file.

    RAISES (ValueError): S257 if there is none, S258 if the header is cut off.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 10 or data[8:9] != b"{":
        raise ValueError(Errors.S257.format(reason="it is not a safetensors file"))
    if length > len(data) - 8:
        raise ValueError(Errors.S258.format(reason=f"{len(data)} bytes are too few, the end is missing"))
    try:
        note = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][KEY])
        if not isinstance(note["settings"], str):
            raise TypeError("settings")
    except (KeyError, TypeError, ValueError) as err:
        raise ValueError(Errors.S257.format(reason=f"its header has no readable note {KEY!r}")) from err
    return note


def checksum(content: Dict[str, np.ndarray], text: str) -> int:
    """CRC-32 of the arrays (bytes, type and shape, in the order of their names) and a text."""
    value = zlib.crc32(text.encode("utf8"))
    for name in sorted(content):
        array = np.ascontiguousarray(content[name])
        value = zlib.crc32(f"{name} {array.dtype.str} {array.shape}".encode("utf8"), value)
        value = zlib.crc32(array.tobytes(), value)
    return value
