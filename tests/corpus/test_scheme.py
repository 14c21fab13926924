import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.corpus.scheme import SCHEMES, detect_scheme, parse_tag, spread_tag, to_bio
from spacy_ssner.labels import spans_to_tags, tags_to_spans


def bio(tags, scheme="bio"):
    return to_bio(tags.split(), scheme=scheme)[0]


def faults(tags, scheme="bio"):
    return [tuple(fault) for fault in to_bio(tags.split(), scheme=scheme)[1]]


@pytest.mark.parametrize(
    "tags,expected",
    [
        (["O", "B-A", "I-A", "B-A"], "bio"),
        (["O"], "bio"),
        ([], "bio"),
        (["O", "S-A"], "iobes"),
        (["B-A", "E-A", "O"], "iobes"),
        (["B-A", "L-A", "O"], "biluo"),
        (["U-A"], "biluo"),
        (["B-A", "I-A"] * 200 + ["S-A"], "bio"),
    ],
)
def test_detect_scheme(tags, expected):
    assert detect_scheme(tags) == expected


@pytest.mark.parametrize(
    "tag,scheme,expected",
    [
        ("O", "bio", ("O", "")),
        ("B-CLICommand/CodeSnippet", "bio", ("B", "CLICommand/CodeSnippet")),
        ("I-A-B", "bio", ("I", "A-B")),
        ("L-A", "biluo", ("E", "A")),
        ("U-A", "biluo", ("S", "A")),
        ("S-A", "bio", None),
        ("B-", "bio", None),
        ("B", "bio", None),
        ("PROT", "iobes", None),
        ("o", "bio", None),
    ],
)
def test_parse_tag(tag, scheme, expected):
    assert parse_tag(tag, scheme) == expected


@pytest.mark.parametrize(
    "tags,scheme,expected,found",
    [
        ("O I-A I-A", "bio", "O B-A I-A", [(1, "inside-after-outside")]),
        ("I-A I-A", "bio", "B-A I-A", [(0, "inside-at-start")]),
        ("B-A I-B I-B", "bio", "B-A B-B I-B", [(1, "inside-after-other")]),
        ("B-A E-A S-B O", "iobes", "B-A I-A B-B O", []),
        ("S-A I-A E-A", "iobes", "B-A B-A I-A", [(1, "inside-after-end")]),
        ("B-A E-A E-A", "iobes", "B-A I-A B-A", [(2, "inside-after-end")]),
        ("B-A O", "iobes", "B-A O", [(0, "unclosed")]),
        ("B-A I-A", "iobes", "B-A I-A", [(1, "unclosed")]),
        ("B-A E-B", "iobes", "B-A B-B", [(0, "unclosed"), (1, "inside-after-other")]),
        ("B-A B-A E-A", "iobes", "B-A B-A I-A", [(0, "unclosed")]),
        ("O E-A", "iobes", "O B-A", [(1, "inside-after-outside")]),
        ("B-A L-A U-A", "biluo", "B-A I-A B-A", []),
    ],
)
def test_to_bio_by_hand(tags, scheme, expected, found):
    assert bio(tags, scheme) == expected.split()
    assert faults(tags, scheme) == found


def test_to_bio_missing_and_unknown_tags():
    tags, found = to_bio(["B-A", None, "I-A", "-", "X-A", "O"], scheme="bio")
    assert tags == ["B-A", None, "B-A", None, None, "O"]
    assert [tuple(fault) for fault in found] == [(2, "inside-after-outside"), (4, "unknown-tag")]


def test_to_bio_empty():
    assert to_bio([], scheme="iobes") == ([], [])


@pytest.mark.parametrize(
    "tag,scheme,expected",
    [
        ("O", "bio", "O O O"),
        ("B-A", "bio", "B-A I-A I-A"),
        ("I-A", "bio", "I-A I-A I-A"),
        ("S-A", "iobes", "B-A I-A E-A"),
        ("E-A", "iobes", "I-A I-A E-A"),
        ("U-A", "biluo", "B-A I-A L-A"),
        ("B-A", "biluo", "B-A I-A I-A"),
    ],
)
def test_spread_tag(tag, scheme, expected):
    assert spread_tag(tag, 3, scheme) == expected.split()
    assert spread_tag(tag, 1, scheme) == [tag]


LETTERS = {"bio": "BBII", "iobes": "BSIE", "biluo": "BUIL"}


@given(st.data(), st.sampled_from(SCHEMES))
def test_spans_survive_every_scheme(data, scheme):
    lengths = data.draw(st.lists(st.tuples(st.integers(0, 4), st.sampled_from("XY")), max_size=8))
    spans, tags, begin = [], [], 0
    first, single, middle, last = LETTERS[scheme]
    for n, label in lengths:
        if n == 0:
            tags.append("O")
        else:
            prefixes = [single] if n == 1 else [first, *[middle] * (n - 2), last]
            tags += [f"{prefix}-{label}" for prefix in prefixes]
            spans.append((begin, begin + n, label))
        begin = len(tags)
    found, odd = to_bio(tags, scheme=scheme)
    assert found == spans_to_tags(spans, len(tags))
    assert odd == []


@given(
    st.lists(st.sampled_from(["O", "-", "?", "B-X", "I-X", "E-X", "S-X", "I-Y", "E-Y", "B-Y", None])),
    st.sampled_from(SCHEMES),
)
def test_to_bio_is_always_valid_and_stable(tags, scheme):
    found, _ = to_bio(tags, scheme=scheme)
    assert len(found) == len(tags)
    plain = [tag or "O" for tag in found]
    assert spans_to_tags(tags_to_spans(plain), len(plain)) == plain
    assert to_bio(found, scheme="bio") == (found, [])
