"""The `ssner` command group under `python -m spacy`."""

import io
import sys

import typer
from spacy.cli._util import app

ssner_app = typer.Typer(
    name="ssner",
    help="Entity recognition for cyber-threat intelligence: corpora, similar words, evaluation, pictures.",
    no_args_is_help=True,
)


@ssner_app.callback()
def print_anything() -> None:
    """What a terminal or a log without UTF-8 cannot show (labels, words) is escaped; it would end the command."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


app.add_typer(ssner_app)
