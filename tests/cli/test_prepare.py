"""`prepare` from the command line, on small corpora in the shape of the published ones."""

import json

import pytest
import typer
from spacy.tokens import DocBin
from spacy.vocab import Vocab
from typer.testing import CliRunner

import spacy_ssner.cli.prepare  # noqa: F401  (registers the command)
from spacy_ssner.cli._app import ssner_app


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("SSNER_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    group = typer.Typer()
    group.registered_commands = [*ssner_app.registered_commands]
    group.command("other")(lambda: None)  # typer drops the name of a single command
    return lambda *arguments: CliRunner().invoke(group, ["prepare", *map(str, arguments)])


def conll(*sentences):
    lines = ["\n".join(f"{word}\t{tag}" for word, tag in sentence) for sentence in sentences]
    return "\n\n".join(lines) + "\n"


def sentence(text, name, tag="Malware"):
    return [(word, f"B-{tag}" if word == name else "O") for word in text.split()]


ONE = sentence("Emotet stole mail .", "Emotet")
TWO = sentence("Zeus stole money .", "Zeus")
THREE = sentence("Qakbot ran at night .", "Qakbot")
FOUR = sentence("Ryuk locked all files .", "Ryuk")


@pytest.fixture
def cyner(tmp_path):
    folder = tmp_path / "share" / "data" / "cyner" / "raw"
    folder.mkdir(parents=True)
    (folder / "train.txt").write_text(conll(ONE, ONE, TWO, THREE), encoding="utf8")
    (folder / "valid.txt").write_text(conll(TWO, FOUR, ONE), encoding="utf8")
    (folder / "test.txt").write_text(conll(ONE, sentence("LokiBot came back .", "LokiBot")), encoding="utf8")
    return tmp_path / "share"


def words(path):
    docs = DocBin().from_disk(path).get_docs(Vocab())
    return [(doc[0].text, [ent.label_ for ent in doc.ents]) for doc in docs]


def test_splits_without_leaks(run, cyner, tmp_path):
    result = run("cyner", "out", "--data", cyner)
    assert result.exit_code == 0, result.output
    out = tmp_path / "out"
    assert words(out / "train.spacy") == [("Qakbot", ["Malware"])]
    assert words(out / "dev.spacy") == [("Zeus", ["Malware"]), ("Ryuk", ["Malware"])]
    assert words(out / "test.spacy") == [("Emotet", ["Malware"]), ("LokiBot", ["Malware"])]
    assert words(out / "test_unseen.spacy") == [("LokiBot", ["Malware"])]
    repairs = json.loads((out / "repairs.json").read_text(encoding="utf8"))
    assert set(repairs) == {"train", "dev", "test"}
    assert "Repairs in train" in result.output and "test_unseen" in result.output


def test_data_from_the_environment(run, cyner, tmp_path, monkeypatch):
    monkeypatch.setenv("SSNER_DATA", str(cyner))
    assert run("cyner", "out", "--data", "").exit_code == 0
    assert (tmp_path / "out" / "test.spacy").is_file()


def test_without_a_test_file_dev_stands_in(run, cyner, tmp_path):
    (cyner / "data" / "cyner" / "raw" / "test.txt").unlink()
    result = run("cyner", "out", "--data", cyner)
    assert result.exit_code == 0 and "test.spacy is the dev split" in result.output
    out = tmp_path / "out"
    assert words(out / "test.spacy") == words(out / "dev.spacy")
    assert not (out / "test_unseen.spacy").exists()
    assert [word for word, _ in words(out / "train.spacy")] == ["Qakbot"]


def test_same_input_same_files(run, cyner, tmp_path):
    run("cyner", "a", "--data", cyner)
    run("cyner", "b", "--data", cyner)
    for name in ("train.spacy", "dev.spacy", "test.spacy", "test_unseen.spacy", "repairs.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_strict(run, cyner):
    path = cyner / "data" / "cyner" / "raw" / "train.txt"
    path.write_text(conll(THREE, [("Zeus", "I-Malware"), ("ran", "O")]), encoding="utf8")
    assert run("cyner", "out", "--data", cyner).exit_code == 0
    result = run("cyner", "out", "--data", cyner, "--strict")
    assert result.exit_code == 1 and "[S221]" in result.output and "train.txt:7" in result.output


def test_unknown_corpus(run):
    result = run("conll2003", "out")
    assert result.exit_code == 1 and "[S237]" in result.output and "dnrti" in result.output


def test_missing_files(run, tmp_path):
    result = run("aptner", "out", "--assets", "assets/published")
    assert result.exit_code == 1 and "[S238]" in result.output and "APTNERtrain.txt" in result.output
    assert isinstance(result.exception, SystemExit) and not (tmp_path / "out").exists()


def test_raw_writes_texts_beside_tokens(run, cyner, tmp_path):
    result = run("cyner", tmp_path / "out", "--data", cyner, "--raw", "--sentences-per-doc", "2")
    assert result.exit_code == 0, result.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "repairs.json",
        *(
            f"{split}.{end}"
            for split in ("train", "dev", "test", "test_unseen")
            for end in ("spacy", "jsonl")
        ),
    }
    (line,) = (tmp_path / "out" / "test.jsonl").read_text(encoding="utf8").splitlines()
    record = json.loads(line)
    assert record["text"] == "Emotet stole mail. LokiBot came back."
    assert [record["text"][s["start"] : s["end"]] for s in record["spans"]] == ["Emotet", "LokiBot"]
    (doc,) = DocBin().from_disk(tmp_path / "out" / "test.spacy").get_docs(Vocab())
    assert doc.text == record["text"] and [ent.text for ent in doc.ents] == ["Emotet", "LokiBot"]


def test_train_alone_without_the_dev_of_another_corpus(run, cyner, tmp_path):
    train = cyner / "data" / "cyner" / "raw" / "train.txt"
    train.write_text(conll(THREE, sentence("Dridex called home .", "Dridex")), encoding="utf8")
    (tmp_path / "other.txt").write_text(conll(THREE), encoding="utf8")
    result = run("cyner", "out", "--data", cyner, "--split", "train")
    assert result.exit_code == 0, result.output
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["repairs.json", "train.spacy"]
    result = run("cyner", "out", "--data", cyner, "--split", "train", "--exclude", "other.txt")
    assert result.exit_code == 0 and words(tmp_path / "out" / "train.spacy") == [("Dridex", ["Malware"])]


def test_exclude_and_split_that_cannot_be(run, cyner, tmp_path, monkeypatch):
    result = run("cyner", "out", "--data", cyner, "--exclude", "out/train.spacy")
    assert result.exit_code == 1 and "S213" in result.output
    assert run("cyner", "out", "--data", cyner, "--split", "valid").exit_code == 2
    (cyner / "data" / "cyner" / "raw" / "test.txt").unlink()
    monkeypatch.setattr("spacy_ssner.corpus.published.prepare", None)  # it is told before any work
    result = run("cyner", "out", "--data", cyner, "--split", "test_unseen")
    assert result.exit_code == 1 and "S238" in result.output
    assert not (tmp_path / "out").exists()
