"""SSNER's network: from token vectors to tag scores. Read with the paper's section 3.5 beside it.

Letters: N tokens of the batch, U different words, M tokens in all windows, B windows of a group,
T tokens of the longest of them, K tags.
"""

from typing import NamedTuple, Optional, Tuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..labels import legal_transitions
from ..types import NetworkSettings
from .batching import length_groups, padded_places
from .char_cnn import CharCNN
from .crf import ConstrainedCRF
from .encoder import BiLSTM
from .fusion import MultiHeadFusion
from .lexicon_features import LexiconFeatures
from .parallel import each
from .similar_attention import Neighbours, SimilarAttention

MAX_PADDED = 8192  # padded tokens side by side in one decoding or sum over paths, and in one pass on a GPU
BELOW = 4.0  # nats; how much less a new label's tags score than the least of the others
TAGGED_AT_ONCE = 2048  # in one pass of it on a CPU; less, and the BiLSTM's steps become too small


class NetworkInputs(NamedTuple):
    """token_vectors: (N, token_width). word_index: (N,) -> U. char_ids: (U, C). own_row: (U,). similar_rows: (U, k).
    places: (M,) -> N. lengths: (W,) numpy, window lengths in tokens. lexicon: (N, 2 * categories) bool, if used."""

    token_vectors: Tensor
    word_index: Tensor
    char_ids: Tensor
    own_row: Tensor
    similar_rows: Tensor
    places: Tensor
    lengths: np.ndarray
    lexicon: Optional[Tensor] = None


class SSNERNetwork(nn.Module):
    """CharCNN, concatenation, BiLSTM, similar-word attention, fusion, projection; each part but the last may be off.

    SOURCE: SSNER (Symmetry 2025, 17, 783), eqs. (15)-(23).
    DEPARTS: with `skip` the token vectors also reach the projection beside the fused ones, so that a fresh
        BiLSTM does not stand between a pre-trained encoder and the tags; so do the lexicon's features, which
        the paper does not have.
    """

    def __init__(self, settings: NetworkSettings):
        super().__init__()
        self.settings = settings
        width = settings.token_width
        self.char_cnn: Optional[CharCNN] = None
        if settings.char_cnn is not None:
            sizes = settings.char_cnn
            self.char_cnn = CharCNN(
                width=sizes.width, char_width=sizes.char_width, kernel_size=sizes.kernel_size
            )
            width += sizes.width
        self.lexicon: Optional[LexiconFeatures] = None
        if settings.lexicon is not None:
            self.lexicon = LexiconFeatures(
                n_categories=settings.n_categories,
                width=settings.lexicon.width,
                drop=settings.lexicon.dropout,
            )
            width += settings.lexicon.width
        self.bilstm: Optional[BiLSTM] = None
        if settings.bilstm is not None:
            self.bilstm = BiLSTM(
                input_width=width, width=settings.bilstm.width, n_layers=settings.bilstm.n_layers
            )
            width = settings.bilstm.width
        self.similar, self.fusion = _build_similar_words(settings, width)
        if self.similar is not None and self.fusion is None:  # concatenated
            width += settings.vector_width
        legal = torch.from_numpy(legal_transitions(settings.n_labels))
        self.n_tags = legal.shape[1]
        if self.has_skip:
            width += settings.token_width + (0 if settings.lexicon is None else settings.lexicon.width)
        self.output = nn.Linear(width, self.n_tags)
        self.crf = ConstrainedCRF(legal)
        if settings.decoder == "softmax":  # no learned transitions, but the tag scheme still binds
            self.crf.requires_grad_(False)
            for parameter in self.crf.parameters():
                nn.init.zeros_(parameter)
        self.dropout = nn.Dropout(0.0)
        self.reset_parameters()

    @property
    def has_skip(self) -> bool:
        """Whether the token vectors reach the projection directly; pointless where nothing lies between."""
        return self.settings.skip and (self.bilstm is not None or self.fusion is not None)

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def set_dropout(self, rate: float) -> None:
        """Use this rate in every dropout of the network."""
        for module in self.modules():
            if isinstance(module, nn.Dropout):
                module.p = rate

    def forward(self, inputs: NetworkInputs) -> Tuple[Tensor, Tensor]:
        """RETURNS: emissions (M, K) in window order, transitions (K + 2, K)."""
        lengths, device = inputs.lengths, inputs.token_vectors.device
        starts = np.cumsum(lengths) - lengths
        C = None if self.char_cnn is None else self.char_cnn(inputs.char_ids)  # eq. (19): (U, char width)
        L = None
        if self.lexicon is not None and inputs.lexicon is not None:
            L = self.lexicon(inputs.lexicon)

        near = None if self.similar is None else self.similar.neighbours(inputs.similar_rows)
        limit = TAGGED_AT_ONCE if device.type == "cpu" else MAX_PADDED

        def tag(group: np.ndarray) -> Tuple[Tensor, Tensor]:
            place, mask = padded_places(starts[group], lengths[group], device)
            return place[mask], self.tag_windows(inputs, C, L, near, inputs.places[place], mask)[mask]

        found = list(each(tag, length_groups(lengths, max_padded=limit), device=device))
        if not found:
            return inputs.token_vectors.new_zeros(0, self.n_tags), self.crf.packed()
        order, emissions = (torch.cat(parts) for parts in zip(*found))
        return torch.empty_like(emissions).index_copy(0, order, emissions), self.crf.packed()

    def tag_windows(
        self,
        inputs: NetworkInputs,
        C: Optional[Tensor],
        L: Optional[Tensor],
        near: Optional[Neighbours],
        tokens: Tensor,
        mask: Tensor,
    ) -> Tensor:
        """One pass over windows of like length.

        C: (U, char width), near: of all words. L: (N, lexicon width). tokens: (B, T) -> N. mask: (B, T).
        RETURNS: emissions (B, T, K).
        """
        parts = [functional.embedding(tokens, inputs.token_vectors)]  # (B, T, token width)
        if C is not None:
            parts.append(functional.embedding(inputs.word_index[tokens], C))  # eq. (20)
        if L is not None:
            parts.append(functional.embedding(tokens, L))
        H = tokens_in = self.dropout(torch.cat(parts, dim=-1))  # (B, T, width)
        if self.bilstm is not None:
            H = self.dropout(self.bilstm(H, mask))  # eq. (21)
        if self.similar is not None and near is not None:
            words = inputs.word_index[tokens]
            query = H
            if self.settings.similar_words is not None and self.settings.similar_words.query == "word":
                query = self.similar.own_vectors(inputs.own_row[words], inputs.similar_rows[words])
            A = self.dropout(self.similar(query, words, near))  # eqs. (15)-(17)
            H = torch.cat([H, A], dim=-1) if self.fusion is None else self.fusion(H, A, mask)  # (22)-(23)
        if self.has_skip:
            H = torch.cat([H, tokens_in[..., : self.settings.token_width]], dim=-1)
            if self.settings.lexicon is not None:
                H = torch.cat([H, tokens_in[..., -self.settings.lexicon.width :]], dim=-1)
        return self.output(H)


def _build_similar_words(
    settings: NetworkSettings, width: int
) -> Tuple[Optional[SimilarAttention], Optional[MultiHeadFusion]]:
    """Attention over similar words and fusion, None where they are off. width: Of the layer below."""
    if settings.similar_words is None:
        return None, None
    similar = SimilarAttention(
        vector_width=settings.vector_width,
        query_width=width if settings.similar_words.query == "context" else settings.vector_width,
        width=settings.similar_words.width,
    )
    if settings.fusion is None:
        return similar, None
    fusion = MultiHeadFusion(
        width=width,
        similar_width=settings.vector_width,
        n_heads=settings.fusion.n_heads,
        combine=settings.fusion.combine,
    )
    return similar, fusion


def grow_labels(old: SSNERNetwork, n_labels: int) -> SSNERNetwork:
    """A network for more labels that scores the old ones as before. The new ones start below all others, with weights
    of zero, so that they are not predicted before they are learnt.

    Tags of new labels come last (see labels.tag_names), so the old weights keep their places.
    """
    new = SSNERNetwork(NetworkSettings.from_dict({**old.settings.to_dict(), "n_labels": n_labels}))
    state = new.state_dict()
    for name, weight in old.state_dict().items():
        state[name][tuple(slice(0, n) for n in weight.shape)] = weight
    state["output.weight"][old.n_tags :] = 0.0
    state["output.bias"][old.n_tags :] = old.output.bias.min() - BELOW
    new.load_state_dict(state)
    parameters = dict(new.named_parameters())
    for name, weight in old.named_parameters():
        if weight.grad is not None:  # of a batch whose update is still to come
            grad = parameters[name].grad = torch.zeros_like(parameters[name])
            grad[tuple(slice(0, n) for n in weight.shape)] = weight.grad.to(grad)
    if new.similar is not None and old.similar is not None:
        new.similar.vectors = old.similar.vectors
    return new.to(old.output.weight.device)
