"""Stage A of SME: masked-LM training of an encoder on segment-masked text.

SOURCE: SSNER (Symmetry 2025, 17, 783), section 3.3, eqs. (3)-(10) and the masked prediction of Algorithm 1.
"""

import json
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from torch import Tensor
from transformers.trainer_callback import PrinterCallback

from ..errors import Errors
from ..files import told_if_full, write_text
from .masking import MaskSettings, SegmentMasking
from .processes import count_processes, end_together, is_first_process
from .run import PretrainSettings, Run, as_json, count_steps, prepare, start
from .segments import LengthLaw
from .tokenised import TokenisedCorpus
from .trainer import (
    CHECKPOINTS,
    REPORT,
    EncoderTrainer,
    ReportSteps,
    begin_or_resume,
    check_output,
    training_arguments,
)


class CountedMasking:
    """The masking as the Trainer wants it: the model's inputs alone, other masks in each epoch. Counts words."""

    def __init__(self, masking: SegmentMasking, n_rows: int):
        self.masking = masking
        self.n_rows = n_rows
        self.n_words = 0

    def __call__(self, features: List[Dict[str, Any]]) -> Dict[str, Tensor]:
        self.masking.set_epoch(features[0]["row"] // self.n_rows)
        self.n_words += sum(int(feature["word_ids"].max()) + 1 for feature in features)
        batch = self.masking(features)
        return {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}


def pretrain(
    name: str,
    corpus: TokenisedCorpus,
    out: Path,
    *,
    held_out: Optional[TokenisedCorpus],
    law: LengthLaw,
    masks: MaskSettings,
    settings: PretrainSettings,
    save_every: int = 0,
    resume: bool = False,
    on_stage: Callable[[str, int], Any] = lambda what, n_steps: None,
    on_step: Callable[[int, float, int], Any] = lambda step, loss, n_words: None,
) -> Dict[str, Any]:
    """Train an encoder to predict masked segments, and write it as a Hugging Face folder.

    name (str): Hugging Face folder or hub id. out (Path): Folder to write; REPORT inside tells how it went.
    save_every (int): Steps between checkpoints, 0 = none.
    resume (bool): Continue from the last checkpoint in `out`, exactly as if there had been no stop.
    on_stage: Called with a name and the number of steps when a new part begins. on_step: Called
        with step, loss, and words read so far by this process.
    RETURNS (dict): The report.
    RAISES (ValueError): S107 if the encoder cannot be read, S118, S119 if its tokenizer cannot mask, S249 if the corpus
        does not fit it, S124 if it is empty; S120, S121, S123, S128 for what `out` holds, S122 if a checkpoint cannot
        be written; S125 if the processes cannot share the passes.
    """
    started = time.perf_counter()
    if not len(corpus):
        raise ValueError(Errors.S124)
    check_output(name, out)
    n_steps = settings.n_steps or count_steps(corpus.lengths, settings)
    described = {**asdict(settings), "n_steps": n_steps, "law": asdict(law), "masks": asdict(masks)}
    described.update(encoder=name, n_rows=len(corpus), tokenizer=corpus.meta["tokenizer"])
    checkpoint = begin_or_resume(out, described, resume=resume)
    run = start(name, corpus, held_out, law, masks, settings)
    before_file = out / CHECKPOINTS / "before.json"
    if checkpoint is None:
        before = prepare(run, on_stage)
        if is_first_process():
            write_text(before_file, json.dumps(before))
    else:
        before = json.loads(before_file.read_text(encoding="utf8"))
    on_stage("Training", n_steps)
    log = train(run, out, n_steps, checkpoint, save_every, on_step)
    on_stage("Scoring held-out text", 0)
    report = {
        "settings": described,
        "loaded_without": run.loaded.fresh,
        **before,
        "after": as_json(run.score()),
        "steps": log,
        "seconds": round(time.perf_counter() - started, 1),
    }
    if is_first_process():
        save(run, out, report)
    end_together()
    return report


def train(
    run: Run,
    out: Path,
    n_steps: int,
    checkpoint: Optional[str],
    save_every: int,
    on_step: Callable[[int, float, int], Any],
) -> List[Dict[str, float]]:
    """Train and return the log of the Trainer: step, loss, learning_rate, grad_norm of each step.

    RAISES (ValueError): S122, S125; see `pretrain`.
    """
    settings = run.settings
    collate = CountedMasking(run.masking(settings.seed), len(run.corpus))
    arguments = training_arguments(
        out,
        seed=settings.seed,
        save_every=save_every,
        max_steps=n_steps,
        learning_rate=settings.learn_rate,
        warmup_steps=round(settings.warmup * n_steps),
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.grad_clip,
        gradient_accumulation_steps=passes_per_process(settings.accumulate),
    )
    trainer = EncoderTrainer(
        run.objective,
        arguments,
        rows=run.corpus,
        batches={"max_padded": settings.max_padded, "buffer": settings.buffer, "seed": settings.seed},
        collate=collate,
        head_factor=settings.head_factor,
        bf16=settings.bf16,
        callbacks=[ReportSteps(lambda step, loss: on_step(step, loss, collate.n_words))],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=checkpoint)
    return [entry for entry in trainer.state.log_history if "loss" in entry]


def passes_per_process(n_passes: int) -> int:
    """Passes of one process in a step. RAISES (ValueError): S125 if they cannot be shared evenly."""
    n_processes = count_processes()
    if n_passes % n_processes:
        raise ValueError(Errors.S125.format(expected=n_processes, got=n_passes))
    return n_passes // n_processes


def save(run: Run, out: Path, report: Dict[str, Any]) -> None:
    """Write model and tokenizer beside the checkpoints, move them into place, and drop the checkpoints.

    RAISES (OSError): S283 if the disk is full; the checkpoints stay.
    """
    draft = out / CHECKPOINTS / "finished"
    with told_if_full(out):
        run.loaded.model.save_pretrained(draft)  # type: ignore[operator]
        run.loaded.tokenizer.save_pretrained(draft)
    for file in draft.iterdir():
        file.replace(out / file.name)
    write_text(out / REPORT, json.dumps(report, indent=1))
    shutil.rmtree(out / CHECKPOINTS)
