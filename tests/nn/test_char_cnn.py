"""The character CNN against a slow loop, and its padding."""

import pytest
import torch
from torch.testing import assert_close

from spacy_ssner.nn.char_cnn import CharCNN


@pytest.fixture
def cnn():
    torch.manual_seed(0)
    return CharCNN(width=5, char_width=3, kernel_size=3).eval()


def slow_cnn(cnn, ids):
    """One word, filter by filter and place by place; characters outside the word are zeros."""
    embedded = [cnn.embed.weight[i] for i in ids]
    zero = torch.zeros(3)
    columns = []
    for place in range(len(ids)):
        window = [embedded[j] if 0 <= j < len(ids) else zero for j in (place - 1, place, place + 1)]
        kernel = cnn.conv.weight  # (width, char_width, kernel)
        columns.append(sum(kernel[:, :, k] @ window[k] for k in range(3)) + cnn.conv.bias)
    return torch.relu(torch.stack(columns).amax(dim=0))


def test_words_equal_a_slow_loop(cnn):
    torch.nn.init.normal_(cnn.conv.bias)
    words = [[7, 8, 9, 10], [7], [200, 201]]
    ids = torch.tensor([word + [0] * (4 - len(word)) for word in words])
    assert_close(cnn(ids), torch.stack([slow_cnn(cnn, word) for word in words]))


def test_padding_and_neighbours_change_nothing(cnn):
    ids = torch.tensor([[7, 8, 9], [10, 0, 0]])
    longer = torch.cat([ids, torch.zeros(2, 4, dtype=torch.long)], dim=1)
    assert_close(cnn(longer), cnn(ids))
    assert_close(cnn(ids[1:, :1]), cnn(ids)[1:])


@pytest.mark.parametrize("shape", [(0, 0), (0, 4), (3, 0)])
def test_no_words_and_words_of_no_characters_give_zeros(cnn, shape):
    vectors = cnn(torch.zeros(shape, dtype=torch.long))
    assert vectors.shape == (shape[0], 5) and (vectors == 0).all()


def test_a_word_of_padding_alone_gives_zeros(cnn):
    assert (cnn(torch.tensor([[0, 0], [5, 0]]))[0] == 0).all()


@pytest.mark.parametrize("kernel_size", [1, 3, 5, 7])
def test_a_filter_may_be_wider_than_the_word(kernel_size):
    cnn = CharCNN(width=4, char_width=2, kernel_size=kernel_size)
    assert cnn(torch.tensor([[3], [4]])).shape == (2, 4)


def test_gradient_equals_finite_differences(cnn):
    cnn.double()
    ids = torch.tensor([[7, 8, 9], [10, 11, 0]])

    def of_weights(embedding, kernel, bias):
        values = {"embed.weight": embedding, "conv.weight": kernel, "conv.bias": bias}
        return torch.func.functional_call(cnn, values, (ids,))

    small = [x.detach().clone().requires_grad_() for x in (cnn.conv.weight, cnn.conv.bias)]
    embedding = cnn.embed.weight.detach()
    assert torch.autograd.gradcheck(lambda kernel, bias: of_weights(embedding, kernel, bias), small)
    rows = embedding[7:12].clone().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda rows: of_weights(torch.cat([embedding[:7], rows, embedding[12:]]), *small), (rows,)
    )


def test_padding_is_never_learned(cnn):
    cnn(torch.tensor([[7, 0, 0]])).sum().backward()
    assert (cnn.embed.weight[0] == 0).all() and (cnn.embed.weight.grad[0] == 0).all()
