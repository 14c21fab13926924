"""`pretrain-supervised` from the command line."""

import json

import pytest
import spacy
import typer
from spacy.tokens import DocBin
from typer.testing import CliRunner

import spacy_ssner.cli.pretrain_supervised  # noqa: F401  (registers the command)
from spacy_ssner.cli._app import ssner_app


@pytest.fixture
def run(monkeypatch, annotated, tiny_bert, tmp_path):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("spacy_ssner.memory.keep_freed_memory", lambda: True)  # of the process that tests
    docs, nlp = [], spacy.blank("en")
    for text, spans in annotated:
        docs.append(nlp.make_doc(text))
        docs[-1].set_ents([docs[-1].char_span(*span) for span in spans])
    DocBin(docs=docs).to_disk(tmp_path / "train.spacy")
    group = typer.Typer()
    group.registered_commands = [*ssner_app.registered_commands]
    paths = [tmp_path / "train.spacy", tmp_path / "train.spacy", tmp_path / "out", "--encoder", tiny_bert]

    def run(*options):
        arguments = ["pretrain-supervised", *paths, "--max-padded", 80, *options]
        return CliRunner().invoke(group, [str(argument) for argument in arguments])

    return run


def report_of(tmp_path):
    return json.loads((tmp_path / "out" / "pretraining.json").read_text())


def test_table_and_folder(run, tmp_path):
    result = run("--epochs", 3, "--learn-rate", 5e-3, "--law", "fixed:2", "--class-weights", "effective")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.output.splitlines()]
    assert ["epoch", "step", "loss", "P", "R", "F1", "seconds"] in lines
    report = report_of(tmp_path)
    for entry in report["epochs"]:
        (line,) = [line for line in lines if line[:2] == [str(entry["epoch"]), str(entry["step"])]]
        assert line[5] == f"{100 * entry['f1']:.2f}" and ("best" in line) == entry["is_best"]
    output = " ".join(result.output.split())
    assert f"encoder of epoch {report['best_epoch']}, F1" in output and "words per second" in output
    settings = report["settings"]
    assert (settings["law"]["name"], settings["class_weights"]) == ("fixed:2", "effective")
    assert (settings["n_epochs"], settings["learn_rate"], settings["gamma"]) == (3, 5e-3, 2.0)


def test_budget_0_masks_nothing(run, tmp_path):
    result = run("--budget", 0, "--steps", 1)
    assert result.exit_code == 0 and "Masked: nothing" in result.output
    assert report_of(tmp_path)["settings"]["masks"] is None


@pytest.mark.parametrize("options,code", [
    (("--law", "gaussian"), "S240"), (("--budget", 0.9), "S117"), (("--gamma", -1), "S127"),
    (("--class-weights", "some"), "S127"), (("--epochs", 0), "S127"), (("--encoder", "/nowhere"), "S107"),
])  # fmt: skip
def test_bad_values_write_nothing(options, code, run, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    result = run(*options)
    assert result.exit_code == 1 and f"[{code}]" in result.output and "Traceback" not in result.output
    assert not (tmp_path / "out").exists()
