"""A transformer as token vectors: sentences as windows, cut by word pieces, batched by length."""

from typing import Any, Callable, List, Optional, Sequence, Tuple, cast

import numpy as np
import torch
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, get_torch_default_device
from thinc.types import Floats2d
from thinc.util import torch2xp, xp2torch

from ..errors import Errors
from ..nn.encoder_loading import build_encoder, load_encoder
from ..nn.piece_encoder import PieceEncoder
from ..nn.precision import in_float32, warn_of_slow_bfloat16
from ..text.windows import make_windows
from .encoder_shim import LAYER, EncoderShim, is_frozen
from .pieces import encoder_of, read_pieces
from .vector_cache import VectorCache
from .word_features import distinct_words, doc_sentence_starts

LONG_WORDS = ("first", "ends", "proxy")


def build_hf_encoder(
    name: str,
    max_pieces: int = 256,
    max_word_pieces: int = 16,
    max_padded: int = 4096,
    learn_rate_factor: float = 1.0,
    mixed_precision: bool = False,
    long_words: str = "first",
    int8: bool = False,
    frozen: bool = False,
    frozen_steps: int = 0,
    bfloat16: bool = False,
) -> Model[List[Doc], List[Floats2d]]:
    """A transformer encoder, mean-pooled to tokens. For any component that takes a tok2vec sublayer.

    name (str): Hugging Face folder or hub id. Read at initialization only; a saved pipeline holds the weights.
    max_pieces (int): Longest window in word pieces; a longer sentence is cut, with context on both sides.
    max_word_pieces (int): Pieces of one word that are read, 1 to max_pieces / 4; a hash or a URL has 20 to 60.
    max_padded (int): Padded pieces in one pass; memory grows with it, a longer window has a pass of its own.
    learn_rate_factor (float): Multiplies the optimizer's learning rate for the encoder.
    mixed_precision (bool): Train in bfloat16 where that loses nothing that matters; for GPUs and for some CPUs
        with avx512_bf16 or AMX, slower on others. For predictions see bfloat16.
    long_words (str): How a word with more pieces is read: by its "first" pieces, by those at both "ends", or, if it
        is an indicator, by a "proxy", the name of its kind (`url`, `sha256`), and otherwise by its first ones.
    int8 (bool): Compute in 8-bit integers once the pipeline is loaded, on a CPU; see quantise.quantise_encoder.
        A training, and the evaluations in it, stay in float32.
    frozen (bool): Train only what stands behind the encoder. While training, vectors of docs that were read before
        are remembered (see VectorCache), so that each is encoded once and not once an epoch.
    frozen_steps (int): The same for the first so many updates only, >= 0: what stands behind the encoder starts at
        random, and its gradients would spoil the encoder before they mean anything. Counted from the initialization
        on; a pipeline that was loaded has had them.
    bfloat16 (bool): Predict in bfloat16, evaluations in a training included: for the devices that mixed_precision is
        for. The weights stay in float32.
    RAISES (ValueError): S104 for values that do not fit; at initialization S107 if the encoder cannot be read.
        (ImportError): S147 at initialization without transformers.
    WARNS: SW105 for mixed_precision, at initialization, and for bfloat16 on a device that is slower so.

    int8, bfloat16, max_padded and mixed_precision may be changed when a pipeline is loaded; the others are saved in it.
    Every token that is not white space gets a vector, whatever the length of the text.
    SOURCE: SSNER (Symmetry 2025, 17, 783), eq. (18). UNSTATED: pooling of pieces to words.
        Kumar et al. 2022, Fine-Tuning can Distort Pretrained Features (frozen_steps).
    """
    if not 1 <= max_word_pieces <= max_pieces // 4:
        expected = f"between 1 and max_pieces / 4 = {max_pieces // 4}"
        raise ValueError(Errors.S104.format(name="max_word_pieces", expected=expected, got=max_word_pieces))
    if long_words not in LONG_WORDS:
        raise ValueError(
            Errors.S104.format(name="long_words", expected=f"one of {LONG_WORDS}", got=long_words)
        )
    if frozen_steps < 0:
        raise ValueError(Errors.S104.format(name="frozen_steps", expected="at least 0", got=frozen_steps))
    if int8 and bfloat16:
        raise ValueError(
            Errors.S104.format(name="bfloat16", expected="false beside int8 = true", got=bfloat16)
        )
    run_settings = {"max_padded": max_padded, "mixed_precision": mixed_precision}
    return Model(
        LAYER,
        forward,
        init=init,
        dims={"nO": None},
        shims=[
            EncoderShim(
                build_encoder,
                learn_rate_factor=learn_rate_factor,
                int8=int8,
                bfloat16=bfloat16,
                run_settings=run_settings,
            )
        ],
        attrs={
            "name": name,
            "max_pieces": max_pieces,
            "max_word_pieces": max_word_pieces,
            "long_words": long_words,
            "frozen": frozen,
            "frozen_steps": frozen_steps,
        },
    )


def init(model: Model, X: Optional[List[Doc]] = None, Y: Any = None) -> None:
    """Read the encoder, unless it was loaded with the pipeline; one that has been trained since is read anew.

    RAISES, WARNS: See build_hf_encoder.
    """
    shim = cast(EncoderShim, model.shims[0])
    is_trained = bool(shim.n_updates)  # None: loaded
    shim.n_updates = 0
    if shim.run_settings["mixed_precision"]:
        warn_of_slow_bfloat16("mixed_precision = true", get_torch_default_device().type)
    if shim.module is None or is_trained:
        name = model.attrs["name"]
        try:
            with in_float32():
                encoder = load_encoder(name, **shim.run_settings)
        except ModuleNotFoundError as err:
            raise ImportError(Errors.S147.format(got=err.name)) from err
        except Exception as err:  # transformers, tokenizers and safetensors each raise their own kinds
            raise ValueError(Errors.S107.format(name=name, got=err)) from err
        shim.set_module(encoder.settings, encoder)
    model.set_dim("nO", cast(PieceEncoder, shim.module).width, force=True)


def forward(model: Model, docs: List[Doc], is_train: bool) -> Tuple[List[Floats2d], Callable]:
    """Vectors of each doc: (tokens, width) float32; zeros for white space. backprop takes gradients of these shapes.

    RAISES (ValueError): S141 where an encoder in 8-bit integers is to learn.
    """
    if is_frozen(model):
        return _read_frozen(model, docs, is_train), lambda d_vectors: []
    cast(EncoderShim, model.shims[0]).cache = None
    return _read(model, docs, is_train)


def _read_frozen(model: Model, docs: List[Doc], is_train: bool) -> List[Floats2d]:
    """Vectors without dropout; remembered from the first step of a training on."""
    shim = cast(EncoderShim, model.shims[0])
    if shim.cache is None and is_train:
        shim.cache = VectorCache()
    if shim.cache is None:
        return _read(model, docs, False)[0]
    return shim.cache.vectors(docs, lambda new: _read(model, new, False)[0])


def _read(model: Model, docs: List[Doc], is_train: bool) -> Tuple[List[Floats2d], Callable]:
    encoder = encoder_of(model)
    if is_train and encoder.is_int8:
        raise ValueError(Errors.S141)
    words, word_index = distinct_words(docs)
    lengths = model.ops.asarray1i([len(doc) for doc in docs])
    pieces, _, limit = read_pieces(model, words)
    starts = doc_sentence_starts(docs, words, word_index)
    piece_ids, window_lengths, tokens = window_pieces(pieces, word_index, starts, max_pieces=limit)
    device = encoder.device
    arguments = ArgsKwargs(
        (
            torch.from_numpy(piece_ids).to(device),
            window_lengths,
            torch.from_numpy(tokens).to(device),
            len(word_index),
        ),
        {},
    )
    Y, torch_backprop = model.shims[0](arguments, is_train)

    def backprop(d_vectors: List[Floats2d]) -> List[Doc]:
        if Y.requires_grad:
            dY = xp2torch(model.ops.flatten(d_vectors))
            torch_backprop(ArgsKwargs(([Y],), {"grad_tensors": [dY]}))
        return []

    return model.ops.unflatten(cast(Floats2d, torch2xp(Y)), lengths), backprop


def window_pieces(
    pieces: Sequence[np.ndarray], word_index: np.ndarray, starts: np.ndarray, *, max_pieces: int
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay the pieces of all tokens into windows.

    pieces (Sequence[np.ndarray]): Piece ids of each different word.
    word_index (np.ndarray): (N,) which word each token is.
    starts (np.ndarray): (N,) bool, first tokens of sentences.
    max_pieces (int): Longest window.
    RETURNS: piece ids (P,), pieces of each window (W,), token of each piece (P,), -1 = only context.
        Windows without any piece are left out.
    """
    counts = np.fromiter((len(p) for p in pieces), dtype=np.int64, count=len(pieces))
    flat = np.concatenate(pieces) if len(pieces) else np.zeros(0, dtype=np.int64)
    first = np.cumsum(counts) - counts
    windows = make_windows(starts, counts[word_index], max_weight=max_pieces, context=max_pieces // 8)
    words = word_index[windows.index]
    repeats = counts[words]
    ends = np.cumsum(repeats)
    within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - repeats, repeats)
    piece_ids = flat[np.repeat(first[words], repeats) + within]
    tokens = np.repeat(np.where(windows.core, windows.index, -1), repeats)
    lengths = np.add.reduceat(repeats, windows.starts) if len(repeats) else np.zeros(0, dtype=np.int64)
    return piece_ids, lengths[lengths > 0], tokens
