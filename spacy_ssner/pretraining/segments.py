"""How long the masked segments are: laws of length, where they come from, drawing from them. Numpy only.

SOURCE: SSNER (Symmetry 2025, 17, 783), section 3.3, eqs. (3)-(5) and Appendix A.
"""

import io
import json
import re
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Iterable, List, Tuple, Union

import numpy as np

from ..errors import Errors
from ..files import write_bytes, write_text

if TYPE_CHECKING:
    from spacy.tokens import Doc

FORMAT = "spacy-ssner.LengthLaw.v1"
FORMS = "entity:TRAIN.spacy, entity:LAW.json, fixed:K, whole-word, token or geometric:P:MAX"
UNITS = ("word", "token")


@dataclass(frozen=True)
class LengthLaw:
    """The distribution that the lengths of masked segments are drawn from.

    name (str): How it is called on the command line and in plots.
    probabilities (Tuple[float, ...]): Entry i is the probability of length i + 1. Sums to 1.
    unit (str): What a length counts: "word" (with all its word pieces), or "token" for single word pieces,
        whose only length is 1.
    RAISES (ValueError): S240 if this is no distribution.
    """

    name: str
    probabilities: Tuple[float, ...]
    unit: str = "word"

    def __post_init__(self) -> None:
        values = np.asarray(self.probabilities, dtype=np.float64)
        if self.unit not in UNITS:
            raise ValueError(Errors.S240.format(expected=f"a unit among {UNITS}", got=repr(self.unit)))
        if values.ndim != 1 or not len(values) or not ((values >= 0) & (values <= 1)).all():
            raise ValueError(Errors.S240.format(expected="probabilities from 0 to 1", got=self.probabilities))
        if abs(values.sum() - 1) > 1e-6:
            raise ValueError(Errors.S240.format(expected="probabilities with sum 1", got=values.sum()))
        if self.unit == "token" and len(values) > 1:
            expected = "one length for single word pieces"
            raise ValueError(Errors.S240.format(expected=expected, got=f"{len(values)} lengths"))


def entity_law(lengths: Iterable[int], *, max_length: int) -> LengthLaw:
    """Estimate how often entities of each length occur. Give the training split only.

    lengths (Iterable[int]): Entity lengths in words, each >= 1.
    max_length (int): Longest length kept, in words, >= 1. Longer entities count as this; the caller, who
        has the lengths, says how many these are.
    RETURNS (LengthLaw): `max_length` entries, or fewer if no entity is that long.
    RAISES (ValueError): S240 if a length or `max_length` is below 1, S241 if there are no entities.

    SOURCE: S(D) in eq. (3).
    """
    counts = Counter(min(length, max_length) for length in lengths)
    if not counts:
        raise ValueError(Errors.S241.format(path="the training split"))
    if min(counts) < 1:
        raise ValueError(Errors.S240.format(expected="lengths of at least 1 word", got=min(counts)))
    total = sum(counts.values())
    return LengthLaw("entity", tuple(counts[i] / total for i in range(1, max(counts) + 1)))


def fixed_law(k: int) -> LengthLaw:
    """All segments have k words, k >= 1. SOURCE: Appendix A. RAISES (ValueError): S240."""
    if k < 1:
        raise ValueError(Errors.S240.format(expected="fixed:K with K of at least 1 word", got=k))
    return LengthLaw(f"fixed:{k}", (0.0,) * (k - 1) + (1.0,))


def whole_word_law() -> LengthLaw:
    """Single words with all their pieces, as BERT's whole-word masking: `fixed:1` by its usual name."""
    return LengthLaw("whole-word", (1.0,))


def token_law() -> LengthLaw:
    """Single word pieces, as in the first BERT: words may be masked in part."""
    return LengthLaw("token", (1.0,), unit="token")


def geometric_law(p: float, max_length: int) -> LengthLaw:
    """P(k) proportional to p (1 - p)^(k - 1) for 1 <= k <= max_length, in words.

    p (float): 0 < p <= 1. RAISES (ValueError): S240 if p or max_length is out of range.
    SOURCE: SpanBERT (Joshi et al., 2020), which uses p = 0.2 and at most 10 words.
    """
    if not 0 < p <= 1 or max_length < 1:
        expected = "geometric:P:MAX with 0 < P <= 1 and MAX of at least 1 word"
        raise ValueError(Errors.S240.format(expected=expected, got=f"{p}:{max_length}"))
    weights = p * (1 - p) ** np.arange(max_length)
    return LengthLaw(f"geometric:{p:g}:{max_length}", tuple((weights / weights.sum()).tolist()))


def cumulative(law: LengthLaw) -> np.ndarray:
    """F(0), ..., F(K): (K + 1,) float64, from 0 to exactly 1. SOURCE: eq. (4)."""
    sums = np.cumsum(law.probabilities, dtype=np.float64)
    # The last sum may miss 1 by rounding; then a u above it would have no length.
    return np.concatenate([[0.0], sums / sums[-1]])


def sample_lengths(law: LengthLaw, u: np.ndarray) -> np.ndarray:
    """The k with F(k - 1) <= u < F(k), for each u.

    u (np.ndarray): Any shape, 0 <= u < 1, uniform.
    RETURNS (np.ndarray): int64 of the same shape, 1 <= k <= K.

    SOURCE: inverse transform sampling, eq. (5). UNSTATED: whether one draw serves a segment or a whole
    text; here it is one per segment.
    """
    return np.searchsorted(cumulative(law)[1:], u, side="right") + 1


def mean_length(law: LengthLaw) -> float:
    """Expected length of a segment, in the law's unit."""
    return float(np.arange(1, len(law.probabilities) + 1) @ np.asarray(law.probabilities))


def entity_lengths(docs: Iterable["Doc"]) -> List[int]:
    """Lengths of all entities of some docs, in tokens. Docs without entity annotation have none to count."""
    return [len(ent) for doc in docs if doc.has_annotation("ENT_IOB") for ent in doc.ents]


def read_entity_lengths(path: Union[str, Path]) -> List[int]:
    """Lengths of the entities in a .spacy file, in tokens; give that of the training split.

    RAISES (ValueError): S241 if there is no entity; S235 if there is no such file or it cannot be read.
    """
    from spacy.vocab import Vocab

    from ..text.docbins import load_docbin

    lengths = entity_lengths(load_docbin(path, Vocab()))
    if not lengths:
        raise ValueError(Errors.S241.format(path=path))
    return lengths


def parse_law(text: str) -> LengthLaw:
    """Read a law from a command line.

    text (str): entity:PATH.json, fixed:3, whole-word, token or geometric:0.2:10.
    RAISES (ValueError): S240 on another form or numbers out of range, S242 if the file is not a saved law.
    """
    if text == "whole-word":
        return whole_word_law()
    if text == "token":
        return token_law()
    if text.startswith("entity:"):
        return load_law(text[len("entity:") :])
    if match := re.fullmatch(r"fixed:(\d{1,4})", text):
        return fixed_law(int(match[1]))
    if match := re.fullmatch(r"geometric:(\d*\.?\d+):(\d{1,4})", text):
        return geometric_law(float(match[1]), int(match[2]))
    raise ValueError(Errors.S240.format(expected=FORMS, got=repr(text)))


def save_law(law: LengthLaw, path: Union[str, Path]) -> None:
    """Write a law as JSON; a file that was there is replaced at once."""
    write_text(path, json.dumps({"format": FORMAT, **asdict(law)}, indent=2) + "\n")


def load_law(path: Union[str, Path]) -> LengthLaw:
    """Read what `save_law` wrote. RAISES (ValueError): S242 if there is no such file, or it is damaged or foreign."""
    try:
        values = json.loads(Path(path).read_text(encoding="utf8"))
        if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
            raise ValueError(f"its 'format' is not {FORMAT!r}")
        return LengthLaw(**{**values, "probabilities": tuple(map(float, values["probabilities"]))})
    except (OSError, ValueError, RecursionError, TypeError, KeyError) as err:
        raise ValueError(Errors.S242.format(path=path, reason=err)) from err


def plot_law(law: LengthLaw, path: Union[str, Path]) -> None:
    """Draw the probabilities as bars and eq. (4) as steps above them; the suffix (.png, .svg) names the format.

    RAISES (ImportError): S299 if matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as err:
        raise ImportError(Errors.S299) from err
    path = Path(path)
    lengths = np.arange(1, len(law.probabilities) + 1)
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.add_subplot()
    axes.bar(lengths, law.probabilities, color="#4c72b0", label="share of segments")
    axes.step(lengths, cumulative(law)[1:], where="mid", color="#c44e52", label="cumulative, F(k)")
    axes.set(xlabel=f"length in {law.unit}s", ylabel="probability", ylim=(0, 1.05))
    axes.set_title(f"{law.name}: mean {mean_length(law):.2f}")
    axes.legend(frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=path.suffix.lstrip(".") or "png", dpi=150)
    write_bytes(path, buffer.getvalue())
