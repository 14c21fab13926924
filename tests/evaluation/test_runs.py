"""What identifies a run, and when it counts as done."""

import json

import pytest

from spacy_ssner.evaluation.grid import DataSet, Run, Variant
from spacy_ssner.evaluation.runs import (
    Options,
    commands,
    execute,
    fail,
    git_commit,
    is_done,
    prepare,
    record_path,
)

CONFIG = "a = ${paths.encoder}\nb = ${paths.similar_words}\n"


@pytest.fixture
def run(tmp_path):
    names = ("train.spacy", "dev.spacy", "test.spacy", "words.sim", "other.sim")
    for name in names:
        (tmp_path / name).write_text(name, encoding="utf8")
    train, dev, test, words, _ = (str(tmp_path / name) for name in names)
    data = DataSet("set", train, dev, {"test": test}, {}, {"similar_words": words, "encoder": "hub/id"})
    return Run(data, Variant("full", "base.cfg", ("--off", "x")), 1)


def test_key_changes_with_all_that_matters_and_with_nothing_else(run, tmp_path):
    def key(changed=run, config=CONFIG):
        return prepare(changed, lambda *_: config).key

    before = key()
    keys = {before, key(config=CONFIG + "c = 1"), key(Run(run.data, run.variant, 2))}
    keys.add(key(Run(run.data, Variant("full", "base.cfg", paths={"encoder": "hub/other"}), 1)))
    for name in ("train", "dev", "test"):
        path = tmp_path / f"{name}.spacy"
        path.write_text("changed", encoding="utf8")
        keys.add(key())
        path.write_text(f"{name}.spacy", encoding="utf8")
    assert len(keys) == 7 and key() == before
    other = Variant("renamed", "elsewhere.cfg", paths={"similar_words": str(tmp_path / "other.sim")})
    assert key(Run(run.data, other, 1)) != before
    # without a similar-word table in the config, its file does not matter
    unused = "a = ${paths.encoder}"
    assert key(Run(run.data, other, 1), unused) == key(config=unused)


def test_files_are_read_once_and_missing_ones_are_named(run, tmp_path):
    known = {}
    prepared = prepare(run, lambda *_: CONFIG, known=known)
    assert set(prepared.files) == {"train", "dev", "test", "paths.encoder", "paths.similar_words"}
    assert prepared.files["paths.encoder"] == "hub/id" and len(known) == 4
    (tmp_path / "dev.spacy").unlink()
    assert prepare(run, lambda *_: CONFIG, known=known).key == prepared.key
    with pytest.raises(ValueError, match="S294.*dev.spacy"):
        prepare(run, lambda *_: CONFIG)


def test_commands(run, tmp_path):
    found = commands(prepare(run, lambda *_: CONFIG), Options(tmp_path, gpu_id=0))
    assert list(found) == ["variant", "train", "dev", "test"]
    config = str(tmp_path / "configs" / "set.full.cfg")
    assert found["variant"][3:] == ["ssner", "variant", "base.cfg", config, "--off", "x"]
    train = " ".join(found["train"])
    for part in (
        "--paths.encoder hub/id",
        "--system.seed 1",
        "--gpu-id 0",
        f"--paths.train {run.data.train}",
    ):
        assert part in train
    assert (
        found["test"][5].endswith("work/set.full.1/model-best") and found["test"][6] == run.data.tests["test"]
    )
    unused = commands(prepare(run, lambda *_: ""), Options(tmp_path))
    assert "--paths.encoder" not in unused["train"] and "--gpu-id" not in unused["train"]


def test_done_is_what_succeeded_with_the_same_key(run, tmp_path):
    prepared = prepare(run, lambda *_: CONFIG)
    assert not is_done(prepared, tmp_path)
    for key, error, expected in ((prepared.key, None, True), ("x", None, False), (prepared.key, "no", False)):
        record = {"key": key, "error": error}
        record_path(run, tmp_path).write_text(json.dumps(record), encoding="utf8")
        assert is_done(prepared, tmp_path) is expected


@pytest.mark.parametrize("content", ["", "{", "[]", '{"variant": "full"}'])
def test_a_broken_record_is_none(run, tmp_path, content):
    prepared = prepare(run, lambda *_: CONFIG)
    (tmp_path / "set.full.1.json").write_text(content, encoding="utf8")
    assert not is_done(prepared, tmp_path)
    assert "no file" in fail(run, ValueError("no file"), Options(tmp_path))["error"]
    assert "no file" in json.loads((tmp_path / "set.full.1.json").read_text(encoding="utf8"))["error"]


def test_a_pipeline_that_was_trained_again_is_another_one(run, tmp_path):
    folder = tmp_path / "pipeline"
    folder.mkdir()
    (folder / "weights").write_text("old", encoding="utf8")
    keys = set()
    for pipeline in (str(folder), "lookup:{train}", "en_package"):
        keys.add(prepare(Run(run.data, Variant("old", "", pipeline=pipeline), 1), lambda *_: "").key)
    (folder / "weights").write_text("new", encoding="utf8")
    keys.add(prepare(Run(run.data, Variant("old", "", pipeline=str(folder)), 1), lambda *_: "").key)
    assert len(keys) == 4


def test_a_run_that_cannot_start_does_not_take_away_what_was_found_before(run, tmp_path):
    path = record_path(run, tmp_path)
    assert fail(run, ValueError("first"), Options(tmp_path))["error"] == "first"
    fail(run, ValueError("second"), Options(tmp_path))
    assert json.loads(path.read_text(encoding="utf8"))["error"] == "second"
    path.write_text('{"key": "", "error": null}', encoding="utf8")
    fail(run, ValueError("third"), Options(tmp_path))
    assert json.loads(path.read_text(encoding="utf8")) == {"key": "", "error": None}


def test_a_run_that_fails_is_recorded_and_cleaned_up(run, tmp_path):
    prepared = prepare(Run(run.data, Variant("old", "", pipeline="nowhere"), 1), lambda *_: "")
    record = execute(prepared, Options(tmp_path))
    assert "S295" in record["error"] and "S270" in record["error"] and not record["scores"]
    assert json.loads((tmp_path / "set.old.1.json").read_text(encoding="utf8")) == record
    assert not (tmp_path / "work" / "set.old.1").exists()
    assert record["commands"]["dev"].startswith("python -m spacy ssner evaluate nowhere")
    assert not is_done(prepared, tmp_path)


def test_commit_is_a_hash():
    commit = git_commit()
    assert commit is None or (len(commit.rstrip("+")) == 40 and int(commit.rstrip("+"), 16))
