"""Text of files of many kinds: plain, gzipped, HTML, PDF, JSON lines, .spacy; as lines, or a file as one text."""

import gzip
import re
import zlib
from pathlib import Path
from typing import Iterable, Iterator, Optional

from ..errors import Errors
from .characters import check_is_text, decode_text, encoding_of, replace_surrogates
from .pages import PAGES, is_page, is_pdf, main_text, pdf_paragraphs, read_page
from .reading import LONGEST, LONGEST_RECORD, OnBytes, ignore, read_doc_texts, read_lines, read_texts

PLAIN = (".txt", ".txt.gz")
SUFFIXES = (*PLAIN, *PAGES, ".jsonl", ".spacy")
JSON = (".json", ".json.gz")
MAX_CHARS = 10_000  # of a line; the longest paragraph of a report has about that many
SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’)\]]{0,3}\s")


def read_text_lines(
    path: Path, *, max_chars: int = MAX_CHARS, on_bytes: Optional[OnBytes] = None
) -> Iterator[str]:
    """The lines (sentences, paragraphs) of a file, none longer than `max_chars`; memory does not grow with the file.

    .txt, .txt.gz: its lines. .jsonl: the lines of the field "text". .spacy: sentences, or docs where none are marked.
    .html, .htm, .xhtml: paragraphs of the main text, by trafilatura. .pdf: paragraphs, by pypdf, page by page. A page
    of HTML, a PDF file and a .spacy file are held in memory as a whole.

    on_bytes: Called with the number of bytes that were read, for a progress bar.
    RAISES (ValueError): S260 on another suffix, S265 or S235 if a file is damaged, S246 if an extractor cannot read it.
        (FileNotFoundError): S263. (ImportError): S245 if the extractor is not installed.
    WARNS: SW253 on lines that are not UTF-8, SW254 on lines of .jsonl without text.
    """
    name = path.name.lower()
    if not name.endswith(SUFFIXES):
        raise ValueError(Errors.S260.format(path=path, expected=", ".join(SUFFIXES)))
    if not path.is_file():
        raise FileNotFoundError(Errors.S263.format(path=path))
    on_bytes = on_bytes or ignore
    lines: Iterable[str]
    if name.endswith(PAGES):
        lines = _page_lines(path, on_bytes)
    elif name.endswith(".spacy"):
        lines = read_doc_texts(path, on_bytes)
    else:
        records = name.endswith(".jsonl")
        lines = read_lines(path, on_bytes, longest=LONGEST_RECORD if records else LONGEST)
        lines = read_texts(lines, path) if records else lines
    return (part for line in lines for part in cut_text(replace_surrogates(line), max_chars))


def _page_lines(path: Path, on_bytes: OnBytes) -> Iterator[str]:
    data = path.read_bytes()
    yield from (pdf_paragraphs if is_pdf(data, str(path)) else main_text)(data, str(path))
    on_bytes(len(data))


def read_document(path: Path) -> str:
    """The text of a whole file: what a page shows (HTML, PDF), else its characters, with "\\n" as the only newline.

    RAISES (ValueError): S219 for JSON, S280 if it cannot be read, S288 if it is no text, S246 for a page that cannot be
        read or holds no text. (ImportError): S245 without what reads pages. WARNS: SW270 as `decode_text`, SW257 as
        `read_page`.
    """
    check_no_json(str(path))
    try:
        data = gzip.decompress(path.read_bytes()) if is_gzip(path.name) else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(Errors.S280.format(path=path, reason=reason)) from error
    return document_text(data, str(path))


def document_text(data: bytes, name: str) -> str:
    """The text of the content of a file, or of standard input. Errors and warnings as `read_document`."""
    if is_page_of(name, data):
        return read_page(data, name)
    check_is_text(data.decode(encoding_of(data), errors="replace"), name)
    return decode_text(data, name=name)


def check_no_json(name: str) -> None:
    """RAISES (ValueError): S219 for a file that its name calls JSON: its brackets and keys are no text."""
    if name.lower().endswith(JSON):
        raise ValueError(Errors.S219.format(path=name))


def is_page_of(name: str, data: bytes) -> bool:
    """Whether a file is a page of HTML or PDF, by its name, else by its first bytes; plain text if it is called so."""
    name = name.lower()
    name = name[: -len(".gz")] if is_gzip(name) else name
    return name.endswith(PAGES) or (not name.endswith(PLAIN) and is_page(data))


def is_gzip(name: str) -> bool:
    """Whether the name of a file says that it is compressed."""
    return name.lower().endswith(".gz")


def cut_text(text: str, max_chars: int) -> Iterator[str]:
    """Parts of at most `max_chars` characters, cut behind the last sentence end, else white space, of the second
    half, else anywhere. The parts joined are the text."""
    start = 0
    while len(text) - start > max_chars:
        stop, half = start + max_chars, start + max_chars // 2
        ends = [match.end() for match in SENTENCE_END.finditer(text, half, stop)]
        spaces = max(text.rfind(" ", half, stop), text.rfind("\t", half, stop)) + 1
        cut = ends[-1] if ends else spaces or stop
        yield text[start:cut]
        start = cut
    yield text[start:]
