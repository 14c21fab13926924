"""JSON lines with character spans, one document a line: {"text": ..., "spans": [{"start", "end", "label"}],
"meta"}.

`entities` [[start, end, label], ...] is read like `spans`. The text is kept as it is; the tokens are a
tokenizer's. Rules (names as in report.RULES): no-annotation, bad-record, bad-span, spaces-in-span, overlap
(the longest stays, of two equally long ones the first), misaligned (a span that does not begin and end with a
token has no label, and the tokens it touches are missing).
"""

import json
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple, cast

from ..errors import Errors
from ..labels import spans_to_tags
from .report import Report
from .sentence import Sentence
from .source import Source, read_lines

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span

Tokenizer = Callable[[str], "Doc"]


class CharSpan(NamedTuple):
    """An entity in characters: `start` is inside, `end` is not."""

    start: int
    end: int
    label: str


class SpanFault(NamedTuple):
    """What was repaired (a key of report.RULES) and the text to show."""

    kind: str
    text: str


def parse_spans(record: Dict[str, Any]) -> Tuple[List[CharSpan], List[SpanFault]]:
    """The spans of a record, without those that no text can have, and their faults."""
    text = record["text"]
    spans: List[CharSpan] = []
    faults: List[SpanFault] = []
    for item in record.get("spans") or record.get("entities") or []:
        span = _parse_span(item)
        if (
            span is None
            or not 0 <= span.start < span.end <= len(text)
            or not text[span.start : span.end].strip()
        ):
            faults.append(SpanFault("bad-span", json.dumps(item, ensure_ascii=False)))
            continue
        found = text[span.start : span.end]
        if found != found.strip():
            start = span.start + len(found) - len(found.lstrip())
            span = CharSpan(start, start + len(found.strip()), span.label)
            faults.append(SpanFault("spaces-in-span", found))
        spans.append(span)
    return spans, faults


def _parse_span(item: Any) -> Optional[CharSpan]:
    """A span given as a dict or a list; None if it is neither."""
    try:
        if isinstance(item, dict):
            start, end, label = item["start"], item["end"], item["label"]
        else:
            start, end, label = item
    except (KeyError, TypeError, ValueError):
        return None
    if type(start) is not int or type(end) is not int or not isinstance(label, str) or not label.strip():
        return None
    return CharSpan(start, end, label.strip())


def drop_overlaps(spans: Iterable[CharSpan]) -> Tuple[List[CharSpan], List[CharSpan]]:
    """Split spans into those that stay, none of them overlapping, and the rest: the longest first, then the
    leftmost, stays. Both in the order of the text."""
    ordered = sorted(spans, key=lambda span: (span.start - span.end, span.start))
    taken = bytearray(max((span.end for span in ordered), default=0))
    kept: List[CharSpan] = []
    dropped: List[CharSpan] = []
    for span in ordered:
        if any(taken[span.start : span.end]):
            dropped.append(span)
            continue
        kept.append(span)
        taken[span.start : span.end] = b"\x01" * (span.end - span.start)
    return sorted(kept), sorted(dropped)


def align(doc: "Doc", spans: Iterable[CharSpan]) -> Tuple[List[Optional[str]], List[CharSpan]]:
    """BIO tags of a document's tokens, and the spans that do not fit them.

    spans (Iterable[CharSpan]): Spans that do not overlap and are not empty.
    RETURNS (Tuple[List[Optional[str]], List[CharSpan]]): A tag for each token, None for those that a
        misaligned span touches, and the misaligned spans.
    """
    fitting: List[Tuple[int, int, str]] = []
    missing: List["Span"] = []
    misaligned: List[CharSpan] = []
    for span in spans:
        exact = doc.char_span(span.start, span.end)
        if exact is not None:
            fitting.append((exact.start, exact.end, span.label))
        else:
            misaligned.append(span)
            missing.append(cast("Span", doc.char_span(span.start, span.end, alignment_mode="expand")))
    tags: List[Optional[str]] = [*spans_to_tags(fitting, len(doc))]
    for wide in missing:  # never part of a fitting entity: then the two would overlap in the text
        tags[wide.start : wide.end] = [None] * len(wide)
    return tags, misaligned


def read_jsonl(source: Source, *, report: Report, tokenizer: Optional[Tokenizer] = None) -> List[Sentence]:
    """Read the documents of a JSONL file, each as one Sentence with its spaces.

    tokenizer (Optional[Tokenizer]): Blank English's if None.
    RAISES (ValueError): S229 if no line holds a document, S221 if the report is strict.
    """
    if tokenizer is None:
        import spacy

        tokenizer = spacy.blank("en").tokenizer
    documents: List[Sentence] = []
    for number, line in enumerate(read_lines(source, report), start=1):
        if not line.strip():
            continue
        record = _parse_record(line)
        doc = tokenizer(record["text"]) if record else None
        if record is None or not doc:
            report.add("bad-record", source.path, number, line)
            continue
        tags = _label_doc(doc, record, source.path, number, report)
        words, spaces = tuple(t.text for t in doc), tuple(bool(t.whitespace_) for t in doc)
        meta = record["meta"] if isinstance(record.get("meta"), dict) else None
        documents.append(Sentence(words, tuple(tags), source.path, (number,) * len(words), spaces, meta))
    if not documents:
        raise ValueError(Errors.S229.format(path=source.path))
    return documents


def _parse_record(line: str) -> Optional[Dict[str, Any]]:
    """The JSON object of a line; None if it is none or has no text or no list of spans."""
    try:
        record = json.loads(line)
        if "\\ud" in line.lower():  # half a surrogate pair can be neither hashed nor written
            json.dumps(record, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        return None
    lists = [record[key] for key in ("spans", "entities") if record.get(key) is not None]
    return record if all(isinstance(found, list) for found in lists) else None


def _label_doc(
    doc: "Doc", record: Dict[str, Any], path: str, number: int, report: Report
) -> List[Optional[str]]:
    """BIO tags of a document, its faults in the report."""
    if record.get("spans") is None and record.get("entities") is None:
        report.add("no-annotation", path, number, doc.text[:80])
        return [None] * len(doc)
    spans, faults = parse_spans(record)
    spans, overlapping = drop_overlaps(spans)
    tags, misaligned = align(doc, spans)
    faults += [SpanFault("overlap", doc.text[span.start : span.end]) for span in overlapping]
    faults += [SpanFault("misaligned", doc.text[span.start : span.end]) for span in misaligned]
    for kind, text in faults:
        report.add(kind, path, number, text)
    return tags
