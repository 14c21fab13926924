"""A labelled sentence between reading and writing. Pure data, no spaCy."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Optional, Tuple

from ..labels import OUTSIDE, TagSpan, tags_to_spans

_NOT_KEPT = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Sentence:
    """One sentence of a CoNLL file, or one document of a JSONL file.

    words (Tuple[str, ...]): The tokens, at least one.
    tags (Tuple[Optional[str], ...]): A valid BIO tag for each token, None where the label is missing.
    path (str): The file it comes from, as given, for messages.
    lines (Tuple[int, ...]): The line of each token, from 1.
    spaces (Optional[Tuple[bool, ...]]): Whether a space follows each token; None where that is unknown.
    meta (Optional[Dict[str, Any]]): The "meta" of a JSONL record.
    """

    words: Tuple[str, ...]
    tags: Tuple[Optional[str], ...]
    path: str
    lines: Tuple[int, ...]
    spaces: Optional[Tuple[bool, ...]] = None
    meta: Optional[Dict[str, Any]] = None

    @property
    def line(self) -> int:
        """The line of the first token."""
        return self.lines[0]

    @property
    def is_document(self) -> bool:
        """Whether it is a natural text, which may hold several sentences."""
        return self.spaces is not None

    @property
    def mentions(self) -> List[TagSpan]:
        """The entities, in tokens."""
        return tags_to_spans([tag or OUTSIDE for tag in self.tags])

    def piece(self, start: int, end: int) -> "Sentence":
        """The tokens from start up to but not including end, as a sentence."""
        cut = slice(start, end)
        spaces = None if self.spaces is None else self.spaces[cut]
        return Sentence(self.words[cut], self.tags[cut], self.path, self.lines[cut], spaces, self.meta)


def normal_form(words: Iterable[str]) -> str:
    """What two sentences must share to count as the same: lower-cased, only a-z and 0-9 kept; of other scripts, where
    that is less than half, all letters and digits."""
    text = "".join(words).lower()
    form = _NOT_KEPT.sub("", text)
    if text.isascii():
        return form
    every = "".join(filter(str.isalnum, text))
    return form if 2 * len(form) >= len(every) else every


def missing_spans(tags: Iterable[Optional[str]]) -> List[Tuple[int, int]]:
    """Runs of tokens without a label, as (start, end) in tokens, the end not included."""
    spans: List[Tuple[int, int]] = []
    for i, tag in enumerate(tags):
        if tag is not None:
            continue
        if spans and spans[-1][1] == i:
            spans[-1] = (spans[-1][0], i + 1)
        else:
            spans.append((i, i + 1))
    return spans


def count_labels(sentences: Iterable[Sentence]) -> Dict[str, int]:
    """Mentions of each type, the most frequent first."""
    counts = Counter(span.label for sentence in sentences for span in sentence.mentions)
    return dict(counts.most_common())
