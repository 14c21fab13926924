"""What a pipeline is saved over or loaded over leaves nothing behind: neither tables of other words nor other names."""

import pickle
import subprocess
import sys

import pytest
import spacy

from spacy_ssner.knowledge import lexicon_of, similar_word_table

TEXT = "APT29 used Mimikatz against Acme Corp in Kyiv."
TABLES = ("similar_words", "lexicon")


def load_from_disk(nlp, source, path):
    source.to_disk(path)
    nlp.from_disk(path)


def load_from_bytes(nlp, source, path):
    nlp.from_bytes(source.to_bytes())


def knowledge(nlp):
    model = nlp.get_pipe("ssner").model
    return similar_word_table(model), lexicon_of(model)


def files(path):
    return sorted(file.name for file in (path / "ssner").iterdir())


def test_tables_of_an_earlier_save_do_not_survive(make_nlp, found, tmp_path):
    make_nlp("bilstm", *TABLES).to_disk(tmp_path)
    assert files(tmp_path) == ["cfg", "lexicon", "model", "similar_words"]
    nlp = make_nlp("bilstm")
    nlp.to_disk(tmp_path)
    assert files(tmp_path) == ["cfg", "model"]
    again = spacy.load(tmp_path)
    assert knowledge(again) == (None, None) and found(again(TEXT)) == found(nlp(TEXT))


def test_what_to_leave_out_may_be_any_iterable(make_nlp):
    pipe = make_nlp("bilstm").get_pipe("ssner")
    names = ["vocab", "model"]
    assert pipe.to_bytes(exclude=iter(names)) == pipe.to_bytes(exclude=names)


def test_a_pipeline_unpickled_in_a_fresh_process_has_its_extensions(make_nlp, tmp_path):
    nlp = make_nlp("bilstm")
    nlp.add_pipe("ssner_ioc", before="ssner")
    nlp.add_pipe("ssner_consistency")
    path = tmp_path / "nlp.pickle"
    path.write_bytes(pickle.dumps(nlp))
    code = f"""
import pickle
doc = pickle.load(open({str(path)!r}, "rb"))({TEXT + " Beacon to 203.0.113[.]7 seen."!r})
print([(ent.text, ent._.ssner_value, ent._.ssner_score) for ent in doc.ents], doc._.ssner_report.tokens)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0 and "203.0.113.7" in run.stdout, run.stderr


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_is_left_out_stays_as_it_was_saved(name, make_nlp, tmp_path):
    nlp = make_nlp("bilstm", *TABLES)
    nlp.to_disk(tmp_path)
    before = (tmp_path / "ssner" / name).read_bytes()
    make_nlp("bilstm").get_pipe("ssner").to_disk(tmp_path / "ssner", exclude=[name])
    assert (tmp_path / "ssner" / name).read_bytes() == before


@pytest.mark.parametrize("load", [load_from_disk, load_from_bytes])
def test_tables_do_not_stay_where_a_pipeline_without_any_is_loaded(load, make_nlp, found, tmp_path):
    old, new = make_nlp("bilstm", *TABLES), make_nlp("bilstm")
    load(old, new, tmp_path)
    assert knowledge(old) == (None, None) and found(old(TEXT)) == found(new(TEXT))
    old.to_disk(tmp_path / "again")
    assert files(tmp_path / "again") == ["cfg", "model"]


@pytest.mark.parametrize("load", [load_from_disk, load_from_bytes])
def test_other_tables_take_the_place_of_the_old_ones(load, make_nlp, make_table, found, tmp_path):
    make_table(n_more=9, seed=1).to_disk(tmp_path / "more.sim")
    old, new = make_nlp("bilstm", *TABLES), make_nlp("bilstm", *TABLES, table=tmp_path / "more.sim")
    old.to_disk(tmp_path / "saved")
    load(old, new, tmp_path / "saved")
    assert (
        similar_word_table(old.get_pipe("ssner").model).words
        == similar_word_table(new.get_pipe("ssner").model).words
    )
    assert found(old(TEXT)) == found(new(TEXT))


@pytest.mark.parametrize("load", ["from_disk", "from_bytes"])
def test_tables_are_loaded_without_weights_only_if_these_read_them(
    load, make_nlp, make_table, found, tmp_path
):
    """The network's vectors are those of its table, wherever that comes from."""
    make_table(n_more=9, seed=1).to_disk(tmp_path / "more.sim")
    old, new = make_nlp("bilstm", *TABLES), make_nlp("bilstm", *TABLES, table=tmp_path / "more.sim")
    pipe, plain = old.get_pipe("ssner"), make_nlp("bilstm").get_pipe("ssner")

    def load_over(source):
        source.to_disk(tmp_path / "part")
        saved = tmp_path / "part" if load == "from_disk" else source.to_bytes()
        getattr(pipe, load)(saved, exclude=["model"])

    load_over(new.get_pipe("ssner"))
    expected = make_nlp("bilstm", *TABLES)
    expected.get_pipe("ssner").set_similar_words(similar_word_table(new.get_pipe("ssner").model))
    assert found(old(TEXT)) == found(expected(TEXT))
    with pytest.raises(ValueError, match="S111.*similar words are missing"):
        load_over(plain)
