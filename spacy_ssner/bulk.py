"""Annotate many documents: files, folders, JSON lines, standard input; one line of JSON for each, and totals.

What cannot be read or annotated is counted and named, and the rest goes on.
"""

import gzip
import json
import re
import sys
import zlib
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
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

from .annotations import REVIEW, doc_report, span_score
from .errors import Errors
from .ioc import VALUE
from .text.reading import LONGEST_RECORD, ignore, read_lines

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Span

STDIN = "-"
TEXTS, RECORDS = (".txt", ".txt.gz"), (".jsonl", ".jsonl.gz")
SURROGATE = re.compile("[\ud800-\udfff]")  # half a character: JSON may hold one, a Doc cannot
NAMED = 20  # of the files and lines that are left out; the others are only counted
KEPT = ("id", "meta")  # fields of a record that go to the output


@dataclass(frozen=True)
class Record:
    """A document to annotate.

    source (str): File, or "-". line (Optional[int]): In a file of JSON lines. fields (Dict[str, Any]): Its KEPT ones.
    """

    text: str
    source: str
    line: Optional[int] = None
    fields: Dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """File, and line if there are several."""
        return self.source if self.line is None else f"{self.source}:{self.line}"


OnBad = Callable[[str, str], Any]  # name of what is left out, and why


def find_inputs(names: Sequence[str], *, output: Path) -> List[str]:
    """The files that are named or lie in named folders, each once; a folder gives its .txt, .jsonl and .gz of these.

    RAISES (ValueError): S213 for the output among them, S280 for a path that is not there, S214 for no file at all.
    """
    found: List[str] = []
    for name in names:
        path = Path(name)
        if name != STDIN and path.is_dir():
            inside = sorted(
                p for p in path.rglob("*") if p.is_file() and p.name.lower().endswith(TEXTS + RECORDS)
            )
            found += [str(p) for p in inside if p.resolve() != output.resolve()]
            continue
        if name != STDIN and not path.exists():
            raise ValueError(Errors.S280.format(path=name, reason="there is no such file or folder"))
        if name != STDIN and path.resolve() == output.resolve():
            raise ValueError(Errors.S213.format(path=output))
        found.append(name)
    if not found:
        raise ValueError(Errors.S214.format(names=", ".join(names), expected=", ".join(TEXTS + RECORDS)))
    return list(dict.fromkeys(found))


def read_records(
    names: Iterable[str], *, max_length: int, on_bad: OnBad, stdin_lines: bool = False
) -> Iterator[Record]:
    """The documents of files, one after another; never more than one is held.

    max_length (int): Longest text, in characters.
    on_bad (OnBad): Called for each file and line that is left out.
    stdin_lines (bool): Standard input holds JSON lines; otherwise it is one text.
    Bytes that are no UTF-8, and surrogates, become U+FFFD; line ends stay, so that offsets are those of the file.
    """
    for name in names:
        is_lines = stdin_lines if name == STDIN else name.lower().endswith(RECORDS)
        try:
            if is_lines:
                yield from _read_json_lines(name, max_length=max_length, on_bad=on_bad)
            else:
                yield Record(_read_text(name, max_length), name)
        except (OSError, ValueError, EOFError, zlib.error) as err:
            on_bad(name, str(err))


def _read_text(name: str, max_length: int) -> str:
    """RAISES (ValueError): S278 if it is too long. Files of any size: no more is read than may be kept."""
    most = 4 * max_length + 4  # bytes of so many characters, and of a byte order mark
    if name == STDIN:
        data = sys.stdin.buffer.read(most + 1)
    else:
        with gzip.open(name) if name.lower().endswith(".gz") else open(name, "rb") as file:
            data = file.read(most + 1)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = SURROGATE.sub("\ufffd", data.decode(encoding, errors="replace"))
    if len(text) > max_length:
        length = f"more than {max_length}" if len(data) > most else len(text)
        raise ValueError(Errors.S278.format(name=name, length=length, limit=max_length))
    return text


def _read_json_lines(name: str, *, max_length: int, on_bad: OnBad) -> Iterator[Record]:
    if name == STDIN:
        lines: Iterable[str] = (line.decode("utf-8-sig", "replace") for line in sys.stdin.buffer)
    else:
        lines = read_lines(Path(name), ignore, longest=LONGEST_RECORD)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            text = values["text"]
            if not isinstance(text, str):
                raise TypeError("its 'text' is no string")
            if len(text) > max_length:
                raise ValueError(
                    Errors.S278.format(name=f"{name}:{number}", length=len(text), limit=max_length)
                )
        except (ValueError, KeyError, TypeError, RecursionError) as err:
            on_bad(f"{name}:{number}", f"{type(err).__name__}: {err}")
            continue
        yield Record(SURROGATE.sub("\ufffd", text), name, number, {k: values[k] for k in KEPT if k in values})


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

    nlp.set_error_handler(cast(Any, drop_batch))
    for doc, number in nlp.pipe(feed(), as_tuples=True, batch_size=batch_size, n_process=n_process):
        yield from again([earlier for earlier in waiting if earlier < number])
        yield waiting.pop(number), doc
    yield from again(list(waiting))


def drop_batch(name: str, proc: Any, docs: Any, error: Exception) -> None:
    """An error handler for spaCy: go on without these docs."""


def _annotate_one(nlp: "Language", record: Record, on_bad: OnBad) -> Optional["Doc"]:
    from spacy.util import raise_error

    nlp.set_error_handler(raise_error)
    try:
        return nlp(record.text)
    except Exception as err:  # whatever it is, the other documents go on
        on_bad(record.name, f"{type(err).__name__}: {err}")
        return None
    finally:
        nlp.set_error_handler(cast(Any, drop_batch))


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
        self.entities.update(ent.label_ for ent in doc.ents)
        report = doc_report(doc)
        if report is not None:
            self.not_in_full += bool(report.losses)
            self.report.update({k: n for k, n in vars(report).items() if n is not None})
