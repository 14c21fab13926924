"""Commands under `python -m spacy ssner`. Each module registers one; what is heavy is imported inside it."""

from . import (
    convert,
    debug_data,
    encoder,
    evaluate,
    prepare,
    pretrain,
    pretrain_supervised,
    render,
    similar_words,
    variant,
)
from ._app import ssner_app

__all__ = [
    "convert",
    "debug_data",
    "encoder",
    "evaluate",
    "prepare",
    "pretrain",
    "pretrain_supervised",
    "render",
    "similar_words",
    "ssner_app",
    "variant",
]
