"""The mean of trained pipelines: exactly their weights' mean, still right, and refused where it makes no sense."""

import errno
import os
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import spacy
import torch
from spacy.tokens import DocBin
from thinc.api import Model, PyTorchShim, fix_random_seed
from typer.testing import CliRunner

from spacy_ssner.averaging import average_pipelines, weights_of
from spacy_ssner.cli import ssner_app
from spacy_ssner.layers.encoder_shim import encoder_layers
from spacy_ssner.layers.torch_tagger import network_of
from spacy_ssner.quantise import quantise_encoder


@pytest.fixture
def branches(trained_path, make_examples):
    """Three pipelines that went on from one trained component, each in its own way."""

    def branch(seed):
        fix_random_seed(seed)
        nlp = spacy.load(trained_path)
        optimizer = nlp.resume_training()
        optimizer.learn_rate = 0.005
        for _ in range(seed):
            nlp.update(make_examples(nlp), sgd=optimizer, drop=0.3)
        return nlp

    return [branch(seed) for seed in (1, 2, 3)]


def copies(nlp):
    return {part: {k: w.clone() for k, w in own.items()} for part, own in weights_of(nlp).items()}


def test_weights_of_a_layer_with_a_torch_module_beside_its_own():
    linear, own = torch.nn.Linear(2, 1), np.ones(3, dtype="f")
    model = Model(
        "both", lambda model, X, is_train: (X, None), params={"W": own}, shims=[PyTorchShim(linear)]
    )
    nlp = SimpleNamespace(pipeline=[("tagger", SimpleNamespace(model=model))])
    assert {part: set(weights) for part, weights in weights_of(nlp).items()} == {
        "tagger, layer 0 (both)": {"W", "weight", "bias"}
    }


def silently(pipelines):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return average_pipelines(pipelines)


def test_every_weight_is_the_mean_and_what_was_known_is_known(branches, annotated, gold, tmp_path):
    before = [copies(nlp) for nlp in branches]
    branches[0].meta["performance"] = {"ents_f": 0.5}
    nlp = silently(branches)
    assert nlp is branches[0] and not nlp.meta["performance"]
    after, n_moved = weights_of(nlp), 0
    assert {name.split("(")[1] for name in after} >= {"hashembed)", "maxout)", "ssner_network)"}
    for part, own in after.items():
        for key, weight in own.items():
            three = torch.stack([b[part][key].double() for b in before])
            expected = three.mean(dim=0) if weight.is_floating_point() else three[0]
            assert torch.allclose(weight.double(), expected, atol=1e-6), (part, key)
            n_moved += not torch.equal(weight, before[0][part][key])
    assert n_moved > 20
    nlp.to_disk(tmp_path / "mean")
    for pipeline in (nlp, spacy.load(tmp_path / "mean")):
        for sentence in annotated:
            assert [(e.text, e.label_) for e in pipeline(sentence[0]).ents] == gold(sentence)


def test_the_others_stay_as_they_were(branches):
    before = [copies(nlp) for nlp in branches[1:]]
    silently(branches)
    for nlp, old in zip(branches[1:], before):
        assert all(
            torch.equal(w, old[part][k]) for part, own in weights_of(nlp).items() for k, w in own.items()
        )


def test_a_weight_with_two_names_is_averaged_once(branches):
    networks = [network_of(nlp.get_pipe("ssner").model.get_ref("tagger")) for nlp in branches]
    for network in networks:
        network.alias = network.output
    expected = sum(network.output.weight.detach().double() for network in networks) / 3
    silently(branches)
    assert torch.allclose(networks[0].output.weight.double(), expected, atol=1e-6)


def test_an_encoder_is_averaged_too(hf_path):
    other = {"components.ssner.model.tok2vec.max_padded": 128}  # how it runs, not what it knows
    pipelines = [spacy.load(hf_path), spacy.load(hf_path, config=other)]
    (part,) = [name for name in weights_of(pipelines[0]) if "hf_encoder" in name]
    ours, theirs = (weights_of(nlp)[part] for nlp in pipelines)
    key = next(key for key in ours if key.endswith("query.weight"))
    theirs[key].add_(0.01)
    expected = (ours[key] + theirs[key]) / 2
    assert torch.allclose(weights_of(silently(pipelines))[part][key], expected)


def test_what_a_frozen_encoder_read_before_is_forgotten(hf_path):
    first, other = (spacy.load(hf_path) for _ in range(2))
    (layer,) = encoder_layers(first)
    layer.attrs["frozen"] = True
    docs = [first.make_doc("The group used malware.")]
    before = layer(docs, True)[0][0]
    (part,) = [name for name in weights_of(other) if "hf_encoder" in name]
    weights_of(other)[part]["encoder.embeddings.LayerNorm.bias"].add_(0.5)
    silently([first, other])
    assert not np.allclose(layer.predict(docs)[0], before, atol=1e-3)


@pytest.mark.parametrize("bars", [(False, True), (True, False), (False, False)])
def test_bars_are_for_the_mean_what_they_are_for_any(bars, trained_path):
    pipelines = [spacy.load(trained_path) for _ in bars]
    for nlp, holds_bars in zip(pipelines, bars):
        nlp.get_pipe("ssner").cfg["bars_in_entities"] = holds_bars
    assert silently(pipelines).get_pipe("ssner").cfg["bars_in_entities"] == any(bars)


def test_other_starts_are_told(make_nlp, trained_path, make_examples):
    other = make_nlp()
    fix_random_seed(7)
    other.initialize(lambda: make_examples(other))
    with pytest.warns(UserWarning, match=r"SW310.*ssner_network"):
        average_pipelines([spacy.load(trained_path), other])


def test_one_pipeline_is_none(trained):
    with pytest.raises(ValueError, match="S310.*at least two pipelines.*1"):
        average_pipelines([trained])


@pytest.mark.parametrize(
    "make,expected",
    [
        (lambda make_nlp, nlp: make_nlp("bilstm"), "S310.*the (layers|weights)"),
        (lambda make_nlp, nlp: make_nlp(bilstm=None), "S310.*the (settings|weights)"),
        (lambda make_nlp, nlp: nlp.get_pipe("ssner").add_label("Novel") and nlp, "S310.*the labels"),
        (lambda make_nlp, nlp: nlp.add_pipe("sentencizer") and nlp, "S310.*the components"),
    ],
)
def test_what_does_not_fit_is_refused(make, expected, make_nlp, trained_path):
    first, other = spacy.load(trained_path), spacy.load(trained_path)
    before = copies(first)
    with pytest.raises(ValueError, match=expected):
        average_pipelines([first, make(make_nlp, other)])
    assert all(
        torch.equal(w, before[part][k]) for part, own in weights_of(first).items() for k, w in own.items()
    )


def test_a_lexicon_that_only_one_has_is_refused(make_nlp):
    pipelines = [make_nlp("lexicon", "bilstm"), make_nlp("lexicon", "bilstm")]
    pipelines[1].get_pipe("ssner").model.get_ref("tagger").shims[0].resources["lexicon"] = None
    with pytest.raises(ValueError, match="S310.*the lexicon of the first"):
        average_pipelines(pipelines)
    with pytest.raises(ValueError, match="S310.*the lexicon of the first"):
        average_pipelines(pipelines[::-1])


def test_other_similar_words_are_refused(trained_path, make_table):
    first, other = spacy.load(trained_path), spacy.load(trained_path)
    other.get_pipe("ssner").set_similar_words(make_table(seed=1))
    with pytest.raises(ValueError, match="S310.*the similar words of the first"):
        average_pipelines([first, other])


def test_a_rounded_encoder_is_refused(hf_path):
    pipelines = [spacy.load(hf_path) for _ in range(2)]
    quantise_encoder(pipelines[1])
    with pytest.raises(ValueError, match="S311.*hf_encoder"):
        average_pipelines(pipelines)


def test_a_layer_of_another_kind_is_refused(trained_path):
    from thinc.api import Shim

    first, other = spacy.load(trained_path), spacy.load(trained_path)
    first.get_pipe("ssner").model.shims.append(Shim(object()))
    with pytest.raises(ValueError, match="S311"):
        average_pipelines([first, other])


def test_from_the_command_line(branches, tmp_path):
    paths = [tmp_path / str(i) for i in range(len(branches))]
    for nlp, path in zip(branches, paths):
        nlp.to_disk(path)
    out = tmp_path / "deep" / "mean"

    def run(*arguments):
        return CliRunner().invoke(ssner_app, ["average", *map(str, arguments)])

    result = run(*paths, out)
    assert result.exit_code == 0 and "the mean of 3 pipelines" in result.output, result.output
    mean = spacy.load(out)
    expected = weights_of(silently(branches))
    for part, own in weights_of(mean).items():
        assert all(np.array_equal(w, expected[part][k]) for k, w in own.items())
    assert "S308" in run(*paths, out).output
    assert run(paths[0], paths[1], out, "--force").exit_code == 0
    assert not np.array_equal(*(weights_of(p)[part][next(iter(own))] for p in (mean, spacy.load(out))))
    (tmp_path / "notes").mkdir()
    assert "S308" in run(*paths, tmp_path / "notes", "--force").output
    assert "S310" in run(paths[0], tmp_path / "new").output and not (tmp_path / "new").exists()
    assert "S270" in run(paths[0], tmp_path / "none", tmp_path / "new").output


def test_a_training_goes_on_from_a_component(trained_path, make_examples, tmp_path):
    """`variant --source` and `spacy train`, as project.yml does."""
    from spacy.cli.train import train

    config = tmp_path / "branch.cfg"
    base = Path(__file__).parents[1] / "configs" / "ssner_cnn.cfg"
    result = CliRunner().invoke(ssner_app, ["variant", str(base), str(config), "--source", str(trained_path)])
    assert result.exit_code == 0, result.output
    nlp = spacy.load(trained_path)
    docs = [example.reference for example in make_examples(nlp)]
    DocBin(docs=docs).to_disk(tmp_path / "data.spacy")
    paths = {"paths.train": str(tmp_path / "data.spacy"), "paths.dev": str(tmp_path / "data.spacy")}
    steps = {"training.max_steps": 2, "training.eval_frequency": 1, "training.max_epochs": 0}
    train(config, tmp_path / "out", overrides={**paths, **steps})
    trained = spacy.load(tmp_path / "out" / "model-last")
    assert trained.get_pipe("ssner").labels == nlp.get_pipe("ssner").labels
    silently([nlp, trained])  # of one start


def test_a_disk_that_is_full_leaves_what_was_there(branches, tmp_path, monkeypatch):
    """Neither half a pipeline under the new name, nor half of the old one under the old name."""
    names = [str(tmp_path / f"branch-{i}") for i in range(2)]
    for nlp, name in zip(branches, names):
        nlp.to_disk(name)
    out = tmp_path / "mean"
    command = ["average", *names, str(out)]
    assert CliRunner().invoke(ssner_app, command).exit_code == 0
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}

    def fail(self, path):
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("thinc.model.Model.to_disk", fail)
    for words in ([*command, "--force"], ["average", *names, str(tmp_path / "new")]):
        result = CliRunner().invoke(ssner_app, words)
        assert result.exit_code == 1 and f"[S283] No room to write {words[3]}" in result.output
    assert before == {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["branch-0", "branch-1", "mean"]
