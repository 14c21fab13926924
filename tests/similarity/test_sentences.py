"""Reading a corpus and leaving out test sentences."""

import gzip
import json
import os
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc, DocBin

from spacy_ssner.similarity.sentences import collect_runs, read_sentences, repeats, word_runs

LONG = "the group used a new loader to install the implant on seven hosts".split()


def read(path, **options):
    return list(read_sentences(path, **options))


def test_text_lines_and_sentences(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffAPT28 ran cmd.exe. It worked!\r\n\r\n  \nNo end\n".encode("utf8"))
    expected = [["APT28", "ran", "cmd.exe", "."], ["It", "worked", "!"], ["No", "end"]]
    assert read(tmp_path / "a.txt") == expected
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress((tmp_path / "a.txt").read_bytes()))
    assert read(tmp_path / "b.txt.gz") == expected


def test_tokens_are_those_of_spacy(tmp_path):
    text = "Don't open http://a.example/x?y=1 (see CVE-2017-0144), they've said at 10 a.m. today"
    (tmp_path / "a.txt").write_text(text)
    assert sum(read(tmp_path / "a.txt"), []) == [token.text for token in spacy.blank("en")(text)]


def test_jsonl(tmp_path):
    lines = [
        json.dumps({"text": "One two.\nThree"}),
        "",
        "{broken",
        json.dumps({"no": 1}),
        '{"text": 5}',
        "[1]",
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    with pytest.warns(UserWarning, match=r"SW254\] 4 lines .*line 3"):
        assert read(tmp_path / "a.jsonl") == [["One", "two", "."], ["Three"]]


def test_conll(tmp_path):
    (tmp_path / "a.conll").write_text("-DOCSTART- O\n\nAPT28\tB-X\nran\tO\n\n\n\tO\nnew york\tO\nlast O\n")
    assert read(tmp_path / "a.conll") == [["APT28", "ran"], ["new york", "last"]]


def test_spacy_files(tmp_path):
    vocab = spacy.blank("en").vocab
    docs = [
        Doc(vocab, ["a", " ", "b", "c"], sent_starts=[True, False, False, True]),
        Doc(vocab, ["d", "e"]),
        Doc(vocab),
    ]
    DocBin(docs=docs).to_disk(tmp_path / "a.spacy")
    assert [s for s in read(tmp_path / "a.spacy") if s] == [["a", "b"], ["c"], ["d", "e"]]


def test_progress_adds_up_to_the_size(tmp_path):
    (tmp_path / "a.txt").write_text("some words here\n" * 5000)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress((tmp_path / "a.txt").read_bytes()))
    for name in ("a.txt", "a.txt.gz"):
        done = []
        assert len(read(tmp_path / name, on_bytes=done.append)) == 5000
        assert sum(done) == (tmp_path / name).stat().st_size


def test_lines_that_are_not_utf8(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"bar caf\xe9\nfine \xef\xbf\xbd\n")  # the second has a real U+FFFD
    with pytest.warns(UserWarning, match=r"SW253\] 1 lines"):
        assert read(tmp_path / "a.txt")[0] == ["bar", "caf", "\ufffd"]


@pytest.mark.parametrize("name", ["a.pdf", "a", "a.gz"])
def test_unknown_suffix(name, tmp_path):
    with pytest.raises(ValueError, match="S260"):
        read_sentences(tmp_path / name)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="S263"):
        read_sentences(tmp_path / "a.txt")


def test_damaged_files(tmp_path):
    (tmp_path / "a.spacy").write_bytes(b"no docs")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(os.urandom(5000))[:-900])
    (tmp_path / "b.txt.gz").write_bytes(b"plain text")
    for name in ("a.spacy", "a.txt.gz", "b.txt.gz"):
        with pytest.raises(ValueError, match="S265"), pytest.MonkeyPatch.context() as patch:
            patch.setattr("spacy_ssner.similarity.sentences.warn", lambda *args, **kwargs: None)
            read(tmp_path / name)


def test_word_runs():
    assert list(word_runs(["A-b", "!", "c"])) == [("a", "b", "c")]
    assert len(list(word_runs(LONG))) == len(LONG) - 7
    assert list(word_runs(["...", "_"])) == []


def test_repeated_sentences_are_found(tmp_path):
    test = [["APT28", "'s", "tool"], ["Yesterday", ",", *LONG[:9], "."]]
    (tmp_path / "test.conll").write_text("\n\n".join("\n".join(f"{w}\tO" for w in s) for s in test))
    runs = collect_runs([tmp_path / "test.conll"])
    assert repeats(["But", *LONG, "x"], runs)
    assert repeats(["APT28's", "tool", "!"], runs)  # tokenised in another way
    assert not repeats(["the", "APT28's", "tool"], runs)  # short sentences only as a whole
    assert not repeats(LONG[2:], runs) and not repeats([], runs)


@pytest.mark.skipif("SSNER_DATA" not in os.environ, reason="needs SSNER_DATA")
def test_clean_train_shares_little_with_test():
    folder = Path(os.environ["SSNER_DATA"]) / "data" / "cyner" / "clean"
    sentences = read(folder / "train.conll")
    assert len(sentences) == 2726
    runs = collect_runs([folder / "test.conll"])
    assert all(
        repeats(sentence, runs) for sentence in read(folder / "test.conll") if list(word_runs(sentence))
    )
    assert sum(repeats(sentence, runs) for sentence in sentences) < 0.05 * len(sentences)
