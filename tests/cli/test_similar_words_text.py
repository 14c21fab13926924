"""`similar-words --text`: more files by glob patterns, as project.yml passes vars.text."""

import pytest
import typer
from typer.testing import CliRunner

import spacy_ssner.cli.similar_words  # noqa: F401  (registers the command)
from spacy_ssner.cli._app import ssner_app
from spacy_ssner.cli._io import split_names
from spacy_ssner.cli.prepare_text import find_sources
from spacy_ssner.similarity.table import SimilarWordTable

FAST = ["--size", "8", "--epochs", "1", "--m", "3", "--k", "2"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "a.txt").write_text("The group APT28 used Mimikatz again.\n" * 20)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.txt").write_text("Emotet came with TrickBot today.\n" * 20)
    (tmp_path / "more" / "c.txt").write_text("Ryuk followed some days later.\n" * 20)
    (tmp_path / "more" / "notes.md").write_text("unread")
    group = typer.Typer()
    group.registered_commands = [*ssner_app.registered_commands]
    group.command("other")(lambda: None)  # typer drops the name of a single command
    return lambda *arguments: CliRunner().invoke(group, ["similar-words", *map(str, arguments)])


def test_no_pattern_no_files(run):
    assert find_sources(split_names("")) == find_sources(split_names(" , ")) == []


def test_patterns_are_separated_by_commas_and_sorted(run):
    found = find_sources(split_names("more/*.txt, a.txt, more/b.txt"))
    assert list(map(str, found)) == ["more/b.txt", "more/c.txt", "a.txt"]


def test_pattern_without_a_file(run):
    with pytest.raises(FileNotFoundError, match=r"S263.*none/\*.txt"):
        find_sources(["a.txt", "none/*.txt"])


def test_table_holds_the_words_of_all_files(run, tmp_path):
    pytest.importorskip("gensim")
    result = run("a.txt", "w.sim", "--text", "more/*.txt", *FAST)
    assert result.exit_code == 0, result.output
    table = SimilarWordTable.from_disk(tmp_path / "w.sim")
    assert all(word in table for word in ("mimikatz", "trickbot", "ryuk"))
    assert table.settings["source"] == "a.txt, b.txt, c.txt"
    plain = run("a.txt", "v.sim", "--text", "", *FAST)
    assert plain.exit_code == 0 and "ryuk" not in SimilarWordTable.from_disk(tmp_path / "v.sim")


def test_text_alone_is_a_corpus(run, tmp_path):
    pytest.importorskip("gensim")
    (tmp_path / "more" / "d[1].txt").write_text("Conti was there before.\n" * 20)  # a name, not a pattern
    assert run("w.sim", "--text", "more/d[1].txt", *FAST).exit_code == 0
    assert run("w.sim", "--text", "more/*.txt", *FAST).exit_code == 0
    assert "trickbot" in SimilarWordTable.from_disk(tmp_path / "w.sim")


def test_error_on_the_command_line(run, tmp_path):
    result = run("a.txt", "w.sim", "--text", "none/*.txt", *FAST)
    assert result.exit_code == 1 and "S263" in result.output and not (tmp_path / "w.sim").exists()
