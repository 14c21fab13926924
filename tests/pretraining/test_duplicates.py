"""Exact and near-duplicates, against a set and against the Jaccard similarity of all pairs."""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.pretraining.duplicates import (
    GRAM,
    HashSet,
    NearDuplicates,
    band_shape,
    gram_hashes,
    text_hash,
    word_hash,
)
from spacy_ssner.text.overlap import plain_words

SENTENCE = "the group used a new loader to install the implant on seven hosts of a bank in one night".split()


def grams(line):
    return {tuple(line[i : i + GRAM]) for i in range(max(1, len(line) - GRAM + 1))}


def jaccard(one, other):
    """one, other: sets of word 5-grams."""
    common = len(one & other)
    return common / (len(one) + len(other) - common)


@given(st.lists(st.lists(st.integers(0, 40), max_size=30), max_size=8))
def test_hash_set_is_a_set(batches):
    hashes, seen = HashSet(), set()
    for batch in batches:
        expected = []
        for number in batch:
            expected.append(max(number, 1) not in seen)
            seen.add(max(number, 1))
        assert hashes.add(np.array(batch, dtype=np.uint64)).tolist() == expected
    assert len(hashes) == len(seen)


def test_hash_set_grows():
    numbers = np.random.default_rng(0).integers(1, 1 << 63, size=40_000, dtype=np.uint64)
    hashes = HashSet()
    assert all(hashes.add(part).all() for part in np.split(numbers, 40))
    assert len(hashes) == 40_000 and hashes.table.nbytes <= 22 * 40_000
    assert not hashes.add(numbers[::-1]).any()


def test_hashes_do_not_change():
    """They decide what is held out, so that a new version must not change them."""
    digest = hashlib.blake2b(b"emotet", digest_size=8).hexdigest()
    assert text_hash("emotet") == word_hash("emotet") == int(digest, 16) == 9490980359406252537


def test_gram_hashes():
    lines = [SENTENCE, ["short", "line"], SENTENCE[2:9], ["x"]]
    hashes, starts = gram_hashes(lines)
    assert np.diff([*starts, len(hashes)]).tolist() == [len(SENTENCE) - 4, 1, 3, 1]
    assert hashes[starts[2] : starts[3]].tolist() == hashes[2:5].tolist()
    assert len(set(hashes.tolist())) == len(hashes) - 3


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 0.95])
def test_half_of_the_pairs_at_the_threshold_are_found(threshold):
    n_bands, n_rows = band_shape(threshold)
    assert n_bands * n_rows <= 128
    assert 1 - (1 - threshold**n_rows) ** n_bands == pytest.approx(0.5, abs=0.1)


def test_share_of_found_pairs_follows_the_similarity():
    """Sets of 40 to 60 grams of which a known share is common, 2000 pairs for each share."""
    rng = np.random.default_rng(0)
    near = NearDuplicates(threshold=0.8)
    for common, n in ((40, 40), (36, 44), (30, 50), (20, 60)):
        pool = rng.integers(1 << 63, size=(2000, n), dtype=np.uint64)
        sides = [
            np.sort(part, axis=1).ravel()
            for part in (pool[:, : (n + common) // 2], pool[:, -(n + common) // 2 :])
        ]
        starts = np.arange(2000) * ((n + common) // 2)
        one, other = (near.band_keys(side, starts) for side in sides)
        found = (one == other).any(axis=1).mean()
        expected = 1 - (1 - (common / n) ** near.n_rows) ** near.n_bands
        assert found == pytest.approx(expected, abs=0.04)


def test_near_duplicates():
    near = NearDuplicates(slots=1 << 12)
    long = SENTENCE * 3
    changed = [*long[:-1], "morning"]
    assert jaccard(grams(long), grams(changed)) > 0.9
    other = list(reversed(long))
    assert near.add([long, changed, other, ["x"], ["y"], ["x"]]).tolist() == [
        False,
        True,
        False,
        False,
        False,
        True,
    ]
    assert near.add([other, ["z"]]).tolist() == [True, False]
    assert near.add([]).tolist() == []
    assert near.overwritten == 0


def test_full_memory_forgets_and_counts():
    near = NearDuplicates(slots=1 << 6)
    for start in range(0, 200, 20):
        assert not near.add([[f"a{i}", f"b{i}"] for i in range(start, start + 20)]).any()
    assert near.overwritten > 1000 and near.memory.nbytes == 256
    assert near.add([["a199", "b199"]]).all()


@pytest.mark.skipif("SSNER_DATA" not in os.environ, reason="needs SSNER_DATA")
def test_real_lines_against_all_pairs():
    path = Path(os.environ["SSNER_DATA"]) / "text" / "mitre-cti.txt.gz"
    with gzip.open(path, "rt", encoding="utf8") as file:
        lines = [plain_words([line]) for _, line in zip(range(900), file)]
    sets = [grams(line) for line in lines]
    best = np.array(
        [max((jaccard(one, other) for other in sets[:i]), default=0) for i, one in enumerate(sets)]
    )
    found = NearDuplicates(threshold=0.5).add(lines)
    assert ((best > 0.5) & found).sum() >= 10
    assert found[best > 0.7].mean() > 0.9
    assert found[best < 0.2].mean() < 0.01
    parts = NearDuplicates(threshold=0.5)
    assert np.concatenate([parts.add(lines[i : i + 7]) for i in range(0, 900, 7)]).tolist() == found.tolist()
