import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.corpus.jsonl import read_jsonl
from spacy_ssner.corpus.records import CharSpan, drop_overlaps, parse_spans
from spacy_ssner.corpus.report import Report
from spacy_ssner.corpus.source import Source


def read(*records, **options):
    report = Report()
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    return read_jsonl(Source("f.jsonl", "\n".join(lines).encode()), report=report, **options), report


def record(text, *spans, **more):
    return {"text": text, "spans": [{"start": s, "end": e, "label": label} for s, e, label in spans], **more}


def test_text_and_spans():
    text = "APT28  used\nX-Agent  against NATO. "
    (document,), report = read(record(text, (0, 5, "HackOrg"), (12, 19, "Tool"), meta={"id": 1}))
    joined = "".join(w + " " * s for w, s in zip(document.words, document.spaces))
    assert joined == text
    assert [(document.words[a], label) for a, b, label in document.mentions] == [
        ("APT28", "HackOrg"),
        ("X", "Tool"),
    ]
    assert document.meta == {"id": 1} and document.line == 1
    assert not report.repairs


def test_entities_as_lists():
    (document,), _ = read({"text": "APT28 hit", "entities": [[0, 5, "A"]]})
    assert document.tags == ("B-A", "O")


@pytest.mark.parametrize(
    "fields",
    [
        {"label": [[0, 5, "A"]]},
        {"labels": [[0, 5, "A"]], "label": []},
        {"entities": [{"id": 1, "label": "A", "start_offset": 0, "end_offset": 5}], "relations": []},
        {"spans": [{"start": 0, "end": 5, "label": "A", "token_start": 0}], "answer": "accept"},
    ],
)
def test_what_doccano_and_prodigy_write(fields):
    (document,), report = read({"text": "APT28 hit", **fields})
    assert document.tags == ("B-A", "O") and not report.repairs


@pytest.mark.parametrize(
    "fields", [{"answer": "reject"}, {"answer": "ignore"}, {"spans": None, "label": ["news"]}]
)
def test_what_nobody_annotated_has_no_label(fields):
    (document,), report = read({**record("APT28 hit", (0, 5, "A")), **fields})
    assert document.tags == (None, None) and report.counts() == {"no-annotation": 1}


def test_no_annotation_is_missing_and_no_entities_is_outside():
    (first, second), report = read({"text": "a b"}, {"text": "a b", "spans": []})
    assert first.tags == (None, None) and second.tags == ("O", "O")
    assert report.counts() == {"no-annotation": 1}


@pytest.mark.parametrize(
    "spans,tags,counts",
    [
        ([(0, 3, "A")], (None, "O", "O"), {"misaligned": 1}),
        ([(0, 6, "A")], ("B-A", "O", "O"), {"spaces-in-span": 1}),
        ([(0, 5, "A"), (0, 10, "B")], ("B-B", "I-B", "O"), {"overlap": 1}),
        ([(0, 5, "A"), (0, 5, "B")], ("B-A", "O", "O"), {"overlap": 1}),
        ([(0, 5, "A"), (3, 3, "B")], ("B-A", "O", "O"), {"bad-span": 1}),
        ([(0, 5, "A"), (6, 99, "B")], ("B-A", "O", "O"), {"bad-span": 1}),
        ([(-5, 5, "A")], ("O", "O", "O"), {"bad-span": 1}),
        ([(0, 5, "")], ("O", "O", "O"), {"bad-span": 1}),
        ([(0, "5", "A")], ("O", "O", "O"), {"bad-span": 1}),
        ([(5, 6, "A")], ("O", "O", "O"), {"bad-span": 1}),
    ],
)
def test_span_faults(spans, tags, counts):
    (document,), report = read(record("APT28 used malware", *spans))
    assert document.tags == tags
    assert report.counts() == counts
    assert {r.line for r in report.repairs} == {1}


def test_misaligned_spans_leave_their_neighbours_alone():
    text = "the malware APT28 ran"
    (document,), report = read(record(text, (0, 3, "C"), (4, 7, "A"), (8, 11, "B"), (12, 17, "D")))
    assert report.counts() == {"misaligned": 2}
    assert document.tags == ("B-C", None, "B-D", "O")


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[1]",
        '{"spans": []}',
        '{"text": 3}',
        '{"text": ""}',
        '{"text": "a", "spans": 3}',
        '{"text": "\\ud800"}',
    ],
)
def test_bad_records_are_skipped_and_counted(line):
    documents, report = read(line, record("good"))
    assert [d.words for d in documents] == [("good",)]
    assert [tuple(r) for r in report.repairs] == [("bad-record", "f.jsonl", 1, line)]
    with pytest.raises(ValueError, match="S229"):
        read(line)


def test_strict_names_the_line():
    data = json.dumps(record("fine")) + "\n\n" + json.dumps(record("APT28", (0, 3, "A")))
    with pytest.raises(ValueError, match=r"S221.*f\.jsonl:3.*misaligned"):
        read_jsonl(Source("f.jsonl", data.encode()), report=Report(strict=True))


def test_missing_stretches_have_no_label():
    (document,), report = read(
        record("APT28 used malware here", (0, 5, "A"), missing=[[3, 8], [22, 23], [-1, 2], [5, 6], 7])
    )
    assert document.tags == ("B-A", None, "O", None)
    assert not report.repairs


def test_indicators_are_one_token_by_default():
    (document,), _ = read(record("at hxxp://a[.]example now (CVE-2017-0144)", (3, 21, "Indicator")))
    assert document.words == ("at", "hxxp://a[.]example", "now", "(", "CVE-2017-0144", ")")
    assert document.tags[1] == "B-Indicator"


def test_neighbours_keep_their_own_labels():
    documents, _ = read(record("a b", (0, 1, "A")), "broken", record("a b", (2, 3, "B")))
    assert [d.tags for d in documents] == [("B-A", "O"), ("O", "B-B")]
    assert [d.line for d in documents] == [1, 3]


def test_parse_spans_odd_items():
    spans, faults = parse_spans("abc", [[0, 1], None, "x", [0, 1, "A", 4], [True, 2, "A"], {"start": 0}])
    assert spans == [] and len(faults) == 6


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6), st.sampled_from("AB"))))
def test_drop_overlaps(items):
    spans = [CharSpan(start, start + n, label) for start, n, label in items]
    kept, dropped = drop_overlaps(spans)
    assert sorted(kept + dropped) == sorted(spans)
    assert all(a.end <= b.start for a, b in zip(kept, kept[1:]))
    for span in dropped:
        rivals = [k for k in kept if k.start < span.end and span.start < k.end]
        assert any(k.end - k.start >= span.end - span.start for k in rivals)
