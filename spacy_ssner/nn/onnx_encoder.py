"""A trained encoder as a graph for ONNX Runtime, its products in 8-bit integers; for predictions on a CPU.

Letters: b windows, t pieces of the longest, W width.
"""

import logging
import warnings
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from types import SimpleNamespace
from typing import Any, Iterator, cast

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import Errors

OPSET = 17  # first with a layer normalisation
OPENING = Lock()  # batches that run side by side share one session
INPUTS, OUTPUT = ("input_ids", "attention_mask"), "states"
# ONNX Runtime's one operator for adding and normalising does so number by number on a CPU, and takes a quarter of
# MiniLM's time; its two operators for that take a twentieth.
SLOW = "SkipLayerNormFusion"


class OnnxEncoder(nn.Module):
    """In place of a Hugging Face encoder: the same call, the graph as its only state. No gradients.

    config (Any): The encoder's configuration.
    graph: (n,) uint8, an ONNX file; saved and loaded like weights.
    SOURCE: onnxruntime.ai. Attention, normalisation and activation are one operator each there.
    """

    def __init__(self, config: Any):
        super().__init__()
        self.config = config
        self.register_buffer("graph", torch.zeros(0, dtype=torch.uint8))
        self._session: Any = None

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SimpleNamespace:
        """input_ids, attention_mask: (b, t) int64. RETURNS: With `last_hidden_state` (b, t, W) float32.

        RAISES (ImportError): S145 without ONNX Runtime.
        """
        with OPENING:
            self._session = self._session or self._open()
        arrays = (input_ids.numpy(), attention_mask.numpy())
        (states,) = self._session.run([OUTPUT], dict(zip(INPUTS, arrays)))
        return SimpleNamespace(last_hidden_state=torch.from_numpy(states))

    def _open(self) -> Any:
        try:
            from onnxruntime import InferenceSession, SessionOptions
        except ImportError as err:
            raise ImportError(Errors.S145) from err
        options = SessionOptions()
        # Batches run side by side already, and no thread is there that a fork would miss.
        options.intra_op_num_threads = 1
        options.enable_mem_pattern = False  # a plan of memory for each size of batch, and there are hundreds
        graph = cast(Tensor, self.graph).numpy().tobytes()
        return InferenceSession(
            graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=[SLOW]
        )

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        graph = state_dict.get(f"{prefix}graph")
        if graph is not None:
            self.graph = torch.empty_like(graph)  # as long as the one that comes
        self._session = None
        super()._load_from_state_dict(state_dict, prefix, *args)

    def __getstate__(self) -> dict:
        """Without the open session, which can be neither copied nor pickled."""
        return {**self.__dict__, "_session": None}


def export_int8(encoder: nn.Module) -> OnnxEncoder:
    """Write a trained encoder as a graph and round its products to 8-bit integers, one scale per output.

    encoder: Of transformers. The embeddings stay as they are.
    RAISES (ImportError): S145 without onnx and ONNX Runtime. (ValueError): S146 if it can't be written as a graph.
    """
    try:
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
        from onnxruntime.transformers.fusion_options import FusionOptions
        from onnxruntime.transformers.optimizer import optimize_model
    except ImportError as err:
        raise ImportError(Errors.S145) from err
    config: Any = encoder.config
    new = OnnxEncoder(config)
    with TemporaryDirectory() as folder, _quiet():
        plain, fused, small = (Path(folder) / f"{name}.onnx" for name in ("plain", "fused", "small"))
        try:
            _export(encoder, plain)
            fusion = FusionOptions("bert")
            fusion.enable_skip_layer_norm = False  # see SLOW
            sizes = {"num_heads": config.num_attention_heads, "hidden_size": config.hidden_size}
            model = optimize_model(str(plain), model_type="bert", optimization_options=fusion, **sizes)
            model.save_model_to_file(str(fused))
            quantize_dynamic(
                fused,
                small,
                op_types_to_quantize=["MatMul", "Attention"],
                per_channel=True,
                reduce_range=True,  # as in nn/int8.py
                weight_type=QuantType.QInt8,
                extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
            )
        except Exception as err:  # torch, onnx and ONNX Runtime each raise their own kinds
            raise ValueError(Errors.S146.format(name=config.model_type, got=err)) from err
        new.graph = torch.from_numpy(np.fromfile(small, dtype=np.uint8))
    return new


def _export(encoder: nn.Module, path: Path) -> None:
    from transformers import AutoModel

    # spelled out, attention is what ONNX Runtime knows how to make one operator of
    model = AutoModel.from_config(encoder.config, attn_implementation="eager")
    # its pooler, which ours lacks, is not asked for
    model.load_state_dict(encoder.state_dict(), strict=False)
    names = {0: "windows", 1: "pieces"}
    example = torch.ones(2, 3, dtype=torch.long)
    torch.onnx.export(
        _States(model).eval(),
        (example, example),
        str(path),
        input_names=[*INPUTS],
        output_names=[OUTPUT],
        dynamic_axes={name: names for name in (*INPUTS, OUTPUT)},
        opset_version=OPSET,
        dynamo=False,  # the other exporter's graphs are not recognised by ONNX Runtime's optimizer
    )


class _States(nn.Module):
    """Only the states of an encoder."""

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return cast(
            Tensor, self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what exporter and optimizer say about their own future."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
