"""Annotated docs as rows of word pieces with a tag for each word. Docs in, arrays out.

Letters: N tokens of all docs, M words (tokens that are not white space), K tags.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..errors import Errors
from ..evaluation.data_files import load_docs
from ..evaluation.metrics import ScoredDoc, doc_entities, missing_tokens
from ..labels import TagSpan, tags_to_spans
from ..layers.word_features import distinct_words, doc_sentence_starts
from ..nn.piece_encoder import PieceEncoder
from ..text.windows import make_windows
from .masking import IGNORED


@dataclass(frozen=True)
class LabelledText:
    """A split as a classifier of words reads it.

    docs (Tuple[ScoredDoc, ...]): Gold entities of each doc; nothing predicted.
    rows (Tuple[Dict[str, np.ndarray], ...]): One a window, each array as long as the row's pieces:
        "input_ids" with begin and end piece; "word_ids", -1 for those; "labels", the tag id at the first piece
        of an annotated word, IGNORED elsewhere; "words", the word's number among all M words at its
        first piece, -1 elsewhere. Words that are only context of a window have neither label nor number.
    tokens (np.ndarray): (M,) the token of each word, over all docs.
    sentence_lengths (np.ndarray): (S,) in words, each >= 1; their sum is M.
    tag_counts (np.ndarray): (K,) annotated words of each tag.
    n_cut (int): Words of which not all pieces are read.
    """

    docs: Tuple[ScoredDoc, ...]
    rows: Tuple[Dict[str, np.ndarray], ...]
    tokens: np.ndarray
    sentence_lengths: np.ndarray
    tag_counts: np.ndarray
    n_cut: int

    def with_predictions(self, tags: Sequence[str]) -> List[ScoredDoc]:
        """The docs with the entities of these tags, one for each of the M words, sentences in order."""
        ends = np.cumsum([len(doc.words) for doc in self.docs])
        predicted: List[List[TagSpan]] = [[] for _ in self.docs]
        first = 0
        for length in self.sentence_lengths:
            for start, end, label in tags_to_spans(tags[first : first + length]):
                left, right = self.tokens[[first + start, first + end - 1]]
                i = int(np.searchsorted(ends, left, side="right"))
                offset = int(ends[i]) - len(self.docs[i].words)
                predicted[i].append(TagSpan(int(left) - offset, int(right) - offset + 1, label))
            first += length
        return [replace(doc, predicted=tuple(spans)) for doc, spans in zip(self.docs, predicted)]


def read_labelled(path: Path, vocab: Vocab) -> List[Doc]:
    """Read the docs of a .spacy file or a folder of them, which must be annotated with entities.

    RAISES (ValueError): S235, S273 if they cannot be read, S272 without tokens, S275 without annotation, S239
        without any entity.
    """
    docs = list(load_docs(path, vocab))
    if not any(len(doc) for doc in docs):
        raise ValueError(Errors.S272.format(path=path))
    if not any(doc.has_annotation("ENT_IOB") for doc in docs):
        raise ValueError(Errors.S275.format(path=path, n_docs=len(docs)))
    if not any(len(doc.ents) for doc in docs):
        raise ValueError(Errors.S239.format(path=path, n_docs=len(docs)))
    return docs


def label_docs(
    docs: Sequence[Doc],
    tag_ids: Dict[str, int],
    encoder: PieceEncoder,
    *,
    max_pieces: int,
    max_word_pieces: int,
) -> LabelledText:
    """Cut docs into sentences, sentences into rows, words into pieces.

    tag_ids (Dict[str, int]): As labels.tag_names orders them. Words of other types count as not annotated.
    max_pieces (int): Longest row with begin and end piece. A longer sentence is cut, with context on both sides.
    max_word_pieces (int): Pieces of one word that are read, the first ones.
    """
    words, word_index = distinct_words(docs)
    pieces = encoder.pieces(words, max_pieces=max_word_pieces + 1)
    n_pieces = np.array([len(p) for p in pieces], dtype=np.int64)
    is_cut = n_pieces > max_word_pieces
    sentence = np.cumsum(doc_sentence_starts(docs, words, word_index))
    tokens = np.flatnonzero(n_pieces[word_index] > 0) if len(words) else np.zeros(0, dtype=np.int64)
    starts = np.diff(sentence[tokens], prepend=-1) != 0  # (M,)
    tags = begin_anew(np.concatenate([_tags_of(doc, tag_ids) for doc in docs])[tokens], starts)
    kept = [pieces[word][:max_word_pieces] for word in word_index[tokens]]
    return LabelledText(
        docs=tuple(_gold(doc) for doc in docs),
        rows=tuple(_rows(kept, tags, starts, encoder.settings, max_pieces=max_pieces)),
        tokens=tokens,
        sentence_lengths=np.diff(np.flatnonzero(np.append(starts, True))),
        tag_counts=np.bincount(tags[tags != IGNORED], minlength=len(tag_ids)),
        n_cut=int(is_cut[word_index].sum()) if len(words) else 0,
    )


def begin_anew(tags: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Make I- into B- where no tag of its entity stands before it: its first token was in another sentence.

    tags (np.ndarray): (M,) tag ids, odd = B-, even above 0 = I-. starts (np.ndarray): (M,) bool.
    """
    is_inside = (tags > 0) & (tags % 2 == 0)
    before = np.concatenate([[IGNORED], tags[:-1]])[: len(tags)]
    goes_on = ((before == tags) | (before == tags - 1)) & ~starts
    return tags - (is_inside & ~goes_on)


def _tags_of(doc: Doc, tag_ids: Dict[str, int]) -> np.ndarray:
    """Tag id of each token, IGNORED where it is not annotated or of an unknown type."""
    ids = np.zeros(len(doc), dtype=np.int64)
    for start, end, label in doc_entities(doc):
        ids[start:end] = tag_ids.get(f"I-{label}", IGNORED)
        ids[start] = tag_ids.get(f"B-{label}", IGNORED)
    if len(doc):
        ids[doc.to_array("ENT_IOB") == 0] = IGNORED
    return ids


def _gold(doc: Doc) -> ScoredDoc:
    return ScoredDoc(tuple(token.text for token in doc), doc_entities(doc), (), missing_tokens(doc))


def _rows(
    pieces: Sequence[np.ndarray],
    tags: np.ndarray,
    starts: np.ndarray,
    special: Dict[str, Any],
    *,
    max_pieces: int,
) -> List[Dict[str, np.ndarray]]:
    """Lay words into rows. pieces: of each of the M words. tags, starts: (M,)."""
    counts = np.array([len(p) for p in pieces], dtype=np.int64)
    limit = max_pieces - 2
    windows = make_windows(starts, counts, max_weight=limit, context=limit // 8)
    rows = []
    for start, length in zip(windows.starts, windows.lengths):
        index = windows.index[start : start + length]
        core = windows.core[start : start + length]
        repeats = counts[index]
        first = 1 + np.cumsum(repeats) - repeats
        n = int(repeats.sum()) + 2
        labels, words = np.full(n, IGNORED), np.full(n, -1)
        labels[first[core]], words[first[core]] = tags[index[core]], index[core]
        ids = np.concatenate([pieces[i] for i in index])
        row = {
            "input_ids": np.pad(ids, 1, constant_values=(special["begin"], special["end"])),
            "word_ids": np.pad(np.repeat(np.arange(length), repeats), 1, constant_values=-1),
        }
        rows.append({**row, "labels": labels, "words": words})
    return rows
