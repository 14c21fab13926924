"""Hugging Face's Trainer with what our stages need: batches by length, two learning rates, safe checkpoints.

One command runs on a CPU, on one GPU, and under torchrun on many: a step's loss is the sum over all processes
divided by all items, so that it does not matter how many processes share the batches.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers.trainer import Trainer
from transformers.trainer_callback import TrainerCallback
from transformers.trainer_utils import get_last_checkpoint
from transformers.training_args import TrainingArguments

from ..errors import Errors
from ..files import write_text
from ..memory import TRIM_EVERY, trim_freed_memory
from .batches import Rows, RunBatches, RunRows
from .masking import IGNORED
from .processes import is_first_process, training_device

CHECKPOINTS = "checkpoints"  # folder inside the output folder
STAGING = "unfinished"  # a checkpoint that is being written
SETTINGS = "settings.json"  # of the run, beside its checkpoints
REPORT = "pretraining.json"  # how a run went, beside the encoder


class EncoderTrainer(Trainer):
    """Trains an objective: a module with `.model` (a transformers model) whose forward gives a summed loss.

    rows (Rows): The corpus.
    batches (dict): max_padded, buffer, seed: see pretraining.batches.
    collate (Callable): Features of rows to a batch with "labels", IGNORED where nothing is predicted.
    head_factor (float): Learning rate of all that is not the encoder, as a factor.
    bf16 (bool): Compute in bfloat16; weights and their updates stay float32.
    """

    def __init__(
        self,
        objective: nn.Module,
        args: TrainingArguments,
        *,
        rows: Rows,
        batches: Dict[str, Any],
        collate: Callable[[List[Dict[str, Any]]], Dict[str, Tensor]],
        head_factor: float,
        bf16: bool,
        callbacks: List[TrainerCallback],
    ):
        super().__init__(objective, args, callbacks=[*callbacks, TrimMemory()])
        self.model_accepts_loss_kwargs = True  # compute_loss divides by the items of all micro-batches
        self.rows = rows
        self.batch_settings = batches
        self.collate = collate
        self.head_factor = head_factor
        self.bf16 = bf16

    def get_train_dataloader(self) -> DataLoader:
        """The batches of this process for the whole run."""
        sampler = RunBatches(
            self.rows.lengths,
            n_batches=self.args.max_steps * self.args.gradient_accumulation_steps,
            rank=self.args.process_index,
            n_ranks=self.args.world_size,
            **self.batch_settings,
        )
        rows: Any = RunRows(self.rows)
        return DataLoader(rows, batch_sampler=sampler, collate_fn=self.collate)

    def create_optimizer(self) -> torch.optim.Optimizer:
        """Adam with decoupled weight decay, without decay of biases and norms; the head learns faster."""
        if self.optimizer is None:
            rate, decay = self.args.learning_rate, self.args.weight_decay
            encoder = {id(p) for p in self.model.model.base_model.parameters()}  # type: ignore[union-attr]
            groups = {
                (factor, decayed): {"params": [], "lr": rate * factor, "weight_decay": decay * decayed}
                for factor in (1.0, self.head_factor)
                for decayed in (True, False)
            }
            for p in self.model.parameters():  # type: ignore[union-attr]
                if p.requires_grad:
                    factor = 1.0 if id(p) in encoder else self.head_factor
                    groups[factor, p.ndim > 1]["params"].append(p)  # type: ignore[attr-defined]
            betas = (self.args.adam_beta1, self.args.adam_beta2)
            self.optimizer = torch.optim.AdamW(
                [group for group in groups.values() if group["params"]],
                betas=betas,
                eps=self.args.adam_epsilon,
                fused=self.args.device.type in ("cpu", "cuda"),  # one pass over the memory of a weight
            )
        return self.optimizer

    def compute_loss_context_manager(self) -> Any:
        return torch.autocast(self.args.device.type, dtype=torch.bfloat16, enabled=self.bf16)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mean loss per item over all processes and micro-batches of a step, whose gradients are averaged."""
        n_items = inputs["labels"].ne(IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
        return model(**inputs) * self.args.world_size / n_items.clamp(min=1)

    def _save(self, output_dir: Optional[str] = None, state_dict: Any = None) -> None:
        inner: Any = self.model
        inner.model.save_pretrained(output_dir)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        from safetensors.torch import load_model

        inner: Any = model or self.model
        load_model(inner.model, Path(resume_from_checkpoint) / "model.safetensors", strict=False)

    @property
    def folder(self) -> Path:
        """Where the checkpoints lie."""
        return Path(str(self.args.output_dir))

    def _get_output_dir(self, trial: Any) -> str:
        return str(self.folder / STAGING)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Write a checkpoint beside the others and rename it once it is whole; then drop the older ones.

        RAISES (ValueError): S122 if it cannot be written (a full disk); the previous one stays.
        """
        staging = Path(self._get_output_dir(trial))
        name = f"checkpoint-{self.state.global_step}"
        if self.args.should_save:
            shutil.rmtree(staging, ignore_errors=True)  # a killed run may have left half of one
        self.accelerator.wait_for_everyone()
        try:
            super()._save_checkpoint(model, trial)
        except (OSError, RuntimeError, SafetensorError) as err:  # RuntimeError: torch.save on a full disk
            shutil.rmtree(staging, ignore_errors=True)
            previous = get_last_checkpoint(self.args.output_dir) or "none"
            raise ValueError(Errors.S122.format(path=staging / name, got=err, previous=previous)) from err
        self.accelerator.wait_for_everyone()  # every process writes its own random state
        if self.args.should_save:
            (staging / name).rename(self.folder / name)
            shutil.rmtree(staging)
            for old in self.folder.glob("checkpoint-*"):
                if old.name != name:
                    shutil.rmtree(old)
        self.accelerator.wait_for_everyone()


class ReportSteps(TrainerCallback):
    """Tells the caller about each step: its number and loss."""

    def __init__(self, on_step: Callable[[int, float], Any]):
        self.on_step = on_step

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if logs and "loss" in logs:
            self.on_step(state.global_step, logs["loss"])


class TrimMemory(TrainerCallback):
    """Keeps what `keep_freed_memory` keeps from piling up."""

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step % TRIM_EVERY == 0:
            trim_freed_memory()


def training_arguments(out: Path, *, seed: int, save_every: int, **values: Any) -> TrainingArguments:
    """Arguments of a run that are the same in all stages.

    out (Path): Output folder; checkpoints go into a folder inside.
    values: learning_rate, max_steps, gradient_accumulation_steps, warmup_steps, weight_decay, max_grad_norm, ...
    """
    on_cpu = training_device().type == "cpu"
    return TrainingArguments(
        output_dir=str(out / CHECKPOINTS),
        use_cpu=on_cpu,
        ddp_backend="gloo" if "RANK" in os.environ and on_cpu else None,
        seed=seed,
        data_seed=seed,
        save_strategy="steps" if save_every else "no",
        save_steps=save_every or 500,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        report_to=[],
        lr_scheduler_type="linear",
        average_tokens_across_devices=True,
        remove_unused_columns=False,
        ddp_find_unused_parameters=False,
        **values,
    )


def check_output(encoder: str, out: Path) -> None:
    """RAISES (ValueError): S128 if `out` is the folder of the encoder to begin with, which would be replaced."""
    if Path(encoder).is_dir() and out.exists() and out.samefile(encoder):
        raise ValueError(Errors.S128.format(expected=encoder, got=out))


def find_checkpoint(out: Path, *, resume: bool) -> Optional[str]:
    """The checkpoint to resume from, None to begin anew. Writes nothing: to be asked before long work, too.

    RAISES (ValueError): S120 if there is nothing to resume, S123 if a new run would replace an unfinished one.
    """
    folder = out / CHECKPOINTS
    last = get_last_checkpoint(str(folder)) if folder.is_dir() else None
    if not resume:
        if last is not None:
            raise ValueError(Errors.S123.format(path=out, got=Path(last).name))
        return None
    if last is None or not (folder / SETTINGS).is_file():
        got = f"the run is finished ({out / REPORT})" if (out / REPORT).is_file() else "there is none"
        raise ValueError(Errors.S120.format(path=folder, got=got))
    return last


def begin_or_resume(out: Path, settings: Dict[str, Any], *, resume: bool) -> Optional[str]:
    """Keep the settings of a new run beside it, or compare with those of the run to resume.

    settings (dict): Whatever changes the course of a run, as JSON values.
    RETURNS (Optional[str]): The checkpoint to resume from, None to begin anew.
    RAISES (ValueError): S120, S123 as find_checkpoint, S121 if the settings differ.
    """
    file = out / CHECKPOINTS / SETTINGS
    last = find_checkpoint(out, resume=resume)
    if last is None:
        file.parent.mkdir(parents=True, exist_ok=True)
        if is_first_process():
            write_text(file, json.dumps(settings, indent=1, sort_keys=True))
        return None
    before = json.loads(file.read_text(encoding="utf8"))
    now = json.loads(json.dumps(settings))
    different = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
    if different:
        was = ", ".join(f"{key} = {before.get(key)}" for key in different)
        got = ", ".join(f"{key} = {now.get(key)}" for key in different)
        raise ValueError(Errors.S121.format(expected=was, got=got))
    return last
