"""Texts of files, for commands that need no annotation."""

import json
from pathlib import Path
from typing import List

from ..errors import Errors
from ..text.documents import PAGES, check_is_text, read_page
from .data_files import find_docbins, load_docbin, read_text


def read_texts(path: Path) -> List[str]:
    """The texts of a .spacy file or folder of them (one per doc), of a .jsonl file (the field "text" of each line),
    or all of any other file as one text, as `read_report`. Texts of white space are left out.

    Words of unknown spacing, which CoNLL files give, are joined by spaces.
    RAISES (ValueError): S273 for a damaged .spacy file, S274 for a line of JSONL without text, S280 for a file that
        cannot be read, S272 if there is no text in it, S288 and S246 as `read_report`.
    WARNS: SW270 as `read_text`.
    """
    if path.is_dir() or path.suffix == ".spacy":
        texts = _docbin_texts(path)
    elif path.suffix == ".jsonl":
        lines = enumerate(read_text(path).split("\n"), start=1)
        texts = [_record_text(line, path, number) for number, line in lines if line.strip()]
    else:
        texts = [read_report(path)]
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise ValueError(Errors.S272.format(path=path))
    return texts


def read_report(path: Path) -> str:
    """The text of a text file, of a page of HTML or of a PDF file.

    RAISES (ValueError): S280 if it cannot be read, S288 if it is no text, S246 for a page that cannot be read or holds
        no text. (ImportError): S245 without what reads pages. WARNS: SW270 as `read_text`.
    """
    if path.name.lower().endswith(PAGES) and path.is_file():
        return read_page(path.read_bytes(), str(path))
    text = read_text(path)
    check_is_text(text, str(path))
    return text


def _docbin_texts(path: Path) -> List[str]:
    from spacy.vocab import Vocab

    vocab = Vocab()
    return [doc.text for file in find_docbins(path) for doc in load_docbin(file).get_docs(vocab)]


def _record_text(line: str, path: Path, number: int) -> str:
    try:
        text = json.loads(line)["text"]
        if not isinstance(text, str):
            raise TypeError("its 'text' is no string")
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(Errors.S274.format(path=path, line=number, got=error)) from error
    return text
