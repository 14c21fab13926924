"""One run of stage A before its steps: settings, model, masked batches, held-out scores, the fit of a fresh head."""

import math
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, Optional

import numpy as np
import torch
from torch import Tensor

from ..errors import Errors
from ..nn.piece_encoder import max_positions
from ..settings import check_values
from .batches import count_batches, epoch_batches
from .head import fit_head, masked_states, set_frequency_bias
from .masked_lm import LengthScore, LoadedModel, MaskedLM, load_masked_lm, score_masked_lm
from .masking import IGNORED, MaskSettings, SegmentMasking
from .piece_table import fingerprint, read_tokenizer
from .processes import training_device
from .segments import LengthLaw
from .tokenised import TokenisedCorpus

COUNTED_AT_ONCE = 10_000_000  # pieces
EVALUATION_SEED = 2**31 - 1  # held-out text is masked alike before and after, and in every run


@dataclass(frozen=True)
class PretrainSettings:
    """What decides the course of a run.

    n_steps (int): Steps of the optimizer, 0 = as many as n_epochs have.
    learn_rate (float), head_factor (float): Highest rate of the encoder; that of the head is a multiple.
    warmup (float): Share of the steps in which the rate rises; afterwards it falls to 0 in a straight line.
    max_padded (int): Padded pieces in one pass. accumulate (int): Passes of all processes in one step.
    buffer (int): Rows sorted by length together.
    head_pieces (int), head_epochs (int), head_rate (float): Fit of a fresh head; see pretraining.head.
    held_out_rows (int): Rows that are masked and scored before and after, at least 1.
    RAISES (ValueError): S127 for a value out of range.
    """

    n_steps: int = 0
    n_epochs: int = 1
    learn_rate: float = 2e-4
    head_factor: float = 5.0
    warmup: float = 0.06
    weight_decay: float = 0.01
    grad_clip: float = 1.0
    max_padded: int = 2048
    accumulate: int = 1
    buffer: int = 2048
    head_pieces: int = 50_000
    head_epochs: int = 4
    head_rate: float = 1e-3
    held_out_rows: int = 2000
    seed: int = 0
    bf16: bool = False

    def __post_init__(self) -> None:
        checks = {
            "n_steps": (self.n_steps >= 0, "at least 0"),
            "n_epochs": (self.n_epochs >= 1, "at least 1"),
            "learn_rate": (0 <= self.learn_rate < math.inf, "a number of at least 0"),
            "head_factor": (0 < self.head_factor < math.inf, "a number above 0"),
            "warmup": (0 <= self.warmup <= 1, "from 0 to 1"),
            "max_padded": (self.max_padded >= 1, "at least 1"),
            "accumulate": (self.accumulate >= 1, "at least 1"),
            "buffer": (self.buffer >= 1, "at least 1"),
            "head_pieces": (self.head_pieces >= 1, "at least 1"),
            "head_epochs": (self.head_epochs >= 0, "at least 0"),
            "head_rate": (0 < self.head_rate < math.inf, "a number above 0"),
            "held_out_rows": (self.held_out_rows >= 1, "at least 1"),
        }
        check_values(vars(self), checks, Errors.S127)


@dataclass
class Run:
    """One run on its way: what its steps share."""

    loaded: LoadedModel
    objective: MaskedLM
    corpus: TokenisedCorpus
    held_out: Optional[TokenisedCorpus]
    law: LengthLaw
    masks: MaskSettings
    settings: PretrainSettings
    device: torch.device

    def masking(self, seed: int) -> SegmentMasking:
        """The collator of this run. RAISES (ValueError): S118, S119 if the tokenizer cannot mask."""
        return SegmentMasking.from_tokenizer(
            self.loaded.tokenizer, law=self.law, settings=self.masks, seed=seed
        )

    def autocast(self) -> Any:
        """The context in which the model runs."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.settings.bf16)

    def batches(self, corpus: TokenisedCorpus, *, seed: int, n_rows: int) -> Iterator[Dict[str, Tensor]]:
        """Masked batches of some rows, once, on the device."""
        masking = self.masking(seed)
        rows = np.sort(np.random.default_rng(seed).permutation(len(corpus))[:n_rows])
        values = self.settings
        for places in epoch_batches(
            corpus.lengths[rows], max_padded=values.max_padded, buffer=len(rows), seed=seed, epoch=0
        ):
            batch = masking([corpus[int(row)] for row in rows[places]])
            if (batch["labels"] != IGNORED).any():  # a batch of few pieces may have no mask
                yield {name: tensor.to(self.device) for name, tensor in batch.items()}

    def score(self) -> Optional[Dict[str, LengthScore]]:
        """Held-out loss and accuracy by segment length; None without held-out text, or where none of it is masked."""
        if self.held_out is None or not len(self.held_out):
            return None
        batches = self.batches(self.held_out, seed=EVALUATION_SEED, n_rows=self.settings.held_out_rows)
        return score_masked_lm(self.objective, batches, autocast=self.autocast) or None


def count_steps(lengths: np.ndarray, settings: PretrainSettings) -> int:
    """Steps of the optimizer that the epochs have, at least one."""
    n_batches = count_batches(
        lengths,
        settings.n_epochs,
        max_padded=settings.max_padded,
        buffer=settings.buffer,
        seed=settings.seed,
    )
    return max(1, n_batches // settings.accumulate)


def start(
    name: str,
    corpus: TokenisedCorpus,
    held_out: Optional[TokenisedCorpus],
    law: LengthLaw,
    masks: MaskSettings,
    settings: PretrainSettings,
) -> Run:
    """Load the model.

    RAISES (ValueError): S107 if it cannot be read; S249 if the corpus has other pieces, or too many in a row; S118,
        S119 if the tokenizer cannot mask.
    """
    torch.manual_seed(settings.seed)  # the weights of a fresh head
    try:
        loaded = load_masked_lm(name)
    except Exception as err:  # transformers, tokenizers and safetensors each raise their own kinds
        raise ValueError(Errors.S107.format(name=name, got=err)) from err
    if fingerprint(read_tokenizer(name)["tokenizer"]) != corpus.meta["tokenizer"]:
        expected = f"the tokenizer of {name}"
        raise ValueError(Errors.S249.format(folder="the corpus", expected=expected, got="another one"))
    limit = max_positions(loaded.model.config)
    for text in (corpus, held_out or corpus):
        longest = int(text.lengths.max(initial=0))
        if longest > limit:
            expected, got = f"rows of at most {limit} pieces (--max-pieces {limit})", longest
            raise ValueError(Errors.S249.format(folder="the corpus", expected=expected, got=got))
    device = training_device()
    objective = MaskedLM(loaded.model).to(device)
    run = Run(loaded, objective, corpus, held_out, law, masks, settings, device)
    run.masking(settings.seed)  # its errors before anything long begins
    return run


def prepare(run: Run, on_stage: Callable[[str, int], Any]) -> Dict[str, Any]:
    """Score the model as it came, and fit its head if that is fresh."""
    settings = run.settings
    on_stage("Scoring held-out text", 0)
    before: Dict[str, Any] = {"before": as_json(run.score())}
    if not run.loaded.fresh or not settings.head_epochs:
        return before
    on_stage("Fitting the fresh head on the frozen encoder", 0)
    n_vocab: int = run.loaded.model.config.vocab_size  # type: ignore[union-attr,assignment]
    set_frequency_bias(run.loaded.model, torch.from_numpy(count_pieces(run.corpus.pieces, n_vocab)))
    n_rows = len(run.corpus)
    batches = run.batches(run.corpus, seed=settings.seed, n_rows=n_rows)
    states, gold = masked_states(
        run.loaded.model, batches, autocast=run.autocast, n_pieces=settings.head_pieces
    )
    losses = list(
        fit_head(
            run.loaded.model,
            states,
            gold,
            n_epochs=settings.head_epochs,
            learn_rate=settings.head_rate,
            seed=settings.seed,
            autocast=run.autocast,
        )
    )
    on_stage("Scoring held-out text", 0)
    return {**before, "head_losses": losses, "after_head": as_json(run.score())}


def count_pieces(pieces: np.ndarray, n_vocab: int) -> np.ndarray:
    """How often each piece occurs: (n_vocab,) int64. pieces: (n_pieces,), read part by part from its memory map."""
    counts = np.zeros(n_vocab, dtype=np.int64)
    for start in range(0, len(pieces), COUNTED_AT_ONCE):
        counts += np.bincount(pieces[start : start + COUNTED_AT_ONCE], minlength=n_vocab)
    return counts


def as_json(scores: Optional[Dict[str, LengthScore]]) -> Optional[Dict[str, Dict[str, float]]]:
    """Scores by segment length as JSON values."""
    return None if scores is None else {length: score._asdict() for length, score in scores.items()}
