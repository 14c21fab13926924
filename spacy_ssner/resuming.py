"""Going on with an output of `annotate` that an earlier run left unfinished."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterable, Iterator

from .errors import Errors
from .text.records import Record


@dataclass
class Written:
    """What stands in an output already.

    documents (int): How many. last (Dict[str, int]): Of each source the number of the last line that stands there, 0
        for one that is a document itself. A source is written in order, so all that comes before has had its turn.
    """

    documents: int = 0
    last: Dict[str, int] = field(default_factory=dict)

    def rest(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records that come after."""
        for record in records:
            if (record.line or 0) > self.last.get(record.source, -1):
                yield record


def read_written(path: Path) -> Written:
    """What stands in an output of JSON lines, if there is one. A line without an end, left by a killed run, is cut off.

    RAISES (ValueError): S209 for a line that `annotate` does not write.
    """
    found = Written()
    if not path.exists():
        return found
    with path.open("r+b") as file:
        end = 0
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break
            try:
                document = json.loads(line)
                source, place, _ = document["source"], document.get("line", 0), document["entities"]
                found.last[source] = max(place, found.last.get(source, 0))
            except (ValueError, TypeError, KeyError, AttributeError) as err:
                got = f"{line[:60].decode('utf8', 'replace')!r} on line {number}"
                raise ValueError(Errors.S209.format(path=path, got=got)) from err
            found.documents += 1
            end += len(line)
        file.seek(0, os.SEEK_END)
        if file.tell() > end:
            file.truncate(end)
    return found
