import json

import pytest
import spacy
from spacy.vocab import Vocab
from typer.testing import CliRunner

import spacy_ssner.cli.convert  # noqa: F401  (registers the command)
from spacy_ssner.cli._app import ssner_app
from spacy_ssner.text.docbins import load_docbin

CONLL = "APT28 B-HackOrg\nhit O\nNATO I-Org\n\napt28 O\nhit O\nnato O\n\nx O\nO\n"


def run(*args):
    # typer makes a group of an app only when it has several commands
    name = ["convert"] if len(ssner_app.registered_commands) > 1 else []
    return CliRunner().invoke(ssner_app, [*name, *map(str, args)])


@pytest.fixture
def conll(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text(CONLL)
    return path


def test_convert_prints_repairs_and_writes(conll, tmp_path):
    out, report = tmp_path / "new" / "out.spacy", tmp_path / "reports" / "r.json"
    result = run(conll, out, "--report", report)
    assert result.exit_code == 0, result.output
    shown = " ".join(result.output.split())  # long lines are wrapped
    assert f"{conll}:3: 'NATO I-Org'" in shown and "3 sentences" in shown
    docs = load_docbin(out, Vocab())
    assert [(e.text, e.label_) for e in docs[0].ents] == [("APT28", "HackOrg"), ("NATO", "Org")]
    data = json.loads(report.read_text())
    assert data["tag-without-token"]["places"] == [{"file": str(conll), "line": 10, "text": "O"}]


def test_options(conll, tmp_path):
    out, other = tmp_path / "out.spacy", tmp_path / "other.txt"
    other.write_text("X O\n")
    args = ["--format", "dnrti", "--scheme", "bio", "--drop-repeats", "--exclude", other, "--labels", "Org"]
    result = run(conll, out, *args, "--max-length", 2)
    assert result.exit_code == 0, result.output
    docs = load_docbin(out, Vocab())
    assert [[t.text for t in doc] for doc in docs] == [["APT28", "hit"], ["NATO"]]
    assert [e.label_ for doc in docs for e in doc.ents] == ["Org"]


def test_jsonl_with_tokenizers(tmp_path):
    path, out = tmp_path / "in.jsonl", tmp_path / "out.spacy"
    path.write_text(json.dumps({"text": "APT28 can't.", "spans": [{"start": 0, "end": 5, "label": "A"}]}))
    assert run(path, out).exit_code == 0
    assert [t.text for t in load_docbin(out, Vocab())[0]] == ["APT28", "ca", "n't", "."]
    nlp = spacy.blank("xx")
    nlp.to_disk(tmp_path / "pipeline")
    for name in ("x.cfg", "Y.CFG"):
        nlp.config.to_disk(tmp_path / name)
    for name in ("pipeline", "x.cfg", "Y.CFG"):
        assert run(path, out, "--tokenizer", tmp_path / name).exit_code == 0
        (doc,) = load_docbin(out, Vocab())
        assert [t.text for t in doc] == ["APT28", "can't", "."]
        assert doc.text == "APT28 can't." and doc.ents[0].text == "APT28"


def test_labels_given_twice_all_count(conll, tmp_path):
    out = tmp_path / "out.spacy"
    assert run(conll, out, "--labels", "Org", "--labels", "HackOrg").exit_code == 0
    assert [e.label_ for doc in load_docbin(out, Vocab()) for e in doc.ents] == ["HackOrg", "Org"]


def test_unknown_label_is_a_warning(conll, tmp_path):
    result = run(conll, tmp_path / "out.spacy", "--labels", "Org,Nope")
    assert result.exit_code == 0 and "[SW220]" in result.output and "Nope" in result.output


@pytest.mark.parametrize(
    "args,code",
    [
        (["--strict"], "S221"),
        (["--format", "xml"], "S222"),
        (["--labels", "Nope"], "S232"),
        (["--tokenizer", "no_such_pipeline"], "S270"),
    ],
)
def test_errors_are_plain(conll, tmp_path, args, code):
    out = tmp_path / "out.spacy"
    result = run(conll, out, *args)
    assert result.exit_code == 1 and f"[{code}]" in result.output and "Traceback" not in result.output
    assert not out.exists()


def test_wrong_paths(conll, tmp_path):
    assert "[S233]" in run(conll, tmp_path / "out.json").output
    assert "[S227]" in run(tmp_path / "none.txt", tmp_path / "out.spacy").output
    empty = tmp_path / "empty.txt"
    empty.touch()
    assert "[S220]" in run(empty, tmp_path / "out.spacy").output
    copy = tmp_path / "x.spacy"
    copy.write_text("x")
    assert "[S233]" in run(conll, copy, "--exclude", copy).output
    assert copy.read_text() == "x"


def test_missing_library_is_plain(tmp_path, monkeypatch):
    from spacy_ssner.corpus import dnrti

    def fail():
        raise ImportError("[S224] install it")

    monkeypatch.setattr(dnrti, "import_libarchive", fail)
    path = tmp_path / "x.rar"
    path.write_bytes(b"Rar!")
    result = run(path, tmp_path / "out.spacy")
    assert result.exit_code == 1 and "[S224]" in result.output


def test_raw_to_tokens_and_to_texts(tmp_path):
    path, out = tmp_path / "in.txt", tmp_path / "out.jsonl"
    path.write_text("( O\nAPT28 B-A\n) O\n\nx O\n\nhxxp B-B\n: I-B\n//a I-B\n", encoding="utf8")
    assert run(path, tmp_path / "out.spacy", "--raw").exit_code == 0
    docs = load_docbin(tmp_path / "out.spacy", Vocab())
    assert [doc.text for doc in docs] == ["(APT28)", "x", "hxxp://a"]
    assert [(ent.text, ent.label_) for doc in docs for ent in doc.ents] == [("APT28", "A"), ("hxxp://a", "B")]
    nlp = spacy.blank("en")
    nlp.tokenizer = nlp.tokenizer.__class__(nlp.vocab)  # cuts at blanks only
    nlp.to_disk(tmp_path / "blanks")
    result = run(path, out, "--raw", "--sentences-per-doc", 2, "--tokenizer", tmp_path / "blanks")
    assert result.exit_code == 0, result.output
    shown = " ".join(result.output.split())
    assert "misaligned 1" in shown and "hold 2 entities; 1 of them do not fit" in shown
    records = [json.loads(line) for line in out.read_text(encoding="utf8").splitlines()]
    assert records == [
        {"text": "(APT28)\nx", "spans": [{"start": 1, "end": 6, "label": "A"}]},
        {"text": "hxxp://a", "spans": [{"start": 0, "end": 8, "label": "B"}]},
    ]


@pytest.mark.parametrize(
    "out,options,code",
    [
        ("out.jsonl", [], "S212"),
        ("out.txt", ["--raw"], "S233"),
        ("out.spacy", ["--sentences-per-doc", 3], "S231"),
        ("out.spacy", ["--raw", "--sentences-per-doc", 0], "S231"),
    ],
)
def test_raw_options_that_do_not_fit(conll, tmp_path, out, options, code):
    result = run(conll, tmp_path / out, *options)
    assert result.exit_code == 1 and code in result.output
    assert not (tmp_path / out).exists()


def test_the_report_is_a_file_of_its_own(conll, tmp_path):
    before, out = conll.read_bytes(), tmp_path / "out.spacy"
    for report in (conll, out):
        result = run(conll, out, "--report", report)
        assert result.exit_code == 1 and "S217" in result.output
    assert conll.read_bytes() == before and not out.exists()


@pytest.mark.parametrize(
    "name,options,unused",
    [
        ("in.txt", ["--tokenizer", "blank"], "--tokenizer"),
        ("in.txt", ["--member", "test.txt"], "--member"),
        ("in.txt", ["--scheme", "bio", "--fused", "split", "--tokenizer", "blank", "--raw"], ""),
        ("in.jsonl", ["--scheme", "iobes", "--fused", "split", "--tokenizer", "blank"], "--scheme, --fused"),
        ("in.jsonl", ["--tokenizer", "blank"], ""),
    ],
)
def test_options_of_no_effect_are_told(conll, tmp_path, monkeypatch, name, options, unused):
    monkeypatch.chdir(tmp_path)
    spacy.blank("en").to_disk("blank")
    (tmp_path / "in.jsonl").write_text('{"text": "APT28", "spans": []}\n')
    result = run(name, "out.spacy", *options)
    assert result.exit_code == 0, result.output
    shown = " ".join(result.output.split())
    assert (f"[SW222] {unused} had no effect on" in shown) if unused else "SW222" not in shown
