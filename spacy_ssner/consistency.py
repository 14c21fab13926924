"""The component `ssner_consistency`: one name, one type in a document.

`ssner` reads sentence by sentence. A name that one sentence gives away (`the EventBot malware`) is hard to tell in the
next (`Decrypted EventBot configuration`). Here the document's own names are its lexicon: what was found with confidence
once is an entity of the same type wherever it stands.

SOURCE: Krishnan and Manning 2006, An Effective Two-Stage Model for Exploiting Non-Local Dependencies in Named Entity
    Recognition, for consistent labels in a document. They train a second model on what the first one found; this is
    a rule.
"""

from typing import Dict, Iterable, List, NamedTuple, Tuple

from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc, Span, SpanGroup
from spacy.util import filter_spans

from .annotations import WRITTEN_BY, blocked_tokens, register_extensions, span_score
from .errors import Errors
from .lexicon.lexicon import Lexicon, Name
from .lexicon.pieces import name_pieces
from .text.windows import is_wide

THRESHOLD = 0.6  # chosen on the dev files of CyNER and DNRTI, see docs/results.md
LEAST_LETTERS = 3  # letters and digits of a name


class Known(NamedTuple):
    """The most probable mention of a name."""

    text: str
    label: str
    score: float


@Language.factory(
    "ssner_consistency",
    requires=["doc.ents", "span._.ssner_score"],
    assigns=["doc.ents", "doc.spans", "token.ent_iob", "token.ent_type"],
    default_config={"threshold": THRESHOLD, "spans_key": "ssner_consistency"},
)
def make_ssner_consistency(nlp: Language, name: str, threshold: float, spans_key: str) -> "ConsistencyRuler":
    """Make the component. Its place is behind `ssner`, whose setting `scores` is on.

    threshold (float): How probable the most probable mention of a name must be, 0 to 1.
    spans_key (str): Key of the span group with the entities that were added or got another type.
    RAISES (ValueError): S101 for a threshold out of range.
    """
    return ConsistencyRuler(name, threshold=threshold, spans_key=spans_key)


class ConsistencyRuler(Pipe):
    """Gives the mentions of a name in a document the type of the most probable one, and marks those that were missed.

    Entities without a score, which other components set, and blocked tokens stay as they are. What is added has no
    score itself.
    """

    def __init__(
        self,
        name: str = "ssner_consistency",
        *,
        threshold: float = THRESHOLD,
        spans_key: str = "ssner_consistency",
    ):
        """See make_ssner_consistency. RAISES (ValueError): S101, as it does."""
        if isinstance(threshold, bool) or not 0.0 <= threshold <= 1.0:
            raise ValueError(Errors.S101.format(name="threshold", expected="from 0 to 1", got=threshold))
        self.name = name
        self.threshold = threshold
        self.spans_key = spans_key
        register_extensions()

    def __call__(self, doc: Doc) -> Doc:
        """Make the entities of a doc consistent."""
        known = known_names(doc.ents, self.threshold)
        if not known:
            return doc
        ents, changed = relabelled(doc.ents, known)
        added = missed(doc, known)
        if changed or added:
            blocked = [doc[i : i + 1] for i in blocked_tokens(doc)]
            doc.set_ents([*ents, *added], blocked=blocked, default="unmodified")
            self._list(doc, [*changed, *added])
        return doc

    def _list(self, doc: Doc, spans: List[Span]) -> None:
        """Put spans into the group of ours, beside what a run before put there."""
        earlier = doc.spans[self.spans_key] if self.spans_key in doc.spans else ()
        ents = set(doc.ents)
        spans = sorted({*spans, *(span for span in earlier if span in ents)}, key=lambda span: span.start)
        group = SpanGroup(doc, name=self.spans_key, spans=spans)
        group.attrs[WRITTEN_BY] = "ssner_consistency"
        doc.spans[self.spans_key] = group


def known_names(ents: Iterable[Span], threshold: float) -> Dict[Tuple[str, ...], Known]:
    """Names by their pieces (lexicon.pieces): of each the mention with the highest score, if that is high enough."""
    best: Dict[Tuple[str, ...], Known] = {}
    for ent in ents:
        score = span_score(ent)
        if score is not None and looks_like_name(ent.text):
            pieces = name_pieces(ent.text)
            if pieces not in best or score > best[pieces].score:
                best[pieces] = Known(ent.text, ent.label_, score)
    return {pieces: known for pieces, known in best.items() if known.score >= threshold}


def relabelled(ents: Iterable[Span], known: Dict[Tuple[str, ...], Known]) -> Tuple[List[Span], List[Span]]:
    """All entities, those of known names with their type; and those of them whose type changed."""
    result, changed = [], []
    for ent in ents:
        name = None if span_score(ent) is None else known.get(name_pieces(ent.text))
        if name is not None and name.label != ent.label_:
            ent = Span(ent.doc, ent.start, ent.end, label=name.label)
            changed.append(ent)
        result.append(ent)
    return result, changed


def missed(doc: Doc, known: Dict[Tuple[str, ...], Known]) -> List[Span]:
    """Mentions of known names that touch no entity and no blocked token, without overlap; of two the longer one."""
    taken = {i for ent in doc.ents for i in range(ent.start, ent.end)}.union(blocked_tokens(doc))
    words = [token.text for token in doc]
    lexicon = Lexicon(Name(name.text, name.label) for name in known.values())
    return filter_spans(
        Span(doc, start, end, label=label)
        for start, end, label in lexicon.find(words)
        if taken.isdisjoint(range(start, end))
        and looks_like_name(doc[start:end].text)
        and not any(word.isspace() and is_wide(word) for word in words[start:end])  # columns of a table
    )


def looks_like_name(text: str) -> bool:
    """Does a text hold a capital or a digit, and enough letters, so that it is hardly an ordinary word?"""
    n_letters = sum(character.isalnum() for character in text)
    return n_letters >= LEAST_LETTERS and any(c.isupper() or c.isdigit() for c in text)
