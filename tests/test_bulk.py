"""Reading and annotating many documents: nothing is lost without a name, offsets are those of the file."""

import gzip
import json

import pytest
import spacy
from spacy.language import Language

from spacy_ssner.bulk import Record, Totals, annotate_records, find_inputs, read_records, to_json

TEXT = "APT29 used Mimikatz.\r\nThe end."


@Language.component("ssner_test_bulk_fail")
def fail(doc):
    if "FAIL" in doc.text:
        raise RuntimeError("no more")
    return doc


@pytest.fixture
def folder(tmp_path):
    """Files of all kinds, good and bad."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    files = {
        "a.txt": TEXT.encode(),
        "b.txt.gz": gzip.compress("Lazarus — ‘x’".encode()),
        "bom.txt": "\ufeffAPT29".encode("utf-8"),
        "c.jsonl": b"""{"text": "one", "id": 7, "other": 1}

not json
{"no": "text"}
{"text": 5}
[1]
{"text": "two"}
""",
        "deep/d.TXT": "naïve".encode("utf-16"),
        "e.pdf": b"%PDF",
        "f.txt.gz": gzip.compress(b"cut off " * 1000)[:-9],
        "g.txt": b"APT\xff29 \xc3",
        "h.jsonl.gz": gzip.compress(b'{"text": "lone \\ud800 half"}\n'),
        "i.txt.gz": b"not gzip",
        "long.txt": b"x" * 501,
        "nested.jsonl": b'{"text": ' + b"[" * 100_000,
    }
    for name, data in files.items():
        (tmp_path / "in" / name).write_bytes(data)
    return tmp_path / "in"


def read(names, tmp_path, **options):
    bad = []
    found = find_inputs(list(map(str, names)), output=tmp_path / "out.jsonl")
    records = list(read_records(found, max_length=500, on_bad=lambda *why: bad.append(why), **options))
    return records, bad


def test_files_of_a_folder(folder, tmp_path):
    records, bad = read([folder], tmp_path)
    texts = {record.name.removeprefix(f"{folder}/"): record.text for record in records}
    assert texts == {
        "a.txt": TEXT,  # line ends stay
        "b.txt.gz": "Lazarus — ‘x’",
        "bom.txt": "APT29",
        "c.jsonl:1": "one",
        "c.jsonl:7": "two",
        "deep/d.TXT": "naïve",
        "g.txt": "APT\ufffd29 \ufffd",
        "h.jsonl.gz:1": "lone \ufffd half",
    }
    reasons = {name.removeprefix(f"{folder}/"): reason for name, reason in bad}
    assert list(reasons) == ["c.jsonl:3", "c.jsonl:4", "c.jsonl:5", "c.jsonl:6", "f.txt.gz", "i.txt.gz", "long.txt",
                             "nested.jsonl:1"]  # fmt: skip
    assert "S278" in reasons["long.txt"] and "no string" in reasons["c.jsonl:5"]
    assert next(record for record in records if record.line == 1).fields == {"id": 7}


def test_each_file_once_and_never_the_output(folder, tmp_path):
    (tmp_path / "in" / "out.jsonl").write_text("{}")
    output = tmp_path / "in" / "out.jsonl"
    found = find_inputs([str(folder), str(folder / "a.txt"), str(folder)], output=output)
    assert len(found) == len(set(found)) == 11 and str(output) not in found
    with pytest.raises(ValueError, match="S213"):
        find_inputs([str(output)], output=output)


def test_inputs_that_are_not_there(tmp_path):
    with pytest.raises(ValueError, match="S280.*nowhere"):
        find_inputs([str(tmp_path / "nowhere.txt")], output=tmp_path / "out.jsonl")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="S214.*empty"):
        find_inputs([str(tmp_path / "empty")], output=tmp_path / "out.jsonl")


def test_a_file_far_too_long_is_not_read_as_a_whole(tmp_path, monkeypatch):
    path = tmp_path / "huge.txt.gz"
    path.write_bytes(gzip.compress(b"a" * 5_000_000))
    records, bad = read([path], tmp_path)
    assert not records and "more than 500" in bad[0][1]


@pytest.fixture(scope="module")
def nlp():
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "HackOrg", "pattern": "APT29"}])
    nlp.add_pipe("ssner_test_bulk_fail")
    nlp.add_pipe("ssner_ioc")
    return nlp


def records_of(texts):
    return [Record(text, "f.jsonl", line) for line, text in enumerate(texts, 1)]


@pytest.mark.parametrize("n_process", [1, 2])
@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_failing_documents_are_named_and_the_others_keep_their_order(batch_size, n_process, nlp):
    texts = ["APT29", "FAIL", "x", "", "y FAIL", "APT29 again", "FAIL", "z"]
    bad = []
    stream = annotate_records(
        nlp,
        records_of(texts),
        on_bad=lambda *why: bad.append(why),
        batch_size=batch_size,
        n_process=n_process,
    )
    found = [(record.text, doc.text, len(doc.ents)) for record, doc in stream]
    assert found == [(t, t, "APT29" in t) for t in texts if "FAIL" not in t]
    assert bad == [(f"f.jsonl:{i}", "RuntimeError: no more") for i in (2, 5, 7)]


def test_a_stream_is_not_held_in_memory(nlp):
    taken = []

    def records():
        for record in records_of([f"text {i}" for i in range(1000)]):
            taken.append(record)
            yield record

    stream = annotate_records(nlp, records(), on_bad=print, batch_size=10)
    next(stream)
    assert len(taken) <= 20


def test_what_is_written(nlp):
    text = "APT29: 203.0.113[.]7 — ☃ hxxp://evil[.]example"
    record = Record(text, "a.jsonl", 3, {"id": "x"})
    line = to_json(record, nlp(text))
    assert {k: line[k] for k in ("source", "line", "id", "text")} == {
        "source": "a.jsonl", "line": 3, "id": "x", "text": text
    }  # fmt: skip
    assert [text[e["start"] : e["end"]] for e in line["entities"]] == [e["text"] for e in line["entities"]]
    assert [(e["label"], e.get("value")) for e in line["entities"]] == [
        ("HackOrg", None), ("IPV4", "203.0.113.7"), ("URL", "http://evil.example")
    ]  # fmt: skip
    short = to_json(Record(text, "a.txt"), nlp(text), with_text=False, with_report=True)
    assert set(short) == {"source", "entities", "report"} and short["report"] is None
    assert set(short["entities"][0]) == {"start", "end", "label"}


def test_scores_review_and_report_of_ssner(trained):
    trained.get_pipe("ssner").cfg.update(n_best=3, temperature=4.0)
    doc = trained("APT29 used Mimikatz.")
    line = json.loads(json.dumps(to_json(Record(doc.text, "-"), doc, with_report=True)))
    assert [e["score"] for e in line["entities"]] == [
        pytest.approx(e._.ssner_score, abs=1e-5) for e in doc.ents
    ]
    assert len(line["review"]) == len(doc.spans["ssner_nbest"]) == 3 and all(
        "score" in s for s in line["review"]
    )
    assert line["report"]["tokens"] == 4


def test_totals(trained):
    totals = Totals()
    for text in ("APT29 used InternationalisedMimikatz.", "Lazarus \ufffd", ""):
        totals.add(Record(text, "a.txt"), trained(text))
    totals.leave_out("b.txt", "gone")
    assert (totals.documents, totals.characters, totals.unreadable, totals.not_in_full) == (3, 46, 1, 1)
    assert totals.report["tokens"] == 6 and totals.report["long_words"] == 1
    assert sum(totals.entities.values()) > 0 and (totals.n_bad, totals.bad) == (1, [("b.txt", "gone")])
