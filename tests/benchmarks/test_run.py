"""The command: which parts run, what is written, and when it fails. Parts are stood in for."""

import json
from types import SimpleNamespace

import pytest
import torch

GOOD = {
    "inference": {
        "mixed": {
            "ratios": {
                "over_hugging_face": 2.0,
                "over_spacy": 2.6,
                "over_limit": 0.75,
                "onnx_over_ssner": 1.4,
                "onnx_over_hugging_face": 4.1,
            }
        },
        "form_f1": {"most_lost": {"onnx": 0.5}},
    },
    "training": {"dnrti": {"ratios": {"over_spacy": 1.2}}, "cyner": {"ratios": {"over_spacy": 3.0}}},
    "crf": {
        "64x64x27": {"over_torchcrf": 10.0, "marginals": 1.5},
        "8x512x60": {"over_torchcrf": 30, "marginals": 0.2},
    },
    "table": {"over_naive": 50.0, "seconds": 59.0},
    "memory": {"document": {"over_linear": 1.2, "peak_mb": 1024.0}, "stream": {"drift": -0.01}},
    "start": {"blank": {"ratio": 1.05}},
}


@pytest.fixture
def bars(load):
    return load("suite.bars")


def replaced(bar, value):
    """The good figures with another one in the place of a bar."""
    results = json.loads(json.dumps(GOOD))
    place = results[bar.part]
    for key in bar.path[:-1]:
        place = place[key]
    place[bar.path[-1]] = value
    return results


def test_figures_on_the_bars_are_good(bars):
    verdicts = bars.check(GOOD)
    assert len(verdicts) == len(bars.BARS) == 18
    assert [v.state for v in verdicts] == [bars.MET] * 18 and bars.n_failed(verdicts) == 0


def test_each_bar_can_be_missed_by_a_hair_and_by_absence(bars):
    for bar in bars.BARS:
        worse = bar.bar * (1.001 if bar.way != "at least" else 0.999)
        for value, state in ((worse, bars.MISSED), (None, bars.ABSENT), (float("nan"), bars.ABSENT)):
            missed = [v for v in bars.check(replaced(bar, value)) if v.state != bars.MET]
            assert [(v.bar, v.state) for v in missed] == [(bar, state)]


def test_under_is_less_and_at_most_is_not(bars):
    on_bar = {bar.what: bars.verdict(bar, replaced(bar, bar.bar)[bar.part]).state for bar in bars.BARS}
    assert {what for what, state in on_bar.items() if state == bars.MISSED} == {
        "similar-word table, seconds",
        "stream, drift of resident memory",
    }


def test_only_parts_that_ran_are_judged(bars):
    verdicts = bars.check({"crf": GOOD["crf"], "table": {}})
    assert {v.bar.part for v in verdicts} == {"crf", "table"} and bars.n_failed(verdicts) == 2


@pytest.fixture
def run(load, monkeypatch):
    """`run.main`, with parts that measure nothing. RETURNS: the module, and the figures it will find."""
    module = load("run")
    printing = load("suite.printing")
    found = dict(GOOD)

    def part(name):
        def measure(settings):
            if isinstance(found[name.split(".")[1]], Exception):
                raise found[name.split(".")[1]]
            return found[name.split(".")[1]]

        return SimpleNamespace(
            measure=measure, tables=lambda _: [printing.Table(f"Table of {name}", ("a",), [[1.5]])]
        )

    monkeypatch.setattr(module, "import_module", part)
    monkeypatch.setattr(module, "limit_threads", lambda n: None)
    monkeypatch.setattr(module, "default_corpora", lambda split: ())
    return module, found


def call(module, tmp_path, *args):
    threads = torch.get_num_threads()
    out = tmp_path / "deep" / "figures.json"
    code = module.main(["--encoder", str(tmp_path), "--threads", str(threads), "--output", str(out), *args])
    return code, json.loads(out.read_text(encoding="utf8"))


def test_all_parts_are_run_printed_and_saved(run, tmp_path, capsys):
    code, saved = call(run[0], tmp_path, "--check")
    assert code == 0 and saved["parts"] == GOOD
    assert set(saved["parts"]) == set(run[0].PARTS) and saved["machine"]["cores"] >= 1
    assert [row["state"] for row in saved["bars"]] == ["met"] * 18
    printed = capsys.readouterr().out
    assert "Table of suite.crf" in printed and "ssner over Hugging Face" in printed


def test_check_fails_below_a_bar_and_only_with_check(run, tmp_path):
    module, found = run
    found["table"] = {"over_naive": 49.0, "seconds": 20.0}
    assert call(module, tmp_path)[0] == 0
    assert call(module, tmp_path, "--check")[0] == 1
    assert call(module, tmp_path, "--check", "--only", "crf", "--only", "start")[0] == 0


def test_a_part_that_fails_does_not_stop_the_others(run, tmp_path, capsys):
    module, found = run
    found["crf"] = RuntimeError("no such thing")
    code, saved = call(module, tmp_path)
    assert code == 1 and saved["parts"]["crf"] == {"error": "RuntimeError: no such thing"}
    assert saved["parts"]["start"] == GOOD["start"]
    states = [row["state"] for row in saved["bars"]]
    assert states.count("not measured") == 4 and states.count("met") == 14


def test_settings_of_the_command_line(run, tmp_path):
    module, _ = run
    file = tmp_path / "a.conll"
    file.write_text("a\tO\n", encoding="utf8")
    line = [
        "--encoder",
        "enc",
        "--pipeline",
        "a",
        "--pipeline",
        "b",
        "--test",
        f"dnrti={file}",
        "--lengths",
        "5",
    ]
    full = module.make_settings(module.parser().parse_args(line), tmp_path)
    assert full.corpora == (("dnrti", file),) and full.lengths == (5,) and full.n_sentences == 700
    assert [str(path) for path in full.pipelines] == ["a", "b"]
    quick = module.make_settings(module.parser().parse_args([*line, "--quick", "--repeats", "4"]), tmp_path)
    assert quick.n_sentences < 700 and quick.n_repeats == 4 and quick.lengths == (5,)
    for bad in ("dnrti", f"dnrti={tmp_path / 'none'}"):
        with pytest.raises(SystemExit, match="NAME=FILE"):
            module.named_files([bad])


def test_before_each_timed_run_and_without_warm_up(load):
    order = []
    jobs = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    before = lambda: order.append("-")  # noqa: E731
    load("timing").time_in_turns(jobs, n_repeats=2, warm_up=False, before=before)
    assert order == ["-", "a", "-", "b"] * 2


def test_default_corpora(load, tmp_path, monkeypatch):
    default_corpora = load("suite.settings").default_corpora
    monkeypatch.setenv("SSNER_DATA", str(tmp_path))
    ((name, path),) = default_corpora("test")
    assert name == "sample" and path.is_file()
    file = tmp_path / "data" / "cyner" / "clean" / "test.conll"
    file.parent.mkdir(parents=True)
    file.touch()
    assert default_corpora("test") == (("cyner", file),)


def test_cells(load):
    cell_text = load("suite.printing").cell_text
    values = (1234567, 1234.5, 12.345, 1.234, 0.01234, None, "a", True)
    assert [cell_text(x) for x in values] == ["1,234,567", "1,234", "12.3", "1.23", "0.012", "-", "a", "True"]
