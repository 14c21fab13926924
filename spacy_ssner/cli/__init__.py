"""Commands under `python -m spacy ssner`. Each module registers one; what is heavy is imported inside it."""

from . import (
    ablation,
    annotate,
    calibrate,
    compare,
    convert,
    debug_data,
    encoder,
    evaluate,
    lexicon,
    prepare,
    prepare_text,
    pretrain,
    pretrain_supervised,
    render,
    report,
    similar_words,
    variant,
)
from ._app import ssner_app

__all__ = [
    "ablation",
    "annotate",
    "calibrate",
    "compare",
    "convert",
    "debug_data",
    "encoder",
    "evaluate",
    "lexicon",
    "prepare",
    "prepare_text",
    "pretrain",
    "pretrain_supervised",
    "render",
    "report",
    "similar_words",
    "ssner_app",
    "variant",
]
