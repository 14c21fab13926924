"""`python -m spacy ssner ablation`: train and evaluate a grid of variants, data sets and seeds."""

import io
import re
from contextlib import redirect_stderr, redirect_stdout
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING, Annotated, List, Optional, Sequence, Tuple, Union

import typer

from ..errors import Errors
from ..files import make_folder
from . import variant  # noqa: F401  (make_config calls its command)
from ._app import ssner_app
from ._io import plain_errors, split_names
from ._signals import ended_by_signals

if TYPE_CHECKING:
    from ..evaluation.grid import Run
    from ..evaluation.runs import Options, Prepared

Opt = typer.Option
GRID_HELP = "Grid file (YAML or JSON), e.g. configs/ablation.yml"
ONLY_HELP = "Only these variants, separated by commas"
JOBS_HELP = "Runs side by side; give each its share of the cores with --threads"
DRY_HELP = "Print what would run, and run nothing"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@ssner_app.command("ablation")
def ablation_cli(
    grid_path: Annotated[Path, typer.Argument(metavar="GRID", help=GRID_HELP)],
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for one JSON file per run")],
    only: Annotated[str, Opt("--only", help=ONLY_HELP)] = "",
    data: Annotated[str, Opt("--data", help="Only these data sets, separated by commas")] = "",
    seeds: Annotated[str, Opt("--seeds", help="These seeds instead of the grid's, e.g. 1,2,3")] = "",
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
    threads: Annotated[Optional[int], Opt("--threads", min=1, help="OMP_NUM_THREADS of each run")] = None,
    jobs: Annotated[int, Opt("--jobs", "-j", min=1, help=JOBS_HELP)] = 1,
    keep: Annotated[bool, Opt("--keep", help="Keep the trained models, in OUT/work")] = False,
    dry_run: Annotated[bool, Opt("--dry-run", help=DRY_HELP)] = False,
) -> None:
    """Train each variant on each data set with each seed, score it on dev and test, and keep one JSON file per run.

    What is done already (same config, files and seed) is skipped, so a stopped grid goes on where it was. A run
    that fails is recorded with its error, does not stop the others, and is tried again the next time.
    """
    from wasabi import msg

    from ..evaluation.grid import plan, read_grid
    from ..evaluation.runs import Options

    with plain_errors():
        wanted = dict(only=split_names(only), data=split_names(data), seeds=_numbers(seeds))
        runs = plan(read_grid(grid_path), **wanted)  # type: ignore[arg-type]
    options = Options(folder, gpu_id, threads, keep)
    if dry_run:
        show_plan(runs, options)
        return
    with plain_errors():
        make_folder(folder)
    with ended_by_signals():
        n_failed = run_all(runs, options, jobs=jobs)
    if n_failed:
        msg.fail(f"{n_failed} of {len(runs)} runs failed; their JSON files say why", exits=1)
    msg.good(f"{len(runs)} runs in {folder}")


def run_all(runs: Sequence["Run"], options: "Options", *, jobs: int = 1) -> int:
    """Do what is not done, `jobs` runs at a time. RETURNS (int): How many runs failed."""
    from wasabi import msg

    from ..evaluation.runs import execute, fail
    from ..evaluation.subprocesses import run_jobs

    def do(item: Tuple[int, Tuple["Run", Union[str, Exception, "Prepared"]]], stop: Event) -> bool:
        """Whether it went well."""
        number, (run, found) = item
        head = f"[{number}/{len(runs)}] {run.name}"
        if found == "done":
            msg.info(f"{head}: done before")
            return True
        if isinstance(found, Exception):
            record = fail(run, found, options)
        else:
            msg.text(f"{head}: running")
            record = execute(found, options, stop=stop)  # type: ignore[arg-type]
        if record["error"]:
            msg.fail(f"{head}: {record['error']}")
            return False
        scores = ", ".join(f"{k} {100 * s['micro']['f1']:.1f}" for k, s in record["scores"].items())
        msg.good(f"{head}: {scores} ({sum(record['seconds'].values()):,.0f} s)")
        return True

    went_well: List[bool] = []
    numbered = list(enumerate(prepare_all(runs, options), start=1))
    run_jobs(do, numbered, lambda _, well: went_well.append(well), jobs=jobs)
    return went_well.count(False)


def show_plan(runs: Sequence["Run"], options: "Options") -> None:
    """Print the state of each run, and the commands of those that are open."""
    import shlex

    from ..evaluation.runs import commands

    for run, found in prepare_all(runs, options):
        if found == "done" or isinstance(found, Exception):
            print(f"{run.name}: {found}")
            continue
        print(f"{run.name}: open")
        for words in commands(found, options).values():  # type: ignore[arg-type]
            print(f"    {shlex.join(words)}")


def prepare_all(
    runs: Sequence["Run"], options: "Options"
) -> List[Tuple["Run", Union[str, Exception, "Prepared"]]]:
    """Each run with "done", the error that keeps it from running, or itself ready to run."""
    from ..evaluation.runs import is_done, prepare

    known: dict = {}
    make = lru_cache(maxsize=None)(make_config)
    result: List[Tuple["Run", Union[str, Exception, "Prepared"]]] = []
    for run in runs:
        try:
            prepared = prepare(run, make, known=known)
            result.append((run, "done" if is_done(prepared, options.folder) else prepared))
        except ValueError as error:
            result.append((run, error))
    return result


def make_config(config: Path, options: Sequence[str]) -> str:
    """Text of a config after `ssner variant CONFIG OUT OPTIONS`.

    RAISES (ValueError): S292 with what that command says if it refuses them.
    """
    from click import ClickException

    with TemporaryDirectory() as folder, io.StringIO() as said:
        out = Path(folder, "out.cfg")
        try:
            with redirect_stdout(said), redirect_stderr(said):
                command = typer.main.get_command(ssner_app)
                words = ["variant", str(config), str(out), *options]
                failed = command.main(words, prog_name="ssner", standalone_mode=False)
        except ClickException as error:
            failed, message = 1, error.format_message()
        else:
            message = ANSI.sub("", said.getvalue()).strip()
        if failed:
            expected = "options that `ssner variant` takes"
            raise ValueError(Errors.S292.format(expected=expected, path=config, got=message))
        return out.read_text(encoding="utf8")


def _numbers(text: str) -> List[int]:
    """RAISES (ValueError): S293 for what is no whole number."""
    try:
        return [int(number) for number in split_names(text)]
    except ValueError as error:
        raise ValueError(Errors.S293.format(what="--seeds", expected="whole numbers", got=text)) from error
