"""Checks on the published corpora: needs SSNER_DATA, a folder with data/ (see its README.md)."""

import os
from collections import Counter
from functools import lru_cache
from pathlib import Path, PurePosixPath

import pytest

from spacy_ssner.corpus.convert import ReadOptions, Selection, convert
from spacy_ssner.corpus.sentence import count_labels, normal_form

DATA = Path(os.environ.get("SSNER_DATA", "/nonexistent")) / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="SSNER_DATA is not set")

FILES = {
    "dnrti": {"train": "train.txt", "dev": "valid.txt", "test": "test.txt"},
    "cyner": {"train": "train.txt", "dev": "valid.txt", "test": "test.txt"},
    "aptner": {"train": "APTNERtrain.txt", "dev": "APTNERdev.txt", "test": "APTNERtest.txt"},
    "malwaretextdb": {"train": "train.txt", "dev": "valid.txt", "test": "test.txt"},
}
# sentences and mentions of train, dev, test in data/README.md; the test files of the last two are not at hand
OFFICIAL = {
    "dnrti": {"train": (5251, 18921), "dev": (662, 2173), "test": (664, 2348)},
    "cyner": {"train": (2811, 3131), "dev": (813, 784), "test": (748, 936)},
    "aptner": {"train": (6745, 21939), "dev": (1752, 3417)},
    "malwaretextdb": {"train": (5204, 7001), "dev": (1039, 2613)},
}
LENGTH_BINS = (*((n, n + 1) for n in range(1, 6)), (6, 11), (11, 10**5))
# "Mention length in tokens" in data/README.md, all splits together
LENGTHS = {
    "dnrti": (13692, 7242, 1773, 480, 173, 82, 0),
    "cyner": (3306, 922, 371, 114, 100, 33, 5),
    "aptner": (20712, 6105, 1321, 410, 90, 96, 5),
    "malwaretextdb": (5001, 2176, 1187, 616, 461, 944, 333),
}
# what the missing test files must hold: LENGTHS less what train and dev hold
NOT_AT_HAND = {
    "aptner": (2942, 277, 99, 45, 5, 15, 0),
    "malwaretextdb": (568, 175, 116, 57, 43, 99, 46),
}
FAULTS = {
    "dnrti": {
        **{"line-ends": 3, "blank-lines": 10, "invisible": 11, "tag-without-token": 202, "several-tokens": 6},
        **{"inside-after-outside": 29, "inside-after-other": 9},
    },
    "cyner": {
        "line-ends": 3,
        "inside-at-start": 311,
        "inside-after-outside": 9,
        "inside-after-other": 1,
    },
    "aptner": {
        **{
            "line-ends": 1,
            "blank-lines": 54,
            "invisible": 9,
            "tag-without-token": 2,
            "token-without-tag": 165,
        },
        **{"several-tokens": 8, "fused-tags": 133, "bare-type": 12, "misspelt-tag": 3, "long-sentence": 27},
        **{"inside-after-outside": 57, "inside-after-other": 21, "inside-after-end": 35, "unclosed": 87},
    },
    "malwaretextdb": {"invisible": 11, "tag-without-token": 1, "long-sentence": 2},
}


def raw(name, split):
    return DATA / name / "raw" / FILES[name][split]


def splits(name):
    return [split for split in FILES[name] if raw(name, split).is_file()]


@lru_cache(maxsize=None)
def read(name, split):
    return convert(raw(name, split))


def read_clean(name, split):
    text = (DATA / name / "clean" / f"{split}.conll").read_bytes().decode("utf-8")
    blocks = [block for block in text.split("\n\n") if block.strip("\n")]
    return [[tuple(line.split("\t")) for line in block.strip("\n").split("\n")] for block in blocks]


def rows(sentences):
    return [[(word, tag or "O") for word, tag in zip(s.words, s.tags)] for s in sentences]


def select(name, split):
    others = {"train": ("dev", "test"), "dev": ("test",), "test": ()}[split]
    exclude = [raw(name, other) for other in others if raw(name, other).is_file()]
    return convert(raw(name, split), selection=Selection(exclude=exclude, drop_repeats=split != "test"))[0]


@pytest.mark.parametrize("name", list(OFFICIAL))
def test_sentences_and_mentions(name):
    for split, (n_sentences, n_mentions) in OFFICIAL[name].items():
        sentences, _ = read(name, split)
        assert (len(sentences), sum(count_labels(sentences).values())) == (n_sentences, n_mentions)


@pytest.mark.parametrize("name", list(LENGTHS))
def test_mention_lengths(name):
    sentences = [sentence for split in splits(name) for sentence in read(name, split)[0]]
    counts = Counter(end - start for sentence in sentences for start, end, _ in sentence.mentions)
    found = tuple(sum(counts[n] for n in range(*bounds)) for bounds in LENGTH_BINS)
    if "test" not in splits(name):
        found = tuple(a + b for a, b in zip(found, NOT_AT_HAND[name]))
    assert found == LENGTHS[name]


@pytest.mark.parametrize("name", list(FAULTS))
def test_faults(name):
    counts = {}
    for split in OFFICIAL[name]:
        for kind, count in read(name, split)[1].counts().items():
            counts[kind] = counts.get(kind, 0) + count
    assert counts == FAULTS[name]


@pytest.mark.parametrize(
    "name,label_count", [("dnrti", 13), ("cyner", 5), ("aptner", 21), ("malwaretextdb", 3)]
)
def test_types(name, label_count):
    assert len(count_labels(read(name, "train")[0])) == label_count


def test_longest_run_on_sentence_of_aptner():
    assert max(len(sentence.words) for sentence in read("aptner", "train")[0]) == 5862
    assert read("aptner", "train")[1].counts()["long-sentence"] == 26
    pieces, _ = convert(raw("aptner", "train"), selection=Selection(max_length=128))
    assert max(len(piece.words) for piece in pieces) == 128
    assert count_labels(pieces) == count_labels(read("aptner", "train")[0])


def test_split_fused_lines_of_aptner():
    options = ReadOptions(fused="split")
    counts = [sum(count_labels(convert(raw("aptner", s), options)[0]).values()) for s in ("train", "dev")]
    assert counts == [21939 + 38, 3417 + 22]


@pytest.mark.parametrize(
    "name,split",
    [("dnrti", "train"), ("dnrti", "dev"), ("cyner", "train"), ("cyner", "dev"), ("malwaretextdb", "train")],
)
def test_rebuild_clean_splits(name, split):
    assert rows(select(name, split)) == read_clean(name, split)


@pytest.mark.parametrize("name", ["dnrti", "cyner"])
def test_rebuild_clean_test_and_unseen(name):
    assert rows(read(name, "test")[0]) == read_clean(name, "test")
    unseen = convert(raw(name, "test"), selection=Selection(exclude=[raw(name, "train")]))[0]
    assert rows(unseen) == read_clean(name, "test_unseen")


@pytest.mark.parametrize("name,split,n_more", [("aptner", "dev", 28), ("malwaretextdb", "dev", 1)])
def test_rebuild_clean_dev_but_for_the_missing_test(name, split, n_more):
    mine = {normal_form(s.words): row for s, row in zip(select(name, split), rows(select(name, split)))}
    clean = read_clean(name, split)
    assert all(mine[normal_form([word for word, _ in sentence])] == sentence for sentence in clean)
    assert len(mine) == len(clean) + (0 if "test" in splits(name) else n_more)


def test_rebuild_clean_train_of_aptner():
    """All but 40 of 5,789 sentences are the same. In these the clean file has letters of tags in its tokens,
    glued words or dropped words where a line is fused; the mentions are as many."""
    mine = {tuple(row) for row in rows(select("aptner", "train"))}
    clean = read_clean("aptner", "train")
    assert sum(tuple(sentence) in mine for sentence in clean) == len(clean) - 40


@pytest.mark.parametrize(
    "split,n_sentences,n_mentions",
    [("train", 6901, None), ("dev", 1453, None), ("test", 3059, 2693), ("test_unseen", 2815, None)],
)
def test_annoctr(split, n_sentences, n_mentions):
    sentences, report = convert(DATA / "annoctr" / "clean" / f"{split}.conll")
    assert len(sentences) == n_sentences and set(report.counts()) == {"long-sentence"}
    assert rows(sentences) == read_clean("annoctr", split)
    if n_mentions:
        assert sum(count_labels(sentences).values()) == n_mentions
    if split == "dev":
        assert sorted(len(sentence.words) for sentence in sentences)[-2:] == [4823, 18029]


def test_archive_of_dnrti():
    pytest.importorskip("libarchive")
    from spacy_ssner.corpus.dnrti import read_archive

    archive = DATA / "dnrti" / "raw" / "DNRTI.rar"
    files = read_archive(archive)
    assert files
    for name, data in files.items():
        assert data == (archive.parent / PurePosixPath(name).name).read_bytes()
    sentences, _ = convert(archive, ReadOptions(member="test.txt"))
    assert rows(sentences) == rows(read("dnrti", "test")[0])
