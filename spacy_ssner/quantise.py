"""Encoders of a trained pipeline in 8-bit integers: faster on a CPU, their linear layers a quarter of the size."""

from typing import TYPE_CHECKING, Iterable, List, Optional, Sequence, cast

from .errors import Errors

if TYPE_CHECKING:
    from spacy.language import Language

    from .layers.encoder_shim import EncoderShim


def quantise_encoder(
    nlp: "Language", sentences: Optional[Iterable[Sequence[str]]] = None, *, engine: str = "torch"
) -> int:
    """Round every encoder `spacy-ssner.HFEncoder.v1` of a pipeline to 8-bit integers, in place.

    sentences (Optional[Iterable[Sequence[str]]]): Words of sentences like those to come, unlabelled: some hundred of
        them halve the error. Without any a few of our own serve.
    engine (str): What computes: "torch", or "onnxruntime" (extra `onnx`), which is some 15 % faster, does not use
        sentences, and must be installed wherever the pipeline runs.
    RETURNS (int): How many linear layers were rounded; 0 if that was done before.
    RAISES (ValueError): S142 if the pipeline has no such encoder, S140 on a GPU, S144 for another engine, S146 for an
        encoder that "onnxruntime" cannot take.
    RAISES (ImportError): S145 if the engine is not installed.

    The pipeline can be saved and loaded as before, and not trained any more. Inputs are rounded with one scale for
    each pass of the encoder, so that scores depend a little on what else stands in the batch.
    """
    shims = find_encoders(nlp)
    if not shims:
        raise ValueError(Errors.S142.format(got=", ".join(nlp.pipe_names) or "it has no components"))
    samples = None if sentences is None else list(sentences)
    return sum(shim.quantise(samples, engine=engine) for shim in shims)


def find_encoders(nlp: "Language") -> List["EncoderShim"]:
    """The encoders of a pipeline, one of several components once."""
    from .layers.encoder_shim import EncoderShim, encoder_layers

    return [cast(EncoderShim, layer.shims[0]) for layer in encoder_layers(nlp)]
