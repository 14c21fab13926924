"""`python -m spacy ssner average`: one pipeline with the mean of the weights of several (a model soup)."""

from pathlib import Path
from typing import Annotated, List

import typer

from ._app import ssner_app
from ._io import check_new_pipeline, load_pipeline, plain_errors, save_pipeline, told_at_the_end

PIPELINES_HELP = (
    "Trained pipelines (folders or packages), at least two, that went on from one trained component"
)


@ssner_app.command("average")
def average_cli(
    pipelines: Annotated[List[str], typer.Argument(metavar="PIPELINE...", help=PIPELINES_HELP)],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="New folder for the pipeline")],
    force: Annotated[bool, typer.Option("--force", "-F", help="Write over a pipeline in OUT")] = False,
) -> None:
    """Average the weights of trainings that began alike: better than these on average, and no slower.

    Train once, go on from that component several times with other seeds (`variant --source`, `spacy train`), average.
    """
    from wasabi import msg

    from ..averaging import average_pipelines

    with plain_errors(), told_at_the_end():
        check_new_pipeline(output, force=force)
        save_pipeline(average_pipelines([load_pipeline(name) for name in pipelines]), output)
    msg.good(f"{output}: the mean of {len(pipelines)} pipelines")
