"""`label-errors` from the command line: errors planted in the sample corpus are found, and a stopped run goes on."""

import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_ssner.cli._app import ssner_app
from spacy_ssner.cli.convert import write_sentences
from spacy_ssner.corpus.convert import convert
from spacy_ssner.labels import spans_to_tags

ROOT = Path(__file__).parents[2]
WRONG = {"Area": "SamFile", "Time": "HackOrg", "SamFile": "Time"}
SMALL = {
    "components.ssner.model.tok2vec.width": 32,
    "components.ssner.model.tok2vec.depth": 2,
    "components.ssner.model.tok2vec.embed_size": 500,
    "training.max_steps": 150,
    "training.eval_frequency": 150,
    "training.optimizer.learn_rate": 0.01,
}


def run(*words):
    return CliRunner().invoke(ssner_app, [*map(str, words)])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Config, train with errors, dev, and the errors as (doc, first token, label)."""
    folder = tmp_path_factory.mktemp("label-errors")
    sentences, _ = convert(ROOT / "assets" / "sample" / "train.jsonl")
    planted, changed, rng = set(), [], random.Random(0)
    for number, sentence in enumerate(sentences, start=1):
        mentions = sentence.mentions
        for i, span in enumerate(mentions):
            if span.label in WRONG and rng.random() < 0.06:
                mentions[i] = span._replace(label=WRONG[span.label])
                planted.add((number, *mentions[i]))
        changed.append(replace(sentence, tags=tuple(spans_to_tags(mentions, len(sentence.words)))))
    write_sentences(changed, folder / "train.spacy")
    write_sentences(convert(ROOT / "assets" / "sample" / "dev.jsonl")[0], folder / "dev.spacy")
    small = (word for name, value in SMALL.items() for word in ("--set", f"{name}={value}"))
    off = "char_cnn,bilstm,similar_words,fusion"
    assert (
        run("variant", ROOT / "configs/ssner_cnn.cfg", folder / "a.cfg", "--off", off, *small).exit_code == 0
    )
    return folder / "a.cfg", folder / "train.spacy", folder / "dev.spacy", planted


def read_docs(path):
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


def read_doubts(path):
    return [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]


@pytest.mark.slow
def test_planted_errors_are_found(files, tmp_path):
    config, train, dev, planted = files
    words = ["label-errors", config, train, tmp_path / "out", "--folds", 2, "--jobs", 2, "--threads", 1]
    words += ["--paths.dev", dev]
    result = run(*words)
    assert result.exit_code == 0, result.output
    docs, records = read_docs(train), read_doubts(tmp_path / "out" / "doubts.jsonl")
    found, of_type = set(), Counter()
    for record in records:
        doc = docs[record["meta"]["doc"] - 1]
        assert record["text"] == doc.text
        spans = [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]
        assert [(s["start"], s["end"], s["label"]) for s in record["spans"]] == spans
        for doubt in record["doubts"]:
            span = doc.char_span(doubt["start"], doubt["end"])
            assert doubt["surface"] == span.text
            place = (record["meta"]["doc"], span.start, span.end, doubt["label"])
            of_type[doubt["kind"] == "type", place in planted] += 1
            found.add(place)
    # A model this small overlooks a third of the entities, so it doubts much; what it takes for another type counts.
    n_entities = sum(len(doc.ents) for doc in docs)
    assert len(planted) == 38 and len(found & planted) > 15, result.output
    assert of_type[True, True] / (of_type[True, False] + of_type[True, True]) > 5 * 38 / n_entities
    strengths = [max(doubt["strength"] for doubt in record["doubts"]) for record in records]
    assert strengths == sorted(strengths, reverse=True)

    corrected, _ = convert(tmp_path / "out" / "doubts.jsonl")
    assert len(corrected) == len(records)
    assert sum(len(s.mentions) for s in corrected) == sum(len(record["spans"]) for record in records)

    undoubted, masked = (read_docs(tmp_path / "out" / f"{name}.spacy") for name in ("undoubted", "masked"))
    assert len(undoubted) == len(docs) - len(records) and len(masked) == len(docs)
    for doc, other in zip(docs, masked):
        changed = {token.i for token in other if token.ent_iob == 0}
        assert [t.text for t in doc] == [t.text for t in other]
        standing = {(e.start, e.end, e.label_) for e in doc.ents if changed.isdisjoint(range(e.start, e.end))}
        assert {(e.start, e.end, e.label_) for e in other.ents} == standing
    n_masked = sum(len(doc.ents) for doc in docs) - sum(len(doc.ents) for doc in masked)
    n_doubted = sum(doubt["kind"] != "missing" for record in records for doubt in record["doubts"])
    assert n_masked == n_doubted > 0

    assert not (tmp_path / "out" / "work").exists()
    kept = (tmp_path / "out" / "fold-0.json").read_bytes()
    (tmp_path / "out" / "fold-1.json").write_text('{"key": ')
    again = run(*words, "--low", 0, "--high", 1)
    assert again.exit_code == 0 and again.output.count("done before") == 1, again.output
    assert "0 of 1,922 entities doubted" in " ".join(again.output.split())
    assert read_doubts(tmp_path / "out" / "doubts.jsonl") == []
    assert (tmp_path / "out" / "fold-0.json").read_bytes() == kept


@pytest.mark.parametrize(
    "words,said",
    [
        (["nothing.cfg", "train"], "S270"),
        (["config", "nothing.spacy"], "S273"),
        (["config", "train", "--folds", 1], "S151"),
        (["config", "train", "--folds", 100], "S151"),
        (["config", "empty"], "S272"),
        (["config", "unannotated"], "S275"),
    ],
)
def test_what_cannot_be_done(files, tmp_path, words, said):
    config, train, *_ = files
    vocab = spacy.blank("en").vocab
    DocBin().to_disk(tmp_path / "empty.spacy")
    bare = spacy.tokens.Doc(vocab, words=["no", "entities"])
    DocBin(docs=[bare]).to_disk(tmp_path / "unannotated.spacy")
    given = {"config": config, "train": train}
    given.update({name: tmp_path / f"{name}.spacy" for name in ("empty", "unannotated")})
    result = run("label-errors", *(given.get(word, word) for word in words[:2]), tmp_path / "out", *words[2:])
    assert result.exit_code == 1 and f"[{said}]" in result.output, result.output
    assert not list(tmp_path.glob("out/fold*"))


def test_an_option_that_is_neither_ours_nor_of_a_config(files, tmp_path):
    config, train, *_ = files
    result = run("label-errors", config, train, tmp_path / "out", "--fold", 3)
    assert (
        result.exit_code == 1
        and "[S262]" in result.output
        and "got --fold" in result.output.replace("\n", " ")
        and not (tmp_path / "out").exists()
    )


def test_results_do_not_go_to_the_data(files):
    config, train, *_ = files
    for out in (train.parent, train.parent / "out"):
        result = run("label-errors", config, train.parent, out)
        assert result.exit_code == 1 and "[S262]" in result.output
    assert not (train.parent / "out").exists()


def test_a_training_that_fails_is_told_and_tried_again(files, tmp_path):
    config, train, *_ = files
    words = [
        "label-errors",
        config,
        train,
        tmp_path / "out",
        "--folds",
        3,
        "--paths.dev",
        tmp_path / "none.spacy",
    ]
    for _ in range(2):
        result = run(*words)
        assert result.exit_code == 1 and "[S295]" in result.output and "none.spacy" in result.output
    assert (tmp_path / "out" / "fold-0.log").is_file() and not (tmp_path / "out" / "fold-0.json").exists()
