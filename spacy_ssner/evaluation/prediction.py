"""Run a pipeline over annotated data and bring gold and predictions together."""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from ..corpus.sentence import normal_form
from ..errors import Errors, Warnings
from ..layers.encoder_shim import layers_of
from ..text.tokenizer import blank_english
from .data_files import doc_starts, is_jsonl, load_docs, make_doc
from .jsonl_files import read_references
from .metrics import ScoredDoc, char_entities, doc_entities, scored_doc
from .subsets import TrainIndex, mentions, polysemous_surfaces

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


def read_examples(
    path: Path, nlp: "Language", *, gold_preproc: bool = False, raw: bool = False
) -> List["Example"]:
    """Read a .spacy file or folder as spaCy's Corpus does: gold tokens are kept where spaces are unknown; or a JSONL
    file with character spans, which the pipeline's tokenizer cuts.

    raw (bool): Let the pipeline's tokenizer cut every text; words of unknown spacing are joined by spaces. The
        references of a JSONL file are in tokens of CTITokenizer then, so that all pipelines are scored on the same
        sentences.
    RAISES (ValueError): S235, S273, S274, S280 for an unreadable file, S272 without tokens, S275 without annotated
        ones.
    WARNS: SW270, SW273 for a JSONL file, as read_references does.
    """
    from spacy.training import Corpus, Example

    if is_jsonl(path):
        references = read_references(path, blank_english() if raw else nlp)
        return [Example(make_doc(nlp, doc.text), doc) for doc in references]
    docs = [doc for doc in load_docs(path, nlp.vocab) if len(doc)]
    corpus = Corpus(path)  # its own reader would raise zlib's or msgpack's errors
    make = corpus.make_examples_gold_preproc if gold_preproc else corpus.make_examples
    examples = list(make(nlp, docs))
    if not examples:
        raise ValueError(Errors.S272.format(path=path))
    if not any(eg.reference.has_annotation("ENT_IOB") for eg in examples):
        raise ValueError(Errors.S275.format(path=path, n_docs=len(examples)))
    if raw:
        return [Example(make_doc(nlp, eg.reference.text), eg.reference) for eg in examples]
    return examples


def count_misfits(example: "Example") -> int:
    """Gold entities that do not begin and end with tokens of the predicted doc, so that nobody can find them."""
    predicted = example.x
    return sum(predicted.char_span(span.start, span.end) is None for span in char_entities(example.y))


def read_train(path: Path, nlp: "Language") -> TrainIndex:
    """What training data holds, to tell what a pipeline has seen. RAISES (ValueError): As load_docs."""
    docs = list(load_docs(path, nlp.vocab))
    sentences: Set[str] = set()
    for doc in docs:
        words = [token.text for token in doc]
        bounds = [*doc_starts(doc), len(doc)]
        sentences.update(normal_form(words[start:end]) for start, end in zip(bounds, bounds[1:]))
    found = mentions(([token.text for token in doc], doc_entities(doc)) for doc in docs)
    return TrainIndex(found, polysemous_surfaces(found), frozenset(sentences))


def predict(
    nlp: "Language",
    examples: Sequence["Example"],
    *,
    batch_size: Optional[int] = None,
    progress: bool = False,
    raw: bool = False,
) -> Tuple[List[ScoredDoc], Speed]:
    """Run the pipeline over copies of the examples' predicted docs, and compare.

    progress (bool): Show a progress bar for long data if stderr is a terminal.
    raw (bool): Compare character offsets, for examples that were read so.
    RETURNS: A scored doc for each example, in order, and the speed.
    RAISES (ValueError): S271 if no component sets doc.ents.
    WARNS: SW272 if the pipeline's error handler dropped documents; their entities count as overlooked.
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
        reference = examples[i].reference
        scored[i] = scored_doc(Example(doc, reference), starts=doc_starts(reference), raw=raw)
    if scored:
        require_entities(nlp, annotated=annotated)
    if len(scored) < len(examples):
        warnings.warn(Warnings.SW272.format(got=len(scored), expected=len(examples)), stacklevel=2)
    docs = [scored[i] if i in scored else _unanswered(eg, raw) for i, eg in enumerate(examples)]
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


def _unanswered(example: "Example", raw: bool) -> ScoredDoc:
    """A document that the pipeline dropped: nothing is predicted."""
    return replace(scored_doc(example, starts=doc_starts(example.reference), raw=raw), predicted=())


def count_parameters(nlp: "Language") -> int:
    """Trainable numbers of all components, each once. Fixed tables (vectors of similar words) are not in it."""
    sizes: Dict[Any, int] = {}
    for _, pipe in nlp.pipeline:
        for node in layers_of(pipe):
            for name in node.param_names:
                if node.has_param(name):
                    sizes[node.id, name] = node.get_param(name).size
            for shim in node.shims:
                for weight in getattr(shim._model, "parameters", list)():
                    sizes[id(weight)] = weight.numel()
    return sum(sizes.values())
