"""How a torch module lives inside Thinc: its own learning rate, and files without pickle."""

import json
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, Optional, cast

import srsly
import torch
from safetensors.torch import load, save
from thinc.api import ArgsKwargs, Optimizer, PyTorchShim, Shim, get_torch_default_device
from thinc.util import torch2xp, xp2torch
from torch import nn

from ..errors import Errors
from ..nn.precision import in_float32
from .forked import use_one_thread_when_forked

FORMAT = "spacy-ssner-module-1"


class ModuleShim(PyTorchShim):
    """A torch module that is built late and knows how to build itself anew from its settings.

    build (Callable[[Dict[str, Any]], nn.Module]): Makes the module from the settings that were saved.
    learn_rate_factor (float): Multiplies the optimizer's learning rate for this module (Thinc's lr_scale), >= 0.
    RAISES (ValueError): S104 for a factor below 0.

    `cfg["settings"]` holds the module's settings and is saved beside the weights, so that loading needs
    no special order.
    """

    def __init__(self, build: Callable[[Dict[str, Any]], nn.Module], *, learn_rate_factor: float = 1.0):
        super().__init__(None)
        if not learn_rate_factor >= 0:  # it would climb
            expected, got = "at least 0", learn_rate_factor
            raise ValueError(Errors.S104.format(name="learn_rate_factor", expected=expected, got=got))
        self._build = build
        self._learn_rate_factor = learn_rate_factor
        # What the module's inputs are made with (a word table); the component saves it, not the shim.
        self.resources: Dict[str, Any] = {}

    @property
    def module(self) -> Optional[nn.Module]:
        """The module, None before it is built."""
        return self._model

    def set_module(self, settings: Dict[str, Any], module: Optional[nn.Module] = None) -> nn.Module:
        """Put a module in place, built from its settings unless one is given."""
        use_one_thread_when_forked()
        if module is None:
            with in_float32():
                module = self._build(settings)
        if self._model is not None:  # an optimizer must not go on with the old weights' moments and sizes
            self._take_new_id()
        self.cfg["settings"] = settings
        self._model = module.to(get_torch_default_device())
        return self._model

    def copy(self) -> "ModuleShim":
        """A module of its own for another layer (`nlp.replace_listeners`). Thinc's has the same id, so that an
        optimizer takes the weights of both for the same."""
        copied = cast(ModuleShim, super().copy())
        copied._take_new_id()
        return copied

    def _take_new_id(self) -> None:
        with Shim.global_id_lock:
            Shim.global_id += 1
            self.id = Shim.global_id

    def __setstate__(self, state: Dict[str, Any]) -> None:
        """A copy, or one unpickled in a spawned process, may fork in turn."""
        use_one_thread_when_forked()
        self.__dict__.update(state)
        with Shim.global_id_lock:  # a shim that is made next must not have the same id
            Shim.global_id = max(Shim.global_id, self.id)

    def begin_update(self, inputs: ArgsKwargs) -> Any:
        """As in Thinc, but it learns where gradients are switched off for all that stands around it, too."""
        with torch.enable_grad():
            return super().begin_update(inputs)

    def predict(self, inputs: ArgsKwargs) -> Any:
        """As in Thinc, but the module stays in evaluation mode (`begin_update` leaves it): Thinc sets it back to
        training, and so turns dropout on for other threads that predict just then."""
        if self._model.training:
            self._model.eval()
        with torch.no_grad():
            return self._model(*inputs.args, **inputs.kwargs)

    def finish_update(self, optimizer: Optimizer) -> None:
        """As in Thinc, with this module's share of the learning rate."""
        found_inf = self._grad_scaler.found_inf
        for name, weight in self._model.named_parameters():
            if weight.grad is None:
                continue
            if not found_inf:
                new, _ = optimizer(
                    (self.id, name),
                    cast(Any, torch2xp(weight.data)),
                    cast(Any, torch2xp(weight.grad)),
                    lr_scale=self._learn_rate_factor,
                )
                result = xp2torch(new, device=weight.device)
                if result.data_ptr() != weight.data_ptr():  # thinc's optimizers work in place
                    weight.data.copy_(result)  # cuDNN wants an LSTM's weights to stay where they are
            weight.grad = None  # the next one takes its place, without being added to zeros
        self._grad_scaler.update()

    @contextmanager
    def use_params(self, params: Dict[Any, Any]) -> Iterator[None]:
        """The averages of the weights in place of these, for a while: evaluations and checkpoints of spaCy's training
        use them with `use_averages = true`. (Thinc looks for them under names that its optimizer does not use.)

        params: An optimizer's averages, by shim and name of the weight; what is missing stays as it is.
        """
        named = {} if self._model is None else dict(self._model.named_parameters())
        averages = {name: params[self.id, name] for name in named if (self.id, name) in params}
        own = {name: named[name].data.clone() for name in averages}
        for name, average in averages.items():
            named[name].data.copy_(xp2torch(average, device=named[name].device))
        try:
            yield
        finally:
            for name, weight in own.items():
                named[name].data.copy_(weight)

    def to_bytes(self) -> bytes:
        """Settings and weights; no weights before there is a module."""
        if self._model is None:
            return srsly.msgpack_dumps({"format": FORMAT, "settings": None, "weights": b""})
        state = {name: weight.contiguous() for name, weight in self._model.state_dict().items()}
        settings = json.dumps(self.cfg["settings"])
        return srsly.msgpack_dumps({"format": FORMAT, "settings": settings, "weights": save(state)})

    def from_bytes(self, bytes_data: bytes) -> "ModuleShim":
        """RAISES (ValueError): S302 if the bytes are damaged or no saved module. (ImportError): S147 if the module is
        made of a package that is not installed."""
        try:
            message = srsly.msgpack_loads(bytes_data)
            if message["format"] != FORMAT:
                raise ValueError(f"format {message['format']!r}")
            if message["settings"] is None:
                self._model = None
                return self
            settings = json.loads(message["settings"])
            with in_float32():
                module = self._build(settings)
            module.load_state_dict(load(message["weights"]), strict=True)
        except ModuleNotFoundError as err:
            raise ImportError(Errors.S147.format(got=err.name)) from err
        except Exception as err:  # msgpack, torch, safetensors and tokenizers each raise their own kinds
            raise ValueError(Errors.S302.format(expected=FORMAT, got=err)) from err
        self.set_module(settings, module)
        return self
