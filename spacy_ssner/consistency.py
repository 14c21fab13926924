"""The component `ssner_consistency`: one name, one type in a document.

`ssner` reads sentence by sentence. A name that one sentence gives away (`the EventBot malware`) is hard to tell in the
next (`Decrypted EventBot configuration`). Here the document's own names are its lexicon: what was found with confidence
once is an entity of the same type wherever it stands.

SOURCE: Krishnan and Manning 2006, An Effective Two-Stage Model for Exploiting Non-Local Dependencies in Named Entity
    Recognition, for consistent labels in a document. They train a second model on what the first one found; this is
    a rule.
"""

from typing import Any, Dict, Iterable, List, NamedTuple, Tuple

from spacy.language import Language
from spacy.tokens import Doc, Span, SpanGroup
from spacy.util import filter_spans

from .annotations import add_entities, closed_tokens
from .errors import Errors
from .extensions import WRITTEN_BY, place_of, register_extensions, span_score, spans_by_place
from .lexicon.lexicon import Lexicon, Name
from .lexicon.pieces import name_pieces
from .rules import RulePipe
from .settings import SHARE, check_values, is_share, plain
from .text.windows import is_wide

THRESHOLD = 0.6  # chosen on the dev files of CyNER and DNRTI, see docs/results.md
LEAST_LETTERS = 3  # letters and digits of a name
OWN = "ssner_consistency"
Pieces = Tuple[str, ...]


class Mention(NamedTuple):
    """An entity of `ssner`, the pieces of its name (lexicon.pieces), and its score."""

    ent: Span
    pieces: Pieces
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
    RAISES (ValueError): S101 for a threshold out of range or a key that is no string.
    """
    return ConsistencyRuler(name, threshold=threshold, spans_key=spans_key)


class ConsistencyRuler(RulePipe):
    """Gives the mentions of a name in a document the type of the most probable one, and marks those that were missed.

    Entities without a score, which other components set, and blocked tokens stay as they are. What is added has no
    score itself.
    """

    @staticmethod
    def check(settings: Dict[str, Any]) -> Dict[str, Any]:
        """The settings as plain Python values. RAISES (ValueError): S101 for one that is not usable."""
        settings = plain(settings)
        checks = {
            "threshold": (is_share(settings["threshold"]), SHARE),
            "spans_key": (isinstance(settings["spans_key"], str), "a string"),
        }
        check_values(settings, checks, Errors.S101)
        return settings

    def __init__(
        self,
        name: str = "ssner_consistency",
        *,
        threshold: float = THRESHOLD,
        spans_key: str = "ssner_consistency",
    ):
        """See make_ssner_consistency. RAISES (ValueError): S101, as it does."""
        self.name = name
        self.cfg = self.check({"threshold": threshold, "spans_key": spans_key})
        register_extensions()

    def __call__(self, doc: Doc) -> Doc:
        """Make the entities of a doc consistent. RAISES (ValueError): S101 if the span group is another component's."""
        register_extensions()  # a pipeline that was unpickled elsewhere has not been made there
        mentions = scored_mentions(doc)
        known = known_names(mentions, self.cfg["threshold"])
        new = [*relabelled(mentions, known), *missed(doc, known)] if known else []
        if new:
            add_entities(doc, new, overwrite=True)
        self._list(doc, new)
        return doc

    def _list(self, doc: Doc, spans: List[Span]) -> None:
        """Put spans into the group of ours, beside what a run before put there."""
        key = self.cfg["spans_key"]
        earlier = doc.spans[key] if key in doc.spans else SpanGroup(doc)
        if earlier.attrs.get(WRITTEN_BY, OWN) != OWN:
            expected = "a key that no other component writes"
            raise ValueError(Errors.S101.format(name="spans_key", expected=expected, got=key))
        places = {place_of(span) for span in spans} | spans_by_place(earlier).keys()
        spans = [ent for ent in doc.ents if place_of(ent) in places]
        group = SpanGroup(doc, name=key, spans=spans)
        group.attrs[WRITTEN_BY] = OWN
        doc.spans[key] = group


def scored_mentions(doc: Doc) -> List[Mention]:
    """The entities of a doc that have a score."""
    scored = [(ent, span_score(ent)) for ent in doc.ents]
    return [Mention(ent, name_pieces(ent.text), score) for ent, score in scored if score is not None]


def known_names(mentions: Iterable[Mention], threshold: float) -> Dict[Pieces, Mention]:
    """Of each name the mention with the highest score, if that is high enough."""
    best: Dict[Pieces, Mention] = {}
    for mention in mentions:
        if looks_like_name(mention.ent.text):
            known = best.setdefault(mention.pieces, mention)
            best[mention.pieces] = mention if mention.score > known.score else known
    return {pieces: mention for pieces, mention in best.items() if mention.score >= threshold}


def relabelled(mentions: Iterable[Mention], known: Dict[Pieces, Mention]) -> List[Span]:
    """Those mentions of known names that have another type, with the known one."""
    named = [
        (mention.ent, known[mention.pieces].ent.label_) for mention in mentions if mention.pieces in known
    ]
    return [Span(ent.doc, ent.start, ent.end, label=label) for ent, label in named if ent.label_ != label]


def missed(doc: Doc, known: Dict[Pieces, Mention]) -> List[Span]:
    """Mentions of known names that touch no entity and no blocked token, without overlap; of two the longer one."""
    closed = closed_tokens([doc])
    words = [token.text for token in doc]
    lexicon = Lexicon(Name(mention.ent.text, mention.ent.label_) for mention in known.values())
    return filter_spans(
        Span(doc, start, end, label=label)
        for start, end, label in lexicon.find(words)
        if not closed[start:end].any()
        and looks_like_name(doc[start:end].text)
        and not any(word.isspace() and is_wide(word) for word in words[start:end])  # columns of a table
    )


def looks_like_name(text: str) -> bool:
    """Does a text hold a capital or a digit, and enough letters, so that it is hardly an ordinary word?"""
    n_letters = sum(character.isalnum() for character in text)
    return n_letters >= LEAST_LETTERS and any(c.isupper() or c.isdigit() for c in text)
