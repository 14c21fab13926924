"""Lines of JSONL: what is written is read again."""

import json

from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.corpus.records import CharSpan, TextRecord, parse_record, write_record
from spacy_ssner.corpus.report import Report

PLACE = ((0, 4),)


@st.composite
def records(draw):
    text = draw(st.text(st.characters(exclude_categories=["Cs", "Z", "C"]), min_size=1, max_size=30))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    pairs = list(zip(cuts, cuts[1:]))
    labels = draw(st.lists(st.sampled_from(["A", "B", None]), min_size=len(pairs), max_size=len(pairs)))
    spans = tuple(CharSpan(a, b, label) for (a, b), label in zip(pairs, labels) if label)
    missing = tuple(pair for pair, label in zip(pairs, labels) if not label)
    meta = draw(st.sampled_from([None, {"id": 1}]))
    return TextRecord(text, spans, "f", PLACE, missing, meta)


@given(records())
def test_round_trip(record):
    report = Report()
    assert parse_record(write_record(record), "f", 4, report=report) == record
    assert not report.repairs


def test_what_is_written():
    record = TextRecord("ab ü", (CharSpan(0, 2, "A"),), "f", PLACE)
    assert write_record(record) == '{"text": "ab ü", "spans": [{"start": 0, "end": 2, "label": "A"}]}'
    assert "spans" not in json.loads(write_record(TextRecord("a", None, "f", PLACE)))


def test_lines_of_offsets():
    record = TextRecord("ab\ncd", (), "f", ((0, 7), (3, 9)))
    assert [record.line_of(i) for i in range(5)] == [7, 7, 7, 9, 9]
