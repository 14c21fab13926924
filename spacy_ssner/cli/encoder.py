"""`python -m spacy ssner encoder`: bring an encoder into a folder."""

from pathlib import Path
from typing import Annotated

import typer

from ._app import ssner_app
from ._io import load_pipeline, plain_errors

SOURCE_HELP = (
    "'minilm' (extra 'minilm', checksums verified), a Hugging Face folder, a hub id, or the folder of a trained "
    "pipeline, whose encoder is taken"
)


@ssner_app.command("encoder")
def encoder_cli(
    source: Annotated[str, typer.Argument(help=SOURCE_HELP)],
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write")],
) -> None:
    """Write an encoder and its tokenizer to a folder that configs can point at."""
    from wasabi import msg

    from ..encoders import export_encoder, export_trained_encoder

    with plain_errors():
        if (Path(source) / "meta.json").is_file():
            export_trained_encoder(load_pipeline(source), folder)
        else:
            export_encoder(source, folder)
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    msg.good(f"{folder}: encoder {source!r}, {size / 1e6:.0f} MB")
