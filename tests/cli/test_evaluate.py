import json
import os
import sys

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from typer.testing import CliRunner

from spacy_ssner.cli import debug_data, render  # noqa: F401
from spacy_ssner.cli._app import ssner_app
from spacy_ssner.cli.evaluate import EvaluateSettings, evaluate
from spacy_ssner.evaluation.prediction import count_parameters
from spacy_ssner.files import checksum
from spacy_ssner.layers.torch_tagger import network_of
from spacy_ssner.lexicon.lexicon import Lexicon, Name

PATTERNS = [{"label": "HackOrg", "pattern": "Cozy Bear"}, {"label": "Tool", "pattern": "nmap"}]


@pytest.fixture
def pipeline(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns(PATTERNS)
    nlp.to_disk(tmp_path / "pipeline")
    return tmp_path / "pipeline"


def save(path, *docs):
    DocBin(docs=docs).to_disk(path)
    return path


def annotated(text, *ents):
    doc = spacy.blank("en")(text)
    doc.ents = [doc.char_span(text.index(s), text.index(s) + len(s), label=label) for s, label in ents]
    return doc


@pytest.fixture
def data(tmp_path):
    return save(
        tmp_path / "test.spacy",
        annotated("Cozy Bear ran nmap.", ("Cozy Bear", "HackOrg"), ("nmap", "SamFile")),
        annotated("Cozy Bear and Fancy Bear.", ("Cozy Bear", "HackOrg"), ("Fancy Bear", "HackOrg")),
        annotated("Nothing here."),
    )


def run(*args):
    return CliRunner().invoke(ssner_app, ["evaluate", *map(str, args)])


def test_table_and_json(pipeline, data, tmp_path):
    train = save(tmp_path / "train.spacy", annotated("cozy bear", ("cozy bear", "HackOrg")))
    out = tmp_path / "out" / "metrics.json"
    result = run(pipeline, data, "--output", out, "--train", train, "--batch-size", 1)
    assert result.exit_code == 0, result.output
    for word in ("micro", "macro", "HackOrg", "unseen in train", "words per second", "66.67"):
        assert word in result.output
    scores = json.loads(out.read_text(encoding="utf8"))
    assert {k: scores["micro"][k] for k in ("tp", "fp", "fn", "support")} == dict(tp=2, fp=1, fn=2, support=4)
    assert scores["per_type"]["HackOrg"]["recall"] == pytest.approx(2 / 3)
    assert scores["subsets"]["unseen_in_train"]["micro"]["support"] == 2
    assert scores["subsets"]["seen_in_train"]["micro"]["tp"] == 2
    assert scores["settings"] == {
        "pipeline": str(pipeline),
        "data": str(data),
        "train": str(train),
        "gpu_id": -1,
        "batch_size": 1,
        "gold_preproc": False,
        "raw": False,
        "lexicon": None,
    }
    assert scores["versions"]["spacy"] == spacy.__version__
    assert scores["pipeline"]["components"] == ["entity_ruler"]
    sizes = {"docs": 3, "sentences": 3, "tokens": 14, "entities": 4, "missing_tokens": 0}
    assert scores["data"] == {**sizes, "unknown_types": {"SamFile": 1}, "sha256": checksum(data)}
    assert "1 of 4 gold entities are of types that the pipeline does not have" in " ".join(
        result.output.split()
    )
    assert scores["mistakes"]["type"] == scores["confusion"]["SamFile"]["Tool"] == 1
    assert scores["matching"]["ent_type"]["correct"] == 2
    assert scores["sentence_counts"]["all"] == {"tp": "1 1 0", "fp": "1 0 0", "fn": "1 1 0"}
    assert scores["speed"]["words"] == 14 and scores["speed"]["words_per_second"] > 0


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_equals_spacy_for_any_batching(pipeline, data, batch_size):
    from spacy.training import Corpus

    nlp = spacy.load(pipeline)
    expected = nlp.evaluate(list(Corpus(data)(nlp)))
    scores = evaluate(EvaluateSettings(str(pipeline), str(data), batch_size=batch_size))
    assert scores["micro"]["f1"] == pytest.approx(expected["ents_f"])
    for label, row in scores["per_type"].items():
        assert row["f1"] == pytest.approx(expected["ents_per_type"][label]["f"])


def test_gold_tokens_are_kept_without_known_spaces_and_on_demand(pipeline, tmp_path):
    vocab = spacy.blank("en").vocab
    words, ents = ["Cozy", "Bear", "(nmap)"], ["B-HackOrg", "I-HackOrg", "O"]
    unknown = save(tmp_path / "unknown.spacy", Doc(vocab, words=words, ents=ents))
    known = save(tmp_path / "known.spacy", Doc(vocab, words=words, spaces=[True, True, False], ents=ents))
    assert evaluate(EvaluateSettings(str(pipeline), str(unknown)))["micro"]["fp"] == 0
    assert evaluate(EvaluateSettings(str(pipeline), str(known)))["micro"]["fp"] == 1
    gold = EvaluateSettings(str(pipeline), str(known), gold_preproc=True)
    assert evaluate(gold)["micro"]["fp"] == 0
    assert run(pipeline, known, "-G").exit_code == 0


def test_missing_annotation_is_ignored_and_said(pipeline, tmp_path):
    vocab = spacy.blank("en").vocab
    doc = Doc(vocab, words=["nmap", "and", "nmap"], ents=["", "O", "B-Tool"])
    result = run(pipeline, save(tmp_path / "a.spacy", doc))
    assert "1 of 3 tokens are not annotated; 1 predictions" in result.output
    assert "100.00" in result.output


def test_a_folder_is_no_file_to_write(pipeline, data, tmp_path):
    result = run(pipeline, data, "--output", tmp_path)
    assert result.exit_code == 2 and "directory" in result.output
    (tmp_path / "file").write_text("")
    result = run(
        pipeline, data, "--output", tmp_path / "file" / "scores.json"
    )  # found out when it is written
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)


def test_folder_of_data(pipeline, data):
    assert run(pipeline, data.parent).exit_code == 0


def test_data_without_an_entity(pipeline, tmp_path):
    result = run(pipeline, save(tmp_path / "a.spacy", annotated("Nothing here.")))
    assert result.exit_code == 0 and "holds no entity" in result.output


@Language.component("ssner_test_evaluate_picky")
def picky(doc):
    if doc[0].text == "Nothing":
        raise ValueError("no")
    return doc


def test_dropped_documents_do_not_shift_the_others(tmp_path, data):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns(PATTERNS)
    nlp.add_pipe("ssner_test_evaluate_picky", first=True)
    nlp.set_error_handler(lambda *args: None)
    from spacy_ssner.evaluation.metrics import score_entities
    from spacy_ssner.evaluation.prediction import predict, read_examples

    examples = read_examples(data, nlp)[::-1]
    with pytest.warns(UserWarning, match="SW272.*2 of 3"):
        docs, _ = predict(nlp, examples)
    assert [len(doc.predicted) for doc in docs] == [0, 1, 2]
    assert score_entities(docs).micro.tp == 2


def test_pipeline_that_is_none(data, tmp_path):
    result = run(tmp_path / "nowhere", data)
    assert result.exit_code == 1 and "S270" in result.output


def test_pipeline_without_entities(data, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "empty")
    result = run(tmp_path / "empty", data)
    assert result.exit_code == 1 and "S271" in result.output


def test_data_that_cannot_be_used(pipeline, tmp_path):
    vocab = spacy.blank("en").vocab
    (tmp_path / "bad.spacy").write_bytes(b"nothing of the kind")
    save(tmp_path / "empty.spacy")
    save(tmp_path / "plain.spacy", Doc(vocab, words=["a"]))
    codes = {"bad": "S235", "none": "S273", "empty": "S272", "plain": "S275"}
    for name, code in codes.items():
        result = run(pipeline, tmp_path / f"{name}.spacy")
        assert result.exit_code == 1 and code in result.output, name
    good = save(tmp_path / "good.spacy", annotated("nmap", ("nmap", "Tool")))
    assert "S273" in run(pipeline, good, "--train", tmp_path / "none.spacy").output


def test_gpu_that_is_not_there(pipeline, data):
    assert "S276" in run(pipeline, data, "--gpu-id", "99").output


def test_raw_text_goes_through_the_tokenizer(pipeline, tmp_path):
    """Gold tokens of unknown spacing are joined by spaces and cut anew: here the brackets fall off."""
    vocab = spacy.blank("en").vocab
    words, ents = ["Cozy", "Bear", "(nmap)"], ["B-HackOrg", "I-HackOrg", "B-Tool"]
    data = save(tmp_path / "gold.spacy", Doc(vocab, words=words, ents=ents))
    gold, raw = (evaluate(EvaluateSettings(str(pipeline), str(data), raw=raw)) for raw in (False, True))
    assert [gold["micro"][k] for k in ("tp", "fp", "fn")] == [1, 0, 1]
    assert [raw["micro"][k] for k in ("tp", "fp", "fn")] == [1, 1, 1]  # "nmap" is not "(nmap)"
    assert raw["mistakes"]["boundary"] == 1 and raw["subsets"]["length_1"]["micro"]["support"] == 1
    result = run(pipeline, data, "--raw", "-G")
    assert result.exit_code == 1 and "S290" in result.output


def test_lookup_instead_of_a_pipeline(tmp_path):
    train = save(tmp_path / "train.spacy", annotated("The nmap scan.", ("nmap", "Tool")))
    data = save(tmp_path / "test.spacy", annotated("An NMAP scan.", ("NMAP", "Tool")))
    result = run(f"lookup:{train}", data)
    assert result.exit_code == 0 and "100.00" in result.output
    lexicon = tmp_path / "names.lex"
    Lexicon([Name("Sandcat", "actor")]).to_disk(lexicon)
    assert run(f"lookup:{train}", data, "--lexicon", lexicon).exit_code == 0
    assert "S285" in run("en_pipeline", data, "--lexicon", lexicon).output
    assert "S267" in run(f"lookup:{train}", data, "--lexicon", data).output
    assert "S273" in run("lookup:none.spacy", data).output


def test_plot(pipeline, data, tmp_path):
    result = run(pipeline, data, "--plot", tmp_path / "deep" / "scores.png")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "deep" / "scores.png").read_bytes().startswith(b"\x89PNG")


def test_plot_without_matplotlib_is_refused_before_the_work(pipeline, data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run(pipeline, data, "--plot", tmp_path / "scores.png")
    assert result.exit_code == 1 and "S299" in result.output and "micro" not in result.output


@pytest.mark.parametrize("option", ["--plot", "--output"])
def test_outputs_that_cannot_be_written_are_refused_before_the_work(
    pipeline, data, tmp_path, monkeypatch, option
):
    (tmp_path / "folder.png").mkdir()
    result = run(pipeline, data, option, tmp_path / "folder.png")
    assert result.exit_code != 0 and "directory" in result.output and "micro" not in result.output
    result = run(pipeline, data, option, data / "scores.png")
    assert result.exit_code == 1 and "S289" in result.output and "micro" not in result.output
    monkeypatch.setattr("os.access", lambda path, mode: not mode & os.W_OK)  # root may write anywhere
    result = run(pipeline, data, option, tmp_path / "new" / "scores.png")
    assert result.exit_code == 1 and "Permission denied" in result.output and "micro" not in result.output
    assert run(pipeline, data, option, "/dev/null").exit_code == 0  # written to, not replaced


def test_parameters_are_counted_once(make_nlp):
    nlp = make_nlp()
    model = nlp.get_pipe("ssner").model
    network = sum(w.numel() for w in network_of(model.get_ref("tagger")).parameters())
    cnn = sum(node.get_param(name).size for node in model.walk() for name in node.param_names)
    assert count_parameters(nlp) == network + cnn > network > 0
    assert count_parameters(spacy.blank("en")) == 0


def test_jsonl_is_scored_by_exact_characters(pipeline, tmp_path):
    """What does not fit the tokens counts as overlooked, what is predicted in its place as wrong."""
    text = "Cozy Bear ran nmap-like tools. nmap"
    found = [(0, 9, "HackOrg"), (14, 18, "Tool"), (31, 35, "Tool"), (19, 20, "Tool")]
    spans = [{"start": start, "end": end, "label": label} for start, end, label in found]
    path, out = tmp_path / "a.jsonl", tmp_path / "out.json"
    path.write_text(json.dumps({"text": text, "spans": spans}) + "\n", encoding="utf8")
    for options in ([], ["--raw"]):
        result = run(pipeline, path, "--output", out, *options)
        assert result.exit_code == 0, result.output
        assert "1 of 4 gold entities do not fit" in " ".join(result.output.split())
        scores = json.loads(out.read_text(encoding="utf8"))
        assert {k: scores["micro"][k] for k in ("tp", "fp", "fn")} == dict(tp=3, fp=0, fn=1)
        assert scores["data"]["misaligned"] == 1 and scores["data"]["missing_tokens"] == 0
    assert run(pipeline, path, "-G").exit_code == 1


def test_raw_uses_the_tokenizer_of_the_pipeline(tmp_path):
    """The same text, the same rule: only the tokenizer decides whether the indicator can be found."""
    path = tmp_path / "a.jsonl"
    file = "C:\\Program Files\\a.exe"  # one token of ours, two of spaCy's
    span = {"start": 4, "end": 4 + len(file), "label": "SamFile"}
    path.write_text(json.dumps({"text": f"See {file}.", "spans": [span]}) + "\n", encoding="utf8")
    for tokenizer, n_right in (("spacy-ssner.CTITokenizer.v1", 1), ("spacy.Tokenizer.v1", 0)):
        nlp = spacy.blank("en", config={"nlp": {"tokenizer": {"@tokenizers": tokenizer}}})
        nlp.add_pipe("entity_ruler").add_patterns([{"label": "SamFile", "pattern": [{"ORTH": file}]}])
        nlp.to_disk(tmp_path / tokenizer)
        scores = evaluate(EvaluateSettings(str(tmp_path / tokenizer), str(path), raw=True))
        assert scores["micro"]["tp"] == n_right and scores["micro"]["fn"] == 1 - n_right


@pytest.mark.parametrize("option", ["--output", "--plot"])
def test_no_figures_are_written_over_the_data(pipeline, data, tmp_path, option):
    train = save(tmp_path / "train.spacy", annotated("cozy bear", ("cozy bear", "HackOrg")))
    before = {path: path.read_bytes() for path in (data, train)}
    for path in before:
        result = run(pipeline, data, "--train", train, option, path)
        assert result.exit_code == 1 and "S213" in result.output
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("option", ["--output", "--plot"])
def test_a_folder_that_cannot_be_made_is_told_before_the_work(pipeline, data, tmp_path, option):
    (tmp_path / "file").touch()
    result = run(pipeline, data, option, tmp_path / "file" / "out")
    assert result.exit_code == 1 and "S289" in result.output and "Overall" not in result.output


@pytest.mark.parametrize("options", [[], ["--gold-preproc"], ["--raw"]])
def test_suffix_in_capitals(pipeline, data, tmp_path, options):
    out = tmp_path / "out.json"
    result = run(pipeline, data.rename(tmp_path / "TEST.SPACY"), "--output", out, *options)
    assert result.exit_code == 0, result.output
    scores = json.loads(out.read_text(encoding="utf8"))["micro"]
    assert {k: scores[k] for k in ("tp", "fp", "fn")} == dict(tp=2, fp=1, fn=2)
