"""Text from files of many kinds: plain, gzipped, HTML, PDF, JSON lines, .spacy."""

import re
from io import BytesIO
from pathlib import Path
from typing import Any, Iterable, Iterator, Optional, Sequence
from warnings import warn

from ..errors import Errors, Warnings
from .reading import LONGEST, LONGEST_RECORD, OnBytes, ignore, read_docs, read_lines, read_texts

PAGES = (".html", ".htm", ".xhtml", ".pdf")
SUFFIXES = (".txt", ".txt.gz", *PAGES, ".jsonl", ".spacy")
CELL_GAP = "   "  # as wide as `windows.is_wide` asks, so that no entity reaches over two cells
MAX_CHARS = 10_000  # of a line; the longest paragraph of a report has about that many
PAGE_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:%PDF-|<!doctype html|<html|<\?xml[^>]*>\s*(?:<!doctype html|<html))", re.I
)
INDICATOR = re.compile(r"[\d\[\]/\\:@_]|\.\w")  # in a word: it is no ordinary one
SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’)\]]{0,3}\s")
PARAGRAPH_ENDS = (".", "!", "?", ":", "…", ".”", '."')
UNREADABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffd]")
SURROGATE = re.compile("[\ud800-\udfff]")  # half a character: JSON and PDF may hold one, a Doc cannot
BINARY_LEAST = 16  # unreadable characters, for a whole file to be called so: odd ones in a few words are read
BINARY_SHARE = 0.1  # of unreadable characters; text in a foreign encoding has less, an executable more


def read_text_lines(
    path: Path, *, max_chars: int = MAX_CHARS, on_bytes: Optional[OnBytes] = None
) -> Iterator[str]:
    """The lines (sentences, paragraphs) of a file, none longer than `max_chars`; memory does not grow with the file.

    .txt, .txt.gz: its lines. .jsonl: the lines of the field "text". .spacy: sentences, or docs where none are marked.
    .html, .htm, .xhtml: paragraphs of the main text, by trafilatura. .pdf: paragraphs, by pypdf, page by page. A page
    of HTML, a PDF file and a .spacy file are held in memory as a whole.

    on_bytes: Called with the number of bytes that were read, for a progress bar.
    RAISES (ValueError): S260 on another suffix, S265 if a file is damaged, S246 if an extractor cannot read it.
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
    if name.endswith(".pdf"):
        lines = read_pdf(path, on_bytes)
    elif name.endswith(PAGES):
        lines = read_html(path, on_bytes)
    elif name.endswith(".spacy"):
        lines = (" ".join(words) for words in read_docs(path, on_bytes))
    else:
        records = name.endswith(".jsonl")
        lines = read_lines(path, on_bytes, longest=LONGEST_RECORD if records else LONGEST)
        lines = read_texts(lines, path) if records else lines
    return (part for line in lines for part in cut_long(SURROGATE.sub("\ufffd", line), max_chars))


def is_page(data: bytes) -> bool:
    """Whether the first bytes of something say that it is HTML or PDF."""
    return PAGE_START.match(data[:1024]) is not None


def read_page(data: bytes, name: str) -> str:
    """All text that a page of HTML shows, navigation too, as lines; of a PDF file its paragraphs.

    RAISES (ValueError): S246 if it cannot be read or holds no text. (ImportError): S245 without the extractor.
    WARNS: SW257 for pages of a PDF file without text.
    """
    is_pdf = data.lstrip().startswith(b"%PDF-") or name.lower().endswith(".pdf")
    text = "\n\n".join(_pdf_paragraphs(data, name)) if is_pdf else _visible_text(data, name)
    if not text.strip():
        kind, reason = ("PDF", "it holds no text (a scan?)") if is_pdf else ("HTML", "it holds no text")
        raise ValueError(Errors.S246.format(path=name, kind=kind, reason=reason))
    return SURROGATE.sub("\ufffd", text)


def _visible_text(data: bytes, name: str) -> str:
    load_html = _extractor("trafilatura", name).load_html  # finds the encoding
    engine = _extractor("inscriptis.html_engine", name).Inscriptis
    settings = _extractor("inscriptis.model.config", name).ParserConfig(table_cell_separator=CELL_GAP)
    try:
        tree = load_html(data)
        text = "" if tree is None else engine(tree, settings).get_text()
    except Exception as err:  # lxml, trafilatura and inscriptis raise their own
        raise ValueError(Errors.S246.format(path=name, kind="HTML", reason=err)) from err
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


def read_html(path: Path, on_bytes: OnBytes) -> Iterator[str]:
    """Paragraphs of the main text of a page, without navigation; none if the extractor finds no text.

    RAISES (ImportError): S245 without trafilatura. (ValueError): S246 if it cannot read the page.
    """
    extract = _extractor("trafilatura", path).extract
    try:
        text = extract(path.read_bytes(), include_comments=False, include_tables=True)
    except Exception as err:  # lxml and trafilatura raise their own
        raise ValueError(Errors.S246.format(path=path, kind="HTML", reason=err)) from err
    on_bytes(path.stat().st_size)
    yield from (text or "").splitlines()


def read_pdf(path: Path, on_bytes: OnBytes) -> Iterator[str]:
    """Paragraphs of a PDF file, page by page. RAISES, WARNS: As `read_page`."""
    yield from _pdf_paragraphs(path.read_bytes(), str(path))
    on_bytes(path.stat().st_size)


def _pdf_paragraphs(data: bytes, name: str) -> Iterator[str]:
    pypdf = _extractor("pypdf", name)
    n_empty = n_pages = 0
    try:
        for page in pypdf.PdfReader(BytesIO(data)).pages:
            text = page.extract_text()
            yield from join_lines(text.splitlines())
            n_pages += 1
            n_empty += not text.strip()
    except Exception as err:  # pypdf lets many kinds through for a damaged or encrypted file
        raise ValueError(Errors.S246.format(path=name, kind="PDF", reason=err)) from err
    if 0 < n_empty < n_pages:
        warn(Warnings.SW257.format(path=name, n=n_empty, total=n_pages), stacklevel=2)


def _extractor(name: str, path: object) -> Any:
    """The module of an extractor. RAISES (ImportError): S245."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as err:
        raise ImportError(Errors.S245.format(path=path, name=name.partition(".")[0], reason=err)) from err


def join_lines(lines: Sequence[str]) -> Iterator[str]:
    """Paragraphs of the printed lines of a page; `mal-` and `ware` become one word, `evil-` and `site[.]com` keep
    their hyphen.

    A line goes on if the next one starts in lower case, or if it is no short line and ends no sentence; but not where
    one of the two is an indicator alone, as in a list of them.
    """
    full = 0.6 * max(map(len, lines), default=0)
    paragraph = last = ""
    for line in map(str.strip, lines):
        ends = len(last) < full or paragraph.endswith(PARAGRAPH_ENDS)
        new = not line or (ends and not line[:1].islower()) or _stands_alone(last) or _stands_alone(line)
        hyphened = paragraph[-1:] == "-" and paragraph[-2:-1].isalpha() and line[:1].isalnum()
        if paragraph and new and not (hyphened and not line[:1].isupper()):
            yield paragraph
            paragraph = ""
        if hyphened and paragraph:
            word = paragraph.rpartition(" ")[2] + line.partition(" ")[0]
            is_cut = line[:1].islower() and not INDICATOR.search(word)
            paragraph = (paragraph[:-1] if is_cut else paragraph) + line
        else:
            paragraph = f"{paragraph} {line}".strip()
        last = line
    if paragraph:
        yield paragraph


def _stands_alone(line: str) -> bool:
    """Whether a line is one word, and that an indicator: not the last word of a sentence."""
    return bool(line) and " " not in line and INDICATOR.search(line) is not None


def cut_long(text: str, max_chars: int) -> Iterator[str]:
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


def check_is_text(text: str, name: str) -> None:
    """RAISES (ValueError): S288 for what is no text: an archive, a document of Word, a .spacy file."""
    if is_binary(text) and count_unreadable(text) >= BINARY_LEAST:
        raise ValueError(Errors.S288.format(path=name))


def is_binary(text: str) -> bool:
    """Whether something is no text: over a tenth of its characters are control characters or could not be decoded."""
    if text.isascii() and text.isprintable():
        return False
    return count_unreadable(text) > BINARY_SHARE * len(text)


def count_unreadable(text: str) -> int:
    """How many characters are control characters or stand for what could not be decoded."""
    return sum(1 for _ in UNREADABLE.finditer(text))
