"""All figures of one evaluation as one dictionary, ready for JSON."""

import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy as np

from ..errors import Errors
from .matching import count_mistakes, match_entities
from .metrics import KINDS, ScoredDoc, score_entities, sentence_counts
from .subsets import TrainIndex, subset_tests

PACKAGES = ("spacy-ssner", "spacy", "thinc", "torch", "spacy-transformers", "transformers", "numpy")
ALL = "all"  # beside the names of subsets


def summarize(docs: Sequence[ScoredDoc], *, train: Optional[TrainIndex] = None) -> Dict[str, Any]:
    """Score documents in every way that this package knows.

    train (Optional[TrainIndex]): What the training data holds; without it four of the subsets are left out.
    RETURNS (Dict[str, Any]): micro, macro, per_type, n_ignored (strict); subsets (the same for each);
        matching (by scheme), mistakes, confusion; sentence_counts (by subset, for `read_counts`); data.
        All ratios from 0 to 1.
    """
    tests = subset_tests(train)
    mistakes, confusion = count_mistakes(docs)
    counts = {
        ALL: sentence_counts(docs),
        **{name: sentence_counts(docs, keep=t) for name, t in tests.items()},
    }
    return {
        **score_entities(docs).to_dict(),
        "subsets": {name: score_entities(docs, keep=test).to_dict() for name, test in tests.items()},
        "matching": {scheme: found.to_dict() for scheme, found in match_entities(docs).items()},
        "mistakes": mistakes,
        "confusion": confusion,
        "sentence_counts": {name: pack_counts(found) for name, found in counts.items()},
        "data": {
            "docs": len(docs),
            "sentences": sum(len(doc.starts) for doc in docs),
            "tokens": sum(len(doc.words) for doc in docs),
            "entities": sum(len(doc.gold) for doc in docs),
            "missing_tokens": sum(len(doc.missing) for doc in docs),
        },
    }


def pack_counts(counts: np.ndarray) -> Dict[str, str]:
    """Counts of sentences (n, 3) as three strings of numbers, short and readable in JSON."""
    return {kind: " ".join(map(str, column)) for kind, column in zip(KINDS, counts.T.tolist())}


def unpack_counts(packed: Mapping[str, str]) -> np.ndarray:
    """What `pack_counts` packed: (n, 3) int64."""
    columns: List[List[int]] = [[int(number) for number in packed[kind].split()] for kind in KINDS]
    return np.array(columns, dtype=np.int64).T.reshape(-1, len(KINDS))


def read_evaluation(path: Path, *, split: str) -> Dict[str, Any]:
    """What `evaluate --output` wrote, or the scores of one file (split) in a run of `ablation`.

    RAISES (ValueError): S296 if the file is neither, S293 if the run has no such split.
    """
    try:
        found = json.loads(path.read_text(encoding="utf8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(Errors.S296.format(path=path, got=f"it cannot be read ({error})")) from error
    scores = found.get("scores") if isinstance(found, dict) else None
    if isinstance(scores, dict):
        if split not in scores:
            names = ", ".join(scores) or f"none, it failed ({found.get('error')})"
            raise ValueError(Errors.S293.format(what=f"--on (for {path})", expected=names, got=split))
        found = scores[split]
    if not isinstance(found, dict) or not {"sentence_counts", "micro", "data"} <= set(found):
        raise ValueError(Errors.S296.format(path=path, got="it holds no counts per sentence"))
    return found


def installed_versions() -> Dict[str, Optional[str]]:
    """Versions of what a score depends on; None for what is not installed."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found: Dict[str, Optional[str]] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found
