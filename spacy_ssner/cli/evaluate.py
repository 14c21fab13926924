"""`python -m spacy ssner evaluate`: entity scores of a pipeline on annotated data (.spacy, .jsonl), in every way."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Dict, List, Mapping, Optional, Sequence

import typer

from ..errors import Errors
from ..files import checksum
from ._app import ssner_app
from ._io import check_outputs, load_pipeline, plain_errors, print_table, save_figures, use_gpu

Opt = typer.Option
PIPELINE_HELP = (
    "Saved pipeline (folder), pipeline package, or lookup:TRAIN.spacy for the baseline that looks up "
    "the phrases annotated in that file"
)
DATA_HELP = "Annotated data: a .spacy file, a folder of them, or a .jsonl file with character spans"
RAW_HELP = (
    "Predict on the text with the pipeline's own tokenizer, compare character offsets; always so for .jsonl"
)
LEXICON_HELP = "Saved lexicon that a look-up baseline knows too"
PLOT_HELP = "PNG file for scores per type, by length, mistakes and confusion"
RATIOS = ("precision", "recall", "f1")


@dataclass(frozen=True)
class EvaluateSettings:
    """The command line. Paths as given."""

    pipeline: str
    data: str
    train: Optional[str] = None
    gpu_id: int = -1
    batch_size: Optional[int] = None
    gold_preproc: bool = False
    raw: bool = False
    lexicon: Optional[str] = None


@ssner_app.command("evaluate")
def evaluate_cli(
    pipeline: Annotated[str, typer.Argument(help=PIPELINE_HELP)],
    data: Annotated[Path, typer.Argument(help=DATA_HELP)],
    output: Annotated[
        Optional[Path], Opt("--output", "-o", dir_okay=False, help="JSON file for all figures")
    ] = None,
    train: Annotated[Optional[Path], Opt("--train", "-t", help=".spacy data: score what it lacks")] = None,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
    batch_size: Annotated[Optional[int], Opt("--batch-size", "-b", min=1, help="Docs per batch")] = None,
    gold_preproc: Annotated[bool, Opt("--gold-preproc", "-G", help="Use gold tokens")] = False,
    raw: Annotated[bool, Opt("--raw", help=RAW_HELP)] = False,
    lexicon: Annotated[Optional[Path], Opt("--lexicon", help=LEXICON_HELP)] = None,
    plot: Annotated[Optional[Path], Opt("--plot", help=PLOT_HELP)] = None,
) -> None:
    """Score entities strictly (span and type must both be right), by subset, in part, and by kind of mistake.

    The pipeline's own tokenizer cuts the text; gold tokens are kept where the text is not known (data from
    CoNLL files) and with --gold-preproc. With --raw they are never kept. The spans of a .jsonl file count as they are:
    one that does not fit the pipeline's tokens is overlooked. `prepare --raw` and `convert --raw` write such files.
    """
    from wasabi import msg

    train_name = None if train is None else str(train)
    lexicon_name = None if lexicon is None else str(lexicon)
    settings = EvaluateSettings(
        pipeline, str(data), train_name, gpu_id, batch_size, gold_preproc, raw, lexicon_name
    )
    with plain_errors():
        check_outputs([output, plot], [data, train, lexicon])
        if plot is not None:
            from ..evaluation.plots import plot_evaluation, require_matplotlib

            require_matplotlib()  # before the work, not after it
        results = evaluate(settings, progress=True)
    print_results(results)
    save_figures(results, output)
    if plot is not None:
        with plain_errors():
            plot_evaluation(results, plot)
        msg.good("Saved the plot", plot)


def evaluate(settings: EvaluateSettings, *, progress: bool = False) -> Dict[str, Any]:
    """Score a pipeline on a file.

    progress (bool): Show a progress bar for long data if stderr is a terminal.
    RETURNS (Dict[str, Any]): What --output writes; all ratios from 0 to 1.
    RAISES (ValueError): S270-S276, S280 for pipelines and data that cannot be used; S290 for contrary options, S285 for
        a lexicon that is no look-up's, S267 for what is no lexicon.
    WARNS: SW270, SW273 as read_examples, SW272 as predict.
    """
    from ..evaluation.baselines import LOOKUP, lookup_pipeline
    from ..evaluation.data_files import is_jsonl
    from ..evaluation.prediction import count_misfits, count_parameters, predict, read_examples, read_train
    from ..evaluation.results import installed_versions, summarize

    name, data = settings.pipeline, Path(settings.data)
    raw = settings.raw or is_jsonl(data)
    if raw and settings.gold_preproc:
        raise ValueError(Errors.S290)
    use_gpu(settings.gpu_id)
    if name.startswith(LOOKUP):
        nlp = lookup_pipeline(
            Path(name[len(LOOKUP) :]), None if settings.lexicon is None else Path(settings.lexicon)
        )
    elif settings.lexicon is None:
        nlp = load_pipeline(name)
    else:
        expected = f"for a look-up ({LOOKUP}TRAIN.spacy)"
        raise ValueError(Errors.S285.format(name="--lexicon", expected=expected, got=name))
    examples = read_examples(data, nlp, gold_preproc=settings.gold_preproc, raw=raw)
    train = None if settings.train is None else read_train(Path(settings.train), nlp)
    docs, speed = predict(nlp, examples, batch_size=settings.batch_size, progress=progress, raw=raw)
    results = summarize(docs, train=train)
    results["data"]["unknown_types"] = unknown_types(results["per_type"], nlp.pipe_labels)
    if raw:
        results["data"]["misaligned"] = sum(count_misfits(example) for example in examples)
    meta = {key: nlp.meta.get(key) for key in ("lang", "name", "version")}
    return {
        **results,
        "data": {**results["data"], "sha256": checksum(data)},
        "speed": speed.to_dict(),
        "settings": asdict(settings),
        "pipeline": {**meta, "components": nlp.pipe_names, "parameters": count_parameters(nlp)},
        "versions": installed_versions(),
    }


def unknown_types(
    per_type: Mapping[str, Mapping[str, float]], pipe_labels: Mapping[str, Sequence[str]]
) -> Dict[str, int]:
    """Annotated types that no component of a pipeline has, with the number of their entities; empty for a pipeline
    whose components do not name their labels.

    per_type: Scores by type, as evaluation.results.summarize gives them. pipe_labels: `nlp.pipe_labels`.
    """
    known = {label for labels in pipe_labels.values() for label in labels}
    if not known:
        return {}
    return {t: int(s["support"]) for t, s in per_type.items() if s["support"] and t not in known}


def print_results(results: Dict[str, Any]) -> None:
    """Print the tables and the notes that keep them from being misread."""
    from wasabi import msg

    from ..evaluation.subsets import SUBSETS

    by_support = sorted(results["per_type"].items(), key=lambda item: (-item[1]["support"], item[0]))
    _print_scores("Entities per type (strict, percent)", dict(by_support))
    micro, macro = results["micro"], {**results["macro"], "support": results["micro"]["support"]}
    _print_scores("Overall", {"micro": micro, "macro": macro})
    _print_scores("Subsets (micro)", {SUBSETS[name]: s["micro"] for name, s in results["subsets"].items()})
    print_matching(results["matching"])
    print_mistakes(results["mistakes"], results["confusion"])
    speed, data = results["speed"], results["data"]
    msg.text(f"{data['docs']} documents, {speed['words_per_second']:,.0f} words per second")
    if data["missing_tokens"]:
        ignored = f"{results['n_ignored']} predictions on them are ignored"
        msg.warn(f"{data['missing_tokens']} of {data['tokens']} tokens are not annotated; {ignored}")
    if data.get("misaligned"):
        n = f"{data['misaligned']} of {data['entities']}"
        msg.warn(f"{n} gold entities do not fit the pipeline's tokens and count as overlooked")
    if data["unknown_types"]:
        n, types = sum(data["unknown_types"].values()), ", ".join(data["unknown_types"])
        msg.warn(
            f"{n} of {data['entities']} gold entities are of types that the pipeline does not have and count as "
            f"overlooked: {types}"
        )
    if not data["entities"]:
        msg.warn("The data holds no entity, so recall and F1 say nothing")


def print_matching(matching: Dict[str, Dict[str, float]]) -> None:
    """Print what counts under each of nervaluate's schemes."""
    from ..evaluation.matching import MatchCounts

    fields = tuple(MatchCounts.__dataclass_fields__)
    rows = [[name, *_percent(s), *(s[field] for field in fields)] for name, s in matching.items()]
    print_table("Right in part (as nervaluate)", ("", "P", "R", "F1", *fields), rows)


def print_mistakes(mistakes: Dict[str, int], confusion: Dict[str, Dict[str, int]], *, n: int = 10) -> None:
    """Print how often each kind of mistake is made, and the n types most often taken for another."""
    from ..labels import OUTSIDE

    print_table("Mistakes", ("", "count"), [[kind, count] for kind, count in mistakes.items()])
    cells = [(row, column, count) for row, columns in confusion.items() for column, count in columns.items()]
    mixed = [cell for cell in cells if cell[0] != cell[1] and OUTSIDE not in cell[:2]]
    mixed.sort(key=lambda cell: -cell[2])
    print_table("Types taken for others", ("gold", "predicted", "count"), mixed[:n])


def _print_scores(title: str, rows: Dict[str, Dict[str, Any]]) -> None:
    body = [[name, *_percent(row), row["support"]] for name, row in rows.items()]
    print_table(title, ("", "P", "R", "F1", "support"), body)


def _percent(row: Dict[str, float]) -> List[str]:
    return [f"{row[key] * 100:.2f}" for key in RATIOS]
