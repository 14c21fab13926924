"""Attention over similar words against the paper's equations (15)-(17), written out."""

import math

import pytest
import torch
from torch.testing import assert_close

from spacy_ssner.nn.similar_attention import SimilarAttention

VECTORS = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0], [-1.0, -1.0]])
SIMILAR = torch.tensor([[[1, 2, 3], [0, -1, -1], [-1, -1, -1], [2, -1, 0]]])  # (1, 4, 3)


@pytest.fixture
def attention():
    torch.manual_seed(0)
    layer = SimilarAttention(vector_width=2, query_width=3, width=5)
    layer.set_vectors(VECTORS)
    return layer


def slow_attention(layer, query, rows):
    """One word: relevance, softmax, weighted sum."""
    rows = [row for row in rows if row >= 0]
    if not rows:
        return layer.nothing_similar
    q = layer.map_query.weight @ query
    relevance = torch.stack([q @ (layer.map_similar.weight @ VECTORS[row]) / math.sqrt(5) for row in rows])
    return sum(a * VECTORS[row] for a, row in zip(relevance.softmax(0), rows))


def attend(layer, query, similar):
    """query: (B, T, query_width). similar: (B, T, k)."""
    words = torch.arange(similar.shape[0] * similar.shape[1]).view(similar.shape[:2])
    return layer(query, words, layer.neighbours(similar.flatten(0, 1)))


def test_equals_the_equations_written_out(attention):
    query = torch.randn(1, 4, 3)
    expected = [slow_attention(attention, query[0, t], SIMILAR[0, t].tolist()) for t in range(4)]
    assert_close(attend(attention, query, SIMILAR)[0], torch.stack(expected))


def test_a_word_without_similar_words_gets_the_learned_vector_and_trains_it(attention):
    A = attend(attention, torch.randn(1, 4, 3), SIMILAR)
    assert torch.equal(A[0, 2], attention.nothing_similar)
    A.sum().backward()
    assert attention.nothing_similar.grad.tolist() == [1.0, 1.0]


def test_the_order_and_the_padding_of_similar_words_do_not_matter(attention):
    query = torch.randn(1, 4, 3)
    A = attend(attention, query, SIMILAR)
    assert_close(attend(attention, query, SIMILAR.flip(-1)), A)
    assert_close(attend(attention, query, torch.cat([SIMILAR, torch.full((1, 4, 2), -1)], dim=-1)), A)


def test_own_vector_or_the_mean_of_the_similar_ones(attention):
    own = torch.tensor([[3, 0, -1, -1]])
    expected = torch.stack([VECTORS[3], VECTORS[0], torch.zeros(2), (VECTORS[2] + VECTORS[0]) / 2])
    assert_close(attention.own_vectors(own, SIMILAR)[0], expected)


def test_vectors_are_frozen_and_not_saved_with_the_weights(attention):
    assert "vectors" not in attention.state_dict()
    assert "vectors" not in dict(attention.named_parameters())
    assert (attention.vectors[0] == 0).all() and torch.equal(attention.vectors[1:], VECTORS)


def test_vectors_may_be_replaced_by_more_or_fewer(attention):
    before = attend(attention, torch.ones(1, 1, 3), torch.tensor([[[0, 1]]]))
    attention.set_vectors(torch.cat([VECTORS, torch.ones(2, 2)]))
    assert torch.equal(attend(attention, torch.ones(1, 1, 3), torch.tensor([[[0, 1]]])), before)
    assert attend(attention, torch.ones(1, 1, 3), torch.tensor([[[5]]])).tolist() == [[[1.0, 1.0]]]
    attention.set_vectors(VECTORS[:1])
    assert attention.vectors.tolist() == [[0.0, 0.0], VECTORS[0].tolist()]


def test_no_similar_words_in_the_whole_batch(attention):
    A = attend(attention, torch.randn(2, 3, 3), torch.full((2, 3, 0), -1))
    assert_close(A, attention.nothing_similar.expand(2, 3, 2))


def test_gradient_equals_finite_differences(attention):
    attention.double()
    query = torch.randn(1, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda query: attend(attention, query, SIMILAR), (query,))
    attend(attention, query, SIMILAR).pow(2).sum().backward()
    assert all((weight.grad != 0).any() for weight in attention.parameters())
