"""One pipeline out of several: the mean of their weights (a model soup), better than each is on average, and as fast as
one.

SOURCE: Wortsman et al. 2022, Model soups (ICML, arXiv 2203.05482), uniform soup. Not in the paper.
"""

import warnings
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Sequence, Tuple

import torch
from thinc.util import xp2torch
from torch import Tensor, nn

from .component import SSNER
from .errors import Errors, Warnings
from .layers.encoder_shim import EncoderShim, layers_of
from .layers.torch_shim import ModuleShim
from .quantise import find_encoders

if TYPE_CHECKING:
    from spacy.language import Language

SAME_START = 0.5  # least cosine between the weights of a part in two pipelines; from one start 0.99, else 0.1


def average_pipelines(pipelines: Sequence["Language"]) -> "Language":
    """Put the mean of the weights of some trained pipelines into the first one.

    They have to come from one start: trainings, with other seeds or other settings of the training, that all went on
    from one and the same trained component (`source` in its config). Heads that began at random weights of
    their own have nothing in common that a mean would keep.

    pipelines (Sequence[Language]): At least two, of the same components, labels, similar words and lexicon, with
        weights of the same shapes.
    RETURNS (Language): The first one, in place, without the scores of its training (`nlp.meta["performance"]`), and
        with its settings. A temperature and an expected F1 that were fitted before (`calibrate`) fit no more. An
        entity may hold a bar between cells of a table if it may in one of the pipelines.
    RAISES (ValueError): S310 if they do not fit each other, S311 if an encoder is rounded or cannot be averaged.
    WARNS: SW310 if weights lie so far apart that they come from different starts.
    """
    if len(pipelines) < 2:
        raise ValueError(Errors.S310.format(expected="at least two pipelines", got=len(pipelines)))
    first, *others = pipelines
    parts = [weights_of(nlp) for nlp in pipelines]
    for nlp, part in zip(others, parts[1:]):
        _check_fit(first, nlp, parts[0], part)
    known, *rest = map(_known, pipelines)
    for got in rest:
        _check_known(known, got)
    far = sorted({name for part in parts[1:] for name in _far_apart(parts[0], part)})
    if far:
        warnings.warn(Warnings.SW310.format(names=", ".join(far)), stacklevel=2)
    means = [
        (weight, torch.stack([part[name][key].double() for part in parts]).mean(dim=0).to(weight.dtype))
        for name, weights in parts[0].items()
        for key, weight in weights.items()
        if weight.is_floating_point()
    ]
    for weight, mean in means:  # last: one weight may go by two names
        weight.copy_(mean)
    for encoder in find_encoders(first):
        encoder.cache = None  # what it read with its weights of before
    for name, pipe in first.pipeline:
        if isinstance(pipe, SSNER) and any(_knows_bars(nlp.get_pipe(name)) for nlp in others):
            pipe.cfg["bars_in_entities"] = True
    first.meta["performance"] = {}
    return first


def _knows_bars(pipe: Any) -> bool:
    return isinstance(pipe, SSNER) and pipe.cfg.get("bars_in_entities", True)


def weights_of(nlp: "Language") -> Dict[str, Dict[str, Tensor]]:
    """The weights of each part of a pipeline, as they are in memory: by component and layer, then by their own names.

    RAISES (ValueError): S311 for an encoder in 8-bit integers, or a layer whose weights are kept in another way.
    """
    return dict(_parts(nlp))


def _parts(nlp: "Language") -> Iterator[Tuple[str, Dict[str, Tensor]]]:
    for pipe_name, pipe in nlp.pipeline:
        for i, node in enumerate(layers_of(pipe)):
            where = f"{pipe_name}, layer {i} ({node.name})"
            own = {name: xp2torch(node.get_param(name)) for name in node.param_names if node.has_param(name)}
            for shim in node.shims:
                module = getattr(shim._model, "transformer", shim._model)  # as spacy-transformers keeps it
                if not isinstance(module, nn.Module) or getattr(module, "is_int8", False):
                    raise ValueError(Errors.S311.format(name=where))
                own.update(module.state_dict())
            if own:
                yield where, own


def _check_fit(
    first: "Language", other: "Language", ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> None:
    """RAISES (ValueError): S310 unless two pipelines have the same components, labels and shapes."""
    pairs: List[Tuple[str, Any, Any]] = [
        ("components", first.pipe_names, other.pipe_names),
        ("labels", first.pipe_labels, other.pipe_labels),
        ("layers", list(ours), list(theirs)),
    ]
    if list(ours) == list(theirs):
        pairs += [(f"weights of {name}", _shapes(ours[name]), _shapes(theirs[name])) for name in ours]
    for what, expected, got in pairs:
        if expected != got:
            raise ValueError(Errors.S310.format(expected=f"the {what} of the first, {expected}", got=got))


def _check_known(known: Mapping[str, Any], got: Mapping[str, Any]) -> None:
    """RAISES (ValueError): S310 unless two pipelines look up the same, see `_known`."""
    for name in [*known, *got]:
        if known.get(name) != got.get(name):
            raise ValueError(Errors.S310.format(expected=f"the {name} of the first", got="others"))


def _shapes(weights: Mapping[str, Tensor]) -> Dict[str, Tuple[int, ...]]:
    return {name: tuple(weight.shape) for name, weight in weights.items()}


def _known(nlp: "Language") -> Dict[str, Any]:
    """What the weights of a pipeline are about beside its labels: words and pieces by which they are looked up."""
    shims = [shim for _, pipe in nlp.pipeline for node in layers_of(pipe) for shim in node.shims]
    found: Dict[str, Any] = {}
    for shim in shims:
        if isinstance(shim, ModuleShim):
            run_settings = shim.run_settings if isinstance(shim, EncoderShim) else {}  # not about weights
            settings = (shim.cfg.get("settings") or {}).items()
            found.setdefault("settings", []).append({k: v for k, v in settings if k not in run_settings})
            for name, resource in shim.resources.items():
                if resource is not None:
                    found.setdefault(name.replace("_", " "), []).append(
                        sha256(resource.to_bytes()).hexdigest()
                    )
    return found


def _far_apart(
    ours: Mapping[str, Mapping[str, Tensor]], theirs: Mapping[str, Mapping[str, Tensor]]
) -> Iterator[str]:
    """Names of the parts whose weights point elsewhere than in another pipeline."""
    for name, weights in ours.items():
        pairs = [(w, theirs[name][key]) for key, w in weights.items() if w.is_floating_point()]
        if not pairs:
            continue
        a, b = (torch.cat([pair[i].flatten().double() for pair in pairs]) for i in range(2))
        norms = a.norm() * b.norm()
        if norms > 0 and a @ b < SAME_START * norms:
            yield name
