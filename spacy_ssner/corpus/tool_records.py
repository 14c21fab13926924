"""Records as annotation tools write them, made into those of records.py; and lists of records in one JSON file.

Label Studio's `{"data": {"text"}, "annotations": [{"result"}]}` and its short form with `{"start", "end", "labels"}`
under `label`; spaCy v2's `[text, {"entities": [[start, end, label], ...]}]`. Rule (name as in report.RULES):
other-annotations (the first one that was not cancelled counts).
"""

import json
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

OTHERS = "other_annotations"  # key of a record of ours: how many annotations of the text do not count


def split_records(lines: Sequence[str]) -> List[Tuple[int, str]]:
    """The records of a file with their numbers: the items of a JSON list, from 1, else its lines that are not blank."""
    whole = "\n".join(lines)
    if whole.lstrip().startswith("["):
        try:
            items = json.loads(whole)
        except (ValueError, RecursionError):
            items = None  # lines that are lists
        if isinstance(items, list) and not _is_pair(items):
            return [(number, json.dumps(item)) for number, item in enumerate(items, start=1)]
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def plain_record(item: Any) -> Any:
    """An item as records.py reads it, if it is of one of the tools; otherwise as it is."""
    if _is_pair(item):
        return {**item[1], "text": item[0]}
    if not isinstance(item, dict):
        return item
    if (
        "text" not in item
        and isinstance(item.get("data"), dict)
        and isinstance(item.get("annotations"), list)
    ):
        return _label_studio(item)
    regions = item.get("label")
    if isinstance(item.get("text"), str) and isinstance(regions, list) and any(map(_is_region, regions)):
        spans = _region_spans(item["text"], regions)
        return {**{key: value for key, value in item.items() if key != "label"}, "spans": spans}
    return item


def _is_pair(item: Any) -> bool:
    return (
        isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], dict)
    )


def _label_studio(item: Dict[str, Any]) -> Dict[str, Any]:
    """A task, whose text is `text` of its data, or the only string there."""
    strings = [value for value in item["data"].values() if isinstance(value, str)]
    text = item["data"].get("text", strings[0] if len(strings) == 1 else None)
    done = [one for one in item["annotations"] if isinstance(one, dict) and not one.get("was_cancelled")]
    record = {"text": text, "meta": item.get("meta"), OTHERS: len(done) - 1}
    if not done:
        return record
    results = done[0].get("result")
    values = (
        [one.get("value") for one in results if isinstance(one, dict)] if isinstance(results, list) else []
    )
    regions = [value for value in values if _is_region(value)]
    return {**record, "spans": _region_spans(text if isinstance(text, str) else "", regions)}


def _is_region(value: Any) -> bool:
    return isinstance(value, dict) and any(
        isinstance(value.get(key), list) for key in ("labels", "hypertextlabels")
    )


def _region_spans(text: str, regions: Iterable[Any]) -> List[Any]:
    """A span for each label of each region; what is no region stays as it is, and is told as a fault."""
    spans: List[Any] = []
    for region in regions:
        labels = region.get("labels") if _is_region(region) else None
        start, end = _places(text, region) if labels else (None, None)
        spans += [{"start": start, "end": end, "label": label} for label in labels] if labels else [region]
    return spans


def _places(text: str, region: Dict[str, Any]) -> Tuple[Optional[Any], Optional[Any]]:
    """Start and end in characters. Browsers count those outside the Basic Multilingual Plane twice (UTF-16); whether
    they did shows in the region's own text."""
    start, end, own = region.get("start"), region.get("end"), region.get("text")
    if type(start) is not int or type(end) is not int or not 0 <= start < end or text[start:end] == own:
        return start, end
    units = text.encode("utf-16-le", "surrogatepass")
    before, inside = (
        part.decode("utf-16-le", "replace") for part in (units[: 2 * start], units[2 * start : 2 * end])
    )
    return (len(before), len(before) + len(inside)) if inside == own else (start, end)
