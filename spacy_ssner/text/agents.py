"""User agents in refanged text."""

import re
from typing import Iterator

from .addresses import Hit
from .paths import QUOTES, reach, trimmed
from .refang import Refanged

PRODUCT = r"[\w.+-]{1,60}/[\w.+:-]{1,60}"
AGENT_REST = rf"(?: (?:\([^()\n]{{0,300}}\)|{PRODUCT}|like Gecko|Gecko|Mobile|Safari))*"
MOZILLA = re.compile(rf"(?<!\w)Mozilla/\d\.\d{{1,2}}(?!\d)(?: \[\w{{2}}\])?{AGENT_REST}")
MAX_AGENT = 512  # characters
# Any other agent only where quotes or the name of the header set it off.
AGENT = re.compile(
    rf"(?<![^\"'`\u201c\u2018\s])[A-Za-z][\w.-]{{1,30}}/\d{{1,4}}\.\d[\w.]{{0,20}}{AGENT_REST}"
)
HEADER = re.compile(r"user-agent['\"]?\s?[:=]\s?['\"]?$", re.IGNORECASE)


def agents(plain: Refanged, lo: int, hi: int) -> Iterator[Hit]:
    """User agents: the `Mozilla/` kind anywhere, others in quotes or behind `User-Agent:`. May pass `hi`."""
    text = plain.text
    first = MOZILLA.search(text, lo, hi)
    if first:
        full = MOZILLA.match(text, first.start(), reach(text, hi, first.start() + MAX_AGENT))
        yield Hit(first.start(), trimmed(text, first.end(), (full or first).end()), "USER_AGENT")
        return
    first = AGENT.search(text, lo, hi)
    if first is None:
        return
    start = first.start()
    full = AGENT.match(text, start, reach(text, hi, start + MAX_AGENT))
    end = trimmed(text, first.start(), (full or first).end())
    closing = QUOTES.get(text[start - 1 : start]) if start else None
    if HEADER.search(text[max(0, start - 16) : start]) or (closing and text[end : end + 1] == closing):
        yield Hit(start, end, "USER_AGENT")
