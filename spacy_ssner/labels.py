"""Labels (HackOrg), tags (B-HackOrg) and the rules between them. Pure functions, no spaCy."""

from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from .errors import Errors

OUTSIDE = "O"


class TagSpan(NamedTuple):
    """An entity in tokens: `start` is inside, `end` is not."""

    start: int
    end: int
    label: str


def check_label(label: Any) -> None:
    """RAISES (ValueError): S108 for what is no string, or one that is empty or has white space around it."""
    if not isinstance(label, str) or not label or label.strip() != label:
        raise ValueError(Errors.S108.format(got=label))


def tag_names(labels: Sequence[str]) -> Tuple[str, ...]:
    """BIO tags of some labels, in the order of the network's outputs: O, B-1, I-1, B-2, I-2, ...

    A label added later gets the next two tags, so the earlier ones keep their places.
    """
    tags = [OUTSIDE]
    for label in labels:
        tags += [f"B-{label}", f"I-{label}"]
    return tuple(tags)


def legal_transitions(n_labels: int) -> np.ndarray:
    """Which tag may follow which: (K + 2, K) bool, K = 2 * n_labels + 1; rows are earlier tags, then start and end.

    I-x may only follow B-x or I-x and never begins a sentence; every tag may end one.

    SOURCE: SSNER (Symmetry 2025, 17, 783), section 3.1: the BIO scheme.
    """
    n_tags = 2 * n_labels + 1
    inside = np.arange(2, n_tags, 2)
    legal = np.ones((n_tags + 2, n_tags), dtype=bool)
    legal[: n_tags + 1, inside] = False
    legal[inside, inside] = True
    legal[inside - 1, inside] = True
    return legal


def tags_to_spans(tags: Sequence[str]) -> List[TagSpan]:
    """Entities of a BIO sequence; an I- after O or after another type opens a span (as conlleval does)."""
    spans: List[TagSpan] = []
    start, label = 0, ""
    for i, tag in enumerate([*tags, OUTSIDE]):
        prefix, _, name = tag.partition("-")
        if label and (prefix != "I" or name != label):
            spans.append(TagSpan(start, i, label))
            label = ""
        if prefix in ("B", "I") and not label:
            start, label = i, name
    return spans


def spans_to_tags(spans: Sequence[Tuple[int, int, str]], n_tokens: int) -> List[str]:
    """BIO tags of non-overlapping entities given as (start, end, label) in tokens."""
    tags = [OUTSIDE] * n_tokens
    for start, end, label in spans:
        tags[start:end] = [f"B-{label}"] + [f"I-{label}"] * (end - start - 1)
    return tags


def biluo_to_bio(tags: Sequence[Optional[str]]) -> List[Optional[str]]:
    """Turn spaCy's BILUO tags into BIO; None and '-' (not annotated) become None."""
    prefixes = {"B": "B", "U": "B", "I": "I", "L": "I"}
    result: List[Optional[str]] = []
    for tag in tags:
        if tag is None or tag == "-":
            result.append(None)
        elif tag == OUTSIDE:
            result.append(OUTSIDE)
        else:
            result.append(f"{prefixes[tag[0]]}{tag[1:]}")
    return result
