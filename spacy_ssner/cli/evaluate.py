"""`python -m spacy ssner evaluate`: strict entity scores of a pipeline on a .spacy file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Dict, Optional

import typer

from ..files import write_text
from ._app import ssner_app
from ._io import load_pipeline, plain_errors, use_gpu

Opt = typer.Option
PACKAGES = ("spacy-ssner", "spacy", "thinc", "torch", "spacy-transformers", "transformers", "numpy")
SUBSETS = {
    "one_token": "one token",
    "multi_token": "several tokens",
    "seen_in_train": "seen in train",
    "unseen_in_train": "unseen in train",
}


@dataclass(frozen=True)
class EvaluateSettings:
    """The command line. Paths as given."""

    pipeline: str
    data: str
    train: Optional[str] = None
    gpu_id: int = -1
    batch_size: Optional[int] = None
    gold_preproc: bool = False


@ssner_app.command("evaluate")
def evaluate_cli(
    pipeline: Annotated[str, typer.Argument(help="Saved pipeline (folder) or pipeline package")],
    data: Annotated[Path, typer.Argument(help="Annotated data: a .spacy file or a folder of them")],
    output: Annotated[Optional[Path], Opt("--output", "-o", help="JSON file for all figures")] = None,
    train: Annotated[Optional[Path], Opt("--train", "-t", help=".spacy data: score what it lacks")] = None,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
    batch_size: Annotated[Optional[int], Opt("--batch-size", "-b", min=1, help="Docs per batch")] = None,
    gold_preproc: Annotated[bool, Opt("--gold-preproc", "-G", help="Use gold tokens")] = False,
) -> None:
    """Score entities strictly: span and type must both be right. Micro, macro, per type, and by subset.

    The pipeline's own tokenizer cuts the text; gold tokens are kept where the text is not known (data from
    CoNLL files) and with --gold-preproc.
    """
    from wasabi import msg

    train_name = None if train is None else str(train)
    settings = EvaluateSettings(pipeline, str(data), train_name, gpu_id, batch_size, gold_preproc)
    with plain_errors():
        results = evaluate(settings, progress=True)
    print_results(results)
    if output is not None:
        write_text(output, json.dumps(results, indent=2, ensure_ascii=False) + "\n")
        msg.good("Saved all figures", output)


def evaluate(settings: EvaluateSettings, *, progress: bool = False) -> Dict[str, Any]:
    """Score a pipeline on a file.

    progress (bool): Show a progress bar for long data if stderr is a terminal.
    RETURNS (Dict[str, Any]): What --output writes; all ratios from 0 to 1.
    RAISES (ValueError): S270-S276 for pipelines and data that cannot be used.
    """
    from ..evaluation.metrics import breakdown, score_entities
    from ..evaluation.prediction import predict, read_examples, read_mentions

    use_gpu(settings.gpu_id)
    nlp = load_pipeline(settings.pipeline)
    examples = read_examples(Path(settings.data), nlp, gold_preproc=settings.gold_preproc)
    seen = None if settings.train is None else read_mentions(Path(settings.train), nlp)
    docs, speed = predict(nlp, examples, batch_size=settings.batch_size, progress=progress)
    meta = {name: nlp.meta.get(name) for name in ("lang", "name", "version")}
    return {
        **score_entities(docs).to_dict(),
        "subsets": {name: s.to_dict() for name, s in breakdown(docs, train_mentions=seen).items()},
        "data": {
            "docs": len(docs),
            "tokens": sum(len(doc.words) for doc in docs),
            "entities": sum(len(doc.gold) for doc in docs),
            "missing_tokens": sum(len(doc.missing) for doc in docs),
        },
        "speed": speed.to_dict(),
        "settings": asdict(settings),
        "pipeline": {**meta, "components": nlp.pipe_names},
        "versions": installed_versions(),
    }


def installed_versions() -> Dict[str, Optional[str]]:
    """Versions of what a score depends on; None for what is not installed."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found: Dict[str, Optional[str]] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def print_results(results: Dict[str, Any]) -> None:
    """Print the tables and the notes that keep them from being misread."""
    from wasabi import msg

    by_support = sorted(results["per_type"].items(), key=lambda item: (-item[1]["support"], item[0]))
    _print_table("Entities per type (strict, percent)", dict(by_support))
    micro, macro = results["micro"], {**results["macro"], "support": results["micro"]["support"]}
    _print_table("Overall", {"micro": micro, "macro": macro})
    subsets = {SUBSETS[name]: scores["micro"] for name, scores in results["subsets"].items()}
    _print_table("Subsets (micro)", subsets)
    speed, data = results["speed"], results["data"]
    msg.text(f"{data['docs']} documents, {speed['words_per_second']:,.0f} words per second")
    if data["missing_tokens"]:
        ignored = f"{results['n_ignored']} predictions on them are ignored"
        msg.warn(f"{data['missing_tokens']} of {data['tokens']} tokens are not annotated; {ignored}")
    if not data["entities"]:
        msg.warn("The data holds no entity, so recall and F1 say nothing")


def _print_table(title: str, rows: Dict[str, Dict[str, Any]]) -> None:
    from wasabi import msg

    keys = ("precision", "recall", "f1")
    body = [[name, *(f"{row[k] * 100:.2f}" for k in keys), row["support"]] for name, row in rows.items()]
    if body:
        header, aligns = ("", "P", "R", "F1", "support"), ("l", *"rrrr")
        msg.table(body, header=header, aligns=aligns, divider=True, title=title)
