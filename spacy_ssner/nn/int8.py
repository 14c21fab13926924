"""Linear layers of a trained module in 8-bit integers, for predictions on a CPU.

Weights are rounded once, one scale per output; inputs are rounded as they come, one scale per call
(dynamic quantisation). A few input channels of a transformer are far larger than the others and would use up the
levels, so part of their size is moved into the weights before, by what a few sentences show.
"""

import warnings
from threading import Lock
from typing import Any, Callable, Tuple, cast

import torch
from torch import Tensor, nn

LEVELS = 127  # of a sign; -128 is left out so that weights are symmetric
# Share of the inputs' unevenness that moves into the weights; 0.55 and 0.65 do worse on MiniLM.
MIGRATION = 0.75
# Batches run side by side, and two threads that silence warnings at a time may leave them silenced.
PACKING = Lock()


class Int8Linear(nn.Module):
    """`nn.Linear` on rounded weights. No gradients.

    weight: (out, in) int8. scale: (out,) float32, value of one level. bias: (out,) float32.
    shrink: (in,) float32, what inputs are multiplied by; the weights make up for it.
    SOURCE: Jacob et al. 2018 (Quantization and Training of Neural Networks for Efficient
        Integer-Arithmetic-Only Inference), section 2; Xiao et al. 2023 (SmoothQuant), eqs. (3)-(4), for `shrink`;
        the product is torch's (FBGEMM, QNNPACK on ARM).
    """

    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.register_buffer("weight", torch.zeros(out_features, in_features, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(out_features))
        self.register_buffer("bias", torch.zeros(out_features))
        self.register_buffer("shrink", torch.ones(in_features))
        self._packed: Any = None

    @classmethod
    def from_float(cls, linear: nn.Linear, largest: Tensor) -> "Int8Linear":
        """Round the weights of a trained layer. largest: (in,), largest absolute input of each channel."""
        new = cls(linear.in_features, linear.out_features)
        weight = linear.weight.detach().float().cpu()
        new.shrink = shrink_factors(weight, largest.float().cpu())
        new.weight, new.scale = round_rows(weight / new.shrink)
        if linear.bias is not None:
            new.bias = linear.bias.detach().float().cpu()
        return new

    def forward(self, X: Tensor) -> Tensor:
        """X: (..., in) float32 on the CPU. RETURNS: (..., out) float32."""
        if self._packed is None:
            with PACKING:
                if self._packed is None:
                    self._packed = self._pack()
        # reduce_range: without VNNI the CPU adds two products in 16 bits, which 8-bit inputs would overflow
        return cast(
            Tensor, torch.ops.quantized.linear_dynamic(X * cast(Tensor, self.shrink), self._packed, True)
        )

    def _pack(self) -> Any:
        weight, scale = cast(Tensor, self.weight), cast(Tensor, self.scale)
        with warnings.catch_warnings():  # torch announces another way to make such tensors; there is none yet
            warnings.simplefilter("ignore")
            zeros = torch.zeros(len(scale), dtype=torch.long)
            quantised = torch._make_per_channel_quantized_tensor(weight, scale.double(), zeros, 0)
            return torch.ops.quantized.linear_prepack(quantised, cast(Tensor, self.bias))

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._packed = None

    def __getstate__(self) -> dict:
        """Without torch's packed weights, which can be neither copied nor pickled."""
        return {**self.__dict__, "_packed": None}


def round_rows(weight: Tensor) -> Tuple[Tensor, Tensor]:
    """Nearest of 255 levels, symmetric around 0, one scale for each row: (out, in) int8, (out,) float32."""
    scale = (weight.abs().amax(dim=1) / LEVELS).clamp(min=1e-12)
    levels = torch.round(weight / scale.unsqueeze(1)).clamp(-LEVELS, LEVELS)
    return levels.to(torch.int8), scale


def shrink_factors(weight: Tensor, largest: Tensor) -> Tensor:
    """What to multiply each input channel by, 1 on average (geometric): (in,).

    weight: (out, in). largest: (in,), >= 0.
    """
    inputs, weights = largest.clamp(min=1e-5), weight.abs().amax(dim=0).clamp(min=1e-5)
    log = (1 - MIGRATION) * weights.log() - MIGRATION * inputs.log()
    return (log - log.mean()).exp()


def quantise_linears(module: nn.Module, run: Callable[[], Any]) -> int:
    """Put an Int8Linear in place of every nn.Linear inside a module. RETURNS (int): How many.

    run (Callable[[], Any]): Called once before, to send sample inputs through the module. A layer that it does not
        reach counts as one with even inputs.
    """
    layers = {name: part for name, part in module.named_modules() if isinstance(part, nn.Linear)}
    largest = {name: torch.ones(layer.in_features) for name, layer in layers.items()}
    seen = set()
    lock = Lock()  # batches run side by side, and neither may lose what the other found

    def watch(name: str, X: Tensor) -> None:
        found = X.detach().abs().reshape(-1, X.shape[-1]).amax(dim=0)
        with lock:
            largest[name] = torch.maximum(largest[name], found) if name in seen else found
            seen.add(name)

    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs, name=name: watch(name, inputs[0]))  # type: ignore[misc]
        for name, layer in layers.items()
    ]
    try:
        with torch.no_grad():
            run()
    finally:
        for hook in hooks:
            hook.remove()
    for name, layer in layers.items():
        put_layer(module, name, Int8Linear.from_float(layer, largest[name]))
    return len(layers)


def empty_int8_linears(module: nn.Module) -> None:
    """Put an Int8Linear of zeros in place of every nn.Linear, for loading a rounded module."""
    for name, layer in list(module.named_modules()):
        if isinstance(layer, nn.Linear):
            put_layer(module, name, Int8Linear(layer.in_features, layer.out_features))


def put_layer(module: nn.Module, name: str, layer: nn.Module) -> None:
    """Put a layer in place of the one of that dotted name."""
    parent, _, last = name.rpartition(".")
    setattr(module.get_submodule(parent), last, layer)
