"""Settings of the component: checked, saved, and at their defaults in pipelines that are older than them."""

import shutil

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
        ({"overwrite_ents": "no"}, "overwrite_ents"),
        ({"scores": 1}, "scores"),
        ({"spans_key": None}, "spans_key"),
        ({"n_best_key": 3}, "n_best_key"),
    ],
)
def test_values_that_are_not_usable(settings, name):
    with pytest.raises(ValueError, match=rf"S101.*'{name}'"):
        check_settings(settings)


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
