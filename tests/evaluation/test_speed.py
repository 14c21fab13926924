"""Figures of speed: what is in them and how they belong together. No time is compared with another."""

import pytest
import spacy
import torch

from spacy_ssner.evaluation import speed
from spacy_ssner.evaluation.encoder_use import EncoderUse, predict_in_bfloat16
from spacy_ssner.evaluation.speed import Timed, measure_speed, n_runs
from spacy_ssner.layers.encoder_shim import encoder_layers
from spacy_ssner.layers.pieces import encoder_of

TEXTS = ["The group used malware.\nIt attacked http://evil.example/abc.", "Nothing was stolen.  "]


@pytest.fixture
def nlp(hf_path):
    return spacy.load(hf_path)


def test_figures_of_a_pipeline_with_encoder(nlp, hf_path):
    runs = []
    found = measure_speed(
        nlp,
        TEXTS,
        forms={"int8": spacy.load(hf_path)},
        n_repeats=3,
        batch_size=1,
        on_run=lambda: runs.append(1),
    )
    words = sum(not token.is_space for text in TEXTS for token in nlp.make_doc(text))
    assert (found["texts"], found["words"], found["batch_size"]) == (2, words, 1)
    assert found["characters"] == sum(map(len, TEXTS))
    for name in ("pipeline", "int8", "limit"):
        rates = found[name]["words_per_second"]
        assert 0 < rates["min"] <= rates["median"] <= rates["max"]
        assert len(found[name]["seconds"]) == 3
    for name in ("pipeline", "int8"):
        assert 0 < found[name]["encoder_share"] < 1
        assert found[name]["pieces"] <= found[name]["padded_pieces"]
    assert set(found["ratios"]) == {"over_limit", "int8_over_pipeline", "int8_over_limit"}
    assert len(runs) == n_runs(nlp, n_forms=1, limit=True, n_repeats=3) == 9


@pytest.mark.parametrize("halved", [False, True])
def test_the_limit_computes_as_the_pipeline_does(nlp, halved):
    seen = []
    (layer,) = encoder_layers(nlp)
    encoder_of(layer).encoder.register_forward_pre_hook(
        lambda module, args: seen.append(torch.is_autocast_enabled("cpu"))
    )
    if halved:
        predict_in_bfloat16(nlp)
    measure_speed(nlp, TEXTS, n_repeats=1, limit=False)
    assert set(seen) == {halved}
    seen.clear()
    job = speed._bare_job(nlp, TEXTS)
    job()
    assert set(seen) == {halved}


def test_every_run_reads_the_words_anew(nlp, monkeypatch):
    forgotten = []
    monkeypatch.setattr(speed, "forget_words", lambda pipeline: forgotten.append(pipeline))
    measure_speed(nlp, TEXTS, n_repeats=4, limit=False)
    assert forgotten == [nlp] * 4


def test_pipeline_without_encoder():
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    found = measure_speed(nlp, TEXTS, n_repeats=2)
    assert found["int8"] is found["bfloat16"] is found["limit"] is None and found["ratios"] == {}
    assert "encoder_share" not in found["pipeline"] and found["batch_size"] == nlp.batch_size
    assert n_runs(nlp, n_forms=0, limit=True, n_repeats=2) == 2


def test_ratios_and_shares_are_medians_over_the_repeats():
    fast, slow = Timed([1.0, 2.0, 1.0]), Timed([3.0, 2.0, 8.0])
    assert speed._ratios({"pipeline": slow, "int8": fast, "limit": Timed([1.5, 1.0, 2.0])}) == {
        "over_limit": 0.5,
        "int8_over_pipeline": 3.0,
        "int8_over_limit": 1.5,
    }
    assert speed._ratios({"pipeline": slow, "bfloat16": fast}) == {"bfloat16_over_pipeline": 3.0}
    timed = Timed([2.0, 4.0, 5.0], [1.0, 1.0, 1.0], EncoderUse([], 8, 10, 1.0))
    figures = timed.to_dict(20)
    assert figures["words_per_second"] == {"median": 5.0, "min": 4.0, "max": 10.0}
    assert (figures["encoder_share"], figures["pieces"], figures["padded_pieces"]) == (0.25, 8, 10)


def test_warm_up_takes_the_first_texts_only(monkeypatch):
    monkeypatch.setattr(speed, "WARM_UP_WORDS", 3)
    assert speed._first_texts(["a b", "c d", "e f"]) == ["a b", "c d"]
    assert speed._first_texts(["a b c d e", "f"]) == ["a b c d e"]
