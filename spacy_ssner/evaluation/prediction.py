"""Run a pipeline over annotated data and bring gold and predictions together."""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Dict, FrozenSet, Iterator, List, Optional, Sequence, Tuple

from ..errors import Errors, Warnings
from .data_files import find_docbins, load_docbin
from .metrics import Mention, ScoredDoc, doc_entities, mentions, scored_doc

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc
    from spacy.training import Example

LONG = 200  # documents from which on a progress bar is worth its line


@dataclass(frozen=True)
class Speed:
    """Tokens that went through nlp.pipe and its wall time. Tokenising the text is not in it."""

    words: int
    seconds: float

    def to_dict(self) -> Dict[str, float]:
        rate = self.words / self.seconds if self.seconds else 0.0
        return {"words": self.words, "seconds": self.seconds, "words_per_second": rate}


def read_examples(path: Path, nlp: "Language", *, gold_preproc: bool = False) -> List["Example"]:
    """Read a .spacy file or folder as spaCy's Corpus does: gold tokens are kept where spaces are unknown.

    RAISES (ValueError): S273 for an unreadable file, S272 without tokens, S275 without annotated ones.
    """
    from spacy.training import Corpus

    for loc in find_docbins(path):
        load_docbin(loc)  # Corpus would raise zlib's or msgpack's own error
    examples = list(Corpus(path, gold_preproc=gold_preproc)(nlp))
    if not examples:
        raise ValueError(Errors.S272.format(path=path))
    if not any(eg.reference.has_annotation("ENT_IOB") for eg in examples):
        raise ValueError(Errors.S275.format(path=path, n_docs=len(examples)))
    return examples


def read_mentions(path: Path, nlp: "Language") -> FrozenSet[Mention]:
    """Mentions of training data, to tell which ones a pipeline has seen."""
    docs = (doc for loc in find_docbins(path) for doc in load_docbin(loc).get_docs(nlp.vocab))
    return mentions(([token.text for token in doc], doc_entities(doc)) for doc in docs)


def predict(
    nlp: "Language",
    examples: Sequence["Example"],
    *,
    batch_size: Optional[int] = None,
    progress: bool = False,
) -> Tuple[List[ScoredDoc], Speed]:
    """Run the pipeline over copies of the examples' predicted docs, and compare.

    progress (bool): Show a progress bar for long data if stderr is a terminal.
    RETURNS: A scored doc for each example, in order, and the speed.
    RAISES (ValueError): S271 if no component sets doc.ents.
    """
    from spacy.training import Example
    from tqdm import tqdm

    # Copies, made one by one and let go: a transformer leaves its vectors on every doc.
    inputs = ((eg.predicted.copy(), i) for i, eg in enumerate(examples))
    stream = nlp.pipe(inputs, as_tuples=True, batch_size=batch_size)
    hide = None if progress and len(examples) >= LONG else True
    scored: Dict[int, ScoredDoc] = {}
    words, seconds, annotated = 0, 0.0, False
    for doc, i, spent in tqdm(_timed(stream), total=len(examples), disable=hide, unit="doc"):
        words, seconds = words + len(doc), seconds + spent
        annotated = annotated or doc.has_annotation("ENT_IOB")
        scored[i] = scored_doc(Example(doc, examples[i].reference))
    if scored:
        require_entities(nlp, annotated=annotated)
    if len(scored) < len(examples):
        warnings.warn(Warnings.SW272.format(got=len(scored), expected=len(examples)), stacklevel=2)
    docs = [scored[i] if i in scored else _unanswered(eg) for i, eg in enumerate(examples)]
    return docs, Speed(words, seconds)


def require_entities(nlp: "Language", *, annotated: bool) -> None:
    """See that the pipeline is one for entities.

    annotated (bool): Whether doc.ents was set in any document, if only to nothing.
    RAISES (ValueError): S271 if it was not, and no component declares that it sets doc.ents.
    """
    declared = any("doc.ents" in nlp.get_pipe_meta(name).assigns for name in nlp.pipe_names)
    if not annotated and not declared:
        raise ValueError(Errors.S271.format(names=", ".join(nlp.pipe_names) or "none"))


def _timed(stream: Iterator[Tuple["Doc", int]]) -> Iterator[Tuple["Doc", int, float]]:
    """Add the seconds that each item took to come."""
    start = perf_counter()
    for doc, i in stream:
        yield doc, i, perf_counter() - start
        start = perf_counter()


def _unanswered(example: "Example") -> ScoredDoc:
    """A document that the pipeline dropped: nothing is predicted."""
    return replace(scored_doc(example), predicted=())
