"""`python -m spacy ssner compare`: is one evaluation better than another, beyond chance?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Dict, List, Optional

import numpy as np
import typer

from ..errors import Errors
from ._app import ssner_app
from ._io import check_outputs, plain_errors, save_figures, split_names

if TYPE_CHECKING:
    from ..evaluation.significance import Difference

Opt = typer.Option
FILES_HELP = "JSON of `evaluate --output` or of a run of `ablation`; several seeds separated by commas"
ON_HELP = "Which scores of ablation runs to take: dev or the name of a test file"


@ssner_app.command("compare")
def compare_cli(
    a: Annotated[str, typer.Argument(metavar="A.json", help=FILES_HELP)],
    b: Annotated[str, typer.Argument(metavar="B.json", help="The same for what A is compared with")],
    on: Annotated[str, Opt("--on", help=ON_HELP)] = "test",
    subset: Annotated[
        str, Opt("--subset", help="Entities to compare: all, multi_token, polysemous, ...")
    ] = "all",
    n_resamples: Annotated[int, Opt("--resamples", min=100, help="Bootstrap samples")] = 10_000,
    seed: Annotated[int, Opt("--seed", min=0, help="Of the bootstrap")] = 0,
    output: Annotated[
        Optional[Path], Opt("--output", "-o", dir_okay=False, help="JSON file for the result")
    ] = None,
) -> None:
    """Difference of strict F1 with a confidence interval and a p-value, by paired bootstrap over sentences.

    Seeds are pooled: means over seeds are compared, and the same sentences are drawn for all of them. Of several seeds
    the interval and p are given twice: for other sentences, and for other sentences and seeds.
    """
    from ..evaluation.significance import paired_bootstrap

    with plain_errors():
        names_a, names_b = (split_names(names) for names in (a, b))
        if not names_a or not names_b:
            raise ValueError(Errors.S296.format(path=b if names_a else a, got="no file is named"))
        check_outputs([output], [*names_a, *names_b])
        counts = stack_counts([*names_a, *names_b], on=on, subset=subset)
        first, second = counts[: len(names_a)], counts[len(names_a) :]
        settings: Dict[str, Any] = {"n_resamples": n_resamples, "seed": seed}
        found = paired_bootstrap(first, second, **settings)
        both = None
        if min(len(first), len(second)) > 1:
            both = paired_bootstrap(first, second, seeds_too=True, **settings)
    print_difference(found, both)
    save_figures({**found.to_dict(), "seeds_too": None if both is None else both.to_dict()}, output)


def stack_counts(names: List[str], *, on: str, subset: str) -> np.ndarray:
    """Counts of the sentences of several evaluations of the same data: (files, N, 3).

    RAISES (ValueError): S293, S296 for files that do not fit; S291 if they are of different data or sentences.
    """
    from ..evaluation.results import read_evaluation, unpack_counts

    found: List[Dict[str, Any]] = [read_evaluation(Path(name), split=on) for name in names]
    for name, evaluation in zip(names, found):
        subsets = evaluation["sentence_counts"]
        if subset not in subsets:
            raise ValueError(
                Errors.S293.format(what=f"--subset (for {name})", expected=", ".join(subsets), got=subset)
            )
    sums = [evaluation["data"].get("sha256") for evaluation in found]
    if len(set(sums)) > 1:
        got = ", ".join(f"{name}: {str(sha)[:12]}" for name, sha in zip(names, sums))
        raise ValueError(Errors.S291.format(expected="the same data (SHA-256) in all files", got=got))
    counts = [unpack_counts(evaluation["sentence_counts"][subset]) for evaluation in found]
    if len({len(rows) for rows in counts}) > 1:
        got = ", ".join(f"{name}: {len(rows):,}" for name, rows in zip(names, counts))
        raise ValueError(Errors.S291.format(expected="as many sentences in all files", got=got))
    return np.stack(counts)


def print_difference(found: "Difference", both: Optional["Difference"]) -> None:
    """Print F1 of both, the difference, its interval and p. both: With seeds drawn too."""
    from wasabi import msg

    seeds = f"{found.n_seeds_a} and {found.n_seeds_b} evaluations"
    rows = [
        ("F1 of A", f"{100 * found.f1_a:.2f}"),
        ("F1 of B", f"{100 * found.f1_b:.2f}"),
        ("A - B", f"{100 * found.difference:+.2f}"),
    ]
    for result, what in (found, ""), (both, ", other seeds too"):
        if result is not None:
            interval = f"{100 * result.low:+.2f} to {100 * result.high:+.2f}"
            rows += [
                (f"{100 * result.level:.0f} % interval{what}", interval),
                (f"p (two-sided){what}", f"{result.p:.4f}"),
            ]
    msg.table(
        rows,
        aligns=("l", "r"),
        title=f"{found.n_sentences} sentences, {seeds}, {found.n_resamples:,} resamples",
    )
