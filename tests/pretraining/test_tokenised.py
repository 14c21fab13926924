"""The tokenised corpus on disk against the tokenizer asked word by word; damage, other tokenizers, full disks."""

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.nn.encoder_loading import load_encoder
from spacy_ssner.pretraining import piece_table
from spacy_ssner.pretraining.piece_table import PieceTable, fingerprint, read_tokenizer
from spacy_ssner.pretraining.tokenised import HELD_OUT, TokenisedCorpus, differences
from spacy_ssner.pretraining.tokenised_writer import CorpusWriter, new_folder, row_lengths

LINES = [
    "the group used malware".split(),
    "attacker , 9f86d081884c7d65 \u4e2d the".split(),
    ["the"] * 40,
    ["x"],
]


@pytest.fixture(params=["tiny_bert", "tiny_roberta"])
def encoder_path(request):
    return str(request.getfixturevalue(request.param))


def write(folder, name, *, lines=LINES, max_pieces=18, made_from=None):
    """A corpus in a folder; `lines` come in two batches."""
    tokenizer = read_tokenizer(str(name))
    table = PieceTable(tokenizer, max_word_pieces=4)
    with CorpusWriter(folder, table, tokenizer=tokenizer, max_pieces=max_pieces) as writer:
        writer.add(lines[:2])
        writer.add([])
        writer.add(lines[2:])
        return writer.finish(made_from or {})


def test_rows_are_what_the_encoder_reads(encoder_path, tmp_path):
    """The same pieces as in the component, word by word, with the special pieces around them."""
    meta = write(tmp_path / "c", encoder_path)
    corpus = TokenisedCorpus.open(tmp_path / "c")
    encoder = load_encoder(encoder_path, max_padded=4096)
    ids, words_of_rows = [], []
    for row in range(len(corpus)):
        item = corpus[row]
        assert (
            item["input_ids"].dtype == np.int64 and item["word_ids"].dtype == np.int32 and item["row"] == row
        )
        assert len(item["input_ids"]) == len(item["word_ids"]) == corpus.lengths[row] <= 18
        assert (item["input_ids"][0], item["input_ids"][-1]) == (
            encoder.settings["begin"],
            encoder.settings["end"],
        )
        assert item["word_ids"][0] == item["word_ids"][-1] == -1
        inner = item["word_ids"][1:-1]
        assert inner[0] == 0 and set(np.diff(inner)) <= {0, 1}
        words_of_rows.append(inner[-1] + 1)
        ids += item["input_ids"][1:-1].tolist()
    words = [word for line in LINES for word in line]
    expected = encoder.pieces(words, max_pieces=4)
    assert ids == np.concatenate(expected).tolist()
    assert sum(words_of_rows) == len(words) == meta["counts"]["words"]
    assert meta["counts"]["pieces"] == len(ids) and meta["counts"]["lines"] == 4
    assert meta["counts"]["words_cut"] == sum(
        len(whole) > 4 for whole in encoder.pieces(words, max_pieces=99)
    )
    assert corpus[-1]["row"] == len(corpus) - 1
    with pytest.raises(IndexError):
        corpus[len(corpus)]


def test_a_large_vocabulary_is_kept_in_four_bytes(tiny_bert, tmp_path):
    tokenizer = read_tokenizer(str(tiny_bert))
    table = PieceTable(tokenizer, max_word_pieces=4)
    assert table.n_vocab < 1 << 16
    table.n_vocab = (1 << 16) + 1
    with CorpusWriter(tmp_path / "c", table, tokenizer=tokenizer, max_pieces=18) as writer:
        writer.add(LINES)
        assert writer.finish({})["dtype"] == "int32"
    assert (tmp_path / "c" / "pieces.bin").stat().st_size == 4 * writer.counts["pieces"]
    assert len(TokenisedCorpus.open(tmp_path / "c")) == writer.counts["rows"]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=80), st.integers(20, 40))
def test_rows_of_a_line(counts, limit):
    counts = np.array(counts)
    rows = row_lengths(counts, limit=limit)
    assert rows.sum() == len(counts) and (rows > 0).all()
    pieces = np.add.reduceat(counts, np.cumsum(rows) - rows)
    assert (pieces <= limit).all()
    assert len(rows) == 1 or pieces.min() > limit // 2 - 10  # no short remainder


def test_table_forgets_words_when_it_is_full(tiny_bert, monkeypatch):
    monkeypatch.setattr(piece_table, "REMEMBERED", 3)
    monkeypatch.setattr(piece_table, "ENCODED_AT_ONCE", 2)
    table = PieceTable(read_tokenizer(str(tiny_bert)), max_word_pieces=4)
    expected = PieceTable(read_tokenizer(str(tiny_bert)), max_word_pieces=4)
    monkeypatch.setattr(expected, "ids", np.zeros((99, 4), dtype=np.int32))
    for words in (["the", "used"], ["the", "group", "x9"], ["a", "b", "c", "d", "a"], ["the"] * 9):
        fresh = PieceTable(read_tokenizer(str(tiny_bert)), max_word_pieces=4)
        assert [x.tolist() for x in table.pieces(words)[:2]] == [x.tolist() for x in fresh.pieces(words)[:2]]


def test_a_word_of_a_megabyte(encoder_path):
    table = PieceTable(read_tokenizer(encoder_path), max_word_pieces=4)
    ids, counts, n_cut = table.pieces(["the", "a/" * 500_000])
    assert counts.tolist() == [1, 4] and len(ids) == 5 and n_cut == 1


def test_fingerprint(tiny_bert, tiny_roberta):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(tiny_bert)).backend_tokenizer
    plain = fingerprint(tokenizer.to_str())
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding()
    assert (
        fingerprint(tokenizer.to_str()) == plain == fingerprint(read_tokenizer(str(tiny_bert))["tokenizer"])
    )
    assert fingerprint(read_tokenizer(str(tiny_roberta))["tokenizer"]) != plain


def test_a_tokenizer_that_cannot_be_read(tmp_path):
    with pytest.raises(ValueError, match="S107"):
        read_tokenizer(str(tmp_path))


def test_damaged_corpora(tiny_bert, tmp_path):
    write(tmp_path / "c", tiny_bert)
    for number, (name, content) in enumerate(
        [
            ("pieces.bin", lambda data: data[:-1]),
            ("starts.bin", lambda data: b""),
            ("rows.bin", lambda data: data[:8] + b"\xff" * 8 + data[16:]),
            ("meta.json", lambda data: data[:30]),
            ("meta.json", lambda data: b"[]"),
            ("meta.json", lambda data: data.replace(b"uint16", b"uint99")),
        ]
    ):
        folder = tmp_path / f"d{number}"
        write(folder, tiny_bert)
        (folder / name).write_bytes(content((folder / name).read_bytes()))
        with pytest.raises(ValueError, match="S248"):
            TokenisedCorpus.open(folder)
        assert differences(folder, {}) is None
    (tmp_path / "c" / "rows.bin").unlink()
    with pytest.raises(ValueError, match="S248.*missing"):
        TokenisedCorpus.open(tmp_path / "c")
    with pytest.raises(ValueError, match="S248"):
        TokenisedCorpus.open(tmp_path / "nothing")
    meta = (tmp_path / "c" / "meta.json").read_text().replace('"format": 1', '"format": 99')
    (tmp_path / "c" / "meta.json").write_text(meta)
    with pytest.raises(ValueError, match="S249.*99"):
        TokenisedCorpus.open(tmp_path / "c")


@pytest.mark.parametrize(
    "name", ["dtype", "begin", "end", "tokenizer", "counts", "made_from", "rows", "pieces"]
)
@pytest.mark.parametrize("value", [None, 1.5])
def test_what_meta_json_must_hold(name, value, tiny_bert, tmp_path):
    meta = write(tmp_path / "c", tiny_bert)
    write(tmp_path / "c" / HELD_OUT, tiny_bert)
    assert differences(tmp_path / "c", {}) == []
    (meta["counts"] if name in meta["counts"] else meta)[name] = value
    for damaged in (meta, {"format": 1}):
        (tmp_path / "c" / "meta.json").write_text(json.dumps(damaged))
        with pytest.raises(ValueError, match=f"S248.*meta.json.*{name if damaged is meta else 'dtype'}"):
            TokenisedCorpus.open(tmp_path / "c")
        assert differences(tmp_path / "c", {}) is None


def test_differences(tiny_bert, tmp_path):
    write(tmp_path / "c", tiny_bert, made_from={"seed": 0, "sources": [["a", 1]]})
    assert differences(tmp_path / "c", {"seed": 0, "sources": [("a", 1)]}) is None  # no held-out part
    write(tmp_path / "c" / HELD_OUT, tiny_bert, lines=[])
    assert len(TokenisedCorpus.open(tmp_path / "c" / HELD_OUT)) == 0
    assert differences(tmp_path / "c", {"seed": 0, "sources": [("a", 1)]}) == []
    assert differences(tmp_path / "c", {"seed": 1, "sources": [("a", 1)]}) == ["seed: 0 -> 1"]
    assert len(differences(tmp_path / "c", {"seed": 0, "sources": [("a", 2)], "more": 1})) == 2


def test_a_folder_appears_as_a_whole_or_not_at_all(tmp_path):
    out = tmp_path / "deep" / "out"
    with new_folder(out) as draft:
        for name in ("pieces.bin", "starts.bin", "rows.bin"):
            (draft / name).touch()
        (draft / "meta.json").write_text("first")
        assert not out.exists()
    with pytest.raises(RuntimeError), new_folder(out) as draft:
        (draft / "meta.json").write_text("second")
        raise RuntimeError
    assert (out / "meta.json").read_text() == "first"
    with new_folder(out) as draft:
        (draft / "meta.json").write_text("third")
    assert (out / "meta.json").read_text() == "third"
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_other_files_are_not_replaced(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("x")
    spacy.blank("en").to_disk(tmp_path / "pipeline")
    files = sorted(tmp_path.rglob("*"))
    for name in ("file", "folder", "pipeline"):
        with pytest.raises(ValueError, match="S284"), new_folder(tmp_path / name):
            pass
    assert sorted(tmp_path.rglob("*")) == files and (tmp_path / "pipeline" / "meta.json").exists()
    assert (tmp_path / "folder" / "thesis.txt").exists()


@pytest.fixture
def dead():
    """The id of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize("suffix", ["tmp", "old"])
def test_drafts_of_killed_processes_are_removed(suffix, dead, tmp_path):
    (tmp_path / "out").mkdir()
    gone, running = tmp_path / f".out.{dead}.{suffix}", tmp_path / f".out.{os.getppid()}.{suffix}"
    gone.mkdir()
    running.mkdir()
    with new_folder(tmp_path / "out"):
        pass
    assert not gone.exists() and running.exists()


def test_a_corpus_that_a_killed_process_moved_away_is_put_back(dead, tmp_path):
    for name in (f".out.{dead}.old", f".out.{dead}.tmp", f".out.more.{dead}.old", f".out.{os.getppid()}.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "meta.json").write_text(name)
    others = [
        tmp_path / f".out.more.{dead}.old",
        tmp_path / f".out.{os.getppid()}.old",
    ]  # another's, and in use
    with pytest.raises(RuntimeError), new_folder(tmp_path / "out"):
        raise RuntimeError
    assert sorted(tmp_path.iterdir()) == sorted([*others, tmp_path / "out"])
    assert (tmp_path / "out" / "meta.json").read_text() == f".out.{dead}.old"


@pytest.mark.parametrize(
    "code,kind,match", [(errno.ENOSPC, OSError, "S283"), (errno.EIO, OSError, "^(?!.*S283)")]
)
def test_no_room(code, kind, match, tmp_path):
    with pytest.raises(kind, match=match), new_folder(tmp_path / "out") as draft:
        (draft / "part").write_text("x")
        raise OSError(code, os.strerror(code))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_noticed_while_writing(tiny_bert, tmp_path):
    tokenizer = read_tokenizer(str(tiny_bert))
    table = PieceTable(tokenizer, max_word_pieces=4)
    with pytest.raises(OSError, match="S283"), new_folder(tmp_path / "out") as draft:
        (draft / "pieces.bin").symlink_to("/dev/full")
        with CorpusWriter(draft, table, tokenizer=tokenizer, max_pieces=18) as writer:
            writer.add(LINES)
    assert list(tmp_path.iterdir()) == []
