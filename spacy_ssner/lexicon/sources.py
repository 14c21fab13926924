"""Names from files: MISP galaxy clusters, ATT&CK STIX bundles, a user's CSV and JSONL, saved lexicons."""

import csv
import gzip
import io
import json
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ..errors import Errors
from .lexicon import Lexicon

# Field "type" of a MISP galaxy cluster file -> category.
MISP_TYPES = {
    "360net-threat-actor": "actor",
    "groups": "actor",
    "microsoft-activity-group": "actor",
    "mitre-intrusion-set": "actor",
    "threat-actor": "actor",
    "android": "malware",
    "backdoor": "malware",
    "banker": "malware",
    "botnet": "malware",
    "exploit-kit": "malware",
    "malpedia": "malware",
    "mitre-malware": "malware",
    "ransomware": "malware",
    "rat": "malware",
    "stealer": "malware",
    "mitre-tool": "tool",
    "rmm-tool": "tool",
    "software": "malware",  # records that say so are tools
    "tool": "tool",
    "mitre-attack-pattern": "technique",
    "sector": "sector",
    "country": "country",
    "software-vendor": "vendor",
}
# The clusters of MISP galaxy that hold such names; the others are of firearms, elections and the like. A file is called
# as its type, but for these.
_OTHER_NAMES = {"360net-threat-actor": "360net", "groups": "tidal-groups", "software": "tidal-software"}
MISP_FILES = frozenset(_OTHER_NAMES.get(kind, kind) for kind in MISP_TYPES)
STIX_TYPES = {
    "intrusion-set": "actor",
    "threat-actor": "actor",
    "malware": "malware",
    "tool": "tool",
    "attack-pattern": "technique",
}
STIX_ALIASES = ("aliases", "x_mitre_aliases")


class Record(NamedTuple):
    """A name as its source has it.

    cased (Optional[bool]): Only from a saved lexicon, where it has been decided.
    proper (bool): A proper name even where it is in lower case: many MISP files list names so (`microsoft`,
        `play`), while ATT&CK and users write a command as it is typed (`netstat`).
    """

    text: str
    category: str
    cased: Optional[bool] = None
    proper: bool = False


@dataclass
class Source:
    """What was read from a file, and what was not, by reason."""

    kind: str
    records: List[Record] = field(default_factory=list)
    skipped: "Counter[str]" = field(default_factory=Counter)


def read_source(path: Path, *, category: Optional[str] = None) -> Source:
    """Names of a file: .json, .csv or .jsonl, each also .gz, or a saved lexicon.

    category (Optional[str]): Of all its names, instead of what the file says.
    RAISES (FileNotFoundError): S263; (ValueError): S268 if it is none of these or cannot be read.
    """
    if not path.is_file():
        raise FileNotFoundError(Errors.S263.format(path=path))
    is_gzip = path.name.lower().endswith(".gz")
    name = path.name[:-3] if is_gzip else path.name
    reader = READERS.get(Path(name).suffix.lower(), _read_lexicon)
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if is_gzip else data
        source = reader(data, Path(name).stem)
    except (ValueError, RecursionError, EOFError, OSError, zlib.error, csv.Error) as err:
        raise ValueError(Errors.S268.format(path=path, reason=err)) from err
    if category is not None:
        source.records = [record._replace(category=category) for record in source.records]
    return source


def _read_json(data: bytes, stem: str) -> Source:
    content = json.loads(data)
    if isinstance(content, dict) and isinstance(content.get("objects"), list):
        return _read_stix(content["objects"])
    if isinstance(content, dict) and isinstance(content.get("values"), list):
        return _read_misp(content, stem)
    raise ValueError("neither a MISP galaxy cluster ('values') nor a STIX bundle ('objects')")


def _read_misp(content: Dict[str, Any], stem: str) -> Source:
    """Clusters with `value` and `meta.synonyms`."""
    kind = content.get("type")
    category = MISP_TYPES.get(kind if isinstance(kind, str) else stem, str(kind or stem))
    source = Source(f"MISP {kind or stem}")
    for value in content["values"]:
        if not isinstance(value, dict) or not isinstance(value.get("value"), str):
            source.skipped["no value"] += 1
            continue
        meta = value["meta"] if isinstance(value.get("meta"), dict) else {}
        is_tool = kind == "software" and meta.get("type") == ["tool"]
        texts = [value["value"], *_strings(source, meta.get("synonyms"))]
        _add(source, texts, "tool" if is_tool else category, proper=not source.kind.startswith("MISP mitre-"))
    return source


def _read_stix(objects: List[Any]) -> Source:
    """Objects with `name` and `aliases`; other types are counted by type."""
    source = Source("STIX")
    for item in objects:
        kind = item.get("type") if isinstance(item, dict) else None
        if not isinstance(kind, str) or kind not in STIX_TYPES:
            source.skipped[f"type {kind}"] += 1
        elif not isinstance(item.get("name"), str):
            source.skipped["no name"] += 1
        else:
            aliases = [alias for key in STIX_ALIASES for alias in _strings(source, item.get(key))]
            _add(source, [item["name"], *aliases], STIX_TYPES[kind])
    return source


def _read_csv(data: bytes, stem: str) -> Source:
    """Lines `name,category`; a first line of just these words is a header. RAISES (csv.Error): For an open quote."""
    source = Source("CSV")
    for number, row in enumerate(csv.reader(io.StringIO(data.decode("utf-8-sig")), strict=True)):
        cells = [cell.strip() for cell in row]
        if number == 0 and [cell.lower() for cell in cells[:2]] == ["name", "category"]:
            continue
        if len(cells) == 2 and all(cells):
            source.records.append(Record(cells[0], cells[1]))
        elif any(cells):
            source.skipped["not name,category"] += 1
    return source


def _read_jsonl(data: bytes, stem: str) -> Source:
    """Objects `{"name": ..., "category": ...}`, one a line."""
    source = Source("JSONL")
    for line in data.decode("utf-8-sig").split("\n"):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
            pair: Tuple[Any, Any] = (item["name"], item["category"])
        except (ValueError, RecursionError, KeyError, TypeError):
            source.skipped["no object with name and category"] += 1
            continue
        if all(isinstance(text, str) and text.strip() for text in pair):
            source.records.append(Record(*(text.strip() for text in pair)))
        else:
            source.skipped["no object with name and category"] += 1
    return source


def _read_lexicon(data: bytes, stem: str) -> Source:
    return Source("lexicon", [Record(*name) for name in Lexicon.from_bytes(data).names])


def _strings(source: Source, values: Any) -> Iterator[str]:
    """The strings of a list; what else it holds is counted."""
    for value in values if isinstance(values, list) else []:
        if isinstance(value, str):
            yield value
        else:
            source.skipped["synonym is no text"] += 1


def _add(source: Source, texts: List[str], category: str, *, proper: bool = False) -> None:
    source.records += [Record(text, category, proper=proper) for text in dict.fromkeys(texts)]


READERS: Dict[str, Callable[[bytes, str], Source]] = {
    ".json": _read_json,
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
}


def keep_categories(records: Sequence[Record], only: Sequence[str]) -> Tuple[List[Record], List[str]]:
    """The records of some categories, all if there are none; and the categories that no record has.

    RAISES (ValueError): S137 if no record has any of them.
    """
    known = sorted({record.category for record in records})
    absent = [name for name in only if name not in known]
    if only and len(absent) == len(only):
        raise ValueError(Errors.S137.format(expected=", ".join(known) or "none", got=", ".join(absent)))
    return [record for record in records if not only or record.category in only], absent
