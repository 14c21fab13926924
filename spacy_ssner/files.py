"""Writing files and folders so that a reader sees the old or the new content, never a part of it; checksums."""

import errno
import glob
import hashlib
import os
import re
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import get_ident
from typing import Iterator, TextIO, Union

from .errors import Errors
from .text.characters import replace_surrogates

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_bytes(path: Union[str, Path], data: bytes) -> None:
    """Write beside the file's place and move it there. Its folder is created; RAISES (OSError): As `make_folder`,
    `told_if_full`."""
    with _draft(path) as draft:
        draft.write_bytes(data)


@contextmanager
def open_draft(path: Union[str, Path]) -> Iterator[TextIO]:
    """A text file to write to in UTF-8, line by line, beside its place; moved there when all is written."""
    with _draft(path) as draft, draft.open("w", encoding="utf8", newline="\n") as file:
        yield file


@contextmanager
def open_at_end(path: Path) -> Iterator[TextIO]:
    """A text file in UTF-8, to add lines to in its place. RAISES (OSError): As `make_folder`, `told_if_full`."""
    make_folder(path.parent)
    with told_if_full(path), path.open("a", encoding="utf8", newline="\n") as file:
        yield file


@contextmanager
def _draft(path: Union[str, Path]) -> Iterator[Path]:
    """A file beside the place of another, moved there if all goes well and gone if not; the folder is made. Drafts that
    killed processes left are removed. What is no file, such as /dev/null, itself."""
    if os.path.exists(path) and not os.path.isfile(path):  # a device or pipe is written to, not replaced
        with told_if_full(path):
            yield Path(path)
        return
    path = Path(os.path.realpath(path))  # a link stays one
    make_folder(path.parent)
    for stale in _stale(path, r"(\d+)\.\d+\.tmp"):
        with suppress(OSError):  # a folder, or someone else's
            stale.unlink()
    draft = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}.tmp")
    try:
        with told_if_full(path):
            yield draft
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def told_if_full(path: Union[str, Path]) -> Iterator[None]:
    """RAISES (OSError): S283 if a block finds no room on the disk, whichever library says so; safetensors and
    tokenizers do it in their text alone."""
    try:
        yield
    except Exception as err:
        said = re.search(r"\(os error (\d+)\)$", str(err))
        number = err.errno if isinstance(err, OSError) else int(said[1]) if said else None
        if number not in NO_ROOM:
            raise
        raise OSError(Errors.S283.format(path=path, reason=os.strerror(number))) from err


@contextmanager
def draft_folder(out: Path) -> Iterator[Path]:
    """A draft folder beside `out` that takes its place at the end; after an error it is gone and `out` as it was.

    A previous folder is replaced; drafts of processes that were killed are removed, and a folder that such a
    process had moved away is put back first.
    RAISES (OSError): S283 if the disk is full, S289 as `make_folder`.
    """
    out = Path(os.path.realpath(out))  # a link stays one
    _remove_stale(out)
    draft = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    old = out.with_name(f".{out.name}.{os.getpid()}.old")
    try:
        make_folder(out.parent)
        draft.mkdir()
        with told_if_full(out):
            yield draft
        if out.exists():
            out.rename(old)
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if old.exists() and not out.exists():
            old.rename(out)
        shutil.rmtree(old, ignore_errors=True)


def _remove_stale(out: Path) -> None:
    """Remove drafts whose process is gone; what it had moved away goes back if nothing came in its place."""
    for path in _stale(out, r"(\d+)\.(?:tmp|old)"):
        if path.suffix == ".old" and not out.exists():
            path.rename(out)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _stale(out: Path, ending: str) -> Iterator[Path]:
    """What stands beside a file or folder under its name with such an ending, whose first group is the number of a
    process that is gone."""
    for path in out.parent.glob(f".{glob.escape(out.name)}.*"):
        found = re.fullmatch(ending, path.name[len(out.name) + 2 :])
        if found is not None and not _is_running(int(found[1])):
            yield path


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it runs, but belongs to someone else
    return True


@contextmanager
def draft_files(folder: Path) -> Iterator[Path]:
    """A draft inside a folder, which is made; its files take the places of those of the same names if all goes well.

    RAISES (OSError): S283 if the disk is full, S289 as `make_folder`.
    """
    draft = folder / ".draft"
    shutil.rmtree(draft, ignore_errors=True)  # a killed process may have left half of one
    try:
        make_folder(folder)
        draft.mkdir()
        with told_if_full(folder):
            yield draft
        for file in draft.iterdir():
            file.replace(folder / file.name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are not there yet.

    RAISES (NotADirectoryError): S289 if one of them is a file; other OSErrors of the system.
    """
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)


def check_folder(folder: Path) -> None:
    """RAISES (NotADirectoryError): S289 if a folder, or one above it, is a file."""
    above = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    if above.exists() and not above.is_dir():
        raise NotADirectoryError(Errors.S289.format(folder=folder, path=above))


def check_file(path: Path) -> None:
    """See that a file can be written, which tells so before the work and not after it.

    RAISES (OSError): S289 as `check_folder`; the system's own for a folder, and for a file in one that is read-only.
    """
    check_folder(path.parent)
    place = Path(os.path.realpath(path))
    if place.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    above = next(folder for folder in place.parents if folder.exists())
    if (place.is_file() or not place.exists()) and not os.access(above, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(above))


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
