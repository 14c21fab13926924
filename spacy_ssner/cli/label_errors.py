"""`python -m spacy ssner label-errors`: find annotations that models which were not trained on them contradict."""

from collections import Counter
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Dict, List, Optional, Sequence

import typer

from ..errors import Errors
from ..evaluation.label_errors import HIGH, KINDS, LOW
from ..files import make_folder
from ._app import ssner_app
from ._io import plain_errors, print_table, read_config, use_gpu
from ._signals import ended_by_signals

if TYPE_CHECKING:
    from spacy.tokens import Doc

    from ..evaluation.cross_validation import Fold, FoldSettings
    from ..evaluation.label_errors import Doubt, Judgement
    from ..evaluation.metrics import PRF

Opt = typer.Option
CONFIG_HELP = "Config with an ssner component; further options (--paths.dev ...) change its settings"
OUT_HELP = "Folder for doubts.jsonl, undoubted.spacy, masked.spacy and what is found of each fold"
LOW_HELP = "Doubt an annotated entity that is less probable"
HIGH_HELP = "Miss an entity that is at least this probable where none is annotated"
JOBS_HELP = "Trainings side by side; give each its share of the cores with --threads"
KEEP_HELP = "Keep the trained models, in OUT/work"
NEAR = 5  # words on either side of an entity that is printed


@ssner_app.command(
    "label-errors", context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def label_errors_cli(
    ctx: typer.Context,
    config: Annotated[Path, typer.Argument(help=CONFIG_HELP)],
    train: Annotated[Path, typer.Argument(help="Annotated data: a .spacy file or a folder of them")],
    out: Annotated[Path, typer.Argument(help=OUT_HELP)],
    n_folds: Annotated[int, Opt("--folds", "-k", help="Parts, and trainings")] = 5,
    low: Annotated[float, Opt("--low", min=0.0, max=1.0, help=LOW_HELP)] = LOW,
    high: Annotated[float, Opt("--high", min=0.0, max=1.0, help=HIGH_HELP)] = HIGH,
    component: Annotated[
        Optional[str], Opt("--component", help="Component to ask, if there are several")
    ] = None,
    seed: Annotated[int, Opt("--seed", min=0, help="Of the choice of folds")] = 0,
    examples: Annotated[int, Opt("--examples", "-n", min=0, help="Doubts of each kind to print")] = 10,
    threads: Annotated[
        Optional[int], Opt("--threads", min=1, help="OMP_NUM_THREADS of each training")
    ] = None,
    jobs: Annotated[int, Opt("--jobs", "-j", min=1, help=JOBS_HELP)] = 1,
    keep: Annotated[bool, Opt("--keep", help=KEEP_HELP)] = False,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
) -> None:
    """Find likely errors in annotated data: train on all folds but one, see what the model says of that one.

    Docs of the same words are in one fold. Takes as long as --folds trainings; what is done already is not done again,
    so a stopped run goes on, and other values of --low and --high cost nothing. doubts.jsonl holds the docs in question
    with their annotation, the strongest doubts first: correct the spans, `convert` it, and train on that and on
    undoubted.spacy, which holds the others. masked.spacy is all of the data, not annotated where it is in doubt.
    """
    from wasabi import msg

    from ..corpus.docs import write_docs
    from ..evaluation.cross_validation import FoldSettings
    from ..evaluation.doubt_files import mask, write_doubts

    with plain_errors():
        check_overrides(ctx.args)
        use_gpu(gpu_id)
        read_config(config, interpolate=False)
        settings = FoldSettings(config, n_folds, tuple(ctx.args), component, seed, gpu_id, keep, threads)
        if train.resolve() in (out.resolve(), *out.resolve().parents):
            expected = "OUT to be no folder of TRAIN"
            raise ValueError(Errors.S262.format(command="label-errors", expected=expected, got=out))
        docs = read_docs(train)
        make_folder(out)
        with ended_by_signals():
            judged = cross_validate(docs, settings, out, jobs=jobs)
        doubts = doubt_all(docs, judged, low=low, high=high)
        write_doubts(docs, doubts, out / "doubts.jsonl")
        write_docs([doc for doc, found in zip(docs, doubts) if not found], out / "undoubted.spacy")
        write_docs([mask(doc, found) for doc, found in zip(docs, doubts)], out / "masked.spacy")
    print_doubts(docs, doubts, limit=examples)
    msg.text(f"F1 of the models on what they were not trained on: {100 * agree(docs, judged).f1:.1f}")
    n_entities = sum(len(doc.ents) for doc in docs)
    n_missing = sum(doubt.kind == "missing" for found in doubts for doubt in found)
    n_doubted = sum(map(len, doubts)) - n_missing
    msg.good(f"{out}: {n_doubted:,} of {n_entities:,} entities doubted, {n_missing:,} missed")
    if not n_doubted + n_missing:
        msg.text("The models contradict nothing so clearly; see --low and --high")


def check_overrides(words: Sequence[str]) -> None:
    """RAISES (ValueError): S262 for an option that can be no setting of a config."""
    odd = [word for word in words if word.startswith("--") and "." not in word.partition("=")[0]]
    if odd:
        expected = "its own options and settings of the config (--section.name value)"
        raise ValueError(Errors.S262.format(command="label-errors", expected=expected, got=", ".join(odd)))


def read_docs(path: Path) -> List["Doc"]:
    """RAISES (ValueError): S235, S273 for data that cannot be read, S272, S275 without tokens or annotation."""
    from spacy.vocab import Vocab

    from ..evaluation.data_files import load_docs

    docs = [doc for doc in load_docs(path, Vocab()) if len(doc)]
    if not docs:
        raise ValueError(Errors.S272.format(path=path))
    if not any(doc.ents for doc in docs):
        raise ValueError(Errors.S275.format(path=path, n_docs=len(docs)))
    return docs


def cross_validate(
    docs: Sequence["Doc"], settings: "FoldSettings", out: Path, *, jobs: int
) -> List["Judgement"]:
    """What is found in each doc by the model of its fold; trains those whose findings are not there yet, `jobs` of
    them at a time.

    RAISES (ValueError): S151, and as cross_validation.train_fold and judge_fold.
    """
    from wasabi import msg

    from ..evaluation.cross_validation import (
        WORK,
        judge_fold,
        judgements,
        make_folds,
        read_fold,
        train_fold,
    )
    from ..evaluation.subprocesses import run_jobs

    judged: Dict[int, "Judgement"] = {}

    def name(fold: "Fold") -> str:
        return f"fold {fold.number + 1} of {settings.n_folds}"

    def train(fold: "Fold", stop: Event) -> float:
        msg.text(f"{name(fold)}: training, see {out / f'fold-{fold.number}.log'}")
        return train_fold(fold, docs, settings, out, stop=stop)

    def judge(fold: "Fold", seconds: float) -> None:
        judged.update(judgements(fold, judge_fold(fold, docs, settings, out, seconds=seconds)))
        msg.good(f"{name(fold)}: {len(fold.docs):,} docs judged ({seconds:,.0f} s)")

    to_train = []
    for fold in make_folds(docs, settings):
        record = read_fold(fold, out)
        if record is None:
            to_train.append(fold)
        else:
            msg.info(f"{name(fold)}: done before")
            judged.update(judgements(fold, record))
    run_jobs(train, to_train, judge, jobs=jobs)
    with suppress(OSError):  # models that were kept
        (out / WORK).rmdir()
    return [judged[i] for i in range(len(docs))]


def doubt_all(
    docs: Sequence["Doc"], judged: Sequence["Judgement"], *, low: float, high: float
) -> List[List["Doubt"]]:
    """The doubts about each doc."""
    from ..evaluation.label_errors import find_doubts
    from ..evaluation.metrics import doc_entities, missing_tokens

    return [
        find_doubts(doc_entities(doc), judgement, unknown=missing_tokens(doc), low=low, high=high)
        for doc, judgement in zip(docs, judged)
    ]


def agree(docs: Sequence["Doc"], judged: Sequence["Judgement"]) -> "PRF":
    """How far the models find what is annotated."""
    from ..evaluation.label_errors import agreement
    from ..evaluation.metrics import PRF, doc_entities, missing_tokens

    pairs = zip(docs, judged)
    return sum((agreement(doc_entities(d), j, unknown=missing_tokens(d)) for d, j in pairs), PRF())


def print_doubts(docs: Sequence["Doc"], doubts: Sequence[Sequence["Doubt"]], *, limit: int) -> None:
    """Print how many doubts of each kind there are by type, and the strongest ones with the words around them."""
    from wasabi import msg

    pairs = [(i, doubt) for i, found in enumerate(doubts) for doubt in found]
    counts = Counter((doubt.span.label, doubt.kind) for _, doubt in pairs)
    annotated = Counter(ent.label_ for doc in docs for ent in doc.ents)
    labels = sorted({label for label, _ in counts}, key=lambda label: (-annotated[label], label))
    rows = [[label, annotated[label], *(counts[label, kind] for kind in KINDS)] for label in labels]
    print_table("Doubts by type", ["", "annotated", *KINDS], rows)
    for kind, meaning in KINDS.items() if rows else ():
        msg.text(f"{kind}: {meaning}")
    pairs.sort(key=lambda pair: (-pair[1].strength, pair[0], pair[1].span))
    for kind in KINDS if limit else ():
        strongest = [pair for pair in pairs if pair[1].kind == kind][:limit]
        if strongest:
            msg.divider(f"Strongest doubts: {kind}")
        for i, doubt in strongest:
            print(f"  doc {i + 1}: {_line(docs[i], doubt)}")


def _line(doc: "Doc", doubt: "Doubt") -> str:
    start, end, label = doubt.span
    before, after = doc[max(0, start - NEAR) : start].text, doc[end : end + NEAR].text
    said = ", ".join(f"{doc[s:e].text!r} [{other}] {p:.2f}" for (s, e, other), p in doubt.instead)
    said = said or f"nothing {doubt.against:.2f}"
    line = f"{before} [[{doc[start:end].text}]] {after}  {label} {doubt.probability:.3f}, found: {said}"
    if doubt.kind == "missing":
        line = f"{before} [[{doc[start:end].text}]] {after}  not annotated, found: {label} {doubt.probability:.2f}"
    return " ".join(line.split())
