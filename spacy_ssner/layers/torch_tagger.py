"""The SSNER network as a Thinc layer: arrays in, tag scores and their gradients out."""

from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple, cast

import numpy as np
import torch
from thinc.api import ArgsKwargs, Model
from thinc.types import Floats2d
from thinc.util import torch2xp, xp2torch

from ..errors import Errors
from ..nn.network import NetworkInputs, SSNERNetwork, grow_labels
from ..nn.precision import in_float32
from ..types import NetworkSettings, TagScores, Windows, WordFeatures
from .torch_shim import ModuleShim


class TaggerInputs(NamedTuple):
    """token_vectors: (N, token_width) float32, N tokens of all docs; what the words hold; which windows they form, of
    M tokens together, those included that are context only."""

    token_vectors: Floats2d
    features: WordFeatures
    windows: Windows


TaggerModel = Model[TaggerInputs, TagScores]


def TorchTagger(*, learn_rate_factor: float = 1.0) -> TaggerModel:
    """The network behind the token vectors. Empty until `set_network`, or until it is loaded.

    learn_rate_factor (float): Multiplies the optimizer's learning rate.
    """
    return Model(
        "ssner_network",
        forward,
        dims={"nI": None, "nO": None},
        shims=[ModuleShim(_build, learn_rate_factor=learn_rate_factor)],
        attrs={"dropout_rate": 0.0},
    )


def _build(settings: Dict[str, Any]) -> SSNERNetwork:
    return SSNERNetwork(NetworkSettings.from_dict(settings))


def network_of(model: TaggerModel) -> Optional[SSNERNetwork]:
    """The torch network inside, None before it is built."""
    return cast(Optional[SSNERNetwork], cast(ModuleShim, model.shims[0]).module)


def set_network(model: TaggerModel, settings: NetworkSettings) -> SSNERNetwork:
    """Build a fresh network of these sizes; weights that there were are lost."""
    return cast(SSNERNetwork, cast(ModuleShim, model.shims[0]).set_module(settings.to_dict()))


def grow_network(model: TaggerModel, n_labels: int) -> None:
    """Make room for labels added after the network was built; what it has learned stays. Nothing happens without a
    network, or unless `n_labels` is more than it has."""
    old = network_of(model)
    if old is not None and n_labels > old.settings.n_labels:
        with in_float32():
            new = grow_labels(old, n_labels)
        cast(ModuleShim, model.shims[0]).set_module(new.settings.to_dict(), new)


def forward(model: TaggerModel, inputs: TaggerInputs, is_train: bool) -> Tuple[TagScores, Callable]:
    """X: (N, token_width). Emissions (M, K) and transitions (K + 2, K), K tags. backprop: TagScores of the same shapes
    to the gradient for X.

    RAISES (ValueError): S305 for scores that are no numbers, unless is_train: 16-bit training may recover from some.
    """
    network = cast(SSNERNetwork, network_of(model))
    network.set_dropout(model.attrs["dropout_rate"] if is_train else 0.0)
    X = xp2torch(inputs.token_vectors, requires_grad=is_train)
    arguments = ArgsKwargs((_as_tensors(X, inputs),), {})
    (emissions, transitions), torch_backprop = model.shims[0](arguments, is_train)

    def backprop(d_scores: TagScores) -> Floats2d:
        gradients = (xp2torch(d_scores.emissions), xp2torch(d_scores.transitions))
        outputs = [x for x in zip((emissions, transitions), gradients) if x[0].requires_grad]
        torch_backprop(ArgsKwargs(([x for x, _ in outputs],), {"grad_tensors": [dx for _, dx in outputs]}))
        d_X = X.grad if X.grad is not None else torch.zeros_like(X)
        return cast(Floats2d, torch2xp(d_X))

    if not is_train:
        _check_finite(emissions, transitions)
    scores = TagScores(torch2xp(emissions), torch2xp(transitions), inputs.windows)
    return scores, backprop


def _check_finite(emissions: torch.Tensor, transitions: torch.Tensor) -> None:
    is_finite = emissions.isfinite().all(dim=1) & transitions.isfinite().all()
    if not is_finite.all():
        got = int((~is_finite).sum())
        raise ValueError(Errors.S305.format(got=got, n_tokens=len(emissions)))


def _as_tensors(X: torch.Tensor, inputs: TaggerInputs) -> NetworkInputs:
    features, windows = inputs.features, inputs.windows

    def on_device(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(X.device)

    return NetworkInputs(
        token_vectors=X,
        word_index=on_device(features.word_index),
        char_ids=on_device(features.char_ids),
        own_row=on_device(features.own_row),
        similar_rows=on_device(features.similar_rows),
        places=on_device(windows.index),
        lengths=windows.lengths,
        lexicon=None if features.lexicon is None else on_device(features.lexicon),
    )
