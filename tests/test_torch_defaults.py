"""What a program sets for all of torch (another default type, gradients off) changes nothing here."""

import numpy as np
import pytest
import spacy
import torch
from thinc.api import fix_random_seed

from spacy_ssner.averaging import weights_of
from spacy_ssner.quantise import quantise_encoder

TYPES = [torch.float16, torch.bfloat16, torch.float64]


@pytest.fixture(params=TYPES, ids=str)
def other_type(request):
    torch.set_default_dtype(request.param)
    yield request.param
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def no_gradients():
    torch.set_grad_enabled(False)
    yield
    torch.set_grad_enabled(True)


@pytest.fixture(scope="module", params=["cnn", "encoder"])
def path(request, trained_path, hf_path):
    return trained_path if request.param == "cnn" else hf_path


@pytest.fixture(scope="module")
def expected(path, annotated, make_examples):
    """Entities, and weights after an update, as they are where nothing was set."""
    return trained_a_little(path, annotated, make_examples)


def trained_a_little(path, annotated, make_examples):
    nlp = spacy.load(path)
    found = [[(e.text, e.label_, e._.ssner_score) for e in nlp(text).ents] for text, _ in annotated]
    fix_random_seed(0)
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.01
    nlp.get_pipe("ssner").add_label("Added")
    losses = nlp.update(make_examples(nlp), sgd=optimizer)
    return found, losses["ssner"], weights_of(nlp), nlp


def check(found, expected):
    assert found[0] == expected[0] and found[1] == pytest.approx(expected[1], rel=1e-5)
    assert found[2].keys() == expected[2].keys()
    for part, weights in found[2].items():
        for name, weight in weights.items():
            assert weight.dtype == expected[2][part][name].dtype
            np.testing.assert_allclose(weight.numpy(), expected[2][part][name].numpy(), atol=1e-4)


def test_other_default_types(expected, other_type, path, annotated, make_examples):
    check(trained_a_little(path, annotated, make_examples), expected)


def test_without_gradients_around_it_learns_all_the_same(
    expected, no_gradients, path, annotated, make_examples
):
    check(trained_a_little(path, annotated, make_examples), expected)


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_a_fresh_network(decoder, other_type, make_nlp, tiny_bert, annotated):
    tok2vec = {"@architectures": "spacy-ssner.HFEncoder.v1", "name": str(tiny_bert), "max_pieces": 32}
    nlp = make_nlp("bilstm", decoder=decoder, steps=1, tok2vec={**tok2vec, "max_word_pieces": 4})
    for weights in weights_of(nlp).values():
        assert {weight.dtype for weight in weights.values() if weight.is_floating_point()} == {torch.float32}
    nlp(annotated[0][0])


def test_rounding_the_encoder(hf_path):
    def state():
        nlp = spacy.load(hf_path)
        quantise_encoder(nlp)
        return nlp.get_pipe("ssner").model.get_ref("tok2vec").shims[0].module.state_dict()

    before = state()
    torch.set_default_dtype(torch.float64)
    try:
        after = state()
    finally:
        torch.set_default_dtype(torch.float32)
    for name, weight in before.items():
        assert torch.equal(after[name], weight) and after[name].dtype == weight.dtype, name
