"""What is not read in full is counted, told once, or refused."""

import hashlib
import warnings

import pytest

from spacy_ssner.truncation import describe, refuse_truncated, warn_of_truncation

HASH = hashlib.sha256(b"0").hexdigest()
GOOD = ["", "APT29 used Mimikatz.", " \n\n "]
BAD = f"APT29 sent {HASH} and {HASH}."


@pytest.fixture(scope="module")
def encoder_path(make_nlp, tiny_bert, tmp_path_factory):
    encoder = {"@architectures": "spacy-ssner.HFEncoder.v1", "name": str(tiny_bert), "max_pieces": 60}
    path = tmp_path_factory.mktemp("encoder")
    make_nlp("bilstm", tok2vec={**encoder, "max_word_pieces": 8}).to_disk(path)
    return path


@pytest.fixture
def nlp(encoder_path):
    import spacy

    return spacy.load(encoder_path)


def test_count_is_silent(nlp):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        docs = list(nlp.pipe([*GOOD, BAD]))
    assert [doc._.ssner_report.losses for doc in docs] == [{}, {}, {}, {"truncated_words": 2}]
    assert docs[3]._.ssner_report.lost_pieces == 2 * (64 - 8)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_warn_once_per_stream(batch_size, nlp):
    nlp.get_pipe("ssner").cfg["on_truncation"] = "warn"
    texts = [*GOOD, BAD] * 5
    with pytest.warns(UserWarning, match=r"SW210.*5 of 20 documents.*10 words of more pieces") as caught:
        docs = list(nlp.pipe(texts, batch_size=batch_size))
    assert len(caught) == 1 and [doc.text for doc in docs] == texts


def test_warn_of_one_doc(nlp):
    nlp.get_pipe("ssner").cfg["on_truncation"] = "warn"
    with pytest.warns(UserWarning, match=r"SW210.*1 of 1 documents.*2 words of more pieces"):
        assert nlp(BAD).ents is not None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for text in GOOD:
            nlp(text)


def test_warn_where_the_rest_of_a_stream_is_not_asked_for(nlp):
    nlp.get_pipe("ssner").cfg["on_truncation"] = "warn"
    stream = nlp.pipe([BAD] * 10, batch_size=2)
    next(stream)
    with pytest.warns(UserWarning, match=r"SW210.*1 of 1 documents"):
        stream.close()


def test_raise_names_the_doc_and_what_to_do(nlp):
    nlp.get_pipe("ssner").cfg["on_truncation"] = "raise"
    assert [doc.text for doc in nlp.pipe(GOOD)] == GOOD
    with pytest.raises(
        ValueError, match=r"S210.*Document 4 .*'APT29 sent .*2 words.*max_word_pieces.*'count'"
    ):
        list(nlp.pipe([*GOOD, BAD]))
    with pytest.raises(ValueError, match="S210.*Document 1"):
        nlp(BAD)


def test_raise_hands_only_that_doc_to_an_error_handler(nlp):
    nlp.get_pipe("ssner").cfg["on_truncation"] = "raise"
    lost = []
    nlp.set_error_handler(lambda name, proc, docs, error: lost.extend(docs))
    kept = [doc.text for doc in nlp.pipe([*GOOD, BAD, *GOOD], batch_size=2)]
    assert kept == [*GOOD, *GOOD]
    assert [doc.text for doc in lost] == [BAD]


def test_warn_with_an_error_handler_that_drops_docs(nlp):
    nlp.get_pipe("ssner").cfg["on_truncation"] = "warn"
    nlp.get_pipe("ssner").set_error_handler(lambda *args: None)
    nlp.get_pipe("ssner").model.attrs["max_window"] = None  # every batch fails
    assert list(nlp.pipe([BAD])) == []


def test_describe():
    assert describe({"cut_sentences": 2, "long_words": 1}) == (
        "2 sentences of more tokens than max_window, 1 words of more characters than max_chars"
    )
    assert describe({}) == ""


def test_docs_without_a_report_are_passed_on(nlp):
    docs = [nlp.make_doc(text) for text in GOOD]
    assert list(warn_of_truncation(docs)) == docs
    refuse_truncated([], [])
