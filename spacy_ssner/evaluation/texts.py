"""Texts of files, for commands that need no annotation."""

from pathlib import Path
from typing import List

from ..errors import Errors
from ..text.documents import read_document
from ..text.json_lines import parse_text
from .data_files import load_docs, read_text


def read_texts(path: Path) -> List[str]:
    """The texts of a .spacy file or folder of them (one per doc), of a .jsonl file (the field "text" of each line),
    or all of any other file as one text, as `read_document`. Texts of white space are left out.

    Words of unknown spacing, which CoNLL files give, are joined by spaces.
    RAISES (ValueError): S235 for a damaged .spacy file, S273 for a folder without one, S274 for a line of JSONL without
        text, S280 for a file that cannot be read, S272 if there is no text in it, S219, S288 and S246 as
        `read_document`.
    WARNS: SW270 as `read_text`.
    """
    if path.is_dir() or path.suffix.lower() == ".spacy":
        from spacy.vocab import Vocab

        texts = [doc.text for doc in load_docs(path, Vocab())]
    elif path.suffix.lower() == ".jsonl":
        lines = enumerate(read_text(path).split("\n"), start=1)
        texts = [_record_text(line, path, number) for number, line in lines if line.strip()]
    else:
        texts = [read_document(path)]
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise ValueError(Errors.S272.format(path=path))
    return texts


def _record_text(line: str, path: Path, number: int) -> str:
    try:
        return str(parse_text(line)["text"])
    except ValueError as error:
        raise ValueError(Errors.S274.format(path=path, line=number, got=error)) from error
