"""Encoders from folders, and anew from what a saved pipeline holds."""

import json

import numpy as np
import pytest
import torch

from spacy_ssner.nn.encoder_loading import build_encoder, load_encoder


@pytest.fixture(params=["tiny_bert", "tiny_roberta"])
def encoder(request):
    return load_encoder(str(request.getfixturevalue(request.param)), max_padded=4096).eval()


def test_settings_rebuild_the_encoder_through_json(encoder):
    fresh = build_encoder(json.loads(json.dumps(encoder.settings))).eval()
    fresh.load_state_dict(encoder.state_dict(), strict=True)
    pieces, tokens, lengths = torch.tensor([7, 8]), torch.tensor([0, 1]), np.array([2])
    with torch.no_grad():
        assert torch.equal(fresh(pieces, lengths, tokens, 2), encoder(pieces, lengths, tokens, 2))
    words = ["the", "group", "9f86"]
    assert [p.tolist() for p in fresh.pieces(words, max_pieces=9)] == [
        p.tolist() for p in encoder.pieces(words, max_pieces=9)
    ]
    assert fresh.width == encoder.width == 16
    assert not any("pooler" in name for name in fresh.state_dict())


def test_a_saved_encoder_is_loaded_the_same(encoder, tmp_path):
    encoder.save(tmp_path)
    again = load_encoder(str(tmp_path), max_padded=4096)
    own, others = again.state_dict(), encoder.state_dict()
    assert own.keys() == others.keys() and all(torch.equal(own[name], others[name]) for name in own)
    for name in ("begin", "end", "pad", "unknown", "max_padded", "mixed_precision"):
        assert again.settings[name] == encoder.settings[name]


def test_a_folder_without_an_encoder(tmp_path):
    with pytest.raises((OSError, ValueError)):
        load_encoder(str(tmp_path), max_padded=4096)
