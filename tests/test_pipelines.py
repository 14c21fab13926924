"""Components under other names, left out or switched off when a pipeline is loaded and saved."""

import pytest
import spacy

TEXT = "APT29 used Mimikatz against Acme Corp in Kyiv. See CVE-2017-0144."
RULED = {("CVE-2017-0144", "CVE")}


def by_disk(nlp, path):
    nlp.to_disk(path)
    return spacy.load(path)


def by_bytes(nlp, path):
    return spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())


WAYS = pytest.mark.parametrize("way", [by_disk, by_bytes])


def ents(doc):
    return {(ent.text, ent.label_) for ent in doc.ents}


@pytest.fixture
def path(trained, tmp_path):
    """Folder of a pipeline of indicators by rule and a trained network."""
    trained.add_pipe("ssner_ioc", before="ssner")
    trained.to_disk(tmp_path / "both")
    return tmp_path / "both"


@pytest.fixture
def nlp(path):
    return spacy.load(path)


@WAYS
def test_added_under_another_name(way, tiny_model, make_examples, table_path, lexicon_path, found, tmp_path):
    nlp = spacy.blank("en")
    model = tiny_model("bilstm", "similar_words", "lexicon")
    pipe = nlp.add_pipe("ssner", name="second", config={"model": model})
    nlp.add_pipe("ssner_ioc", name="rules", first=True)
    with pytest.raises(ValueError, match="S110.*'second'"):
        nlp(TEXT)
    files = {"similar_words": str(table_path), "lexicon": str(lexicon_path)}
    nlp.config["initialize"]["components"]["second"] = files
    optimizer = nlp.initialize(lambda: make_examples(nlp))
    assert pipe.name == "second" and nlp.update(make_examples(nlp), sgd=optimizer).keys() == {"second"}
    again = way(nlp, tmp_path)
    assert again.pipe_names == ["rules", "second"] and again.get_pipe("second").name == "second"
    assert found(again(TEXT)) == found(nlp(TEXT)) and RULED <= ents(again(TEXT))


@WAYS
def test_renamed(way, nlp, found, tmp_path):
    expected = found(nlp(TEXT))
    nlp.rename_pipe("ssner", "names")
    nlp.rename_pipe("ssner_ioc", "rules")
    assert found(nlp(TEXT)) == expected
    again = way(nlp, tmp_path / "renamed")
    assert again.pipe_names == ["rules", "names"] and again.get_pipe("names").name == "names"
    assert found(again(TEXT)) == expected
    assert nlp.evaluate([])["ents_f"] == again.evaluate([])["ents_f"]


@WAYS
def test_renamed_and_saved_over_the_old_name(way, nlp, path, found):
    expected = found(nlp(TEXT))
    nlp.rename_pipe("ssner", "names")
    assert found(way(nlp, path)(TEXT)) == expected


@WAYS
def test_two_of_one_kind(way, nlp, make_nlp, found, tmp_path):
    other = make_nlp("bilstm", "lexicon", settings={"spans_key": "second", "overwrite_ents": True})
    other.rename_pipe("ssner", "second")
    nlp.add_pipe("second", source=other)
    again = way(nlp, tmp_path / "two")
    assert again.pipe_names == ["ssner_ioc", "ssner", "second"]
    assert found(again(TEXT)) == found(nlp(TEXT))
    with again.select_pipes(disable=["second"]), nlp.select_pipes(disable=["second"]):
        assert found(again(TEXT)) == found(nlp(TEXT)) and RULED < ents(again(TEXT))


@WAYS
def test_left_out_when_loaded(way, path, tmp_path):
    nlp = spacy.load(path, exclude=["ssner"])
    again = way(nlp, tmp_path / "again")
    for one in (nlp, again):
        assert one.component_names == ["ssner_ioc"] and ents(one(TEXT)) == RULED
    rest = spacy.load(path, exclude=["ssner_ioc"])
    assert rest.component_names == ["ssner"] and ents(rest(TEXT)) - RULED


@WAYS
def test_left_out_and_saved_over_the_whole(way, path, found):
    """The folder of a component that is gone may stay; nothing reads it."""
    nlp = way(spacy.load(path, exclude=["ssner"]), path)
    assert nlp.component_names == ["ssner_ioc"] and ents(nlp(TEXT)) == RULED


@WAYS
def test_switched_off_when_loaded(way, nlp, path, found, tmp_path):
    expected = found(nlp(TEXT))
    off = spacy.load(path, disable=["ssner"])
    again = way(off, tmp_path / "again")
    for one in (off, again):
        assert one.pipe_names == ["ssner_ioc"] and one.disabled == ["ssner"] and ents(one(TEXT)) == RULED
        one.enable_pipe("ssner")
        assert found(one(TEXT)) == expected
    only = spacy.load(path, enable=["ssner_ioc"])
    assert only.disabled == ["ssner"] and ents(only(TEXT)) == RULED


@WAYS
def test_saved_while_switched_off(way, nlp, found, tmp_path):
    expected = found(nlp(TEXT))
    with nlp.select_pipes(enable="ssner_ioc"):
        assert ents(nlp(TEXT)) == RULED
        again = way(nlp, tmp_path / "again")
    assert found(nlp(TEXT)) == expected
    assert again.disabled == ["ssner"] and ents(again(TEXT)) == RULED
    again.enable_pipe("ssner")
    assert found(again(TEXT)) == expected


def test_left_out_of_bytes(nlp):
    """Bytes keep what they are told to; the component that is not in them stays as it was."""
    fresh = spacy.blank("en").from_config(nlp.config)
    fresh.from_bytes(nlp.to_bytes(exclude=["ssner"]))
    assert fresh.pipe_names == nlp.pipe_names
    with pytest.raises(ValueError, match="S110"):
        fresh(TEXT)
    fresh.from_bytes(nlp.to_bytes(), exclude=["ssner_ioc"])
    assert ents(fresh(TEXT)) == ents(nlp(TEXT))
