"""Text of web pages (HTML) and of PDF files. The extractors are imported where they are needed."""

import re
from io import BytesIO
from typing import AbstractSet, Any, Callable, Iterator, List, Sequence
from warnings import warn

from ..errors import Errors, Warnings
from .characters import replace_surrogates
from .markup import element_styles, part_elements

PAGES = (".html", ".htm", ".xhtml", ".pdf")
PAGE_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<!--.{0,500}?-->\s*)*"
    rb"(?:%PDF-|<!doctype html|<html|<head>|<\?xml[^>]*>\s*(?:<!doctype html|<html))",
    re.I | re.S,
)
CELL_GAP = "   "  # as wide as `windows.is_wide` asks, so that no entity reaches over two cells
INDICATOR = re.compile(r"[\d\[\]/\\:@_]|\.\w")  # in a word: it is no ordinary one
HYPHENED = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")
SOFT_HYPHEN = "\u00ad"
CVE_START = re.compile(r"\bCVE-\d{4}-$", re.I)
HIVE = r"HK(?:LM|CU|CR|U|CC|EY_\w+)\b"
URL_OR_PATH = re.compile(r"\[?:\]?//|hxxp|\[\.\]|\[dot\]|^\W*/[\w.]", re.I)  # before a "/"
WINDOWS_PATH = re.compile(rf"\b[a-z]:\\|\b{HIVE}|%\\|\\\\|\w\\[^\\]+\\$", re.I)  # before a "\"
PATH_PART = re.compile(r"[/\\=&_~]|\?\w|\w\.\w\w|-[^-]+-[^-]+-")  # in a word: it may continue a path
INDICATOR_START = re.compile(
    rf"[\"'(<]?(?:[a-z][a-z.+-]+\[?:|[a-z]:\\|{HIVE}|[/\\%]|(?:\d+\.){{3}}\d|[\w-]+\[|(?:[\w-]+\.)+[a-z]+/)",
    re.I,
)
PARAGRAPH_ENDS = (".", "!", "?", ":", "…", ".”", '."')


def is_page(data: bytes) -> bool:
    """Whether the first bytes of something say that it is HTML or PDF."""
    return PAGE_START.match(data[:1024]) is not None


def read_page(data: bytes, name: str) -> str:
    """All text that a page of HTML shows, navigation too, as lines; of a PDF file its paragraphs.

    RAISES (ValueError): S246 if it cannot be read or holds no text. (ImportError): S245 without the extractor.
    WARNS: SW257 for pages of a PDF file without text.
    """
    pdf = is_pdf(data, name)
    pages = _pdf_pages(data, name) if pdf else [_visible_text(data, name)]
    if not any(page.strip() for page in pages):
        kind, reason = ("PDF", "it holds no text (a scan?)") if pdf else ("HTML", "it holds no text")
        raise ValueError(Errors.S246.format(path=name, kind=kind, reason=reason))
    if pdf:
        _warn_of_scans(pages, name)
        pages = list(_paragraphs(pages))
    return replace_surrogates("\n\n".join(pages))


def is_pdf(data: bytes, name: str) -> bool:
    """Whether a page is a PDF file, by its first bytes or its name."""
    return data.lstrip().startswith(b"%PDF-") or name.lower().endswith((".pdf", ".pdf.gz"))


def _visible_text(data: bytes, name: str) -> str:
    load_html = _extractor("trafilatura", name).load_html
    engine = _extractor("inscriptis.html_engine", name).Inscriptis
    config = _extractor("inscriptis.model.config", name).ParserConfig
    settings = config(css=element_styles(), table_cell_separator=CELL_GAP)
    try:
        tree = _tree(data, load_html)
        text = "" if tree is None else engine(tree, settings).get_text()
    except Exception as err:  # lxml, trafilatura and inscriptis raise their own
        raise ValueError(Errors.S246.format(path=name, kind="HTML", reason=err)) from err
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


def _tree(data: bytes, load_html: Callable[[bytes], Any]) -> Any:
    """The tree of lxml of a page, its footnote marks apart; None if it is no page. load_html: Finds the encoding."""
    tree = load_html(data)
    if tree is not None:
        part_elements(tree)
    return tree


def main_text(data: bytes, name: str) -> Iterator[str]:
    """Paragraphs of the main text of a page of HTML, without navigation; none if the extractor finds no text.

    RAISES (ImportError): S245 without trafilatura. (ValueError): S246 if it cannot read the page.
    """
    trafilatura = _extractor("trafilatura", name)
    try:
        tree = _tree(data, trafilatura.load_html)
        text = "" if tree is None else trafilatura.extract(tree, include_comments=False, include_tables=True)
    except Exception as err:  # lxml and trafilatura raise their own
        raise ValueError(Errors.S246.format(path=name, kind="HTML", reason=err)) from err
    yield from (text or "").splitlines()


def pdf_paragraphs(data: bytes, name: str) -> Iterator[str]:
    """Paragraphs of a PDF file, page by page.

    RAISES (ValueError): S246 if it cannot be read. (ImportError): S245 without pypdf. WARNS: SW257 for pages without
    text.
    """
    pages = _pdf_pages(data, name)
    _warn_of_scans(pages, name)
    yield from _paragraphs(pages)


def _pdf_pages(data: bytes, name: str) -> List[str]:
    pypdf = _extractor("pypdf", name)
    try:
        return [page.extract_text() for page in pypdf.PdfReader(BytesIO(data)).pages]
    except Exception as err:  # pypdf lets many kinds through for a damaged or encrypted file
        raise ValueError(Errors.S246.format(path=name, kind="PDF", reason=err)) from err


def _warn_of_scans(pages: Sequence[str], name: str) -> None:
    n_empty = sum(not page.strip() for page in pages)
    if n_empty:
        warn(Warnings.SW257.format(path=name, n=n_empty, total=len(pages)), stacklevel=3)


def _paragraphs(pages: Sequence[str]) -> Iterator[str]:
    known = frozenset(word.lower() for page in pages for word in HYPHENED.findall(page))
    for page in pages:
        yield from join_lines(page.splitlines(), known=known)


def _extractor(name: str, path: object) -> Any:
    """The module of an extractor. RAISES (ImportError): S245."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as err:
        raise ImportError(Errors.S245.format(path=path, name=name.partition(".")[0], reason=err)) from err


def join_lines(lines: Sequence[str], *, known: AbstractSet[str] = frozenset()) -> Iterator[str]:
    """Paragraphs of the printed lines of a page; `mal-` and `ware` become one word, `evil-` and `site[.]com` keep
    their hyphen.

    known (AbstractSet[str]): Words with hyphens, in lower case, that keep theirs: those of the same file.

    A line goes on if the next one starts in lower case, or if it is no short line and ends no sentence; but not where
    one of the two is an indicator alone, as in a list of them. An indicator that a line break cuts gets no blank.
    """
    full = 0.6 * max(map(len, lines), default=0)
    paragraph = last = ""
    for line in map(str.strip, lines):
        ends = len(last) < full or paragraph.endswith(PARAGRAPH_ENDS)
        new = not line or (ends and not line[:1].islower()) or _stands_alone(last) or _stands_alone(line)
        goes_on = _goes_on(paragraph, line, is_short=len(last) < full)
        hyphened = paragraph[-1:] == "-" and paragraph[-2:-1].isalpha() and line[:1].isalnum()
        if paragraph and new and not goes_on and not (hyphened and not line[:1].isupper()):
            yield paragraph
            paragraph = ""
        if goes_on:
            paragraph = paragraph.removesuffix(SOFT_HYPHEN) + line
        elif hyphened and paragraph:
            word = paragraph.rpartition(" ")[2] + line.partition(" ")[0]
            is_cut = line[:1].islower() and not INDICATOR.search(word) and not _is_known(word, known)
            paragraph = (paragraph[:-1] if is_cut else paragraph) + line
        else:
            paragraph = f"{paragraph} {line}".strip()
        last = line
    if paragraph:
        yield paragraph


def _goes_on(paragraph: str, line: str, *, is_short: bool) -> bool:
    """Whether a line goes on with the word that a paragraph ends in: after a soft hyphen, in a CVE id, after a slash
    of a URL or path.

    is_short (bool): Whether the last line of the paragraph is; none such ends in the middle of a path.
    """
    if not paragraph.endswith((SOFT_HYPHEN, "-", "/", "\\")):
        return False
    word, rest = paragraph.rpartition(" ")[2], line.partition(" ")[0]
    if word.endswith(SOFT_HYPHEN):
        return bool(rest)
    if CVE_START.search(word):
        return re.match(r"\d{4}", rest) is not None
    is_path = (WINDOWS_PATH if word.endswith("\\") else URL_OR_PATH).search(word) is not None
    if is_short or word.endswith("-") or not is_path or INDICATOR_START.match(rest):
        return False
    if word == paragraph:  # alone, maybe in a list
        return "/" in rest or "\\" in rest
    return PATH_PART.search(rest) is not None or _is_subkey(word, rest)


def _is_subkey(key: str, word: str) -> bool:
    """Whether a word may go on with a registry key: `Run` behind `...\\CurrentVersion\\`."""
    return re.search(HIVE, key) is not None and re.match("[A-Z][a-z]", word) is not None


def _stands_alone(line: str) -> bool:
    """Whether a line is one word, and that an indicator: not the last word of a sentence."""
    return bool(line) and " " not in line and INDICATOR.search(line) is not None


def _is_known(word: str, known: AbstractSet[str]) -> bool:
    found = HYPHENED.search(word)
    return found is not None and found[0].lower() in known
