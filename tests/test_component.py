"""The component's contract with spaCy: labels, training, annotation, settings, files."""

import itertools
import re
import shutil
from unittest.mock import patch

import numpy as np
import pytest
import spacy
import srsly
import torch
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Adam, Model, fix_random_seed

from spacy_ssner.component import SSNER
from spacy_ssner.extensions import span_score
from spacy_ssner.knowledge import similar_word_table
from spacy_ssner.layers.torch_tagger import network_of
from spacy_ssner.types import DocPrediction, DocReport, TagScores

LABELS = ("Area", "HackOrg", "Malware", "Org", "Tool")
SUBLAYERS = ("char_cnn", "bilstm", "similar_words", "fusion")


def texts_of(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


def weights(nlp, name="ssner"):
    network = network_of(nlp.get_pipe(name).model.get_ref("tagger"))
    return {key: value.clone() for key, value in network.state_dict().items()}


def test_default_config_builds_trains_and_predicts(annotated, make_examples):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("ssner")
    assert isinstance(pipe, SSNER) and pipe.labels == ()
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    assert pipe.labels == LABELS == tuple(pipe.label_data)
    assert np.isfinite(nlp.update(examples, sgd=optimizer)["ssner"])
    assert nlp(annotated[0][0]).has_annotation("ENT_IOB")


def test_factory_meta():
    meta = spacy.blank("en").add_pipe("ssner") and spacy.blank("en").get_factory_meta("ssner")
    extensions = ["doc._.ssner_report", "span._.ssner_score"]
    assert meta.assigns == ["doc.ents", "doc.spans", *extensions, "token.ent_iob", "token.ent_type"]
    assert meta.default_score_weights == {"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None}
    assert set(meta.default_config) == {
        "model",
        "overwrite_ents",
        "threshold",
        "spans_key",
        "temperature",
        "expected_f1",
        "scores",
        "n_best",
        "n_best_key",
        "on_truncation",
        "scorer",
    }


def test_analyze_pipes(trained):
    """What we set is there for components that require it, by rule and by model."""
    trained.add_pipe("ssner_ioc", before="ssner")
    analysis = trained.analyze_pipes(pretty=False)
    assert analysis["problems"] == {"ssner_ioc": [], "ssner": []}
    both = ["ssner_ioc", "ssner"]
    by_attribute = {attr: pipes["assigns"] for attr, pipes in analysis["attrs"].items()}
    assert by_attribute == {
        "doc.ents": both,
        "token.ent_iob": both,
        "token.ent_type": both,
        "doc.spans": ["ssner"],
        "doc._.ssner_report": ["ssner"],
        "span._.ssner_score": ["ssner"],
        "span._.ssner_value": ["ssner_ioc"],
        "span._.ssner_characters": ["ssner_ioc"],
    }
    for attr in by_attribute:
        kind, _, name = attr.partition("._.")
        assert not name or {"doc": Doc, "span": Span}[kind].has_extension(name)


@pytest.mark.parametrize("action", ["predict", "call", "pipe", "update"])
def test_uninitialized_use_is_an_error(action, make_examples):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("ssner")
    doc = nlp.make_doc("APT29 used Mimikatz.")
    actions = {
        "predict": lambda: pipe.predict([doc]),
        "call": lambda: nlp("APT29"),
        "pipe": lambda: list(nlp.pipe(["APT29"])),
        "update": lambda: pipe.update(make_examples(nlp)),
    }
    with pytest.raises(ValueError, match="S110.*ssner"):
        actions[action]()


# Labels


def test_labels_found_in_data_are_sorted(make_nlp):
    assert make_nlp("bilstm").get_pipe("ssner").labels == LABELS


def test_labels_given(make_examples, tiny_model):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("ssner", config={"model": tiny_model()})
    given = ["Tool", "Org", "HackOrg", "Malware", "Area", "Never"]
    pipe.initialize(lambda: make_examples(nlp), nlp=nlp, labels=given)
    assert list(pipe.labels) == pipe.label_data == given
    assert network_of(pipe.model.get_ref("tagger")).n_tags == 2 * len(given) + 1


def test_label_data_is_what_initialize_takes(make_nlp, make_examples, tiny_model):
    label_data = make_nlp("bilstm").get_pipe("ssner").label_data
    nlp = spacy.blank("en")
    nlp.add_pipe("ssner", config={"model": tiny_model()})
    nlp.config["initialize"]["components"]["ssner"] = {"labels": label_data}
    nlp.initialize(lambda: make_examples(nlp)[2:3])
    assert nlp.get_pipe("ssner").label_data == label_data


def test_no_entity_type_at_all(tiny_model, make_examples, annotated):
    nlp = spacy.blank("en")
    nlp.add_pipe("ssner", config={"model": tiny_model()})
    with pytest.raises(ValueError, match="S109"):
        nlp.initialize(lambda: make_examples(nlp, annotated[2:3]))
    with pytest.raises(ValueError, match="S109"):
        nlp.get_pipe("ssner").initialize(lambda: make_examples(nlp), labels=[])


def test_labels_in_front_of_initialize_stay_first(tiny_model, make_examples):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("ssner", config={"model": tiny_model()})
    assert pipe.add_label("Zeta") == 1 and pipe.add_label("Zeta") == 0
    nlp.initialize(lambda: make_examples(nlp))
    assert pipe.labels == ("Zeta", *LABELS)


def test_initialize_twice_gives_a_fresh_network(make_nlp, make_examples):
    nlp = make_nlp("bilstm", steps=3)
    before = weights(nlp)
    nlp.initialize(lambda: make_examples(nlp))
    after = weights(nlp)
    assert nlp.get_pipe("ssner").labels == LABELS
    assert before.keys() == after.keys() and any((before[k] != after[k]).any() for k in before)


@pytest.mark.parametrize("label", ["", " ", " Tool", "Tool\n", None, 3])
def test_unusable_label(label):
    pipe = spacy.blank("en").add_pipe("ssner")
    with pytest.raises(ValueError, match=re.escape("[S108]")):
        pipe.add_label(label)
    assert pipe.labels == ()


def test_label_added_after_training_keeps_old_scores(trained, annotated, found):
    pipe = trained.get_pipe("ssner")
    docs = [trained.make_doc(text) for text, _ in annotated]
    n_tags = 2 * len(LABELS) + 1
    before, expected = pipe.model.predict(docs), [texts_of(trained(text)) for text, _ in annotated]
    assert pipe.add_label("Exploit") == 1 and pipe.add_label("Exploit") == 0
    after = pipe.model.predict(docs)
    np.testing.assert_allclose(after.emissions[:, :n_tags], before.emissions, atol=1e-4)
    np.testing.assert_allclose(after.transitions[:n_tags, :n_tags], before.transitions[:n_tags], atol=1e-6)
    assert after.emissions.shape[1] == n_tags + 2
    assert [texts_of(trained(text)) for text, _ in annotated] == expected


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
@pytest.mark.parametrize("seed", range(4))
def test_label_added_after_training_is_not_predicted_before_it_is_learned(seed, decoder, make_nlp, annotated):
    nlp = make_nlp("bilstm", steps=8, decoder=decoder)  # far from sure of anything
    texts = [text for text, _ in annotated] + [
        "Some other words, of another day.",
        "Nothing is known of Foo Bar.",
    ]
    expected = [texts_of(nlp(text)) for text in texts]
    torch.manual_seed(seed)
    nlp.get_pipe("ssner").add_label("Exploit")
    assert [texts_of(nlp(text)) for text in texts] == expected


def test_label_added_after_training_is_learned(trained, annotated, make_examples, found, gold):
    pipe = trained.get_pipe("ssner")
    pipe.add_label("Exploit")
    more = [*annotated, ("They abused BlueKeep.", [(12, 20, "Exploit")])]
    optimizer = trained.resume_training()
    optimizer.learn_rate = 0.02
    examples = make_examples(trained, more)
    for _ in range(40):
        trained.update(examples, sgd=optimizer)
    assert texts_of(trained(more[-1][0])) == [("BlueKeep", "Exploit")]
    assert texts_of(trained(annotated[0][0])) == gold(annotated[0])
    again = spacy.blank("en").from_config(trained.config).from_bytes(trained.to_bytes())
    assert found(again(more[-1][0])) == found(trained(more[-1][0]))


def test_unknown_labels_are_counted_and_treated_as_missing(make_nlp, make_examples, annotated):
    nlp = make_nlp("bilstm", sentences=annotated[1:2])  # HackOrg, Malware
    pipe = nlp.get_pipe("ssner")
    examples = make_examples(nlp, annotated[:1])
    with pytest.warns(UserWarning, match=r"SW101.*'Tool': 1.*'Org': 2.*'Area': 1.*HackOrg") as caught:
        scores, _ = pipe.model.begin_update([eg.predicted for eg in examples])
        _, gradient = pipe.get_loss(examples, scores)
    assert len(caught) == 1
    pipe.get_loss(examples, scores)  # silent: a training has thousands of batches
    known = [token.text not in ("Mimikatz", "Acme", "Corp", "Kyiv") for token in examples[0].predicted]
    expected = Example(examples[0].predicted, examples[0].reference.copy())
    reference = Doc(nlp.vocab, words=[t.text for t in examples[0].predicted])
    missing = [reference[i : i + 1] for i, is_known in enumerate(known) if not is_known]
    reference.set_ents([Span(reference, 0, 1, "HackOrg")], missing=missing, default="outside")
    expected = Example(examples[0].predicted, reference)
    _, wanted = pipe.get_loss([expected], scores)
    np.testing.assert_allclose(gradient.emissions, wanted.emissions, atol=1e-6)


def test_new_labels_are_added_and_learnt_unless_the_labels_were_given(
    make_nlp, make_examples, annotated, tmp_path
):
    nlp = make_nlp("bilstm", sentences=annotated[1:2])  # HackOrg, Malware
    nlp.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    pipe, examples = nlp.get_pipe("ssner"), make_examples(nlp, annotated[:1])
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.02
    with pytest.warns(UserWarning, match=r"SW102.*'Area', 'Org', 'Tool'.*HackOrg.*Malware") as caught:
        for _ in range(40):
            nlp.update(examples, sgd=optimizer)
    assert len(caught) == 1 and set(pipe.labels) == set(LABELS) and pipe.is_resizable
    assert ("Mimikatz", "Tool") in texts_of(nlp(annotated[0][0]))
    limited = spacy.blank("en")
    limited.add_pipe("ssner").initialize(lambda: examples, nlp=limited, labels=["Tool"])
    with pytest.warns(UserWarning, match=r"SW101.*'Org': 2"):
        limited.update(make_examples(limited, annotated[:1]))
    assert limited.get_pipe("ssner").labels == ("Tool",)
    again = spacy.blank("en")
    again.add_pipe("ssner").from_bytes(limited.get_pipe("ssner").to_bytes())
    with pytest.warns(UserWarning, match=r"SW101.*'Org': 2"):
        again.update(make_examples(again, annotated[:1]), sgd=again.resume_training())
    assert again.get_pipe("ssner").labels == ("Tool",)


# Tables

ROW = "| Lazarus | Manuscrypt | Bahamut |"


def across_bars(nlp):
    """Entities that hold a bar, of a component which is made to see one long entity in all of a row."""
    predict = Model.predict

    def one_entity(model, docs):
        scores = predict(model, docs)
        scores.emissions[:] = 0.0
        scores.emissions[:, 2] = 9.0  # I
        scores.emissions[0, 1] = 99.0  # B
        return scores

    with patch.object(Model, "predict", one_entity):
        return [ent.text for ent in nlp(ROW).ents if "|" in ent.text]


def test_entities_reach_over_the_bars_of_a_table_only_if_some_do_in_training(
    make_nlp, make_examples, tmp_path
):
    nlp = make_nlp("bilstm")
    assert across_bars(nlp) == []
    nlp.to_disk(tmp_path)
    assert across_bars(spacy.load(tmp_path)) == []
    held = make_nlp("bilstm", sentences=[(ROW, [(2, 22, "Malware")])])
    assert across_bars(held) == [ROW]
    nlp.update(make_examples(nlp, [(ROW, [(2, 22, "Malware")])]))
    assert across_bars(nlp) == [ROW]


def test_a_component_saved_before_bars_were_looked_for_reads_as_it_did(make_nlp):
    nlp = make_nlp("bilstm")
    del nlp.get_pipe("ssner").cfg["bars_in_entities"]
    assert across_bars(nlp) == [ROW]


# Training


def test_overfit(trained, annotated, gold):
    for sentence in annotated:
        doc = trained(sentence[0])
        assert texts_of(doc) == gold(sentence)
        assert all(ent._.ssner_score > 0.8 for ent in doc.ents)


def test_overfit_on_two_sentences_with_default_config(annotated, make_examples, gold):
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("ssner")
    examples = make_examples(nlp, annotated[:2])
    optimizer = nlp.initialize(lambda: examples)
    losses = [nlp.update(examples, sgd=optimizer)["ssner"] for _ in range(40)]
    assert losses[-1] < 0.1 * losses[0]
    assert [texts_of(nlp(text)) for text, _ in annotated[:2]] == [gold(s) for s in annotated[:2]]


def test_same_seed_same_weights(make_nlp):
    one, two = weights(make_nlp(steps=3)), weights(make_nlp(steps=3))
    assert all((one[key] == two[key]).all() for key in one)


def test_losses_add_up_over_batches(make_nlp, make_examples):
    nlp = make_nlp("bilstm")
    examples = make_examples(nlp)
    losses = {}
    nlp.get_pipe("ssner").update(examples[:2], losses=losses)
    first = losses["ssner"]
    returned = nlp.get_pipe("ssner").update(examples[2:], losses=losses)
    assert returned is losses and losses["ssner"] > first > 0


@pytest.mark.parametrize("sgd", [None, False])
def test_update_without_optimizer_collects_gradients(sgd, make_nlp, make_examples):
    nlp = make_nlp("bilstm")
    pipe = nlp.get_pipe("ssner")
    before = weights(nlp)
    pipe.update(make_examples(nlp), sgd=sgd)
    assert all((before[k] == v).all() for k, v in weights(nlp).items())
    pipe.finish_update(nlp.create_optimizer())
    assert any((before[k] != v).any() for k, v in weights(nlp).items())


def test_update_leaves_docs_alone(make_nlp, make_examples):
    nlp = make_nlp("bilstm")
    examples = make_examples(nlp)
    nlp.get_pipe("ssner").update(examples, sgd=nlp.create_optimizer())
    assert not any(eg.predicted.ents or eg.predicted.has_annotation("ENT_IOB") for eg in examples)


def test_dropout_reaches_the_network(make_nlp, make_examples):
    nlp = make_nlp()
    pipe = nlp.get_pipe("ssner")
    examples = make_examples(nlp)
    plain = [pipe.update(examples, drop=0.0)["ssner"] for _ in range(2)]
    dropped = [pipe.update(examples, drop=0.5)["ssner"] for _ in range(2)]
    assert plain[0] == plain[1] and dropped[0] != dropped[1]
    before = pipe.predict([examples[0].predicted])
    assert pipe.predict([examples[0].predicted]) == before


def test_logged_loss_is_the_function_of_the_gradient(make_nlp, make_examples):
    nlp = make_nlp()
    pipe = nlp.get_pipe("ssner")
    examples = make_examples(nlp)
    scores, _ = pipe.model.begin_update([eg.predicted for eg in examples])
    _, gradient = pipe.get_loss(examples, scores)
    step = np.random.default_rng(0).normal(size=scores.emissions.shape).astype("float32")

    def loss_at(size):
        moved = TagScores(scores.emissions + size * step, scores.transitions, scores.windows)
        return pipe.get_loss(examples, moved)[0]

    slope = (loss_at(1e-2) - loss_at(-1e-2)) / 2e-2
    assert slope == pytest.approx(float((gradient.emissions * step).sum()), rel=1e-2)


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_misaligned_gold_is_missing_not_outside(decoder, make_nlp):
    nlp = make_nlp("bilstm", decoder=decoder)
    pipe = nlp.get_pipe("ssner")
    predicted = Doc(nlp.vocab, words=["APT29used", "it"])
    reference = Doc(nlp.vocab, words=["APT29", "used", "it"], spaces=[False, True, False])
    reference.set_ents([Span(reference, 0, 1, "HackOrg")], missing=[reference[1:]])
    example = Example(predicted, reference)
    assert example.get_aligned_ner() == [None, None]
    scores, _ = pipe.model.begin_update([predicted])
    loss, gradient = pipe.get_loss([example], scores)
    assert loss == pytest.approx(0.0, abs=1e-5)
    assert np.abs(gradient.emissions).max() < 1e-6 and np.abs(gradient.transitions).max() < 1e-6


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
@pytest.mark.parametrize("annotation", ["none", "missing"])
def test_without_annotation_nothing_is_learned(decoder, annotation, make_nlp):
    nlp = make_nlp("bilstm", decoder=decoder)
    reference = nlp.make_doc("APT29 used Mimikatz.")
    if annotation == "missing":
        reference.set_ents([], default="missing")
    example = Example(nlp.make_doc(reference.text), reference)
    before = weights(nlp)
    pipe = nlp.get_pipe("ssner")
    assert pipe.update([example], sgd=Adam(0.1))["ssner"] == pytest.approx(0.0, abs=1e-5)
    assert all((before[key] == value).all() for key, value in weights(nlp).items())
    scores, _ = pipe.model.begin_update([example.predicted])
    _, gradient = pipe.get_loss([example], scores)
    assert np.abs(gradient.emissions).max() < 1e-6


def test_missing_tokens_do_not_change_the_rest(make_nlp):
    """A half-annotated sentence: the annotated half is learned, the other half is left open."""
    nlp = make_nlp("bilstm", sentences=[("APT29 used Mimikatz", [(0, 5, "HackOrg"), (11, 19, "Tool")])])
    reference = nlp.make_doc("APT29 used Mimikatz")
    reference.set_ents([Span(reference, 0, 1, "HackOrg")], missing=[reference[2:3]], default="outside")
    example = Example(nlp.make_doc(reference.text), reference)
    pipe = nlp.get_pipe("ssner")
    scores, _ = pipe.model.begin_update([example.predicted])
    _, gradient = pipe.get_loss([example], scores)
    size = np.abs(gradient.emissions).max(axis=1)
    assert size[0] > 0.01 and size[1] > 0.01 and size[2] < size[:2].min()


def test_empty_docs_in_a_batch_do_not_change_the_loss(make_nlp, make_examples):
    nlp = make_nlp()
    pipe = nlp.get_pipe("ssner")
    examples = make_examples(nlp)
    nothing = Example(nlp.make_doc(""), nlp.make_doc(""))
    mixed = [nothing, examples[0], nothing, *examples[1:], nothing]
    assert pipe.update(mixed)["ssner"] == pytest.approx(pipe.update(examples)["ssner"], rel=1e-5)
    assert pipe.update([nothing, nothing])["ssner"] == 0.0
    assert pipe.update([])["ssner"] == 0.0


@pytest.mark.parametrize("overwrite", [True, False])
def test_nothing_to_predict(overwrite, make_nlp):
    pipe = make_nlp("bilstm", settings={"overwrite_ents": overwrite, "n_best": 2}).get_pipe("ssner")
    assert pipe.predict([]) == []
    assert pipe.predict([Doc(pipe.vocab)] * 2) == [DocPrediction([], DocReport(*[0] * 7), [])] * 2


# Annotation


@pytest.mark.parametrize("batch_size", [1, 2, 7])
@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_pipe_equals_call(batch_size, decoder, make_nlp, annotated, found):
    nlp = make_nlp(steps=15, decoder=decoder)
    texts = [text for text, _ in annotated]
    texts = ["", texts[0], "", "", *texts[1:], " ", "\n\n", texts[1] * 30, "Turla", "", texts[0]]
    alone = [found(nlp(text)) for text in texts]
    together = [found(doc) for doc in nlp.pipe(texts, batch_size=batch_size)]
    assert together == alone
    assert any(alone)


def test_order_of_docs_does_not_matter(trained, annotated, found):
    texts = [text for text, _ in annotated] + ["", "Lazarus used Mimikatz. " * 20]
    expected = dict(zip(texts, map(found, trained.pipe(texts))))
    for order in list(itertools.permutations(texts))[::90]:
        assert [found(doc) for doc in trained.pipe(order, batch_size=4)] == [expected[text] for text in order]


def test_entities_and_span_group_agree(trained, annotated):
    doc = trained(annotated[0][0])
    group = doc.spans["ssner"]
    assert [(s.start, s.end, s.label_) for s in group] == [(e.start, e.end, e.label_) for e in doc.ents]
    scores = group.attrs["scores"]
    assert scores.dtype == np.float32 and len(scores) == len(group) == 4
    assert ((scores > 0) & (scores <= 1)).all()
    assert [ent._.ssner_score for ent in doc.ents] == pytest.approx(scores.tolist())
    assert not any(token.ent_iob == 0 for token in doc)  # O, not missing


def test_score_of_spans_that_were_not_predicted(trained, annotated):
    doc = trained(annotated[0][0])
    assert doc[0:2]._.ssner_score is None
    assert Span(doc, 0, 1, label="Org")._.ssner_score is None
    assert Span(doc, 0, 1, label="HackOrg")._.ssner_score > 0.8
    assert trained.make_doc("APT29")[:1]._.ssner_score is None
    assert span_score(doc.ents[0]) == doc.ents[0]._.ssner_score


def test_scores_of_many_entities_by_a_slow_loop(make_nlp):
    nlp = make_nlp("bilstm", steps=15)
    doc = nlp("Turla sent Mimikatz to the Foreign Ministry of Peru and Emotet to Kyiv. " * 60)
    group = doc.spans["ssner"]
    known = {(s.start, s.end, s.label): score for s, score in zip(group, group.attrs["scores"].tolist())}
    assert len(known) > 60
    assert [ent._.ssner_score for ent in doc.ents] == [known[e.start, e.end, e.label] for e in doc.ents]
    others = [doc[i:j] for i in range(20) for j in range(i + 1, 22)]
    assert all(span._.ssner_score is None for span in others)  # no label


def test_other_groups_are_not_taken_for_ours(trained, annotated):
    doc = trained(annotated[0][0])
    doc.spans["sc"] = [Span(doc, 1, 2, "Tool")]
    doc.spans["sc"].attrs["scores"] = np.array([0.9])
    assert Span(doc, 1, 2, "Tool")._.ssner_score is None


def test_predictions_survive_docbin(trained, annotated):
    from spacy.tokens import DocBin

    doc = trained(annotated[0][0])
    data = DocBin(docs=[doc], store_user_data=True).to_bytes()
    (again,) = DocBin().from_bytes(data).get_docs(trained.vocab)
    assert texts_of(again) == texts_of(doc)
    assert [ent._.ssner_score for ent in again.ents] == pytest.approx([e._.ssner_score for e in doc.ents])


def test_a_doc_that_stands_twice_in_a_batch(trained, annotated, found):
    docs = [trained.make_doc(text) for text, _ in annotated]
    expected = [found(trained(text)) for text, _ in annotated]
    assert [found(doc) for doc in trained.pipe([*docs, *docs])] == [*expected, *expected]


def test_annotating_twice_gives_the_same(trained, annotated, found):
    trained.get_pipe("ssner").cfg["overwrite_ents"] = True
    doc = trained(annotated[0][0])
    first = found(doc)
    assert found(trained.get_pipe("ssner")(doc)) == first


# Settings


@pytest.mark.parametrize("threshold", [-0.1, 1.5])
def test_threshold_out_of_range(threshold):
    with pytest.raises(ValueError, match="S101.*threshold"):
        spacy.blank("en").add_pipe("ssner", config={"threshold": threshold})


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_temperature_out_of_range(temperature):
    with pytest.raises(ValueError, match="S101.*temperature"):
        SSNER(Vocab(), Model("none", lambda model, X, is_train: (X, lambda dY: dY)), temperature=temperature)


@pytest.mark.parametrize(
    "name,value", [("temperature", 0), ("threshold", 2.0), ("on_truncation", "wran"), ("treshold", 0.5)]
)
def test_settings_that_were_changed_to_what_they_cannot_be(trained, name, value):
    trained.get_pipe("ssner").cfg[name] = value
    with pytest.raises(ValueError, match=f"S101.*{name}"):
        trained("APT29 used Mimikatz.")


def test_a_pipeline_saved_before_there_was_a_temperature_loads_with_one_of_1(trained_path, tmp_path):
    shutil.copytree(trained_path, tmp_path / "old")
    cfg, config = tmp_path / "old" / "ssner" / "cfg", tmp_path / "old" / "config.cfg"
    values = srsly.read_json(cfg)
    del values["temperature"]
    srsly.write_json(cfg, values)
    lines = config.read_text(encoding="utf8").splitlines(keepends=True)
    config.write_text("".join(x for x in lines if not x.startswith("temperature")), encoding="utf8")
    assert spacy.load(tmp_path / "old").get_pipe("ssner").cfg["temperature"] == 1.0


def test_temperature_is_saved(trained):
    trained.get_pipe("ssner").cfg["temperature"] = 2.5
    again = spacy.blank("en").from_config(trained.config).from_bytes(trained.to_bytes())
    assert again.get_pipe("ssner").cfg["temperature"] == 2.5


def test_threshold_drops_the_improbable(make_nlp, annotated):
    nlp = make_nlp(steps=12)
    doc = nlp(annotated[0][0] + " " + annotated[3][0])
    scores = sorted(ent._.ssner_score for ent in doc.ents)
    assert len(scores) > 2 and scores[0] < scores[-1]
    limit = (scores[0] + scores[-1]) / 2
    nlp.get_pipe("ssner").cfg["threshold"] = limit
    kept = nlp(doc.text)
    assert [(e.start, e.end, e.label_) for e in kept.ents] == [
        (e.start, e.end, e.label_) for e in doc.ents if e._.ssner_score >= limit
    ]
    assert len(kept.spans["ssner"]) == len(kept.ents) < len(doc.ents)
    nlp.get_pipe("ssner").cfg["threshold"] = 1.0
    assert len(nlp(doc.text).ents) == sum(score >= 1.0 for score in scores)


def test_threshold_from_the_config(make_nlp):
    nlp = make_nlp("bilstm", settings={"threshold": 0.25})
    assert nlp.get_pipe("ssner").cfg["threshold"] == 0.25


def with_ruler(nlp, patterns):
    ruler = nlp.add_pipe("entity_ruler", before="ssner", config={"validate": False})
    ruler.add_patterns(patterns)
    return nlp


def test_preset_entities_are_kept(trained, annotated):
    nlp = with_ruler(trained, [{"label": "CVE", "pattern": "used Mimikatz against", "id": "x1"}])
    doc = nlp(annotated[0][0])
    assert texts_of(doc) == [
        ("APT29", "HackOrg"), ("used Mimikatz against", "CVE"), ("Acme Corp", "Org"), ("Kyiv", "Area")
    ]  # fmt: skip
    assert doc.ents[1].ent_id_ == "x1" and doc.ents[1]._.ssner_score is None
    assert [span.text for span in doc.spans["ssner"]] == ["APT29", "Acme Corp", "Kyiv"]


def test_preset_entities_are_replaced(trained, annotated, gold):
    nlp = with_ruler(trained, [{"label": "CVE", "pattern": "used Mimikatz against"}])
    nlp.get_pipe("ssner").cfg["overwrite_ents"] = True
    assert texts_of(nlp(annotated[0][0])) == gold(annotated[0])


@pytest.mark.parametrize("overwrite", [False, True])
def test_blocked_tokens(overwrite, trained, annotated, gold):
    trained.get_pipe("ssner").cfg["overwrite_ents"] = overwrite
    doc = trained.make_doc(annotated[0][0])
    doc.set_ents([], blocked=[doc[2:3]], default="missing")
    doc = trained(doc)
    if overwrite:
        assert texts_of(doc) == gold(annotated[0])
    else:
        assert ("Mimikatz", "Tool") not in texts_of(doc) and ("APT29", "HackOrg") in texts_of(doc)
        assert not any(ent.start <= 2 < ent.end for ent in doc.ents)
        assert doc[2].ent_iob == 3 and not doc[2].ent_type  # still blocked


def test_preset_outside_does_not_close_tokens(trained, annotated, gold):
    doc = trained.make_doc(annotated[0][0])
    doc.set_ents([], default="outside")
    assert texts_of(trained(doc)) == gold(annotated[0])


def test_overwrite_ents_from_the_config(make_nlp):
    assert make_nlp("bilstm", settings={"overwrite_ents": True}).get_pipe("ssner").cfg["overwrite_ents"]


def test_spans_key(make_nlp, annotated):
    nlp = make_nlp(steps=30, settings={"spans_key": "cti"})
    doc = nlp(annotated[0][0])
    assert list(doc.spans) == ["cti"] and len(doc.spans["cti"]) == len(doc.ents) > 0
    assert [ent._.ssner_score for ent in doc.ents] == pytest.approx(doc.spans["cti"].attrs["scores"].tolist())


def test_two_components_with_their_own_spans_key(trained, make_nlp, annotated):
    other = make_nlp(steps=30, settings={"spans_key": "second", "overwrite_ents": True})
    other.rename_pipe("ssner", "ssner2")
    trained.add_pipe("ssner2", source=other)
    doc = trained(annotated[0][0])
    assert set(doc.spans) == {"ssner", "second"} and trained.pipe_names == ["ssner", "ssner2"]
    assert all(span._.ssner_score is not None for span in doc.spans["second"])


def test_scorer(trained, make_examples, make_nlp):
    examples = make_examples(trained)
    scores = trained.evaluate(examples)
    assert scores["ents_f"] == scores["ents_p"] == scores["ents_r"] == 1.0
    assert set(scores["ents_per_type"]) == set(LABELS) and set(scores["ents_per_type"]["Tool"]) == {
        "p",
        "r",
        "f",
    }
    pipe = trained.get_pipe("ssner")
    assert set(pipe.score(examples)) == {"ents_p", "ents_r", "ents_f", "ents_per_type"}
    silent = make_nlp("bilstm", settings={"scorer": None}).get_pipe("ssner")
    assert silent.scorer is None and silent.score(examples) == {}


def test_similar_words_change_predictions(trained, annotated, make_table):
    pipe = trained.get_pipe("ssner")
    doc = trained.make_doc(annotated[0][0])
    before = pipe.model.predict([doc]).emissions
    pipe.set_similar_words(make_table(seed=1))
    after = pipe.model.predict([doc]).emissions
    assert np.abs(after - before).max() > 1e-3
    pipe.set_similar_words(make_table(seed=0))
    np.testing.assert_allclose(pipe.model.predict([doc]).emissions, before, atol=1e-6)


def test_similar_words_of_another_width_are_refused_and_the_old_stay(trained, annotated, make_table, found):
    expected = found(trained(annotated[0][0]))
    with pytest.raises(ValueError, match="S106.*width 6, got 5"):
        trained.get_pipe("ssner").set_similar_words(make_table(width=5))
    assert found(trained(annotated[0][0])) == expected


def test_what_is_no_table_or_has_no_use_is_refused(trained, make_nlp, make_table, annotated, found):
    expected = found(trained(annotated[0][0]))
    for wrong in ("words.sim", None):
        with pytest.raises(ValueError, match="S135.*SimilarWordTable.*'ssner'"):
            trained.get_pipe("ssner").set_similar_words(wrong)
    assert found(trained(annotated[0][0])) == expected
    without = make_nlp("char_cnn").get_pipe("ssner")
    with pytest.raises(ValueError, match="S136.*'ssner'"):
        without.set_similar_words(make_table())


def test_more_similar_words_are_welcome_and_are_saved(trained, annotated, make_table, found):
    pipe = trained.get_pipe("ssner")
    pipe.set_similar_words(make_table(n_more=9))
    expected = found(trained(annotated[0][0]))
    again = spacy.blank("en").from_config(trained.config).from_bytes(trained.to_bytes())
    assert found(again(annotated[0][0])) == expected
    assert len(similar_word_table(again.get_pipe("ssner").model)) == len(make_table(n_more=9))


# All combinations of sublayers


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
@pytest.mark.parametrize("mask", range(16))
def test_every_combination_of_sublayers(mask, decoder, tmp_path, make_nlp, annotated, make_examples, found):
    names = [name for i, name in enumerate(SUBLAYERS) if mask >> i & 1]
    if "fusion" in names and "similar_words" not in names:
        with pytest.raises(ValueError, match="S103"):
            make_nlp(*names, decoder=decoder)
        return
    nlp = make_nlp(*names or ["none"], decoder=decoder)
    network = network_of(nlp.get_pipe("ssner").model.get_ref("tagger"))
    built = dict(zip(SUBLAYERS, (network.char_cnn, network.bilstm, network.similar, network.fusion)))
    assert [name for name, layer in built.items() if layer is not None] == names
    before = weights(nlp)
    assert np.isfinite(nlp.update(make_examples(nlp), sgd=nlp.create_optimizer())["ssner"])
    after = weights(nlp)
    unmoved = [key for key in before if (before[key] == after[key]).all()]
    assert all(key.startswith("crf.") and decoder == "softmax" for key in unmoved if "legal" not in key), (
        unmoved
    )
    texts = [text for text, _ in annotated] + [""]
    expected = [found(doc) for doc in nlp.pipe(texts)]
    if decoder == "crf":
        nlp.to_disk(tmp_path)
        again = spacy.load(tmp_path)
    else:
        again = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert [found(doc) for doc in again.pipe(texts)] == expected


# Files


def test_disk_and_bytes(trained, annotated, found, tmp_path):
    texts = [text for text, _ in annotated]
    expected = [found(doc) for doc in trained.pipe(texts)]
    trained.to_disk(tmp_path)
    assert sorted(path.name for path in (tmp_path / "ssner").iterdir()) == ["cfg", "model", "similar_words"]
    assert [found(doc) for doc in spacy.load(tmp_path).pipe(texts)] == expected
    again = spacy.blank("en").from_config(trained.config).from_bytes(trained.to_bytes())
    assert [found(doc) for doc in again.pipe(texts)] == expected
    assert again.to_bytes() == trained.to_bytes()


def test_component_alone_on_disk_and_in_bytes(trained, annotated, found, tmp_path, tiny_model):
    pipe = trained.get_pipe("ssner")
    pipe.to_disk(tmp_path / "part")
    config = trained.get_pipe_config("ssner")
    expected = found(trained(annotated[0][0]))
    for load in (lambda p: p.from_disk(tmp_path / "part"), lambda p: p.from_bytes(pipe.to_bytes())):
        nlp = spacy.blank("en")
        fresh = nlp.add_pipe("ssner", config={k: v for k, v in config.items() if k != "factory"})
        assert load(fresh) is fresh
        assert fresh.labels == LABELS and found(nlp(annotated[0][0])) == expected
        assert similar_word_table(fresh.model).words == similar_word_table(pipe.model).words


@pytest.mark.parametrize("how", ["disk", "bytes"])
@pytest.mark.parametrize("more", [True, False])
def test_a_pipeline_with_other_labels_is_loaded_over_a_trained_one(
    more, how, make_nlp, make_examples, annotated, found, tmp_path
):
    """As a service does that is given a newer model while it runs."""
    small, large = make_nlp(sentences=annotated[1:2]), make_nlp(steps=20)
    old, new = (small, large) if more else (large, small)
    expected = [found(new(text)) for text, _ in annotated]
    if how == "disk":
        new.to_disk(tmp_path)
        old.from_disk(tmp_path)
    else:
        old.from_bytes(new.to_bytes())
    assert old.get_pipe("ssner").labels == new.get_pipe("ssner").labels
    assert [found(old(text)) for text, _ in annotated] == expected
    old.update(make_examples(old, annotated[1:2]), sgd=old.resume_training())


@pytest.mark.parametrize("part", ["cfg", "vocab", "similar_words", "model"])
def test_parts_that_are_left_out_are_not_asked_for(part, trained, annotated, found, tmp_path):
    """As spaCy's components: what `exclude` names is neither saved nor needed."""
    pipe, expected = trained.get_pipe("ssner"), found(trained(annotated[0][0]))
    pipe.from_bytes(pipe.to_bytes(exclude=[part]), exclude=[part])
    pipe.to_disk(tmp_path / "part", exclude=[part])
    pipe.from_disk(tmp_path / "part", exclude=[part])
    assert not (tmp_path / "part" / part).exists()
    assert found(trained(annotated[0][0])) == expected


def test_settings_are_saved(trained, tmp_path):
    pipe = trained.get_pipe("ssner")
    pipe.cfg.update(threshold=0.5, overwrite_ents=True)
    trained.to_disk(tmp_path)
    assert spacy.load(tmp_path).get_pipe("ssner").cfg == pipe.cfg


def test_labels_are_in_the_string_store_after_loading(trained_path):
    nlp = spacy.load(trained_path, exclude=["vocab"])
    fresh = spacy.blank("en").from_config(nlp.config)
    fresh.get_pipe("ssner").from_disk(trained_path / "ssner", exclude=["vocab"])
    assert all(label in fresh.vocab.strings for label in LABELS)


def test_save_before_initialize(tmp_path, make_examples, tiny_model, table_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("ssner", config={"model": tiny_model(*SUBLAYERS)})
    nlp.get_pipe("ssner").add_label("Tool")
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert again.get_pipe("ssner").labels == ("Tool",)
    with pytest.raises(ValueError, match="S110"):
        again("APT29")
    again.config["initialize"]["components"]["ssner"] = {"similar_words": str(table_path)}
    optimizer = again.initialize(lambda: make_examples(again))
    assert np.isfinite(again.update(make_examples(again), sgd=optimizer)["ssner"])


def test_training_goes_on_after_loading(trained, make_examples):
    examples = make_examples(trained)
    optimizer = trained.resume_training()
    before = trained.get_pipe("ssner").update(examples)["ssner"]
    for _ in range(5):
        trained.update(examples, sgd=optimizer)
    assert trained.get_pipe("ssner").update(examples)["ssner"] < before


def test_pipeline_is_picklable_by_bytes_and_deepcopy_of_config(trained, annotated, found):
    """What nlp.pipe(n_process=2) with spawn and `spacy.load` in a worker need."""
    data, config = trained.to_bytes(), trained.config.to_str()
    nlp = spacy.util.load_model_from_config(spacy.util.load_config_from_str(config), auto_fill=True)
    nlp.from_bytes(data)
    assert found(nlp(annotated[0][0])) == found(trained(annotated[0][0]))


# Focal loss and class weights of the softmax decoder

FOCAL = {"decoder": "softmax", "focal_gamma": 2.0, "class_weights": "effective"}


def loss_of(nlp, examples):
    pipe = nlp.get_pipe("ssner")
    scores, _ = pipe.model.begin_update([eg.predicted for eg in examples])
    return pipe.get_loss(examples, scores)[0]


def test_averages_of_weights_are_what_spacy_evaluates_and_saves(make_nlp, make_examples, annotated):
    nlp = make_nlp()
    optimizer = Adam(0.02, use_averages=True)
    for _ in range(40):
        nlp.update(make_examples(nlp), sgd=optimizer)
        optimizer.step_schedules()
    network = network_of(nlp.get_pipe("ssner").model.get_ref("tagger"))
    own = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    with nlp.use_params(optimizer.averages):
        assert not any(torch.equal(own[name], weight) for name, weight in network.named_parameters())
        data = nlp.to_bytes()
        scores = nlp.evaluate(make_examples(nlp))
    assert all(torch.equal(own[name], weight) for name, weight in network.named_parameters())
    averaged = make_nlp().from_bytes(data)
    assert averaged.evaluate(make_examples(nlp))["ents_f"] == scores["ents_f"] > 0.5


def test_focal_loss_reaches_the_component(make_nlp, make_examples):
    nlp = make_nlp("bilstm", decoder="softmax")
    examples = make_examples(nlp)
    losses = {}
    for gamma in (0.0, 1.0, 2.0):
        nlp.get_pipe("ssner").model.attrs["loss"]["gamma"] = gamma
        losses[gamma] = loss_of(nlp, examples)
    assert losses[0.0] > losses[1.0] > losses[2.0] > 0
    assert loss_of(make_nlp("bilstm", decoder="softmax", focal_gamma=2.0), examples) == losses[2.0]


def test_class_weights_are_counted_at_initialization(make_nlp, make_examples):
    plain, weighted = (
        make_nlp("bilstm", decoder="softmax", class_weights=scheme) for scheme in ("none", "inverse")
    )
    assert "tag_counts" not in plain.get_pipe("ssner").cfg
    counts = weighted.get_pipe("ssner").cfg["tag_counts"]
    assert counts["B-HackOrg"] == 3 and counts["I-Org"] == 4 and counts["B-Area"] == 1
    assert sum(counts.values()) == sum(len(eg.x) for eg in make_examples(plain))
    assert loss_of(plain, make_examples(plain)) != loss_of(weighted, make_examples(weighted))


def test_focal_pipeline_learns_grows_and_is_saved(make_nlp, annotated, make_examples, gold, found, tmp_path):
    nlp = make_nlp(steps=60, **FOCAL)
    assert texts_of(nlp(annotated[0][0])) == gold(annotated[0])
    nlp.get_pipe("ssner").add_label("Exploit")
    assert np.isfinite(nlp.update(make_examples(nlp), sgd=nlp.resume_training())["ssner"])
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert found(again(annotated[0][0])) == found(nlp(annotated[0][0]))
    assert loss_of(again, make_examples(again)) == loss_of(nlp, make_examples(nlp))


def test_pipelines_saved_before_there_was_a_focal_loss_still_load(trained, found, annotated):
    pipe = trained.get_pipe("ssner")
    expected = found(trained(annotated[0][0]))
    del pipe.model.attrs["loss"]  # what such a pipeline lacks
    data = trained.to_bytes()
    config = trained.config.copy()
    for name in ("focal_gamma", "class_weights"):
        config["components"]["ssner"]["model"].pop(name, None)
    again = spacy.blank("en").from_config(config).from_bytes(data)
    assert found(again(annotated[0][0])) == expected
    assert again.get_pipe("ssner").model.attrs["loss"] == {"gamma": 0.0, "class_weights": "none"}


@pytest.mark.parametrize(
    "settings,code",
    [
        ({"decoder": "softmax", "focal_gamma": -1.0}, "S104.*focal_gamma"),
        ({"decoder": "softmax", "class_weights": "balanced"}, "S104.*class_weights.*'balanced'"),
        ({"decoder": "crf", "focal_gamma": 2.0}, "S126.*2.0"),
        ({"decoder": "crf", "class_weights": "inverse"}, "S126.*'inverse'"),
    ],
)
def test_focal_settings_that_do_not_fit(settings, code, make_nlp):
    with pytest.raises(ValueError, match=code):
        make_nlp("bilstm", **settings)
