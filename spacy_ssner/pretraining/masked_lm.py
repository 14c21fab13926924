"""A masked language model around any Hugging Face encoder, with scores for the masked pieces alone.

Letters: B rows, T pieces of the longest, M masked pieces, V size of the vocabulary, W width.
"""

from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ..nn.encoder_loading import check_folder, quiet_loading
from .masking import IGNORED

HEADS = ("cls", "lm_head", "generator_lm_head")  # what transformers calls the head on top of the encoder


class LoadedModel(NamedTuple):
    """A masked language model, its tokenizer, and the names of the weights that the folder did not hold."""

    model: nn.Module
    tokenizer: Any
    fresh: List[str]


def load_masked_lm(name: str) -> LoadedModel:
    """A masked language model from a Hugging Face folder or hub id; its head is tied to the embeddings.

    A folder without a head (a sentence encoder) gets a fresh one: see pretraining.head.
    RAISES (OSError, ValueError): What transformers raises for a missing or broken folder; ValueError as check_folder.
    """
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    check_folder(name)
    tokenizer = AutoTokenizer.from_pretrained(name, use_fast=True)
    with quiet_loading():  # what is fresh is returned
        model, info = AutoModelForMaskedLM.from_pretrained(name, output_loading_info=True)
    model.tie_weights()
    tied = set(model._tied_weights_keys or ())
    return LoadedModel(model, tokenizer, sorted(set(info["missing_keys"]) - tied))


class MaskedLM(nn.Module):
    """The objective of stage A: the summed cross-entropy of the masked pieces.

    Only masked pieces go through the head: with 30,000 scores each it would cost as much as the encoder.
    DEPARTS: the paper's Algorithm 1 has focal loss in both stages; here stage B only has it.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
        """Summed negative log-probability of the masked pieces, in nats: a scalar.

        input_ids, attention_mask, labels: (B, T); labels are IGNORED where nothing is to be predicted.
        """
        chosen = labels != IGNORED
        logits = self.scores(input_ids, attention_mask, chosen)  # (M, V)
        return cross_entropy(logits.float(), labels[chosen], reduction="sum")

    def scores(self, input_ids: Tensor, attention_mask: Tensor, chosen: Tensor) -> Tensor:
        """Scores of all pieces of the vocabulary at the chosen places: (M, V). chosen: (B, T) bool."""
        head = find_head(self.model)
        if head is None:
            return self.model(input_ids=input_ids, attention_mask=attention_mask).logits[chosen]
        return head(hidden_states(self.model, input_ids, attention_mask)[chosen])


def hidden_states(model: nn.Module, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """What the head reads: (B, T, W)."""
    encoder: Any = model.base_model
    return encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def find_head(model: nn.Module) -> Optional[nn.Module]:
    """The module from hidden states to scores, None where the architecture has no such single module."""
    return next((getattr(model, name) for name in HEADS if hasattr(model, name)), None)


class LengthScore(NamedTuple):
    """Held-out score of the masked pieces of segments of one length."""

    n_pieces: int
    loss: float  # nats per piece
    accuracy: float  # share of pieces guessed right, 0 to 1


@torch.no_grad()
def score_masked_lm(
    objective: MaskedLM,
    batches: Iterable[Dict[str, Tensor]],
    *,
    autocast: Callable[[], Any],
) -> Dict[str, LengthScore]:
    """Loss and accuracy on masked text: under "all", and under each segment length in words ("1", "2", ...). Empty
    without a batch.

    batches: input_ids, attention_mask, labels and segment_lengths, each (B, T), on the model's device.
    autocast: Gives the context in which the model runs.
    """
    objective.eval()
    losses, hits, lengths = [], [], []
    for batch in batches:
        chosen = batch["labels"] != IGNORED
        with autocast():
            logits = objective.scores(batch["input_ids"], batch["attention_mask"], chosen)
        gold = batch["labels"][chosen]
        losses.append(cross_entropy(logits.float(), gold, reduction="none").cpu())
        hits.append((logits.argmax(dim=1) == gold).cpu())
        lengths.append(batch["segment_lengths"][chosen].cpu())
    return scores_by_length(torch.cat(losses), torch.cat(hits), torch.cat(lengths)) if losses else {}


def scores_by_length(losses: Tensor, hits: Tensor, lengths: Tensor) -> Dict[str, LengthScore]:
    """Means over all pieces and over those of each segment length. losses, hits, lengths: (M,)."""
    groups: List[Tuple[str, Tensor]] = [("all", torch.ones_like(hits))]
    groups += [(str(int(length)), lengths == length) for length in lengths.unique()]
    return {
        name: LengthScore(int(own.sum()), float(losses[own].mean()), float(hits[own].float().mean()))
        for name, own in groups
        if own.any()
    }
