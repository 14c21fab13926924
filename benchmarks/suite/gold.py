"""Annotated sentences as spaCy Examples, from .conll or .spacy files."""

from pathlib import Path
from typing import Any, List, Set

from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab


def read_gold(path: Path, vocab: Vocab) -> List[Doc]:
    """Annotated docs, one per sentence, their words as in the file."""
    from spacy_ssner.corpus.convert import convert
    from spacy_ssner.corpus.docs import make_docs
    from spacy_ssner.text.docbins import load_docbin

    if path.suffix == ".spacy":
        return load_docbin(path, vocab)
    return list(make_docs(convert(path)[0], vocab))


def read_examples(path: Path, nlp: Any) -> List[Example]:
    """Examples whose predicted docs hold the gold words and nothing else."""
    docs = read_gold(path, nlp.vocab)
    return [Example(Doc(nlp.vocab, words=[token.text for token in doc]), doc) for doc in docs]


def labels_of(examples: List[Example]) -> Set[str]:
    """Entity types that occur."""
    return {entity.label_ for example in examples for entity in example.reference.ents}
