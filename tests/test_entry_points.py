"""What pip installs is found by spaCy under the promised names, and a blank pipeline stays light."""

import configparser
import importlib
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import spacy
from spacy import displacy
from spacy.util import registry
from thinc.api import Model

ROOT = Path(__file__).parents[1]
HEAVY = ("gensim", "rapidfuzz", "transformers", "tokenizers", "matplotlib", "libarchive")
NAMES = {
    "spacy_factories": ["ssner", "ssner_consistency", "ssner_ioc"],
    "spacy_architectures": [
        "spacy-ssner.BiLSTM.v1",
        "spacy-ssner.CharCNN.v1",
        "spacy-ssner.Fusion.v1",
        "spacy-ssner.HFEncoder.v1",
        "spacy-ssner.Lexicon.v1",
        "spacy-ssner.SSNER.v1",
        "spacy-ssner.SimilarWords.v1",
    ],
    "spacy_augmenters": ["spacy-ssner.swap_names.v1"],
    "thinc_optimizers": ["spacy-ssner.FusedAdam.v1"],
    "thinc_schedules": ["spacy-ssner.head_first.v1"],
    "spacy_callbacks": ["spacy-ssner.keep_freed_memory.v1", "spacy-ssner.trim_freed_memory.v1"],
    "spacy_scorers": ["spacy-ssner.ssner_scorer.v1"],
    "spacy_tokenizers": ["spacy-ssner.CTITokenizer.v1"],
    "spacy_displacy_colors": ["ssner"],
    "spacy_cli": ["ssner"],
}


def declared():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf8")
    lines = config["options.entry_points"]
    return {group: dict(row.split(" = ") for row in lines[group].strip().split("\n")) for group in lines}


def test_names():
    assert {group: sorted(entries) for group, entries in declared().items()} == NAMES


@pytest.mark.parametrize("group", NAMES)
def test_installed_as_declared(group):
    """Run `pip install -e .` again if this fails: the installed package is an older one."""
    found = {e.name: e.value for e in entry_points(group=group) if e.value.startswith("spacy_ssner")}
    assert found == declared()[group]


@pytest.mark.parametrize("group,name", [(group, name) for group, names in NAMES.items() for name in names])
def test_entry_point_resolves(group, name):
    module, _, attribute = declared()[group][name].partition(":")
    assert getattr(importlib.import_module(module), attribute) is not None


@pytest.mark.parametrize("name", NAMES["spacy_architectures"])
def test_architecture_is_called_by_name(name, tmp_path, tiny_model):
    arguments = {
        "spacy-ssner.SSNER.v1": {k: v for k, v in tiny_model().items() if k != "@architectures"},
        "spacy-ssner.HFEncoder.v1": {"name": str(tmp_path)},  # read at initialization only
    }
    made = registry.resolve({"made": {"@architectures": name, **arguments.get(name, {})}})["made"]
    kind = name.split(".")[1]
    if kind in ("SSNER", "HFEncoder"):
        assert isinstance(made, Model) and made.name == {"SSNER": "ssner", "HFEncoder": "hf_encoder"}[kind]
    else:
        assert type(made).__name__ == f"{kind}Settings"


def test_factory_is_called_by_name(tiny_model):
    nlp = spacy.blank("en")
    assert nlp.add_pipe("ssner", name="other", config={"model": tiny_model()}).name == "other"
    assert nlp.get_pipe_meta("other").factory == "ssner"


def test_scorer_is_called_by_name(make_examples):
    scorer = registry.scorers.get("spacy-ssner.ssner_scorer.v1")()
    assert set(scorer(make_examples(spacy.blank("en")))) == {"ents_p", "ents_r", "ents_f", "ents_per_type"}


def test_command_group_is_there():
    import typer
    from spacy.cli._util import app

    registry.cli.get_all()
    command = typer.main.get_command(app)
    assert sorted(command.commands["ssner"].commands) == [
        "ablation", "annotate", "average", "benchmark", "calibrate", "compare", "convert", "debug-data", "encoder",
        "evaluate", "label-errors", "lexicon", "prepare", "prepare-text", "pretrain", "pretrain-supervised",
        "pseudo-label", "quantise", "render", "report", "similar-words", "variant",
    ]  # fmt: skip


def test_colours_reach_displacy():
    colours = registry.displacy_colors.get("ssner")
    doc = {"text": "APT29 ran", "ents": [{"start": 0, "end": 5, "label": "HackOrg"}]}
    html = displacy.render(doc, style="ent", manual=True, jupyter=False)
    assert colours["HackOrg"] in html
    upper = displacy.EntityRenderer().colors
    assert {label.upper(): colour for label, colour in colours.items()}.items() <= upper.items()


# spacy-transformers, where it is installed, is loaded with all other factories and imports transformers itself.
LIGHT = f"""
import importlib.metadata as metadata
import sys
import catalogue
found = [e for d in metadata.distributions() for e in d.entry_points]
ours = metadata.EntryPoints(e for e in found if not e.value.startswith("spacy_transformers"))
catalogue.AVAILABLE_ENTRY_POINTS = ours

def check(step):
    loaded = [name for name in {HEAVY} if name in sys.modules]
    assert not loaded, (step, loaded)

import spacy_ssner
check("package")
import spacy_ssner.component, spacy_ssner.factory
check("component")
from spacy.tokens import Span
assert not Span.has_extension("ssner_score")
import spacy
nlp = spacy.blank("en")
check("blank")
nlp.add_pipe("ssner")
check("add_pipe")
assert Span.has_extension("ssner_score")
import spacy.cli
assert "spacy_ssner.cli" not in sys.modules
spacy.util.registry.cli.get_all()
assert "spacy_ssner.cli" in sys.modules
check("python -m spacy")
"""


@pytest.mark.slow
def test_importing_stays_light():
    """Any spacy.blank() loads all factories, any `python -m spacy` all commands: ours must not drag in much."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", LIGHT], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
