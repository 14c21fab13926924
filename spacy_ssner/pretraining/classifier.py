"""A tag for each word from an encoder: the objective of stage B, its batches, and the best legal tags.

Letters: B rows, T pieces of the longest, P chosen pieces, M words of a split, K tags, W width.
"""

from typing import Any, Callable, Dict, Optional, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..labels import legal_transitions
from ..nn.batching import length_groups, padded_places
from ..nn.crf import OFF
from ..nn.crf_decoding import viterbi
from ..nn.focal import focal_loss
from ..nn.network import MAX_PADDED
from .batches import ListRows, split_by_padding
from .labelled_rows import LabelledText
from .masked_lm import hidden_states
from .masking import IGNORED, SegmentMasking


class TokenClassifier(nn.Module):
    """An encoder with a linear layer to tags; the summed focal loss of the labelled pieces.

    encoder: A transformers model. n_tags (int): 2 for each type, and O.
    gamma (float), class_weights (Optional[Tensor]): (K,). See nn.focal.
    dropout (float): Between encoder and linear layer, 0 to 1.
    """

    def __init__(
        self,
        encoder: nn.Module,
        n_tags: int,
        *,
        gamma: float,
        class_weights: Optional[Tensor] = None,
        dropout: float = 0.1,
    ):
        super().__init__()
        self.model = encoder
        self.gamma = gamma
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.config.hidden_size, n_tags)  # type: ignore[union-attr,arg-type]
        self.class_weights: Optional[Tensor]
        self.register_buffer("class_weights", class_weights, persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Tensor:
        """Summed focal loss, in nats: a scalar. All (B, T); labels are IGNORED where nothing is to be predicted."""
        chosen = labels != IGNORED
        logits = self.scores(input_ids, attention_mask, chosen).float()  # (P, K)
        weights = self.class_weights
        return focal_loss(logits, labels[chosen], gamma=self.gamma, class_weights=weights).sum()

    def scores(self, input_ids: Tensor, attention_mask: Tensor, chosen: Tensor) -> Tensor:
        """Scores of all tags at the chosen places: (P, K). chosen: (B, T) bool."""
        states = hidden_states(self.model, input_ids, attention_mask)  # (B, T, W)
        return self.head(self.dropout(states[chosen]))


class LabelledMasking:
    """Collator: rows of labelled_rows to a batch, segments of the input masked, the labels of all words kept.

    masking (Optional[SegmentMasking]): None leaves the input as it is.
    pad_id (int): Of the tokenizer. n_rows (int): Of the corpus; a row's number tells its epoch: see RunBatches.
    """

    def __init__(self, masking: Optional[SegmentMasking], *, pad_id: int, n_rows: int):
        self.masking = masking
        self.pad_id = pad_id
        self.n_rows = n_rows
        self.n_words = 0  # that went by, those too that are only context

    def __call__(self, features: Sequence[Dict[str, Any]]) -> Dict[str, Tensor]:
        input_ids = stack([row["input_ids"] for row in features], fill=self.pad_id)
        word_ids = stack([row["word_ids"] for row in features], fill=-1)
        labels = stack([row["labels"] for row in features], fill=IGNORED)
        self.n_words += int((word_ids.max(axis=1) + 1).sum())
        if self.masking is not None:
            self.masking.set_epoch(features[0]["row"] // self.n_rows)
            input_ids = self.masking.mask(input_ids, word_ids).input_ids
        return _as_batch(input_ids, features, labels=labels)


def stack(arrays: Sequence[np.ndarray], *, fill: int) -> np.ndarray:
    """Put arrays of ints side by side, filled up on the right: (B, T) int64."""
    result = np.full((len(arrays), max(map(len, arrays))), fill, dtype=np.int64)
    for row, array in zip(result, arrays):
        row[: len(array)] = array
    return result


def _as_batch(
    input_ids: np.ndarray, features: Sequence[Dict[str, Any]], **more: np.ndarray
) -> Dict[str, Tensor]:
    lengths = np.array([len(row["input_ids"]) for row in features])
    mask = (np.arange(input_ids.shape[1]) < lengths[:, None]).astype(np.int64)
    arrays = {"input_ids": input_ids, "attention_mask": mask, **more}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


@torch.no_grad()
def best_tags(
    classifier: TokenClassifier,
    text: LabelledText,
    *,
    pad_id: int,
    max_padded: int,
    autocast: Callable[[], Any],
) -> np.ndarray:
    """The best legal tags of each sentence, from input without masks: (M,) tag ids.

    max_padded (int): Padded pieces in one pass. autocast: Gives the context in which the model runs.
    """
    classifier.eval()
    device = classifier.head.weight.device
    n_tags = classifier.head.out_features
    scores = torch.zeros(len(text.tokens), n_tags)
    lengths = ListRows(text.rows).lengths
    order = np.argsort(lengths, kind="stable")
    for places in split_by_padding(order, lengths[order], max_padded=max_padded):
        rows = [text.rows[i] for i in places]
        words = torch.from_numpy(stack([row["words"] for row in rows], fill=-1))
        batch = _as_batch(stack([row["input_ids"] for row in rows], fill=pad_id), rows)
        chosen = words >= 0
        with autocast():
            found = classifier.scores(**{k: v.to(device) for k, v in batch.items()}, chosen=chosen.to(device))
        scores[words[chosen]] = found.float().cpu()
    return legal_tags(scores, text.sentence_lengths)


def legal_tags(scores: Tensor, lengths: np.ndarray) -> np.ndarray:
    """Tags of the highest sum of scores along paths of the BIO scheme: (M,) int64.

    scores: (M, K), sentence after sentence. lengths (np.ndarray): (S,) in words.
    """
    legal = torch.from_numpy(legal_transitions((scores.shape[1] - 1) // 2))
    transitions = torch.zeros(legal.shape).masked_fill(~legal, OFF)
    tags = torch.zeros(len(scores), dtype=torch.long)
    starts = np.cumsum(lengths) - lengths
    for group in length_groups(lengths, max_padded=MAX_PADDED):
        place, mask = padded_places(starts[group], lengths[group], scores.device)
        tags[place[mask]] = viterbi(scores[place], transitions, mask)[mask]
    return tags.numpy()
