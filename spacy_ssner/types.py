"""Values that travel together. Plain frozen dataclasses; numpy at most."""

from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Optional

import numpy as np


@dataclass(frozen=True)
class CharCNNSettings:
    """Sizes of the character CNN, eq. (19)."""

    width: int
    char_width: int
    kernel_size: int
    max_chars: int


@dataclass(frozen=True)
class LexiconSettings:
    """Width that the lexicon's features are mapped to, and the share of names unseen in training (0 to 1)."""

    width: int
    dropout: float


@dataclass(frozen=True)
class BiLSTMSettings:
    """Sizes of the BiLSTM, eq. (21). `width` is that of both directions together."""

    width: int
    n_layers: int


@dataclass(frozen=True)
class SimilarWordsSettings:
    """Sizes of the similar-word attention, eqs. (15)-(17). `query` is "word" or "context"."""

    width: int
    query: str


@dataclass(frozen=True)
class FusionSettings:
    """Sizes of the multi-head fusion, eqs. (22)-(23). `combine` is "gate" or "residual"."""

    n_heads: int
    combine: str


@dataclass(frozen=True)
class NetworkSettings:
    """All that is needed to build the network anew; saved beside its weights."""

    token_width: int
    n_labels: int
    decoder: str
    char_cnn: Optional[CharCNNSettings] = None
    bilstm: Optional[BiLSTMSettings] = None
    similar_words: Optional[SimilarWordsSettings] = None
    fusion: Optional[FusionSettings] = None
    skip: bool = False
    vector_width: int = 0
    lexicon: Optional[LexiconSettings] = None
    n_categories: int = 0

    def to_dict(self) -> Dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Dict[str, Any]) -> "NetworkSettings":
        groups = {
            "char_cnn": CharCNNSettings,
            "bilstm": BiLSTMSettings,
            "similar_words": SimilarWordsSettings,
            "fusion": FusionSettings,
            "lexicon": LexiconSettings,
        }
        parts = {k: cls_(**values[k]) for k, cls_ in groups.items() if values.get(k) is not None}
        return cls(**{**values, **parts})


@dataclass(frozen=True)
class Windows:
    """Stretches of tokens that the head reads as one sentence, over all docs of a batch.

    index (np.ndarray): (M,) int64. Window after window, the token's place among all tokens of the batch.
    lengths (np.ndarray): (W,) int64, each >= 1; their sum is M.
    core (np.ndarray): (M,) bool. False for a token that is only context here and belongs to a neighbour.
    n_tokens (int): Tokens of the batch; each is in the core of exactly one window.
    """

    index: np.ndarray
    lengths: np.ndarray
    core: np.ndarray
    n_tokens: int

    @property
    def starts(self) -> np.ndarray:
        """(W,) int64: where each window begins in `index`."""
        return np.cumsum(self.lengths) - self.lengths


@dataclass(frozen=True)
class WordFeatures:
    """What the network reads of the words themselves; each different word of the batch once.

    word_index (np.ndarray): (N,) int64, token -> row of the arrays below.
    char_ids (np.ndarray): (U, C) int64, 0 = padding; C = 0 without a character CNN.
    own_row (np.ndarray): (U,) int64, row among the word vectors, -1 = outside the vocabulary.
    similar_rows (np.ndarray): (U, k) int64, rows of the similar words, -1 = none.
    lexicon (Optional[np.ndarray]): (N, 2 * categories) bool, of each token: does a name of each category begin
        or go on there? None without a lexicon.
    """

    word_index: np.ndarray
    char_ids: np.ndarray
    own_row: np.ndarray
    similar_rows: np.ndarray
    lexicon: Optional[np.ndarray] = None


@dataclass(frozen=True)
class TagScores:
    """Output of the model, and, with the same shapes, the gradient of the loss for it.

    emissions: (M, K) float32, in the order of `windows.index`.
    transitions: (K + 2, K) float32: K rows from-tag to-tag, then start, then end.
    """

    emissions: Any
    transitions: Any
    windows: Windows


@dataclass(frozen=True)
class ScoredSpan:
    """A predicted entity of one doc: tokens [start, end), label, probability of precisely that span."""

    start: int
    end: int
    label: str
    score: float


Prediction = List[List[ScoredSpan]]
