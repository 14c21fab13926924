"""One report for each doc: what the model read of it, and what it could not. From arrays that it has made anyway.

Letters: D docs, N tokens of all, U different words, S sentences.
"""

from typing import Any, Dict, List, Optional, Sequence, cast

import numpy as np
from thinc.api import Model

from ..text.windows import cut_window
from ..types import DocReport, NetworkSettings, Reading, TagScores
from .encoder_shim import LAYER
from .pieces import piece_counts
from .torch_tagger import network_of


def doc_reports(model: Model, scores: TagScores, lengths: Sequence[int]) -> List[DocReport]:
    """Report on docs that a model has just read.

    model (Model): See architectures.build_ssner_model.
    scores (TagScores): Of all docs together, made with is_train=False.
    lengths (Sequence[int]): (D,) tokens of each doc.
    """
    reading = cast(Reading, scores.reading)
    counts = {**_of_head(scores, reading, model.attrs["max_window"]), **_of_words(model, reading)}
    encoder = encoder_layer(model)
    if encoder is not None:
        counts.update(_of_encoder(encoder, reading))
    ends = np.cumsum(lengths, dtype=np.int64)
    table = np.array([_sums(counts[name], ends) for name in counts]).T  # (D, n_counts)
    return [DocReport(**dict(zip(counts, row))) for row in table.tolist()]


def encoder_layer(model: Model) -> Optional[Model]:
    """The HFEncoder of a model, None if its token vectors come from elsewhere (a listener, a CNN)."""
    return next((node for node in model.get_ref("tok2vec").walk() if node.name == LAYER), None)


def _settings(model: Model) -> NetworkSettings:
    return cast(Any, network_of(model.get_ref("tagger"))).settings


def _of_head(scores: TagScores, reading: Reading, max_window: int) -> Dict[str, np.ndarray]:
    """Counts of tokens, sentences and windows: (N,) each, at the tokens where they belong."""
    windows, n_tokens = scores.windows, scores.windows.n_tokens
    begins = np.bincount(windows.index[windows.starts], minlength=n_tokens)
    first = np.flatnonzero(reading.starts)
    n_words = np.zeros(n_tokens, dtype=np.int64)
    n_words[first] = np.add.reduceat(~reading.is_space, first, dtype=np.int64)
    return {
        "tokens": np.ones(n_tokens, dtype=np.int64),
        "white_space": reading.is_space,
        "sentences": n_words > 0,
        "windows": begins,
        "cut_sentences": n_words > max_window,
        "no_vector": reading.no_vector,
        "no_vector_words": reading.no_vector & ~reading.is_space,
    }


def _of_words(model: Model, reading: Reading) -> Dict[str, np.ndarray]:
    """Counts of characters and similar words: (N,) each; none for parts that the model lacks."""
    settings, word_index = _settings(model), reading.features.word_index
    counts: Dict[str, np.ndarray] = {}
    if settings.char_cnn is not None:
        lengths = np.fromiter((len(word) for word in reading.words), dtype=np.int64, count=len(reading.words))
        lost = np.maximum(lengths - settings.char_cnn.max_chars, 0)
        counts["long_words"], counts["lost_characters"] = (lost > 0)[word_index], lost[word_index]
    if settings.similar_words is not None:
        nothing = np.all(reading.features.similar_rows < 0, axis=1)
        counts["no_similar_words"] = nothing[word_index] & ~reading.is_space
    return counts


def _of_encoder(encoder: Model, reading: Reading) -> Dict[str, Any]:
    """Counts of word pieces: (N,) each."""
    word_index, starts = reading.features.word_index, reading.starts
    read, full, limit = piece_counts(encoder, reading.words)
    weights, first = read[word_index], np.flatnonzero(starts)
    totals = np.add.reduceat(weights, first)  # (S,)
    n_windows = (totals > 0).astype(np.int64)
    for i in np.flatnonzero(totals > limit).tolist():
        end = first[i + 1] if i + 1 < len(first) else len(starts)
        n_windows[i] = len(cut_window(weights[first[i] : end], max_weight=limit, context=limit // 8))
    windows, cut = np.zeros(len(starts), dtype=np.int64), np.zeros(len(starts), dtype=bool)
    windows[first], cut[first] = n_windows, totals > limit
    lost = full - read
    return {
        "pieces": weights,
        "encoder_windows": windows,
        "cut_for_pieces": cut,
        "truncated_words": (lost > 0)[word_index],
        "lost_pieces": lost[word_index],
    }


def _sums(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Sum of the values of each doc: (D,) int64. values: (N,). ends: (D,) last token of each doc, plus one."""
    total = np.append(0, np.cumsum(values, dtype=np.int64))
    return np.diff(np.append(0, total[ends]))
