"""Grid files: what they mean, what they refuse, and the grid that comes with the package."""

import copy
from pathlib import Path

import pytest

from spacy_ssner.evaluation.grid import parse_grid, plan, read_grid

ROOT = Path(__file__).parents[2]
GRIDS = sorted(path.stem for path in (ROOT / "configs").glob("*.yml"))
GRID = {
    "config": "base.cfg",
    "seeds": [1, 2],
    "paths": {"encoder": "enc", "similar_words": "all.sim"},
    "data": {
        "cyner": {
            "train": "c/train.spacy",
            "dev": "c/dev.spacy",
            "tests": {"test": "c/test.spacy"},
            "epochs": 4,
        },
        "dnrti": {
            "train": "d/train.spacy",
            "dev": "d/dev.spacy",
            "total_steps": 400,
            "paths": {"similar_words": "d.sim"},
        },
    },
    "variants": {
        "full": None,
        "crf": "--off 'bilstm,fusion' --set a.b=1",
        "k5": {
            "config": "other.cfg",
            "total_steps": None,
            "epochs": 9,
            "paths": {"similar_words": "{data}-5.sim"},
        },
        "lookup": {"pipeline": "lookup:{train}"},
    },
}


def changed(*path, value):
    grid = copy.deepcopy(GRID)
    node = grid
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    return grid


def test_runs_of_a_grid():
    runs = {run.name: run for run in plan(parse_grid(GRID))}
    assert list(runs)[:8] == [f"{d}.{v}.1" for d in ("cyner", "dnrti") for v in GRID["variants"]]
    assert len(runs) == 2 * 4 + 2 * 3  # look-up once per data set
    crf = runs["cyner.crf.2"]
    assert crf.options == ("--set", "training.max_epochs=4", "--off", "bilstm,fusion", "--set", "a.b=1")
    assert crf.variant.config == "base.cfg"
    assert crf.data.splits == {"dev": "c/dev.spacy", "test": "c/test.spacy"}
    assert crf.paths == {"encoder": "enc", "similar_words": "all.sim"}
    assert runs["dnrti.full.1"].paths["similar_words"] == "d.sim"
    assert runs["dnrti.full.1"].options == ("--set", "training.optimizer.learn_rate.total_steps=400")
    k5 = runs["dnrti.k5.1"]
    assert (k5.variant.config, k5.paths["similar_words"]) == ("other.cfg", "dnrti-5.sim")
    assert k5.options == ("--set", "training.max_epochs=9")
    assert runs["dnrti.lookup.1"].fill(k5.variant.pipeline or "lookup:{train}") == "lookup:d/train.spacy"


def test_options_of_the_grid_go_before_those_of_variants_without_a_config_of_their_own():
    grid = parse_grid({**GRID, "options": "--set x.frozen=true"})
    options = {v.name: v.options for v in grid.variants}
    assert options["full"] == ("--set", "x.frozen=true")
    assert options["crf"] == ("--set", "x.frozen=true", "--off", "bilstm,fusion", "--set", "a.b=1")
    assert options["k5"] == ()


def test_sweeps_name_variants_by_curve_and_value():
    values = {"K, similar words": {"SSNER": {5: "k5", "all": "full"}}}
    (sweep,) = parse_grid({**GRID, "sweeps": values}).sweeps
    assert sweep.title == "K, similar words" and sweep.slug == "k-similar-words"
    assert list(sweep.curves["SSNER"].items()) == [("5", "k5"), ("all", "full")]


def test_a_part_of_a_grid():
    grid = parse_grid(GRID)
    names = [r.name for r in plan(grid, only=["lookup", "crf"], data=["dnrti"], seeds=[7, 8])]
    assert names == ["dnrti.crf.7", "dnrti.lookup.7", "dnrti.crf.8"]
    with pytest.raises(ValueError, match="S293.*--only.*full, crf.*nothing"):
        plan(grid, only=["nothing"])
    with pytest.raises(ValueError, match="S293.*--data"):
        plan(grid, data=["full"])


def test_a_seed_that_is_given_twice_counts_once():
    grid = parse_grid({**GRID, "seeds": [2, 1, 2]})
    for runs in (plan(grid, only=["crf"]), plan(parse_grid(GRID), only=["crf"], seeds=[2, 1, 2])):
        assert [run.name for run in runs] == ["cyner.crf.2", "dnrti.crf.2", "cyner.crf.1", "dnrti.crf.1"]
    assert [run.seed for run in plan(grid, only=["lookup"])] == [2, 2]  # once per data set


@pytest.mark.parametrize(
    "path,value",
    [
        (["seeds"], []),
        (["config"], 3),
        (["config"], None),
        (["options"], 3),
        (["sweeps"], {"K": {"full": {5: "k6"}}}),
        (["sweeps"], {"K": ["k5"]}),
        (["sweeps"], {"?": {"full": {5: "k5"}}}),
        (["sweeps"], {"Length": {"full": {5: "k5"}}}),  # the pictures that every data set has
        (["sweeps"], {"variants!": {"full": {5: "k5"}}}),
        (["sweeps"], {"K, words": {"full": {5: "k5"}}, "k words": {"full": {5: "k5"}}}),
        (["seeds"], ["1"]),
        (["seed"], [1]),
        (["data"], {}),
        (["data", "cyner"], None),
        (["data", "cyner"], {"train": "a.spacy"}),
        (["data", "cyner", "dev"], 3),
        (["data", "cyner", "epochs"], "4"),
        (["data", "cyner", "tests"], {"dev": "a.spacy"}),
        (["data", "cyner", "tests"], {"train": "a.spacy"}),
        (["data", "cyner", "tests"], {"variant": "a.spacy"}),
        (["data", "cyner", "tests"], {"pipeline": "a.spacy"}),
        (["data", "cyner", "tests"], {"a.b": "a.spacy"}),
        (["variants"], {}),
        (["variants", "a.b"], ""),
        (["variants", "crf"], {"off": "bilstm"}),
        (["variants", "crf"], {"paths": ["a"]}),
        (["variants", "crf"], "--off 'bilstm"),
    ],
)
def test_what_is_no_grid(path, value, tmp_path):
    import srsly

    srsly.write_yaml(tmp_path / "grid.yml", changed(*path, value=value))
    with pytest.raises(ValueError, match="S292"):
        read_grid(tmp_path / "grid.yml")


def test_pictures_of_two_data_sets_never_have_one_name():
    """page-cyner-k-length.png is the lengths of cyner-k, or the sweep "k, length" of cyner."""
    grid = changed("data", "cyner-k", value={"train": "a.spacy", "dev": "b.spacy"})
    assert parse_grid({**grid, "sweeps": {"k": {"full": {5: "k5"}}}}).sweeps
    with pytest.raises(ValueError, match="cyner-k-length"):
        parse_grid({**grid, "sweeps": {"k, length": {"full": {5: "k5"}}}})


def test_files_that_are_no_grid(tmp_path):
    (tmp_path / "bad.yml").write_text("a: [", encoding="utf8")
    (tmp_path / "list.yml").write_text("- 1", encoding="utf8")
    for name, code in (("bad", "S292"), ("list", "S292"), ("none", "S294")):
        with pytest.raises(ValueError, match=code):
            read_grid(tmp_path / f"{name}.yml")


def test_yaml_and_json_are_read_alike(tmp_path):
    import srsly

    srsly.write_yaml(tmp_path / "grid.yml", GRID)
    srsly.write_json(tmp_path / "grid.json", GRID)
    assert read_grid(tmp_path / "grid.yml") == read_grid(tmp_path / "grid.json") == parse_grid(GRID)


@pytest.mark.parametrize("name", GRIDS)
def test_grids_of_the_package_name_configs_that_exist(name):
    grid = read_grid(ROOT / "configs" / f"{name}.yml")
    assert len(grid.seeds) >= 3 and bool(grid.sweeps) == (name in ("ablation", "frozen", "masklen"))
    assert all((ROOT / v.config).is_file() for v in grid.variants)


def test_the_grid_of_the_package_holds_the_peers():
    grid = read_grid(ROOT / "configs" / "ablation.yml")
    assert {"full", "lookup", "spacy-ner", "linear", "crf"} <= {v.name for v in grid.variants}
