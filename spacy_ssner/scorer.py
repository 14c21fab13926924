"""Strict entity precision, recall and F1, through spaCy's own scorer."""

from typing import Any, Callable, Dict, Iterable, Optional

from spacy.scorer import get_ner_prf
from spacy.training import Example

# What counts where a training picks its best model; both of our components set doc.ents.
SCORE_WEIGHTS: Dict[str, Optional[float]] = {
    "ents_f": 1.0,
    "ents_p": 0.0,
    "ents_r": 0.0,
    "ents_per_type": None,
}


def ssner_score(examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
    """`ents_p`, `ents_r`, `ents_f` and `ents_per_type`; predictions on missing tokens do not count."""
    return get_ner_prf(examples, **kwargs)


def make_ssner_scorer() -> Callable:
    """Registered as spacy-ssner.ssner_scorer.v1."""
    return ssner_score
