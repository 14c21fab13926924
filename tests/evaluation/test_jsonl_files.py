"""JSONL as reference: exact spans, whatever the tokens are."""

import json

import pytest
import spacy

from spacy_ssner.evaluation.jsonl_files import read_references
from spacy_ssner.evaluation.metrics import char_entities, scored_doc
from spacy_ssner.evaluation.prediction import count_misfits, read_examples


@pytest.fixture
def nlp():
    return spacy.blank("en")


def write(tmp_path, *records):
    path = tmp_path / "a.jsonl"
    lines = (record if isinstance(record, str) else json.dumps(record) for record in records)
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    return path


def record(text, *spans, **more):
    return {"text": text, "spans": [{"start": a, "end": b, "label": label} for a, b, label in spans], **more}


def test_exact_spans_stay_and_fitting_ones_are_entities(tmp_path, nlp):
    path = write(tmp_path, record("APT28 used CVE-2017-0144.", (0, 3, "A"), (0, 5, "B"), (15, 24, "C")))
    with pytest.warns(UserWarning, match=r"SW273.*1 spans.*line 1: overlap 'APT'"):
        (doc,) = read_references(path, nlp)
    assert [tuple(span) for span in char_entities(doc)] == [(0, 5, "B"), (15, 24, "C")]
    assert [ent.text for ent in doc.ents] == ["APT28"]
    assert all(token.ent_iob != 0 for token in doc)


def test_missing_stretches_and_unannotated_texts(tmp_path, nlp):
    path = write(tmp_path, record("a b c", (0, 1, "A"), missing=[[0, 3]]), {"text": "x y"}, "", record("z"))
    first, second, third = read_references(path, nlp)
    assert [token.ent_iob for token in first] == [3, 0, 2]
    assert [token.ent_iob for token in second] == [0, 0]
    assert [token.ent_iob for token in third] == [2]


@pytest.mark.parametrize(
    "lines,code",
    [(["no json"], "S274.*:1"), ([""], "S272"), ([{"text": "a"}], "S275"), ([record("")], "S274")],
)
def test_files_that_say_nothing(tmp_path, nlp, lines, code):
    with pytest.raises(ValueError, match=code):
        read_references(write(tmp_path, *lines), nlp)


def test_a_misfit_is_overlooked_and_what_is_found_there_is_wrong(tmp_path, nlp):
    path = write(tmp_path, record("the PlugX-like tool", (4, 9, "Tool"), (15, 19, "Tool")))
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "Tool", "pattern": p} for p in ("PlugX", "tool")])
    nlp.tokenizer = spacy.tokenizer.Tokenizer(nlp.vocab)  # cuts at blanks
    (example,) = read_examples(path, nlp)
    assert count_misfits(example) == 1
    scored = scored_doc(example, raw=True)
    assert [tuple(span) for span in scored.gold] == [(4, 9, "Tool"), (15, 19, "Tool")]
    assert not scored.missing


def test_references_are_cut_alike_for_every_pipeline(tmp_path, nlp):
    """Two pipelines that cut otherwise are compared sentence by sentence."""
    path = write(tmp_path, record("It used malware. The tool failed.", (8, 15, "Tool"), (21, 25, "Tool")))
    (usual,) = read_examples(path, nlp, raw=True)
    nlp.tokenizer = spacy.tokenizer.Tokenizer(nlp.vocab)  # cuts at blanks
    (other,) = read_examples(path, nlp, raw=True)
    assert len(usual.predicted) == 8 and len(other.predicted) == 6
    assert [token.text for token in other.reference] == [token.text for token in usual.reference]
    assert count_misfits(usual) == 0 and count_misfits(other) == 1
    (own,) = read_examples(path, nlp)
    assert len(own.reference) == 6


def test_a_text_above_spacys_limit_is_read(tmp_path, nlp):
    nlp.max_length = 10
    path = write(tmp_path, record("It used PlugX again.", (8, 13, "Tool")))
    for raw in (False, True):
        (example,) = read_examples(path, nlp, raw=raw)
        assert example.predicted.text == "It used PlugX again."
