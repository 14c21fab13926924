"""Word pieces and their mean, against the Hugging Face model asked sentence by sentence."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from spacy_ssner.nn.encoder_loading import load_encoder
from spacy_ssner.nn.piece_encoder import max_positions


@pytest.fixture(params=["tiny_bert", "tiny_roberta"])
def encoder(request):
    return load_encoder(str(request.getfixturevalue(request.param)), max_padded=4096).eval()


def run(encoder, windows, n_tokens):
    """windows: lists of (piece, token). RETURNS: (n_tokens, W)."""
    pieces = torch.tensor([piece for window in windows for piece, _ in window], dtype=torch.long)
    tokens = torch.tensor([token for window in windows for _, token in window], dtype=torch.long)
    with torch.no_grad():
        return encoder(pieces, np.array([len(window) for window in windows]), tokens, n_tokens)


def states_alone(encoder, pieces):
    """States of one window's pieces, straight from the Hugging Face model."""
    ids = [encoder.settings["begin"], *pieces, encoder.settings["end"]]
    with torch.no_grad():
        return encoder.encoder(input_ids=torch.tensor([ids])).last_hidden_state[0, 1:-1]


def test_pieces_of_words(encoder):
    words = ["the", "thethe", "Z", "9f86d081884c7d65"]
    pieces = encoder.pieces(words, max_pieces=5)
    assert all(1 <= len(ids) <= 5 and ids.dtype == np.int64 for ids in pieces)
    whole = encoder.pieces(words, max_pieces=100)
    assert [ids.tolist() for ids in pieces] == [ids[:5].tolist() for ids in whole]
    assert len(whole[3]) > 5 and len(whole[0]) == 1
    begin, end = encoder.settings["begin"], encoder.settings["end"]
    assert not any({begin, end} & set(ids.tolist()) for ids in whole)
    assert encoder.pieces([], max_pieces=5) == []


def test_white_space_has_no_pieces_and_anything_else_has_some(encoder):
    assert [len(ids) for ids in encoder.pieces([" ", "\n\n", "\t", "\u2003"], max_pieces=9)] == [0, 0, 0, 0]
    for ids in encoder.pieces(["\u200b", "\u00ad", "\u4e2d", "\u2603", "\x00", "", "\ufffd"], max_pieces=9):
        assert len(ids) >= 1


def test_mean_over_the_pieces_of_each_token(encoder):
    windows = [[(7, 0), (8, 1), (9, 1), (10, 1)], [(11, 3)], [(12, 4), (13, 4)]]
    Y = run(encoder, windows, 5)
    first, last = states_alone(encoder, [7, 8, 9, 10]), states_alone(encoder, [12, 13])
    assert_close(Y[0], first[0], atol=1e-5, rtol=0.0)
    assert_close(Y[1], first[1:].mean(0), atol=1e-5, rtol=0.0)
    assert (Y[2] == 0).all()  # no pieces
    assert_close(Y[3], states_alone(encoder, [11])[0], atol=1e-5, rtol=0.0)
    assert_close(Y[4], last.mean(0), atol=1e-5, rtol=0.0)


def test_context_is_read_but_not_counted(encoder):
    Y = run(encoder, [[(7, -1), (8, 0), (9, -1)]], 1)
    assert_close(Y[0], states_alone(encoder, [7, 8, 9])[1], atol=1e-5, rtol=0.0)
    assert (Y[0] - states_alone(encoder, [8])[0]).abs().max() > 1e-3


@pytest.mark.parametrize("max_padded", [1, 9, 64])
def test_the_size_of_a_pass_does_not_matter(encoder, max_padded):
    rng = np.random.default_rng(0)
    lengths = [3, 1, 7, 2, 5, 5]
    windows = [[(int(rng.integers(5, 50)), 10 * i + j) for j in range(n)] for i, n in enumerate(lengths)]
    expected = run(encoder, windows, 60)
    encoder.settings["max_padded"] = max_padded
    assert_close(run(encoder, windows, 60), expected, atol=1e-5, rtol=0.0)


def test_nothing_to_read(encoder):
    assert run(encoder, [], 0).shape == (0, 16)
    assert (run(encoder, [], 3) == 0).all()


@pytest.mark.parametrize(
    "family,expected",
    [
        ("bert", 20),
        *((name, 18) for name in ("roberta", "data2vec-text", "ibert", "luke", "roberta-prelayernorm")),
        ("xlm-roberta-xl", 18),
    ],
)
def test_an_input_of_max_positions_can_be_read_and_no_longer_one(family, expected):
    from transformers import AutoConfig, AutoModel

    sizes = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    config = AutoConfig.for_model(family, vocab_size=40, max_position_embeddings=20, **sizes)
    encoder = AutoModel.from_config(config).eval()
    assert max_positions(config) == expected
    encoder(input_ids=torch.full((1, expected), 7))
    with pytest.raises((IndexError, RuntimeError)):
        encoder(input_ids=torch.full((1, expected + 1), 7))


def test_an_encoder_without_a_limit_reads_512_pieces():
    from transformers import AutoConfig

    assert max_positions(AutoConfig.for_model("xlnet")) == 512  # whose limit is -1
