"""Settings of the component: checked, saved, and at their defaults in pipelines that are older than them."""

import shutil

import numpy as np
import pytest
import spacy
import srsly

from spacy_ssner.factory import make_ssner
from spacy_ssner.settings import DEFAULTS, check_settings

NEW = {"scores": False, "n_best": 3, "n_best_key": "review", "on_truncation": "warn"}


def test_defaults_are_those_of_the_factory():
    config = spacy.blank("en").get_factory_meta("ssner").default_config
    assert {name: config[name] for name in DEFAULTS} == check_settings({}) == DEFAULTS
    assert all(name in (make_ssner.__doc__ or "") for name in DEFAULTS)


@pytest.mark.parametrize(
    "settings,name",
    [
        ({"n_best": -1}, "n_best"),
        ({"n_best": 2.5}, "n_best"),
        ({"n_best": True}, "n_best"),
        ({"n_best_key": "ssner"}, "n_best_key"),
        ({"spans_key": "x", "n_best_key": "x"}, "n_best_key"),
        ({"on_truncation": "stop"}, "on_truncation"),
        ({"threshold": 2.0}, "threshold"),
        ({"temperature": 0.0}, "temperature"),
        ({"threshold": "0.5"}, "threshold"),
        ({"threshold": True}, "threshold"),
        ({"temperature": None}, "temperature"),
        ({"expected_f1": 62.0}, "expected_f1"),
        ({"expected_f1": True}, "expected_f1"),
        ({"overwrite_ents": "no"}, "overwrite_ents"),
        ({"scores": 1}, "scores"),
        ({"spans_key": None}, "spans_key"),
        ({"n_best_key": 3}, "n_best_key"),
    ],
)
def test_values_that_are_not_usable(settings, name):
    with pytest.raises(ValueError, match=rf"S101.*'{name}'"):
        check_settings(settings)


NUMPY = {
    "threshold": np.float32(0.5),
    "temperature": np.float64(2),
    "n_best": np.int64(3),
    "scores": np.bool_(False),
    "overwrite_ents": np.bool_(True),
    "spans_key": np.str_("cti"),
}
PLAIN = {name: value.item() for name, value in NUMPY.items()}


def kinds(cfg):
    return {name: (type(cfg[name]), cfg[name]) for name in NUMPY}


def test_numpy_scalars_become_plain():
    assert kinds(check_settings(NUMPY)) == kinds(PLAIN)
    with pytest.raises(ValueError, match="S101.*'n_best'"):
        check_settings({"n_best": np.float64(3)})
    with pytest.raises(ValueError, match="S101.*'scores'"):
        check_settings({"scores": np.int64(1)})


def test_numpy_scalars_that_a_user_sets_can_be_saved(make_nlp, tmp_path):
    """`cfg["threshold"] = thresholds[i]`, say, where thresholds is an array."""
    nlp = make_nlp("bilstm")
    pipe = nlp.get_pipe("ssner")
    pipe.cfg.update(NUMPY)
    nlp.to_disk(tmp_path)
    assert kinds(spacy.load(tmp_path).get_pipe("ssner").cfg) == kinds(PLAIN)
    again = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert kinds(again.get_pipe("ssner").cfg) == kinds(PLAIN)
    assert len(nlp("APT29 used Mimikatz.").spans["ssner_nbest"].attrs["scores"]) <= 3


def test_a_setting_that_no_pipeline_could_run_with_is_not_saved(make_nlp, tmp_path):
    nlp = make_nlp("bilstm")
    nlp.get_pipe("ssner").cfg["threshold"] = 5
    for save in (nlp.to_bytes, lambda: nlp.to_disk(tmp_path)):
        with pytest.raises(ValueError, match="S101.*'threshold'"):
            save()


@pytest.mark.parametrize("name,value", [("scores", "yes"), ("threshold", "0.5"), ("n_best", "3")])
def test_the_message_shows_a_string_as_it_was_given(name, value):
    with pytest.raises(ValueError, match=rf"but is '{value}'\."):
        check_settings({name: value})


def test_a_name_that_is_none():
    with pytest.raises(TypeError, match="thresold"):
        check_settings({"thresold": 0.5})


def test_they_reach_the_component_and_are_saved(make_nlp, tmp_path):
    nlp = make_nlp("bilstm", settings=NEW)
    assert {name: nlp.get_pipe("ssner").cfg[name] for name in NEW} == NEW
    nlp.get_pipe("ssner").cfg["n_best"] = 7
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path).get_pipe("ssner").cfg == {**nlp.get_pipe("ssner").cfg, "n_best": 7}
    again = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert again.get_pipe("ssner").cfg == nlp.get_pipe("ssner").cfg


@pytest.mark.parametrize("name", NEW)
def test_pipelines_saved_before_there_was_a_setting_load_with_its_default(name, trained_path, tmp_path):
    shutil.copytree(trained_path, tmp_path / "old")
    cfg, config = tmp_path / "old" / "ssner" / "cfg", tmp_path / "old" / "config.cfg"
    values = srsly.read_json(cfg)
    del values[name]
    srsly.write_json(cfg, values)
    lines = config.read_text(encoding="utf8").splitlines(keepends=True)
    kept = [line for line in lines if line.split(" = ")[0] != name]
    assert len(kept) == len(lines) - 1
    config.write_text("".join(kept), encoding="utf8")
    nlp = spacy.load(tmp_path / "old")
    assert nlp.get_pipe("ssner").cfg[name] == DEFAULTS[name]
    assert nlp("APT29 used Mimikatz.").ents
