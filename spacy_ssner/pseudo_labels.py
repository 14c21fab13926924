"""Self-training: text that trained pipelines (teachers) label, to train on beside what people labelled.

SOURCE: self-training (Yarowsky 1995, ACL, pages 189-196) with several teachers: what they do not agree on has no label,
so that it puts no demand on the student. Not in the paper.
"""

import random
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, AbstractSet, Iterable, Iterator, List, Optional, Sequence, Set, Tuple

import numpy as np
from spacy.tokens import Doc, Span

from .corpus.sentence import Sentence, normal_form
from .labels import OUTSIDE, TagSpan, spans_to_tags
from .layers.word_features import distinct_words, doc_sentence_starts
from .text.documents import read_text_lines
from .text.overlap import repeats
from .text.reading import read_sentences

if TYPE_CHECKING:
    from spacy.language import Language

    from .corpus.jsonl import Tokenizer

MIN_LETTERS = 20  # of a sentence, letters a-z and digits
DROPPED = ("short", "long", "excluded", "repeat")


@dataclass(frozen=True)
class TextSettings:
    """Which sentences are labelled: a sample of those with min_words to max_words words, each once.

    n_sentences (int): Size of the sample. seed (int): Of its choice.
    """

    min_words: int = 6
    max_words: int = 60
    n_sentences: int = 30_000
    seed: int = 0


def choose_sentences(
    paths: Iterable[Path],
    settings: TextSettings,
    *,
    tokenizer: Optional["Tokenizer"] = None,
    excluded: AbstractSet[Tuple[str, ...]] = frozenset(),
) -> Tuple[List[Sentence], "Counter[str]"]:
    """A sample of the sentences of text files, without labels, in random order.

    tokenizer (Optional[Tokenizer]): Cuts lines of natural text; without it the sentences are words of unknown spacing,
        as CoNLL files give them.
    excluded (AbstractSet[Tuple[str, ...]]): Word runs (text.overlap) of sentences that must not be trained on.
    RETURNS: The sentences, and how many were "read", DROPPED and "kept".
    RAISES, WARNS: As text.reading.read_sentences; with a tokenizer as text.documents.read_text_lines.
    """
    counts: "Counter[str]" = Counter()
    seen: Set[str] = set()
    kept: List[Sentence] = []
    for path in paths:
        for sentence in _read(path, tokenizer):
            form = normal_form(sentence.words)
            counts["read"] += 1
            if len(sentence.words) < settings.min_words or len(form) < MIN_LETTERS:
                counts["short"] += 1
            elif len(sentence.words) > settings.max_words:
                counts["long"] += 1
            elif excluded and repeats(sentence.words, excluded):
                counts["excluded"] += 1
            elif form in seen:
                counts["repeat"] += 1
            else:
                seen.add(form)
                kept.append(sentence)
    counts["kept"] = len(kept)
    random.Random(settings.seed).shuffle(kept)
    return kept[: settings.n_sentences], counts


def _read(path: Path, tokenizer: Optional["Tokenizer"]) -> Iterator[Sentence]:
    if tokenizer is None:
        for words in read_sentences(path):
            yield _unlabelled(words, None, path)
        return
    for line in read_text_lines(path):
        for span in _sentences_of(tokenizer(line.strip())):
            yield _unlabelled([t.text for t in span], tuple(bool(t.whitespace_) for t in span), path)


def _sentences_of(doc: Doc) -> Iterator[Span]:
    """Sentences of a paragraph, where the pipeline will cut it; white space around them goes."""
    words, index = distinct_words([doc])
    bounds = [*np.flatnonzero(doc_sentence_starts([doc], words, index)).tolist(), len(doc)]
    for start, end in zip(bounds, bounds[1:]):
        places = [i for i in range(start, end) if not doc[i].is_space]
        if places:
            yield doc[places[0] : places[-1] + 1]


def _unlabelled(words: Sequence[str], spaces: Optional[Tuple[bool, ...]], path: Path) -> Sentence:
    n = len(words)
    return Sentence(tuple(words), (None,) * n, str(path), (0,) * n, spaces)


def find_entities(
    nlp: "Language", sentences: Sequence[Sentence], types: AbstractSet[str]
) -> Iterator[Tuple[Set[TagSpan], int]]:
    """What a teacher finds in each sentence: its entities of some types, and how many there were of others.

    In the words of the sentence, also where the teacher merges or splits tokens.
    """
    from .corpus.docs import make_doc

    docs: Iterator[Doc] = (make_doc(sentence, nlp.vocab) for sentence in sentences)
    with_ends = ((doc, [token.idx + len(token) for token in doc]) for doc in docs)
    for doc, word_ends in nlp.pipe(with_ends, as_tuples=True):
        found = {
            TagSpan(
                bisect_right(word_ends, ent.start_char), bisect_left(word_ends, ent.end_char) + 1, ent.label_
            )
            for ent in doc.ents
        }
        kept = {span for span in found if span.label in types}
        yield kept, len(found) - len(kept)


def label_sentences(sentences: Iterable[Sentence], votes: Sequence[Sequence[Set[TagSpan]]]) -> List[Sentence]:
    """The sentences with the labels that all teachers agree on.

    votes (Sequence[Sequence[Set[TagSpan]]]): Of each teacher, at least one, the entities of each sentence.
    """
    return [
        replace(sentence, tags=tuple(agreed_tags(found, len(sentence.words))))
        for sentence, *found in zip(sentences, *votes)
    ]


def agreed_tags(votes: Sequence[Set[TagSpan]], n_words: int) -> List[Optional[str]]:
    """BIO tags of the entities in all votes; None for other words that an entity of only some votes touches."""
    agreed = set.intersection(*votes)
    tags: List[Optional[str]] = [*spans_to_tags(sorted(agreed), n_words)]
    for start, end, _ in set.union(*votes) - agreed:
        for i in range(start, end):
            if tags[i] == OUTSIDE:
                tags[i] = None
    return tags
