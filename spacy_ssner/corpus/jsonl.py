"""Texts with character spans, cut into tokens by a tokenizer; and the JSONL files that hold such texts.

The text is kept as it is. Rules (names as in report.RULES) beside those of records.py: bad-record, misaligned (a
span that does not begin and end with a token has no label, and the tokens it touches are missing).
"""

from typing import TYPE_CHECKING, Callable, Iterable, List, Optional, Sequence, Tuple

from ..errors import Errors
from ..labels import OUTSIDE, spans_to_tags
from .records import CharSpan, TextRecord, parse_record
from .report import Report
from .sentence import Sentence
from .source import Source, read_lines
from .tool_records import split_records

if TYPE_CHECKING:
    from spacy.tokens import Doc

Tokenizer = Callable[[str], "Doc"]


def make_tokenizer() -> Tokenizer:
    """The tokenizer `spacy-ssner.CTITokenizer.v1` on blank English, as the configs of the project use it."""
    from ..text.tokenizer import blank_english

    return blank_english().tokenizer


def align(
    doc: "Doc", spans: Iterable[CharSpan], missing: Iterable[Tuple[int, int]] = ()
) -> Tuple[List[Optional[str]], List[CharSpan]]:
    """BIO tags of a document's tokens, and the spans that do not fit them.

    spans (Iterable[CharSpan]): Spans that do not overlap and are not empty.
    missing (Iterable[Tuple[int, int]]): Stretches without annotation, (start, end) in characters.
    RETURNS (Tuple[List[Optional[str]], List[CharSpan]]): A tag for each token, None for those that a
        misaligned span or a stretch without annotation touches, and the misaligned spans.
    """
    fitting: List[Tuple[int, int, str]] = []
    unknown = list(missing)
    misaligned: List[CharSpan] = []
    for span in spans:
        exact = doc.char_span(span.start, span.end)
        if exact is not None:
            fitting.append((exact.start, exact.end, span.label))
        else:
            misaligned.append(span)
            unknown.append((span.start, span.end))
    tags: List[Optional[str]] = [*spans_to_tags(fitting, len(doc))]
    for start, end in unknown:
        wide = doc.char_span(start, end, alignment_mode="expand")
        for i in range(wide.start, wide.end) if wide is not None else ():
            if tags[i] == OUTSIDE:  # a token of a fitting entity has a label, whatever else touches it
                tags[i] = None
    return tags, misaligned


def label_record(record: TextRecord, tokenizer: Tokenizer, *, report: Report) -> Optional[Sentence]:
    """A text cut into tokens, with their labels. Spans that do not fit go to the report.

    RETURNS (Optional[Sentence]): None if the text has no tokens.
    """
    doc = tokenizer(record.text)
    if not doc:
        return None
    tags: List[Optional[str]] = [None] * len(doc)
    if record.spans is not None:
        tags, misaligned = align(doc, record.spans, record.missing)
        for span in misaligned:
            report.add("misaligned", record.path, record.line_of(span.start), doc.text[span.start : span.end])
    words, spaces = tuple(t.text for t in doc), tuple(bool(t.whitespace_) for t in doc)
    lines = tuple(record.line_of(token.idx) for token in doc)
    return Sentence(words, tuple(tags), record.path, lines, spaces, record.meta)


def label_records(
    records: Sequence[TextRecord], tokenizer: Optional[Tokenizer], *, report: Report
) -> List[Sentence]:
    """label_record of each; make_tokenizer's if the tokenizer is None."""
    cut = tokenizer or make_tokenizer()
    labelled = (label_record(record, cut, report=report) for record in records)
    return [document for document in labelled if document is not None]


def read_jsonl(source: Source, *, report: Report, tokenizer: Optional[Tokenizer] = None) -> List[Sentence]:
    """Read the documents of a JSONL file, or of a list in a JSON file, each as one Sentence with its spaces.

    tokenizer (Optional[Tokenizer]): Blank English's with one token for each indicator if None.
    RAISES (ValueError): S229 if no line holds a document, S221 if the report is strict.
    """
    tokenizer = tokenizer or make_tokenizer()
    documents: List[Sentence] = []
    for number, line in split_records(read_lines(source, report)):
        record = parse_record(line, source.path, number, report=report)
        document = label_record(record, tokenizer, report=report) if record else None
        if document is None:
            report.add("bad-record", source.path, number, line)
        else:
            documents.append(document)
    if not documents:
        raise ValueError(Errors.S229.format(path=source.path))
    return documents
