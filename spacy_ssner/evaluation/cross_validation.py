"""Every doc of a corpus judged by a model that was not trained on it: k folds, k trainings, a JSON file for each."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from ..annotations import taken_tokens
from ..corpus.docs import write_docs
from ..corpus.folds import assign_folds
from ..corpus.sentence import normal_form
from ..files import checksum, write_text
from ..labels import TagSpan
from ..types import ScoredSpan
from .label_errors import Judgement
from .metrics import in_gold_tokens
from .runs import SPACY
from .subprocesses import run_command

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc
    from spacy.training import Example


WORK = "work"  # folder of the models, in that of the results


@dataclass(frozen=True)
class FoldSettings:
    """How the models are trained. overrides: Settings of the config, as `spacy train` takes them. threads: As
    run_command."""

    config: Path
    n_folds: int
    overrides: Tuple[str, ...] = ()
    component: Optional[str] = None
    seed: int = 0
    gpu_id: int = -1
    keep: bool = False
    threads: Optional[int] = None


@dataclass(frozen=True)
class Fold:
    """One part of a corpus. docs: Numbers of its docs. key: SHA-256 of all that its model depends on."""

    number: int
    docs: Tuple[int, ...]
    key: str


def make_folds(docs: Sequence["Doc"], settings: FoldSettings) -> List[Fold]:
    """Cut a corpus, docs of the same words (normal_form) together.

    RAISES (ValueError): As assign_folds.
    """
    keys = [normal_form(token.text for token in doc) or doc.text for doc in docs]
    assigned = assign_folds(keys, settings.n_folds, seed=settings.seed)
    base = hashlib.sha256(settings.config.read_bytes())
    for word in (*settings.overrides, str(settings.component)):
        base.update(f"{checksum(word) if Path(word).exists() else word}\n".encode("utf8", "surrogateescape"))
    for doc, fold in zip(docs, assigned):
        tokens = [(token.text, token.ent_iob, token.ent_type_) for token in doc]
        base.update(f"{fold} {tokens}\n".encode("utf8"))
    folds = []
    for number in range(settings.n_folds):
        own = tuple(i for i, fold in enumerate(assigned) if fold == number)
        folds.append(Fold(number, own, f"{base.hexdigest()}-{number}"))
    return folds


def read_fold(fold: Fold, folder: Path) -> Optional[Dict[str, Any]]:
    """What was found of a fold before; None if that was with other data or settings, or nothing."""
    try:
        record = json.loads(record_path(fold, folder).read_text(encoding="utf8"))
        return record if record["key"] == fold.key and len(record["docs"]) == len(fold.docs) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def record_path(fold: Fold, folder: Path) -> Path:
    """The file of what is found of a fold."""
    return folder / f"fold-{fold.number}.json"


def train_fold(
    fold: Fold, docs: Sequence["Doc"], settings: FoldSettings, folder: Path, *, stop: Optional[Event] = None
) -> float:
    """Train a model on all docs but those of the fold. Its output: fold-N.log. stop: As run_command.

    RETURNS (float): Seconds.
    RAISES (ValueError): S295 if the training fails.
    """
    work, log = work_folder(fold, folder), folder / f"fold-{fold.number}.log"
    shutil.rmtree(work, ignore_errors=True)
    log.unlink(missing_ok=True)
    own = set(fold.docs)
    write_docs((doc for i, doc in enumerate(docs) if i not in own), work / "train.spacy")
    seconds, _ = run_command(train_command(work, settings), log, threads=settings.threads, stop=stop)
    return seconds


def judge_fold(
    fold: Fold, docs: Sequence["Doc"], settings: FoldSettings, folder: Path, *, seconds: float
) -> Dict[str, Any]:
    """Let the model that train_fold made in so many seconds judge the docs of the fold.

    RETURNS: What is written to the fold's file: "key", "seconds", "temperature", and of each of its docs "found",
        "probable" ([start, end, label, probability] in tokens) and "closed".
    RAISES (ValueError): S306 unless there is one component to ask.
    """
    from spacy.tokens import Doc
    from spacy.training import Example
    from spacy.util import load_model

    work = work_folder(fold, folder)
    nlp = load_model(work / "model-best")
    examples = []
    for i in fold.docs:
        words, spaces = [t.text for t in docs[i]], [bool(t.whitespace_) for t in docs[i]]
        examples.append(Example(Doc(nlp.vocab, words=words, spaces=spaces), docs[i]))
    record = {"key": fold.key, "seconds": seconds, **judge(nlp, settings.component, examples)}
    write_text(record_path(fold, folder), json.dumps(record, ensure_ascii=False) + "\n")
    if not settings.keep:
        shutil.rmtree(work)
    return record


def work_folder(fold: Fold, folder: Path) -> Path:
    """Where the model of a fold is trained."""
    return folder / WORK / f"fold-{fold.number}"


def train_command(work: Path, settings: FoldSettings) -> List[str]:
    """The command line that trains the model of a fold."""
    gpu = ["--gpu-id", str(settings.gpu_id)] if settings.gpu_id >= 0 else []
    paths = ["--output", str(work), "--paths.train", str(work / "train.spacy")]
    return [*SPACY, "train", str(settings.config), *paths, *settings.overrides, *gpu]


def judge(nlp: "Language", component: Optional[str], examples: Sequence["Example"]) -> Dict[str, Any]:
    """What a pipeline says of annotated docs, none without tokens, with the temperature that fits its probabilities to
    these; see judge_fold.

    Where nothing tells a temperature (S307, S309), it is 1.
    RAISES (ValueError): S306 unless there is one component to ask.
    """
    from .calibration import fit_temperature
    from .confidence import SpanConfidence, component_name

    name = component_name(nlp, component)
    cfg = nlp.get_pipe(name).cfg  # type: ignore[attr-defined]
    confidence = SpanConfidence(nlp, name, examples)
    try:
        temperature = fit_temperature(confidence.at)
    except ValueError:
        temperature = 1.0
    docs = [
        {
            "found": _as_json(example, found),
            "probable": _as_json(example, probable),
            "closed": _in_gold_tokens(example, taken_tokens([example.x], cfg)),
        }
        for example, found, probable in confidence.spans_at(temperature)
    ]
    return {"temperature": temperature, "docs": docs}


def _as_json(example: "Example", spans: Sequence[ScoredSpan]) -> List[List[Any]]:
    """Spans in tokens of the annotated doc, with their probabilities."""
    placed = ((in_gold_tokens(example, TagSpan(s.start, s.end, s.label)), s.score) for s in spans)
    return [[*span, score] for span, score in placed if span is not None]


def _in_gold_tokens(example: "Example", tokens: np.ndarray) -> List[int]:
    """Tokens of the predicted doc (N,) bool, as numbers of those of the annotated doc."""
    x2y = example.alignment.x2y
    return sorted({int(j) for i in np.flatnonzero(tokens) for j in x2y[int(i)]})


def judgements(fold: Fold, record: Dict[str, Any]) -> Iterator[Tuple[int, Judgement]]:
    """Of each doc of a fold its number and what was found, from what `judge_fold` returned."""
    for number, said in zip(fold.docs, record["docs"]):
        found = tuple(TagSpan(*span[:3]) for span in said["found"])
        probabilities = {TagSpan(*span[:3]): span[3] for span in said["probable"]}
        yield number, Judgement(found, probabilities, frozenset(said["closed"]))
