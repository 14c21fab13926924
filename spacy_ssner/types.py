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
    n_tokens (int): Tokens of the batch; each (of the head's windows: each that is no white space) is in the core of
        exactly one window.
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
class Reading:
    """What the model looked at in some docs, for their reports.

    words (List[str]): The different words. features (WordFeatures): Of them. starts (np.ndarray): (N,) bool, first
    tokens of sentences. is_space (np.ndarray): (N,) bool, white space. no_vector (np.ndarray): (N,) bool, tokens whose
    vector is zero throughout.
    """

    words: List[str]
    features: WordFeatures
    starts: np.ndarray
    is_space: np.ndarray
    no_vector: np.ndarray


@dataclass(frozen=True)
class TagScores:
    """Output of the model, and, with the same shapes, the gradient of the loss for it.

    emissions: (M, K) float32, in the order of `windows.index`.
    transitions: (K + 2, K) float32: K rows from-tag to-tag, then start, then end.
    reading: None while training.
    """

    emissions: Any
    transitions: Any
    windows: Windows
    reading: Optional[Reading] = None


@dataclass(frozen=True)
class DocReport(Dict[str, Optional[int]]):
    """How much of a document the model read; counts. None where the model has no such part. Attributes, and a dict of
    the same names, so that spaCy and others can write it as JSON and msgpack.

    tokens, white_space: All tokens, and those that are white space only.
    sentences, windows: Stretches with words that the head should read, and did read; more if sentences were cut.
    cut_sentences: Longer than `max_window` tokens, white space not counted; read in parts that overlap.
    no_vector, no_vector_words: Tokens whose vector is zero throughout, and those of them that are not white space.
    pieces, encoder_windows: Word pieces that were read (context of cuts not counted), in how many windows.
    cut_for_pieces: Sentences of more than `max_pieces` pieces; read in parts that overlap.
    truncated_words, lost_pieces: Words of more than `max_word_pieces` pieces; the pieces of them that were not read.
    long_words, lost_characters: Words of more than `max_chars` characters; those that the CharCNN did not read.
    no_similar_words: Words for which there are no similar words.
    """

    tokens: int
    white_space: int
    sentences: int
    windows: int
    cut_sentences: int
    no_vector: int
    no_vector_words: int
    pieces: Optional[int] = None
    encoder_windows: Optional[int] = None
    cut_for_pieces: Optional[int] = None
    truncated_words: Optional[int] = None
    lost_pieces: Optional[int] = None
    long_words: Optional[int] = None
    lost_characters: Optional[int] = None
    no_similar_words: Optional[int] = None

    def __post_init__(self) -> None:
        self.update(vars(self))

    @property
    def losses(self) -> Dict[str, int]:
        """What was not read in full, by name; empty if all was, as far as the model sees: not into a shared encoder
        that it listens to. White space needs no vector."""
        counts = {name: getattr(self, name) for name in LOSSES}
        return {name: count for name, count in counts.items() if count}


LOSSES = ("no_vector_words", "truncated_words", "long_words", "cut_sentences", "cut_for_pieces")


@dataclass(frozen=True)
class ScoredSpan:
    """An entity of one doc: tokens [start, end), label, probability of precisely that span, None if not asked for."""

    start: int
    end: int
    label: str
    score: Optional[float] = None


@dataclass(frozen=True)
class DocPrediction:
    """What is predicted for one doc.

    entities (List[ScoredSpan]): In order, without overlap.
    report (DocReport): How much of the doc was read.
    n_best (Optional[List[ScoredSpan]]): Probable spans for review, in order; they may overlap. None if not asked for.
    """

    entities: List[ScoredSpan]
    report: DocReport
    n_best: Optional[List[ScoredSpan]] = None


Prediction = List[DocPrediction]
