"""What has to be reached. `check` compares figures with it."""

import operator
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

MET, MISSED, ABSENT = "met", "MISSED", "not measured"
WAYS = {"at least": operator.ge, "at most": operator.le, "under": operator.lt}


@dataclass(frozen=True)
class Bar:
    """A figure and what it must be.

    part: Part of the benchmark that measures it. path: Keys that lead to the figure in the part's results.
    way: "at least", "at most" or "under" `bar`. aim: What would be good, if that is said.
    """

    what: str
    part: str
    path: Tuple[str, ...]
    way: str
    bar: float
    aim: Optional[float] = None


MIXED = ("mixed", "ratios")
BARS = (
    Bar("ssner over Hugging Face", "inference", (*MIXED, "over_hugging_face"), "at least", 2.0, 2.8),
    Bar("ssner over spaCy transformer + ner", "inference", (*MIXED, "over_spacy"), "at least", 2.5, 3.5),
    Bar("ssner over the bare encoder", "inference", (*MIXED, "over_limit"), "at least", 0.75, 0.9),
    Bar("int8 (ONNX Runtime) over float32", "inference", (*MIXED, "onnx_over_ssner"), "at least", 1.4),
    Bar("F1 lost by it, points", "inference", ("form_f1", "most_lost", "onnx"), "at most", 0.5),
    Bar(
        "int8 (ONNX Runtime) over Hugging Face",
        "inference",
        (*MIXED, "onnx_over_hugging_face"),
        "at least",
        4.0,
    ),
    Bar("training epoch over spaCy, DNRTI", "training", ("dnrti", "ratios", "over_spacy"), "at least", 1.2),
    Bar("training epoch over spaCy, CyNER", "training", ("cyner", "ratios", "over_spacy"), "at least", 3.0),
    Bar("CRF over torchcrf, 64 x 64 x 27", "crf", ("64x64x27", "over_torchcrf"), "at least", 10.0),
    Bar("CRF over torchcrf, 8 x 512 x 60", "crf", ("8x512x60", "over_torchcrf"), "at least", 10.0),
    Bar("span marginals over decoding, 64 x 64 x 27", "crf", ("64x64x27", "marginals"), "at most", 1.5),
    Bar("span marginals over decoding, 8 x 512 x 60", "crf", ("8x512x60", "marginals"), "at most", 1.5),
    Bar("similar-word table over the naive loop", "table", ("over_naive",), "at least", 50.0),
    Bar("similar-word table, seconds", "table", ("seconds",), "under", 60.0),
    Bar("1,000,000 characters, time over linear", "memory", ("document", "over_linear"), "at most", 1.2),
    Bar("1,000,000 characters, MB above loaded", "memory", ("document", "peak_mb"), "at most", 1024.0),
    Bar("stream, drift of resident memory", "memory", ("stream", "drift"), "under", 0.05),
    Bar("spacy.blank with the plugin over without", "start", ("blank", "ratio"), "at most", 1.05),
)


@dataclass(frozen=True)
class Verdict:
    """A bar, the figure that was found (None if it was not measured) and how they compare."""

    bar: Bar
    found: Optional[float]
    state: str


def check(results: Dict[str, Any], *, bars: Tuple[Bar, ...] = BARS) -> List[Verdict]:
    """Compare results (by part) with the bars of the parts that ran."""
    return [verdict(bar, results[bar.part]) for bar in bars if bar.part in results]


def verdict(bar: Bar, part: Dict[str, Any]) -> Verdict:
    found: Any = part
    for key in bar.path:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, (int, float)) or found != found:
        return Verdict(bar, None, ABSENT)
    return Verdict(bar, float(found), MET if WAYS[bar.way](found, bar.bar) else MISSED)


def n_failed(verdicts: List[Verdict]) -> int:
    """How many bars are not shown to be met: a figure that is absent is no success."""
    return sum(v.state != MET for v in verdicts)
