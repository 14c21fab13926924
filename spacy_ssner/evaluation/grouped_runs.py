"""Records of a grid of runs by data set and variant, and their scores over seeds."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, List, Sequence

from ..errors import Errors
from .grid import Sweep
from .results import ALL
from .significance import Spread, spread

TEST, DEV = "test", "dev"
Record = Dict[str, Any]
Variants = Dict[str, List[Record]]  # records of a data set by variant, by seed


def read_runs(folder: Path) -> List[Record]:
    """Records of a folder, those of failed runs too.

    RAISES (ValueError): S297 if there is none that succeeded, S296 for a file that is none.
    """
    records = []
    for path in sorted(folder.glob("*.json")):
        try:
            record = json.loads(path.read_text(encoding="utf8"))
            record["variant"], record["scores"], record["error"]
        except (ValueError, RecursionError, TypeError, KeyError) as error:
            raise ValueError(Errors.S296.format(path=path, got=f"it is not one ({error!r})")) from error
        records.append(record)
    if not any(record["error"] is None for record in records):
        raise ValueError(Errors.S297.format(path=folder))
    return records


def group_runs(records: Sequence[Record]) -> Dict[str, Variants]:
    """Successful runs by data set and variant, seeds in order; the best variant first."""
    found: Dict[str, Variants] = defaultdict(lambda: defaultdict(list))
    for record in sorted(records, key=lambda r: r["seed"]):
        if record["error"] is None:
            found[record["data"]][record["variant"]].append(record)
    return {
        data: dict(sorted(v.items(), key=lambda item: -f1_spread(item[1], main_split(v)).mean))
        for data, v in sorted(found.items())
    }


def main_split(variants: Variants) -> str:
    """The split that the subset table and the plots are about: test, or dev without it."""
    return TEST if all(TEST in r["scores"] for runs in variants.values() for r in runs) else DEV


def f1_spread(records: Sequence[Record], split: str, *, subset: str = ALL) -> Spread:
    """Strict F1 in percent over seeds. RAISES (ValueError): S291 without records."""
    found = [record["scores"][split] for record in records]
    return spread([100 * (s if subset == ALL else s["subsets"][subset])["micro"]["f1"] for s in found])


def splits_of(variants: Variants) -> List[str]:
    """Splits that every run has, in the order of the first."""
    runs = [record for records in variants.values() for record in records]
    return [split for split in runs[0]["scores"] if all(split in r["scores"] for r in runs)]


def sweep_curves(variants: Variants, sweep: Sweep) -> Dict[str, Dict[str, Spread]]:
    """F1 in percent by curve and value, as far as there are runs; empty if no curve has two values."""
    split = main_split(variants)
    found = {
        curve: {x: f1_spread(variants[name], split) for x, name in points.items() if name in variants}
        for curve, points in sweep.curves.items()
    }
    return found if any(len(points) > 1 for points in found.values()) else {}
