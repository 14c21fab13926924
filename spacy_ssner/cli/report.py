"""`python -m spacy ssner report`: a page of tables and plots, from the runs of `ablation`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, List, Optional, Sequence

import typer

from ..files import write_text
from ._app import ssner_app
from ._io import plain_errors, split_names

if TYPE_CHECKING:
    from ..evaluation.grid import Sweep
    from ..evaluation.grouped_runs import Variants

Opt = typer.Option
PAGE_HELP = "Markdown page, written as a whole; a file that `report` did not write is left alone"
REFERENCE_HELP = "Variants to compare the others with, separated by commas"
GRID_HELP = "Grid file whose `sweeps` are drawn, a curve over the values of a setting"
RESAMPLES = 10_000
LOOKUP = "lookup"  # variant that is drawn as a line
MAX_CURVES = 6  # more lines in one picture cannot be told apart


@ssner_app.command("report")
def report_cli(
    folder: Annotated[Path, typer.Argument(metavar="RUNS", help="Folder that `ablation` wrote")],
    page: Annotated[Path, typer.Argument(metavar="OUT.md", dir_okay=False, help=PAGE_HELP)],
    reference: Annotated[str, Opt("--reference", help=REFERENCE_HELP)] = "full",
    grid: Annotated[Optional[Path], Opt("--grid", help=GRID_HELP)] = None,
    n_resamples: Annotated[int, Opt("--resamples", min=100, help="Bootstrap samples")] = RESAMPLES,
) -> None:
    """Write tables and plots of all runs: scores, subsets, differences with intervals, published scores, commands."""
    from wasabi import msg

    from ..evaluation.grid import read_grid
    from ..evaluation.grouped_runs import group_runs, read_runs
    from ..evaluation.plots import require_matplotlib
    from ..evaluation.report import render_report, require_own_page

    references = split_names(reference)
    with plain_errors():
        require_matplotlib()
        records = read_runs(folder)
        sweeps = () if grid is None else read_grid(grid).sweeps
        require_own_page(page)
        words = [str(folder), str(page), "--reference", reference]
        words += [] if grid is None else ["--grid", str(grid)]
        words += [] if n_resamples == RESAMPLES else ["--resamples", str(n_resamples)]
        text = render_report(
            records, page=page, words=words, references=references, sweeps=sweeps, n_resamples=n_resamples
        )
        groups = group_runs(records)
        for data, variants in groups.items():
            draw(data, variants, page, references=references)
            draw_sweeps(data, variants, page, sweeps=sweeps)
        write_text(page, text)
    for name in references:
        if not any(name in variants for variants in groups.values()):
            msg.warn(f"No run of the variant '{name}': the page has no differences to it")
    msg.good(f"{page}: {len(records)} runs, {len(groups)} data sets")


def draw(data: str, variants: "Variants", page: Path, *, references: Sequence[str]) -> List[Path]:
    """Draw the variants of a data set, and how they do by length of the entity. RETURNS: The files."""
    from ..evaluation.grid import PICTURES
    from ..evaluation.grouped_runs import f1_spread, main_split
    from ..evaluation.plots import LENGTHS, plot_curves, plot_variants
    from ..evaluation.report import picture_path

    split = main_split(variants)
    paths = [picture_path(page, data, what) for what in PICTURES]
    rows = {name: f1_spread(records, split) for name, records in variants.items()}
    lines = {LOOKUP: rows.pop(LOOKUP).mean} if LOOKUP in rows and len(rows) > 1 else {}
    plot_variants(rows, paths[0], title=f"{data}, {split}", lines=lines)
    chosen = sorted(rows, key=lambda name: name not in references)[:MAX_CURVES]  # they, then the best
    curves = {
        name: {key[7:]: f1_spread(variants[name], split, subset=key) for key in LENGTHS} for name in chosen
    }
    plot_curves(curves, paths[1], title=f"{data}, {split}", label="length of the entity in tokens")
    return paths


def draw_sweeps(data: str, variants: "Variants", page: Path, *, sweeps: Sequence["Sweep"]) -> None:
    """Draw each sweep that has runs on a data set."""
    from ..evaluation.grouped_runs import main_split, sweep_curves
    from ..evaluation.plots import plot_curves
    from ..evaluation.report import picture_path

    for sweep in sweeps:
        curves = sweep_curves(variants, sweep)
        if curves:
            path = picture_path(page, data, sweep.slug)
            plot_curves(curves, path, title=f"{data}, {main_split(variants)}", label=sweep.title)
