"""Attention of a word over its similar words.

Letters: B windows, T tokens, U different words, k similar words, R different similar words of these, D vector width.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from .crf import OFF


class Neighbours(NamedTuple):
    """What a batch needs of the vectors.

    places: (U, k) -> R, 0 = no similar word. vectors: (R, D). mapped: (R, width).
    """

    places: Tensor
    vectors: Tensor
    mapped: Tensor


class SimilarAttention(nn.Module):
    """Weigh the vectors of a word's similar words by their relevance, and sum them.

    e_ij = <map(q_i), map(s_ij)> / sqrt(width), alpha = softmax_j(e), a_i = sum_j alpha_ij s_ij.

    SOURCE: SSNER (Symmetry 2025, 17, 783), eqs. (15)-(17).
    UNSTATED: form of the relevance (scaled dot product of learned maps), and whether the query is the
        word's own vector or its context; both are offered.
    DEPARTS: a word without any similar word, which the paper does not treat, gets a learned vector.
    """

    def __init__(self, *, vector_width: int, query_width: int, width: int):
        super().__init__()
        self.vector_width = vector_width
        # Row 0 is for "none", so that -1 + 1 is a legal index. Frozen, and saved with the table, not here.
        self.register_buffer("vectors", torch.zeros(1, vector_width), persistent=False)
        self.vectors: Tensor
        self.map_query = nn.Linear(query_width, width, bias=False)
        self.map_similar = nn.Linear(vector_width, width, bias=False)
        self.nothing_similar = nn.Parameter(torch.empty(vector_width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.map_query.weight)
        nn.init.xavier_uniform_(self.map_similar.weight)
        nn.init.normal_(self.nothing_similar, std=0.1)

    def set_vectors(self, vectors: Tensor) -> None:
        """vectors: (n_vectors, D), put behind the row for "none"; any number of them."""
        self.vectors = torch.cat([torch.zeros_like(self.vectors[:1]), vectors.to(self.vectors)])

    def own_vectors(self, own: Tensor, similar: Tensor) -> Tensor:
        """The word's own vector, or the mean of its similar words where it has none: (..., D)."""
        known = self.vectors[own + 1]
        near = self.vectors[similar + 1].sum(dim=-2) / (similar >= 0).sum(dim=-1, keepdim=True).clamp(min=1)
        return torch.where((own >= 0).unsqueeze(-1), known, near)

    def neighbours(self, similar: Tensor) -> Neighbours:
        """Similar words of a batch's different words, each mapped once however many words it is similar to.

        similar: (U, k) rows, -1 = none.
        """
        rows, places = torch.unique(functional.pad(similar.flatten() + 1, (1, 0)), return_inverse=True)
        vectors = functional.embedding(rows, self.vectors)
        return Neighbours(places[1:].view_as(similar), vectors, self.map_similar(vectors))

    def forward(self, query: Tensor, words: Tensor, near: Neighbours) -> Tensor:
        """query: (B, T, query_width). words: (B, T) -> U. RETURNS: (B, T, D)."""
        similar = near.places[words]  # (B, T, k)
        Q = self.map_query(query)  # (B, T, width)
        S = functional.embedding(similar, near.mapped)  # (B, T, k, width)
        relevance = (S @ Q.unsqueeze(-1)).squeeze(-1) / math.sqrt(Q.shape[-1])  # (B, T, k)
        alpha = relevance.masked_fill(similar == 0, OFF).softmax(dim=-1)
        # sums of weighted rows, which are not copied out before
        begins = torch.arange(words.numel(), device=words.device) * similar.shape[-1]
        weights = {"per_sample_weights": alpha.flatten(), "mode": "sum"}
        A = functional.embedding_bag(similar.flatten(), near.vectors, begins, **weights)  # (B T, D)
        has_any = (similar > 0).any(dim=-1, keepdim=True)
        return torch.where(has_any, A.view(*words.shape, -1), self.nothing_similar)
