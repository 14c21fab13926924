"""Read .spacy and JSONL files for the checks: files in, `CheckedDoc`s out."""

from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, List, Sequence, Tuple

from ..corpus.jsonl import align
from ..corpus.records import find_spans, parse_missing, parse_span
from ..errors import Errors
from ..labels import TagSpan
from ..text.characters import decode_text
from ..text.docbins import load_docbin
from ..text.json_lines import parse_text
from .data_checks import CheckedDoc, CheckedSentence
from .metrics import doc_entities, missing_tokens
from .span_checks import SpanProblem, check_spans, edge_problem

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc
    from spacy.vocab import Vocab


def read_text(path: Path) -> str:
    """Read a text file as `decode_text` does.

    RAISES (ValueError): S280 if it cannot be read. WARNS: SW270 if it is not valid UTF-8.
    """
    try:
        return decode_text(path.read_bytes(), name=str(path))
    except OSError as error:
        raise ValueError(Errors.S280.format(path=path, reason=error.strerror)) from error


def find_docbins(path: Path) -> List[Path]:
    """The .spacy files at a path (a file, or a folder as in spaCy's Corpus).

    RAISES (ValueError): S273 if there are none.
    """
    from spacy.training.corpus import FILE_TYPE, walk_corpus

    if path.is_file() and path.suffix.lower() == FILE_TYPE:
        return [path]
    if path.is_dir() and any(path.rglob("*" + FILE_TYPE)):
        return walk_corpus(path, FILE_TYPE)
    got = "there is none" if path.exists() else "there is nothing"
    raise ValueError(Errors.S273.format(expected="a .spacy file or a folder of them", path=path, got=got))


def load_docs(path: Path, vocab: "Vocab") -> Iterator["Doc"]:
    """The docs of a .spacy file or a folder of them.

    RAISES (ValueError): S273 if there is none, S235 if one is damaged.
    """
    return (doc for file in find_docbins(path) for doc in load_docbin(file, vocab))


def is_jsonl(path: Path) -> bool:
    """Whether a path names a JSONL file, which holds texts and no tokens."""
    return path.suffix.lower() == ".jsonl" and path.is_file()


def read_split(path: Path, nlp: "Language") -> List[CheckedDoc]:
    """Read a .spacy file, a folder of them, or a JSONL file with character spans.

    nlp (Language): Its tokenizer cuts the texts; its components are not run.
    RAISES (ValueError): S235, S273, S274 or S280 if a file cannot be read, S272 if there is no document with tokens.
    WARNS: SW270 as `read_text`.
    """
    if is_jsonl(path):
        docs = list(read_jsonl(path, nlp))
    else:
        docs = [doc for loc in find_docbins(path) for doc in read_docbin(loc, nlp)]
    if not any(doc.n_tokens for doc in docs):
        raise ValueError(Errors.S272.format(path=path))
    return docs


def read_docbin(path: Path, nlp: "Language") -> Iterator[CheckedDoc]:
    """Read annotated docs; where the text is known, see whether the tokenizer keeps their entities.

    RAISES (ValueError): S235 if the file is truncated or of another kind.
    """
    for number, doc in enumerate(load_docbin(path, nlp.vocab), start=1):
        if doc.has_unknown_spaces:
            problems = _edges(doc, path=str(path), line=number)
        else:
            spans = [TagSpan(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]
            offsets = token_offsets(make_doc(nlp, doc.text))
            _, problems = check_spans(doc.text, spans, offsets, path=str(path), line=number)
        yield CheckedDoc(
            sentences=tuple(_sentences(doc, doc_entities(doc), f"{path}:{number}")),
            n_tokens=len(doc),
            n_missing=len(missing_tokens(doc)),
            problems=tuple(problems),
        )


def read_jsonl(path: Path, nlp: "Language") -> Iterator[CheckedDoc]:
    """Read texts with character spans, one a line; see corpus.records.find_spans.

    RAISES (ValueError): S274 for a line that is no such record, S280 if the file cannot be read.
    WARNS: SW270 as `read_text`.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        text, spans, missing = _parse_record(line, path, number)
        doc = make_doc(nlp, text)
        good, problems = check_spans(text, spans, token_offsets(doc), path=str(path), line=number)
        yield CheckedDoc(
            sentences=tuple(_sentences(doc, good, f"{path}:{number}")),
            n_tokens=len(doc),
            n_missing=align(doc, (), missing)[0].count(None),
            problems=tuple(problems),
        )


def make_doc(nlp: "Language", text: str) -> "Doc":
    """A text in the tokens of a pipeline, however long it is: who annotated it meant it so."""
    nlp.max_length = max(nlp.max_length, len(text))
    return nlp.make_doc(text)


def token_offsets(doc: "Doc") -> List[Tuple[int, int]]:
    """Where each token starts and ends, in characters."""
    return [(token.idx, token.idx + len(token)) for token in doc]


def _parse_record(line: str, path: Path, number: int) -> Tuple[str, List[TagSpan], Sequence[Tuple[int, int]]]:
    """Text, spans, and the stretches without annotation: all of a text that nobody has annotated."""
    try:
        record = parse_text(line)
        found = find_spans(record)
        spans = [_parse_span(span) for span in found or ()]
    except (ValueError, TypeError) as error:
        raise ValueError(Errors.S274.format(path=path, line=number, got=error)) from error
    if found is None:
        return record["text"], spans, [(0, len(record["text"]))]
    return record["text"], spans, parse_missing(record)


def _parse_span(item: Any) -> TagSpan:
    span = parse_span(item)
    if span is None:
        raise TypeError(f"this span lacks start, end or label: {item!r}")
    return TagSpan(*span)


def _edges(doc: "Doc", *, path: str, line: int) -> List[SpanProblem]:
    """Odd edges of entities whose spacing is unknown; offsets count words joined by one space."""
    words = [token.text for token in doc]
    offsets = [0, *accumulate(len(word) + 1 for word in words)]
    problems = []
    for start, end, label in doc_entities(doc):
        surface, at = " ".join(words[start:end]), offsets[start]
        kind = edge_problem(surface)
        if kind:
            problems.append(SpanProblem(path, line, kind, at, at + len(surface), label, surface))
    return problems


def _sentences(doc: "Doc", spans: Sequence[TagSpan], place: str) -> Iterator[CheckedSentence]:
    """Cut a doc into sentences, never inside an entity."""
    inside = {i for start, end, _ in spans for i in range(start + 1, end)}
    bounds = sorted(set(doc_starts(doc)) - inside) + [len(doc)]
    words = tuple(token.text for token in doc)
    inner: List[List[TagSpan]] = [[] for _ in bounds]
    for s, e, label in spans:
        number = bisect_right(bounds, s) - 1
        inner[number].append(TagSpan(s - bounds[number], e - bounds[number], label))
    for start, end, found in zip(bounds, bounds[1:], inner):
        yield CheckedSentence(words[start:end], tuple(found), place)


def doc_starts(doc: "Doc") -> Tuple[int, ...]:
    """First token of each sentence, that of the doc among them: its own; else, if the text is known, by spaCy's
    punctuation rule and empty lines.

    Tokens of unknown spacing without boundaries are one sentence, as CoNLL files give them.
    """
    found = {0}
    if doc.has_annotation("SENT_START"):
        found.update(token.i for token in doc if token.is_sent_start)
    elif not doc.has_unknown_spaces:
        from spacy.pipeline import Sentencizer

        found.update(i for i, is_start in enumerate(Sentencizer().predict([doc])[0]) if is_start)
        found.update(token.i + 1 for token in doc[:-1] if token.text.count("\n") > 1)
    return tuple(sorted(found))
