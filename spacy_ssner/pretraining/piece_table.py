"""Word pieces of words, each word encoded once on its own, as `nn.piece_encoder.PieceEncoder.pieces` does."""

import hashlib
import json
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

from ..errors import Errors

REMEMBERED = 200_000  # words; a corpus repeats most of its words
ENCODED_AT_ONCE = 2000  # words; the tokenizer's results take about 1 kB a piece
LONGEST_WORD = 1000  # characters that are looked at; only the first few pieces are kept


def read_tokenizer(name: str) -> Dict[str, Any]:
    """The fast tokenizer of a Hugging Face folder or hub id: "tokenizer" (its JSON) and the ids "begin", "end",
    "pad", "unknown".

    RAISES (ValueError): S107 if there is none.
    """
    from ..nn.encoder_loading import load_tokenizer

    try:
        return load_tokenizer(name)
    except Exception as err:  # transformers and tokenizers each raise their own kinds
        raise ValueError(Errors.S107.format(name=name, got=err)) from err


def fingerprint(tokenizer: str) -> str:
    """SHA-256 of a fast tokenizer's JSON (`backend_tokenizer.to_str()`), whatever it cuts off or pads."""
    content = json.loads(tokenizer)
    kept = {key: value for key, value in content.items() if key not in ("truncation", "padding")}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode("utf8")).hexdigest()


class PieceTable:
    """Pieces of many words at once, remembered.

    settings: What `read_tokenizer` gives.
    max_word_pieces (int): Of a word the first ones are kept.
    """

    def __init__(self, settings: Dict[str, Any], *, max_word_pieces: int):
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_str(settings["tokenizer"])
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.unknown: int = settings["unknown"]
        self.max_word_pieces = max_word_pieces
        self.n_vocab: int = 1 + max(self.tokenizer.get_vocab(with_added_tokens=True).values())
        self._clear(REMEMBERED)

    def _clear(self, size: int) -> None:
        self.index: Dict[str, int] = {}
        self.ids = np.zeros((size, self.max_word_pieces), dtype=np.int32)
        self.counts = np.zeros(size, dtype=np.int32)
        self.is_cut = np.zeros(size, dtype=bool)

    def pieces(self, words: Sequence[str]) -> Tuple[np.ndarray, np.ndarray, int]:
        """Piece ids of words one after the other (P,) int32, pieces of each word (W,), how many words were cut."""
        new = [word for word in dict.fromkeys(words) if word not in self.index]
        if len(self.index) + len(new) > len(self.counts):
            new = list(dict.fromkeys(words))
            self._clear(max(REMEMBERED, len(new)))
        for start in range(0, len(new), ENCODED_AT_ONCE):
            self._encode(new[start : start + ENCODED_AT_ONCE])
        rows = np.fromiter((self.index[word] for word in words), dtype=np.int64, count=len(words))
        counts = self.counts[rows]
        kept = np.arange(self.max_word_pieces) < counts[:, None]
        return self.ids[rows][kept], counts, int(self.is_cut[rows].sum())

    def _encode(self, words: List[str]) -> None:
        """Encode words that are not in the table yet. One without pieces gets the unknown piece."""
        encoded = self.tokenizer.encode_batch(
            [[word[:LONGEST_WORD]] for word in words], is_pretokenized=True, add_special_tokens=False
        )
        for word, encoding in zip(words, encoded):
            row = self.index[word] = len(self.index)
            ids = encoding.ids[: self.max_word_pieces] or [self.unknown]
            self.ids[row, : len(ids)] = ids
            self.counts[row] = len(ids)
            self.is_cut[row] = len(encoding.ids) > len(ids) or len(word) > LONGEST_WORD
