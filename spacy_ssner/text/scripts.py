"""Letters of Chinese, Japanese and Korean text, in which words of other letters stand without blanks around them."""

import re
from typing import Iterator, Tuple

# For character classes: Han, Kana, Hangul and Bopomofo.
CJK = (
    "\u1100-\u11ff\u3005-\u3007\u3040-\u318f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
# For character classes: brackets, commas, colons and the like of such text.
WIDE_SIGNS = "\u3000-\u3004\u3008-\u3020\u3030\uff01-\uff0f\uff1a-\uff20\uff3b-\uff3d\uff5b-\uff65"
LETTER = rf"[^\W{CJK}]"  # what \w matches, without those letters
# In patterns, letters that a URL or path may hold: not right behind others, as there the running text goes on.
IN_URL = rf"(?<![A-Za-z0-9])[{CJK}]+"
IN_PATH = rf"(?<![A-Za-z])(?<![A-Za-z]\d)[{CJK}]+"  # numbers belong to the text: `2017年`, but `a.ps1を`
INTO = re.compile(rf"(?:(?<=[A-Za-z])|(?<=[A-Za-z]\d))[{CJK}]")
OUT_OF = re.compile(
    rf"(?<=[{CJK}])(?:\d?[A-Za-z]|\d{{1,9}}\.(?:com|net|org|cn|jp|kr)(?![A-Za-z0-9]))"
)  # `163.com`
BORDER = re.compile(rf"{INTO.pattern}|{OUT_OF.pattern}")


def pieces(text: str, start: int, end: int) -> Iterator[Tuple[int, int]]:
    """Parts of text[start:end] between borders of scripts. Across a dot is none: `例子.com` is one part."""
    if not text[start:end].isascii():
        for border in BORDER.finditer(text, start, end):
            yield start, border.start()
            start = border.start()
    yield start, end


def narrowed(text: str, start: int, first: int, end: int) -> Tuple[int, int]:
    """A path text[start:end] without the running text around it, whose first part is text[start:first]."""
    if text[start:end].isascii():
        return start, end
    for border in OUT_OF.finditer(text, start, first):
        start = border.start()
    into = INTO.search(text, first, end)
    return start, into.start() if into else end
