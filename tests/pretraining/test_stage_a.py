"""Stage A from end to end, with a tiny encoder on text of the sample corpus."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel

from spacy_ssner.nn.encoder_loading import load_encoder
from spacy_ssner.pretraining.masking import MaskSettings
from spacy_ssner.pretraining.piece_table import read_tokenizer
from spacy_ssner.pretraining.prepare import PrepareSettings, prepare_corpus
from spacy_ssner.pretraining.run import PretrainSettings, count_pieces
from spacy_ssner.pretraining.segments import geometric_law
from spacy_ssner.pretraining.stage_a import pretrain
from spacy_ssner.pretraining.tokenised import TokenisedCorpus

TEXT = Path(__file__).parents[2] / "assets" / "sample" / "unlabelled.txt"
LAW = geometric_law(0.2, 10)
SETTINGS = dict(n_steps=12, max_padded=512, head_pieces=200, head_epochs=2, held_out_rows=20, learn_rate=1e-2)

# A run of its own in a new process, or in one of several under torchrun.
SCRIPT = """
import json, os, signal, sys
from pathlib import Path
from spacy_ssner.pretraining.masking import MaskSettings
from spacy_ssner.pretraining.run import PretrainSettings
from spacy_ssner.pretraining.segments import geometric_law
from spacy_ssner.pretraining.stage_a import pretrain
from spacy_ssner.pretraining.tokenised import TokenisedCorpus

encoder, corpus, out, values, killed_at, resume = json.loads(sys.argv[1])

def on_step(step, loss, n_words):
    if step == killed_at:
        os.kill(os.getpid(), signal.SIGKILL)

pretrain(encoder, TokenisedCorpus.open(corpus), Path(out), held_out=None, law=geometric_law(0.2, 10),
         masks=MaskSettings(), settings=PretrainSettings(**values), save_every=4, resume=resume, on_step=on_step)
"""


@pytest.fixture(scope="module")
def corpus(tiny_bert, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus") / "text"
    settings = PrepareSettings(held_out=0.1, limit_words=4000, max_pieces=62)
    prepare_corpus([TEXT], folder, tokenizer=read_tokenizer(str(tiny_bert)), settings=settings)
    return folder


@pytest.fixture
def run(tiny_bert, corpus):
    def run(out, *, name=tiny_bert, values=None, law=LAW, masks=None, **options):
        return pretrain(
            str(name),
            TokenisedCorpus.open(corpus),
            out,
            held_out=TokenisedCorpus.open(corpus / "held_out"),
            law=law,
            masks=masks or MaskSettings(),
            settings=PretrainSettings(**{**SETTINGS, **(values or {})}),
            **options,
        )

    return run


def losses(report):
    return [step["loss"] for step in report["steps"]]


class Stop(Exception):
    """Something that stops a run."""


def stop_at(last):
    def on_step(step, loss, n_words):
        if step == last:
            raise Stop

    return on_step


def test_an_encoder_comes_out(run, tiny_bert, tmp_path):
    seen = []
    report = run(tmp_path, on_step=lambda *step: seen.append(step), values={"n_steps": 40})
    assert report["loaded_without"]  # tiny_bert has no masked-LM head
    before, head, after = (report[stage]["all"]["loss"] for stage in ("before", "after_head", "after"))
    assert after < head < before
    assert [step for step, _, _ in seen] == list(range(1, 41))
    assert seen[-1][2] > 1000  # words read
    assert json.loads((tmp_path / "pretraining.json").read_text())["steps"] == report["steps"]
    assert not (tmp_path / "checkpoints").exists()
    encoder = load_encoder(str(tmp_path), max_padded=512)
    trained = AutoModel.from_pretrained(tmp_path).state_dict()
    plain = AutoModel.from_pretrained(tiny_bert).state_dict()
    name = "encoder.layer.0.attention.self.query.weight"
    assert (encoder.encoder.state_dict()[name] == trained[name]).all()
    assert (trained[name] != plain[name]).any()


def test_the_same_seed_gives_the_same_run(run, tmp_path):
    first, second = run(tmp_path / "a"), run(tmp_path / "b")
    assert losses(first) == losses(second)
    assert losses(first) != losses(run(tmp_path / "c", values={"seed": 1}))


def test_a_second_epoch_has_other_masks(run, tmp_path, corpus):
    report = run(tmp_path, values={"n_steps": 0, "n_epochs": 2, "learn_rate": 0.0, "max_padded": 10**6})
    assert len(report["steps"]) == 2  # one batch each
    first, second = losses(report)
    assert first != second


def test_steps_of_several_passes_are_counted(run, tmp_path):
    alone = run(tmp_path / "a", values={"n_steps": 0})
    pairs = run(tmp_path / "b", values={"n_steps": 0, "accumulate": 2})
    assert len(pairs["steps"]) == len(alone["steps"]) // 2


def test_resumed_equals_unbroken(run, tmp_path):
    unbroken = run(tmp_path / "a")
    with pytest.raises(Stop):
        run(tmp_path / "b", save_every=4, on_step=stop_at(10))
    resumed = run(tmp_path / "b", save_every=4, resume=True)
    assert losses(resumed) == losses(unbroken)
    assert resumed["after"] == unbroken["after"]
    assert resumed["before"] == unbroken["before"]


def test_killed_and_resumed_equals_unbroken(run, corpus, tiny_bert, tmp_path):
    values = {**SETTINGS, "n_steps": 10}
    unbroken = run(tmp_path / "a", values=values)
    arguments = [str(tiny_bert), str(corpus), str(tmp_path / "b"), values]
    killed = start(json.dumps([*arguments, 9, False]))
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "b" / "config.json").exists()
    resumed = run(tmp_path / "b", values=values, save_every=4, resume=True)
    assert losses(resumed) == losses(unbroken)


def start(argument, *, n_processes=1):
    command = [sys.executable, "-c", SCRIPT, argument]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    if n_processes > 1:
        script = Path(json.loads(argument)[2]).with_suffix(".py")
        script.write_text(SCRIPT, encoding="utf8")
        launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(n_processes)]
        command = [sys.executable, *launch, str(script), argument]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)


def test_two_processes_equal_one(run, corpus, tiny_bert, tmp_path):
    values = {**SETTINGS, "n_steps": 6, "accumulate": 2}
    alone = run(tmp_path / "a", values=values)
    result = start(
        json.dumps([str(tiny_bert), str(corpus), str(tmp_path / "b"), values, 0, False]), n_processes=2
    )
    assert result.returncode == 0, result.stderr[-8000:]
    together = json.loads((tmp_path / "b" / "pretraining.json").read_text())
    # Sums in another order: equal up to rounding. tiny_bert has no dropout, which would differ.
    assert losses(together) == pytest.approx(losses(alone), abs=2e-3)
    weights = [load_encoder(str(tmp_path / out), max_padded=512).state_dict() for out in ("a", "b")]
    for name, weight in weights[0].items():
        if not name.endswith(
            "key.bias"
        ):  # changes nothing: its gradient is rounding, which Adam makes steps of
            assert torch.allclose(weight, weights[1][name], atol=2e-3), name


def test_a_full_disk_leaves_the_previous_checkpoint(run, tmp_path, monkeypatch):
    unbroken = run(tmp_path / "a")
    save = torch.save

    def full(value, file, *args, **kwargs):
        if "8" in Path(file).parent.name and Path(file).name == "optimizer.pt":
            Path(file).write_bytes(b"half")
            raise OSError(28, "No space left on device")
        return save(value, file, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", full)
        with pytest.raises(ValueError, match="S122.*checkpoint-8.*No space.*checkpoint-4"):
            run(tmp_path / "b", save_every=4)
    assert sorted(p.name for p in (tmp_path / "b" / "checkpoints").glob("*[!json]")) == ["checkpoint-4"]
    assert losses(run(tmp_path / "b", save_every=4, resume=True)) == losses(unbroken)


def test_a_run_is_not_resumed_with_other_settings(run, tmp_path):
    with pytest.raises(Stop):
        run(tmp_path, save_every=4, on_step=stop_at(5))
    with pytest.raises(ValueError, match="S121.*learn_rate = 0.01.*learn_rate = 0.5"):
        run(tmp_path, resume=True, values={"learn_rate": 0.5})
    with pytest.raises(ValueError, match="S121.*law"):
        run(tmp_path, resume=True, law=geometric_law(0.5, 10))
    with pytest.raises(ValueError, match="S123"):
        run(tmp_path)


def test_nothing_to_resume(run, tmp_path):
    with pytest.raises(ValueError, match="S120"):
        run(tmp_path, resume=True)


def test_passes_must_be_shared_evenly(run, tmp_path, monkeypatch):
    monkeypatch.setattr("spacy_ssner.pretraining.stage_a.count_processes", lambda: 2)
    with pytest.raises(ValueError, match="S125.*multiple of 2, got 3"):
        run(tmp_path, values={"accumulate": 3})


def test_a_corpus_of_another_tokenizer_is_refused(run, tiny_roberta, tmp_path):
    with pytest.raises(ValueError, match="S249"):
        run(tmp_path, name=tiny_roberta)


def test_rows_longer_than_the_encoder_are_refused(tiny_bert, tmp_path):
    settings = PrepareSettings(
        held_out=0, limit_words=1000
    )  # up to 128 pieces, and tiny_bert has 64 positions
    prepare_corpus([TEXT], tmp_path / "text", tokenizer=read_tokenizer(str(tiny_bert)), settings=settings)
    with pytest.raises(ValueError, match="S249.*--max-pieces 64"):
        pretrain(
            str(tiny_bert),
            TokenisedCorpus.open(tmp_path / "text"),
            tmp_path / "out",
            held_out=None,
            law=LAW,
            masks=MaskSettings(),
            settings=PretrainSettings(),
        )


def test_an_encoder_that_is_none(run, tmp_path):
    with pytest.raises(ValueError, match="S107"):
        run(tmp_path / "out", name=tmp_path)


def test_an_empty_corpus(corpus, tiny_bert, tmp_path):
    empty = TokenisedCorpus.open(corpus)
    empty.rows = np.zeros(1, dtype=np.int64)
    with pytest.raises(ValueError, match="S124"):
        pretrain(
            str(tiny_bert),
            empty,
            tmp_path,
            held_out=None,
            law=LAW,
            masks=MaskSettings(),
            settings=PretrainSettings(),
        )


def test_pieces_are_counted_in_parts(monkeypatch):
    monkeypatch.setattr("spacy_ssner.pretraining.run.COUNTED_AT_ONCE", 2)
    assert count_pieces(np.array([1, 1, 0, 3, 1], dtype=np.uint16), 5).tolist() == [1, 3, 0, 1, 0]


@pytest.mark.parametrize(
    "name,value", [("learn_rate", -1e-4), ("held_out_rows", 0), ("warmup", 2), ("accumulate", 0)]
)
def test_settings_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"S127.*'{name}'"):
        PretrainSettings(**{name: value})
