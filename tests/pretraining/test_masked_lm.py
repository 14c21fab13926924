import contextlib
import math

import pytest
import torch
from torch.testing import assert_close
from transformers import DistilBertConfig, DistilBertForMaskedLM

from spacy_ssner.pretraining.head import fit_head, masked_states, set_frequency_bias
from spacy_ssner.pretraining.masked_lm import (
    IGNORED,
    MaskedLM,
    find_head,
    load_masked_lm,
    score_masked_lm,
    scores_by_length,
)


@pytest.fixture(params=["tiny_bert", "tiny_roberta"])
def model(request):
    torch.manual_seed(0)
    return load_masked_lm(str(request.getfixturevalue(request.param))).model


@pytest.fixture
def distilbert():
    """An architecture whose head is not one module."""
    torch.manual_seed(0)
    return DistilBertForMaskedLM(
        DistilBertConfig(vocab_size=60, dim=16, n_layers=1, n_heads=2, hidden_dim=16)
    )


def make_batch(n_vocab=50):
    rng = torch.Generator().manual_seed(1)
    input_ids = torch.randint(5, n_vocab, (3, 9), generator=rng)
    attention_mask = torch.ones_like(input_ids)
    attention_mask[1, 6:] = 0
    labels = torch.where(torch.rand(3, 9, generator=rng) < 0.4, input_ids, IGNORED)
    labels[attention_mask == 0] = IGNORED
    lengths = (labels != IGNORED).long() * torch.tensor([1, 2, 2])[:, None]
    return {
        "input_ids": input_ids,
        "attention_mask": attention_mask,
        "labels": labels,
        "segment_lengths": lengths,
    }


def loss_inputs(batch):
    return {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}


def check_loss(model):
    model.eval()
    batch = make_batch()
    n_masked = int((batch["labels"] != IGNORED).sum())
    found = MaskedLM(model)(**loss_inputs(batch))
    assert_close(found / n_masked, model(**loss_inputs(batch)).loss)  # transformers' own


def test_loss_equals_that_of_all_scores(model):
    assert find_head(model) is not None
    check_loss(model)


def test_a_head_of_several_modules(distilbert):
    assert find_head(distilbert) is None
    check_loss(distilbert)
    assert list(fit_head(distilbert, torch.zeros(1, 16), torch.zeros(1).long(), **FIT)) == []


def test_nothing_masked_is_no_loss(model):
    batch = loss_inputs(make_batch())
    batch["labels"] = torch.full_like(batch["labels"], IGNORED)
    loss = MaskedLM(model)(**batch)
    loss.backward()
    assert loss == 0


def test_a_fresh_head_is_named_and_a_saved_one_is_not(tiny_bert, tmp_path):
    loaded = load_masked_lm(str(tiny_bert))
    assert loaded.fresh and all(name.startswith("cls.") for name in loaded.fresh)
    loaded.model.save_pretrained(tmp_path)
    loaded.tokenizer.save_pretrained(tmp_path)
    assert load_masked_lm(str(tmp_path)).fresh == []
    embeddings = loaded.model.get_input_embeddings().weight
    assert loaded.model.get_output_embeddings().weight is embeddings  # tied


def test_scores_by_length_are_means_over_pieces():
    losses, hits = torch.tensor([1.0, 2.0, 6.0]), torch.tensor([True, False, True])
    scores = scores_by_length(losses, hits, torch.tensor([1, 2, 2]))
    assert scores == {"all": (3, 3.0, pytest.approx(2 / 3)), "1": (1, 1.0, 1.0), "2": (2, 4.0, 0.5)}


def test_scoring_is_the_mean_loss(model):
    batch = make_batch()
    scores = score_masked_lm(MaskedLM(model), [batch, batch], autocast=contextlib.nullcontext)
    model.eval()
    assert scores["all"].loss == pytest.approx(float(model(**loss_inputs(batch)).loss.detach()), rel=1e-5)
    assert scores["all"].n_pieces == sum(scores[k].n_pieces for k in ("1", "2"))


FIT = dict(n_epochs=40, learn_rate=1e-2, seed=0, autocast=contextlib.nullcontext)


def test_no_batch_has_no_scores(model):
    assert score_masked_lm(MaskedLM(model), [], autocast=contextlib.nullcontext) == {}


def test_frequencies_become_the_bias(model):
    n_vocab = model.config.vocab_size
    counts = torch.arange(n_vocab)
    assert set_frequency_bias(model, counts)
    bias = model.get_output_embeddings().bias.detach()
    assert_close(bias.exp().sum(), torch.tensor(1.0))
    assert bias[7] - bias[3] == pytest.approx(math.log(7.1 / 3.1), rel=1e-4)
    assert not set_frequency_bias(model, torch.arange(n_vocab + 1))


def test_the_head_learns_and_the_encoder_does_not(model):
    batch = make_batch()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    states, gold = masked_states(model, [batch] * 5, autocast=contextlib.nullcontext, n_pieces=20)
    n_masked = int((batch["labels"] != IGNORED).sum())
    assert len(states) == len(gold) == n_masked * math.ceil(20 / n_masked)
    losses = list(fit_head(model, states, gold, **FIT))
    assert losses[-1] < 0.7 * losses[0]
    encoder = {id(p) for p in model.base_model.parameters()}
    for name, p in model.named_parameters():
        assert p.requires_grad
        assert (p == before[name]).all() == (id(p) in encoder), name
