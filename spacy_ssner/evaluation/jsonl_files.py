"""JSONL files with character spans as references to score against, exactly as they were annotated."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, List

from ..corpus.jsonl import align
from ..corpus.records import TextRecord, parse_record
from ..corpus.report import Report
from ..errors import Errors, Warnings
from ..labels import TagSpan
from .data_files import make_doc, read_text
from .metrics import GOLD_SPANS

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc


def read_references(path: Path, nlp: "Language") -> List["Doc"]:
    """The documents of a JSONL file in the tokens of a pipeline, with their entities in characters.

    doc.ents holds the entities that fit the tokens; doc.user_data[GOLD_SPANS] all of them, as
    metrics.char_entities reads them. Spans that no text can have, or that overlap a longer one, are left out.
    RAISES (ValueError): S280 if it cannot be read, S274 for a line that is no record, S272 without a document, S275
        without annotation.
    WARNS: SW273 for spans that are left out or trimmed, SW270 as `read_text`.
    """
    report = Report()
    records: List[TextRecord] = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        record = parse_record(line, str(path), number, report=report)
        if record is not None:
            records.append(record)
        elif line.strip():
            got = "it is none, or its text is empty"
            raise ValueError(Errors.S274.format(path=path, line=number, got=got))
    if not records:
        raise ValueError(Errors.S272.format(path=path))
    if all(record.spans is None for record in records):
        raise ValueError(Errors.S275.format(path=path, n_docs=len(records)))
    faults = [repair for repair in report.repairs if repair.kind != "no-annotation"]
    if faults:
        first = f"line {faults[0].line}: {faults[0].kind} {faults[0].text!r}"
        warnings.warn(Warnings.SW273.format(path=path, n=len(faults), first=first), stacklevel=2)
    return [make_reference(record, nlp) for record in records]


def make_reference(record: TextRecord, nlp: "Language") -> "Doc":
    """A text in the tokens of a pipeline, with its entities. An unannotated text is missing throughout."""
    doc = make_doc(nlp, record.text)
    spans = record.spans or ()
    unknown, _ = align(doc, (), record.missing if record.spans is not None else [(0, len(record.text))])
    found = (doc.char_span(span.start, span.end, label=span.label) for span in spans)
    fitting = [span for span in found if span is not None]
    inside = {i for span in fitting for i in range(span.start, span.end)}
    missing = [doc[i : i + 1] for i, tag in enumerate(unknown) if tag is None and i not in inside]
    doc.set_ents(fitting, missing=missing, default="outside")
    doc.user_data[GOLD_SPANS] = tuple(TagSpan(*span) for span in spans)
    return doc
