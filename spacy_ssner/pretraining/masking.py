"""Segment masking: which pieces of a batch are hidden, by what, and the collator that does it.

SOURCE: SSNER (Symmetry 2025, 17, 783), eqs. (6)-(7) and Fig. 5; budget and 80/10/10 from BERT.
Letters: B rows, T columns of a batch; P maskable pieces; N segments.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence, Tuple

import numpy as np

from ..errors import Errors
from ..settings import check_values
from .placement import ChosenPieces, choose_pieces
from .segments import LengthLaw

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

IGNORED = -100  # label of a piece that is not to be predicted, in torch and transformers
MAX_BUDGET = 0.4
PER = ("segment", "token")


@dataclass(frozen=True)
class MaskSettings:
    """How much is masked, and by what.

    budget (float): Share of the word pieces to predict, 0 < budget <= 0.4. Above that, single words with
        a free word between them no longer find a place.
    mask_share (float): Share of the chosen pieces that become the mask token, 0 to 1.
    random_share (float): Share that become a random piece; the rest stays. Both together at most 1.
    per (str): "segment": mask, random or unchanged is decided once for a whole segment; "token": for each
        piece.
    RAISES (ValueError): S117 if a value is out of range.
    """

    budget: float = 0.15
    mask_share: float = 0.8
    random_share: float = 0.1
    per: str = "segment"

    def __post_init__(self) -> None:
        shares = 0 <= self.mask_share <= 1 and 0 <= self.random_share <= 1
        both = f"from 0 to 1, together with random_share ({self.random_share}) at most 1"
        checks = {
            "budget": (0 < self.budget <= MAX_BUDGET, f"above 0 and at most {MAX_BUDGET}"),
            "mask_share": (shares and self.mask_share + self.random_share <= 1 + 1e-9, both),
            "per": (self.per in PER, f"one of {PER}"),
        }
        check_values(vars(self), checks, Errors.S117)


@dataclass(frozen=True)
class Masked:
    """A masked batch.

    input_ids (np.ndarray): (B, T) int64, with masks and random pieces in place.
    chosen (np.ndarray): (B, T) bool. True for the pieces to predict, those that were left as they are too.
    lengths (np.ndarray): (B, T) int32. Length of a chosen piece's segment in units of the law; else 0.
    n_segments (int): Segments in the batch.
    n_shortened (int): Segments drawn longer than what fitted. They are shorter than the law wanted.
    """

    input_ids: np.ndarray
    chosen: np.ndarray
    lengths: np.ndarray
    n_segments: int
    n_shortened: int


def mask_batch(
    input_ids: np.ndarray,
    word_ids: np.ndarray,
    *,
    law: LengthLaw,
    settings: MaskSettings,
    mask_id: int,
    random_ids: np.ndarray,
    rng: np.random.Generator,
) -> Masked:
    """Choose segments of a batch and hide their pieces. The arguments are not changed.

    input_ids (np.ndarray): (B, T) int64.
    word_ids (np.ndarray): (B, T) int32. Number of each piece's word, ascending within a row, its pieces
        side by side; -1 for special tokens, padding and whatever else shall never be chosen.
    law (LengthLaw): Where lengths are drawn from. With its unit "token" each piece is a word of its own.
    mask_id (int): Of the mask token.
    random_ids (np.ndarray): (V,) ids that may replace a piece; no special tokens.
    rng (np.random.Generator): The only source of chance.
    RETURNS (Masked): The share of chosen pieces is the budget in expectation, not in each batch: a batch of
        few pieces may have none (its loss is then a mean over nothing: leave it out).
    RAISES (ValueError): S243 if shapes differ or word numbers fall within a row.
    """
    if input_ids.ndim != 2 or input_ids.shape != word_ids.shape:
        got = f"{input_ids.shape} and {word_ids.shape}"
        raise ValueError(Errors.S243.format(expected="input_ids and word_ids of one shape (B, T)", got=got))
    found = choose_pieces(word_ids, law=law, budget=settings.budget, rng=rng)
    result, lengths = input_ids.copy(), np.zeros(input_ids.shape, dtype=np.int32)
    lengths.ravel()[found.pieces] = found.lengths[found.segments]
    result.ravel()[found.pieces] = _replace(
        result.ravel()[found.pieces], found, settings, mask_id=mask_id, random_ids=random_ids, rng=rng
    )
    return Masked(result, lengths > 0, lengths, len(found.lengths), found.n_shortened)


def _replace(
    ids: np.ndarray,
    found: ChosenPieces,
    settings: MaskSettings,
    *,
    mask_id: int,
    random_ids: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """What stands in the place of the chosen pieces, whose ids are given: (n_chosen,)."""
    u = rng.random(len(ids)) if settings.per == "token" else rng.random(len(found.lengths))[found.segments]
    any_piece = random_ids[rng.integers(len(random_ids), size=len(ids))]
    is_random = u < settings.mask_share + settings.random_share
    return np.where(u < settings.mask_share, mask_id, np.where(is_random, any_piece, ids))


@dataclass
class SegmentMasking:
    """Collator: pads and masks features of any fast tokenizer.

    law (LengthLaw), settings (MaskSettings): What is masked.
    mask_id, pad_id (int): Of the tokenizer.
    random_ids (np.ndarray): (V,) ids that may replace a piece.
    seed (int): Of all masks.
    epoch (int): Set it with `set_epoch` before each epoch, or all epochs have the same masks, as is wanted
        for held-out text.

    The masks of a batch depend on seed, epoch and the ids in the batch, on nothing else: not on the rank,
    the worker, or what came before. A run that was killed masks the same after it resumes, and so does one
    process that reads the batches of several in turn.
    """

    law: LengthLaw
    settings: MaskSettings
    mask_id: int
    pad_id: int
    random_ids: np.ndarray
    seed: int = 0
    epoch: int = 0

    @classmethod
    def from_tokenizer(
        cls,
        tokenizer: "PreTrainedTokenizerBase",
        *,
        law: LengthLaw,
        settings: Optional[MaskSettings] = None,
        seed: int = 0,
    ) -> "SegmentMasking":
        """Take the ids from a Hugging Face tokenizer. Random pieces come from its whole vocabulary but the
        special tokens.

        RAISES (ValueError): S118 for a slow tokenizer, S119 for one without mask or padding token.
        """
        name = tokenizer.name_or_path or type(tokenizer).__name__
        if not tokenizer.is_fast:
            raise ValueError(Errors.S118.format(got=name))
        mask_id, pad_id = tokenizer.mask_token_id, tokenizer.pad_token_id
        for kind, piece_id in (("mask", mask_id), ("padding", pad_id)):
            if piece_id is None:
                raise ValueError(Errors.S119.format(name=kind, got=name))
        random_ids = np.setdiff1d(np.arange(len(tokenizer)), tokenizer.all_special_ids)
        return cls(law, settings or MaskSettings(), mask_id, pad_id, random_ids, seed)

    def set_epoch(self, epoch: int) -> None:
        """Other masks from here on. Worker processes of a data loader must start after it."""
        self.epoch = epoch

    def __call__(self, features: Sequence[Dict[str, Any]]) -> Dict[str, "Tensor"]:
        """Make a training batch.

        features: Each with "input_ids" (with special tokens) and "word_ids" (-1 for these), two sequences of
            ints of one length; other keys are ignored.
        RETURNS (Dict[str, Tensor]): All (B, T), padded on the right: input_ids, attention_mask, labels (-100
            where nothing is to be predicted: in a batch of few pieces perhaps everywhere), all int64;
            segment_lengths, int32, 0 where nothing is.
        RAISES (ValueError): S243 if the two differ in length, or word numbers fall within a row.
        """
        import torch

        input_ids, word_ids, is_real = self.pad(features)
        masked = self.mask(input_ids, word_ids)
        arrays = {
            "input_ids": masked.input_ids,
            "attention_mask": is_real.astype(np.int64),
            "labels": np.where(masked.chosen, input_ids, IGNORED),
            "segment_lengths": masked.lengths,
        }
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def mask(self, input_ids: np.ndarray, word_ids: np.ndarray) -> Masked:
        """`mask_batch` with the generator of this seed, epoch and batch. RAISES (ValueError): S243, as it does."""
        digest = blake2b(input_ids.astype(np.int64).tobytes(), digest_size=16).digest()
        key = (self.seed, self.epoch, int.from_bytes(digest, "little"))
        return mask_batch(
            input_ids,
            word_ids,
            law=self.law,
            settings=self.settings,
            mask_id=self.mask_id,
            random_ids=self.random_ids,
            rng=np.random.default_rng(key),
        )

    def pad(self, features: Sequence[Dict[str, Any]]) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Stack features.

        RETURNS: input_ids (B, T) int64, word_ids (B, T) int32, -1 as padding; mask (B, T) bool.
        RAISES (ValueError): S243 if a feature has not as many word_ids as input_ids.
        """
        ids = [np.asarray(f["input_ids"], dtype=np.int64) for f in features]
        words = [np.asarray(f["word_ids"], dtype=np.int32) for f in features]
        lengths = np.array([len(row) for row in ids], dtype=np.int64)
        if [len(row) for row in words] != lengths.tolist():
            expected = "as many word_ids as input_ids in each feature"
            raise ValueError(Errors.S243.format(expected=expected, got="other numbers of them"))
        mask = np.arange(lengths.max(initial=0)) < lengths[:, None]
        input_ids = np.full(mask.shape, self.pad_id, dtype=np.int64)
        word_ids = np.full(mask.shape, -1, dtype=np.int32)
        input_ids[mask], word_ids[mask] = np.concatenate(ids), np.concatenate(words)
        return input_ids, word_ids, mask
