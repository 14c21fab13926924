"""The command `annotate`: files in, JSON lines out, totals and what was left out on the screen."""

import csv
import json
import sys
import time
from subprocess import DEVNULL, PIPE, Popen

import pytest
import spacy
from typer.testing import CliRunner

from spacy_ssner.cli import annotate  # noqa: F401
from spacy_ssner.cli._app import ssner_app


def run(*args, **kwargs):
    return CliRunner().invoke(ssner_app, ["annotate", *map(str, args)], **kwargs)


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]


@pytest.fixture
def reports(tmp_path):
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "a.txt").write_text("APT29 used Mimikatz against Acme Corp in Kyiv.", encoding="utf8")
    (folder / "b.jsonl").write_text('{"text": "Lazarus — Emotet.", "id": 5}\n{"text": \n', encoding="utf8")
    return folder


def test_a_folder(trained_path, reports, tmp_path):
    out = tmp_path / "new" / "out.jsonl"
    result = run(trained_path, reports, "--output", out)
    assert result.exit_code == 0, result.output
    first, second = lines_of(out)
    text = first["text"]
    assert [text[e["start"] : e["end"]] for e in first["entities"]] == [
        "APT29",
        "Mimikatz",
        "Acme Corp",
        "Kyiv",
    ]
    assert all(0.5 < e["score"] <= 1 for e in first["entities"])
    assert (second["line"], second["id"], second["text"]) == (1, 5, "Lazarus — Emotet.")
    output = " ".join(result.output.split())
    assert "2 documents" in output and "HackOrg" in output and "tokens" in output
    assert "b.jsonl:2" in output and "1 files or lines were left out" in output
    assert [p.name for p in out.parent.iterdir()] == ["out.jsonl"]


def test_offsets_only_and_reports(trained_path, reports, tmp_path):
    out = tmp_path / "out.jsonl"
    assert run(trained_path, reports / "a.txt", "-o", out, "--no-text", "--reports").exit_code == 0
    (line,) = lines_of(out)
    assert set(line) == {"source", "entities", "report"} and line["report"]["tokens"] == 9
    assert set(line["entities"][0]) == {"start", "end", "label", "score"}


def test_fields_that_are_kept(trained_path, tmp_path):
    path, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    record = {
        "text": "APT29 used Mimikatz.",
        "id": 5,
        "url": "u",
        "tags": ["a"],
        "label": [],
        "meta": {"x": 1},
    }
    path.write_text(
        json.dumps(record) + "\n" + json.dumps({"text": "Lazarus", "url": "\ud800"}), encoding="utf8"
    )
    assert run(trained_path, path, "-o", out, "--keep", "url,tags", "--keep", "label").exit_code == 0
    first, second = lines_of(out)
    assert {k: first[k] for k in record} == record and second["url"] == "\ufffd" and "tags" not in second
    assert run(trained_path, path, "-o", out).exit_code == 0
    assert not {"url", "tags", "label"} & set(lines_of(out)[0])
    result = run(trained_path, path, "-o", out, "--keep", "url,entities")
    assert result.exit_code == 1 and "S218" in result.output


def test_a_table(trained_path, tmp_path):
    path, out, lines = tmp_path / "in.jsonl", tmp_path / "out.CSV", tmp_path / "out.jsonl"
    texts = ['APT29 used\n"Mimikatz".', "nothing", "Lazarus, \ud800, hit 203.0.113[.]7."]
    records = [{"text": text, "id": n, "tags": ["a", "\u00e9"], "meta": {}} for n, text in enumerate(texts)]
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf8")
    assert run(trained_path, path, "-o", lines, "--indicators").exit_code == 0
    assert run(trained_path, path, "-o", out, "--indicators", "--keep", "tags").exit_code == 0
    with out.open(encoding="utf8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = ["source", "line", "id", "tags", "start", "end", "label", "text", "score", "value"]
    assert list(rows[0]) == names and rows[0]["tags"] == '["a", "\u00e9"]'
    docs = lines_of(lines)
    expected = [
        {
            "source": doc["source"],
            "line": doc["line"],
            "id": doc["id"],
            "tags": rows[0]["tags"],
            "score": "",
            "value": "",
        }
        | ent
        for doc in docs
        for ent in doc["entities"]
    ]
    assert rows == [{name: str(row[name]) for name in names} for row in expected] and len(rows) > 2
    assert rows[-1]["value"] == "203.0.113.7"
    result = run(trained_path, path, "-o", out, "--keep", "label")
    assert result.exit_code == 1 and "S218" in result.output


def test_standard_output(trained_path, reports):
    result = run(trained_path, reports / "a.txt", reports / "b.jsonl", "--output", "-")
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["text"] for line in lines] == [
        "APT29 used Mimikatz against Acme Corp in Kyiv.",
        "Lazarus — Emotet.",
    ]
    assert "2 documents" in result.stderr and "b.jsonl:2" in result.stderr


def test_nobody_reads_the_output_any_more(trained_path, reports):
    command = [sys.executable, "-m", "spacy", "ssner", "annotate", trained_path, reports, "-o", "-"]
    with Popen(list(map(str, command)), stdout=PIPE, stderr=PIPE, text=True) as process:
        process.stdout.close()
        stderr = process.stderr.read()
    assert process.returncode == 1 and "✘" not in stderr and "Error" not in stderr


def test_indicators_by_rules(trained_path, tmp_path):
    text = "APT29 used hxxp://evil[.]com/a.php against Acme Corp."
    (tmp_path / "a.txt").write_text(text, encoding="utf8")
    out = tmp_path / "out.jsonl"
    for how in ([], ["--indicators"]):
        assert run(trained_path, tmp_path / "a.txt", "-o", out, *how).exit_code == 0
        (line,) = lines_of(out)
        urls = [(text[e["start"] : e["end"]], e["value"]) for e in line["entities"] if e["label"] == "URL"]
        assert urls == ([("hxxp://evil[.]com/a.php", "http://evil.com/a.php")] if how else [])
        assert "APT29" in [text[e["start"] : e["end"]] for e in line["entities"]]


def test_standard_input(trained_path, tmp_path):
    out = tmp_path / "out.jsonl"
    assert run(trained_path, "-", "-o", out, input="APT29\r\nused".encode()).exit_code == 0
    assert lines_of(out)[0]["text"] == "APT29\r\nused" and lines_of(out)[0]["source"] == "-"
    assert (
        run(trained_path, "-", "-o", out, "--jsonl", input=b'{"text": "a"}\n{"text": "b"}\n').exit_code == 0
    )
    assert [line["text"] for line in lines_of(out)] == ["a", "b"]


def test_two_processes_give_the_same(trained_path, tmp_path):
    texts = ["APT29 used Mimikatz.", "", "Lazarus dropped Emotet.", "Turla sent Mimikatz to Acme Corp."] * 5
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    assert run(trained_path, tmp_path / "in.jsonl", "-o", one, "--reports").exit_code == 0
    result = run(trained_path, tmp_path / "in.jsonl", "-o", two, "--reports", "-n", 2, "-b", 3)
    assert result.exit_code == 0, result.output
    first, second = lines_of(one), lines_of(two)
    assert [line["text"] for line in second] == texts
    for a, b in zip(first, second):
        assert a["report"] == b["report"]
        assert [(e["start"], e["end"], e["label"]) for e in a["entities"]] == [
            (e["start"], e["end"], e["label"]) for e in b["entities"]
        ]


def test_what_was_not_read_in_full_is_told(trained_path, tmp_path):
    (tmp_path / "a.txt").write_text("APT29 used InternationalisedMimikatz.")
    result = run(trained_path, tmp_path / "a.txt", "-o", tmp_path / "out.jsonl")
    output = " ".join(result.output.split())
    assert "1 documents were not read in full: 1 words of more characters than max_chars" in output


def test_raising_pipelines_lose_only_their_document(trained, tmp_path):
    trained.get_pipe("ssner").cfg["on_truncation"] = "raise"
    trained.to_disk(tmp_path / "strict")
    texts = ["APT29 used Mimikatz.", "APT29 used InternationalisedMimikatz.", "Lazarus."]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    result = run(tmp_path / "strict", tmp_path / "in.jsonl", "-o", tmp_path / "out.jsonl")
    assert result.exit_code == 0 and "in.jsonl:2" in result.output and "S210" in result.output
    assert [line["text"] for line in lines_of(tmp_path / "out.jsonl")] == [texts[0], texts[2]]


def test_inputs_of_no_use(trained_path, tmp_path):
    out = tmp_path / "out.jsonl"
    result = run(trained_path, tmp_path / "none.txt", "-o", out)
    assert result.exit_code == 1 and "S280" in result.output and not out.exists()
    (tmp_path / "long.txt").write_text("APT29 " * 10)
    result = run(trained_path, tmp_path / "long.txt", "-o", out, "--max-length", 20)
    assert result.exit_code == 1 and "S278" in result.output and "S215" in result.output
    out.write_text("{}\n")
    result = run(trained_path, out, "-o", out)
    assert result.exit_code == 1 and "S213" in result.output
    assert run(tmp_path / "no", tmp_path / "long.txt", "-o", out).exit_code == 1


def test_a_pipeline_of_rules(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("ssner_ioc")
    nlp.to_disk(tmp_path / "rules")
    (tmp_path / "a.txt").write_text("See hxxp://evil[.]com/a.exe")
    result = run(tmp_path / "rules", tmp_path / "a.txt", "-o", tmp_path / "out.jsonl")
    assert result.exit_code == 0
    (entity,) = lines_of(tmp_path / "out.jsonl")[0]["entities"]
    assert entity["value"] == "http://evil.com/a.exe" and "score" not in entity


def test_a_run_without_a_result_leaves_the_earlier_one(trained_path, tmp_path):
    out = tmp_path / "out.jsonl"
    out.write_text("earlier\n")
    (tmp_path / "archive.txt").write_bytes(b"PK\x03\x04" + bytes(range(256)))
    result = run(trained_path, tmp_path / "archive.txt", "-o", out)
    assert result.exit_code == 1 and "S288" in result.output and "S215" in result.output
    spacy.blank("en").to_disk(tmp_path / "blank")
    (tmp_path / "a.txt").write_text("APT29")
    result = run(tmp_path / "blank", tmp_path / "a.txt", "-o", out)
    assert result.exit_code == 1 and "S271" in result.output
    assert out.read_text() == "earlier\n" and len(list(tmp_path.iterdir())) == 4


def test_pdf_files(trained_path, tmp_path, write_pdf):
    pytest.importorskip("pypdf")
    folder = tmp_path / "reports"
    folder.mkdir()
    write_pdf(folder / "a.pdf", ["APT29 used Mimikatz against", "Acme Corp in Kyiv."])
    write_pdf(folder / "scan.pdf", [])
    result = run(trained_path, folder, "-o", tmp_path / "out.jsonl")
    assert result.exit_code == 0 and "S246" in result.output and "no text" in result.output
    (line,) = lines_of(tmp_path / "out.jsonl")
    assert line["text"] == "APT29 used Mimikatz against Acme Corp in Kyiv."
    assert [entity["text"] for entity in line["entities"]] == ["APT29", "Mimikatz", "Acme Corp", "Kyiv"]


def test_half_a_character_in_an_id(trained_path, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "APT29", "id": "x\\ud800"}\n')
    result = run(trained_path, tmp_path / "a.jsonl", "-o", tmp_path / "out.jsonl")
    assert result.exit_code == 0, result.output
    assert lines_of(tmp_path / "out.jsonl")[0]["id"] == "x\ufffd"


@pytest.fixture
def many(tmp_path):
    """100 documents on JSON lines, bad lines among them, and a text."""
    texts = [f"APT29 used Mimikatz against Acme Corp in Kyiv {number} times." for number in range(100)]
    lines = [json.dumps({"text": text, "id": number}) for number, text in enumerate(texts)]
    lines[7::20] = ["no JSON"] * 5
    (tmp_path / "many.jsonl").write_text("\n".join(lines) + "\n", encoding="utf8")
    (tmp_path / "one.txt").write_text("Lazarus — Emotet.", encoding="utf8")
    return [tmp_path / "many.jsonl", tmp_path / "one.txt"]


@pytest.mark.parametrize("share", [0, 0.3, 0.999, 1])
def test_going_on_where_a_run_was_stopped(trained_path, many, tmp_path, share):
    whole, out = tmp_path / "whole.jsonl", tmp_path / "new" / "out.jsonl"
    assert run(trained_path, *many, "-o", whole).exit_code == 0
    expected = whole.read_bytes()
    if share:
        out.parent.mkdir()
        out.write_bytes(expected[: int(share * len(expected))])
    before = expected[: int(share * len(expected))].count(b"\n")
    result = run(trained_path, *many, "-o", out, "--resume")
    assert result.exit_code == 0 and out.read_bytes() == expected and len(lines_of(out)) == 96
    assert f"{before} documents stood in" in result.output
    assert f"Wrote {96 - before} documents" in result.output


def test_a_killed_run_leaves_what_it_has_written(trained_path, many, tmp_path):
    out = tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "spacy", "ssner", "annotate", trained_path, "-", "-o", out, "--jsonl"]
    text = many[0].read_bytes()
    with Popen([*map(str, command), "--resume", "-b", "4"], stdin=PIPE, stdout=DEVNULL) as process:
        process.stdin.write(text)  # and no end: more could come
        process.stdin.flush()
        while process.poll() is None and not (out.exists() and out.stat().st_size):
            time.sleep(0.05)
        process.kill()
    assert 0 < out.stat().st_size
    n_before = out.read_bytes().count(b"\n")
    result = run(trained_path, "-", "-o", out, "--jsonl", "--resume", input=text)
    assert result.exit_code == 0 and f"{n_before} documents stood in" in result.output and 0 < n_before < 95
    assert [line["id"] for line in lines_of(out)] == [n for n in range(100) if n % 20 != 7]


def test_what_cannot_be_gone_on_with(trained_path, many, tmp_path):
    for out in ("-", tmp_path / "out.csv"):
        result = run(trained_path, *many, "-o", out, "--resume")
        assert result.exit_code == 1 and "S208" in result.stderr
    for content in (
        '{"text": "APT29"}\n',
        "[1]\n",
        "no JSON\n",
        "\n",
        '{"source": 1, "line": "2", "entities": []}\n',
    ):
        (tmp_path / "out.jsonl").write_text(content, encoding="utf8")
        result = run(trained_path, *many, "-o", tmp_path / "out.jsonl", "--resume")
        assert result.exit_code == 1 and "S209" in result.stderr and "line 1" in result.stderr
        assert (tmp_path / "out.jsonl").read_text(encoding="utf8") == content
