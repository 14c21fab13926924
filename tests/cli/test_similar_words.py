"""`similar-words` from the command line."""

import os
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import spacy_ssner.cli.similar_words  # noqa: F401  (registers the command)
from spacy_ssner.cli._app import ssner_app
from spacy_ssner.similarity.table import SimilarWordTable

gensim = pytest.importorskip("gensim")
TEXT = "The group APT28 used Mimikatz and Emotet.\nThe group APT29 used mimikatz and TrickBot.\n" * 30
FAST = ["--size", "8", "--epochs", "2", "--m", "5", "--k", "2"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "a.txt").write_text(TEXT)
    group = typer.Typer()
    group.registered_commands = [*ssner_app.registered_commands]
    group.command("other")(lambda: None)  # typer drops the name of a single command
    return lambda *arguments: CliRunner().invoke(group, ["similar-words", *map(str, arguments)])


def plain(result):
    return " ".join(result.output.split())


def test_train_and_show(run, tmp_path):
    result = run("a.txt", "out/words.sim", *FAST)
    assert result.exit_code == 0, result.output
    assert "Corpus: 60 sentences, 480 words" in plain(result)
    assert "Vocabulary: 10 words with vectors of 8, 100.0 % of the corpus" in plain(result)
    table = SimilarWordTable.from_disk(tmp_path / "out" / "words.sim")
    assert table.settings == dict(m=5, k=2, lower=True, scorer="ratio", cutoff=60.0, source="a.txt")
    shown = run("--show", "out/words.sim", "APT28", "Emotett", "4711")
    assert shown.exit_code == 0
    assert "apt29" in shown.output and "spelling only" in shown.output and "none found" in shown.output
    assert "10 words, vectors of 8" in plain(run("--show", "out/words.sim"))


def test_same_seed_same_table(run, tmp_path):
    for name in ("x.sim", "y.sim"):
        assert run("a.txt", name, *FAST, "--seed", 3).exit_code == 0
    assert (tmp_path / "x.sim").read_bytes() == (tmp_path / "y.sim").read_bytes()


def test_table_inside_a_pipeline(run, tmp_path):
    run("a.txt", "pipeline/ssner/similar_words", *FAST)
    for place in ("pipeline", "pipeline/ssner"):
        assert "mimikatz" in run("--show", place, "mimikats").output
    assert "S263" in run("--show", tmp_path, "apt28").output


def test_several_files_and_options(run, tmp_path):
    (tmp_path / "b.conll").write_text("Zeus\tB-X\nran\tO\n\n" * 3)
    options = ["--sg", "--no-lower", "--min-count", 3, "--max-words", 4, "--scorer", "QRatio", "--cutoff", 80]
    result = run("a.txt", "b.conll", "w.sim", *FAST, *options)
    assert result.exit_code == 0 and "SW252" in result.output
    table = SimilarWordTable.from_disk(tmp_path / "w.sim")
    assert len(table) == 4 and table.settings["scorer"] == "QRatio" and not table.settings["lower"]
    assert table.settings["source"] == "a.txt, b.conll" and table.settings["cutoff"] == 80


def test_excluded_sentences(run, tmp_path):
    words = "The group APT29 used Mimikatz and TrickBot .".split()
    (tmp_path / "test.conll").write_text("".join(f"{word}\tO\n" for word in words))
    result = run("a.txt", "w.sim", *FAST, "--exclude", "test.conll")
    assert "Excluded: 30 sentences that occur in test.conll" in plain(result)
    assert "trickbot" not in SimilarWordTable.from_disk(tmp_path / "w.sim")


def test_given_vectors(run, tmp_path):
    vectors = np.random.default_rng(0).normal(size=(8, 4))
    lines = [f"word{i} {' '.join(map(str, row))}" for i, row in enumerate(vectors)]
    (tmp_path / "v.txt").write_text("8 4\n" + "\n".join(lines))
    assert run("--vectors", "v.txt", "w.sim", *FAST).exit_code == 0
    table = SimilarWordTable.from_disk(tmp_path / "w.sim")
    assert (len(table), table.width, table.settings["source"]) == (8, 4, "v.txt")
    assert "0.0 % of the corpus" in plain(run("a.txt", "--vectors", "v.txt", "w.sim", *FAST))


@pytest.mark.parametrize(
    "code,arguments",
    [
        ("S250", ["empty.txt", "w.sim"]),
        ("S251", ["a.txt", "w.sim", "--min-count", "999"]),
        ("S252", ["--vectors", "a.txt", "w.sim"]),
        ("S255", ["a.txt", "w.sim", "--m", "3", "--k", "4"]),
        ("S256", ["a.txt", "w.sim", "--scorer", "none"]),
        ("S257", ["--show", "a.txt", "apt28"]),
        ("S260", ["a.pdf", "w.sim"]),
        ("S262", ["a.txt"]),
        ("S262", ["w.sim"]),
        ("S262", ["empty.txt", "a.txt"]),
        ("S263", ["none.txt", "w.sim"]),
        ("S263", ["--vectors", "none.bin", "w.sim"]),
        ("S263", ["a.txt", "w.sim", "--exclude", "none.conll"]),
        ("S263", ["--show", "none.sim", "apt28"]),
        ("S265", ["bad.txt.gz", "w.sim"]),
    ],
)
def test_bad_input(run, tmp_path, code, arguments):
    (tmp_path / "empty.txt").write_text("\n \n")
    (tmp_path / "bad.txt.gz").write_text("no gzip")
    result = run(*arguments)
    assert result.exit_code == 1 and f"[{code}]" in result.output, result.output
    assert not (tmp_path / "w.sim").exists() and (tmp_path / "a.txt").read_text() == TEXT


def test_a_corpus_is_never_overwritten(run, tmp_path):
    for name in ("b.conll", "B.CONLL"):
        (tmp_path / name).write_text("x\tO\n")
        assert "S262" in run("a.txt", name).output
        assert (tmp_path / name).read_text() == "x\tO\n"
    (tmp_path / "v").write_text("1 2\nx 0.1 0.2\n")
    assert "S213" in run("--vectors", "v", "v").output
    assert (tmp_path / "v").read_text() == "1 2\nx 0.1 0.2\n"


def test_help(run):
    assert "--exclude" in run("--help").output


@pytest.mark.skipif("SSNER_DATA" not in os.environ, reason="needs SSNER_DATA")
def test_real_corpus(run, tmp_path):
    folder = Path(os.environ["SSNER_DATA"]) / "data" / "cyner" / "clean"
    result = run(
        folder / "train.conll", "w.sim", "--size", 32, "--epochs", 20, "--exclude", folder / "test.conll"
    )
    assert result.exit_code == 0, result.output
    table = SimilarWordTable.from_disk(tmp_path / "w.sim")
    assert len(table) > 3000 and table.width == 32
    assert any(near.word.startswith("201") for near in table.neighbours("2017"))
    tokens = [line.split("\t")[0] for line in (folder / "test.conll").read_text().splitlines() if line]
    found = table.look_up(tokens)
    n_unknown = (found.own < 0).sum()
    n_unresolved = ((found.own < 0) & (found.rows < 0).all(axis=1)).sum()
    assert 0 < n_unresolved < n_unknown < len(tokens)


def test_a_folder_that_cannot_be_made_is_told_before_the_work(run, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "a.txt").write_text("APT29 used Mimikatz\n" * 9, encoding="utf8")
    result = run("a.txt", "file/words.sim")
    assert result.exit_code == 1 and "S289" in result.output and "Corpus" not in result.output
