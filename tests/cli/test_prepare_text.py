"""`prepare-text` from the command line."""

import sys

import pytest
import typer
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab
from typer.testing import CliRunner

import spacy_ssner.cli.prepare_text  # noqa: F401  (registers the command)
from spacy_ssner.cli._app import ssner_app
from spacy_ssner.pretraining.piece_table import fingerprint, read_tokenizer
from spacy_ssner.pretraining.tokenised import HELD_OUT, TokenisedCorpus

LINES = [f"The group number {i} attacked the bank of city {i * 7} with malware {i}." for i in range(60)]


@pytest.fixture
def run(tmp_path, monkeypatch, tiny_bert):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "250")
    (tmp_path / "a.txt").write_text("\n".join(LINES[:40]))
    (tmp_path / "b.txt").write_text("\n".join(LINES[20:]))
    group = typer.Typer()
    group.registered_commands = [*ssner_app.registered_commands]
    group.command("other")(lambda: None)  # typer drops the name of a single command
    encoder = ["--encoder", str(tiny_bert)]
    return lambda *arguments: CliRunner().invoke(group, ["prepare-text", *map(str, arguments), *encoder])


def plain(result):
    return " ".join(result.output.split())


def test_make_keep_and_make_anew(run, tmp_path, tiny_bert):
    DocBin(docs=[Doc(Vocab(), LINES[3].rstrip(".").split())]).to_disk(tmp_path / "dev.spacy")
    result = run("[ab].txt", "out", "--exclude", "dev.spacy", "--held-out", "0.2", "--no-near-duplicates")
    assert result.exit_code == 0, result.output
    assert "a.txt 40 0 0 0 1 0" in plain(result) and "b.txt 40 0 0 20 0 0" in plain(result)
    assert "all lines 80 0 0 20 1 0" in plain(result)
    assert "Excluded for dev.spacy: 1 lines" in plain(result)
    corpus = TokenisedCorpus.open(tmp_path / "out")
    assert corpus.meta["tokenizer"] == fingerprint(read_tokenizer(str(tiny_bert))["tokenizer"])
    held_out = TokenisedCorpus.open(tmp_path / "out" / HELD_OUT)
    assert len(corpus) + len(held_out) == 59 and len(held_out) > 0
    written = (tmp_path / "out" / "pieces.bin").stat().st_mtime_ns
    again = run(
        "a.txt", "b.txt", "out", "--exclude", "dev.spacy", "--held-out", "0.2", "--no-near-duplicates"
    )
    assert "kept as it is" in plain(again) and "all lines 80 0 0 20 1 0" in plain(again)
    assert (tmp_path / "out" / "pieces.bin").stat().st_mtime_ns == written
    other = run("a.txt", "b.txt", "out", "--max-pieces", "40", "--held-out", "0.2", "--no-near-duplicates")
    assert "max_pieces: 128 -> 40" in plain(other) and "exclude: ... -> []" in plain(other)
    assert TokenisedCorpus.open(tmp_path / "out").lengths.max() <= 40


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["out"], "S285"),
        (["no*.txt", "out"], "S263"),
        (["a.txt", "b.txt"], "S284"),
        (["a.txt", "out", "--exclude", "no.spacy"], "S263"),
        (["a.txt", "out", "--held-out", "2"], "S285"),
        (["setup.docx", "out"], "S260"),
        (["a.html", "out"], "S245"),
        (["empty.txt", "out"], "S247"),
    ],
)
def test_errors_are_plain(arguments, message, run, tmp_path, monkeypatch):
    for name in ("setup.docx", "a.html", "empty.txt"):
        (tmp_path / name).write_text("")
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    result = run(*arguments)
    assert result.exit_code == 1 and f"[{message}]" in result.output
    assert "Traceback" not in result.output and not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".*"))


def test_warnings_are_shown(run, tmp_path):
    (tmp_path / "c.txt").write_bytes(b"\x00\x01\x02\n")
    result = run("a.txt", "c.txt", "out")
    assert result.exit_code == 0 and "[SW245] 1 lines of c.txt" in plain(result)
