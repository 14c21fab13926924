"""`variant` from the command line: ablations of a config."""

from pathlib import Path

import pytest
import typer
from spacy.util import load_config, load_model_from_config
from typer.testing import CliRunner

import spacy_ssner.cli.variant  # noqa: F401  (registers the command)
from spacy_ssner.cli._app import ssner_app
from spacy_ssner.knowledge import lexicon_of

CONFIG = Path(__file__).parents[2] / "configs" / "ssner_cnn.cfg"
MODEL = ("components", "ssner", "model")


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    group = typer.Typer()
    group.registered_commands = [*ssner_app.registered_commands]
    group.command("other")(lambda: None)  # typer drops the name of a single command
    return lambda *arguments: CliRunner().invoke(group, ["variant", *map(str, arguments)])


@pytest.fixture
def make(run, tmp_path):
    def make(*options, config=CONFIG):
        result = run(config, tmp_path / "deep" / "out.cfg", *options)
        assert result.exit_code == 0, result.output
        return load_config(tmp_path / "deep" / "out.cfg", interpolate=False)

    return make


def test_without_options_it_is_a_copy(make):
    assert make() == load_config(CONFIG, interpolate=False)


@pytest.mark.parametrize("name", ["char_cnn", "bilstm", "fusion"])
def test_sublayer_off(make, name):
    config, before = make("--off", name), load_config(CONFIG, interpolate=False)
    before["components"]["ssner"]["model"][name] = None
    assert config == before
    load_model_from_config(config, auto_fill=True)


def test_switches_given_twice_all_count(make):
    model = make("--off", "char_cnn", "--off", "bilstm,fusion", "--on", "lexicon", "--on", "char_cnn")
    found = {name for name, value in model["components"]["ssner"]["model"].items() if value is None}
    assert found == {"char_cnn", "bilstm", "fusion"}  # what is both on and off is off
    assert "lexicon" in model["paths"]


def test_a_source_takes_the_place_of_the_model_and_its_files(make):
    config = make("--source", "training/head", "--set", "training.max_steps=5")
    before = load_config(CONFIG, interpolate=False)
    before["components"]["ssner"] = {"source": "training/head"}
    del before["initialize"]["components"]["ssner"]
    before["training"]["max_steps"] = 5
    assert config == before


def test_a_source_that_is_not_there_yet(run, tmp_path):
    for folder in (tmp_path / "none", tmp_path):
        result = run(CONFIG, tmp_path / "out.cfg", "--source", folder)
        assert (
            result.exit_code == 0
            and "SW274" in result.output
            and str(folder) in result.output.replace("\n", "")
        )
    (tmp_path / "config.cfg").touch()
    assert "SW274" not in run(CONFIG, tmp_path / "out.cfg", "--source", tmp_path).output


def test_a_source_for_a_component_that_is_not_there(run, tmp_path):
    result = run(CONFIG, tmp_path / "out.cfg", "--source", "training/head", "--component", "ner")
    assert result.exit_code == 1 and "S115" in result.output and not (tmp_path / "out.cfg").exists()


def test_similar_words_off_takes_fusion_and_the_table_along(make, make_examples):
    config = make("--off", "similar_words")
    model = config["components"]["ssner"]["model"]
    assert model["similar_words"] is None and model["fusion"] is None
    assert "similar_words" not in config["initialize"]["components"]["ssner"]
    nlp = load_model_from_config(config, auto_fill=True)
    nlp.initialize(lambda: make_examples(nlp))
    assert nlp("APT29").has_annotation("ENT_IOB")


def test_lexicon_on(make, make_examples, lexicon_path):
    config = make("--on", "lexicon", "--off", "similar_words", "--set", f"paths.lexicon={lexicon_path}")
    assert config["components"]["ssner"]["model"]["lexicon"] == {"@architectures": "spacy-ssner.Lexicon.v1"}
    nlp = load_model_from_config(config, auto_fill=True)
    nlp.initialize(lambda: make_examples(nlp))
    assert lexicon_of(nlp.get_pipe("ssner").model).categories == ("actor", "malware")


def test_on_brings_the_paths_along_where_they_are_missing(make, tmp_path):
    text = CONFIG.read_text(encoding="utf8").replace("lexicon = ${paths.lexicon}\n", "")
    (tmp_path / "in.cfg").write_text(text.replace("lexicon = null\n", ""), encoding="utf8")
    config = make("--on", "lexicon,bilstm", config=tmp_path / "in.cfg")
    assert config["paths"]["lexicon"] is None
    assert config["initialize"]["components"]["ssner"]["lexicon"] == "${paths.lexicon}"


def test_on_keeps_the_settings_of_what_is_on(make):
    change = "components.ssner.model.bilstm.width=64"
    assert make("--set", change)["components"]["ssner"]["model"]["bilstm"]["width"] == 64
    assert make("--on", "bilstm") == load_config(CONFIG, interpolate=False)


def test_off_undoes_on(make):
    config, before = make("--on", "lexicon", "--off", "lexicon"), load_config(CONFIG, interpolate=False)
    del before["initialize"]["components"]["ssner"]["lexicon"]
    assert config == before


def test_all_off(make, make_examples):
    config = make(
        "--off", " char_cnn, bilstm,similar_words ,fusion,", "--set", "components.ssner.model.decoder=softmax"
    )
    model = config["components"]["ssner"]["model"]
    assert [model[n] for n in ("char_cnn", "bilstm", "similar_words", "fusion")] == [None] * 4
    assert model["decoder"] == "softmax"
    nlp = load_model_from_config(config, auto_fill=True)
    nlp.initialize(lambda: make_examples(nlp))


@pytest.mark.parametrize(
    "change,path,value",
    [
        ("training.dropout=0.5", ("training", "dropout"), 0.5),
        ("training.max_epochs=3", ("training", "max_epochs"), 3),
        ("components.ssner.model.bilstm=null", (*MODEL, "bilstm"), None),
        ("components.ssner.model.fusion.combine=residual", (*MODEL, "fusion", "combine"), "residual"),
        ("paths.train=a=b.spacy", ("paths", "train"), "a=b.spacy"),
        ('nlp.pipeline=["ssner"]', ("nlp", "pipeline"), ["ssner"]),
        ("training.seed=${system.seed}", ("training", "seed"), "${system.seed}"),
        ("system.seed=7", ("system", "seed"), 7),
        ("components.ssner.threshold=0.5", ("components", "ssner", "threshold"), 0.5),
    ],
)  # fmt: skip
def test_set(make, change, path, value):
    node = make("--set", change)
    for part in path:
        node = node[part]
    assert node == value


def test_several_settings(make):
    config = make("--set", "training.dropout=0.5", "--set", "system.seed=4")
    assert (config["training"]["dropout"], config["system"]["seed"]) == (0.5, 4)


def test_other_component_name(make, tmp_path):
    text = CONFIG.read_text(encoding="utf8").replace("components.ssner", "components.cti")
    (tmp_path / "in.cfg").write_text(text.replace('["ssner"]', '["cti"]'), encoding="utf8")
    config = make("--off", "similar_words", "--component", "cti", config=tmp_path / "in.cfg")
    assert config["components"]["cti"]["model"]["similar_words"] is None


@pytest.mark.parametrize(
    "options,code",
    [
        (["--off", "decoder"], "S114"),
        (["--on", "decoder"], "S114"),
        (["--on", "lexicon", "--component", "ner"], "S115"),
        (["--off", "bilstm,decoder"], "S114"),
        (["--off", "bilstm", "--component", "ner"], "S115"),
        (["--set", "training.dropout"], "S116"),
        (["--set", "dropout=1"], "S116"),
        (["--set", "nowhere.dropout=1"], "S116"),
        (["--set", "training.dropout.rate=1"], "S116"),
    ],
)
def test_errors(run, tmp_path, options, code):
    result = run(CONFIG, tmp_path / "out.cfg", *options)
    assert result.exit_code == 1 and f"[{code}]" in result.output
    assert isinstance(result.exception, SystemExit) and not (tmp_path / "out.cfg").exists()


def test_missing_config(run, tmp_path):
    result = run(tmp_path / "none.cfg", tmp_path / "out.cfg")
    assert result.exit_code == 1 and "[S270]" in result.output
    (tmp_path / "grid.yml").write_text("# a grid\nconfig: a.cfg\nseeds: [1]\n")
    result = run(tmp_path / "grid.yml", tmp_path / "out.cfg")
    assert result.exit_code == 1 and "[S270]" in result.output and "as a config" in result.output


def test_never_its_own_input(run, tmp_path):
    path = tmp_path / "a.cfg"
    path.write_text(CONFIG.read_text())
    result = run(path, path, "--off", "bilstm")
    assert result.exit_code == 1 and "[S262]" in result.output
    assert path.read_text() == CONFIG.read_text()


@pytest.mark.parametrize(
    "change,meant",
    [
        ("components.ssner.model.tok2vec.embed_sice=5", "embed_size"),
        ("components.ssner.model.max_windows=5", "max_window"),
        ("components.ssner.treshold=0.5", "threshold"),
        ("training.optimizer.beta_1=0.5", "beta1"),
        ("training.batcher.zzz=1", ""),
    ],
)
def test_a_setting_that_the_function_does_not_have(run, tmp_path, change, meant):
    result = run(CONFIG, tmp_path / "out.cfg", "--set", change)
    output = result.output.replace("\n", "")
    assert result.exit_code == 1 and "S152" in output and not (tmp_path / "out.cfg").exists()
    assert (
        f"Did you mean '{meant}'?" in output
        if meant
        else "discard_oversize" in output and "mean" not in output
    )


def test_settings_that_are_free_or_new(make, tmp_path):
    changes = (
        "system.mine=1",
        "paths.other=x",
        "components.ssner.n_best=5",
        "training.optimizer.use_averages=true",
    )
    config = make(*(word for change in changes for word in ("--set", change)))
    assert config["system"]["mine"] == 1 and config["paths"]["other"] == "x"
    assert config["components"]["ssner"]["n_best"] == 5 and config["training"]["optimizer"]["use_averages"]
    text = CONFIG.read_text(encoding="utf8").replace("spacy.batch_by_padded.v1", "mine.not_installed.v1")
    (tmp_path / "own.cfg").write_text(text)
    assert (
        make("--set", "training.batcher.any=1", config=tmp_path / "own.cfg")["training"]["batcher"]["any"]
        == 1
    )
