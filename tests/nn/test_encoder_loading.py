"""Encoders from folders, and anew from what a saved pipeline holds."""

import json

import numpy as np
import pytest
import torch

from spacy_ssner.cli.pretrain import read_max_positions
from spacy_ssner.encoders import export_encoder
from spacy_ssner.nn.encoder_loading import build_encoder, load_encoder
from spacy_ssner.pretraining.masked_lm import load_masked_lm
from spacy_ssner.pretraining.piece_table import read_tokenizer


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


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Names that transformers was asked for; it has none."""
    names = []

    def from_pretrained(name, **kwargs):
        names.append(name)
        raise OSError("no such encoder")

    monkeypatch.chdir(tmp_path)
    for kind in ("AutoConfig", "AutoTokenizer", "AutoModel", "AutoModelForMaskedLM"):
        monkeypatch.setattr(f"transformers.{kind}.from_pretrained", from_pretrained)
    return names


READERS = [
    lambda name: load_encoder(name, max_padded=4096),
    load_masked_lm,
    read_tokenizer,
    read_max_positions,
    lambda name: export_encoder(name, "out"),
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("name", ["./encodr", "../encodr/deep", "/nowhere/encodr", "~/encoder"])
def test_a_path_that_is_not_there_is_no_hub_id(read, name, asked):
    with pytest.raises(ValueError, match="there is no such folder") as told:
        read(name)
    assert not asked and ("home folder" in str(told.value)) == (name == "~/encoder")


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("name", ["bert-base-uncased", "org/name", "./there"])
def test_hub_ids_and_folders_go_to_transformers(read, name, asked, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises((ValueError, OSError), match="no such encoder"):
        read(name)
    assert asked == [name]
