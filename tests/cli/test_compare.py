"""`compare` from the command line: seeds, subsets, runs of `ablation`, and files that do not fit."""

import json

import pytest
from typer.testing import CliRunner

import spacy_ssner.cli  # noqa: F401  (registers the commands)
from spacy_ssner.cli._app import ssner_app
from spacy_ssner.evaluation.metrics import ScoredDoc
from spacy_ssner.evaluation.results import summarize
from spacy_ssner.labels import TagSpan

GOLD = (TagSpan(0, 1, "Tool"), TagSpan(2, 4, "HackOrg"))


@pytest.fixture
def save(tmp_path):
    def save(name, n_right, *, n=40, sha="same", in_run=False):
        """n sentences; of n_right both entities are found, of the others the short one only."""
        found = [GOLD if i < n_right else GOLD[:1] for i in range(n)]
        results = summarize([ScoredDoc(("w",) * 4, GOLD, predicted) for predicted in found])
        results["data"]["sha256"] = sha
        record = {"scores": {"dev": results}, "error": None} if in_run else results
        (tmp_path / name).write_text(json.dumps(record), encoding="utf8")
        return str(tmp_path / name)

    return save


def run(*words):
    return CliRunner().invoke(ssner_app, ["compare", "--resamples", "500", *map(str, words)])


def test_difference_interval_and_p(save, tmp_path):
    a, b = save("a.json", 40), save("b.json", 20)
    result = run(a, b, "--output", tmp_path / "out.json")
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf8"))
    assert (found["f1_a"], found["f1_b"]) == (1.0, pytest.approx(2 * 60 / 140))
    assert found["p"] < 0.01 and found["low"] > 0
    for text in ("100.00", "85.71", "+14.29", "95 % interval", "40 sentences"):
        assert text in result.output
    assert found["seeds_too"] is None and "seeds too" not in result.output
    assert "-14.29" in run(b, a).output


def test_several_seeds_are_drawn_too(save, tmp_path):
    first, second = (
        ",".join(save(f"a{n}.json", n) for n in (40, 30)),
        ",".join(save(f"b{n}.json", n) for n in (20, 29)),
    )
    result = run(first, second, "--output", tmp_path / "out.json")
    assert result.exit_code == 0 and "95 % interval, other seeds too" in result.output
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf8"))
    assert found["seeds_too"]["low"] < found["low"] and found["seeds_too"]["p"] > found["p"]


def test_seeds_subset_and_runs(save):
    first, second = save("a.json", 40, in_run=True), save("b.json", 30, in_run=True)
    short = run(first, second, "--on", "dev", "--subset", "length_1")
    assert short.exit_code == 0 and "+0.00" in short.output and "1.0000" in short.output
    pooled = run(f"{first},{second}", save("c.json", 35), "--on", "dev")
    assert "2 and 1 evaluations" in pooled.output
    assert "S293" in run(first, second, "--on", "test").output


@pytest.mark.parametrize(
    "content,code",
    [
        ("{}", "S296"),
        ("[1]", "S296"),
        ("no", "S296"),
        ("[" * 10**5, "S296"),
        ('{"scores": {}, "error": "x"}', "S293"),
    ],
)
def test_files_that_do_not_fit(save, tmp_path, content, code):
    (tmp_path / "bad.json").write_text(content, encoding="utf8")
    result = run(save("a.json", 40), tmp_path / "bad.json")
    assert result.exit_code == 1 and code in result.output


def test_other_sentences_of_the_same_data(save):
    result = run(save("a.json", 40), save("b.json", 40, n=41))
    assert result.exit_code == 1 and "S291" in result.output and "as many sentences" in result.output


def test_other_data_and_unknown_subsets(save, tmp_path):
    a = save("a.json", 40)
    assert "S291" in run(a, save("b.json", 40, sha="other")).output
    assert "S293" in run(a, a, "--subset", "polysemous").output
    assert "S296" in run(a, tmp_path / "none.json").output
    for names in (("", a), (a, " , ")):
        result = run(*names)
        assert result.exit_code == 1 and "S296" in result.output and "no file is named" in result.output


def test_the_result_is_not_written_over_an_evaluation(save, tmp_path):
    a, b = save("a.json", 40), save("b.json", 20)
    before = (tmp_path / "b.json").read_bytes()
    result = run(a, b, "--output", b)
    assert result.exit_code == 1 and "S213" in result.output and (tmp_path / "b.json").read_bytes() == before
