"""The look-up baseline: longest match against the phrases that a training set annotates, and against a lexicon."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, cast
from typing import Counter as CounterType

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from ..labels import TagSpan
from ..lexicon.lexicon import Lexicon
from ..text.tokenizer import blank_english
from .data_files import load_docs
from .metrics import doc_entities

if TYPE_CHECKING:
    from spacy.vocab import Vocab

LOOKUP = "lookup:"  # in front of a .spacy file, where a command expects a pipeline
Phrase = Tuple[str, ...]


def learn_phrases(docs: Iterable[Tuple[Sequence[str], Iterable[TagSpan]]]) -> Dict[Phrase, str]:
    """Phrases in lower case with the type that they have most often in some annotated texts.

    docs: Annotated texts as (words, entities), with "" for a word of which it is not known what it is.

    To be no entity counts as a type: a phrase that is no entity of its own more often than it has its commonest
    type is left out, or a slip in the data ("the") would match everywhere.
    """
    texts = [(_folded(words), list(spans)) for words, spans in docs]
    counts: Dict[Phrase, CounterType[str]] = defaultdict(Counter)
    for words, spans in texts:
        for start, end, label in spans:
            counts[words[start:end]][label] += 1
    occurrences: CounterType[Phrase] = Counter()
    longest = max(map(len, counts), default=0)
    for words, _ in texts:
        occurrences.update(phrase for phrase in _stretches(words, longest) if phrase in counts)
    phrases: Dict[Phrase, str] = {}
    for phrase, labels in counts.items():
        label, count = labels.most_common(1)[0]
        if count >= occurrences[phrase] - sum(labels.values()):
            phrases[phrase] = label
    return phrases


def longest_matches(words: Sequence[str], phrases: Mapping[Phrase, str]) -> List[TagSpan]:
    """Known phrases from left to right; where several start, the longest. They do not overlap."""
    folded = _folded(words)
    longest = max(map(len, phrases), default=0)
    spans: List[TagSpan] = []
    start = 0
    while start < len(folded):
        ends = range(min(start + longest, len(folded)), start, -1)
        end = next((e for e in ends if folded[start:e] in phrases), None)
        if end is None:
            start += 1
            continue
        spans.append(TagSpan(start, end, phrases[folded[start:end]]))
        start = end
    return spans


def learn_categories(
    docs: Iterable[Tuple[Sequence[str], Iterable[TagSpan]]], lexicon: Lexicon
) -> Dict[str, str]:
    """Categories of a lexicon with the type that their matches in annotated texts have most often; without those that
    are no entity more often. docs: As in `learn_phrases`."""
    counts: Dict[str, CounterType[str]] = defaultdict(Counter)
    for words, spans in docs:
        labels = {(span.start, span.end): span.label for span in spans}
        for match in lexicon.find(words):
            counts[match.category][labels.get((match.start, match.end), "")] += 1
    commonest = {category: labels.most_common(1)[0][0] for category, labels in counts.items()}
    return {category: label for category, label in commonest.items() if label}


def _folded(words: Sequence[str]) -> Phrase:
    return tuple(word.lower() for word in words)


def _stretches(words: Phrase, longest: int) -> Iterator[Phrase]:
    """All runs of 1 to `longest` words."""
    for start in range(len(words)):
        for end in range(start + 1, min(start + longest, len(words)) + 1):
            yield words[start:end]


class PhraseLookup:
    """Component that marks known phrases and, in the gaps, listed names; it sets all entities of a doc."""

    def __init__(self, phrases: Mapping[Phrase, str]):
        self.phrases = dict(phrases)
        self.lexicon: Optional[Lexicon] = None
        self.types: Dict[str, str] = {}  # by category of the lexicon

    def __call__(self, doc: Doc) -> Doc:
        words = [token.text for token in doc]
        found = [Span(doc, *span) for span in longest_matches(words, self.phrases)]
        taken = {token.i for span in found for token in span}
        names = [] if self.lexicon is None else self.lexicon.find(words)
        listed = [
            Span(doc, x.start, x.end, self.types[x.category]) for x in names if x.category in self.types
        ]
        free = [span for span in listed if taken.isdisjoint(range(span.start, span.end))]
        doc.set_ents([*found, *filter_spans(free)])
        return doc


@Language.factory("ssner_lookup", assigns=["doc.ents"])
def make_lookup(nlp: Language, name: str) -> PhraseLookup:
    """Component without phrases; `lookup_pipeline` fills it."""
    return PhraseLookup({})


def lookup_pipeline(train: Path, lexicon: Optional[Path] = None) -> Language:
    """A blank English pipeline that knows the phrases of a .spacy file or folder, and the names of a saved lexicon if
    there is one, with the types that their categories have in the same file. Raw text is cut by
    `spacy-ssner.CTITokenizer.v1`.

    RAISES (ValueError): S235, S273 for an unreadable file, S267 for what is no lexicon. (OSError): If there is none.
    """
    nlp = blank_english()
    lookup = cast(PhraseLookup, nlp.add_pipe("ssner_lookup"))
    lookup.phrases = learn_phrases(_annotated(train, nlp.vocab))
    if lexicon is not None:
        lookup.lexicon = Lexicon.from_disk(lexicon)
        lookup.types = learn_categories(_annotated(train, nlp.vocab), lookup.lexicon)
    nlp.meta["name"] = "lookup"
    return nlp


def _annotated(path: Path, vocab: "Vocab") -> Iterable[Tuple[List[str], Tuple[TagSpan, ...]]]:
    for doc in load_docs(path, vocab):
        # unannotated tokens are missing, never no entity; no phrase holds "", so they occur in none
        yield [token.text if token.ent_iob else "" for token in doc], doc_entities(doc)
