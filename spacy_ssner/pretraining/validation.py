"""After each epoch of stage B: entity scores on unmasked validation text; the best encoder so far is kept."""

import json
import math
import shutil
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

from transformers import TrainerCallback

from ..errors import Errors
from ..evaluation.metrics import PRF, score_entities
from ..files import write_text
from .classifier import TokenClassifier
from .labelled_rows import LabelledText
from .processes import is_first_process
from .trainer import CHECKPOINTS, REPORT, STAGING

BEST = "best"  # the best encoder so far, inside CHECKPOINTS


class Validation(TrainerCallback):
    """Scores the model at the end of each epoch, keeps the best encoder, and stops a run that went astray.

    score (Callable[[], PRF]): Scores the model as it is now.
    ends (Sequence[int]): Steps at which an epoch ends, rising.
    save (Callable[[Path], Any]): Writes the encoder as it is now to a new folder.
    on_epoch (Callable[[dict], Any]): Gets the entry of each epoch in the report.
    """

    def __init__(
        self,
        score: Callable[[], PRF],
        *,
        ends: Sequence[int],
        save: Callable[[Path], Any],
        out: Path,
        on_epoch: Callable[[Dict[str, Any]], Any],
    ):
        self.score = score
        self.ends = list(ends)
        self.save = save
        self.out = out
        self.on_epoch = on_epoch
        self.epochs: List[Dict[str, Any]] = []
        self.best_f1 = -1.0
        self.started = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """RAISES (ValueError): S303 if the encoder cannot be written; the best one before stays."""
        if state.global_step not in self.ends or not is_first_process():
            return
        trained = time.perf_counter() - self.started
        scores = self.score()
        is_best = scores.f1 > self.best_f1
        if is_best:
            keep_best(self.save, self.out)
            self.best_f1 = scores.f1
        entry = {
            "epoch": len(self.epochs) + 1,
            "step": state.global_step,
            **scores.to_dict(),
            "is_best": is_best,
            "seconds": round(trained, 1),
            "validation_seconds": round(time.perf_counter() - self.started - trained, 1),
        }
        self.epochs.append(entry)
        self.on_epoch(entry)
        self.started = time.perf_counter()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """RAISES (ValueError): S304 if the loss is no number any more."""
        if logs and not math.isfinite(logs.get("loss", 0.0)):
            raise ValueError(Errors.S304.format(step=state.global_step, got=logs["loss"], path=self.out))


def word_scores(text: LabelledText, names: Sequence[str], tags: Sequence[int]) -> PRF:
    """Strict scores of all entities of a split together. tags: (M,) ids of its words; names: of the tags."""
    return score_entities(text.with_predictions([names[tag] for tag in tags])).micro


def save_encoder(classifier: TokenClassifier, tokenizer: Any, folder: Path) -> None:
    """Write encoder and tokenizer as a Hugging Face folder; the linear layer stays behind."""
    classifier.model.save_pretrained(folder)  # type: ignore[operator]
    tokenizer.save_pretrained(folder)


def keep_best(save: Callable[[Path], Any], out: Path) -> None:
    """Put the encoder in the place of the best one before, which stays until this one is whole.

    RAISES (ValueError): S303 if it cannot be written (a full disk).
    """
    staging, best = out / CHECKPOINTS / STAGING, out / CHECKPOINTS / BEST
    shutil.rmtree(staging, ignore_errors=True)  # a killed run may have left half of one
    try:
        save(staging)
        if best.exists():
            shutil.rmtree(best)
        staging.rename(best)
    except Exception as err:  # safetensors and tokenizers raise their own kinds
        shutil.rmtree(staging, ignore_errors=True)
        previous = best if best.exists() else "none"
        raise ValueError(Errors.S303.format(path=out, got=err, previous=previous)) from err


def publish_best(out: Path, report: Dict[str, Any]) -> None:
    """Move the files of the best encoder to their place, write the report, drop the folder of checkpoints.

    RAISES (ValueError): S303 if that is not possible.
    """
    best = out / CHECKPOINTS / BEST
    try:
        write_text(out / REPORT, json.dumps(report, indent=1) + "\n")
        for file in best.iterdir():
            file.replace(out / file.name)
        shutil.rmtree(out / CHECKPOINTS)
    except OSError as err:
        raise ValueError(Errors.S303.format(path=out, got=err, previous=best)) from err
