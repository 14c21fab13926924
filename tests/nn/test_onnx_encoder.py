"""An encoder as a graph in 8-bit integers: near the torch one, masks honoured, saved like weights."""

import copy
import pickle

import pytest
import torch

from spacy_ssner.nn.onnx_encoder import OnnxEncoder, export_int8

pytest.importorskip("onnxruntime")
transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module", params=["tiny_bert", "tiny_roberta"])
def pair(request):
    """A small encoder and its graph."""
    encoder = transformers.AutoModel.from_pretrained(request.getfixturevalue(request.param)).eval()
    return encoder, export_int8(encoder)


@pytest.fixture(scope="module")
def batch():
    """Windows of 9 and 4 pieces."""
    ids = torch.randint(5, 30, (2, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.ones(2, 9, dtype=torch.long)
    mask[1, 4:] = 0
    return ids, mask


def states_of(encoder, ids, mask):
    with torch.no_grad():
        return encoder(input_ids=ids, attention_mask=mask).last_hidden_state


def test_states_are_near_those_of_the_encoder(pair, batch):
    exact, rounded = (states_of(encoder, *batch) for encoder in pair)
    assert rounded.shape == exact.shape and rounded.dtype == torch.float32
    on = batch[1].bool()
    error = ((rounded - exact)[on].norm() / exact[on].norm()).item()
    assert 0 < error < 0.05


def test_masked_pieces_are_not_read(pair, batch):
    ids, mask = batch
    other = ids.masked_fill(mask == 0, 7)
    one, two, unmasked = (
        states_of(pair[1], x, m)[1, :4]
        for x, m in ((ids, mask), (other, mask), (other, torch.ones_like(mask)))
    )
    # one scale for the whole batch, so that others' pieces round ours a little differently
    assert not torch.equal(ids, other)
    assert (one - two).norm() / one.norm() < 0.05 < (one - unmasked).norm() / one.norm()


def test_attention_is_one_operator_and_adding_and_normalising_are_two(pair, tmp_path, monkeypatch):
    """The graph that runs, after what ONNX Runtime itself makes of it when it opens it."""
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions
    path = tmp_path / "runs.onnx"

    def keep_graph():
        made = options()
        made.optimized_model_filepath = str(path)
        return made

    monkeypatch.setattr(onnxruntime, "SessionOptions", keep_graph)
    pair[1]._open()
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    n_layers = pair[1].config.num_hidden_layers
    assert kinds.count("QAttention") == n_layers and kinds.count("LayerNormalization") >= 2 * n_layers
    assert "SkipLayerNormalization" not in kinds


def test_copied_pickled_and_loaded(pair, batch):
    expected = states_of(pair[1], *batch)
    loaded = OnnxEncoder(pair[1].config)
    loaded.load_state_dict(pair[1].state_dict())
    for encoder in (copy.deepcopy(pair[1]), pickle.loads(pickle.dumps(pair[1])), loaded):
        assert torch.equal(states_of(encoder, *batch), expected)


def test_an_encoder_that_is_no_graph(monkeypatch, pair):
    def fail(*args, **kwargs):
        raise RuntimeError("operator aten::strange is not supported")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(ValueError, match="S146.*aten::strange.*--engine torch"):
        export_int8(pair[0])


def test_the_encoder_itself_stays_as_it_was(pair, batch):
    encoder, before = pair[0], states_of(pair[0], *batch)
    export_int8(encoder)
    assert torch.equal(states_of(encoder, *batch), before)
