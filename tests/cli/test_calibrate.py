"""`calibrate` on a small trained pipeline: what is printed, saved and refused."""

import json

import pytest
import spacy
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_ssner.cli import calibrate  # noqa: F401
from spacy_ssner.cli._app import ssner_app
from spacy_ssner.evaluation.confidence import SpanConfidence, judge
from spacy_ssner.evaluation.prediction import read_examples
from spacy_ssner.types import ScoredSpan


def run(*args):
    return CliRunner().invoke(ssner_app, ["calibrate", *map(str, args)])


@pytest.fixture(scope="module")
def dev(tmp_path_factory, trained_path):
    """What the pipeline predicts as gold, but two of six documents without their entities: two thirds are right."""
    nlp = spacy.load(trained_path)
    texts = ["APT29 used Mimikatz against Acme Corp in Kyiv.", "The group Lazarus dropped Emotet."] * 3
    docs = [nlp.make_doc(text) for text in texts]
    for i, doc in enumerate(docs):
        doc.set_ents([] if i < 2 else copied(nlp, doc), default="outside")
    path = tmp_path_factory.mktemp("dev") / "dev.spacy"
    DocBin(docs=docs).to_disk(path)
    return path


def copied(nlp, doc):
    return [doc.char_span(e.start_char, e.end_char, label=e.label_) for e in nlp(doc.text).ents]


def test_saves_the_temperature_and_keeps_the_entities(trained_path, dev, tmp_path):
    pytest.importorskip("matplotlib")
    out, plot, figures = tmp_path / "out", tmp_path / "p" / "r.png", tmp_path / "all.json"
    result = run(trained_path, dev, out, "--test", dev, "--plot", plot, "--output", figures)
    assert result.exit_code == 0, result.output
    for word in ("Temperature", "ECE", "dev before", "test after", "errors caught", "F1"):
        assert word in result.output
    found = json.loads(figures.read_text(encoding="utf8"))
    temperature = found["temperature"]["after"]
    assert found["temperature"]["before"] == 1.0 and temperature > 1.0  # sure of all, and a third is wrong
    before, after = (found["splits"]["dev"][when] for when in ("before", "after"))
    assert after["loss"] < before["loss"]
    assert before["n_predicted"] == after["n_predicted"] and before["n_wrong"] == after["n_wrong"] > 0
    assert plot.read_bytes().startswith(b"\x89PNG")
    old, new = spacy.load(trained_path), spacy.load(out)
    assert new.get_pipe("ssner").cfg["temperature"] == temperature
    text = "APT29 used Mimikatz against Acme Corp in Kyiv."
    one, other = old(text), new(text)
    assert [(e.start, e.end, e.label_) for e in one.ents] == [(e.start, e.end, e.label_) for e in other.ents]
    assert all(b._.ssner_score < a._.ssner_score for a, b in zip(one.ents, other.ents))


@pytest.mark.parametrize("expected_f1", [0.0, 0.3])
def test_scores_are_those_of_the_pipeline(trained, dev, expected_f1):
    examples = read_examples(dev, trained)
    confidence = SpanConfidence(trained, "ssner", examples)
    for temperature in (1.0, 3.0, 8.0):
        trained.get_pipe("ssner").cfg.update(temperature=temperature, expected_f1=expected_f1)
        docs = [trained(eg.predicted.copy()) for eg in examples]
        expected = [e._.ssner_score for doc in docs for e in doc.ents]
        found = confidence.at(temperature, expected_f1)
        assert found.scores.tolist() == pytest.approx(expected, abs=1e-5)
        gold = [{(e.start, e.end, e.label_) for e in eg.reference.ents} for eg in examples]
        right = [(e.start, e.end, e.label_) in spans for doc, spans in zip(docs, gold) for e in doc.ents]
        assert found.right.tolist() == right and len(set(right)) == 2


def test_expected_f1_is_what_the_saved_pipeline_reaches(trained_path, dev, tmp_path):
    result = run(trained_path, dev, tmp_path / "out", "--expected-f1", "--output", tmp_path / "all.json")
    assert result.exit_code == 0 and "Expected F1" in result.output, result.output
    found = json.loads((tmp_path / "all.json").read_text(encoding="utf8"))["expected_f1"]
    nlp = spacy.load(tmp_path / "out")
    assert found["before"] == 0.0 and nlp.get_pipe("ssner").cfg["expected_f1"] == found["after"]
    scores = nlp.evaluate(read_examples(dev, nlp))
    assert found["after"] == pytest.approx(scores["ents_f"], abs=0.002) and found["after"] > 0.5
    again = run(tmp_path / "out", dev, tmp_path / "out", "--force")
    assert again.exit_code == 0 and "Expected F1" in again.output  # a pipeline that has one gets a new one


def test_judge_ignores_what_touches_tokens_without_annotation():
    from spacy.tokens import Doc
    from spacy.training import Example

    vocab = spacy.blank("en").vocab
    words = ["nmap", "and", "nmap", "nmap"]
    example = Example(Doc(vocab, words=words), Doc(vocab, words=words, ents=["B-Tool", "O", "", "O"]))
    spans = [ScoredSpan(i, i + 1, "Tool", 0.5) for i in (0, 2, 3)]
    assert judge(example, spans) == [True, None, False]


@pytest.mark.parametrize("overwrite", [False, True])
def test_gold_that_another_component_has_found_is_not_overlooked(trained_path, dev, overwrite):
    nlp = spacy.load(trained_path)
    nlp.get_pipe("ssner").cfg["overwrite_ents"] = overwrite
    examples = read_examples(dev, nlp)
    n_gold = sum(len(eg.reference.ents) for eg in examples)
    assert SpanConfidence(nlp, "ssner", examples).at(1.0).n_gold == n_gold
    ruler = nlp.add_pipe("entity_ruler", before="ssner")
    first, *_, last = [ent.text for eg in examples for ent in eg.reference.ents]
    ruler.add_patterns([{"label": "X", "pattern": text} for text in (first, f"{last}.")])
    texts = [ent.text for eg in examples for ent in eg.reference.ents]
    n_found = texts.count(first) + texts.count(last)
    found = SpanConfidence(nlp, "ssner", read_examples(dev, nlp)).at(1.0)
    assert found.n_gold == n_gold - (0 if overwrite else n_found) and n_found > 1


def test_gold_across_cells_of_a_table_is_overlooked(trained_path, tmp_path):
    nlp = spacy.load(trained_path)
    nlp.get_pipe("ssner").cfg["bars_in_entities"] = False
    doc = nlp.make_doc("APT29 | Lazarus | Mimikatz")
    doc.set_ents([doc.char_span(0, 15, label="Group"), doc.char_span(18, 26, label="Tool")])
    DocBin(docs=[doc]).to_disk(tmp_path / "dev.spacy")
    examples = read_examples(tmp_path / "dev.spacy", nlp)
    assert SpanConfidence(nlp, "ssner", examples).at(1.0).n_gold == 2


def test_gold_that_does_not_fit_the_tokens_is_overlooked(trained, tmp_path):
    path = tmp_path / "a.jsonl"
    spans = [{"start": 4, "end": 9, "label": "Tool"}, {"start": 15, "end": 19, "label": "Tool"}]
    path.write_text(json.dumps({"text": "the PlugX-like tool", "spans": spans}), encoding="utf8")
    trained.tokenizer = spacy.tokenizer.Tokenizer(trained.vocab)  # cuts at blanks
    assert SpanConfidence(trained, "ssner", read_examples(path, trained)).at(1.0).n_gold == 2


def test_refuses_what_cannot_be_calibrated(trained_path, dev, tmp_path):
    spacy.blank("en").to_disk(tmp_path / "blank")
    nlp, untrained = spacy.load(trained_path), tmp_path / "untrained"
    nlp.remove_pipe("ssner")
    nlp.add_pipe("ssner")
    nlp.to_disk(untrained)
    cases = [
        ((tmp_path / "blank", dev, tmp_path / "new"), "S306"),
        ((trained_path, dev, tmp_path / "new", "--component", "other"), "S306"),
        ((trained_path, dev, tmp_path / "blank"), "S308"),
        ((trained_path, dev, dev / "below" / "new"), "S289"),
        ((untrained, dev, tmp_path / "new"), "S110"),
        ((trained_path, dev, tmp_path / "new", "--output", dev), "S213"),
        ((trained_path, dev, tmp_path / "new", "--plot", dev), "S213"),
    ]
    for args, code in cases:
        result = run(*args)
        assert result.exit_code == 1 and code in result.output
        assert not (tmp_path / "new").exists()
