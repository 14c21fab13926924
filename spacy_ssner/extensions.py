"""`Span._.ssner_score` and `Doc._.ssner_report`, and the span groups in which scores stand too."""

from bisect import bisect_left
from contextlib import suppress
from typing import Any, Dict, Mapping, Optional, Tuple, Union, cast

import numpy as np
from spacy.tokens import Doc, Span, SpanGroup

from .types import DocReport

WRITTEN_BY = "component"  # attribute of a span group: whose it is
REPORT = "ssner_report"
SCORE = "ssner_score"
# Keys of user_data where spaCy keeps values of extensions: (EXTENSION, name, start, end) in characters, of docs None.
EXTENSION = "._."
REPORT_KEY = (EXTENSION, REPORT, None, None)
Place = Tuple[int, int, str]


def register_extensions() -> None:
    """`Span._.ssner_score`: the probability of an entity, None for a span that `ssner` neither predicted nor listed.
    `Doc._.ssner_report`: how much of a doc was read (types.DocReport), None if `ssner` did not see it."""
    if not Span.has_extension(SCORE):
        Span.set_extension(SCORE, getter=span_score, setter=set_span_score)
    if not Doc.has_extension(REPORT):
        Doc.set_extension(REPORT, getter=doc_report, setter=set_doc_report)


def span_score(span: Span) -> Optional[float]:
    """The probability that `annotate` gave a span of these characters and this label.

    A doc that came without its user data (a DocBin leaves it out by default) still has that of its span groups.
    """
    scores = _user_data(span.doc).get(extension_key(span, SCORE))
    return _score_in_groups(span) if scores is None else scores.get(span.label_)


def set_span_score(span: Span, score: Union[None, float, Mapping[str, float]]) -> None:
    """Put the score of a span in place, None for none; or those of its characters by label, as `Doc.from_json` does
    with `doc.to_json(underscore=["ssner_score"])`."""
    scores = _user_data(span.doc).setdefault(extension_key(span, SCORE), {})
    own = score if isinstance(score, Mapping) else {span.label_: None if score is None else float(score)}
    scores.update(own)


def _score_in_groups(span: Span) -> Optional[float]:
    """Compares characters: spaCy leaves the tokens of span groups as they were when others merge or split them."""
    for group in span.doc.spans.values():
        scores = group.attrs.get("scores")
        if group.attrs.get(WRITTEN_BY) != "ssner" or scores is None:
            continue
        try:
            # Its spans are in the order of their starts: a long report has thousands of them.
            first = bisect_left(range(len(group)), span.start_char, key=lambda i: group[i].start_char)
            for i in range(first, len(group)):
                other = group[i]
                if other.start_char != span.start_char:
                    break
                if (other.end_char, other.label_) == (span.end_char, span.label_) and not np.isnan(scores[i]):
                    return float(scores[i])
        except IndexError:  # a span behind the last token, after a merge
            continue
    return None


def _user_data(doc: Doc) -> Dict[Any, Any]:
    return cast(Dict[Any, Any], doc.user_data)  # spaCy's types know string keys only


def forget_scores(doc: Doc) -> None:
    """Delete the scores of all spans of a doc, but for those that stand in span groups."""
    scores = (EXTENSION, SCORE)
    for key in [key for key in _user_data(doc) if isinstance(key, tuple) and key[:2] == scores]:
        del _user_data(doc)[key]


def place_of(span: Span) -> Place:
    """Where a span was when it was made: first character, end, label. Its group keeps that when tokens are merged."""
    return span.start_char, span.end_char, span.label_


def spans_by_place(group: SpanGroup) -> Dict[Place, Span]:
    """The spans of a group by their places when it was written.

    spaCy leaves their tokens as they were when others are merged or split; those that would lie behind the last token
    of the doc are left out.
    """
    found: Dict[Place, Span] = {}
    for i in range(len(group)):
        with suppress(IndexError):
            span = group[i]
            found[place_of(span)] = span
    return found


def extension_key(span: Span, name: str) -> Tuple[str, str, int, int]:
    """Where spaCy keeps the value of a span extension: its key in `doc.user_data`."""
    return EXTENSION, name, span.start_char, span.end_char


def doc_report(doc: Doc) -> Optional[DocReport]:
    """What `annotate` wrote about a doc. Of several `ssner` in a pipeline, the last one's report stays: each knows only
    what it read itself, and `on_truncation` of each goes by its own."""
    values = _user_data(doc).get(REPORT_KEY)
    return None if values is None else DocReport(**values)


def set_doc_report(doc: Doc, report: Optional[Mapping[str, Optional[int]]]) -> None:
    """Put a report in place, also one that comes back as a plain dict: `Doc.from_json` sets it so.

    It is kept as a plain dict, with which docs can go to files and other processes.
    """
    _user_data(doc)[REPORT_KEY] = None if report is None else dict(DocReport(**report))  # type: ignore[arg-type]
