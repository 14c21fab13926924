"""`python -m spacy ssner encoder`: bring an encoder into a folder."""

from pathlib import Path
from typing import Annotated

import typer

from ._app import ssner_app
from ._io import plain_errors

SOURCE_HELP = "'minilm' (extra 'minilm', checksums verified), a Hugging Face folder, or a hub id"


@ssner_app.command("encoder")
def encoder_cli(
    source: Annotated[str, typer.Argument(help=SOURCE_HELP)],
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write")],
) -> None:
    """Write an encoder and its tokenizer to a folder that configs can point at."""
    from wasabi import msg

    from ..encoders import export_encoder

    with plain_errors():
        try:
            export_encoder(source, folder)
        except ImportError as err:
            raise ValueError(str(err)) from err
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    msg.good(f"{folder}: encoder {source!r}, {size / 1e6:.0f} MB")
