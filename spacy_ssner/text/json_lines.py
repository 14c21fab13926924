"""JSON lines, of which each is an object with a string "text"."""

import json
from typing import Any, Dict

from .characters import replace_surrogates


def parse_text(line: str) -> Dict[str, Any]:
    """The object of a line. Halves of characters in its text become U+FFFD; NaN and infinity, which are no JSON, None.

    RAISES (ValueError): With what it is, if it is no object with a string "text".
    """
    try:
        values = json.loads(line, parse_constant=lambda constant: None)
    except RecursionError:
        raise ValueError("its brackets are nested too deep") from None
    if not isinstance(values, dict) or not isinstance(values.get("text"), str):
        raise ValueError("it is no object with a string in 'text'")
    return {**values, "text": replace_surrogates(values["text"])}
