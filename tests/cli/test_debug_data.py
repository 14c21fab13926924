import json
import os
import subprocess
import sys

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from typer.testing import CliRunner

from spacy_ssner.cli import debug_data, evaluate, render  # noqa: F401
from spacy_ssner.cli._app import ssner_app


def run(*args):
    return CliRunner().invoke(ssner_app, ["debug-data", *map(str, args)])


def record(text, *ents):
    spans = [{"start": text.index(s), "end": text.index(s) + len(s), "label": label} for s, label in ents]
    return json.dumps({"text": text, "spans": spans})


@pytest.fixture
def files(tmp_path):
    train, dev = tmp_path / "train.jsonl", tmp_path / "dev.jsonl"
    lines = [
        record("APT28 ran Mimikatz.", ("APT28", "HackOrg"), ("Mimi", "Tool")),
        record("They hit Contoso, again.", ("Contoso,", "Org")),
        record("APT28 ran nmap", ("APT28", "Org")),
    ]
    train.write_text("\n".join(lines))
    dev.write_text(record("APT28 ran nmap.", ("APT28", "HackOrg"), ("nmap", "Tool")))
    return train, dev


def test_report(files):
    result = run(*files)
    assert result.exit_code == 0, result.output
    out = " ".join(result.output.split())
    assert f"{files[0]}:1 10-14 'Mimi' [Tool] misaligned -> 10-18 'Mimikatz'" in out
    assert "dev in train 1 of 1 (100.0 %) 1 of 2 (50.0 %)" in out
    assert "1 sentences are annotated in more than one way" in out
    assert f"{files[0]}:3 (1 x): APT28 [Org]" in out
    assert f"{files[1]}:1 (1 x): APT28 [HackOrg], nmap [Tool]" in out
    assert "Types missing in train: Tool" in out and "Types missing in dev: Org" in out
    assert "'Contoso,' [Org] punctuation edge" in out


def test_json_is_all_there_is(files):
    result = run(*files, "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert report["splits"]["train"]["types"] == {"HackOrg": 1, "Org": 2}
    assert report["splits"]["train"]["n_entities"] == 3
    (problem, _) = report["splits"]["train"]["problems"]
    assert problem["line"] == 1 and problem["proposal"] == [10, 18, "Mimikatz"]
    assert report["overlaps"][0]["n_shared"] == 1 and len(report["conflicts"]) == 1


def test_limit_does_not_hide_misaligned_spans(tmp_path):
    train = tmp_path / "train.jsonl"
    line = record("Contoso, ran Mimikatz.", ("Mimi", "Tool"), ("Contoso,", "Org"))
    train.write_text("\n".join([line] * 15))
    out = run(train, "--examples", "2").output
    assert out.count("misaligned ->") == 15 and out.count("punctuation edge") == 2
    assert "and 13 more" in out


def test_spacy_files_and_clean_data(tmp_path):
    nlp = spacy.blank("en")
    doc = Doc(nlp.vocab, words=["APT28", "ran"], ents=["B-HackOrg", "O"])
    DocBin(docs=[doc]).to_disk(tmp_path / "train.spacy")
    result = run(tmp_path / "train.spacy")
    assert result.exit_code == 0 and "begins and ends where a token does" in result.output
    DocBin(docs=[Doc(nlp.vocab, words=["a"])]).to_disk(tmp_path / "plain.spacy")
    result = run(tmp_path / "plain.spacy")
    assert result.exit_code == 0 and "No entities at all" in result.output


def test_tokenizer_of_a_pipeline_or_config(tmp_path):
    train = tmp_path / "train.jsonl"
    train.write_text(record("used Mimikatz", ("Mimi", "Tool")))
    nlp = spacy.blank("en")
    nlp.tokenizer.add_special_case("Mimikatz", [{"ORTH": "Mimi"}, {"ORTH": "katz"}])
    nlp.add_pipe("entity_ruler")
    nlp.to_disk(tmp_path / "pipeline")
    assert "misaligned" in run(train).output
    assert "misaligned" not in run(train, "--pipeline", tmp_path / "pipeline").output
    config = tmp_path / "config.cfg"
    nlp = spacy.blank("xx")
    nlp.add_pipe("ner")
    nlp.config.to_disk(config)
    result = run(train, "--config", config)
    assert result.exit_code == 0 and "misaligned" in result.output


def test_only_the_tokenizer_is_loaded(tmp_path, monkeypatch):
    from spacy.pipeline import EntityRuler

    from spacy_ssner.cli._io import load_tokenizer

    nlp = spacy.blank("de")
    nlp.add_pipe("entity_ruler")
    nlp.to_disk(tmp_path / "pipeline")
    monkeypatch.setattr(EntityRuler, "__init__", lambda *args, **kwargs: pytest.fail("was loaded"))
    config = tmp_path / "pipeline" / "config.cfg"
    for loaded in (load_tokenizer(pipeline=str(tmp_path / "pipeline")), load_tokenizer(config=config)):
        assert (loaded.lang, loaded.pipe_names) == ("de", [])


def test_unreadable_files_and_pipelines(tmp_path, files):
    (tmp_path / "bad.jsonl").write_text("{")
    (tmp_path / "bad.spacy").write_text("{")
    (tmp_path / "empty.jsonl").write_text("")
    cases = {"bad.jsonl": "S274", "bad.spacy": "S235", "none.spacy": "S273", "empty.jsonl": "S272"}
    for name, code in cases.items():
        result = run(files[0], tmp_path / name)
        assert result.exit_code == 1 and code in result.output, name
    (tmp_path / "grid.yml").write_text("# a grid\nconfig: a.cfg\nseeds: [1]\n")
    result = run(files[0], "--config", tmp_path / "grid.yml")
    assert result.exit_code == 1 and "S270" in result.output and "as a config" in result.output
    for content in (
        "[paths]\ntrain = null\n",
        "",
        '[nlp]\nlang = "xx9"\npipeline = []\n',
        "[a]\nx = ${paths.nope}\n",
    ):
        (tmp_path / "odd.cfg").write_text(content)
        result = run(files[0], "--config", tmp_path / "odd.cfg")
        assert result.exit_code == 1 and "S270" in result.output, content
    assert "nope" in result.output
    for option in ("--pipeline", "--config"):
        result = run(files[0], option, tmp_path / "nowhere")
        assert result.exit_code == 1 and "S270" in result.output
        assert ("a config file" in result.output) == (option == "--config")


def test_two_tokenizers(files, tmp_path):
    spacy.blank("en").to_disk(tmp_path / "p")
    result = run(*files, "--pipeline", tmp_path / "p", "--config", tmp_path / "p" / "config.cfg")
    assert result.exit_code == 1 and "S262" in result.output


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_output_that_is_no_utf8(encoding, tmp_path):
    """A terminal or a log of another encoding gets escapes; JSON is always UTF-8."""
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"text": "Zürich 漢", "spans": [{"start": 0, "end": 8, "label": "Ort漢"}]}', encoding="utf8"
    )
    command = [sys.executable, "-m", "spacy", "ssner", "debug-data", str(path)]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    result = subprocess.run(command, capture_output=True, env=environment)
    assert result.returncode == 0, result.stderr
    assert "Ort\\u6f22" in result.stdout.decode(encoding)
    result = subprocess.run([*command, "--json"], capture_output=True, env=environment)
    assert "Ort漢" in json.loads(result.stdout)["splits"]["train"]["types"], result.stdout
