"""Sentences to spaCy Docs and .spacy files."""

from pathlib import Path
from typing import Iterable, Iterator, List, Optional, Union

from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from ..files import write_bytes
from .sentence import Sentence, missing_spans

ATTRIBUTES = ("ENT_IOB", "ENT_TYPE", "SENT_START")


def make_doc(sentence: Sentence, vocab: Vocab) -> Doc:
    """Make a Doc with gold entities.

    Without `spaces` the Doc is one sentence with unknown spaces, so that spaCy's Corpus keeps the gold
    tokens; with them the text is the document's, and sentences stay unset. Tokens without a label are
    missing, not outside. `meta` goes to doc.user_data["meta"].
    """
    spaces = None if sentence.spaces is None else list(sentence.spaces)
    starts: Optional[List[Union[bool, int, None]]] = None
    if spaces is None:
        starts = [i == 0 for i in range(len(sentence.words))]
    doc = Doc(vocab, words=list(sentence.words), spaces=spaces, sent_starts=starts)
    entities = [Span(doc, start, end, label=label) for start, end, label in sentence.mentions]
    missing = [doc[start:end] for start, end in missing_spans(sentence.tags)]
    doc.set_ents(entities, missing=missing, default="outside")
    if sentence.meta:
        doc.user_data["meta"] = sentence.meta
    return doc


def make_docs(sentences: Iterable[Sentence], vocab: Vocab) -> Iterator[Doc]:
    """A Doc for each sentence, one at a time."""
    return (make_doc(sentence, vocab) for sentence in sentences)


def write_docs(docs: Iterable[Doc], path: Union[str, Path]) -> int:
    """Write a .spacy file: first beside its place, then moved there, so that no half file is ever found.

    path (Union[str, Path]): Its folder is created.
    RETURNS (int): The number of Docs.
    """
    docs = list(docs)
    has_meta = any("meta" in doc.user_data for doc in docs)
    data = DocBin(attrs=ATTRIBUTES, store_user_data=has_meta, docs=docs).to_bytes()
    write_bytes(path, data)
    return len(docs)


def is_document(doc: Doc) -> bool:
    """Whether it may hold several sentences: they are not marked, or there are several (`make_doc` marks one)."""
    return not doc.has_annotation("SENT_START") or len(list(doc.sents)) > 1
