"""Which word pieces the HFEncoder layer reads of each word, and what it leaves out of long ones."""

import sys
from typing import Dict, List, Sequence, Tuple, cast

import numpy as np
from thinc.api import Model

from ..nn.piece_encoder import PieceEncoder
from .torch_shim import ModuleShim

CACHE_SIZE = 200_000  # words whose pieces are remembered
LONGEST_CACHED = 256  # characters of such a word


def encoder_of(model: Model) -> PieceEncoder:
    """The encoder inside an HFEncoder layer that is initialized or loaded."""
    return cast(PieceEncoder, cast(ModuleShim, model.shims[0]).module)


def read_pieces(model: Model, words: Sequence[str]) -> Tuple[List[np.ndarray], int, int]:
    """Pieces of words that a layer reads, (n_pieces,) int64 each; how many there are at most, of a word and in a
    window, whose two special pieces are not counted."""
    encoder = encoder_of(model)
    limit = min(model.attrs["max_pieces"], encoder.max_positions) - 2
    longest = min(model.attrs["max_word_pieces"], limit)
    pieces = _cached_pieces(encoder, list(words), max_pieces=longest, long_words=model.attrs["long_words"])
    return pieces, longest, limit


def _cached_pieces(
    encoder: PieceEncoder, words: List[str], *, max_pieces: int, long_words: str = "first"
) -> List[np.ndarray]:
    """Pieces of words, remembered with the encoder: a corpus repeats most of its words."""
    caches: Dict[Tuple[int, str], Dict[str, np.ndarray]] = encoder.__dict__.setdefault("piece_cache", {})
    cache = caches.setdefault((max_pieces, long_words), {})
    known = {word: cache.get(word) for word in words}  # other threads may empty the memory meanwhile
    new = [word for word, ids in known.items() if ids is None]
    if long_words == "proxy":
        found = encoder.pieces(new, max_pieces=max_pieces + 1)
        long = [i for i, ids in enumerate(found) if len(ids) > max_pieces]
        proxies = encoder.pieces([proxy_word(new[i]) for i in long], max_pieces=max_pieces)
        for i, ids in zip(long, proxies):
            found[i] = ids
    else:
        found = encoder.pieces(new, max_pieces=max_pieces, long_words=long_words)
    if len(cache) + len(new) > CACHE_SIZE:
        cache.clear()
    cache.update((word, ids) for word, ids in zip(new, found) if len(word) <= LONGEST_CACHED)
    known.update(zip(new, found))
    return [cast(np.ndarray, known[word]) for word in words]


def proxy_word(word: str) -> str:
    """The name of the kind of an indicator (`url`, `sha256`), any other word as it is."""
    from ..text.indicators import whole_indicator

    found = whole_indicator(word)
    return word if found is None else found.kind.lower().replace("_", " ")


def piece_counts(model: Model, words: Sequence[str]) -> Tuple[np.ndarray, np.ndarray, int]:
    """How many pieces of each word are read, how many it has, (n_words,) int64 each; how many fit into a window.

    words (Sequence[str]): Those of docs that the encoder has just read; their pieces are still in its memory.
    """
    pieces, longest, limit = read_pieces(model, words)
    read = np.fromiter((len(p) for p in pieces), dtype=np.int64, count=len(pieces))
    full = read.copy()
    sizes = np.fromiter((len(word) for word in words), dtype=np.int64, count=len(words))
    is_proxy = model.attrs["long_words"] == "proxy"
    at_limit = np.flatnonzero((read == longest) | (sizes > longest) & is_proxy).tolist()
    if at_limit:  # only these may have more
        encoded = encoder_of(model).pieces([words[i] for i in at_limit], max_pieces=sys.maxsize)
        full[at_limit] = [len(p) for p in encoded]
    return read, full, limit
