"""Bytes of a lexicon: msgpack of plain values with a checksum, no pickle."""

import json
import zlib
from typing import Any, Dict, List, Sequence, Tuple

import srsly

from ..errors import Errors

FORMAT = "spacy-ssner-lexicon-1"

Row = Tuple[str, str, bool]  # text, category, cased


def pack(categories: Sequence[str], rows: Sequence[Row], settings: Dict[str, Any]) -> bytes:
    """Write categories, names and settings. The content is JSON: it keeps lone surrogates in names."""
    number = {category: i for i, category in enumerate(categories)}
    names = [[text, number[category], int(cased)] for text, category, cased in rows]
    content = dict(categories=list(categories), names=names, settings=settings)
    data = json.dumps(content, sort_keys=True).encode("ascii")
    return srsly.msgpack_dumps({"format": FORMAT, "crc32": zlib.crc32(data), "content": zlib.compress(data)})


def unpack(data: bytes, *, name: str = "bytes") -> Tuple[List[str], List[Row], Dict[str, Any]]:
    """Read what `pack` wrote: categories, names, settings. name (str): What is read, for messages.

    RAISES (ValueError): S267 if it is something else, damaged or of another format.
    """
    try:
        message = srsly.msgpack_loads(data)
        if not isinstance(message, dict) or message.get("format") != FORMAT:
            raise ValueError(f"it is not of the format {FORMAT}")
        plain = zlib.decompress(message["content"])
        if zlib.crc32(plain) != message["crc32"]:
            raise ValueError("its checksum differs")
        content = json.loads(plain)
        categories = content["categories"]
        rows = [(text, categories[number], bool(cased)) for text, number, cased in content["names"]]
        return categories, rows, content["settings"]
    except Exception as err:  # msgpack, zlib and json each raise their own kinds
        raise ValueError(Errors.S267.format(name=name, reason=err)) from err
