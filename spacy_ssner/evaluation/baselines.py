"""The look-up baseline: longest match against the phrases that a training set annotates."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Iterable, Iterator, List, Mapping, Sequence, Tuple, cast
from typing import Counter as CounterType

from spacy.language import Language
from spacy.tokens import Doc, Span

from ..labels import TagSpan
from ..text.tokenizer import blank_english
from .data_files import find_docbins, load_docbin
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


def _folded(words: Sequence[str]) -> Phrase:
    return tuple(word.lower() for word in words)


def _stretches(words: Phrase, longest: int) -> Iterator[Phrase]:
    """All runs of 1 to `longest` words."""
    for start in range(len(words)):
        for end in range(start + 1, min(start + longest, len(words)) + 1):
            yield words[start:end]


class PhraseLookup:
    """Component that marks known phrases; it sets all entities of a doc."""

    def __init__(self, phrases: Mapping[Phrase, str]):
        self.phrases = dict(phrases)

    def __call__(self, doc: Doc) -> Doc:
        found = longest_matches([token.text for token in doc], self.phrases)
        doc.set_ents([Span(doc, start, end, label=label) for start, end, label in found])
        return doc


@Language.factory("ssner_lookup", assigns=["doc.ents"])
def make_lookup(nlp: Language, name: str) -> PhraseLookup:
    """Component without phrases; `lookup_pipeline` fills it."""
    return PhraseLookup({})


def lookup_pipeline(train: Path) -> Language:
    """A blank English pipeline that knows the phrases of a .spacy file or folder and nothing else. Raw text is cut
    by `spacy-ssner.CTITokenizer.v1`.

    RAISES (ValueError): S273 for an unreadable file.
    """
    nlp = blank_english()
    cast(PhraseLookup, nlp.add_pipe("ssner_lookup")).phrases = learn_phrases(_annotated(train, nlp.vocab))
    nlp.meta["name"] = "lookup"
    return nlp


def _annotated(path: Path, vocab: "Vocab") -> Iterable[Tuple[List[str], Tuple[TagSpan, ...]]]:
    for loc in find_docbins(path):
        for doc in load_docbin(loc).get_docs(vocab):
            # unannotated tokens are missing, never no entity; no phrase holds "", so they occur in none
            yield [token.text if token.ent_iob else "" for token in doc], doc_entities(doc)
