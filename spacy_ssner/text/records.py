"""Documents from files, folders, JSON lines and standard input, one after another, their text as it stands there."""

import gzip
import os
import sys
import zlib
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Callable, ContextManager, Dict, Iterable, Iterator, List, Optional, Sequence, cast

from ..errors import Errors
from .characters import check_is_text, encoding_of, replace_surrogates
from .documents import JSON, PLAIN, check_no_json, is_gzip, is_page_of
from .json_lines import parse_text
from .pages import PAGES, read_page
from .reading import LONGEST_RECORD, ignore, read_lines, split_stream

STDIN = "-"
NOTES = (".md", ".log")  # plain text too
TEXTS = (*PLAIN, *NOTES, *PAGES, *(f"{suffix}.gz" for suffix in (*NOTES, *PAGES)))
RECORDS = (".jsonl", ".jsonl.gz")
KEPT = ("id", "meta")  # fields of a record that go to the output always


@dataclass(frozen=True)
class Record:
    """A document to annotate.

    source (str): File, or "-". line (Optional[int]): In a file of JSON lines. fields (Dict[str, Any]): Its kept ones.
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


def find_inputs(names: Sequence[str], *, output: Path, on_bad: OnBad) -> List[str]:
    """The files that are named or lie in named folders, each once.

    on_bad (OnBad): Called for the files of folders that end neither in TEXTS nor in RECORDS. Hidden ones, such as
        `._a.txt` that macOS writes, are passed over.
    RAISES (ValueError): S213 for the output among them, S280 for a path that is not there, S214 for no file at all.
    """
    found: List[str] = []
    others: List[str] = []
    for name in names:
        path = Path(name)
        if not name:
            raise ValueError(Errors.S280.format(path=name, reason="the name is empty"))
        if name != STDIN and path.is_dir():
            inside = [p for p in files_below(path, on_bad=on_bad) if p.resolve() != output.resolve()]
            inside = [p for p in inside if not is_hidden(p.relative_to(path))]
            found += [str(p) for p in inside if is_input(p)]
            others += [str(p) for p in inside if not is_input(p)]
            continue
        if name != STDIN and not path.exists():
            raise ValueError(Errors.S280.format(path=name, reason="there is no such file or folder"))
        if name != STDIN and path.resolve() == output.resolve():
            raise ValueError(Errors.S213.format(path=output))
        found.append(name if name == STDIN else str(path))  # `./a.txt` is `a.txt`
    for other in dict.fromkeys(others):
        if other not in found:
            is_json = other.lower().endswith(JSON)
            expected = ", ".join(TEXTS + RECORDS)
            on_bad(
                other, Errors.S219.format(path=other) if is_json else Errors.S216.format(expected=expected)
            )
    if not found:
        raise ValueError(Errors.S214.format(names=", ".join(names), expected=", ".join(TEXTS + RECORDS)))
    once: Dict[str, str] = {}
    for name in found:
        once.setdefault(name if name == STDIN else os.path.realpath(name), name)
    return list(once.values())


def files_below(folder: Path, *, on_bad: OnBad) -> List[Path]:
    """All files in a folder and those below it, linked ones too, each folder once; in the order of their names.

    on_bad (OnBad): Called for what cannot be read: folders, broken links.
    """
    found: List[Path] = []
    seen = set()
    for place, folders, names in os.walk(
        folder, followlinks=True, onerror=lambda err: on_bad(str(err.filename), str(err.strerror))
    ):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort(key=lambda name: (os.path.islink(os.path.join(place, name)), name))
        for path in (Path(place) / name for name in names):
            if os.path.isfile(path):
                found.append(path)
            else:
                on_bad(str(path), "it is no file that can be read")
    return sorted(found)


def is_input(path: Path) -> bool:
    """Whether a file of a folder is read."""
    return path.name.lower().endswith(TEXTS + RECORDS)


def is_hidden(path: Path) -> bool:
    """Whether a file or one of its folders has a name that begins with a full stop."""
    return any(part.startswith(".") for part in path.parts)


def read_records(
    names: Iterable[str],
    *,
    max_length: int,
    on_bad: OnBad,
    stdin_lines: bool = False,
    kept: Sequence[str] = KEPT,
) -> Iterator[Record]:
    """The documents of files, one after another; never more than one is held.

    max_length (int): Longest text, in characters.
    on_bad (OnBad): Called for each file and line that is left out: what is too long (S278), is JSON (S219) or
        no text (S288), or cannot be read.
    stdin_lines (bool): Standard input holds JSON lines; otherwise it is one text.
    kept (Sequence[str]): Fields of JSON lines that go into `Record.fields`.
    Bytes that are no UTF-8, and surrogates, become U+FFFD; line ends stay, so that offsets are those of the file. Of
    HTML and PDF files they are those of the text that was extracted.
    """
    for name in names:
        is_lines = stdin_lines if name == STDIN else name.lower().endswith(RECORDS)
        try:
            if is_lines:
                yield from _read_json_lines(name, max_length=max_length, on_bad=on_bad, kept=kept)
            else:
                yield Record(_read_text(name, max_length), name)
        except (OSError, ValueError, EOFError, ImportError, zlib.error) as err:
            on_bad(name, str(err))


def _read_text(name: str, max_length: int) -> str:
    """Of plain text no more is read than may be kept, whatever the size of the file.

    RAISES (ValueError): S219 for JSON, S278 if it is too long, S288 if it is no text, S246 as `read_page`.
        (ImportError): S245.
    """
    check_no_json(name)
    most = 4 * max_length + 4  # bytes of so many characters, and of a byte order mark
    with _open(name) as file:
        data = file.read(most + 1)
        more = len(data) > most
        if is_page_of(name, data):  # a part of one could not be read
            text, more = read_page(data + file.read(), name), False
        else:
            text = replace_surrogates(data.decode(encoding_of(data), errors="replace"))
            check_is_text(text, name)
    if len(text) > max_length:
        length = f"more than {max_length}" if more else len(text)
        raise ValueError(Errors.S278.format(name=name, length=length, limit=max_length))
    return text


def _open(name: str) -> ContextManager[IO[bytes]]:
    if name == STDIN:
        return nullcontext(sys.stdin.buffer)
    return cast(IO[bytes], gzip.open(name)) if is_gzip(name) else open(name, "rb")


def _read_json_lines(name: str, *, max_length: int, on_bad: OnBad, kept: Sequence[str]) -> Iterator[Record]:
    if name == STDIN:
        parts = split_stream(sys.stdin.buffer, LONGEST_RECORD)
        lines: Iterable[str] = (part.decode("utf-8-sig", "replace") for part in parts)
    else:
        lines = read_lines(Path(name), ignore, longest=LONGEST_RECORD)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values = parse_text(line)
            text = values["text"]
            if len(text) > max_length:
                raise ValueError(
                    Errors.S278.format(name=f"{name}:{number}", length=len(text), limit=max_length)
                )
        except ValueError as err:
            on_bad(f"{name}:{number}", str(err))
            continue
        yield Record(text, name, number, {k: values[k] for k in kept if k in values})
