"""The lexicon in a pipeline: trained with, saved, replaced; what it changes and what it does not."""

import itertools

import numpy as np
import pytest
import spacy

from spacy_ssner.knowledge import lexicon_of, make_lexicon, similar_word_table
from spacy_ssner.layers.torch_tagger import network_of
from spacy_ssner.lexicon.lexicon import Lexicon, Name

OTHERS = ("char_cnn", "bilstm", "similar_words", "fusion")
COMBINATIONS = [
    names
    for n in range(5)
    for names in itertools.combinations(OTHERS, n)
    if "fusion" not in names or "similar_words" in names
]


@pytest.fixture(scope="module")
def lexicon_folder(make_nlp, tmp_path_factory):
    """Folder of a pipeline that reads a lexicon and knows the annotated sentences by heart."""
    path = tmp_path_factory.mktemp("lexicon_pipeline") / "pipeline"
    make_nlp("bilstm", "lexicon", steps=30).to_disk(path)
    return path


@pytest.fixture
def nlp(lexicon_folder):
    return spacy.load(lexicon_folder)


def emissions(nlp, text):
    return nlp.get_pipe("ssner").model.predict([nlp.make_doc(text)]).emissions


def lexicon_weight(nlp):
    return network_of(nlp.get_pipe("ssner").model.get_ref("tagger")).lexicon.map.weight


@pytest.mark.parametrize("names", COMBINATIONS, ids="-".join)
def test_every_combination_trains_a_step_and_comes_back(names, make_nlp, make_examples, annotated, found):
    nlp = make_nlp(*names, "lexicon", decoder="softmax" if len(names) == 1 else "crf")
    before = lexicon_weight(nlp).detach().clone()
    losses = [nlp.update(make_examples(nlp), sgd=nlp.create_optimizer())["ssner"] for _ in range(3)]
    assert np.isfinite(losses).all() and (lexicon_weight(nlp) != before).any()
    texts = [text for text, _ in annotated] + [""]
    again = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert [found(doc) for doc in again.pipe(texts)] == [found(doc) for doc in nlp.pipe(texts)]
    np.testing.assert_array_equal(emissions(again, texts[0]), emissions(nlp, texts[0]))


def test_disk_needs_nothing_but_the_pipeline(make_nlp, annotated, found, tmp_path, lexicon_path):
    nlp = make_nlp("bilstm", "lexicon", steps=2)
    nlp.to_disk(tmp_path / "a")
    files = sorted(path.name for path in (tmp_path / "a" / "ssner").iterdir())
    assert files == ["cfg", "lexicon", "model"]
    config = (tmp_path / "a" / "config.cfg").read_text(encoding="utf8")
    (tmp_path / "a" / "config.cfg").write_text(config.replace(str(lexicon_path), "/nowhere"), encoding="utf8")
    again = spacy.load(tmp_path / "a")
    for text, _ in annotated:
        assert found(again(text)) == found(nlp(text))
    assert lexicon_of(again.get_pipe("ssner").model).names == Lexicon.from_disk(lexicon_path).names
    again.to_disk(tmp_path / "b")
    for name in files:
        assert (tmp_path / "b" / "ssner" / name).read_bytes() == (
            tmp_path / "a" / "ssner" / name
        ).read_bytes()


def test_an_old_pipeline_without_lexicon_settings_loads_the_same(make_nlp, annotated, found):
    """As saved before there was a lexicon: neither the network's settings nor the model's know of it."""
    nlp = make_nlp("bilstm", steps=5)
    model = nlp.get_pipe("ssner").model
    shim = model.get_ref("tagger").shims[0]
    del shim.cfg["settings"]["lexicon"], shim.cfg["settings"]["n_categories"]
    del model.attrs["settings"]["lexicon"], model.attrs["settings"]["n_categories"]
    data = nlp.get_pipe("ssner").to_bytes(exclude=["vocab", "lexicon"])
    assert b"lexicon" not in data
    again = spacy.blank("en").from_config(nlp.config)
    again.get_pipe("ssner").from_bytes(data)
    for text, _ in annotated:
        np.testing.assert_array_equal(emissions(again, text), emissions(nlp, text))
        assert found(again(text)) == found(nlp(text))
    with pytest.raises(ValueError, match="S132"):
        again.get_pipe("ssner").set_lexicon(Lexicon([]))


# Replacing


def with_names(nlp, *names):
    pipe = nlp.get_pipe("ssner")
    pipe.set_lexicon(lexicon_of(pipe.model).with_names(names))


def test_a_name_added_after_training_changes_its_scores_and_only_where_it_stands(nlp):
    text, other = "The group Vexbot dropped Kolibri.", "Nothing was stolen on that day."
    before, before_other = emissions(nlp, text), emissions(nlp, other)
    with_names(nlp, Name("Vexbot", "actor"), Name("Kolibri", "malware"))
    assert np.abs(emissions(nlp, text) - before).max() > 1e-3
    np.testing.assert_array_equal(emissions(nlp, other), before_other)


def test_a_name_added_after_training_is_found(nlp):
    """The network has learned what an actor and a malware of the lexicon are; these two it never saw."""
    text = "The group Vexbot dropped Kolibri."
    with_names(nlp, Name("Vexbot", "actor"), Name("Kolibri", "malware"))
    scores = nlp.get_pipe("ssner").model.predict([nlp.make_doc(text)]).emissions
    labels = nlp.get_pipe("ssner").labels
    actor, malware = (1 + 2 * labels.index(label) for label in ("HackOrg", "Malware"))
    plain = spacy.load(nlp.path)
    without = plain.get_pipe("ssner").model.predict([plain.make_doc(text)]).emissions
    assert scores[2, actor] - scores[2, 0] > without[2, actor] - without[2, 0]
    assert scores[4, malware] - scores[4, 0] > without[4, malware] - without[4, 0]


def test_an_ordinary_word_in_the_lexicon_changes_nothing_in_lower_case(nlp):
    text = "The tool will open a page."
    before = emissions(nlp, text)
    with_names(nlp, Name("Tool", "malware", True), Name("Will", "actor", True))
    np.testing.assert_array_equal(emissions(nlp, text), before)
    assert [ent.text for ent in nlp(text).ents if ent.text in ("tool", "will", "page")] == []
    assert np.abs(
        emissions(nlp, "The Tool will open a page.") - emissions(nlp, "The Took will open a page.")
    ).max()


def test_the_new_lexicon_is_saved(nlp, tmp_path):
    text = "The group Vexbot dropped Kolibri."
    with_names(nlp, Name("Vexbot", "actor"))
    nlp.to_disk(tmp_path)
    np.testing.assert_array_equal(emissions(spacy.load(tmp_path), text), emissions(nlp, text))


def test_other_categories_are_refused_and_the_old_names_stay(nlp):
    text = "APT29 used Mimikatz."
    before = emissions(nlp, text)
    for lexicon in (Lexicon([]), Lexicon([Name("a", "actor")]), Lexicon([], categories=["malware", "actor"])):
        with pytest.raises(ValueError, match=r"S131.*\['actor', 'malware'\]"):
            nlp.get_pipe("ssner").set_lexicon(lexicon)
    np.testing.assert_array_equal(emissions(nlp, text), before)
    nlp.get_pipe("ssner").set_lexicon(Lexicon([], categories=["actor", "malware"]))
    assert np.abs(emissions(nlp, text) - before).max() > 1e-3


# Dropped in training only


def test_names_are_dropped_in_training_only(make_nlp, make_examples):
    settings = {"@architectures": "spacy-ssner.Lexicon.v1", "width": 6, "dropout": 1.0}
    nlp = make_nlp("bilstm", "lexicon", lexicon=settings)
    before = lexicon_weight(nlp).detach().clone()
    text = "APT29 used Mimikatz."
    flagged = emissions(nlp, text)
    nlp.get_pipe("ssner").update(make_examples(nlp))
    assert (lexicon_weight(nlp).grad == 0).all() and (lexicon_weight(nlp) == before).all()
    nlp.get_pipe("ssner").set_lexicon(Lexicon([], categories=["actor", "malware"]))
    assert np.abs(emissions(nlp, text) - flagged).max() > 1e-4  # outside training they are there


# Refusals


@pytest.mark.parametrize("values", [{"width": 0}, {"dropout": -0.1}, {"dropout": 1.1}])
def test_impossible_settings(values):
    ((name, value),) = values.items()
    with pytest.raises(ValueError, match=f"S104.*'{name}'.*{value}"):
        make_lexicon(**values)


def test_no_lexicon(tiny_model, make_examples):
    nlp = spacy.blank("en")
    nlp.add_pipe("ssner", config={"model": tiny_model("lexicon")})
    with pytest.raises(ValueError, match="S130.*ssner lexicon"):
        nlp.initialize(lambda: make_examples(nlp))


@pytest.mark.parametrize(
    "what, code, kept", [("lexicon", "SW130", lexicon_of), ("similar_words", "SW131", similar_word_table)]
)
def test_a_file_that_no_one_reads_is_named_and_not_kept(
    what, code, kept, tiny_model, make_examples, lexicon_path, table_path
):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("ssner", config={"model": tiny_model("bilstm")})
    path = {"lexicon": lexicon_path, "similar_words": table_path}[what]
    with pytest.warns(UserWarning, match=f"{code}.*'ssner'"):
        pipe.initialize(lambda: make_examples(nlp), **{what: path})
    assert kept(pipe.model) is None


@pytest.mark.parametrize("content,code", [(None, "S263"), (b"", "S267"), (b"word2vec 3 4\n", "S267")])
def test_wrong_file(content, code, tiny_model, make_examples, tmp_path):
    if content is not None:
        (tmp_path / "names.lex").write_bytes(content)
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("ssner", config={"model": tiny_model("lexicon")})
    with pytest.raises((ValueError, OSError), match=rf"{code}.*names\.lex"):
        pipe.initialize(lambda: make_examples(nlp), lexicon=tmp_path / "names.lex")


def test_damaged_missing_and_foreign_lexicon_of_a_saved_pipeline(nlp, tmp_path):
    nlp.to_disk(tmp_path)
    path = tmp_path / "ssner" / "lexicon"
    data = path.read_bytes()
    path.write_bytes(data[:-4])
    with pytest.raises(ValueError, match="S267"):
        spacy.load(tmp_path)
    Lexicon([Name("a", "actor")]).to_disk(path)
    with pytest.raises(ValueError, match="S111.*lexicon"):
        spacy.load(tmp_path)
    path.unlink()
    with pytest.raises(ValueError, match="S111.*lexicon"):
        spacy.load(tmp_path)


def test_the_component_of_a_damaged_lexicon_is_named(nlp, tmp_path):
    nlp.to_disk(tmp_path)
    (tmp_path / "ssner" / "lexicon").write_bytes(b"none")
    with pytest.raises(ValueError, match="S267.*the lexicon of 'ssner'"):
        spacy.load(tmp_path)


def test_heads_must_divide_the_width_with_the_lexicon(make_nlp):
    with pytest.raises(ValueError, match="S104.*n_heads.*a divisor of 22"):
        make_nlp("similar_words", "fusion", "lexicon", fusion={"@architectures": "spacy-ssner.Fusion.v1"})
