"""The architecture: refusals with their codes, and every setting of every sublayer changes the network."""

import numpy as np
import pytest
import spacy
import torch
from spacy.tokens import Doc
from spacy.training import Example

from spacy_ssner.architectures import (
    build_ssner_model,
    make_bilstm,
    make_char_cnn,
    make_fusion,
    make_similar_words,
    similar_word_table,
)
from spacy_ssner.layers.torch_tagger import network_of
from spacy_ssner.layers.word_features import char_ids

ALL = ("char_cnn", "bilstm", "similar_words", "fusion")


def network(nlp):
    return network_of(nlp.get_pipe("ssner").model.get_ref("tagger"))


def emissions(nlp, text="APT29 used Mimikatz against Acme Corp in Kyiv."):
    return nlp.get_pipe("ssner").model.predict([nlp.make_doc(text)]).emissions


# Refusals


def test_unknown_decoder(tiny_model):
    with pytest.raises(ValueError, match="S102.*'crf' or 'softmax', got 'viterbi'"):
        spacy.blank("en").add_pipe("ssner", config={"model": tiny_model(decoder="viterbi")})


def test_fusion_without_similar_words(tiny_model):
    with pytest.raises(ValueError, match="S103"):
        spacy.blank("en").add_pipe("ssner", config={"model": tiny_model("fusion")})


@pytest.mark.parametrize(
    "make,values",
    [
        (make_char_cnn, {"width": 0}),
        (make_char_cnn, {"char_width": 0}),
        (make_char_cnn, {"max_chars": 0}),
        (make_char_cnn, {"kernel_size": 0}),
        (make_char_cnn, {"kernel_size": 2}),
        (make_bilstm, {"width": 0}),
        (make_bilstm, {"width": 7}),
        (make_bilstm, {"n_layers": 0}),
        (make_similar_words, {"width": 0}),
        (make_similar_words, {"query": "sentence"}),
        (make_fusion, {"n_heads": 0}),
        (make_fusion, {"combine": "sum"}),
    ],
)
def test_impossible_sizes(make, values):
    ((name, value),) = values.items()
    with pytest.raises(ValueError, match=f"S104.*'{name}'.*{value}"):
        make(**values)


def test_too_short_window(tiny_model):
    with pytest.raises(ValueError, match="S104.*max_window.*at least 8 tokens, but is 7"):
        spacy.blank("en").add_pipe("ssner", config={"model": tiny_model(max_window=7)})


@pytest.mark.parametrize(
    "names,width",
    [(ALL, 32), (("similar_words", "fusion"), 16), (("char_cnn", "similar_words", "fusion"), 24)],
)
def test_heads_that_do_not_divide_the_layer_below(names, width, make_nlp):
    fusion = {"@architectures": "spacy-ssner.Fusion.v1", "n_heads": 5}
    with pytest.raises(ValueError, match=f"S104.*n_heads.*a divisor of {width}.*5"):
        make_nlp(*names, fusion=fusion)


def test_similar_words_without_a_table(tiny_model, make_examples):
    nlp = spacy.blank("en")
    nlp.add_pipe("ssner", config={"model": tiny_model("similar_words")})
    with pytest.raises(ValueError, match=r"S105.*ssner similar-words"):
        nlp.initialize(lambda: make_examples(nlp))


@pytest.mark.parametrize(
    "content,code",
    [
        (b"", "S257"),
        (b"word2vec 3 4\n", "S257"),
        (b"PK\x03\x04" * 20, "S257"),
        ("cut", "S258"),
        ("changed", "S258"),
    ],
)
def test_wrong_table_file(content, code, tiny_model, make_examples, table_path, tmp_path):
    data = table_path.read_bytes()
    if content == "cut":
        content = data[: len(data) // 2]
    elif content == "changed":
        content = data[:-1] + bytes([data[-1] ^ 1])
    (tmp_path / "words.sim").write_bytes(content)
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("ssner", config={"model": tiny_model("similar_words")})
    with pytest.raises(ValueError, match=code):
        pipe.initialize(lambda: make_examples(nlp), similar_words=tmp_path / "words.sim")


def test_no_table_file_at_the_path(tiny_model, make_examples, tmp_path):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("ssner", config={"model": tiny_model("similar_words")})
    with pytest.raises(FileNotFoundError, match="none.sim"):
        pipe.initialize(lambda: make_examples(nlp), similar_words=tmp_path / "none.sim")


# The model


def test_references_and_dimensions(make_nlp):
    model = make_nlp(*ALL).get_pipe("ssner").model
    assert model.name == "ssner" and model.get_dim("nO") == 5
    assert [layer.name for layer in model.layers] == [model.get_ref("tok2vec").name, "ssner_network"]
    assert len(similar_word_table(model)) > 0


def test_model_without_config_system(make_nlp):
    """The functions of the registry are plain functions."""
    from spacy.pipeline.tok2vec import DEFAULT_TOK2VEC_MODEL
    from spacy.util import registry

    tok2vec = registry.resolve({"tok2vec": DEFAULT_TOK2VEC_MODEL})["tok2vec"]
    model = build_ssner_model(tok2vec, make_char_cnn(width=6), make_bilstm(width=10))
    nlp = spacy.blank("en")
    model.set_dim("nO", 3)
    model.initialize(X=[nlp.make_doc("one two")])
    scores = model.predict([nlp.make_doc("one two three"), nlp.make_doc(""), nlp.make_doc("four")])
    assert scores.emissions.shape == (4, 7) and scores.transitions.shape == (9, 7)
    assert scores.windows.lengths.tolist() == [3, 1]


def test_head_on_token_vectors_alone(make_nlp):
    nlp = make_nlp("none", decoder="softmax")
    names = {name.split(".")[0] for name, weight in network(nlp).named_parameters() if weight.requires_grad}
    assert names == {"output"}


@pytest.mark.parametrize(
    "sublayer,setting,value",
    [
        ("char_cnn", "width", 10),
        ("char_cnn", "char_width", 5),
        ("char_cnn", "kernel_size", 5),
        ("bilstm", "width", 64),
        ("bilstm", "n_layers", 2),
        ("similar_words", "width", 9),
        ("similar_words", "query", "word"),
        ("fusion", "combine", "residual"),
    ],
)
def test_setting_changes_the_weights(sublayer, setting, value, make_nlp, tiny_model):
    def shapes(**model):
        return {name: tuple(w.shape) for name, w in network(make_nlp(*ALL, **model)).named_parameters()}

    changed = {**tiny_model(*ALL)[sublayer], setting: value}
    assert shapes() != shapes(**{sublayer: changed})


def test_number_of_heads_changes_the_result(make_nlp, tiny_model):
    fusion = {**tiny_model(*ALL)["fusion"], "n_heads": 4}
    one, two = make_nlp(*ALL), make_nlp(*ALL, fusion=fusion)
    assert network(two).fusion.attention.num_heads == 4
    assert np.abs(emissions(one) - emissions(two)).max() > 1e-6


def test_max_chars_changes_what_is_read(make_nlp, tiny_model):
    nlp = make_nlp("char_cnn")
    short = make_nlp("char_cnn", char_cnn={**tiny_model("char_cnn")["char_cnn"], "max_chars": 4})
    words = ["Backdoor.Win", "Backdoor.Lin"]
    network_docs = [Doc(nlp.vocab, words=[word]) for word in words]

    def char_part(pipeline):
        model = pipeline.get_pipe("ssner").model
        return char_ids(words, max_chars=model.attrs["settings"]["char_cnn"]["max_chars"])

    assert (char_part(short)[0] == char_part(short)[1]).all()
    assert char_part(nlp).shape == (2, 12) and (char_part(nlp)[0] != char_part(nlp)[1]).any()
    assert short.get_pipe("ssner").model.predict(network_docs).emissions.shape[0] == 2


def test_max_window_cuts_long_sentences(make_nlp):
    text = "word " * 50
    one = make_nlp("bilstm").get_pipe("ssner").model.predict([spacy.blank("en").make_doc(text)])
    cut = (
        make_nlp("bilstm", max_window=16).get_pipe("ssner").model.predict([spacy.blank("en").make_doc(text)])
    )
    assert one.windows.lengths.tolist() == [50]
    assert len(cut.windows.lengths) > 2 and cut.windows.lengths.max() <= 16
    assert cut.windows.core.sum() == 50


SPACED = {
    "wrapped": "Turla sent Mimikatz\nto the Foreign\r\n  Ministry of Peru. Then it left .",
    "doubled": "Turla  sent Mimikatz to  the Foreign  Ministry of Peru.  Then it left .",
    "around": "  \nTurla sent Mimikatz to the Foreign Ministry of Peru. Then it left .\n\n \t",
    "columns": "Turla sent\tMimikatz    to the Foreign Ministry of Peru. Then it left .",
}


@pytest.mark.parametrize("text", SPACED.values(), ids=SPACED)
def test_white_space_changes_nothing_for_the_head(text, make_nlp, tiny_bert):
    tok2vec = {"@architectures": "spacy-ssner.HFEncoder.v1", "name": str(tiny_bert)}
    nlp = make_nlp("char_cnn", "bilstm", "similar_words", "fusion", tok2vec=tok2vec)
    model = nlp.get_pipe("ssner").model
    docs = [nlp.make_doc(" ".join(text.split())), nlp.make_doc(text)]
    for token in (token for doc in docs for token in doc):
        token.is_sent_start = token.i == 0 or token.text == "Then"
    plain, spaced = (model.predict([doc]) for doc in docs)
    assert plain.windows.lengths.tolist() == spaced.windows.lengths.tolist() == [10, 4]
    np.testing.assert_allclose(spaced.emissions, plain.emissions, atol=1e-5)


def test_white_space_takes_no_part_in_training(make_nlp, tiny_bert):
    """Not even where an entity is annotated with it, or a doc holds nothing else."""
    tok2vec = {"@architectures": "spacy-ssner.HFEncoder.v1", "name": str(tiny_bert)}
    nlp = make_nlp("bilstm", tok2vec=tok2vec)
    pipe = nlp.get_pipe("ssner")

    def loss_of(words, tags):
        doc = Doc(nlp.vocab, words=words, sent_starts=[word == words[0] for word in words])
        example = Example.from_dict(doc, {"entities": tags})
        return pipe.get_loss([example], pipe.model.predict([example.x]))[0]

    plain = loss_of(["Acme", "Corp", "fell"], ["B-Org", "L-Org", "O"])
    assert plain == pytest.approx(
        loss_of(["Acme", "\n", "Corp", " ", "fell", "\t"], ["B-Org", "I-Org", "L-Org", "O", "O", "O"]),
        abs=1e-5,
    )
    empty = Example.from_dict(Doc(nlp.vocab, words=["\n", " "]), {"entities": ["O", "O"]})
    assert nlp.update([empty], sgd=None)["ssner"] == 0.0
    assert list(nlp("\n\n \t").ents) == []


def test_learn_rate_factor_scales_the_head_only(make_nlp, make_examples):
    from thinc.api import SGD

    def moved(factor):
        nlp = make_nlp("bilstm", learn_rate_factor=factor)
        pipe = nlp.get_pipe("ssner")
        before = network(nlp).output.weight.detach().clone()
        below = [p.copy() for p in params(pipe)]
        pipe.update(make_examples(nlp), sgd=SGD(0.01, grad_clip=0.0, L2=0.0))
        head = float((network(nlp).output.weight.detach() - before).abs().max())
        return head, max(np.abs(a - b).max() for a, b in zip(below, params(pipe)))

    def params(pipe):
        nodes = pipe.model.get_ref("tok2vec").walk()
        return [node.get_param(name) for node in nodes for name in node.param_names if node.has_param(name)]

    (head1, below1), (head5, below5), (head0, below0) = moved(1.0), moved(5.0), moved(0.0)
    assert head5 == pytest.approx(5 * head1, rel=1e-3) and head0 == 0.0
    assert below5 == pytest.approx(below1, rel=1e-3) and below0 > 0


def test_softmax_keeps_transitions_at_zero_and_legal(make_nlp, make_examples):
    nlp = make_nlp("bilstm", decoder="softmax", steps=3)
    scores = nlp.get_pipe("ssner").model.predict([nlp.make_doc("APT29 used")])
    legal = scores.transitions > -1000
    assert (scores.transitions[legal] == 0).all() and (~legal).any()


def test_crf_learns_transitions(make_nlp):
    nlp = make_nlp("bilstm", decoder="crf", steps=3)
    start = make_nlp("bilstm", decoder="crf").get_pipe("ssner")
    one, two = (
        p.model.predict([nlp.make_doc("APT29 used")]).transitions for p in (start, nlp.get_pipe("ssner"))
    )
    assert np.abs(one - two).max() > 1e-3


def test_gradients_reach_every_sublayer_and_the_token_vectors(make_nlp, make_examples):
    nlp = make_nlp(*ALL)
    pipe = nlp.get_pipe("ssner")
    pipe.update(make_examples(nlp))
    silent = [n for n, w in network(nlp).named_parameters() if w.grad is None or not w.grad.abs().sum() > 0]
    # Keys get no gradient of their own: a shift of all keys does not change a softmax over them.
    assert set(silent) <= {"fusion.attention.in_proj_bias"}, silent
    nodes = [node for node in pipe.model.get_ref("tok2vec").walk() if node.grad_names]
    assert nodes and all(np.abs(n.get_grad(g)).sum() > 0 for n in nodes for g in n.grad_names)


def test_vectors_of_similar_words_are_frozen_and_not_saved_twice(make_nlp, make_examples):
    nlp = make_nlp(*ALL)
    before = network(nlp).similar.vectors.clone()
    nlp.update(make_examples(nlp), sgd=nlp.create_optimizer())
    assert torch.equal(before, network(nlp).similar.vectors)
    assert not any("vectors" in name for name in network(nlp).state_dict())
    np.testing.assert_array_equal(before[1:], similar_word_table(nlp.get_pipe("ssner").model).vectors)
