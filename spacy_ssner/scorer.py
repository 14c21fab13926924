"""Strict entity precision, recall and F1, through spaCy's own scorer."""

from typing import Any, Callable, Dict, Optional

from spacy.scorer import get_ner_prf

# What counts where a training picks its best model; both of our components set doc.ents.
SCORE_WEIGHTS: Dict[str, Optional[float]] = {
    "ents_f": 1.0,
    "ents_p": 0.0,
    "ents_r": 0.0,
    "ents_per_type": None,
}


def make_ssner_scorer() -> Callable[..., Dict[str, Any]]:
    """Registered as spacy-ssner.ssner_scorer.v1: `ents_p`, `ents_r`, `ents_f` and `ents_per_type`, from 0 to 1, of some
    examples. Predictions on missing tokens do not count."""
    return get_ner_prf
