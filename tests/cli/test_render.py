import json
import re

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import SpanGroup
from typer.testing import CliRunner

from spacy_ssner.cli import debug_data, evaluate, render  # noqa: F401
from spacy_ssner.cli._app import ssner_app
from spacy_ssner.cli.render import entity_labels, parse_types

PATTERNS = [
    {"label": "HackOrg", "pattern": "APT28"},
    {"label": "Tool", "pattern": [{"LOWER": "mimikatz"}]},
]


@Language.component("ssner_test_render_scores")
def add_scores(doc):
    scores = np.array([0.9 if ent.label_ == "HackOrg" else 0.3 for ent in doc.ents])
    doc.spans["ssner"] = SpanGroup(doc, spans=list(doc.ents), attrs={"scores": scores})
    return doc


@pytest.fixture
def pipeline(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns(PATTERNS)
    nlp.to_disk(tmp_path / "pipeline")
    return tmp_path / "pipeline"


@pytest.fixture
def scored_pipeline(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns(PATTERNS)
    nlp.add_pipe("ssner_test_render_scores")
    nlp.to_disk(tmp_path / "scored")
    return tmp_path / "scored"


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "report.txt"
    path.write_text("APT28 ran Mimikatz.\n<script>alert(1)</script>\n", encoding="utf8")
    return path


def run(*args, **kwargs):
    return CliRunner().invoke(ssner_app, ["render", *map(str, args)], **kwargs)


def legend(path):
    html = path.read_text(encoding="utf8")
    return dict(re.findall(r'data-type="(\w+)">.*?class="count">(\d+)<', html))


def test_the_title_names_some_of_many_texts(pipeline, tmp_path):
    path, out = tmp_path / "a.jsonl", tmp_path / "a.html"
    path.write_text("".join(json.dumps({"text": f"text {i}"}) + "\n" for i in range(1200)), encoding="utf8")
    assert run(pipeline, path, out).exit_code == 0
    shown = ", ".join(f"a.jsonl:{i}" for i in range(1, 6))
    html = out.read_text(encoding="utf8")
    assert f"<title>{shown} and 1,195 more</title>" in html and "<h2>" in html


def test_file_to_page(pipeline, report, tmp_path):
    out = tmp_path / "pages" / "out.html"
    result = run(pipeline, report, out, "--title", "Bears & co")
    assert result.exit_code == 0, result.output
    html = out.read_text(encoding="utf8")
    assert legend(out) == {"HackOrg": "1", "Tool": "1"}
    assert "<title>Bears &amp; co</title>" in html and "<script>" not in html
    assert "2 entities" in result.output
    assert [p.name for p in out.parent.iterdir()] == ["out.html"]


def test_standard_input(pipeline, tmp_path):
    out = tmp_path / "out.html"
    result = run(pipeline, "-", out, input="APT28 — наш\r\n".encode())
    assert result.exit_code == 0, result.output
    html = out.read_text(encoding="utf8")
    assert " — наш<br>" in html and "<title>standard input</title>" in html
    assert run(pipeline, "-", "-", out, input=b"APT28 again").exit_code == 0  # it can be read once
    assert "again" in out.read_text(encoding="utf8")


def test_several_files_are_sections(pipeline, report, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("Mimikatz")
    out = tmp_path / "out.html"
    assert run(pipeline, report, other, out).exit_code == 0
    headings = re.findall("<h2>(.*?)</h2>", out.read_text(encoding="utf8"))
    assert headings == [str(report), str(other)]
    assert legend(out) == {"HackOrg": "1", "Tool": "2"}


def test_scores_types_and_min_score(scored_pipeline, report, tmp_path):
    out = tmp_path / "out.html"
    assert run(scored_pipeline, report, out).exit_code == 0
    assert '<span class="score">0.90</span>' in out.read_text(encoding="utf8")
    assert run(scored_pipeline, report, out, "--no-scores").exit_code == 0
    assert 'class="score"' not in out.read_text(encoding="utf8")
    assert run(scored_pipeline, report, out, "--min-score", "0.5").exit_code == 0
    assert legend(out) == {"HackOrg": "1"}
    assert run(scored_pipeline, report, out, "--types", "tool, ").exit_code == 0
    assert legend(out) == {"Tool": "1"}


def test_min_score_without_scores_warns_once(pipeline, report, tmp_path):
    with pytest.warns(UserWarning, match="SW271.*2 of 2") as caught:
        result = run(pipeline, report, tmp_path / "out.html", "--min-score", "0.5")
    assert result.exit_code == 0 and len(caught) == 1
    assert legend(tmp_path / "out.html") == {"HackOrg": "1", "Tool": "1"}


@pytest.mark.parametrize("types", ["HackOrg,Nope", ",", "Hack Org"])
def test_unknown_types(pipeline, report, tmp_path, types):
    result = run(pipeline, report, tmp_path / "out.html", "--types", types)
    assert result.exit_code == 1 and "S277" in result.output
    assert not (tmp_path / "out.html").exists()


def test_labels_come_from_components_that_set_entities(pipeline):
    nlp = spacy.load(pipeline)
    nlp.add_pipe("span_ruler").add_patterns([{"label": "Other", "pattern": "x"}])
    assert entity_labels(nlp) == {"HackOrg", "Tool"}
    assert parse_types("hackorg,TOOL", known={"HackOrg", "Tool", "TOOL"}) == {"HackOrg", "Tool", "TOOL"}


@pytest.mark.parametrize("name", ["missing", "folder", "report.txt"])
def test_pipeline_that_is_none(report, tmp_path, name):
    (tmp_path / "folder").mkdir()
    result = run(tmp_path / name, report, tmp_path / "out.html")
    assert result.exit_code == 1 and "S270" in result.output and "Traceback" not in result.output


def test_pipeline_without_entities(report, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "pipeline")
    result = run(tmp_path / "pipeline", report, tmp_path / "out.html")
    assert result.exit_code == 1 and "S271" in result.output and "sentencizer" in result.output


def test_long_text(pipeline, report, tmp_path):
    out = tmp_path / "out.html"
    result = run(pipeline, report, out, "--max-length", "10")
    assert result.exit_code == 1 and "S278" in result.output and str(report) in result.output
    long = tmp_path / "long.txt"
    long.write_text("word " * 200_001)
    assert "S278" in run(pipeline, long, out).output
    assert run(pipeline, long, out, "--max-length", "2000000").exit_code == 0


def test_output_name(pipeline, report, tmp_path):
    before = report.read_bytes()
    page = tmp_path / "page.html"
    page.write_text("APT28")
    for args in ([report, report], [report, tmp_path / "out.txt"], [page, page]):
        result = run(pipeline, *args)
        assert result.exit_code == 1 and "S279" in result.output
    assert report.read_bytes() == before and page.read_text() == "APT28"


def test_missing_input_and_bad_score(pipeline, report, tmp_path):
    assert "S280" in run(pipeline, tmp_path / "none.txt", tmp_path / "out.html").output
    assert "S282" in run(pipeline, report, tmp_path / "out.html", "--min-score", "50").output


def test_non_utf8_text(pipeline, tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"APT28 caf\xe9")
    with pytest.warns(UserWarning, match="SW270"):
        result = run(pipeline, path, tmp_path / "out.html")
    assert result.exit_code == 0 and legend(tmp_path / "out.html") == {"HackOrg": "1"}


@pytest.mark.parametrize("text", ["", " \n\t", "x", "\x00\u200b\u202e"])
def test_odd_texts(pipeline, tmp_path, text):
    path = tmp_path / "odd.txt"
    path.write_text(text, encoding="utf8")
    result = run(pipeline, path, tmp_path / "out.html")
    assert result.exit_code == 0, result.output
    assert "No entities." in (tmp_path / "out.html").read_text(encoding="utf8")


def test_a_page_that_is_not_ours_stays(pipeline, report, tmp_path):
    page = tmp_path / "saved.html"
    page.write_text("<html><body>APT29</body></html>")
    result = run(pipeline, report, page)
    assert result.exit_code == 1 and "S279" in result.output and "APT29" in page.read_text()
    out = tmp_path / "out.html"
    for _ in range(2):  # one of ours is replaced
        assert run(pipeline, report, out).exit_code == 0


def test_a_name_that_is_no_utf8(pipeline, tmp_path):
    path = tmp_path / "caf\udce9.txt"  # a byte of Latin-1
    path.write_text("APT29")
    result = run(pipeline, path, tmp_path / "out.html")
    assert result.exit_code == 0, result.output
    assert "caf\ufffd.txt" in (tmp_path / "out.html").read_text(encoding="utf8")


def test_gpu_that_is_not_there(pipeline, report, tmp_path):
    result = run(pipeline, report, tmp_path / "out.html", "--gpu-id", "99")
    assert result.exit_code == 1 and "S276" in result.output


def test_json_lines_are_sections(pipeline, tmp_path):
    path, page = tmp_path / "a.JSONL", tmp_path / "page.html"
    path.write_text('{"text": "APT28 was here."}\n\n{"text": "So was mimikatz.", "id": 7}\n', encoding="utf8")
    result = run(pipeline, path, page)
    assert result.exit_code == 0 and "2 entities of 2 text(s)" in result.output
    html = page.read_text(encoding="utf8")
    assert "a.JSONL:1" in html and "a.JSONL:3" in html and '"text"' not in html
    path.write_text('{"text": "APT28"}\n{"body": "APT28"}\n', encoding="utf8")
    result = run(pipeline, path, tmp_path / "other.html")
    assert result.exit_code == 1 and result.output.count("S280") == 1 and "a.JSONL:2" in result.output
    assert not (tmp_path / "other.html").exists()
