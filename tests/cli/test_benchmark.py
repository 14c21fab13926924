import json

import pytest
import spacy
import torch
from typer.testing import CliRunner

from spacy_ssner.cli import benchmark, evaluate  # noqa: F401
from spacy_ssner.cli._app import ssner_app
from spacy_ssner.layers.encoder_shim import encoder_layers
from spacy_ssner.layers.pieces import encoder_of
from spacy_ssner.nn import precision
from spacy_ssner.quantise import quantise_encoder


@pytest.fixture
def plain(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "plain")
    return tmp_path / "plain"


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "report.txt"
    path.write_text("The group used malware.\nIt attacked again.\n", encoding="utf8")
    return path


def run(*args, **kwargs):
    return CliRunner().invoke(ssner_app, ["benchmark", *map(str, args)], **kwargs)


@pytest.mark.parametrize("has_bfloat16", [True, False])
def test_table_and_json(hf_path, report, tmp_path, monkeypatch, has_bfloat16):
    monkeypatch.setattr(precision, "computes_in_bfloat16", lambda device_type: has_bfloat16)
    out = tmp_path / "deep" / "speed.json"
    result = run(hf_path, report, report, "--repeats", 2, "--batch-size", 1, "--output", out)
    assert result.exit_code == 0, result.output
    for word in (
        "words/s",
        "pipeline, int8",
        "bare encoder",
        "2 text(s)",
        "of the speed of the bare",
        "times as",
    ):
        assert word in result.output
    found = json.loads(out.read_text(encoding="utf8"))
    assert found["settings"] == {
        "pipeline": str(hf_path),
        "texts": [str(report)] * 2,
        "batch_size": 1,
        "repeats": 2,
        "int8": True,
        "bfloat16": True,
        "limit": True,
        "threads": None,
        "max_length": None,
        "gpu_id": -1,
    }
    encoder = encoder_of(encoder_layers(spacy.load(hf_path))[0])
    assert found["int8_layers"] == sum(isinstance(layer, torch.nn.Linear) for layer in encoder.modules()) > 0
    assert found["versions"]["spacy"] == spacy.__version__ and found["threads"] >= 1
    assert all(len(found[name]["seconds"]) == 2 for name in ("pipeline", "int8", "limit"))
    assert ("pipeline, bfloat16" in result.output) == has_bfloat16
    assert (found["bfloat16"] is not None) == has_bfloat16 == ("bfloat16_over_pipeline" in found["ratios"])


def test_parts_can_be_left_out(hf_path, report):
    result = run(hf_path, report, "-r", 1, "--no-int8", "--no-bfloat16", "--no-limit")
    assert result.exit_code == 0, result.output
    assert all(word not in result.output for word in ("int8", "bfloat16", "bare"))


def test_pipeline_without_encoder_is_timed_alone(plain, report):
    result = run(plain, report, "-r", 1)
    assert result.exit_code == 0, result.output
    assert "int8" not in result.output and "bare" not in result.output


def test_pipeline_that_is_int8_already_is_timed_as_it_is(hf_path, report, tmp_path):
    nlp = spacy.load(hf_path)
    quantise_encoder(nlp)
    nlp.to_disk(tmp_path / "int8")
    result = run(tmp_path / "int8", report, "-r", 1)
    assert result.exit_code == 0 and "bare encoder" in result.output and "times as" not in result.output


def test_pipeline_that_is_in_bfloat16_already_is_timed_so(hf_path, report, tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "computes_in_bfloat16", lambda device_type: True)
    nlp = spacy.load(hf_path, config={"components.ssner.model.tok2vec.bfloat16": True})
    nlp.to_disk(tmp_path / "halved")
    result = run(tmp_path / "halved", report, "-r", 1)
    assert result.exit_code == 0 and "pipeline, bfloat16" not in result.output
    assert "pipeline, int8" in result.output and "bare encoder" in result.output


def test_standard_input(plain):
    result = run(plain, "-", "-r", 1, input=b"One two. Three.")
    assert result.exit_code == 0 and "1 text(s), 5 words" in result.output
    assert "S272" in run(plain, "-", "-r", 1, input=b" \n").output


def test_threads_are_set_for_torch(plain, report):
    before = torch.get_num_threads()
    try:
        assert "1 thread(s)" in run(plain, report, "-r", 1, "--threads", 1).output
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_long_texts_are_refused_unless_allowed(plain, tmp_path):
    path = tmp_path / "long.txt"
    path.write_text("word " * 30, encoding="utf8")
    result = run(plain, path, "-r", 1, "--max-length", 100)
    assert result.exit_code == 1 and "S278" in result.output
    assert run(plain, path, "-r", 1, "--max-length", 150).exit_code == 0


def test_what_cannot_be_used(plain, report, tmp_path):
    assert "S270" in run(tmp_path / "nowhere", report).output
    assert "S280" in run(plain, tmp_path / "none.txt").output
    assert "S276" in run(plain, report, "--gpu-id", 99).output


def test_a_text_is_not_overwritten(plain, report):
    before = report.read_bytes()
    result = run(plain, report, "-r", 1, "--output", report)
    assert result.exit_code == 1 and "S213" in result.output and report.read_bytes() == before
