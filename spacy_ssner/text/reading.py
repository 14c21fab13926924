"""Lines and sentences of corpus files, one at a time, so that a file larger than memory can be read."""

import codecs
import gzip
import zlib
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Callable, Iterable, Iterator, List, Optional, Tuple, Union, cast
from warnings import warn

from ..errors import Errors, Warnings
from .characters import check_is_text, encoding_of
from .docbins import load_docbin
from .json_lines import parse_text

if TYPE_CHECKING:
    from spacy.tokens import Span

SUFFIXES = (".spacy", ".txt", ".txt.gz", ".jsonl", ".conll")
DOC_STARTS = ("-DOCSTART-", "<DOCSTART>")  # lines between documents of CoNLL files
SENTENCE_ENDS = frozenset([".", "!", "?", "…", "。", "！", "？"])
BATCH = 1000  # lines tokenised at once
BEGINNING = 1 << 16  # bytes of a file that are looked at to see whether it is text
LONGEST = 1 << 20  # bytes of a line that are held at once; a longer one comes in parts
LONGEST_RECORD = 1 << 26  # bytes of a line of JSON, which is of no use in parts
UNREAD = "spacy-ssner.unread"  # how Recoded decodes what is no UTF-16: to a byte that is no UTF-8 either

OnBytes = Callable[[int], Any]


def read_sentences(path: Path, *, on_bytes: Optional[OnBytes] = None) -> Iterator[List[str]]:
    """The sentences of a corpus file as lists of words.

    .spacy: its sentences, or whole docs where none are marked. .conll: the first column, blank lines between
    sentences. .txt, .txt.gz: one sentence a line; .jsonl: the field "text". Text is tokenised by spaCy's
    blank English and cut after . ! ? tokens.

    on_bytes: Called with the number of bytes that were read, for a progress bar.
    RAISES (ValueError): S260 on another suffix, S265, S235 or S288 if the file is damaged or no text.
        (FileNotFoundError): S263.
    WARNS: SW253 on lines that are not UTF-8, SW254 on lines of .jsonl without text.
    """
    name = path.name.lower()
    if not name.endswith(SUFFIXES):
        raise ValueError(Errors.S260.format(path=path, expected=", ".join(SUFFIXES)))
    if not path.is_file():
        raise FileNotFoundError(Errors.S263.format(path=path))
    if name.endswith(".spacy"):
        return read_docs(path, on_bytes or ignore)
    longest = LONGEST_RECORD if name.endswith(".jsonl") else LONGEST
    lines = read_lines(path, on_bytes or ignore, longest=longest)
    if name.endswith(".conll"):
        return read_columns(lines)
    return tokenise(read_texts(lines, path) if name.endswith(".jsonl") else lines)


def ignore(n_bytes: int) -> None:
    """No progress bar."""


def read_docs(path: Path, on_bytes: OnBytes) -> Iterator[List[str]]:
    """The words of the sentences of a .spacy file, which is held in memory. RAISES (ValueError): S235 if it is none."""
    for span in _sentences(path, on_bytes):
        yield [token.text for token in span if not token.text.isspace()]  # this vocab knows no is_space


def read_doc_texts(path: Path, on_bytes: OnBytes) -> Iterator[str]:
    """The same sentences as they stand in the text; words of unknown spacing, which CoNLL files give, with blanks."""
    for span in _sentences(path, on_bytes):
        words = [token.text for token in span if not token.text.isspace()]
        yield " ".join(words) if span.doc.has_unknown_spaces else " ".join(span.text.splitlines())


def _sentences(path: Path, on_bytes: OnBytes) -> Iterator["Span"]:
    from spacy.vocab import Vocab

    for doc in load_docbin(path, Vocab()):
        yield from doc.sents if doc.has_annotation("SENT_START") else [doc[:]]
    on_bytes(path.stat().st_size)


def read_lines(path: Path, on_bytes: OnBytes, *, longest: int = LONGEST) -> Iterator[str]:
    """Lines of a text file, plain or gzipped; one of more than `longest` bytes comes in parts, nothing is lost.

    RAISES (ValueError): S265 on a damaged gzip, S288 if the file begins like no text. WARNS: SW253.
    """
    n_bad = done = 0
    with path.open("rb") as raw:
        stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if path.suffix.lower() == ".gz" else raw  # type: ignore[assignment]
        try:
            head = stream.read(BEGINNING)
            encoding = encoding_of(head)
            check_is_text(head.decode(encoding, "replace"), str(path))
            stream.seek(0)
            source = Recoded(stream) if encoding == "utf-16" else stream
            for line in split_stream(source, longest):
                text = line.decode("utf8", "replace")
                n_bad += "\ufffd" in text and "\ufffd".encode() not in line
                yield text.lstrip("\ufeff").rstrip("\r\n")
                if raw.tell() > done:
                    on_bytes(raw.tell() - done)
                    done = raw.tell()
        except (EOFError, gzip.BadGzipFile, zlib.error) as err:
            raise ValueError(Errors.S265.format(path=path, reason=err)) from err
    if n_bad:
        expected = "UTF-16" if encoding == "utf-16" else "UTF-8"
        warn(Warnings.SW253.format(n=n_bad, path=path, expected=expected), stacklevel=2)


def mark_unread(error: UnicodeError) -> Tuple[str, int]:
    """For codecs.register_error: half a character, which no text holds, stands for what cannot be decoded."""
    return "\udcff", cast(UnicodeDecodeError, error).end


class Recoded:
    """Lines of a stream of UTF-16 as UTF-8; what cannot be decoded becomes a byte that is no UTF-8, and so counts."""

    def __init__(self, stream: IO[bytes]):
        codecs.register_error(UNREAD, mark_unread)
        self._text = TextIOWrapper(stream, encoding="utf-16", errors=UNREAD, newline="\n")
        self._rest = b""

    def readline(self, size: int) -> bytes:
        """A line, or the first `size` bytes of a longer one; the others come next."""
        line = self._rest
        while len(line) < size and not line.endswith(b"\n") and (part := self._text.readline(size)):
            line += part.encode("utf8", "surrogateescape")
        self._rest = line[size:]
        return line[:size]


def split_stream(stream: Union[IO[bytes], Recoded], longest: int) -> Iterator[bytes]:
    """Lines with their ends. One of more than `longest` bytes is cut behind a space, else between characters.

    longest (int): At least 4, the bytes of a character in UTF-8.
    """
    rest = b""
    while part := stream.readline(longest - len(rest)):
        line, rest = rest + part, b""
        if len(line) == longest and not line.endswith(b"\n"):
            cut = line.rfind(b" ", longest // 2) + 1 or character_start(line) or longest
            line, rest = line[:cut], line[cut:]
        yield line
    if rest:
        yield rest


def character_start(line: bytes) -> int:
    """Where the last character of UTF-8 bytes begins, or their length if none begins in the last four bytes."""
    return next((i for i in range(len(line) - 1, len(line) - 5, -1) if line[i] & 0xC0 != 0x80), len(line))


def read_columns(lines: Iterable[str]) -> Iterator[List[str]]:
    """Sentences of a CoNLL file, until a blank line: the first column, or the second where the first one counts the
    tokens of the sentence, two at least."""
    rows: List[List[str]] = []
    for line in chain(lines, [""]):
        if line.strip() and not line.startswith(DOC_STARTS):
            rows.append(line.split("\t") if "\t" in line else line.split())
            continue
        firsts = [row[0].strip() for row in rows if len(row) > 2]
        is_numbered = len(rows) > 1 and firsts in [[str(i + n) for i in range(len(rows))] for n in (0, 1)]
        words = [row[is_numbered].strip() for row in rows]
        if any(words):
            yield [word for word in words if word]
        rows = []


def read_texts(lines: Iterable[str], path: Path) -> Iterator[str]:
    """The texts of a .jsonl file, line by line of each. WARNS: SW254."""
    bad: List[int] = []
    for number, line in enumerate(lines, 1):
        try:
            text = parse_text(line)["text"] if line.strip() else ""
        except ValueError:
            bad.append(number)
            continue
        yield from text.splitlines()
    if bad:
        warn(Warnings.SW254.format(n=len(bad), path=path, line=bad[0]), stacklevel=2)


def tokenise(texts: Iterable[str]) -> Iterator[List[str]]:
    """Sentences of texts: tokens of spaCy's blank English, cut after . ! and ?"""
    import spacy

    tokenizer: Any = spacy.blank("en").tokenizer
    for doc in tokenizer.pipe((text for text in texts if text.strip()), batch_size=BATCH):
        sentence: List[str] = []
        for token in doc:
            if not token.is_space:
                sentence.append(token.text)
            if token.text in SENTENCE_ENDS:
                yield sentence
                sentence = []
        if sentence:
            yield sentence
