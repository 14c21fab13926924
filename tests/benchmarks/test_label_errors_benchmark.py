"""Planted errors are in the data, and found ones are counted."""

import json
from collections import Counter
from pathlib import Path

import pytest
import spacy

from spacy_ssner.corpus.convert import convert
from spacy_ssner.corpus.docs import make_docs

SAMPLE = Path(__file__).parents[2] / "assets" / "sample" / "train.jsonl"


@pytest.fixture
def benchmark(load):
    return load("label_errors")


@pytest.fixture
def docs():
    return list(make_docs(convert(SAMPLE)[0], spacy.blank("en").vocab))


def spans(doc):
    return {(ent.start, ent.end, ent.label_) for ent in doc.ents}


def test_what_is_planted_is_what_differs(benchmark, docs):
    before = [spans(doc) for doc in docs]
    planted = benchmark.plant(docs)
    after = [spans(doc) for doc in docs]
    counts = Counter(error.kind for error in planted)
    assert set(counts) == {"type", "missing", "bounds", "extra"} and 15 < min(counts.values())
    gone = {(i, span) for i, (a, b) in enumerate(zip(before, after), 1) for span in a - b}
    new = {(i, span) for i, (a, b) in enumerate(zip(before, after), 1) for span in b - a}
    assert gone == {(e.doc, tuple(e.before)) for e in planted if e.before is not None}
    assert new == {(e.doc, tuple(e.span)) for e in planted if e.kind != "missing"}
    for error in planted:
        if error.kind == "type":
            assert error.span[:2] == error.before[:2] and error.span.label != error.before.label
        if error.kind == "bounds":
            moved = abs(error.span.start - error.before.start) + abs(error.span.end - error.before.end)
            assert moved == 1 and error.span.label == error.before.label


def test_score(benchmark, docs, tmp_path, capsys):
    planted = benchmark.plant(docs)
    wrong = next(error for error in planted if error.kind == "type")
    lost = next(error for error in planted if error.kind == "missing")
    other = next(span for span in spans(docs[0]) if span not in {tuple(e.span) for e in planted})

    def record(number, kind, span, strength, *instead):
        def characters(start, end, label):
            found = docs[number - 1][start:end]
            return {"start": found.start_char, "end": found.end_char, "label": label}

        doubt = {
            "kind": kind,
            "strength": strength,
            **characters(*span),
            "instead": [characters(*s) for s in instead],
        }
        return json.dumps({"meta": {"doc": number}, "doubts": [doubt]})

    lines = [
        record(wrong.doc, "type", wrong.span, 0.9, wrong.before),
        record(lost.doc, "missing", lost.span, 0.9),
        record(1, "type", other, 0.95),
    ]
    (tmp_path / "doubts.jsonl").write_text("\n".join(lines) + "\n", encoding="utf8")
    benchmark.score(planted, benchmark.read_doubts(tmp_path / "doubts.jsonl", docs), docs)
    said = capsys.readouterr().out
    n_type = sum(error.kind == "type" for error in planted)
    assert f"planted type: {n_type}, doubted 1, with what was there before 1" in said
    assert f"planted: {len(planted)}, doubted 2, with what was there before 2" in said
    assert "doubts, type: 2, planted 1" in said and "doubts, missing: 1, planted 1" in said
