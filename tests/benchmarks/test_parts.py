"""Each part runs on tiny inputs and measures what it says. No time is compared with another."""

from dataclasses import replace
from importlib.metadata import entry_points

import pytest
import spacy

pytestmark = [
    pytest.mark.filterwarnings("ignore:`clean_up_tokenization_spaces`:FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def test_texts(load, gold_path):
    texts = load("suite.texts")
    mixed = texts.mixed_sentences([gold_path, gold_path], 6, seed=1)
    assert len(mixed) == 6 and mixed == texts.mixed_sentences([gold_path, gold_path], 6, seed=1)
    assert set(mixed) <= set(texts.read_corpus(gold_path))
    report = texts.long_report(mixed, 900)
    assert 900 <= len(report.split()) < 1100 and report.count("Type Indicator First seen") >= 1
    assert sum(len(word) == 64 for word in report.split()) >= 1  # SHA-256
    assert texts.count_words(["One,  two.\n"]) == 4
    assert len(texts.sample_reports(3)) == 3


@pytest.mark.slow
def test_inference(load, settings, hf_path, monkeypatch):
    inference = load("suite.inference")
    monkeypatch.setattr(inference, "computes_in_bfloat16", lambda device_type: True)
    found = inference.measure(replace(settings, pipelines=(hf_path,)))
    forms = ("int8", "onnx", "bfloat16")
    ours = {"ssner": "over_", **{f"ssner_{form}": f"{form}_over_" for form in forms}}
    names = {*ours, "hugging_face", "spacy", "limit", "limit_uncapped"}
    for part in (found["mixed"], found["reports"], found["long_60"]):
        assert set(part["systems"]) == names and part["words"] > 0
        assert all(row["words_per_second"] > 0 for row in part["systems"].values())
        assert set(part["ratios"]) == {
            f"{prefix}{name}" for own, prefix in ours.items() for name in names - {own}
        }
    assert found["mixed"]["texts"] == 6
    scores = found["form_f1"]["scores"]
    assert [row["corpus"] for row in scores] == ["dnrti"]
    lost = {form: scores[0]["f1"] - scores[0][f"{form}_f1"] for form in forms}
    assert found["form_f1"]["most_lost"] == lost
    assert len(inference.tables(found)) == 4


def test_ratios_are_of_ours_over_the_others(load):
    ratios = load("suite.inference").ratios({"ssner": [1.0, 2.0, 4.0], "spacy": [3.0, 2.0, 20.0]})
    assert ratios == {"over_spacy": 3.0}


def test_limits_read_what_the_pipeline_reads(load, settings, hf_path):
    systems = load("suite.systems")
    nlp = spacy.load(hf_path)
    encoder = systems.plain_encoder(settings.encoder, nlp)
    seen = []
    encoder.register_forward_pre_hook(lambda _, args, kwargs: seen.append(kwargs), with_kwargs=True)
    from spacy_ssner.evaluation.encoder_use import windows_read

    texts = ["The group used http://evil.example/abc.", "Nothing was stolen."]
    capped, whole = systems.Limit(encoder, nlp, texts).systems(texts)
    for system, is_more in ((capped, False), (whole, True)):
        seen.clear()
        system.run([])
        n_pieces = sum(int(kwargs["attention_mask"].sum()) for kwargs in seen)
        read = windows_read(nlp, texts).n_pieces
        assert n_pieces > read if is_more else n_pieces == read


def test_hugging_face_reads_long_texts_to_their_end(load, settings, hf_path, monkeypatch):
    from transformers import BertModel

    systems = load("suite.systems")
    nlp = spacy.load(hf_path)
    text = "the group used malware " * 40
    real, seen = BertModel.forward, []

    def forward(self, input_ids=None, **kwargs):
        seen.append(input_ids.numel())
        return real(self, input_ids=input_ids, **kwargs)

    monkeypatch.setattr(BertModel, "forward", forward)
    read = {}
    for whole in (False, True):
        seen.clear()
        system = systems.hugging_face(settings.encoder, nlp, n_labels=5, batch_size=2, whole=whole)
        assert system.run([text]) == [[]]  # the head says O everywhere
        read[whole] = sum(seen)
    assert read[False] == 64 and read[True] > 160  # pieces that the encoder takes, words of the text


def test_crf(load, monkeypatch, settings):
    crf = load("suite.crf")
    monkeypatch.setattr(crf, "SHAPES", ((3, 6, 5), (2, 9, 6)))
    monkeypatch.setattr(crf, "O_BONUS", 0.0)
    found = crf.measure(settings)
    for shape in ("3x6x5", "2x9x6"):
        assert found[shape]["over_torchcrf"] > 0 and found[shape]["marginals"] > 0
        assert found[shape]["spans"] > 0
    assert len(crf.tables(found)[0].rows) >= 6
    with pytest.raises(ValueError, match="other paths in 1 of 2"):
        crf.check_paths("torchcrf", [[0, 1], [2]], [[0, 1], [1]])


def test_table(load, settings, monkeypatch):
    pytest.importorskip("gensim")
    table = load("suite.table")
    monkeypatch.setattr(table, "SAMPLE", 20)
    monkeypatch.delenv("SSNER_DATA", raising=False)
    found = table.measure(settings)
    assert (found["words"], found["real_words"]) == (300, 0)
    assert found["over_naive"] == pytest.approx(found["naive_seconds"] / found["seconds"])
    assert found["over_difflib"] > 0 and len(table.tables(found)[0].rows) == 3


def test_naive_loop_that_finds_others_is_no_peer(load):
    pytest.importorskip("gensim")
    import numpy as np

    from spacy_ssner.similarity.table import SimilarWordTable
    from spacy_ssner.similarity.vectors import WordVectors

    table = load("suite.table")
    words, _ = table.vocabulary(300)
    vectors = np.random.default_rng(0).normal(size=(2, 300, 8)).astype(np.float32)
    built = SimilarWordTable.build(WordVectors(words, vectors[0]), m=table.M, k=table.K)
    args = range(20), table.rapidfuzz_ratio()
    assert table.naive_seconds(words, vectors[0], *args, built) > 0
    with pytest.raises(ValueError, match="other neighbours for"):
        table.naive_seconds(words, vectors[1], *args, built)


def test_document_and_stream(load, hf_path):
    memory = load("suite.memory")
    short = memory.annotate_document(hf_path, "The group used malware. " * 10, 2)
    long = memory.annotate_document(hf_path, "The group used malware. " * 100, 1)
    assert (short["characters"], long["characters"]) == (240, 2400) and short["seconds"] > 0
    assert long["words"] == 500
    flow = memory.stream(hf_path, ["The group used malware.", "Nothing was stolen."], 30)
    assert flow["docs"] == 30 and flow["words_per_second"] > 0 and abs(flow["drift"]) < 1
    document = {**long, "over_linear": 1.0, "short": short}
    assert len(memory.tables({"document": document, "stream": flow})) == 2


def test_streamed_documents_differ(load):
    texts = load("suite.memory").short_texts(["a b.", "c d."])
    some = [next(texts) for _ in range(50)]
    assert len(set(some)) == 50 and some[3].startswith("Report 3. ")


def test_training(load, settings, tiny_bert, table_path, gold_path):
    training = load("suite.training")
    paths = {"encoder": str(tiny_bert), "similar_words": str(table_path)}
    made = {
        "ssner": training.set_up_spacy("ssner_trf.cfg", gold_path, paths),
        "spacy": training.set_up_spacy("baseline_ner.cfg", gold_path, {"encoder": str(tiny_bert)}),
        "pytorch": training.set_up_plain("ssner_trf.cfg", gold_path, paths),
    }

    class InProcess:
        infos = {name: info for name, (_, info) in made.items()}

        def ask(self, name, i):
            return made[name][0](i)

    found = training.time_epoch(InProcess(), 2)
    assert found["words"] == sum(
        len(doc) for doc in load("suite.gold").read_gold(gold_path, spacy.blank("en").vocab)
    )
    assert set(found["ratios"]) == {"over_spacy", "over_pytorch"}
    assert all(row["epoch_seconds"] > 0 for row in found["systems"].values())
    assert len(training.tables({"dnrti": found})[0].rows) == 3


def test_some_batches_stand_for_an_epoch(load):
    training = load("suite.training")
    assert training.spread([5, 1, 9, 3, 7, 2], 3) == [5, 0, 2]
    assert training.spread([5, 1, 9], 3) == [1, 0, 2]
    info = {"words": 600, "sizes": [1] * 6}
    found = training.epoch([1.0, 3.0], info)
    assert (found["epoch_seconds"], found["words_per_second"], found["batches_timed"]) == (12.0, 50.0, 2)


def test_first_pieces_carry_the_tags(load):
    import torch

    labels = torch.full((7,), -100)
    load("suite.training").label_first_pieces(labels, [None, 0, 0, 1, 2, 2, None], [4, 5, 6])
    assert labels.tolist() == [-100, 4, -100, 5, 6, -100, -100]


def test_start_hides_the_plugin_and_nothing_else(load):
    start = load("suite.start")
    script = "print(json.dumps(sorted({e.name for e in metadata.entry_points(group='spacy_factories')}), ))\n"
    found = entry_points(group="spacy_factories")
    known = {e.name for e in found}
    ours = {e.name for e in found if e.value.startswith("spacy_ssner.")}
    assert ours == {"ssner", "ssner_consistency", "ssner_ioc"}
    assert set(start.run_fresh(script, start.NOTHING)) == known
    assert set(start.run_fresh(script, start.HIDDEN)) == known - ours
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        start.run_fresh("1 / 0", start.NOTHING)


def test_start_table(load, monkeypatch, settings, hf_path):
    start = load("suite.start")
    run = {"import": 2.0, "first": 1.0, "again": 0.1, "total": 3.0}

    def run_fresh(script, hidden, *args):
        return {**run, "loaded": hidden == start.NOTHING}

    monkeypatch.setattr(start, "run_fresh", run_fresh)
    found = start.measure(replace(settings, pipelines=(hf_path,)))
    assert found["blank"]["ratio"] == 1.0 and found["load"] == found["import_ssner"] == 3.0
    assert len(start.tables(found)[0].rows) == 10
    monkeypatch.setattr(start, "run_fresh", lambda *_: {**run, "loaded": True})
    with pytest.raises(ValueError, match="in one kind of process"):
        start.measure(replace(settings, pipelines=(hf_path,)))


def test_processes(load):
    """Functions of the standard library, for a worker must be able to import them."""
    import operator

    processes = load("suite.processes")
    assert processes.run_apart(operator.add, 2, 3) == 5
    with pytest.raises(ZeroDivisionError):
        processes.run_apart(operator.truediv, 1, 0)
