"""A component on streams of docs: in batches of many short ones or few long ones, with memory given back."""

from typing import Iterable, Iterator, List

from spacy.tokens import Doc
from spacy.util import raise_error

from .memory import trim_freed_memory
from .saving import SavedPipe
from .truncation import NotReadInFull, warn_of_truncation

BATCHES_PER_TRIM = 8  # of a stream; a trim costs what it frees, when that is needed again
WORDS_AT_ONCE = 16_384  # sentences of like length meet in a batch of so many words; more only takes memory


def batches_by_words(
    stream: Iterable[Doc], *, n_docs: int, n_words: int = WORDS_AT_ONCE
) -> Iterator[List[Doc]]:
    """Batches of at most `n_docs` docs and `n_words` tokens, in order; a doc with more tokens is alone in its batch.

    >>> nlp = spacy.blank("en")
    >>> [len(batch) for batch in batches_by_words(nlp.pipe(["a b", "c d", "e", "f g h i"]), n_docs=9, n_words=3)]
    [1, 2, 1]
    """
    batch: List[Doc] = []
    total = 0
    for doc in stream:
        if batch and (len(batch) >= n_docs or total + len(doc) > n_words):
            yield batch
            batch, total = [], 0
        batch.append(doc)
        total += len(doc)
    if batch:
        yield batch


class StreamPipe(SavedPipe):
    """spaCy's contract for a doc and for streams; `cfg["on_truncation"]`: what becomes of text not read in full."""

    def __call__(self, doc: Doc) -> Doc:
        """Annotate one doc. WARNS: SW210 if it was not read in full and `on_truncation` is "warn"."""
        doc = super().__call__(doc)
        if self.cfg["on_truncation"] == "warn" and doc is not None:  # None: an error handler took it
            list(warn_of_truncation([doc]))
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Annotate a stream of docs, in batches of `batch_size` docs, or fewer where they are long.

        WARNS: SW210, once, as for one doc.
        """
        docs = self._pipe_batches(batches_by_words(stream, n_docs=batch_size))
        return warn_of_truncation(docs) if self.cfg["on_truncation"] == "warn" else docs

    def _pipe_batches(self, batches: Iterable[List[Doc]]) -> Iterator[Doc]:
        for number, batch in enumerate(batches, start=1):
            yield from self._annotate(batch)
            if number % BATCHES_PER_TRIM == 0:  # blocks of ever other sizes leave ever more holes
                trim_freed_memory()

    def _annotate(self, docs: List[Doc]) -> Iterator[Doc]:
        """As TrainablePipe.pipe with one batch; but an error handler gets no docs that were read in full."""
        try:
            self.set_annotations(docs, self.predict(docs))
        except Exception as error:
            handle = self.get_error_handler()
            if isinstance(error, NotReadInFull) and len(docs) > 1 and handle is not raise_error:
                for doc in docs:
                    yield from self._annotate([doc])
            else:
                handle(self.name, self, docs, error)
            return
        yield from docs
