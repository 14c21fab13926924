"""The `ssner` command group under `python -m spacy`."""

import typer
from spacy.cli._util import app

ssner_app = typer.Typer(
    name="ssner",
    help="Entity recognition for cyber-threat intelligence: corpora, similar words, evaluation, pictures.",
    no_args_is_help=True,
)
app.add_typer(ssner_app)
