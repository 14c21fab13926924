"""Folders of brat, `x.ann` beside `x.txt`, as the JSON lines that records.py reads: a document each, in the order of
their names, which is the line that messages give.

Entities and triggers of events count (T lines); relations, events, attributes and notes do not. An entity of several
pieces is none of ours: it is told as a bad-span, and what lies between its ends has no label. brat makes an empty .ann
for every text, so that one says nothing: its text counts as not annotated.
"""

import json
import re
from pathlib import Path
from typing import Any, Dict, List

from ..errors import Errors
from .source import Source

SUFFIX = ".ann"
_ENTITY = re.compile(r"(T\S*)\t(\S+) (\d+ \d+(?:;\d+ \d+)*)(?:\t.*)?")


def is_brat(path: Path) -> bool:
    """Whether this is an annotation file of brat, or a folder that holds some."""
    return path.suffix.lower() == SUFFIX or (path.is_dir() and any(path.rglob(f"*{SUFFIX}")))


def read_brat(path: Path) -> Source:
    """The documents of a file or folder.

    RAISES (ValueError): S227 if there is no such file, or no text beside it.
    """
    files = sorted(path.rglob(f"*{SUFFIX}")) if path.is_dir() else [path]
    return Source(str(path), "".join(json.dumps(read_document(file)) + "\n" for file in files).encode())


def read_document(path: Path) -> Dict[str, Any]:
    """One document, its name as `meta`; line ends of the text stay, as brat counts them."""
    for file in (path, path.with_suffix(".txt")):
        if not file.is_file():
            raise ValueError(Errors.S227.format(path=file, got="nothing there"))
    text = path.with_suffix(".txt").read_bytes().decode("utf8", "replace")
    record = {"text": text, "meta": {"file": path.stem}}
    annotations = path.read_bytes().decode("utf8", "replace")
    if not annotations.strip():
        return record
    spans: List[Dict[str, Any]] = []
    missing: List[List[int]] = []
    for line in annotations.split("\n"):
        found = _ENTITY.fullmatch(line.rstrip("\r"))
        if found is None:
            continue
        name, label, places = found.groups()
        ends = [int(place) for place in re.split("[ ;]", places)]
        if len(ends) == 2:
            spans.append({"start": ends[0], "end": ends[1], "label": label})
        else:
            spans.append({"file": path.name, "id": name, "label": label, "pieces": places})
            missing.append([min(ends), min(max(ends), len(text))])
    return {**record, "spans": spans, "missing": missing}
