"""Writing files so that a reader sees the old or the new content, never a part of it; checksums."""

import hashlib
import os
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident
from typing import Iterator, TextIO, Union

from .errors import Errors
from .text.characters import replace_surrogates


def write_bytes(path: Union[str, Path], data: bytes) -> None:
    """Write beside the file's place and move it there. Its folder is created; RAISES (OSError): As `make_folder`."""
    with _draft(path) as draft:
        draft.write_bytes(data)


@contextmanager
def open_draft(path: Union[str, Path]) -> Iterator[TextIO]:
    """A text file to write to in UTF-8, line by line, beside its place; moved there when all is written."""
    with _draft(path) as draft, draft.open("w", encoding="utf8", newline="\n") as file:
        yield file


@contextmanager
def _draft(path: Union[str, Path]) -> Iterator[Path]:
    """A file beside the place of another, moved there if all goes well and gone if not; the folder is made. What is no
    file, such as /dev/null, itself."""
    if os.path.exists(path) and not os.path.isfile(path):  # a device or pipe is written to, not replaced
        yield Path(path)
        return
    path = Path(os.path.realpath(path))  # a link stays one
    make_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}.tmp")
    try:
        yield draft
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are not there yet.

    RAISES (NotADirectoryError): S289 if one of them is a file; other OSErrors of the system.
    """
    above = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    if above.exists() and not above.is_dir():
        raise NotADirectoryError(Errors.S289.format(folder=folder, path=above))
    folder.mkdir(parents=True, exist_ok=True)


def write_text(path: Union[str, Path], text: str) -> None:
    """As `write_bytes`, in UTF-8. Halves of characters, which names of files may hold, become U+FFFD."""
    write_bytes(path, replace_surrogates(text).encode("utf8"))


def checksum(path: Union[str, Path]) -> str:
    """SHA-256 of a file, or of the names and checksums of all files in a folder.

    RAISES (OSError): If there is no such file.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        lines = (f"{checksum(file)}  {file.relative_to(path).as_posix()}\n" for file in files)
        return hashlib.sha256("".join(lines).encode("utf8", "surrogateescape")).hexdigest()
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
