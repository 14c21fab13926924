"""`encoder` from the command line."""

import pytest
import typer
from typer.testing import CliRunner

import spacy_ssner.cli.encoder  # noqa: F401  (registers the command)
from spacy_ssner import encoders
from spacy_ssner.cli._app import ssner_app


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    group = typer.Typer()
    group.registered_commands = [*ssner_app.registered_commands]
    group.command("other")(lambda: None)  # typer drops the name of a single command
    return lambda *arguments: CliRunner().invoke(group, ["encoder", *map(str, arguments)])


def test_local_folder(run, tiny_bert, tmp_path):
    result = run(tiny_bert, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "config.json").is_file() and "MB" in result.output


def test_trained_pipeline(run, hf_path, tmp_path):
    result = run(hf_path, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "model.safetensors").is_file() and "MB" in result.output


def test_pipeline_without_an_encoder(run, trained_path, tmp_path):
    result = run(trained_path, tmp_path / "out")
    assert result.exit_code == 1 and "S143" in result.output and "Traceback" not in result.output


def test_package_is_not_installed(run, tmp_path, monkeypatch):
    monkeypatch.setattr(encoders, "find_spec", lambda name: None)
    result = run("minilm", tmp_path / "out")
    assert result.exit_code == 1 and "S112" in result.output and "Traceback" not in result.output


def test_missing_folder(run, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    result = run(tmp_path / "none", tmp_path / "out")
    assert result.exit_code == 1 and "S107" in result.output
    assert isinstance(result.exception, SystemExit)


def test_help(run):
    assert "minilm" in run("--help").output
