"""Training and reading word vectors."""

import gzip
import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from spacy_ssner.similarity import vectors as vectors_module
from spacy_ssner.similarity.vectors import (
    WordVectors,
    choose_epochs,
    normalise,
    normalise_sentences,
    read_vectors,
    stable_hash,
    train_vectors,
)

ROOT = Path(__file__).parents[2]
SENTENCES = [
    ["APT28", "used", "Mimikatz"],
    ["apt28", "used", " ", "Emotet"],
    ["APT29", "used", "emotet"],
] * 20
needs_gensim = pytest.mark.skipif("not __import__('importlib').util.find_spec('gensim')", reason="no gensim")


def write_text(path, words, vectors, header=None):
    lines = [header or f"{len(words)} {vectors.shape[1]}"]
    lines += [f"{word} {' '.join(map(repr, map(float, row)))}" for word, row in zip(words, vectors)]
    path.write_text("\n".join(lines) + "\n", encoding="utf8")


def write_binary(path, words, vectors, end=b"\n"):
    body = [
        word.encode("utf8") + b" " + row.astype("<f4").tobytes() + end for word, row in zip(words, vectors)
    ]
    path.write_bytes(f"{len(words)} {vectors.shape[1]}\n".encode() + b"".join(body))


@pytest.fixture
def some():
    return ["the", "apt28", "naïve", "cve-2017-0144"], np.random.default_rng(0).normal(size=(4, 6)).astype(
        "f4"
    )


@pytest.mark.parametrize(
    "word,expected", [(" APT28\n", "apt28"), ("É", "é"), ("CVE-2017", "cve-2017"), ("\t", "")]
)
def test_normalise(word, expected):
    assert normalise(word) == expected
    assert normalise("Apple", lower=False) == "Apple"


@given(st.text())
def test_normalise_twice_is_once(word):
    assert normalise(normalise(word)) == normalise(word)
    assert normalise(normalise(word, lower=False), lower=False) == normalise(word, lower=False)


def test_stable_hash_takes_any_text():
    assert stable_hash("apt28") == 2680497439 and stable_hash("\ud800") >= 0


@pytest.mark.parametrize("n_words,expected", [(0, 50), (25_000, 50), (1_000_000, 20), (15_000_000, 5)])
def test_choose_epochs(n_words, expected):
    assert choose_epochs(n_words) == expected


@needs_gensim
def test_training_counts_normalised_words():
    trained = train_vectors(SENTENCES, size=8, epochs=2, min_count=20)
    assert set(trained.words) == {"used", "apt28", "emotet", "mimikatz", "apt29"}
    assert trained.words[0] == "used" and trained.vectors.shape == (5, 8) and trained.lower
    assert trained.vectors.dtype == np.float32
    cased = train_vectors(SENTENCES, size=8, epochs=2, min_count=20, lower=False)
    assert {"APT28", "apt28"} <= set(cased.words) and not cased.lower
    assert len(train_vectors(SENTENCES, size=8, epochs=1, max_words=2).words) == 2


@needs_gensim
def test_options_change_the_vectors():
    base = dict(size=8, epochs=3, min_count=1, seed=1)
    first = train_vectors(SENTENCES, **base).vectors
    assert_array_equal(first, train_vectors(iter(SENTENCES), **base).vectors)
    for change in (dict(sg=True), dict(seed=2), dict(epochs=4), dict(window=1)):
        assert not np.allclose(first, train_vectors(SENTENCES, **{**base, **change}).vectors)


@needs_gensim
def test_words_used_alike_are_near():
    rng = np.random.default_rng(0)
    groups = [["red", "blue", "green"], ["dog", "cat", "cow"]]
    frames = [["paint", "it", "{}", "now"], ["feed", "the", "{}", "today"]]
    corpus = []
    for _ in range(1500):
        kind = int(rng.integers(2))
        corpus.append([rng.choice(groups[kind]) if word == "{}" else word for word in frames[kind]])
    trained = train_vectors(corpus, size=16, epochs=5, seed=0)
    unit = dict(zip(trained.words, trained.vectors / np.linalg.norm(trained.vectors, axis=1, keepdims=True)))
    assert unit["red"] @ unit["blue"] > unit["red"] @ unit["dog"]


@needs_gensim
def test_long_sentences_lose_nothing(monkeypatch):
    monkeypatch.setattr(vectors_module, "LONGEST_SENTENCE", 4)
    assert list(normalise_sentences([list("abcdefghi"), [], [" "]], lower=True)) == [
        list("abcd"),
        list("efgh"),
        ["i"],
    ]


@needs_gensim
def test_epochs_are_reported():
    done = []
    train_vectors(SENTENCES, size=4, epochs=3, on_epoch=lambda: done.append(1))
    assert len(done) == 3


TRAIN = """
import hashlib
from spacy_ssner.similarity.vectors import train_vectors
sentences = [[f"w{(i * j) % 17}" for j in range(9)] for i in range(60)]
trained = train_vectors(sentences, size=16, epochs=3, seed=5)
print(hashlib.sha256(trained.vectors.tobytes() + " ".join(trained.words).encode()).hexdigest())
"""


@needs_gensim
def test_training_is_the_same_in_every_process():
    digests = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", TRAIN]
        digests.add(
            subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout
        )
    assert len(digests) == 1 and len(digests.pop().strip()) == hashlib.sha256().digest_size * 2


@needs_gensim
@pytest.mark.parametrize("sentences", [[], [[]], [[" ", ""]]])
def test_empty_corpus(sentences):
    with pytest.raises(ValueError, match="S250"):
        train_vectors(sentences, size=4)


@needs_gensim
def test_empty_vocabulary():
    with pytest.raises(ValueError, match="S251"):
        train_vectors([["a", "b"]], size=4, min_count=2)


def test_no_gensim(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "gensim", None)
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    with pytest.raises(ImportError, match="S261"):
        train_vectors(SENTENCES)
    with pytest.raises(ImportError, match="S261"):
        read_vectors(tmp_path / "x.kv")


@pytest.mark.parametrize("end", [b"\n", b""])
def test_read_binary(some, tmp_path, end):
    words, vectors = some
    write_binary(tmp_path / "v.bin", words, vectors, end)
    read = read_vectors(tmp_path / "v.bin")
    assert read.words == tuple(words)
    assert_array_equal(read.vectors, vectors)


@pytest.mark.parametrize("change", [lambda text: text, lambda text: text.replace("\n", "\r\n")])
def test_read_text_and_gzip(some, tmp_path, change):
    words, vectors = some
    words[0] = "new york"  # words with a space occur in public files
    write_text(tmp_path / "v.txt", words, vectors)
    (tmp_path / "v.txt").write_bytes(change((tmp_path / "v.txt").read_text("utf8")).encode("utf8"))
    for name in ("v.vec.gz", "V.VEC.GZ"):
        (tmp_path / name).write_bytes(gzip.compress((tmp_path / "v.txt").read_bytes()))
    for name in ("v.txt", "v.vec.gz", "V.VEC.GZ"):
        read = read_vectors(tmp_path / name)
        assert read.words == tuple(words)
        assert_allclose(read.vectors, vectors, rtol=1e-6)
    assert len(read_vectors(tmp_path / "v.txt", max_words=2).words) == 2


@needs_gensim
def test_read_what_gensim_writes(some, tmp_path):
    from gensim.models import KeyedVectors

    keyed = KeyedVectors(6)
    keyed.add_vectors(*some)
    keyed.save(str(tmp_path / "v.kv"))
    keyed.save_word2vec_format(str(tmp_path / "v.bin"), binary=True)
    keyed.save_word2vec_format(str(tmp_path / "v.txt"), binary=False)
    keyed.save(str(tmp_path / "V.KV"))
    for name in ("v.kv", "V.KV", "v.bin", "v.txt"):
        read = read_vectors(tmp_path / name)
        assert read.words == tuple(some[0])
        assert_allclose(read.vectors, some[1], rtol=1e-5)


def test_repeated_words_keep_the_first(some, tmp_path):
    words, vectors = ["The", "apt28", "the", "APT28"], some[1]
    write_text(tmp_path / "v.txt", words, vectors)
    with pytest.warns(UserWarning, match=r"SW250.*\b2 words"):
        read = read_vectors(tmp_path / "v.txt")
    assert read.words == ("the", "apt28")
    assert_allclose(read.vectors, vectors[:2], rtol=1e-6)
    assert len(read_vectors(tmp_path / "v.txt", lower=False).words) == 4


def test_words_that_are_not_utf8(some, tmp_path):
    write_binary(tmp_path / "v.bin", some[0], some[1])
    content = (tmp_path / "v.bin").read_bytes().replace(b"apt28", b"apt\xff8")
    (tmp_path / "v.bin").write_bytes(content)
    with pytest.warns(UserWarning, match=r"SW251.*\b1 words"):
        assert "apt28" not in read_vectors(tmp_path / "v.bin").words


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello\n",
        b"4\n",
        b"a b\n1 2",
        b"-1 3\na 1 2 3",
        b"2 0\n",
        b"0 5\n",
        random.Random(0).randbytes(99) + b"\n",
    ],
)
def test_foreign_files(content, tmp_path):
    (tmp_path / "v.txt").write_bytes(content)
    with pytest.raises(ValueError, match="S252"):
        read_vectors(tmp_path / "v.txt")


def test_bad_line_and_too_many_lines(tmp_path):
    (tmp_path / "v.txt").write_text("3 2\na 1 2\nb 1\nc 1 2\n")
    with pytest.raises(ValueError, match="S252.*line 3"):
        read_vectors(tmp_path / "v.txt")
    (tmp_path / "v.txt").write_text("1 2\na 1 2\nb 1 2\n")
    with pytest.raises(ValueError, match="S252.*it has 2"):
        read_vectors(tmp_path / "v.txt")


@pytest.mark.parametrize("write", [write_text, write_binary])
def test_truncated_files(some, tmp_path, write):
    write(tmp_path / "v", *some)
    content = (tmp_path / "v").read_bytes()
    last = content.index(b"cve-2017")
    for size in (last, last + 3, last + 20, content.index(b"apt28") + 15):
        (tmp_path / "v").write_bytes(content[:size])
        with pytest.raises(ValueError, match=f"S253.* 4 word vectors.* after {3 if size >= last else 1}"):
            read_vectors(tmp_path / "v")


def test_a_header_that_lies_about_gigabytes(tmp_path):
    (tmp_path / "v").write_bytes(b"99999999999 300\napt28 " + b"\x00" * 1200)
    with pytest.raises(ValueError, match="S253"):
        read_vectors(tmp_path / "v")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite(some, tmp_path, bad):
    some[1][2, 1] = bad
    for write in (write_text, write_binary):
        write(tmp_path / "v", *some)
        with pytest.raises(ValueError, match="S254.* 1 of 4"):
            read_vectors(tmp_path / "v")


def test_damaged_gzip(some, tmp_path):
    write_text(tmp_path / "v.txt", *some)
    packed = gzip.compress((tmp_path / "v.txt").read_bytes())
    for content in (packed[:-20], b"plain", packed[:40] + b"xxxx" + packed[44:]):
        (tmp_path / "v.gz").write_bytes(content)
        with pytest.raises(ValueError, match="S265"):
            read_vectors(tmp_path / "v.gz")


@needs_gensim
def test_foreign_and_missing_kv(tmp_path):
    (tmp_path / "v.kv").write_bytes(b"not a pickle")
    with pytest.raises(ValueError, match="S252"):
        read_vectors(tmp_path / "v.kv")
    with pytest.raises(FileNotFoundError):
        read_vectors(tmp_path / "none.kv")


@pytest.mark.parametrize(
    "words,vectors", [(("a",), np.zeros((2, 3))), (("a", "a"), np.zeros((2, 3))), (("a",), np.zeros(1))]
)
def test_words_and_vectors_that_do_not_fit(words, vectors):
    with pytest.raises(ValueError, match="S259"):
        WordVectors(words, vectors)
