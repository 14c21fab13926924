"""A transformer as token vectors: pooling, long words, windows, batches, gradients, files."""

import copy
import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import spacy
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from spacy.tokens import Doc
from thinc.api import Adam

from spacy_ssner.layers import pieces as pieces_module
from spacy_ssner.layers.hf_encoder import build_hf_encoder, window_pieces
from spacy_ssner.nn import precision

VOCAB = spacy.blank("en").vocab
HASHES = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(40)]
SENTENCES = [
    ["The", "group", "attacked", "9f86", ",", "again", "."],
    ["Malware", "used", "http://a.b/c", "!"],
    ["the", "group"],
]


@pytest.fixture(params=["tiny_bert", "tiny_roberta"])
def folder(request):
    return request.getfixturevalue(request.param)


def make_encoder(folder, **options):
    model = build_hf_encoder(str(folder), **{"max_pieces": 64, "max_word_pieces": 16, **options})
    model.initialize()
    return model


def make_docs(*texts):
    return [Doc(VOCAB, words=list(words)) for words in texts]


def reference(folder, words, model=None):
    """One sentence through transformers alone: states averaged over the pieces of each word."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, add_prefix_space=True)
    model = AutoModel.from_pretrained(folder).eval() if model is None else model
    encoded = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    states = model(**encoded).last_hidden_state[0]
    word_ids = encoded.word_ids()
    return torch.stack([states[[w == i for w in word_ids]].mean(dim=0) for i in range(len(words))])


def test_vectors_equal_a_reference_sentence_by_sentence(folder):
    docs = make_docs(SENTENCES[0] + SENTENCES[1], [], SENTENCES[2])
    vectors = make_encoder(folder).predict(docs)
    assert [v.shape for v in vectors] == [(11, 16), (0, 16), (2, 16)]
    assert all(v.dtype == np.float32 for v in vectors)
    for found, words in zip((vectors[0][:7], vectors[0][7:], vectors[2]), SENTENCES):
        assert_allclose(found, reference(folder, words).detach().numpy(), atol=1e-5)


def test_gradients_equal_those_of_the_reference(folder):
    from transformers import AutoModel

    model, expected = make_encoder(folder), AutoModel.from_pretrained(folder).eval()
    encoder = model.shims[0].module.encoder
    rng = np.random.default_rng(0)
    gradients = [rng.normal(size=(len(words), 16)).astype("f") for words in SENTENCES]
    vectors, backprop = model.begin_update(make_docs(*SENTENCES))
    assert backprop(gradients) == []
    for words, dY in zip(SENTENCES, gradients):
        (reference(folder, words, expected) * torch.from_numpy(dY)).sum().backward()
    weights = dict(expected.named_parameters())
    for name, weight in encoder.named_parameters():
        assert_allclose(weight.grad, weights[name].grad, atol=1e-4, err_msg=name)
    assert (encoder.embeddings.word_embeddings.weight.grad != 0).any()


def test_every_token_has_a_vector_whatever_the_length(folder):
    docs = [*make_docs(HASHES + SENTENCES[0]), spacy.blank("en")(" ".join(HASHES) + " end \n of\u200b it .")]
    for doc, vectors in zip(docs, make_encoder(folder).predict(docs)):
        assert len(vectors) == len(doc) and np.isfinite(vectors).all()
        assert [bool(row.any()) for row in vectors] == [not token.is_space for token in doc]


def test_a_long_word_is_read_up_to_max_word_pieces(folder):
    same_start = ["a" * 8 + "b" * 30, "a" * 8 + "c" * 30]
    vectors = [make_encoder(folder, max_word_pieces=4).predict(make_docs([word]))[0] for word in same_start]
    assert_allclose(vectors[0], vectors[1])
    vectors = [make_encoder(folder, max_word_pieces=16).predict(make_docs([word]))[0] for word in same_start]
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3


def test_a_long_word_is_read_at_both_ends(folder):
    words = ["a" * 8 + "b" * 30 + "c" * 8, "a" * 8 + "d" * 30 + "c" * 8, "a" * 8 + "d" * 30 + "e" * 8]
    model = make_encoder(folder, max_word_pieces=4, long_words="ends")
    vectors = [model.predict(make_docs([word]))[0] for word in words]
    assert_allclose(vectors[0], vectors[1])
    assert np.abs(vectors[1] - vectors[2]).max() > 1e-3
    short = make_docs(["the", "used"])
    assert_allclose(model.predict(short)[0], make_encoder(folder).predict(short)[0])


def test_a_long_indicator_is_read_as_the_name_of_its_kind(folder):
    model = make_encoder(folder, max_word_pieces=6, long_words="proxy")
    hashes = [model.predict(make_docs([pair * 32]))[0] for pair in ("a1", "b2")]
    assert_allclose(hashes[0], hashes[1])
    assert_allclose(hashes[0], model.predict(make_docs(["sha256"]))[0])
    words = [model.predict(make_docs([letter * 64]))[0] for letter in "yz"]  # no indicator: its first pieces
    assert np.abs(words[0] - words[1]).max() > 1e-3


def test_long_words_must_be_known(folder):
    with pytest.raises(ValueError, match="S104"):
        make_encoder(folder, long_words="middle")


@pytest.mark.parametrize("max_pieces,max_word_pieces", [(16, 4), (64, 16), (1024, 256)])
def test_windows_never_exceed_the_limits_of_settings_and_encoder(
    folder, max_pieces, max_word_pieces, monkeypatch
):
    model = make_encoder(folder, max_pieces=max_pieces, max_word_pieces=max_word_pieces)
    widths = []
    encoder = model.shims[0].module.encoder
    monkeypatch.setattr(
        encoder, "forward", lambda f=encoder.forward, **x: widths.append(x["input_ids"].shape[1]) or f(**x)
    )
    vectors = model.predict(make_docs(HASHES, SENTENCES[0] * 9, ["the"] * 300))
    assert all(v.any(axis=1).all() for v in vectors)
    assert len(widths) >= 1 and max(widths) <= min(max_pieces, 64)


@st.composite
def piece_texts(draw):
    max_pieces = draw(st.integers(4, 20))
    sizes = draw(st.lists(st.integers(0, max_pieces // 4), min_size=1, max_size=6))
    n_tokens = draw(st.integers(0, 60))
    words = draw(st.lists(st.integers(0, len(sizes) - 1), min_size=n_tokens, max_size=n_tokens))
    starts = draw(st.lists(st.sampled_from([False] * 7 + [True]), min_size=n_tokens, max_size=n_tokens))
    starts[:1] = [True] * len(starts[:1])
    ends = np.cumsum(sizes)
    pieces = [np.arange(end - size, end) for size, end in zip(sizes, ends)]
    return pieces, np.array(words, dtype=np.int64), np.array(starts, dtype=bool), max_pieces


@given(piece_texts())
def test_window_pieces_keep_every_piece_once_beside_context(case):
    pieces, words, starts, max_pieces = case
    ids, lengths, tokens = window_pieces(pieces, words, starts, max_pieces=max_pieces)
    assert lengths.sum() == len(ids) == len(tokens)
    assert ((lengths >= 1) & (lengths <= max_pieces)).all()
    for token, word in enumerate(words):
        assert ids[tokens == token].tolist() == pieces[word].tolist()
    sentence = np.cumsum(starts)
    for end, length in zip(np.cumsum(lengths), lengths):
        own = tokens[end - length : end]
        own = own[own >= 0]
        assert (np.diff(own) >= 0).all() and len(set(sentence[own].tolist())) <= 1


def test_the_batch_does_not_matter(folder):
    texts = [*SENTENCES, HASHES[:5], ["the"] * 90, []]
    small, large = make_encoder(folder, max_padded=64), make_encoder(folder, max_padded=4096)
    together = large.predict(make_docs(*texts))
    for found, expected in zip(small.predict(make_docs(*texts)), together):
        assert_allclose(found, expected, atol=1e-5)
    for words, expected in zip(texts, together):
        assert_allclose(large.predict(make_docs(words))[0], expected, atol=1e-5)


@pytest.mark.parametrize("texts", [[], [[]], [[], []], [["\n"]], [[" "], [], ["\n\n", " "]]])
def test_docs_without_words(folder, texts):
    model, docs = make_encoder(folder), make_docs(*texts)
    vectors, backprop = model.begin_update(docs)
    assert [v.shape for v in vectors] == [(len(doc), 16) for doc in docs]
    assert not any(v.any() for v in vectors)
    assert backprop(vectors) == []
    assert [v.shape for v in model.predict(docs)] == [(len(doc), 16) for doc in docs]


def test_forgetting_the_pieces_of_words_changes_nothing(folder, monkeypatch):
    model = make_encoder(folder)
    expected = model.predict(make_docs(*SENTENCES))
    monkeypatch.setattr(pieces_module, "CACHE_SIZE", 3)
    for _ in range(2):
        for found, vectors in zip(model.predict(make_docs(*SENTENCES)), expected):
            assert_allclose(found, vectors)


def test_threads_predict_the_same(hf_path, monkeypatch):
    monkeypatch.setattr(pieces_module, "CACHE_SIZE", 20)  # so that they empty each other's memory as well
    nlp = spacy.load(hf_path)
    texts = [
        " ".join(f"the group {i * 7 + j} used http://a.b/{j} again ." for j in range(9)) for i in range(24)
    ]
    scores = [nlp.get_pipe("ssner").model.predict([nlp.make_doc(text)]).emissions for text in texts]
    with ThreadPoolExecutor(4) as pool:
        predict = nlp.get_pipe("ssner").model.predict
        for _ in range(4):
            found = list(pool.map(lambda text: predict([nlp.make_doc(text)]).emissions, texts))
            for one, other in zip(found, scores):
                assert_allclose(one, other, atol=1e-4)


def test_bytes_load_in_a_fresh_object_without_the_folder(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    model = make_encoder(tmp_path / "copy")
    expected = model.predict(make_docs(*SENTENCES))
    data = model.to_bytes()
    shutil.rmtree(tmp_path / "copy")
    fresh = build_hf_encoder(str(tmp_path / "copy"), max_pieces=64)
    fresh.from_bytes(data)
    assert fresh.get_dim("nO") == 16
    for found, vectors in zip(fresh.predict(make_docs(*SENTENCES)), expected):
        assert (found == vectors).all()
    fresh.initialize()  # keeps what was loaded, and does not look for the folder
    assert all((found == v).all() for found, v in zip(fresh.predict(make_docs(*SENTENCES)), expected))


def damage_nothing_left(folder):
    shutil.rmtree(folder)


def damage_empty(folder):
    for path in folder.iterdir():
        path.unlink()


def damage_weights(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def damage_no_weights(folder):
    (folder / "model.safetensors").unlink()


def damage_config(folder):
    (folder / "config.json").write_text("{")


@pytest.mark.parametrize(
    "damage", [damage_nothing_left, damage_empty, damage_weights, damage_no_weights, damage_config]
)
def test_a_missing_or_damaged_folder_is_named(damage, tiny_bert, tmp_path):
    folder = tmp_path / "encoder"
    shutil.copytree(tiny_bert, folder)
    damage(folder)
    model = build_hf_encoder(str(folder))  # not read before initialization
    with pytest.raises(ValueError, match="S107.*encoder"):
        model.initialize()


@pytest.mark.parametrize("damage", ["{", "[]", '{"config": "{}"}'])
def test_damaged_settings_are_refused(damage, tiny_bert):
    import srsly

    shim = make_encoder(tiny_bert).shims[0]
    message = srsly.msgpack_loads(shim.to_bytes())
    with pytest.raises(ValueError, match="S302"):
        shim.from_bytes(srsly.msgpack_dumps({**message, "settings": damage}))


def test_a_damaged_tokenizer_in_the_bytes_is_refused(tiny_bert):
    import srsly

    shim = make_encoder(tiny_bert).shims[0]
    message = srsly.msgpack_loads(shim.to_bytes())
    settings = srsly.json_dumps({**srsly.json_loads(message["settings"]), "tokenizer": "{"})
    with pytest.raises(ValueError, match="S302"):
        shim.from_bytes(srsly.msgpack_dumps({**message, "settings": settings}))


@pytest.mark.parametrize("max_word_pieces", [0, 17])
def test_max_word_pieces_must_leave_room(max_word_pieces):
    with pytest.raises(ValueError, match="S104.*max_word_pieces.*between 1 and.*16"):
        build_hf_encoder("unread", max_pieces=64, max_word_pieces=max_word_pieces)


def test_mixed_precision_warns_where_it_is_slow(folder, monkeypatch):
    monkeypatch.setattr(precision, "computes_in_bfloat16", lambda device_type: False)
    with pytest.warns(UserWarning, match="SW105.*mixed_precision = true.*this cpu"):
        make_encoder(folder, mixed_precision=True)


def test_mixed_precision_halves_training_only(folder, monkeypatch):
    monkeypatch.setattr(precision, "computes_in_bfloat16", lambda device_type: True)
    docs = make_docs(*SENTENCES)
    exact, mixed = make_encoder(folder), make_encoder(folder, mixed_precision=True)
    for expected, found in zip(exact.predict(docs), mixed.predict(docs)):
        assert (found == expected).all()
    expected, _ = exact(docs, is_train=True)
    found, backprop = mixed(docs, is_train=True)
    assert any((e != f).any() for e, f in zip(expected, found))  # it is at work
    for e, f in zip(expected, found):
        assert_allclose(f, e, atol=0.1)
    backprop([vectors * 0 + 1 for vectors in found])
    gradients = [p.grad for p in mixed.shims[0].module.parameters() if p.grad is not None]
    assert gradients and all(g.dtype == torch.float32 and g.isfinite().all() for g in gradients)


def test_how_it_computes_may_be_changed_when_it_is_loaded(folder, monkeypatch):
    monkeypatch.setattr(precision, "computes_in_bfloat16", lambda device_type: True)
    saved = make_encoder(folder, mixed_precision=True, max_padded=64).to_bytes()
    for values in {"mixed_precision": True, "max_padded": 128}, {"mixed_precision": False, "max_padded": 32}:
        restored = build_hf_encoder("", **values).from_bytes(saved)
        settings = restored.shims[0].module.settings
        assert {name: settings[name] for name in values} == values
        again = build_hf_encoder("", **values).from_bytes(restored.to_bytes())
        assert again.shims[0].module.settings == settings


def test_initialized_again_it_begins_anew(folder):
    docs = make_docs(*SENTENCES)
    model = make_encoder(folder)
    fresh = model.predict(docs)
    vectors, backprop = model(docs, is_train=True)
    backprop([x * 0 + 1 for x in vectors])
    model.finish_update(Adam(0.01))
    assert any((a != b).any() for a, b in zip(model.predict(docs), fresh))
    model.initialize(X=docs)
    assert all((a == b).all() for a, b in zip(model.predict(docs), fresh))


def test_bfloat16_halves_predictions_only(folder, monkeypatch):
    monkeypatch.setattr(precision, "computes_in_bfloat16", lambda device_type: True)
    docs = make_docs(*SENTENCES)
    exact, halved = make_encoder(folder), make_encoder(folder, bfloat16=True)
    expected = exact.predict(docs)
    for model in (
        halved,
        copy.deepcopy(halved),
        build_hf_encoder("", bfloat16=True).from_bytes(exact.to_bytes()),
    ):
        found = model.predict(docs)
        assert any((e != f).any() for e, f in zip(expected, found))  # it is at work
        for e, f in zip(expected, found):
            assert f.dtype == np.float32
            assert_allclose(f, e, atol=0.1)
    for e, f in zip(exact(docs, is_train=True)[0], halved(docs, is_train=True)[0]):
        assert (e == f).all()
    restored = build_hf_encoder("").from_bytes(
        halved.to_bytes()
    )  # a matter of the config, not of the weights
    for e, f in zip(expected, restored.predict(docs)):
        assert (e == f).all()


def test_bfloat16_warns_where_it_is_slow(folder, monkeypatch):
    monkeypatch.setattr(precision, "computes_in_bfloat16", lambda device_type: False)
    with pytest.warns(UserWarning, match="SW105.*bfloat16 = true.*this cpu"):
        model = make_encoder(folder, bfloat16=True)
    with pytest.warns(UserWarning, match="SW105"):
        build_hf_encoder("", bfloat16=True).from_bytes(model.to_bytes())


def test_bfloat16_or_int8():
    with pytest.raises(ValueError, match="S104.*bfloat16.*beside int8"):
        build_hf_encoder("unread", int8=True, bfloat16=True)
