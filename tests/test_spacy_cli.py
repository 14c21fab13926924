"""spaCy's own machinery with `ssner` in the pipeline: its commands, shared and frozen components, a new process."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import spacy
import srsly
import typer
from click.testing import CliRunner
from spacy.cli._util import app
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.util import load_config, load_model_from_config, registry

from spacy_ssner.cli.convert import write_sentences
from spacy_ssner.corpus.convert import convert
from spacy_ssner.layers.torch_tagger import network_of

ROOT = Path(__file__).parents[1]
ALL = ("char_cnn", "bilstm", "similar_words", "fusion")
SMALL = {
    "components.ssner.model.tok2vec.width": 32,
    "components.ssner.model.tok2vec.depth": 1,
    "components.ssner.model.tok2vec.embed_size": 500,
    "components.ssner.model.bilstm.width": 32,
    "training.max_epochs": 15,
    "training.dropout": 0.0,
    "training.eval_frequency": 30,
    "training.optimizer.learn_rate": 0.01,
}


@pytest.fixture(scope="session")
def run_spacy():
    """`python -m spacy ...` in this process."""
    registry.cli.get_all()
    command = typer.main.get_command(app)

    def run_spacy(*arguments):
        result = CliRunner().invoke(command, [str(word) for word in arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return run_spacy


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """Twenty sentences of the sample corpus that hold entities, as .spacy."""
    sentences, _ = convert(ROOT / "assets" / "sample" / "train.jsonl")
    path = tmp_path_factory.mktemp("corpus") / "train.spacy"
    write_sentences([sentence for sentence in sentences if sentence.mentions][:20], path)
    return path


@pytest.fixture(scope="session")
def cli_trained(run_spacy, corpus, table_path, tmp_path_factory):
    """Folder that `spacy train` wrote, and what it printed."""
    folder = tmp_path_factory.mktemp("cli") / "out"
    paths = ["--paths.train", corpus, "--paths.dev", corpus, "--paths.similar_words", table_path]
    settings = [word for name, value in SMALL.items() for word in (f"--{name}", value)]
    output = run_spacy("train", ROOT / "configs" / "ssner_cnn.cfg", "--output", folder, *paths, *settings)
    return folder, output


# Commands


@pytest.mark.slow
def test_train(cli_trained, corpus, found):
    folder, output = cli_trained
    assert "LOSS SSNER" in output and "ENTS_F" in output
    meta = srsly.read_json(folder / "model-best" / "meta.json")
    assert meta["performance"]["ents_f"] > 0.9 and "ents_per_type" in meta["performance"]
    assert len(meta["labels"]["ssner"]) > 3
    nlp = spacy.load(folder / "model-best")
    assert nlp.config["training"]["max_epochs"] == 15
    doc = next(DocBin().from_disk(corpus).get_docs(nlp.vocab))
    assert found(nlp(Doc(nlp.vocab, words=[t.text for t in doc])))


@pytest.mark.slow
def test_evaluate(cli_trained, run_spacy, corpus, tmp_path):
    run_spacy("evaluate", cli_trained[0] / "model-best", corpus, "--output", tmp_path / "scores.json")
    scores = srsly.read_json(tmp_path / "scores.json")
    meta = srsly.read_json(cli_trained[0] / "model-best" / "meta.json")
    assert scores["ents_f"] == pytest.approx(meta["performance"]["ents_f"], abs=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # spaCy leaves files open
def test_package(cli_trained, run_spacy, tmp_path):
    name = ["--name", "cti_test", "--version", "0.0.3"]
    run_spacy("package", cli_trained[0] / "model-best", tmp_path, "--build", "none", *name)
    (package,) = tmp_path.glob("en_cti_test-0.0.3")
    meta = srsly.read_json(package / "meta.json")
    assert [r for r in meta["requirements"] if r.startswith("spacy-ssner>=")]
    shutil.copy(package / "meta.json", package / "en_cti_test")  # as its setup.py does
    nlp = spacy.util.load_model_from_init_py(package / "en_cti_test" / "__init__.py")
    assert nlp.pipe_names == ["ssner"] and len(nlp.get_pipe("ssner").labels) > 3


@pytest.mark.slow
def test_benchmark_speed(cli_trained, run_spacy, corpus):
    options = ["--batches", 30, "--warmup", 0, "--batch-size", 4]
    output = run_spacy("benchmark", "speed", cli_trained[0] / "model-best", corpus, *options)
    assert "Mean:" in output and "words/s" in output


@pytest.mark.slow
def test_find_threshold(cli_trained, corpus):
    from spacy.cli.find_threshold import find_threshold

    model = str(cli_trained[0] / "model-best")
    best, score, results = find_threshold(model, corpus, "ssner", "threshold", "ents_r", n_trials=3)
    assert list(results) == pytest.approx([0.0, 0.5, 1.0])
    assert score == max(results.values()) > 0.9 and best < 1.0
    recalls = list(results.values())
    assert recalls == sorted(recalls, reverse=True) and recalls[0] > recalls[-1]


@pytest.mark.slow
def test_init_labels_and_their_use(run_spacy, corpus, table_path, tmp_path):
    config_path = ROOT / "configs" / "ssner_cnn.cfg"
    paths = ["--paths.train", corpus, "--paths.dev", corpus, "--paths.similar_words", table_path]
    run_spacy("init", "labels", config_path, tmp_path, *paths)
    labels = srsly.read_json(tmp_path / "ssner.json")
    assert labels == sorted(labels) and len(labels) > 3
    config = load_config(config_path, interpolate=False)
    config["paths"].update(train=str(corpus), dev=str(corpus), similar_words=str(table_path))
    reader = {"@readers": "spacy.read_labels.v1", "path": str(tmp_path / "ssner.json")}
    config["initialize"]["components"]["ssner"]["labels"] = reader
    nlp = load_model_from_config(config, auto_fill=True)
    text = nlp.make_doc("no entity here")
    nlp.initialize(lambda: [Example(text, text.copy())])
    assert nlp.get_pipe("ssner").label_data == labels


@pytest.mark.slow
def test_assemble(cli_trained, run_spacy, tmp_path, found):
    config = spacy.blank("en").config
    config["nlp"]["pipeline"] = ["sentencizer", "ssner"]
    source = str(cli_trained[0] / "model-best")
    config["components"] = {"sentencizer": {"factory": "sentencizer"}, "ssner": {"source": source}}
    config.to_disk(tmp_path / "config.cfg")
    run_spacy("assemble", tmp_path / "config.cfg", tmp_path / "out")
    nlp, old = spacy.load(tmp_path / "out"), spacy.load(source)
    assert nlp.pipe_names == ["sentencizer", "ssner"]
    text = "FIN12 used Cobalt Strike"
    assert found(nlp(text)) == found(old(text))


@pytest.mark.slow
def test_fill_and_debug_config(run_spacy, corpus, table_path, tmp_path):
    run_spacy("init", "fill-config", ROOT / "configs" / "ssner_cnn.cfg", tmp_path / "full.cfg")
    component = load_config(tmp_path / "full.cfg", interpolate=False)["components"]["ssner"]
    assert {"threshold", "overwrite_ents", "spans_key", "scorer"} <= set(component)
    paths = ["--paths.train", corpus, "--paths.dev", corpus, "--paths.similar_words", table_path]
    assert "Config is valid" in run_spacy("debug", "config", tmp_path / "full.cfg", *paths)


# Shared encoders


def tags(nlp, sentences):
    """Examples with entities and (silly) part-of-speech tags."""
    examples = []
    for text, spans in sentences:
        doc = nlp.make_doc(text)
        words = [token.text for token in doc]
        annotation = {"entities": spans, "tags": ["UP" if word[0].isupper() else "LOW" for word in words]}
        examples.append(Example.from_dict(doc, annotation))
    return examples


def listening_pipeline(encoder, tiny_model, tiny_bert):
    nlp = spacy.blank("en")
    if encoder == "transformer":
        pytest.importorskip("spacy_transformers")
        model = {"@architectures": "spacy-transformers.TransformerModel.v3", "name": str(tiny_bert)}
        spans = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 32, "stride": 24}
        nlp.add_pipe("transformer", config={"model": {**model, "get_spans": spans}})
        pooling = {"@layers": "reduce_mean.v1"}
        listener = {"@architectures": "spacy-transformers.TransformerListener.v1", "pooling": pooling}
        listener["grad_factor"] = 1.0
    else:
        tok2vec = tiny_model()["tok2vec"]
        nlp.add_pipe("tok2vec", config={"model": tok2vec})
        listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16, "upstream": "tok2vec"}
    nlp.add_pipe("ssner", config={"model": tiny_model("char_cnn", "bilstm", tok2vec=listener)})
    nlp.add_pipe("tagger", config={"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": listener}})
    return nlp


def encoder_weights(nlp):
    """Weights of the encoder, whichever it is, as one array."""
    model = nlp.get_pipe(nlp.pipe_names[0]).model
    arrays = [node.get_param(n) for node in model.walk() for n in node.param_names if node.has_param(n)]
    shims = [
        shim for node in model.walk() for shim in node.shims if getattr(shim, "_model", None) is not None
    ]
    arrays += [p.detach().numpy() for shim in shims for p in shim._model.parameters()]
    return np.concatenate([np.ravel(array) for array in arrays])


@pytest.mark.parametrize("last", ["tagger", "ssner"])
@pytest.mark.parametrize("encoder", ["transformer", "tok2vec"])
def test_shared_encoder_trains_both(encoder, last, tiny_model, tiny_bert, annotated, tmp_path, found):
    nlp = listening_pipeline(encoder, tiny_model, tiny_bert)
    if last == "ssner":  # the last listener triggers the encoder's update
        nlp = reorder(nlp)
    examples = tags(nlp, annotated)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    without_entities = []
    for example in examples:
        reference = nlp.make_doc(example.reference.text)
        for token, tagged in zip(reference, example.reference):
            token.tag_ = tagged.tag_
        without_entities.append(Example(nlp.make_doc(reference.text), reference))
    history = []
    for step in range(24):
        if step % 6 == 5:
            before = encoder_weights(nlp)
            losses = nlp.update(without_entities, sgd=optimizer)
            assert losses["ssner"] == pytest.approx(0.0, abs=1e-5) and losses["tagger"] > 0
            assert np.abs(encoder_weights(nlp) - before).max() > 0, "the tagger's gradient must still arrive"
        else:
            history.append(nlp.update(examples, sgd=optimizer))
    for name in ("ssner", "tagger"):
        assert history[-1][name] < 0.5 * history[0][name]
    empty = Example(nlp.make_doc(""), nlp.make_doc(""))
    assert np.isfinite(nlp.update([empty, *examples, empty], sgd=optimizer)["ssner"])
    nlp.update([empty], sgd=optimizer)
    texts = ["", *(text for text, _ in annotated), " ", ""]
    expected = [found(nlp(text)) for text in texts]
    assert [found(doc) for doc in nlp.pipe(texts, batch_size=3)] == expected
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert [found(doc) for doc in again.pipe(texts, batch_size=7)] == expected
    assert again(texts[1])[0].tag_ == nlp(texts[1])[0].tag_


def reorder(nlp):
    """The same components with `ssner` last."""
    config = nlp.config.copy()
    config["nlp"]["pipeline"] = [*(name for name in nlp.pipe_names if name != "ssner"), "ssner"]
    return load_model_from_config(config, auto_fill=True)


def test_listener_can_be_replaced_by_its_own_copy(tiny_model, tiny_bert, annotated, found):
    nlp = listening_pipeline("tok2vec", tiny_model, tiny_bert)
    examples = tags(nlp, annotated)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(5):
        nlp.update(examples, sgd=optimizer)
    expected = found(nlp(annotated[0][0]))
    nlp.replace_listeners("tok2vec", "ssner", ["model.tok2vec"])
    assert found(nlp(annotated[0][0])) == expected
    with nlp.select_pipes(enable=["ssner"]):
        assert found(nlp(annotated[0][0])) == expected


# Frozen, sourced, selected


def head(nlp, name="ssner"):
    return nlp.get_pipe(name).to_bytes(exclude=["vocab"])


def test_frozen_component_keeps_its_weights(trained, annotated):
    trained.add_pipe("tagger")
    examples = tags(trained, annotated)
    trained.get_pipe("tagger").initialize(lambda: examples, nlp=trained)
    before, optimizer = head(trained), trained.create_optimizer()
    losses = trained.update(examples, sgd=optimizer, exclude=["ssner"])
    assert set(losses) == {"tagger"} and head(trained) == before
    trained.update(examples, sgd=optimizer)
    assert head(trained) != before


def test_sourced_component_predicts_the_same(trained, annotated, found, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("ssner", source=trained)
    for text, _ in annotated:
        assert found(nlp(text)) == found(trained(text))
    nlp.to_disk(tmp_path)
    assert found(spacy.load(tmp_path)(annotated[0][0])) == found(trained(annotated[0][0]))


@pytest.mark.slow
def test_frozen_and_annotating_components_in_training(trained_path, run_spacy, annotated, tmp_path, gold):
    """A sourced `ssner` that is frozen and annotates, while a tagger learns beside it."""
    source = spacy.load(trained_path)
    DocBin(docs=[eg.reference for eg in tags(source, annotated)]).to_disk(tmp_path / "train.spacy")
    nlp = spacy.blank("en")
    nlp.add_pipe("tagger")
    config = nlp.config.copy()
    config["components"]["ssner"] = {"source": str(trained_path)}
    config["nlp"]["pipeline"] = ["ssner", "tagger"]
    config["paths"].update(train=str(tmp_path / "train.spacy"), dev=str(tmp_path / "train.spacy"))
    training = {"max_steps": 4, "eval_frequency": 2}
    config["training"].update(frozen_components=["ssner"], annotating_components=["ssner"], **training)
    config["training"]["optimizer"]["use_averages"] = False
    config.to_disk(tmp_path / "config.cfg")
    output = run_spacy("train", tmp_path / "config.cfg", "--output", tmp_path / "out")
    assert "LOSS TAGGER" in output and "LOSS SSNER" not in output
    after = spacy.load(tmp_path / "out" / "model-last")
    assert head(after) == head(source)
    assert [(e.text, e.label_) for e in after(annotated[0][0]).ents] == gold(annotated[0])


def test_annotating_component_in_an_update(trained, make_examples, gold, annotated):
    seen = []

    @Language.component("ssner_test_spy")
    def spy(doc):
        seen.append([(ent.text, ent.label_) for ent in doc.ents])
        return doc

    trained.add_pipe("ssner_test_spy")
    trained.update(make_examples(trained), annotates=["ssner", "ssner_test_spy"], exclude=["ssner"])
    assert seen == [gold(sentence) for sentence in annotated]


def test_select_pipes(trained, annotated):
    trained.add_pipe("sentencizer")
    with trained.select_pipes(disable=["ssner"]):
        assert not trained(annotated[0][0]).ents
    with trained.select_pipes(enable=["ssner"]):
        assert trained(annotated[0][0]).ents


def test_memory_zone(trained, annotated, found):
    if not hasattr(trained, "memory_zone"):
        pytest.skip("spaCy has no memory zones")
    expected = [found(trained(text)) for text, _ in annotated]
    for word in ("zzkq", "zzkr"):
        with trained.memory_zone():
            docs = list(
                trained.pipe([text for text, _ in annotated] + [f"{word} used {word}1 against {word}2."])
            )
            assert [found(doc) for doc in docs[:-1]] == expected
    labels = trained.get_pipe("ssner").labels
    assert all(label in trained.vocab.strings for label in labels)
    assert [found(trained(text)) for text, _ in annotated] == expected


def test_existing_sentence_boundaries_are_used(trained):
    model = trained.get_pipe("ssner").model
    doc = trained.make_doc("APT29 used Mimikatz against Acme Corp in Kyiv")
    assert model.predict([doc]).windows.lengths.tolist() == [8]
    for token in doc:
        token.is_sent_start = token.i in (0, 3)
    assert model.predict([doc]).windows.lengths.tolist() == [3, 5]
    doc = trained(doc)
    assert [token.i for token in doc if token.is_sent_start] == [0, 3]
    assert [sent.text for sent in doc.sents][0] == "APT29 used Mimikatz"


def test_component_does_not_set_sentence_boundaries(trained):
    assert not trained("APT29 ran. It stopped.").has_annotation("SENT_START")


def test_two_processes(trained, annotated, found):
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)  # a forked torch with several threads hangs: see README
    try:
        texts = [text for text, _ in annotated] * 3
        expected = [found(doc) for doc in trained.pipe(texts)]
        assert [found(doc) for doc in trained.pipe(texts, n_process=2, batch_size=2)] == expected
    finally:
        torch.set_num_threads(before)


# A new process without what training needed

LOAD = """
import json, socket, sys
sys.modules["gensim"] = None
def refuse(*args, **kwargs):
    raise OSError("no network in this test")
socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refuse
import spacy
nlp = spacy.load(sys.argv[1])
docs = nlp.pipe(json.loads(sys.argv[2]))
print(json.dumps([[(e.start, e.end, e.label_, e._.ssner_score) for e in doc.ents] for doc in docs]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["cnn", "transformer"])
def test_saved_pipeline_in_a_new_process(encoder, make_nlp, tiny_bert, table_path, annotated, tmp_path):
    """No gensim, no network, the folders of encoder and table gone: the same predictions."""
    places = {"encoder": tmp_path / "encoder", "table": tmp_path / "words.sim"}
    shutil.copytree(tiny_bert, places["encoder"])
    shutil.copyfile(table_path, places["table"])
    model = {}
    if encoder == "transformer":
        model["tok2vec"] = {"@architectures": "spacy-ssner.HFEncoder.v1", "name": str(places["encoder"])}
    nlp = make_nlp(*ALL, steps=8, table=places["table"], **model)
    texts = [text for text, _ in annotated] + ["", "Unseen Mimikat of APT-29 in Kiev, 9f86d081884c7d65."]
    expected = [[(e.start, e.end, e.label_, e._.ssner_score) for e in doc.ents] for doc in nlp.pipe(texts)]
    assert any(expected)
    nlp.to_disk(tmp_path / "saved")
    shutil.move(tmp_path / "saved", tmp_path / "moved")
    shutil.rmtree(places["encoder"])
    places["table"].unlink()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", LOAD, str(tmp_path / "moved"), json.dumps(texts)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    got = json.loads(run.stdout.splitlines()[-1])
    for mine, theirs in zip(expected, got, strict=True):
        assert [tuple(e[:3]) for e in theirs] == [e[:3] for e in mine]
        assert [e[3] for e in theirs] == pytest.approx([e[3] for e in mine], abs=1e-6)


def test_network_settings_hold_no_paths(make_nlp):
    settings = network_of(make_nlp(*ALL).get_pipe("ssner").model.get_ref("tagger")).settings.to_dict()
    assert "/" not in json.dumps(settings)
