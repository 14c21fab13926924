"""From files to a corpus: counts, caching, flat memory, bad input."""

import gzip
import json
import os
import tracemalloc
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pytest

from spacy_ssner.pretraining import duplicates, filtering, piece_table, tokenised_writer, words
from spacy_ssner.pretraining import prepare as prepare_module
from spacy_ssner.pretraining.piece_table import read_tokenizer
from spacy_ssner.pretraining.prepare import PrepareSettings, describe_inputs, prepare_corpus, totals
from spacy_ssner.pretraining.tokenised import HELD_OUT, TokenisedCorpus, differences

LINES = [
    f"The group number {i} attacked the bank of city {i * 7} with malware {i % 5}x{i}." for i in range(400)
]


@pytest.fixture(scope="module")
def tokenizer(tiny_bert):
    return read_tokenizer(str(tiny_bert))


@pytest.fixture
def source(tmp_path):
    (tmp_path / "a.txt").write_text("\n".join([*LINES, *LINES[:10], "short"]))
    return tmp_path / "a.txt"


def prepare(sources, out, tokenizer, exclude=(), **settings):
    return prepare_corpus(
        sources, out, tokenizer=tokenizer, settings=PrepareSettings(**settings), exclude=exclude
    )


def test_counts_agree_with_the_corpus(source, tokenizer, tmp_path):
    (tmp_path / "b.jsonl").write_text(json.dumps({"text": "Another line of six words\n" + LINES[0]}))
    report = prepare([source, tmp_path / "b.jsonl"], tmp_path / "out", tokenizer, held_out=0.1)
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["sources"][str(source)]["exact"]["lines"] == 10
    assert totals(report)["read"]["lines"] == 413 and totals(report)["short"]["lines"] == 1
    corpus, held_out = (TokenisedCorpus.open(tmp_path / "out" / part) for part in (".", HELD_OUT))
    for part, name in ((corpus, "kept"), (held_out, "held_out")):
        assert part.meta["counts"] == report[name]
        assert totals(report)[name]["lines"] == report[name]["lines"]
        assert totals(report)[name]["words"] == report[name]["words"]
        assert sum(part[row]["word_ids"].max() + 1 for row in range(len(part))) == report[name]["words"]
        assert part.lengths.sum() == report[name]["pieces"] + 2 * report[name]["rows"]
    assert corpus.meta["counts"]["lines"] + held_out.meta["counts"]["lines"] == 401
    assert 10 < held_out.meta["counts"]["lines"] < 80


def test_same_input_same_bytes(source, tokenizer, tmp_path):
    for name in ("one", "two"):
        prepare([source], tmp_path / name, tokenizer, held_out=0.1, seed=3)
    for path in (tmp_path / "one").rglob("*.*"):
        other = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == other.read_bytes()


def test_a_corpus_is_current_until_something_changes(source, tokenizer, tmp_path):
    def made_from(**settings):
        return describe_inputs([source], [], tokenizer=tokenizer, settings=PrepareSettings(**settings))

    assert differences(tmp_path / "out", made_from()) is None
    prepare([source], tmp_path / "out", tokenizer)
    assert differences(tmp_path / "out", made_from()) == []
    assert differences(tmp_path / "out", made_from(seed=1)) == ["seed: 0 -> 1"]
    assert len(differences(tmp_path / "out", made_from(max_pieces=64))) == 1
    source.write_text(source.read_text() + "\nOne more line of six words")
    assert len(differences(tmp_path / "out", made_from())) == 1
    (tmp_path / "out" / HELD_OUT / "rows.bin").unlink()
    prepare([source], tmp_path / "out", tokenizer)
    assert differences(tmp_path / "out", made_from()) == []


def test_words_are_limited_over_all_files(source, tokenizer, tmp_path):
    (tmp_path / "b.txt").write_text("Another line of six words")
    report = prepare([source, tmp_path / "b.txt"], tmp_path / "out", tokenizer, limit_words=100, held_out=0.2)
    n_words = report["kept"]["words"] + report["held_out"]["words"]
    assert 100 <= n_words < 120 and list(report["sources"]) == [str(source)]


@pytest.mark.parametrize(
    "content,dropped",
    [(b"", "nothing"), (b"\n \n", "nothing"), (b"too short\n\x00\x01\n", "binary 1, short 1")],
)
@pytest.mark.filterwarnings("ignore:.*SW245")
def test_no_text_is_left(content, dropped, tokenizer, tmp_path):
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(ValueError, match=rf"S247\].*dropped: {dropped}"):
        prepare([tmp_path / "a.txt"], tmp_path / "out", tokenizer)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_binary_lines_are_counted(source, tokenizer, tmp_path):
    source.write_bytes(source.read_bytes() + b"\n" + bytes(range(32)) * 20 + b"\n\xff\xfe\xff\n")
    with pytest.warns() as caught:
        report = prepare([source], tmp_path / "out", tokenizer)
    assert [str(warning.message)[:8] for warning in caught] == ["[SW253] ", "[SW245] "]
    assert report["sources"][str(source)]["binary"]["lines"] >= 2


def test_an_overflow_of_the_memory_for_near_duplicates_is_told(source, tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(filtering, "NearDuplicates", partial(duplicates.NearDuplicates, slots=1 << 6))
    monkeypatch.setattr(prepare_module, "BATCH_LINES", 50)
    with pytest.warns(UserWarning, match="SW246") as caught:
        prepare([source], tmp_path / "out", tokenizer)
    assert len(caught) == 1


def test_a_line_of_a_megabyte_of_words(tokenizer, tmp_path):
    numbers = np.random.default_rng(0).integers(500, size=150_000)
    (tmp_path / "a.txt").write_text(" ".join(f"word{number}" for number in numbers))
    report = prepare([tmp_path / "a.txt"], tmp_path / "out", tokenizer, held_out=0.0)
    assert report["kept"]["words"] == 150_000
    corpus = TokenisedCorpus.open(tmp_path / "out")
    assert corpus.lengths.max() <= 128 and corpus.lengths.min() > 40


def test_a_megabyte_of_one_character(tokenizer, tmp_path):
    (tmp_path / "a.txt").write_text("\n".join([*LINES[:5], "a" * 1_000_000]))
    report = prepare([tmp_path / "a.txt"], tmp_path / "out", tokenizer, held_out=0.0)
    assert report["kept"]["lines"] == 5 and totals(report)["short"]["lines"] == 100


def test_a_full_disk_leaves_the_old_corpus(source, tokenizer, tmp_path, monkeypatch):
    prepare([source], tmp_path / "out", tokenizer)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.is_file()}

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tokenised_writer.CorpusWriter, "_write", full)
    with pytest.raises(OSError, match="S283"):
        prepare([source], tmp_path / "out", tokenizer, seed=1)
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.is_file()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "out"]


@pytest.mark.parametrize(
    "name,value",
    [
        *(
            ("min_words", 0),
            ("max_word_pieces", 0),
            ("max_pieces", 33),
            ("held_out", -0.1),
            ("held_out", 0.6),
        ),
        *(("threshold", 0), ("threshold", 1), ("limit_words", -1), ("seed", -1)),
    ],
)
def test_settings_out_of_range(name, value):
    with pytest.raises(ValueError, match=rf"S285\] Expected {name} "):
        PrepareSettings(**{name: value})


def test_a_missing_file(tokenizer, tmp_path):
    with pytest.raises(FileNotFoundError, match="S263"):
        prepare([tmp_path / "no.txt"], tmp_path / "out", tokenizer)
    assert not (tmp_path / "out").exists()


@pytest.fixture
def small_memories(monkeypatch):
    """What is remembered by design (words, their pieces and hashes) is full after a few lines."""
    monkeypatch.setattr(piece_table, "REMEMBERED", 1000)
    monkeypatch.setattr(prepare_module, "BATCH_CHARS", 20_000)
    monkeypatch.setattr(words, "peel", lru_cache(maxsize=1000)(words.peel.__wrapped__))
    monkeypatch.setattr(duplicates, "word_hash", lru_cache(maxsize=1000)(duplicates.word_hash.__wrapped__))


@pytest.mark.skipif("SSNER_DATA" not in os.environ, reason="needs SSNER_DATA")
@pytest.mark.parametrize(
    "sizes", [(100_000, 600_000), pytest.param((5_000_000, 20_000_000), marks=pytest.mark.slow)]
)
def test_memory_does_not_grow_with_the_file(sizes, tokenizer, tmp_path, small_memories):
    """More text takes 32 bytes a line more at most, about a tenth of it; if lines were kept, it would be all."""
    with gzip.open(Path(os.environ["SSNER_DATA"]) / "text" / "cve-descriptions.txt.gz", "rt") as file:
        text = file.read(sizes[1])
    peaks = []
    for n_chars in sizes:
        (tmp_path / "a.txt").write_text(text[:n_chars])
        tracemalloc.start()
        prepare([tmp_path / "a.txt"], tmp_path / "out", tokenizer)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 0.2 * (sizes[1] - sizes[0])
