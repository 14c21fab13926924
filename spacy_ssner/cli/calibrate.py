"""`python -m spacy ssner calibrate`: fit the temperature, so that a score of 0.9 is right in 90 of 100 cases."""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Dict, Optional, Tuple

import typer

from ..files import checksum
from ._app import ssner_app
from ._io import (
    check_new_pipeline,
    check_outputs,
    load_pipeline,
    plain_errors,
    print_table,
    save_figures,
    save_pipeline,
    use_gpu,
)

if TYPE_CHECKING:
    from spacy.language import Language

Opt = typer.Option
DEV_HELP = "Annotated data that was not trained on: a .spacy file or a folder of them"
TEST_HELP = "More annotated data, to see what the temperature does where it was not fitted"
EXPECTED_HELP = "Also find the entities with the greatest expected F1 from now on, by the F1 that dev has so"
COMPONENT_HELP = "Component to calibrate, if there are several"
PLOT_HELP = "PNG file for precision against score, before and after"


@dataclass(frozen=True)
class CalibrateSettings:
    """The command line. Paths as given."""

    pipeline: str
    dev: str
    test: Optional[str] = None
    component: Optional[str] = None
    expected_f1: bool = False
    gpu_id: int = -1


@ssner_app.command("calibrate")
def calibrate_cli(
    pipeline: Annotated[str, typer.Argument(help="Saved pipeline (folder) or pipeline package")],
    dev: Annotated[Path, typer.Argument(help=DEV_HELP)],
    out: Annotated[Path, typer.Argument(help="New folder for the pipeline with its temperature")],
    test: Annotated[Optional[Path], Opt("--test", help=TEST_HELP)] = None,
    component: Annotated[Optional[str], Opt("--component", help=COMPONENT_HELP)] = None,
    expected_f1: Annotated[bool, Opt("--expected-f1", help=EXPECTED_HELP)] = False,
    plot: Annotated[Optional[Path], Opt("--plot", help=PLOT_HELP)] = None,
    output: Annotated[
        Optional[Path], Opt("--output", "-o", dir_okay=False, help="JSON file for all figures")
    ] = None,
    force: Annotated[bool, Opt("--force", "-F", help="Write over a pipeline in OUT")] = False,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
) -> None:
    """Fit one temperature on dev, and save the pipeline with it.

    The entities of the best path stay the same, only their scores change. ECE is the mean distance between score and
    share of right entities over 10 bins, of equal width or of equally many entities.
    """
    from wasabi import msg

    test_name = None if test is None else str(test)
    settings = CalibrateSettings(pipeline, str(dev), test_name, component, expected_f1, gpu_id)
    with plain_errors():
        if plot is not None:
            from ..evaluation.plots import plot_reliability, require_matplotlib

            require_matplotlib()  # before the work, not after it
        check_outputs([output, plot], [dev, test])
        check_new_pipeline(out, force=force)
        nlp, results = calibrate(settings)
        save_pipeline(nlp, out)
    print_calibration(results)
    msg.good("Saved the calibrated pipeline", out)
    save_figures(results, output)
    if plot is not None:
        with plain_errors():
            plot_reliability(results["splits"], plot)
        msg.good("Saved the plot", plot)


def calibrate(settings: CalibrateSettings) -> Tuple["Language", Dict[str, Any]]:
    """Fit the temperature of a pipeline on dev, and, if so wanted or if it has one, the expected F1.

    RETURNS: The pipeline with its new settings, and what --output writes; "before" is with those that it had.
    RAISES (ValueError): S270-S276, S280 for pipelines and data that cannot be used; S306 unless there is one component
        to calibrate; S110 if it was not trained; S307, S309 if there is no temperature to fit. WARNS: SW270, SW273 as
        read_examples.
    """
    from ..evaluation.calibration import calibration_figures, fit_expected_f1, fit_temperature
    from ..evaluation.confidence import SpanConfidence, component_name
    from ..evaluation.prediction import read_examples

    use_gpu(settings.gpu_id)
    nlp = load_pipeline(settings.pipeline)
    name = component_name(nlp, settings.component)
    cfg = nlp.get_pipe(name).cfg  # type: ignore[attr-defined]
    paths = {"dev": settings.dev, **({} if settings.test is None else {"test": settings.test})}
    spans = {s: SpanConfidence(nlp, name, read_examples(Path(path), nlp)) for s, path in paths.items()}
    before = {key: cfg[key] for key in ("temperature", "expected_f1")}
    temperature = round(fit_temperature(spans["dev"].at), 4)  # JSON keeps so much in any case
    after = {"temperature": temperature, "expected_f1": 0.0}
    if settings.expected_f1 or before["expected_f1"]:
        after["expected_f1"] = round(fit_expected_f1(partial(spans["dev"].at, temperature)), 4)
    cfg.update(after)
    results = {
        **{key: {"before": before[key], "after": after[key]} for key in before},
        "splits": {
            split: {
                "before": calibration_figures(found.at(**before)),
                "after": calibration_figures(found.at(**after)),
                "sha256": checksum(Path(paths[split])),
            }
            for split, found in spans.items()
        },
        "component": name,
        "settings": asdict(settings),
    }
    return nlp, results


def print_calibration(results: Dict[str, Any]) -> None:
    """Print the temperature, the calibration errors before and after, and scores at several thresholds."""
    from wasabi import msg

    from ..evaluation.calibration import REVIEWED

    for key, title in (("temperature", "Temperature"), ("expected_f1", "Expected F1")):
        if any(results[key].values()):
            msg.good(f"{title} {results[key]['after']:.3f} (before: {results[key]['before']:.3f})")
    header = (
        "",
        "F1",
        "ECE",
        "equal mass",
        "by chance",
        "95 %",
        "loss (nats)",
        "predicted",
        "wrong",
        "errors caught",
    )
    rows = []
    for split, figures in results["splits"].items():
        for when in ("before", "after"):
            f = figures[when]
            names = ("ece", "ece_equal_mass", "ece_by_chance", "ece_by_chance_95", "loss")
            errors = (f"{f[name]:.4f}" for name in names)
            caught = f"{f['errors_caught']:.1%}"
            f1 = f"{100 * f['thresholds'][0]['f1']:.2f}"  # of all entities
            rows.append((f"{split} {when}", f1, *errors, f["n_predicted"], f["n_wrong"], caught))
    print_table("Calibration of the scores", header, rows)
    msg.text(
        "by chance: the ECE that perfect scores have on average, and stay below in 95 of 100 such data sets"
    )
    msg.text(f"errors caught: share of the wrong entities among the lowest-scored {REVIEWED:.0%}")
    for split, figures in results["splits"].items():
        body = [
            (f"{t['threshold']:.2f}", *(f"{100 * t[key]:.2f}" for key in ("precision", "recall", "f1")))
            for t in figures["after"]["thresholds"]
        ]
        title = f"Entities of {split} with at least that score, after calibration (strict, percent)"
        msg.table(body, header=("score", "P", "R", "F1"), aligns=("r",) * 4, divider=True, title=title)
