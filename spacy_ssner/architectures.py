"""SSNER put together from its sublayers, as a spaCy architecture. Each optional one is switched off by null."""

from dataclasses import replace
from typing import Any, Callable, List, Optional, Tuple, cast

from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from .errors import Errors
from .knowledge import install_vectors, lexicon_of, n_categories, similar_word_table
from .layers.torch_tagger import TaggerInputs, TaggerModel, TorchTagger, network_of, set_network
from .layers.word_features import distinct_words, doc_sentence_starts, head_windows, word_features
from .loss import check_loss
from .text.windows import white_space
from .types import (
    BiLSTMSettings,
    CharCNNSettings,
    FusionSettings,
    LexiconSettings,
    NetworkSettings,
    Reading,
    SimilarWordsSettings,
    TagScores,
)

SSNERModel = Model[List[Doc], TagScores]
DECODERS = ("crf", "softmax")


def build_ssner_model(
    tok2vec: Model[List[Doc], List[Floats2d]],
    char_cnn: Optional[CharCNNSettings] = None,
    bilstm: Optional[BiLSTMSettings] = None,
    similar_words: Optional[SimilarWordsSettings] = None,
    fusion: Optional[FusionSettings] = None,
    decoder: str = "crf",
    learn_rate_factor: float = 1.0,
    max_window: int = 256,
    skip: bool = True,
    lexicon: Optional[LexiconSettings] = None,
    focal_gamma: float = 0.0,
    class_weights: str = "none",
) -> SSNERModel:
    """Build SSNER: token vectors, characters, lexicon, BiLSTM, similar words, fusion, CRF.

    tok2vec (Model[List[Doc], List[Floats2d]]): Token vectors, eq. (18): an encoder, a listener or a CNN.
    char_cnn (Optional[CharCNNSettings]): Characters, eq. (19); null = off.
    bilstm (Optional[BiLSTMSettings]): BiLSTM over the sentence, eqs. (20)-(21); null = off.
    similar_words (Optional[SimilarWordsSettings]): Similar words (SCE), eqs. (15)-(17); null = off. Needs a
        table at initialization.
    fusion (Optional[FusionSettings]): Multi-head fusion, eqs. (22)-(23); null = similar words are
        concatenated. Makes no sense without similar words.
    decoder (str): "crf", or "softmax" (independent tags, decoded along legal paths only).
    learn_rate_factor (float): What is behind tok2vec learns with the optimizer's rate times this; a
        fresh head on a pre-trained encoder wants 5 to 10.
    max_window (int): Longest sentence the head reads at once, in tokens, >= 8; recommended 128 to 512.
    skip (bool): Let the token vectors (and the lexicon's features) reach the projection beside the fused ones.
    lexicon (Optional[LexiconSettings]): Listed names as features; null = off. Needs a lexicon at
        initialization. Ours, not the paper's.
    focal_gamma (float): Focal loss of the softmax decoder, >= 0; 0 = negative log-probability, recommended 1 to 3.
    class_weights (str): How tags weigh in the loss of the softmax decoder: "none", "inverse" or "effective";
        by their counts at initialization. See nn.focal.balance_weights.
    RETURNS (SSNERModel): Docs to TagScores; see `forward`. It has no network until it is initialized or loaded.
    RAISES (ValueError): S102 for an unknown decoder, S103 for fusion without similar words, S104 for
        sizes and values that do not fit, S126 for focal loss or class weights with a CRF.

    SOURCE: SSNER (Symmetry 2025, 17, 783), sections 3.4 and 3.5.
    """
    if decoder not in DECODERS:
        raise ValueError(Errors.S102.format(expected=" or ".join(map(repr, DECODERS)), got=decoder))
    if fusion is not None and similar_words is None:
        raise ValueError(Errors.S103)
    if max_window < 8:
        raise ValueError(Errors.S104.format(name="max_window", expected="at least 8 tokens", got=max_window))
    check_loss(decoder, focal_gamma, class_weights)
    tagger = TorchTagger(learn_rate_factor=learn_rate_factor)
    sizes = NetworkSettings(0, 0, decoder, char_cnn, bilstm, similar_words, fusion, skip, lexicon=lexicon)
    return Model(
        "ssner",
        forward,
        init=init,
        dims={"nO": None},
        layers=[tok2vec, tagger],
        refs={"tok2vec": tok2vec, "tagger": tagger},
        attrs={
            "settings": sizes.to_dict(),
            "max_window": max_window,
            "loss": {"gamma": focal_gamma, "class_weights": class_weights},
        },
    )


def make_char_cnn(
    width: int = 64, char_width: int = 32, kernel_size: int = 3, max_chars: int = 32
) -> CharCNNSettings:
    """Settings of the character CNN.

    width (int): Size of a word's character vector; recommended 30 to 128.
    char_width (int): Size of one character's vector.
    kernel_size (int): Characters that a filter sees, odd.
    max_chars (int): Longer words keep their first and last halves of this many characters.
    RAISES (ValueError): S104 for a size below 1 or an even kernel_size.

    SOURCE: SSNER, eq. (19).
    """
    _positive(width=width, char_width=char_width, max_chars=max_chars)
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(Errors.S104.format(name="kernel_size", expected="odd", got=kernel_size))
    return CharCNNSettings(width, char_width, kernel_size, max_chars)


def make_bilstm(width: int = 256, n_layers: int = 1) -> BiLSTMSettings:
    """Settings of the BiLSTM.

    width (int): Output of both directions together, even; recommended 128 to 512.
    n_layers (int): Layers on top of each other, >= 1.
    RAISES (ValueError): S104 for a size below 1 or an odd width.

    SOURCE: SSNER, eqs. (20)-(21).
    """
    _positive(width=width, n_layers=n_layers)
    if width % 2:
        raise ValueError(Errors.S104.format(name="width", expected="even (two directions)", got=width))
    return BiLSTMSettings(width, n_layers)


def make_similar_words(width: int = 64, query: str = "context") -> SimilarWordsSettings:
    """Settings of the attention over similar words.

    width (int): Size of the space in which word and similar word are compared.
    query (str): "word": the word's own vector asks; "context": its BiLSTM state does.
    RAISES (ValueError): S104 for a size below 1 or another query.

    SOURCE: SSNER, eqs. (15)-(17).
    """
    _positive(width=width)
    if query not in ("word", "context"):
        raise ValueError(Errors.S104.format(name="query", expected="'word' or 'context'", got=repr(query)))
    return SimilarWordsSettings(width, query)


def make_fusion(n_heads: int = 4, combine: str = "gate") -> FusionSettings:
    """Settings of the multi-head fusion.

    n_heads (int): Attention heads, >= 1; must divide the width of the layer below, which is known at initialization.
    combine (str): How the context is kept: "gate" or "residual".
    RAISES (ValueError): S104 for no heads or another combine.

    SOURCE: SSNER, eqs. (22)-(23).
    """
    _positive(n_heads=n_heads)
    if combine not in ("gate", "residual"):
        raise ValueError(
            Errors.S104.format(name="combine", expected="'gate' or 'residual'", got=repr(combine))
        )
    return FusionSettings(n_heads, combine)


def forward(model: SSNERModel, docs: List[Doc], is_train: bool) -> Tuple[TagScores, Callable]:
    """Read all docs together. The model has to be initialized or loaded.

    RETURNS (Tuple[TagScores, Callable]): Scores of all windows: emissions (M, K), M their tokens, context included,
        K = 2 * n_labels + 1 tags; transitions (K + 2, K). And a backprop that takes their gradients as TagScores.
    """
    lengths = [len(doc) for doc in docs]
    if is_train or any(lengths):
        vectors, tok2vec_backprop = model.get_ref("tok2vec")(docs, is_train)
    else:  # not every encoder can read docs without tokens
        vectors, tok2vec_backprop = [], lambda d_vectors: []
    words, word_index = distinct_words(docs)
    starts = doc_sentence_starts(docs, words, word_index)
    tagger = cast(TaggerModel, model.get_ref("tagger"))
    settings = cast(Any, network_of(tagger)).settings
    features = word_features(
        words,
        word_index,
        max_chars=settings.char_cnn.max_chars if settings.char_cnn is not None else 0,
        table=similar_word_table(model) if settings.similar_words is not None else None,
        lexicon=lexicon_of(model) if settings.lexicon is not None else None,
        lengths=lengths,
    )
    is_space = white_space(words)[word_index]
    windows = head_windows(starts, is_space, max_tokens=model.attrs["max_window"])
    if len(vectors) == 1:
        X = vectors[0]  # a long text: its vectors are not copied
    else:
        X = model.ops.flatten(vectors) if sum(lengths) else model.ops.alloc2f(0, settings.token_width)
    scores, tagger_backprop = tagger(TaggerInputs(X, features, windows), is_train)
    if not is_train:
        no_vector = ~model.ops.to_numpy(X.any(axis=1))
        scores = replace(scores, reading=Reading(words, features, starts, is_space, no_vector))

    def backprop(d_scores: TagScores) -> List[Doc]:
        d_vectors = model.ops.unflatten(tagger_backprop(d_scores), model.ops.asarray1i(lengths))
        return tok2vec_backprop(d_vectors)

    return scores, backprop


def init(model: SSNERModel, X: Optional[List[Doc]] = None, Y: Any = None) -> None:
    """Size the network by the token vectors that a sample of docs gets. Labels: `set_dim("nO", n_labels)` first.

    RAISES (ValueError): S105 without the table of similar words that the settings ask for, S130 without the lexicon,
        S104 for sizes that do not fit.
    """
    tok2vec = model.get_ref("tok2vec")
    tok2vec.initialize(X=X)
    if tok2vec.has_dim("nO"):
        token_width = tok2vec.get_dim("nO")
    else:
        token_width = tok2vec.predict(X or [])[0].shape[1]
    settings = {**model.attrs["settings"], "token_width": token_width, "n_labels": model.get_dim("nO")}
    table = similar_word_table(model)
    if settings["similar_words"] is not None:
        if table is None:
            raise ValueError(Errors.S105)
        settings["vector_width"] = table.width
    if settings.get("lexicon") is not None:
        settings["n_categories"] = n_categories(model)
    checked = NetworkSettings.from_dict(settings)
    _check_heads(checked)
    set_network(model.get_ref("tagger"), checked)
    install_vectors(model)


def _check_heads(settings: NetworkSettings) -> None:
    if settings.fusion is None:
        return
    width = settings.token_width + sum(part.width for part in (settings.char_cnn, settings.lexicon) if part)
    if settings.bilstm is not None:
        width = settings.bilstm.width
    if width % settings.fusion.n_heads:
        expected = f"a divisor of {width}, the width of the layer below"
        raise ValueError(Errors.S104.format(name="n_heads", expected=expected, got=settings.fusion.n_heads))


def _positive(**values: int) -> None:
    for name, value in values.items():
        if value < 1:
            raise ValueError(Errors.S104.format(name=name, expected="at least 1", got=value))
