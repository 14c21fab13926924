"""`python -m spacy ssner pretrain-supervised`: stage B of SME, an encoder learns entities from masked sentences."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Dict, Optional

import typer

from ..pretraining.supervised import SupervisedSettings
from ._app import ssner_app
from ._io import plain_errors, told_at_the_end
from .pretrain import BF16_HELP, LAW_HELP, choose_bf16, read_law, require_packages

Opt = typer.Option
DEFAULTS = SupervisedSettings()
ENTITY = "entity"
COLUMNS = ("epoch", "step", "loss", "P", "R", "F1", "seconds", "")
WIDTHS = (5, 6, 8, 6, 6, 6, 8, 4)


@ssner_app.command("pretrain-supervised")
def pretrain_supervised_cli(
    train: Annotated[
        Path, typer.Argument(help="Annotated training split: a .spacy file or a folder of them")
    ],
    dev: Annotated[Path, typer.Argument(help="Annotated validation split")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write: a Hugging Face encoder")],
    encoder: Annotated[str, Opt("--encoder", "-e", help="Hugging Face folder or hub id to begin with")],
    law: Annotated[str, Opt("--law", help=f"{LAW_HELP}, or {ENTITY} (those in TRAIN)")] = ENTITY,
    budget: Annotated[
        float, Opt("--budget", help="Share of the pieces to mask, 0 for none, up to 0.4")
    ] = 0.15,
    epochs: Annotated[int, Opt("--epochs", help="Times that TRAIN is read")] = DEFAULTS.n_epochs,
    steps: Annotated[int, Opt("--steps", help="Stop after so many steps; 0 = all of the epochs")] = 0,
    learn_rate: Annotated[float, Opt("--learn-rate", help="Highest of the encoder")] = DEFAULTS.learn_rate,
    head_factor: Annotated[float, Opt("--head-factor", help="... of the new layer")] = DEFAULTS.head_factor,
    max_padded: Annotated[int, Opt("--max-padded", help="Pieces in one step")] = DEFAULTS.max_padded,
    gamma: Annotated[float, Opt("--gamma", help="Of the focal loss; 0 = cross-entropy")] = DEFAULTS.gamma,
    class_weights: Annotated[str, Opt("--class-weights", help="none, inverse or effective")] = "none",
    seed: Annotated[int, Opt("--seed", help="Same files, same seed: same encoder")] = DEFAULTS.seed,
    bf16: Annotated[Optional[bool], Opt("--bf16/--no-bf16", help=BF16_HELP)] = None,
) -> None:
    """Train an encoder to find the entities of segment-masked sentences, and keep it where validation F1 is best.

    The folder can be the encoder of an `ssner` pipeline (paths.encoder); its pretraining.json tells how it went.
    """
    from wasabi import msg

    with plain_errors(), told_at_the_end():
        require_packages()
        settings = SupervisedSettings(
            n_epochs=epochs,
            n_steps=steps,
            learn_rate=learn_rate,
            head_factor=head_factor,
            max_padded=max_padded,
            gamma=gamma,
            class_weights=class_weights,
            seed=seed,
            bf16=choose_bf16(bf16),
        )
        report = run(encoder, train, dev, out, law=law, budget=budget, settings=settings)
    if report is not None:
        speed = report["words"] / max(1e-9, sum(entry["seconds"] for entry in report["epochs"]))
        best = next((e for e in report["epochs"] if e["epoch"] == report["best_epoch"]), {"f1": 0.0})
        msg.good(f"{out}: encoder of epoch {report['best_epoch']}, F1 {100 * best['f1']:.2f}")
        msg.text(f"{report['words']:,} words, {speed:,.0f} words per second in training")


def run(
    encoder: str,
    train: Path,
    dev: Path,
    out: Path,
    *,
    law: str,
    budget: float,
    settings: SupervisedSettings,
) -> Optional[Dict[str, Any]]:
    """Train with a progress bar. RETURNS (Optional[dict]): The report; None in all processes but the first.

    RAISES (ValueError): S235, S240 to S242 for the law, S117 for the budget; else see stage_b.pretrain_supervised.
    """
    from ..memory import keep_freed_memory
    from ..pretraining.masking import MaskSettings
    from ..pretraining.processes import is_first_process

    masks = MaskSettings(budget=budget) if budget else None
    segments = None if law == ENTITY else read_law(law, out)

    from ..pretraining.stage_b import pretrain_supervised  # transformers: seconds

    keep_freed_memory()
    talk = Talk(enabled=is_first_process())
    report = pretrain_supervised(
        encoder,
        train,
        dev,
        out,
        law=segments,
        masks=masks,
        settings=settings,
        on_start=talk.start,
        on_step=talk.step,
        on_epoch=talk.epoch,
    )
    return report if is_first_process() else None


@dataclass
class Talk:
    """Progress bar over the steps, a table line for each epoch."""

    enabled: bool
    bar: Any = None
    n_words: int = 0
    loss: float = float("nan")

    def start(self, run: Any, n_steps: int) -> None:
        """Say what there is to learn from, and begin the table."""
        if not self.enabled:
            return
        from tqdm import tqdm
        from wasabi import msg

        n_words, n_types = len(run.train.tokens), (len(run.tags) - 1) // 2
        msg.info(f"{len(run.rows):,} sentences, {n_words:,} words, {n_types} types, {n_steps:,} steps")
        msg.text(f"Masked: {describe(run)}")
        cut = run.train.n_cut + run.dev.n_cut
        if cut:
            limit = run.settings.max_word_pieces
            msg.text(f"{cut:,} words have more than {limit} pieces: the first {limit} are read")
        self.line(COLUMNS)
        self.line(tuple("-" * width for width in WIDTHS))
        self.bar = tqdm(total=n_steps, unit="step", leave=False, disable=None)

    def step(self, step: int, loss: float, n_words: int) -> None:
        """Advance. The loss is a running mean."""
        self.loss = loss if self.loss != self.loss else 0.9 * self.loss + 0.1 * loss
        self.n_words = n_words
        if self.bar is not None:
            self.bar.update()
            rate = n_words / max(1e-9, self.bar.format_dict["elapsed"])
            self.bar.set_postfix_str(f"loss {self.loss:.4f}, {rate:,.0f} words/s", refresh=False)

    def epoch(self, entry: Dict[str, Any]) -> None:
        """One line of the table; scores in percent."""
        percent = (f"{100 * entry[name]:.2f}" for name in ("precision", "recall", "f1"))
        best = "best" if entry["is_best"] else ""
        loss = f"{self.loss:.4f}"
        self.line((entry["epoch"], entry["step"], loss, *percent, f"{entry['seconds']:.1f}", best))

    def line(self, cells: Any) -> None:
        """Print a line of the table above the bar."""
        from tqdm import tqdm

        tqdm.write("  ".join(str(cell).rjust(width) for cell, width in zip(cells, WIDTHS)).rstrip())


def describe(run: Any) -> str:
    """The masking in a few words."""
    from ..pretraining.segments import mean_length

    masking = run.collate.masking
    if masking is None:
        return "nothing"
    mean = mean_length(run.law)
    return f"{100 * masking.settings.budget:g} % of the pieces, law '{run.law.name}', mean {mean:.2f} {run.law.unit}s"
