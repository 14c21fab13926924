"""Every config builds and initializes; every command that project.yml runs exists and finds its files."""

import gzip
import hashlib
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
import srsly
import typer
from spacy.cli._util import app
from spacy.cli.init_config import fill_config
from spacy.util import load_config, load_model_from_config, registry
from weasel.util.frozen import SimpleFrozenDict

from spacy_ssner.layers.torch_tagger import network_of

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "configs").glob("*.cfg"))
WORKFLOWS = {"all", "quick", "dnrti", "cyner", "aptner", "annoctr", "malwaretextdb", "raw", "ablation"}


@pytest.fixture(params=CONFIGS, ids=lambda path: path.stem)
def config(request, tiny_bert, table_path):
    config = load_config(request.param, overrides={}, interpolate=False)
    paths = {"encoder": str(tiny_bert), "similar_words": str(table_path)}
    config["paths"].update({key: value for key, value in paths.items() if key in config["paths"]})
    return config


def test_there_are_configs():
    assert {"ssner_cnn", "ssner_trf", "baseline_ner"} <= {path.stem for path in CONFIGS}


def test_averages_are_off(config):
    """They work (layers/torch_shim.py), but the published figures are without; peers are trained alike."""
    assert config["training"]["optimizer"]["use_averages"] is False


def test_seed_and_sizes_come_from_one_place(config):
    assert config["training"]["seed"] == "${system.seed}"
    assert config["training"]["gpu_allocator"] == "${system.gpu_allocator}"
    assert config["corpora"]["train"]["path"] == "${paths.train}"


def test_paths_only_where_they_belong(config):
    """A saved pipeline must not point to files: paths stand in [paths] and enter through [initialize]."""
    text = config.to_str(interpolate=False)
    body = text[text.index("[nlp]") :]
    assert not re.search(r'= "[^"]*/[^"]*"', body)
    assert set(re.findall(r"\$\{paths\.(\w+)\}", text)) == set(config["paths"])


def test_raw_text_is_cut_alike_for_us_and_the_peers(config):
    nlp = load_model_from_config({"nlp": {**config["nlp"], "pipeline": []}}, auto_fill=True)
    assert [token.text for token in nlp("(CVE-2017-0144) at hxxp://a[.]example.")][1:4] == [
        "CVE-2017-0144",
        ")",
        "at",
    ]
    assert config["nlp"]["tokenizer"] == {"@tokenizers": "spacy-ssner.CTITokenizer.v1"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_spacy_fills_a_config_up_as_it_is(path, tmp_path):
    """`init fill-config` builds the components and takes no `--paths.encoder`."""
    fill_config(tmp_path / "full.cfg", path, silent=True)
    full, given = (load_config(p, interpolate=False) for p in (tmp_path / "full.cfg", path))
    assert full["paths"].items() >= given["paths"].items()
    assert "${paths.encoder}" in full.to_str(interpolate=False) or "encoder" not in given["paths"]


@pytest.mark.filterwarnings("ignore:`clean_up_tokenization_spaces`:FutureWarning")
def test_config_builds_initializes_and_trains_a_step(config, make_examples):
    nlp = load_model_from_config(config, auto_fill=True, validate=True)
    examples = make_examples(nlp)
    optimizer = nlp.initialize(lambda: examples)
    losses = nlp.update(examples, sgd=optimizer, drop=0.1)
    assert set(losses) == set(nlp.pipe_names) and losses[nlp.pipe_names[-1]] > 0
    assert nlp("APT29 used Mimikatz.").has_annotation("ENT_IOB")
    training = registry.resolve(nlp.config["training"], schema=None, validate=False)
    assert {"optimizer", "batcher", "train_corpus"} <= set(training)


def test_ssner_configs_have_the_whole_network(config, make_examples):
    if "ssner" not in config["components"]:
        pytest.skip("a peer")
    nlp = load_model_from_config(config, auto_fill=True)
    nlp.initialize(lambda: make_examples(nlp))
    network = network_of(nlp.get_pipe("ssner").model.get_ref("tagger"))
    assert network.settings.decoder == "crf"
    assert all((network.char_cnn, network.bilstm, network.similar, network.fusion))


# project.yml


@pytest.fixture(scope="module")
def project():
    return srsly.read_yaml(ROOT / "project.yml")


@pytest.fixture(scope="module")
def spacy_commands():
    registry.cli.get_all()
    return typer.main.get_command(app)


def fill(text, project, **more):
    values = {**project["vars"], **more}
    for _ in range(2):  # a variable may hold another one
        text = re.sub(r"\$\{vars\.(\w+)\}", lambda m: str(values[m[1]]), text)
    return text


def test_workflows(project):
    names = {command["name"] for command in project["commands"]}
    assert WORKFLOWS <= set(project["workflows"])
    for steps in project["workflows"].values():
        assert set(steps) <= names
    assert len(names) == len(project["commands"])


def test_no_command_is_forgotten_by_help(project):
    assert all(command.get("help") and command.get("script") for command in project["commands"])


def test_project_file_is_valid():
    from weasel.util.config import load_project_config

    config = load_project_config(ROOT, interpolate=False)
    assert isinstance(config["vars"], (dict, SimpleFrozenDict))


@pytest.mark.parametrize(
    "more",
    [{}, {"config": "corpus/names.cfg"}, {"start": "sme/dnrti", "corpus": "dnrti"}, {"published": "dnrti"}],
    ids=lambda more: "-".join(more) or "defaults",
)
def test_spacy_fills_variables_in_as_they_are_meant(project, more, tmp_path):
    """spaCy's substitution takes some lists with several variables for one text."""
    from weasel.util.config import load_project_config

    shutil.copy(ROOT / "project.yml", tmp_path)  # loading makes folders
    overrides = {f"vars.{name}": value for name, value in more.items()}
    found = {
        command["name"]: command for command in load_project_config(tmp_path, overrides=overrides)["commands"]
    }
    for command in project["commands"]:
        for key in ("script", "deps", "outputs"):
            expected = [fill(text, project, **more) for text in command.get(key, [])]
            assert found[command["name"]].get(key, []) == expected, f"{command['name']}: {key}"


def scripts():
    commands = srsly.read_yaml(ROOT / "project.yml")["commands"]
    return [
        pytest.param(line, id=f"{command['name']}-{i}")
        for command in commands
        for i, line in enumerate(command["script"])
    ]


def source_of(config, project):
    """The config of the repository from which a command of the project makes this one."""
    lines = [
        shlex.split(fill(line, project)) for command in project["commands"] for line in command["script"]
    ]
    made = {words[6]: words[5] for words in lines if words[3:5] == ["ssner", "variant"]}
    return made.get(config, config)


@pytest.mark.parametrize("line", scripts())
def test_script_line_is_a_command_with_known_options(line, project, spacy_commands):
    words = shlex.split(fill(line, project))
    assert words[:3] == ["python", "-m", "spacy"], "only spaCy's own and our commands"
    command, rest, name = spacy_commands, words[3:], ""
    while hasattr(command, "commands"):
        name, *rest = rest
        assert name in command.commands, name
        command = command.commands[name]
    known = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    given = [word for word in rest if word.startswith("--")]
    overrides = [word for word in given if "." in word]
    assert set(given) - set(overrides) <= known
    if name != "train":
        assert not overrides
        return
    config = load_config(ROOT / source_of(rest[0], project), interpolate=False)
    for override in overrides:
        *sections, setting = override[2:].split(".")
        node = config
        for section in sections:
            node = node[section]
        assert setting in node, f"{override} is not in {rest[0]}"


def test_dependencies_are_in_the_repository_or_made_by_a_command(project):
    made = {fill(path, project) for command in project["commands"] for path in command.get("outputs", ())}
    downloads = {asset["dest"] for asset in project["assets"]}
    for command in project["commands"]:
        for path in map(lambda p: fill(p, project), command.get("deps", ())):
            assert path in made | downloads or (ROOT / path).exists(), f"{command['name']}: {path}"


def test_workflow_steps_are_in_a_possible_order(project):
    commands = {command["name"]: command for command in project["commands"]}
    for name, steps in project["workflows"].items():
        made = set()
        for step in steps:
            for path in map(lambda p: fill(p, project), commands[step].get("deps", ())):
                assert path in made or (ROOT / path).exists(), f"{name}: {step} needs {path}"
            made |= {fill(path, project) for path in commands[step].get("outputs", ())}


def test_assets_have_an_address_and_do_not_move(project):
    for asset in project["assets"]:
        assert asset["url"].startswith("https://") and asset["extra"], asset
        checksum = asset.get("checksum")
        commit = r"/[0-9a-f]{7,40}/" if checksum else r"/[0-9a-f]{40}/"
        assert re.search(commit, asset["url"]), "a commit, not a branch"
        assert checksum is None or re.fullmatch("[0-9a-f]{32}", checksum)


@pytest.mark.skipif("SSNER_DATA" not in os.environ, reason="needs SSNER_DATA")
def test_downloaded_name_lists_are_those_we_measured_with(project):
    downloads = {Path(a["dest"]).name: a["checksum"] for a in project["assets"] if "misp-galaxy" in a["dest"]}
    lists = {
        path.name[: -len(".gz")]: hashlib.md5(gzip.decompress(path.read_bytes())).hexdigest()
        for path in Path(os.environ["SSNER_DATA"], "knowledge", "misp-galaxy").glob("*.json.gz")
    }
    assert downloads == lists
