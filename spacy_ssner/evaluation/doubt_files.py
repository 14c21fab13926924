"""Doubts about annotated docs as data: a file for people to correct, and copies that leave out what is in doubt."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence

from ..files import open_draft
from .label_errors import Doubt, doubted_tokens
from .metrics import doc_entities, missing_tokens

if TYPE_CHECKING:
    from spacy.tokens import Doc


def write_doubts(docs: Sequence["Doc"], doubts: Sequence[Sequence[Doubt]], path: Path) -> None:
    """Write the docs in question as `convert` reads them, the one with the strongest doubt first."""
    asked = [i for i, found in enumerate(doubts) if found]
    asked.sort(key=lambda i: -max(doubt.strength for doubt in doubts[i]))
    with open_draft(path) as file:
        for i in asked:
            record = {
                "text": docs[i].text,
                "spans": [_span(docs[i], (ent.start, ent.end, ent.label_)) for ent in docs[i].ents],
                "doubts": [_as_dict(docs[i], doubt) for doubt in doubts[i]],
                "meta": {**docs[i].user_data.get("meta", {}), "doc": i + 1},
            }
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _span(doc: "Doc", span: Sequence[Any], probability: Optional[float] = None) -> Dict[str, Any]:
    """A span in characters."""
    found = doc[span[0] : span[1]]
    record = {"start": found.start_char, "end": found.end_char, "label": span[2]}
    return record if probability is None else {**record, "probability": round(probability, 4)}


def _as_dict(doc: "Doc", doubt: Doubt) -> Dict[str, Any]:
    return {
        "kind": doubt.kind,
        "strength": round(doubt.strength, 4),
        "surface": doc[doubt.span.start : doubt.span.end].text,
        **_span(doc, doubt.span, doubt.probability),
        "instead": [_span(doc, span, p) for span, p in doubt.instead],
    }


def mask(doc: "Doc", doubts: Sequence[Doubt]) -> "Doc":
    """A copy in which tokens are not annotated where that is in doubt."""
    tokens = doubted_tokens(doc_entities(doc), doubts)
    copy = doc.copy()
    kept = [ent for ent in copy.ents if tokens.isdisjoint(range(ent.start, ent.end))]
    missing = [copy[i : i + 1] for i in sorted(tokens | missing_tokens(doc))]
    copy.set_ents(kept, missing=missing, default="outside")
    return copy
