"""The page of a grid: figures against their own computation, and the command that writes it."""

import json
import random
import shlex
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import spacy_ssner.cli  # noqa: F401  (registers the commands)
from spacy_ssner.cli._app import ssner_app
from spacy_ssner.evaluation.grid import read_grid
from spacy_ssner.evaluation.grouped_runs import f1_spread, group_runs, read_runs, sweep_curves
from spacy_ssner.evaluation.metrics import ScoredDoc
from spacy_ssner.evaluation.published_scores import PUBLISHED
from spacy_ssner.evaluation.report import format_p, markdown_table, render_report
from spacy_ssner.evaluation.results import summarize
from spacy_ssner.evaluation.significance import spread
from spacy_ssner.labels import TagSpan

PAGE = Path("page.md")
GOLD = (TagSpan(0, 1, "Tool"), TagSpan(2, 4, "HackOrg"))


def make_record(variant, seed, quality, *, data="cyner", error=None, config="c"):
    rng = random.Random(f"{variant}{seed}")
    scores = {}
    for split, n in (("dev", 20), ("test", 60)):
        found = [tuple(span for span in GOLD if rng.random() < quality) for _ in range(n)]
        results = summarize([ScoredDoc(("w",) * 4, GOLD, predicted) for predicted in found])
        results["data"]["sha256"] = split
        scores[split] = {
            **results,
            "speed": {"words_per_second": 1234.4},
            "pipeline": {"parameters": 22_700_000},
        }
    return {
        "data": data, "variant": variant, "seed": seed, "error": error, "key": "k", "config_sha256": config,
        "commands": {"train": f"python -m spacy train {variant}.cfg --system.seed {seed}"},
        "commit": "0123456789abcdef", "versions": {"torch": "2", "spacy": "3"}, "files": {},
        "encoder": "encoder", "encoder_sha256": "53aa51172d142c89", "gpu_id": -1, "threads": 1,
        "seconds": {"train": 90.0}, "peak_mb": {}, "scores": {} if error else scores,
    }  # fmt: skip


@pytest.fixture(scope="module")
def records():
    good = [make_record("full", seed, 0.9) for seed in (1, 2, 3)]
    poor = [make_record("crf", seed, 0.5) for seed in (1, 2)]
    failed = make_record("broken", 1, 0.5, error="[S295] no")
    return [*poor, *good, failed, make_record("full", 1, 0.7, data="other")]


def cells(report, start):
    """Cells of the first line that starts so."""
    line = next(line for line in report.splitlines() if line.startswith(f"| {start} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_figures(records):
    report = render_report(records, page=PAGE, words=(), references=["full"], n_resamples=300)
    full = [
        r["scores"]["test"]["micro"]["f1"] for r in records if (r["variant"], r["data"]) == ("full", "cyner")
    ]
    expected = f"{100 * np.mean(full):.1f} ± {100 * np.std(full, ddof=1):.1f}"
    assert cells(report, "full")[1:2] + cells(report, "full")[3:] == ["3", expected, "22.70M", "1,234", "1.5"]
    assert cells(report, "variant")[2:4] == ["dev", "test"]
    assert report.index("| full |") < report.index("| crf |")  # the best first
    crf = [r["scores"]["test"]["micro"]["f1"] for r in records if r["variant"] == "crf"]
    difference = next(line for line in report.splitlines() if line.startswith("| crf | -"))
    assert f"{100 * (np.mean(crf) - np.mean(full)):+.1f} (" in difference and "p 0.00" in difference
    both = render_report(records, page=PAGE, words=(), references=["full", "crf", "nothing"], n_resamples=100)
    assert both.count("Differences to `full`") == report.count("Differences to `full`")
    assert both.count("Differences to `crf`") == 1 and "`nothing`" not in both.split("\n## ")[1]
    assert "several tokens (60)" in report and "broken" in report.split("Failed, and so")[1]
    assert "crf.cfg --system.seed 1" in report and "(all: 1, 2, 3)" in report
    assert "encoder (53aa51172d14)" in report and "differ between seeds" not in report


def test_published_scores_stand_beside_with_their_encoder(records):
    report = render_report(records, page=PAGE, words=(), references=["full"], n_resamples=100)
    cyner, other = report.split("\n## other")
    for score in PUBLISHED:
        assert (f"{score.f1:.2f} | {score.encoder}" in cyner) == (score.data == "cyner")
    assert "published" not in other.lower()


def test_what_may_not_be_compared_is_said(records):
    changed = [dict(r) for r in records if r["data"] == "cyner"]
    crf = next(r for r in changed if r["variant"] == "crf")
    crf["config_sha256"] = "other"
    assert "differ between seeds of: crf." in render_report(
        changed, page=PAGE, words=(), references=["full"], n_resamples=100
    )
    test = crf["scores"]["test"]
    crf["scores"] = {**crf["scores"], "test": {**test, "data": {**test["data"], "sha256": "other"}}}
    assert "other data" in render_report(changed, page=PAGE, words=(), references=["full"], n_resamples=100)
    assert "Differences to" not in render_report(
        changed, page=PAGE, words=(), references=["nothing"], n_resamples=100
    )


def test_spread_is_in_percent_and_by_subset(records):
    runs = group_runs(records)["cyner"]["full"]
    values = [100 * r["scores"]["dev"]["subsets"]["length_1"]["micro"]["f1"] for r in runs]
    assert f1_spread(runs, "dev", subset="length_1") == spread(values)
    assert [r["seed"] for r in runs] == [1, 2, 3]


def test_small_formats():
    assert markdown_table(["a", "b"], [[1, "x"]]) == "| a | b |\n| --- | ---: |\n| 1 | x |"
    assert (format_p(0.0004), format_p(0.0312)) == ("< 0.001", "0.031")


@pytest.fixture
def folder(records, tmp_path):
    (tmp_path / "runs").mkdir()
    for record in records:
        name = f"{record['data']}.{record['variant']}.{record['seed']}.json"
        (tmp_path / "runs" / name).write_text(json.dumps(record), encoding="utf8")
    return tmp_path / "runs"


def run(*words):
    return CliRunner().invoke(ssner_app, ["report", *map(str, words), "--resamples", "100"])


def test_command_writes_page_and_plots(folder, tmp_path, records):
    page = tmp_path / "docs" / "grid.md"
    page.parent.mkdir()
    for _ in range(2):  # a page of its own is written anew
        result = run(folder, page)
        assert result.exit_code == 0, result.output
    text = page.read_text(encoding="utf8")
    words = [str(folder), str(page), "--reference", "full", "--resamples", "100"]
    assert text == render_report(
        read_runs(folder), page=page, words=words, references=["full"], n_resamples=100
    )
    assert f"`python -m spacy ssner report {shlex.join(words)}`" in text
    for data in ("cyner", "other"):
        for what in ("variants", "length"):
            name = f"grid-{data}-{what}.png"
            assert f"({name})" in text
            assert (page.parent / name).read_bytes().startswith(b"\x89PNG")


def test_pages_in_one_folder_have_their_own_pictures(folder, tmp_path):
    assert run(folder, tmp_path / "a page.md").exit_code == 0
    first = {path: path.read_bytes() for path in tmp_path.glob("*.png")}
    assert "](a%20page-cyner-variants.png)" in (tmp_path / "a page.md").read_text(encoding="utf8")
    for path in folder.glob("cyner.full*"):
        path.unlink()
    assert run(folder, tmp_path / "b.md", "--reference", "crf").exit_code == 0
    assert len(list(tmp_path.glob("*.png"))) == 2 * len(first)
    assert all(path.read_bytes() == picture for path, picture in first.items())


def test_sweeps_are_drawn_where_there_are_runs(folder, tmp_path, records):
    import srsly

    curves = {"a head": {5: "full", 1: "crf", 2: "none"}, "other": {2: "crf", 1: "full"}}
    grid = {
        "config": "c", "seeds": [1], "data": {"cyner": {"train": "t", "dev": "d"}},
        "variants": {"full": "", "crf": "", "none": ""},
        "sweeps": {"K!": curves, "m": {"a head": {1: "none", 2: "full"}}},
    }  # fmt: skip
    srsly.write_yaml(tmp_path / "grid.yml", grid)
    page = tmp_path / "page.md"
    result = run(folder, page, "--grid", tmp_path / "grid.yml")
    assert result.exit_code == 0, result.output
    links = [line for line in page.read_text(encoding="utf8").splitlines() if line.startswith("![K")]
    assert links == ["![K! on cyner](page-cyner-k.png)"]  # m has one value, the other data set one variant
    assert {path.name for path in tmp_path.glob("*.png")} >= {"page-cyner-k.png"}
    assert not list(tmp_path.glob("*-m.png")) and not list(tmp_path.glob("page-other-k*"))
    sweep = read_grid(tmp_path / "grid.yml").sweeps[0]
    found = sweep_curves(group_runs(records)["cyner"], sweep)
    assert {name: list(points) for name, points in found.items()} == {
        "a head": ["5", "1"],
        "other": ["2", "1"],
    }
    assert found["a head"]["5"] == found["other"]["1"]
    assert "S294" in run(folder, page, "--grid", tmp_path / "none.yml").output


def test_command_says_that_the_reference_is_missing(folder, tmp_path):
    for path in folder.glob("cyner*"):
        path.unlink()
    result = run(folder, tmp_path / "page.md", "--reference", "nothing")
    assert result.exit_code == 0 and "no differences" in result.output


def test_command_leaves_pages_of_others_alone(folder, tmp_path):
    page = tmp_path / "results.md"
    page.write_text("# Results\n", encoding="utf8")
    result = run(folder, page)
    assert result.exit_code == 1 and "S298" in result.output and "# Results" in result.output
    assert page.read_text(encoding="utf8") == "# Results\n" and not list(tmp_path.glob("*.png"))
    page.write_bytes(b"\x89PNG\r\n")
    assert "S298" in run(folder, page).output
    page.write_text("", encoding="utf8")
    assert run(folder, page).exit_code == 0


def test_command_refuses_what_is_no_folder_of_runs(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "S297" in run(tmp_path / "empty", tmp_path / "page.md").output
    (folder / "x.json").write_text("{}", encoding="utf8")
    result = run(folder, tmp_path / "page.md")
    assert result.exit_code == 1 and "S296" in result.output and not (tmp_path / "page.md").exists()
