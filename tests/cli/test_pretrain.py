"""`pretrain` on the command line: a tiny encoder, text of the sample corpus."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import spacy
import torch
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_ssner.cli import ssner_app
from spacy_ssner.cli.pretrain import choose_bf16, read_law
from spacy_ssner.nn import precision
from spacy_ssner.nn.encoder_loading import load_encoder

TEXT = Path(__file__).parents[2] / "assets" / "sample" / "unlabelled.txt"
QUICK = ["--steps", "3", "--head-pieces", "50", "--held-out-rows", "10", "--max-padded", "256"]


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "reports.txt"
    path.write_text(TEXT.read_text(encoding="utf8"), encoding="utf8")
    return path


@pytest.fixture
def invoke(tiny_bert):
    def invoke(*arguments, encoder=tiny_bert):
        return CliRunner().invoke(
            ssner_app, ["pretrain", *map(str, arguments), "--encoder", str(encoder), *QUICK]
        )

    return invoke


@pytest.fixture
def labelled(tmp_path, annotated):
    nlp = spacy.blank("en")
    docs = []
    for words, spans in annotated:
        doc = nlp(words)
        doc.ents = [doc.char_span(*span) for span in spans]
        docs.append(doc)
    DocBin(docs=docs).to_disk(tmp_path / "train.spacy")
    return tmp_path / "train.spacy"


def test_text_to_encoder(invoke, text, labelled, tmp_path):
    out = tmp_path / "out"
    result = invoke(text, out, "--law", f"entity:{labelled}")
    assert result.exit_code == 0, result.output
    assert "Loss head fitted" in result.output
    load_encoder(str(out), max_padded=256)
    law = json.loads((out / "segments.json").read_text())
    assert law["probabilities"] == pytest.approx([7 / 9, 1 / 9, 0, 1 / 9])  # of 1, 2 and 4 words
    assert (out / "segments.png").stat().st_size > 0
    again = invoke(out / "corpus", tmp_path / "again", "--law", "fixed:2")
    assert again.exit_code == 0, again.output
    assert (tmp_path / "again" / "config.json").is_file()
    assert not (tmp_path / "again" / "corpus").exists()


def test_a_suffix_in_capitals(labelled, tmp_path):
    law = read_law(f"entity:{labelled.rename(tmp_path / 'TRAIN.SPACY')}", tmp_path)
    assert law.probabilities == pytest.approx((7 / 9, 1 / 9, 0, 1 / 9))


@pytest.mark.parametrize(
    "arguments,message",
    [
        (["{out}"], "S262"),
        (["{text}", "{out}", "--law", "fixed:x"], "S240"),
        (["{text}", "{out}", "--budget", "0.9"], "S117"),
        (["{text}", "{out}", "--resume"], "S120"),
        (["missing.txt", "{out}"], "S263"),
        (["{text}", "{out}", "--learn-rate", "-1"], "S127"),
        (["{text}", "{out}", "--head-factor", "0"], "S127"),
    ],
)
def test_what_is_wrong_is_said(arguments, message, invoke, text, tmp_path):
    places = {"text": text, "out": tmp_path / "out"}
    result = invoke(*(argument.format(**places) for argument in arguments))
    assert result.exit_code == 1
    assert message in result.output


@pytest.fixture
def other_text(tmp_path):
    path = tmp_path / "others.txt"
    path.write_text("\n".join(TEXT.read_text(encoding="utf8").splitlines()[:200]), encoding="utf8")
    return path


def corpus_of(out):
    return {path.name: path.read_bytes() for path in (out / "corpus").iterdir() if path.is_file()}


def test_an_unfinished_run_is_told_before_the_text_is_read(invoke, text, other_text, labelled, tmp_path):
    out = tmp_path / "out"
    assert invoke(text, out).exit_code == 0
    (out / "checkpoints" / "checkpoint-2").mkdir(parents=True)
    before = corpus_of(out)
    result = invoke(other_text, out, "--law", f"entity:{labelled}")
    assert result.exit_code == 1 and "S123" in result.output
    assert corpus_of(out) == before and not (out / "segments.json").exists()


def test_nothing_to_resume_is_told_before_the_text_is_read(invoke, text, other_text, labelled, tmp_path):
    result = invoke(text, tmp_path / "new", "--resume", "--law", f"entity:{labelled}")
    assert result.exit_code == 1 and "S120" in result.output and not (tmp_path / "new").exists()
    out = tmp_path / "out"
    assert invoke(text, out).exit_code == 0
    before = corpus_of(out)
    result = invoke(other_text, out, "--resume")
    said = " ".join(result.output.split())
    assert result.exit_code == 1 and "S120" in said and "is finished" in said
    assert corpus_of(out) == before


def test_output_over_the_encoder(invoke, text, labelled, tiny_bert, tmp_path):
    encoder = shutil.copytree(tiny_bert, tmp_path / "encoder")
    before = {path.name: path.read_bytes() for path in encoder.iterdir()}
    result = invoke(text, encoder, "--law", f"entity:{labelled}", encoder=encoder)
    assert result.exit_code == 1 and "S128" in result.output
    assert {path.name: path.read_bytes() for path in encoder.iterdir()} == before


def test_exclude_belongs_to_text(invoke, text, labelled, tmp_path):
    assert invoke(text, tmp_path / "a").exit_code == 0
    result = invoke(tmp_path / "a" / "corpus", tmp_path / "b", "--exclude", labelled)
    assert result.exit_code == 1 and "S262" in result.output
    assert "ssner pretrain --help" in " ".join(result.output.split()) and "similar-words" not in result.output


def test_an_encoder_that_is_none(invoke, text, tmp_path):
    result = invoke(text, tmp_path / "out", encoder=tmp_path)
    assert result.exit_code == 1 and "S107" in result.output


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("wanted", [None, False, True])
def test_bfloat16_is_a_choice_with_a_warning_where_it_is_slow(wanted, native, monkeypatch, capsys):
    monkeypatch.setattr(precision, "computes_in_bfloat16", lambda device_type: native)
    assert choose_bf16(wanted) is (native if wanted is None else wanted)
    said = capsys.readouterr().out
    assert ("[SW105]" in said and "--bf16" in said) if wanted and not native else not said


def test_what_computes_in_bfloat16():
    assert precision.computes_in_bfloat16("cpu") == (precision.bfloat16_speed() > 1)
    assert not precision.computes_in_bfloat16("abacus")


@pytest.mark.parametrize("slower", [torch.float32, torch.bfloat16])
def test_bfloat16_is_timed_where_a_cpu_has_it(slower, monkeypatch):
    monkeypatch.setattr(precision, "_seconds", lambda X, weight: 2.0 if X.dtype == slower else 1.0)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    assert precision.bfloat16_speed.__wrapped__() == (2.0 if slower == torch.float32 else 0.5)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    assert precision.bfloat16_speed.__wrapped__() == 0


@pytest.mark.parametrize("package", ["transformers", "accelerate"])
@pytest.mark.parametrize(
    "words",
    ["pretrain a.txt out --encoder c --law token", "pretrain-supervised a.spacy b.spacy out --encoder c"],
)
def test_a_package_that_is_not_installed(package, words, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    result = CliRunner().invoke(ssner_app, words.split())
    assert result.exit_code == 1 and not isinstance(result.exception, ImportError)
    assert f"[S129] Pre-training needs the Python package '{package}'" in result.output
