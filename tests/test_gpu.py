"""The pipeline on a GPU: trained, saved, loaded, scored and pre-trained there. Skipped where there is none."""

import json

import numpy as np
import pytest
import spacy
import torch
from thinc.api import prefer_gpu, require_cpu, require_gpu
from typer.testing import CliRunner

from spacy_ssner.cli._app import ssner_app
from spacy_ssner.layers.encoder_shim import encoder_layers
from spacy_ssner.layers.torch_tagger import network_of
from spacy_ssner.quantise import quantise_encoder

PARTS = ("char_cnn", "lexicon", "bilstm", "similar_words", "fusion")


def _has_gpu():
    found = torch.cuda.is_available() and prefer_gpu()
    require_cpu()
    return found


pytestmark = [
    pytest.mark.skipif(not _has_gpu(), reason="needs a GPU, and cupy for its version of CUDA"),
    pytest.mark.filterwarnings("ignore:This function is deprecated.*from_dlpack"),  # thinc with cupy 14
]


@pytest.fixture(autouse=True)
def gpu():
    require_gpu()
    yield
    require_cpu()


def parameter_devices(nlp):
    network = network_of(nlp.get_pipe("ssner").model.get_ref("tagger"))
    encoders = [layer.shims[0].module for layer in encoder_layers(nlp)]
    return {p.device.type for module in (network, *encoders) for p in module.parameters()}


def spans(docs):
    return [[(e.start_char, e.end_char, e.label_) for e in doc.ents] for doc in docs]


def probabilities(docs):
    return np.array([e._.ssner_score for doc in docs for e in doc.ents])


@pytest.mark.parametrize("decoder", ["crf", "softmax"])
@pytest.mark.parametrize("mixed_precision", [False, True])
def test_trains_and_is_the_same_on_a_cpu(make_nlp, tiny_bert, annotated, tmp_path, decoder, mixed_precision):
    tok2vec = {"@architectures": "spacy-ssner.HFEncoder.v1", "name": str(tiny_bert)}
    sizes = {"max_pieces": 32, "max_word_pieces": 4, "max_padded": 64, "mixed_precision": mixed_precision}
    nlp = make_nlp(*PARTS, steps=60, decoder=decoder, tok2vec={**tok2vec, **sizes})
    texts = [text for text, _ in annotated]
    docs = list(nlp.pipe(texts))
    assert parameter_devices(nlp) == {"cuda"}
    assert spans(docs) == [gold for _, gold in annotated]
    nlp.to_disk(tmp_path / "pipeline")
    require_cpu()
    loaded = spacy.load(tmp_path / "pipeline")
    again = list(loaded.pipe(texts))
    assert parameter_devices(loaded) == {"cpu"}
    assert spans(again) == spans(docs)
    np.testing.assert_allclose(probabilities(again), probabilities(docs), atol=1e-3)


def test_what_a_cpu_trained_is_the_same_here(trained_path, annotated):
    texts = [text for text, _ in annotated]
    texts.append(" ".join(texts * 200))  # longer than one pass
    require_cpu()
    before = list(spacy.load(trained_path).pipe(texts))
    require_gpu()
    nlp = spacy.load(trained_path)
    docs = list(nlp.pipe(texts))
    assert parameter_devices(nlp) == {"cuda"} and len(docs[-1].ents) > 1000
    assert spans(docs) == spans(before)
    np.testing.assert_allclose(probabilities(docs), probabilities(before), atol=1e-3)


def test_training_goes_on_with_more_labels(trained, make_examples):
    text = "APT29 exploited CVE-2017-0144 in Kyiv."
    start = text.index("CVE")
    sentence = (text, [(start, start + 13, "Vulnerability")])
    ssner = trained.get_pipe("ssner")
    ssner.add_label("Vulnerability")
    optimizer = trained.resume_training()
    optimizer.learn_rate = 0.02
    examples = make_examples(trained, [sentence])
    losses = [trained.update(examples, sgd=optimizer)["ssner"] for _ in range(30)]
    assert losses[-1] < losses[0] / 10
    assert [e.text for e in trained(text).ents] == ["CVE-2017-0144"]


def test_eight_bit_integers_are_refused(hf_path):
    with pytest.raises(ValueError, match="S140"):
        quantise_encoder(spacy.load(hf_path))


def run(*words):
    result = CliRunner().invoke(ssner_app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


def test_commands_take_a_gpu(trained_path, make_examples, tmp_path):
    from spacy.tokens import DocBin

    require_cpu()
    examples = make_examples(spacy.blank("en"))
    DocBin(docs=[example.reference for example in examples]).to_disk(tmp_path / "dev.spacy")
    scores = {}
    for device in (-1, 0):
        out = tmp_path / f"scores{device}.json"
        run("evaluate", trained_path, tmp_path / "dev.spacy", "--output", out, "--gpu-id", device)
        scores[device] = json.loads(out.read_text(encoding="utf8"))
    assert scores[0]["micro"] == scores[-1]["micro"] and scores[0]["micro"]["f1"] == 1
    report = tmp_path / "report.txt"
    report.write_text("APT29 used Mimikatz.\n" * 50, encoding="utf8")
    assert "words" in run("benchmark", trained_path, report, "--gpu-id", 0)


def test_pre_training_in_bfloat16(tiny_bert, annotated, tmp_path, make_examples):
    from spacy.tokens import DocBin

    text = tmp_path / "text.txt"
    lines = [f"the group attacked {i} times and used malware {i * 7 % 40} there" for i in range(400)]
    text.write_text("\n".join(lines), encoding="utf8")
    out = tmp_path / "sme"
    small = ("--max-padded", 256, "--head-pieces", 200, "--held-out-rows", 10, "--save-every", 0)
    run("pretrain", text, out, "--encoder", tiny_bert, "--law", "fixed:2", "--steps", 40, "--bf16", *small)
    report = json.loads((out / "pretraining.json").read_text(encoding="utf8"))
    losses = [step["loss"] for step in report["steps"]]
    assert len(losses) == 40 and np.mean(losses[-5:]) < np.mean(losses[:5])

    require_cpu()
    data = tmp_path / "train.spacy"
    DocBin(docs=[example.reference for example in make_examples(spacy.blank("en"))]).to_disk(data)
    supervised = ("pretrain-supervised", data, data, tmp_path / "b", "--encoder", out, "--epochs", 2)
    run(*supervised)
    assert (tmp_path / "b" / "config.json").is_file()
