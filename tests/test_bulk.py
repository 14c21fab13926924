"""Annotating many documents: order, failures, what is written of each, totals."""

import json

import pytest
import spacy
from spacy.language import Language

from spacy_ssner.bulk import Totals, annotate_records, to_json
from spacy_ssner.text.records import Record


@Language.component("ssner_test_bulk_fail")
def fail(doc):
    if "FAIL" in doc.text:
        raise RuntimeError("no more")
    return doc


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


def test_the_pipeline_gets_its_error_handlers_back(nlp):
    def own(name, proc, docs, error):
        raise error

    pipe = nlp.get_pipe("ssner_ioc")
    pipe.set_error_handler(own)
    usual = nlp.default_error_handler
    list(annotate_records(nlp, records_of(["APT29", "FAIL"]), on_bad=lambda *why: None))
    assert nlp.default_error_handler is usual and pipe.get_error_handler() is own
    with pytest.raises(RuntimeError):
        list(nlp.pipe(["FAIL"]))


@pytest.mark.parametrize("name", ["parser", "ner"])
def test_beside_spacys_parser_and_ner(name):
    """Which spaCy 3.8 gives no error handler: nlp.set_error_handler fails."""
    nlp = spacy.blank("en")
    nlp.add_pipe(name).add_label("Org")
    nlp.initialize()
    nlp.add_pipe("ssner_test_bulk_fail")
    bad = []
    stream = annotate_records(nlp, records_of(["a b", "FAIL", "c d"]), on_bad=lambda *why: bad.append(why))
    assert [record.text for record, _ in stream] == ["a b", "c d"]
    assert [name for name, _ in bad] == ["f.jsonl:2"]
