"""Writing files so that a reader sees the old or the new content, never a part of it."""

import os
from pathlib import Path
from typing import Union


def write_bytes(path: Union[str, Path], data: bytes) -> None:
    """Write beside the file's place and move it there. Its folder is created."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(data)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def write_text(path: Union[str, Path], text: str) -> None:
    """As `write_bytes`, in UTF-8."""
    write_bytes(path, text.encode("utf8"))
