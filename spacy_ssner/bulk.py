"""Annotate many documents: one line of JSON for each, and totals.

What cannot be annotated is counted and named, and the rest goes on.
"""

import json
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
    cast,
)

from .annotations import REVIEW
from .errors import Errors
from .extensions import doc_report, span_score
from .ioc import VALUE
from .text.records import OnBad, Record

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Span

WRITTEN = ("source", "line", "text", "entities", "review", "report")  # fields of a document's line
COLUMNS = ("start", "end", "label", "text", "score", "value")  # fields of an entity
NAMED = 20  # of the files and lines that are left out; the others are only counted


def annotate_records(
    nlp: "Language",
    records: Iterable[Record],
    *,
    on_bad: OnBad,
    batch_size: Optional[int] = None,
    n_process: int = 1,
) -> Iterator[Tuple[Record, "Doc"]]:
    """Annotate in batches, in order.

    A batch in which a component fails is tried again doc by doc, so that only those are left out (`on_bad`) that fail.
    """
    waiting: Dict[int, Record] = {}

    def feed() -> Iterator[Tuple[str, int]]:
        for number, record in enumerate(records):
            waiting[number] = record
            yield record.text, number

    def again(numbers: List[int]) -> Iterator[Tuple[Record, "Doc"]]:
        for number in numbers:
            record = waiting.pop(number)
            doc = _annotate_one(nlp, record, on_bad)
            if doc is not None:
                yield record, doc

    with _error_handler(nlp, drop_batch):
        for doc, number in nlp.pipe(feed(), as_tuples=True, batch_size=batch_size, n_process=n_process):
            yield from again([earlier for earlier in waiting if earlier < number])
            yield waiting.pop(number), doc
        yield from again(list(waiting))


@contextmanager
def _error_handler(nlp: "Language", handler: Callable[..., Any]) -> Iterator[None]:
    """Give the pipeline and its components an error handler, and back what they had.

    Not by `nlp.set_error_handler`: spaCy 3.8 fails there on its parser and ner, which keep their errors to themselves.
    """
    usual = nlp.default_error_handler
    own: List[Tuple[Any, Any]] = []
    nlp.default_error_handler = cast(Any, handler)
    try:
        for _, pipe in nlp.pipeline:
            with suppress(AttributeError):
                before = cast(Any, pipe).get_error_handler()
                cast(Any, pipe).set_error_handler(handler)
                own.append((pipe, before))
        yield
    finally:
        nlp.default_error_handler = usual
        for pipe, before in own:
            pipe.set_error_handler(before)


def drop_batch(name: str, proc: Any, docs: Any, error: Exception) -> None:
    """An error handler for spaCy: go on without these docs."""


def _annotate_one(nlp: "Language", record: Record, on_bad: OnBad) -> Optional["Doc"]:
    from spacy.util import raise_error

    with _error_handler(nlp, raise_error):
        try:
            return nlp(record.text)
        except Exception as err:  # whatever it is, the other documents go on
            on_bad(record.name, f"{type(err).__name__}: {err}")
            return None


def to_json(
    record: Record, doc: "Doc", *, with_text: bool = True, with_report: bool = False
) -> Dict[str, Any]:
    """What is written of a document; offsets count characters of its text."""
    where = {"source": record.source, **({} if record.line is None else {"line": record.line})}
    result = {**where, **record.fields, **({"text": record.text} if with_text else {})}
    result["entities"] = [_span(ent, with_text) for ent in doc.ents]
    for_review = [group for group in doc.spans.values() if group.attrs.get(REVIEW)]
    if for_review:
        result["review"] = [_span(span, with_text) for group in for_review for span in group]
    if with_report:
        report = doc_report(doc)
        result["report"] = None if report is None else asdict(report)
    return result


def check_kept(names: Sequence[str], reserved: Sequence[str]) -> None:
    """RAISES (ValueError): S218 for fields to keep that have names of what is written anyway."""
    got = sorted(set(names) & set(reserved))
    if got:
        raise ValueError(Errors.S218.format(reserved=", ".join(reserved), got=", ".join(got)))


def to_rows(values: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    """A flat row for each entity of what `to_json` gives, with the fields of the document; what is a list or an object
    there is JSON."""
    fields = {name: value for name, value in values.items() if name not in (*WRITTEN[2:], "meta")}
    flat = {
        k: json.dumps(v, ensure_ascii=False) if isinstance(v, (dict, list)) else v for k, v in fields.items()
    }
    for entity in values["entities"]:
        yield {**flat, **entity}


def _span(span: "Span", with_text: bool) -> Dict[str, Any]:
    result: Dict[str, Any] = {"start": span.start_char, "end": span.end_char, "label": span.label_}
    if with_text:
        result["text"] = span.text
    score = span_score(span)
    if score is not None:
        result["score"] = round(score, 6)
    value = span._.get(VALUE) if span.has_extension(VALUE) else None
    return result if value is None else {**result, "value": value}


@dataclass
class Totals:
    """Counts over all documents; those of `report` are sums of DocReport, of the docs that have one."""

    documents: int = 0
    characters: int = 0
    unreadable: int = 0  # documents with U+FFFD, which stands for what could not be decoded
    annotated: bool = False  # whether doc.ents was set in any document, if only to nothing
    entities: Counter = field(default_factory=Counter)  # by label
    not_in_full: int = 0  # documents with losses
    report: Counter = field(default_factory=Counter)
    n_bad: int = 0  # files and lines that were left out
    bad: List[Tuple[str, str]] = field(default_factory=list)  # name and reason of the first ones

    def leave_out(self, name: str, reason: str) -> None:
        """Count something that could not be read or annotated."""
        self.n_bad += 1
        if len(self.bad) < NAMED:
            self.bad.append((name, reason))

    def add(self, record: Record, doc: "Doc") -> None:
        """Count a document."""
        self.documents += 1
        self.characters += len(record.text)
        self.unreadable += "\ufffd" in record.text
        self.annotated |= doc.has_annotation("ENT_IOB")
        self.entities.update(ent.label_ for ent in doc.ents)
        report = doc_report(doc)
        if report is not None:
            self.not_in_full += bool(report.losses)
            self.report.update({k: n for k, n in vars(report).items() if n is not None})
