"""A Hugging Face encoder over word pieces, mean-pooled to tokens.

Letters: P pieces of all windows, N tokens, b windows of a group, t pieces of the longest, W width.
"""

from itertools import chain, islice
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import Errors
from .batching import length_groups, padded_places
from .int8 import quantise_linears
from .onnx_encoder import export_int8
from .parallel import each

ENGINES = ("torch", "onnxruntime")  # what computes in 8-bit integers
MASK_TOKENS = ("[MASK]", "<mask>")
# Families of encoders whose positions begin behind the id of the padding piece.
PADDED_POSITIONS = frozenset(
    "roberta xlm-roberta camembert longformer mpnet data2vec-text ibert luke roberta-prelayernorm "
    "xlm-roberta-xl".split()
)
MAX_SAMPLES = 200
# Sentences that show which channels of an encoder are large; that is the encoder's own, and hardly the text's.
SAMPLES = (
    "In March the group sent spear phishing e-mails with a malicious Word document to ministries in three countries .",
    "The dropper writes svchost32.dll to C:\\Windows\\System32 and adds the registry key HKCU\\Software\\Run .",
    "Beacons go to hxxp://update.example[.]net/gate.php and 203.0.113.7 on port 443 every 60 seconds .",
    "CVE-2017-0144 lets an attacker run code remotely ; Microsoft released a patch ( MS17-010 ) on Tuesday .",
    "d41d8cd98f00b204e9800998ecf8427e",
    "Researchers at the vendor believe , with moderate confidence , that APT groups share this loader .",
    "Indicators : evil.example.com , 198.51.100.0/24 , invoice_2021.xlsm , T1059.001",
    "The ransomware encrypts files , deletes shadow copies and demands payment in Bitcoin .",
)


class PieceEncoder(nn.Module):
    """Encoder and tokenizer in one, so that a saved pipeline needs no other files.

    settings: "config" (the encoder's configuration as JSON) and "tokenizer" (a fast tokenizer's JSON),
        "begin", "end", "pad", "unknown" (piece ids), "max_padded" (padded pieces in one pass),
        "mixed_precision" (bfloat16 while training; may be absent), "int8" and "engine" (see `quantise`; may be absent).
    """

    def __init__(self, settings: Dict[str, Any], encoder: nn.Module):
        super().__init__()
        from tokenizers import Tokenizer

        self.settings = settings
        self.predicts_in_bfloat16 = False
        self.encoder = encoder
        self.width: int = encoder.config.hidden_size  # type: ignore[union-attr,assignment]
        self.tokenizer = Tokenizer.from_str(settings["tokenizer"])
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()

    @property
    def device(self) -> torch.device:
        return next(chain(self.parameters(), self.buffers())).device

    @property
    def is_int8(self) -> bool:
        """Whether `quantise` was called, now or before it was saved."""
        return bool(self.settings.get("int8", False))

    def quantise(self, sentences: Optional[Iterable[Sequence[str]]] = None, *, engine: str = "torch") -> int:
        """Round the encoder's linear layers to 8-bit integers: for predictions on a CPU only.

        sentences: Words of sentences like those to come; the first MAX_SAMPLES show which channels are large.
            Without any a few of our own do, less well. "onnxruntime" does not look at them.
        engine (str): "torch" or "onnxruntime", which is some 15 % faster and has to be installed wherever the
            encoder is used.
        RETURNS (int): How many layers; 0 if that was done before.
        RAISES (ValueError): S144 for another engine, S146 for an encoder that "onnxruntime" cannot take.
        RAISES (ImportError): S145 if the engine is not installed.
        """
        if engine not in ENGINES:
            raise ValueError(Errors.S144.format(expected=ENGINES, got=engine))
        if self.is_int8:
            return 0
        if engine == "onnxruntime":
            count = sum(isinstance(part, nn.Linear) for part in self.encoder.modules())
            self.encoder = export_int8(self.encoder)
            self.settings = {**self.settings, "int8": True, "engine": engine}
            return count
        samples = list(islice(sentences or (), MAX_SAMPLES)) or [text.split() for text in SAMPLES]
        pieces = [self.pieces(list(words), max_pieces=8) for words in samples]
        pieces = [_within(words, self.max_positions - 2) for words in pieces if sum(map(len, words))]
        flat = torch.from_numpy(np.concatenate([ids for words in pieces for ids in words]))
        lengths = np.array([sum(map(len, words)) for words in pieces])
        places = torch.arange(len(flat))
        self.settings = {**self.settings, "int8": True}
        return quantise_linears(self.encoder, lambda: self(flat, lengths, places, len(flat)))

    def save(self, folder: Path) -> None:
        """Write the encoder and its tokenizer as a Hugging Face folder, which `load_encoder` reads."""
        from transformers import PreTrainedTokenizerFast

        names = {"cls_token": "begin", "sep_token": "end", "pad_token": "pad", "unk_token": "unknown"}
        special = {name: self.tokenizer.id_to_token(self.settings[key]) for name, key in names.items()}
        masks = [token for token in MASK_TOKENS if self.tokenizer.token_to_id(token) is not None]
        if masks:
            special["mask_token"] = masks[0]  # for segment masking
        tokenizer: Any = PreTrainedTokenizerFast(
            tokenizer_object=self.tokenizer, model_max_length=self.max_positions, **special
        )
        tokenizer.save_pretrained(folder)
        self.encoder.save_pretrained(folder)  # type: ignore[operator]

    @property
    def max_positions(self) -> int:
        """Longest input of the encoder in pieces."""
        return max_positions(self.encoder.config)

    def pieces(self, words: List[str], *, max_pieces: int, long_words: str = "first") -> List[np.ndarray]:
        """Piece ids of each word on its own, at most `max_pieces`.

        long_words: Which pieces of a longer word are kept: its "first" ones, or those at both "ends".
        White space has none; any other word has at least one, the unknown piece if need be.
        """
        tail = max_pieces // 2 if long_words == "ends" else 0
        encoded = self.tokenizer.encode_batch(
            [[w] for w in words], is_pretokenized=True, add_special_tokens=False
        )
        result = []
        for word, encoding in zip(words, encoded):
            ids = [] if word.isspace() else encoding.ids or [self.settings["unknown"]]
            if len(ids) > max_pieces:
                ids = ids[: max_pieces - tail] + ids[len(ids) - tail :]
            result.append(np.array(ids, dtype=np.int64))
        return result

    def forward(self, piece_ids: Tensor, lengths: np.ndarray, tokens: Tensor, n_tokens: int) -> Tensor:
        """Mean of the pieces of each token: (N, W). A token without pieces gets zeros.

        piece_ids: (P,), window after window. lengths: numpy, pieces of each window, each >= 1.
        tokens: (P,), token of each piece, -1 = only context here.
        """
        device = piece_ids.device
        starts = np.cumsum(lengths) - lengths

        def states_of(group: np.ndarray) -> Tuple[Tensor, Tensor]:
            place, mask = padded_places(starts[group], lengths[group], device)
            states = self.encode(piece_ids[place], mask).reshape(-1, self.width)
            token = torch.where(mask, tokens[place], -1).flatten()
            own = (token >= 0).nonzero().squeeze(1)
            return token.index_select(0, own), states.index_select(0, own).float()

        Y = torch.zeros(n_tokens, self.width, dtype=torch.float32, device=device)
        groups = length_groups(lengths + 2, max_padded=self.settings["max_padded"])
        for token, states in each(states_of, groups, device=device):
            Y.index_add_(0, token, states)  # in place: a long text has hundreds of groups
        counts = torch.zeros(n_tokens, dtype=torch.float32, device=device)
        counts.index_add_(0, tokens.clamp(min=0), (tokens >= 0).float())
        return Y.div_(counts.clamp(min=1).unsqueeze(1))

    def encode(self, pieces: Tensor, mask: Tensor) -> Tensor:
        """States of the pieces without those of the special ones: (b, t, W). pieces, mask: (b, t)."""
        b, t = pieces.shape
        ids = pieces.new_full((b, t + 2), self.settings["pad"])
        ids[:, 0] = self.settings["begin"]
        ids[:, 1 : t + 1] = torch.where(mask, pieces, self.settings["pad"])
        ids.scatter_(1, mask.sum(dim=1, keepdim=True) + 1, self.settings["end"])
        on = torch.cat([mask.new_ones(b, 2), mask], dim=1)
        halved = self.settings.get("mixed_precision", False) if self.training else self.predicts_in_bfloat16
        with torch.autocast(ids.device.type, dtype=torch.bfloat16, enabled=halved and not self.is_int8):
            states = self.encoder(input_ids=ids, attention_mask=on.long()).last_hidden_state
        return states[:, 1 : t + 1]


def _within(pieces: List[np.ndarray], limit: int) -> List[np.ndarray]:
    """The first words of a sentence, by their pieces, as far as they fit."""
    n_kept = int((np.cumsum([len(ids) for ids in pieces]) <= limit).sum())
    return pieces[: max(1, n_kept)]


def max_positions(config: Any) -> int:
    """Longest input of an encoder in pieces, by its configuration; RoBERTa and its like keep their first positions for
    padding. 512 for one that names none (XLNet says -1)."""
    limit: int = getattr(config, "max_position_embeddings", None) or 0
    if config.model_type in PADDED_POSITIONS:
        limit -= config.pad_token_id + 1
    return limit if limit > 0 else 512
