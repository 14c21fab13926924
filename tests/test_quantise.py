"""A pipeline whose encoder computes in 8-bit integers or bfloat16: in place, saved, by config; what it refuses."""

import sys

import pytest
import spacy
import torch
from spacy.training import Example
from typer.testing import CliRunner

from spacy_ssner.cli import ssner_app
from spacy_ssner.nn.int8 import Int8Linear
from spacy_ssner.quantise import find_encoders, quantise_encoder

BFLOAT16 = {"components.ssner.model.tok2vec.bfloat16": True}
INT8 = {"components.ssner.model.tok2vec.int8": True}


@pytest.fixture(scope="module")
def encoder_path(make_nlp, tiny_bert, tmp_path_factory):
    """Folder of a trained pipeline on a small encoder."""
    tok2vec = {"@architectures": "spacy-ssner.HFEncoder.v1", "name": str(tiny_bert), "max_pieces": 64}
    path = tmp_path_factory.mktemp("quantise") / "pipeline"
    make_nlp("bilstm", steps=40, tok2vec=tok2vec).to_disk(path)
    return path


def entities(nlp, annotated):
    return [[(e.text, e.label_) for e in doc.ents] for doc in nlp.pipe(text for text, _ in annotated)]


def layers(nlp):
    return sum(isinstance(m, Int8Linear) for shim in find_encoders(nlp) for m in shim.module.modules())


def test_in_place_saved_and_loaded(encoder_path, annotated, tmp_path):
    nlp = spacy.load(encoder_path)
    before = entities(nlp, annotated)
    assert any(before)
    assert quantise_encoder(nlp) == layers(nlp) == 12  # 6 in each of 2 layers
    assert quantise_encoder(nlp) == 0
    after = entities(nlp, annotated)
    assert after == before  # it knows these sentences by heart
    nlp.to_disk(tmp_path / "small")
    again = spacy.load(tmp_path / "small")
    assert layers(again) == 12
    text = annotated[0][0]
    scores = [[e._.ssner_score for e in pipeline(text).ents] for pipeline in (nlp, again)]
    assert scores[0] == scores[1] and scores[0]


def test_scores_change_a_little(encoder_path, annotated):
    exact, small = spacy.load(encoder_path), spacy.load(encoder_path)
    quantise_encoder(small)
    pairs = [
        (a._.ssner_score, b._.ssner_score)
        for text, _ in annotated
        for a, b in zip(exact(text).ents, small(text).ents)
    ]
    assert any(a != b for a, b in pairs) and all(abs(a - b) < 0.2 for a, b in pairs)


def test_switched_on_by_the_config_when_loading(encoder_path, annotated, tmp_path):
    nlp = spacy.load(encoder_path, config=INT8)
    assert layers(nlp) == 12
    nlp.to_disk(tmp_path / "small")
    assert layers(spacy.load(tmp_path / "small")) == 12
    assert layers(spacy.load(encoder_path)) == 0


@pytest.mark.filterwarnings("ignore:.*SW105")
def test_bfloat16_by_the_config_when_loading(encoder_path, annotated, make_examples, tmp_path):
    exact, nlp = spacy.load(encoder_path), spacy.load(encoder_path, config=BFLOAT16)
    assert entities(nlp, annotated) == entities(exact, annotated)
    nlp.to_disk(tmp_path / "halved")
    again = spacy.load(tmp_path / "halved")
    text = annotated[0][0]
    scores = [[e._.ssner_score for e in pipeline(text).ents] for pipeline in (exact, nlp, again)]
    assert scores[0] != scores[1] == scores[2] and scores[0] == pytest.approx(scores[1], abs=0.1)
    before = {name: weight.clone() for name, weight in weights(again).items()}
    again.update(make_examples(again), sgd=again.resume_training())  # not so in 8-bit integers
    assert all(weight.dtype == torch.float32 for weight in weights(again).values())
    assert any(not torch.equal(before[name], weight) for name, weight in weights(again).items())
    assert quantise_encoder(nlp) == 12
    assert entities(nlp, annotated) == entities(exact, annotated)


def weights(nlp):
    return find_encoders(nlp)[0].module.state_dict()


def test_by_onnx_runtime(encoder_path, annotated, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    nlp = spacy.load(encoder_path)
    before = entities(nlp, annotated)
    assert quantise_encoder(nlp, engine="onnxruntime") == 12
    assert quantise_encoder(nlp, engine="onnxruntime") == quantise_encoder(nlp) == 0
    assert entities(nlp, annotated) == before
    nlp.to_disk(tmp_path / "small")
    again = spacy.load(tmp_path / "small")
    text = annotated[0][0]
    scores = [[e._.ssner_score for e in pipeline(text).ents] for pipeline in (nlp, again)]
    assert scores[0] == scores[1] and scores[0]
    with pytest.raises(ValueError, match="S141"):
        again.update([Example(doc, doc) for doc in again.pipe([text])], sgd=again.resume_training())
    other = spacy.load(tmp_path / "small")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"S145.*spacy-ssner\[onnx\]"):
        other(text)


def test_processes_by_onnx_runtime(encoder_path, annotated):
    pytest.importorskip("onnxruntime")
    nlp = spacy.load(encoder_path)
    quantise_encoder(nlp, engine="onnxruntime")
    texts = [text for text, _ in annotated] * 3
    expected = entities(nlp, annotated) * 3
    docs = nlp.pipe(texts, n_process=2, batch_size=4)
    assert [[(e.text, e.label_) for e in doc.ents] for doc in docs] == expected


def test_engines(encoder_path, monkeypatch):
    nlp = spacy.load(encoder_path)
    with pytest.raises(ValueError, match="S144.*onnxruntime.*'tensorrt'"):
        quantise_encoder(nlp, engine="tensorrt")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match="S145"):
        quantise_encoder(nlp, engine="onnxruntime")
    assert layers(nlp) == 0 and nlp("Emotet").text == "Emotet"  # as it was


def test_not_trained_any_more(encoder_path, make_examples):
    nlp = spacy.load(encoder_path)
    quantise_encoder(nlp)
    with pytest.raises(ValueError, match="S141"):
        nlp.update(make_examples(nlp), sgd=nlp.resume_training())


def test_no_encoder_to_round(trained):
    with pytest.raises(ValueError, match="S142"):
        quantise_encoder(trained)
    with pytest.raises(ValueError, match="S142"):
        quantise_encoder(spacy.blank("en"))


def test_not_on_a_gpu(encoder_path, monkeypatch):
    monkeypatch.setattr(
        "spacy_ssner.layers.encoder_shim.get_torch_default_device", lambda: torch.device("cuda")
    )
    with pytest.raises(ValueError, match="S140"):
        quantise_encoder(spacy.load(encoder_path))


def test_loading_on_a_gpu_says_what_to_do(encoder_path, tmp_path, monkeypatch):
    nlp = spacy.load(encoder_path)
    quantise_encoder(nlp)
    nlp.to_disk(tmp_path / "small")
    monkeypatch.setattr(
        "spacy_ssner.layers.encoder_shim.get_torch_default_device", lambda: torch.device("cuda")
    )
    for path, config in (tmp_path / "small", {}), (encoder_path, INT8):
        with pytest.raises(ValueError, match="S140"):
            spacy.load(path, config=config)


def test_command(encoder_path, trained_path, tmp_path):
    run = CliRunner().invoke
    result = run(ssner_app, ["quantise", str(encoder_path), str(tmp_path / "small")])
    assert result.exit_code == 0 and "12 layers" in " ".join(result.output.split())  # lines wrap
    assert layers(spacy.load(tmp_path / "small")) == 12
    (tmp_path / "sample.txt").write_text("APT29 used Mimikatz in Kyiv.\nThe group dropped Emotet.\n")
    sample = ["--sample", str(tmp_path / "sample.txt")]
    result = run(ssner_app, ["quantise", str(encoder_path), str(tmp_path / "sampled"), *sample])
    assert result.exit_code == 0
    first, second = (
        find_encoders(spacy.load(tmp_path / name))[0].module.state_dict() for name in ("small", "sampled")
    )
    assert any(not torch.equal(first[name], second[name]) for name in first)
    result = run(ssner_app, ["quantise", str(encoder_path), str(tmp_path / "x"), "--engine", "other"])
    assert result.exit_code == 1 and "[S144]" in result.output
    result = run(ssner_app, ["quantise", str(trained_path), str(tmp_path / "none")])
    assert result.exit_code == 1 and "[S142]" in result.output
    assert not (tmp_path / "none").exists()
    result = run(ssner_app, ["quantise", str(encoder_path), str(encoder_path)])
    assert result.exit_code == 1 and "[S308]" in result.output
    assert layers(spacy.load(encoder_path)) == 0
    result = run(ssner_app, ["quantise", str(tmp_path / "small"), str(tmp_path / "x")])
    assert result.exit_code == 1 and "[S148]" in result.output
    (tmp_path / "empty.txt").write_text("\n")
    sample = ["--sample", str(tmp_path / "empty.txt")]
    result = run(ssner_app, ["quantise", str(encoder_path), str(tmp_path / "x"), *sample])
    assert result.exit_code == 1 and "[S149]" in result.output
    assert not (tmp_path / "x").exists()
