"""Word vectors: trained by gensim or read from a file. gensim is imported only where it is needed."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union
from warnings import warn

import numpy as np

from ..errors import Errors, Warnings
from .word2vec_files import parse_word2vec, read_bytes, read_keyed_vectors

LONGEST_SENTENCE = 10_000  # words; gensim drops the rest of a longer sentence without a word
GOAL = 20_000_000  # words to train on in all epochs together, when the number of epochs is not given


@dataclass(frozen=True)
class WordVectors:
    """Different words and their vectors, the frequent words first.

    words (Tuple[str, ...]): V words, normalised by `normalise`.
    vectors (ndarray): (V, d) float32, finite.
    lower (bool): Whether the words were lower-cased.
    RAISES (ValueError): S254 if a vector holds NaN or infinity, S259 if the sizes differ or words repeat.
    """

    words: Tuple[str, ...]
    vectors: np.ndarray
    lower: bool = True

    def __post_init__(self) -> None:
        n_words, shape = len(self.words), np.shape(self.vectors)
        if len(shape) != 2 or shape[0] != n_words or len(set(self.words)) != n_words:
            got = f"{len(set(self.words))} different words and vectors {shape}"
            raise ValueError(Errors.S259.format(expected=f"{n_words} words and as many vectors", got=got))
        n_bad = n_words - int(np.isfinite(self.vectors).all(axis=1).sum())
        if n_bad:
            raise ValueError(Errors.S254.format(n_bad=n_bad, n_words=n_words))


def normalise(word: str, *, lower: bool = True) -> str:
    """The form under which a word is kept and looked up: no outer white space, lower-case; digits stay."""
    word = word.strip()
    return word.lower() if lower else word


def stable_hash(text: str) -> int:
    """A hash that is the same in every process, unlike Python's (PYTHONHASHSEED)."""
    return zlib.crc32(text.encode("utf8", "surrogatepass"))


def choose_epochs(n_words: int) -> int:
    """Epochs for a corpus of that many words: 50 up to 400,000 words, 5 from 4 million on."""
    return min(50, max(5, GOAL // max(1, n_words)))


class EpochCallback:
    """Tell a progress bar that an epoch is over (the interface of gensim's callbacks)."""

    def __init__(self, on_epoch: Callable[[], Any]):
        self.on_epoch = on_epoch

    def on_train_begin(self, model: Any) -> None: ...

    def on_train_end(self, model: Any) -> None: ...

    def on_epoch_begin(self, model: Any) -> None: ...

    def on_epoch_end(self, model: Any) -> None:
        self.on_epoch()


def train_vectors(
    sentences: Iterable[Sequence[str]],
    *,
    size: int = 256,
    window: int = 3,
    min_count: int = 2,
    epochs: Optional[int] = None,
    sg: bool = False,
    seed: int = 0,
    workers: int = 1,
    lower: bool = True,
    max_words: Optional[int] = None,
    on_epoch: Optional[Callable[[], Any]] = None,
) -> WordVectors:
    """Train word2vec: CBOW, or skip-gram with `sg`, with 5 negative samples.

    The same sentences and seed give the same vectors in every process if workers is 1: the words are then
    seen in one order, and `stable_hash` replaces Python's hash, which differs between processes unless
    PYTHONHASHSEED is set. More workers are faster and not repeatable.

    sentences: Sentences of words; they are normalised here, and empty words dropped.
    size (int): Numbers per vector. window (int): Words of context on each side.
    min_count (int): Rarer words are dropped. epochs: None chooses by the size of the corpus (5..50).
    max_words: Return the vectors of that many of the most frequent words only.
    on_epoch: Called after each epoch.
    RAISES (ValueError): S250 if there are no words, S251 if all are too rare. (ImportError): S261.

    SOURCE: SSNER (Symmetry 2025, 17, 783), eq. (11). UNSTATED: size, window, min_count; those of MFSAN
    (arXiv 2207.00232) are the defaults.
    """
    try:
        from gensim.models import Word2Vec
    except ImportError as err:
        raise ImportError(Errors.S261) from err
    corpus = list(normalise_sentences(sentences, lower=lower))
    n_words = sum(map(len, corpus))
    if not n_words:
        raise ValueError(Errors.S250.format(source=f"{len(corpus)} sentences"))
    model = Word2Vec(
        vector_size=size,
        window=window,
        min_count=min_count,
        sg=int(sg),
        seed=seed,
        workers=workers,
        hashfxn=stable_hash,
    )
    model.build_vocab(corpus)
    if not len(model.wv):
        raise ValueError(Errors.S251.format(min_count=min_count, n_words=n_words))
    callbacks = [] if on_epoch is None else [EpochCallback(on_epoch)]
    epochs = epochs or choose_epochs(n_words)
    model.train(corpus, total_examples=model.corpus_count, epochs=epochs, callbacks=callbacks)
    words = tuple(model.wv.index_to_key[:max_words])
    return WordVectors(words, np.array(model.wv.vectors[:max_words], dtype=np.float32), lower)


def normalise_sentences(sentences: Iterable[Sequence[str]], *, lower: bool) -> Iterator[List[str]]:
    """Normalise words, drop empty ones, and cut sentences that gensim would cut off.

    Equal words become one object, so that a corpus of millions of words fits into memory.
    """
    known: Dict[str, str] = {}
    for sentence in sentences:
        words = [known.setdefault(word, word) for word in map(lambda w: normalise(w, lower=lower), sentence)]
        words = [word for word in words if word]
        for start in range(0, len(words), LONGEST_SENTENCE):
            yield words[start : start + LONGEST_SENTENCE]


def read_vectors(
    path: Union[str, Path], *, lower: bool = True, max_words: Optional[int] = None
) -> WordVectors:
    """Read word vectors: word2vec text or binary, plain or gzipped, by numpy; .kv files by gensim.

    A .kv file is a pickle, which can run any code: read those of people you trust only.

    max_words: Keep that many words only, counted from the top of the file, where the frequent ones are.
    RAISES (ValueError): S252 on another format, S253 if the file is cut off, S254 on NaN or infinity,
        S265 on a damaged gzip. (ImportError): S261 for a .kv file without gensim.
    WARNS: SW250 on words that are equal after normalisation, SW251 on words that are empty or not UTF-8.
    """
    path = Path(path)
    if path.suffix.lower() == ".kv":
        words, vectors = read_keyed_vectors(path)
    else:
        words, vectors = parse_word2vec(read_bytes(path), path)
    names = [normalise(word, lower=lower) for word in words]
    kept: Dict[str, int] = {}
    for row, name in enumerate(names):
        if name and "\ufffd" not in name:
            kept.setdefault(name, row)
    n_bad = sum(1 for name in names if not name or "\ufffd" in name)
    if n_bad:
        warn(Warnings.SW251.format(n=n_bad, source=path), stacklevel=2)
    if len(kept) + n_bad < len(names):
        warn(Warnings.SW250.format(n=len(names) - n_bad - len(kept), source=path), stacklevel=2)
    rows = list(kept.values())[:max_words]
    return WordVectors(tuple(kept)[:max_words], vectors[rows], lower)
