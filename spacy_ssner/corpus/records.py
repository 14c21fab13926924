"""JSON lines with character spans, one document a line: {"text": ..., "spans": [{"start", "end", "label"}],
"meta"}.

`entities` [[start, end, label], ...] is read like `spans`, and so are doccano's `label` and `labels`, and its
`start_offset` and `end_offset`; `missing` [[start, end], ...] are stretches without annotation. An `answer` other than
"accept" is Prodigy's for spans that are wrong or were passed over; tool_records.py has what other tools write. Rules
(names as in report.RULES): no-annotation, bad-span, spaces-in-span, overlap (the longest stays, of two equally long
ones the first).
"""

import json
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

from .report import Report
from .tool_records import OTHERS, plain_record


class CharSpan(NamedTuple):
    """An entity in characters: `start` is inside, `end` is not."""

    start: int
    end: int
    label: str


@dataclass(frozen=True)
class TextRecord:
    """A text with character spans, before it is cut into tokens.

    spans (Optional[Tuple[CharSpan, ...]]): The entities, not empty and without overlap; None if nobody looked
        for any.
    missing (Tuple[Tuple[int, int], ...]): Stretches without annotation, (start, end) in characters.
    path (str): The file it comes from, for messages.
    lines (Tuple[Tuple[int, int], ...]): (offset, line): from this character on the text stood on this line of
        the file. The first offset is 0.
    meta (Optional[Dict[str, Any]]): The "meta" of a JSONL record.
    """

    text: str
    spans: Optional[Tuple[CharSpan, ...]]
    path: str
    lines: Tuple[Tuple[int, int], ...]
    missing: Tuple[Tuple[int, int], ...] = ()
    meta: Optional[Dict[str, Any]] = None

    def line_of(self, offset: int) -> int:
        """The line of the file on which a character stood."""
        return self.lines[bisect_right(self.lines, offset, key=lambda place: place[0]) - 1][1]


class SpanFault(NamedTuple):
    """What was repaired (a key of report.RULES) and the text to show."""

    kind: str
    text: str


def parse_record(line: str, path: str, number: int, *, report: Report) -> Optional[TextRecord]:
    """The record of a line, its faults in the report; None if it is none."""
    record = _parse_json(line)
    if record is None or not record["text"]:
        return None
    text = record["text"]
    meta = record["meta"] if isinstance(record.get("meta"), dict) else None
    place = ((0, number),)
    if record.get(OTHERS, 0) > 0:
        report.add("other-annotations", path, number, text[:80])
    items = find_spans(record)
    if items is None:
        report.add("no-annotation", path, number, text[:80])
        return TextRecord(text, None, path, place, meta=meta)
    spans, faults = parse_spans(text, items)
    spans, overlapping = drop_overlaps(spans)
    faults += [SpanFault("overlap", text[span.start : span.end]) for span in overlapping]
    for kind, found in faults:
        report.add(kind, path, number, found)
    return TextRecord(text, tuple(spans), path, place, parse_missing(record), meta)


def parse_missing(record: Dict[str, Any]) -> Tuple[Tuple[int, int], ...]:
    """The stretches without annotation of a record: its "missing", [[start, end], ...]."""
    found = record.get("missing")
    pairs = [tuple(pair) for pair in found if isinstance(pair, list)] if isinstance(found, list) else []
    n = len(record["text"])
    whole = [pair for pair in pairs if len(pair) == 2 and all(type(place) is int for place in pair)]
    return tuple((start, end) for start, end in whole if 0 <= start < end <= n)


def write_record(record: TextRecord) -> str:
    """The JSON line of a record: {"text", "spans", "meta"}, and "missing" if there is any."""
    data: Dict[str, Any] = {"text": record.text}
    if record.spans is not None:
        data["spans"] = [{"start": s.start, "end": s.end, "label": s.label} for s in record.spans]
    if record.missing:
        data["missing"] = [list(pair) for pair in record.missing]
    if record.meta is not None:
        data["meta"] = record.meta
    return json.dumps(data, ensure_ascii=False)


def _parse_json(line: str) -> Optional[Dict[str, Any]]:
    """The JSON object of a line; None if it is none or has no text or no list of spans."""
    try:
        record = plain_record(json.loads(line))
        if "\\ud" in line.lower():  # half a surrogate pair can be neither hashed nor written
            json.dumps(record, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        return None
    lists = [record[key] for key in ("spans", "entities") if record.get(key) is not None]
    return record if all(isinstance(found, list) for found in lists) else None


def find_spans(record: Dict[str, Any]) -> Optional[Any]:
    """The spans of a record as they stand there: its "spans", else "entities", else doccano's lists, the first that is
    not empty. None if it has none of these, or was not accepted: nobody has annotated it."""
    doccano = [record[key] for key in ("label", "labels") if _is_doccano(record.get(key))]
    found = [record[key] for key in ("spans", "entities") if record.get(key) is not None] + doccano
    if not found or record.get("answer", "accept") != "accept":
        return None
    return next(filter(None, found), [])


def _is_doccano(value: Any) -> bool:
    """Whether this is a list of [start, end, label]; classifiers write strings under the same name."""
    return isinstance(value, list) and all(isinstance(item, list) for item in value)


def parse_spans(text: str, items: Iterable[Any]) -> Tuple[List[CharSpan], List[SpanFault]]:
    """Spans as find_spans gives them, without those that no text can have, and their faults."""
    spans: List[CharSpan] = []
    faults: List[SpanFault] = []
    for item in items:
        span = parse_span(item)
        trimmed = None if span is None else trim_span(text, span)
        if span is None or trimmed is None:
            faults.append(SpanFault("bad-span", json.dumps(item, ensure_ascii=False)))
            continue
        if trimmed != span:
            faults.append(SpanFault("spaces-in-span", text[span.start : span.end]))
        spans.append(trimmed)
    return spans, faults


def trim_span(text: str, span: CharSpan) -> Optional[CharSpan]:
    """A span without white space at its edges; None if no text can have it, or it holds nothing else."""
    start, end, label = span
    inside = text[start:end] if 0 <= start < end <= len(text) else ""
    if not inside.strip():
        return None
    start += len(inside) - len(inside.lstrip())
    return CharSpan(start, start + len(inside.strip()), label)


def parse_span(item: Any) -> Optional[CharSpan]:
    """A span given as a dict or a list; None if it is neither."""
    try:
        if isinstance(item, dict):
            begin, finish = ("start", "end") if "start" in item else ("start_offset", "end_offset")
            start, end, label = item[begin], item[finish], item["label"]
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
