"""Whether annotated spans fit a text and its tokens, and which of them look wrong."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Iterable, List, Optional, Sequence, Tuple

from ..corpus.records import CharSpan, drop_overlaps, trim_span
from ..labels import TagSpan

BRACKETS = {"(": ")", "[": "]", "{": "}", "<": ">"}
QUOTES = "\"'`“”‘’„«»"
ABBREVIATION = re.compile(r"\b\w\.(\w\.)+$")  # U.S.
EDGES_LEFT = frozenset(",;:!?)]}>" + QUOTES + "".join(BRACKETS))  # no dot: .NET, .docx
EDGES_RIGHT = frozenset(".,;:!?…" + QUOTES + "".join(BRACKETS) + "".join(BRACKETS.values()))


@dataclass(frozen=True)
class SpanProblem:
    """An annotated span that training cannot use, or that looks wrong.

    path, line: File and line (JSONL) or document (.spacy), from 1.
    kind (str): "misaligned", "out of range", "overlap" (unusable), "whitespace edge" or "punctuation edge".
    start, end: Character offsets in the text; of .spacy files without known spaces, in words joined by " ".
    proposal (Optional[Tuple[int, int, str]]): Nearest token boundaries, or those without white space, and the text
        between them.
    """

    path: str
    line: int
    kind: str
    start: int
    end: int
    label: str
    text: str
    proposal: Optional[Tuple[int, int, str]] = None


def check_spans(
    text: str, spans: Iterable[TagSpan], tokens: Sequence[Tuple[int, int]], *, path: str, line: int
) -> Tuple[List[TagSpan], List[SpanProblem]]:
    """Bring character spans to tokens.

    text (str): The document. tokens: (start, end) of each token in characters, in order.
    spans (Iterable[TagSpan]): Entities in characters.
    RETURNS: The usable entities in tokens, and a problem for each of the others and for odd edges. As `convert` reads
        them: white space around an entity is cut off, and of two that overlap the longer one stays.
    """
    starts = {start: i for i, (start, _) in enumerate(tokens)}
    ends = {end: i + 1 for i, (_, end) in enumerate(tokens)}
    good: List[TagSpan] = []
    problems: List[SpanProblem] = []
    spans = sorted(spans)
    trimmed = [trim_span(text, CharSpan(*span)) for span in spans]
    free = Counter(drop_overlaps(span for span in trimmed if span is not None)[0])
    for (start, end, label), inner in zip(spans, trimmed):
        surface = text[start:end] if 0 <= start < end <= len(text) else ""
        kind, proposal = "", None
        if inner is None:
            kind = "out of range"
        elif not free[inner]:
            kind = "overlap"
        elif inner.start not in starts or inner.end not in ends:
            kind, proposal = "misaligned", nearest_boundaries(text, *inner[:2], tokens)
        else:
            free[inner] -= 1
            good.append(TagSpan(starts[inner.start], ends[inner.end], label))
        for found in filter(None, (kind, edge_problem(surface))):
            hint = proposal if found == "misaligned" else None
            if found == "whitespace edge" and inner is not None:
                hint = (inner.start, inner.end, text[inner.start : inner.end])
            problems.append(SpanProblem(path, line, found, start, end, label, surface, hint))
    return good, problems


def nearest_boundaries(
    text: str, start: int, end: int, tokens: Sequence[Tuple[int, int]]
) -> Optional[Tuple[int, int, str]]:
    """The token start nearest to `start` and the token end nearest to `end`; None without words."""
    words = [(s, e) for s, e in tokens if not text[s:e].isspace()]
    if not words:
        return None
    new_start = min((s for s, _ in words), key=lambda s: (abs(s - start), s))
    new_end = min((e for _, e in words if e > new_start), key=lambda e: (abs(e - end), -e))
    return new_start, new_end, text[new_start:new_end]


def edge_problem(surface: str) -> Optional[str]:
    """Whether an entity begins or ends with what is rarely part of a name; brackets in pairs are fine."""
    if not surface:
        return None
    if surface[0].isspace() or surface[-1].isspace():
        return "whitespace edge"
    opened = {close: open_ for open_, close in BRACKETS.items()}
    left, right = surface[0], surface[-1]
    odd_left = left in EDGES_LEFT and BRACKETS.get(left, "\0") not in surface
    odd_right = right in EDGES_RIGHT and opened.get(right, "\0") not in surface
    odd_right = odd_right and not ABBREVIATION.search(surface)
    return "punctuation edge" if odd_left or odd_right else None
