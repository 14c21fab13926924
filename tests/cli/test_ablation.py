"""`ablation` from the command line: a real grid on a small network, and the grid that comes with the package."""

import json
import os
import signal
from pathlib import Path
from threading import Thread
from time import sleep

import pytest
import srsly
from spacy.util import load_model_from_config
from thinc.api import Config
from typer.testing import CliRunner

from spacy_ssner.cli._app import ssner_app
from spacy_ssner.cli.ablation import ended_by_signals, make_config
from spacy_ssner.cli.convert import write_sentences
from spacy_ssner.corpus.convert import convert
from spacy_ssner.evaluation.grid import plan, read_grid

ROOT = Path(__file__).parents[2]
SMALL = {
    "components.ssner.model.tok2vec.width": 16,
    "components.ssner.model.tok2vec.depth": 1,
    "components.ssner.model.tok2vec.embed_size": 200,
    "training.max_steps": 20,
    "training.eval_frequency": 20,
    "training.optimizer.learn_rate": 0.01,
}


def run(*words):
    return CliRunner().invoke(ssner_app, ["ablation", *map(str, words)])


@pytest.fixture
def grid(tmp_path):
    for split in ("train", "dev"):
        sentences, _ = convert(ROOT / "assets" / "sample" / f"{split}.jsonl")
        write_sentences([s for s in sentences if s.mentions][:30], tmp_path / f"{split}.spacy")
    small = " ".join(f"--set {name}={value}" for name, value in SMALL.items())
    files = {split: str(tmp_path / f"{split}.spacy") for split in ("train", "dev")}
    variants = {
        "crf": f"--off char_cnn,bilstm,similar_words,fusion {small}",
        "unknown": "--off decoder",
        "lookup": {"pipeline": "lookup:{train}"},
    }
    content = {
        "config": str(ROOT / "configs" / "ssner_cnn.cfg"),
        "seeds": [5],
        "data": {"sample": files},
        "variants": variants,
    }
    srsly.write_yaml(tmp_path / "grid.yml", content)
    return tmp_path / "grid.yml"


def test_dry_run_prints_commands_and_writes_nothing(grid, tmp_path):
    result = run(grid, tmp_path / "runs", "--dry-run", "--seeds", "5,6")
    assert result.exit_code == 0, result.output
    lines = result.output.replace("\n", " ")
    assert "sample.crf.5: open" in lines and "--system.seed 6" in lines
    assert "sample.unknown.5: [S292]" in lines and "[S114]" in lines
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "words,code", [(["--only", "nothing"], "S293"), (["--seeds", "one"], "S293"), (["--data", "x"], "S293")]
)
def test_errors(grid, tmp_path, words, code):
    result = run(grid, tmp_path / "runs", *words)
    assert result.exit_code == 1 and f"[{code}]" in result.output
    assert f"[{code}]" not in run(grid, tmp_path / "runs", "--dry-run").output
    assert "S294" in run(tmp_path / "none.yml", tmp_path / "runs").output


@pytest.mark.slow
def test_grid_trains_evaluates_resumes_and_goes_on_after_failures(grid, tmp_path):
    folder = tmp_path / "runs"
    result = run(grid, folder, "--threads", 1)
    assert result.exit_code == 1 and "1 of 3 runs failed" in result.output, result.output
    records = {path.stem: json.loads(path.read_text(encoding="utf8")) for path in folder.glob("*.json")}
    assert set(records) == {"sample.crf.5", "sample.unknown.5", "sample.lookup.5"}
    assert "S114" in records["sample.unknown.5"]["error"]
    crf = records["sample.crf.5"]
    assert crf["error"] is None and crf["seed"] == 5 and crf["threads"] == 1 and crf["encoder"] is None
    scores = crf["scores"]["dev"]
    assert 0 < scores["micro"]["f1"] <= 1 and scores["pipeline"]["parameters"] > 1000
    counted = sum(int(n) for n in scores["sentence_counts"]["all"]["tp"].split())
    assert counted == scores["micro"]["tp"]
    assert set(crf["seconds"]) == {"train", "dev"} and min(crf["peak_mb"].values()) > 50
    assert crf["commands"]["train"].startswith("python -m spacy train") and crf["versions"]["spacy"]
    config = Config().from_disk(folder / "configs" / "sample.crf.cfg", interpolate=False)
    assert config["components"]["ssner"]["model"]["bilstm"] is None
    assert not (folder / "work" / "sample.crf.5").exists()

    again = run(grid, folder, "--only", "crf,lookup", "--jobs", 2)
    assert again.exit_code == 0 and again.output.count("done before") == 2
    assert json.loads((folder / "sample.crf.5.json").read_text(encoding="utf8")) == crf


@pytest.mark.slow
def test_runs_side_by_side_find_the_same(grid, tmp_path):
    more = run(grid, tmp_path / "runs", "--only", "crf,lookup", "--seeds", "5,6", "--jobs", 3, "--threads", 1)
    assert more.exit_code == 0 and more.output.count(": running") == 3, more.output
    one = run(grid, tmp_path / "one", "--only", "crf", "--threads", 1)
    assert one.exit_code == 0
    alone, beside = (
        json.loads((tmp_path / folder / "sample.crf.5.json").read_text(encoding="utf8"))
        for folder in ("one", "runs")
    )
    assert alone["scores"]["dev"]["micro"] == beside["scores"]["dev"]["micro"]


SLEEPER = ["python", "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_no_training_outlives_a_grid_that_is_told_to_end(grid, tmp_path, monkeypatch, name):
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip("no such signal here")
    monkeypatch.setattr("spacy_ssner.evaluation.runs.commands", lambda *_: {"train": SLEEPER})
    log, usual = tmp_path / "runs" / "sample.crf.5.log", signal.getsignal(number)
    signal.signal(number, signal.SIG_DFL)  # under nohup SIGHUP is ignored

    def end():
        while not (log.is_file() and len(log.read_text(encoding="utf8").splitlines()) == 2):
            sleep(0.05)
        os.kill(os.getpid(), number)

    Thread(target=end, daemon=True).start()
    try:
        assert run(grid, tmp_path / "runs", "--only", "crf").exit_code == 128 + number
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, usual)
    with pytest.raises(ProcessLookupError):
        os.kill(int(log.read_text(encoding="utf8").split()[-1]), 0)
    assert not (tmp_path / "runs" / "sample.crf.5.json").exists()


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as nohup does with SIGHUP
    try:
        with ended_by_signals():
            assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_file_in_the_place_of_the_folder(grid, tmp_path):
    (tmp_path / "file").touch()
    result = run(grid, tmp_path / "file")
    assert result.exit_code == 1 and "S289" in result.output


GRIDS = {name: read_grid(ROOT / "configs" / f"{name}.yml") for name in ("ablation", "frozen")}
TRAINED = {
    f"{name}-{run.variant.name}": run
    for name, grid in GRIDS.items()
    for run in plan(grid, data=["cyner"], seeds=[1])
    if not run.variant.pipeline
}


@pytest.mark.filterwarnings("ignore:`clean_up_tokenization_spaces`:FutureWarning")
@pytest.mark.parametrize("planned", TRAINED.values(), ids=TRAINED)
def test_variants_of_the_package_build(planned, monkeypatch, tiny_bert):
    monkeypatch.chdir(ROOT)
    text = make_config(Path(planned.variant.config), planned.options)
    config = Config().from_str(text, interpolate=False, overrides={"paths.encoder": str(tiny_bert)})
    load_model_from_config(config, auto_fill=True, validate=True)
    needed = {key for key in config["paths"] if key not in ("train", "dev", "lexicon")}
    if config["components"].get("ssner", {}).get("model", {}).get("lexicon") is not None:
        needed.add("lexicon")
    assert set(planned.paths) >= needed
