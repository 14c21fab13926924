import json

import pytest

from spacy_ssner.corpus.report import RULES, Report


def test_report_counts_places_and_json():
    report = Report()
    assert report.table() == "" and report.counts() == {}
    report.add("unknown-tag", "a.txt", 3, "x PROT")
    report.add("encoding", "a.txt", 1, "y")
    report.add("unknown-tag", "b.txt", 7, "z" * 100)
    assert report.counts() == {"encoding": 1, "unknown-tag": 2}
    table = report.table()
    assert "a.txt:3: 'x PROT'" in table and "zzz..." in table and RULES["encoding"].text in table
    data = json.loads(json.dumps(report.to_dict()))
    assert data["unknown-tag"]["count"] == 2
    assert data["unknown-tag"]["places"][0] == {"file": "a.txt", "line": 3, "text": "x PROT"}


def test_strict_stops_at_faults_only():
    report = Report(strict=True)
    report.add("blank-lines", "a.txt", 3, "")
    with pytest.raises(ValueError, match=r"S221.*a\.txt:4.*'x'"):
        report.add("unknown-tag", "a.txt", 4, "x")
    assert report.counts() == {"blank-lines": 1}
