"""`python -m spacy ssner quantise`: a copy of a trained pipeline whose encoder computes in 8-bit integers."""

from itertools import islice
from pathlib import Path
from typing import Annotated, Optional

import typer

from ..errors import Errors
from ._app import ssner_app
from ._io import check_new_pipeline, load_pipeline, plain_errors, save_pipeline

SAMPLE_HELP = (
    "Text like that to come (.txt, .txt.gz, .jsonl, .spacy, .conll), unlabelled; its beginning is enough"
)
ENGINE_HELP = (
    "torch, or onnxruntime (extra 'onnx'; some 15 % faster, must be installed where the pipeline runs)"
)
N_SENTENCES = 200


@ssner_app.command("quantise")
def quantise_cli(
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="Trained pipeline: folder or package")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write")],
    sample: Annotated[Optional[Path], typer.Option("--sample", help=SAMPLE_HELP)] = None,
    engine: Annotated[str, typer.Option("--engine", help=ENGINE_HELP)] = "torch",
) -> None:
    """Round the encoder of a trained pipeline to 8-bit integers: faster on a CPU, and smaller.

    Its entities change a little: compare both with `ssner evaluate` on your own data. It cannot be trained further.
    """
    from wasabi import msg

    from ..quantise import quantise_encoder
    from ..text.reading import read_sentences

    with plain_errors():
        check_new_pipeline(output)
        nlp = load_pipeline(pipeline)
        sentences = None if sample is None else list(islice(read_sentences(sample), N_SENTENCES))
        if sentences is not None and not any(sentences):
            raise ValueError(Errors.S149.format(path=sample))
        count = quantise_encoder(nlp, sentences, engine=engine)
        if not count:
            raise ValueError(Errors.S148)
        save_pipeline(nlp, output)
    msg.good(f"{output}: {count} layers in 8-bit integers")
