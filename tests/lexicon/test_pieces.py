"""One form for the spellings of a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.lexicon.pieces import is_joiner, name_pieces, surface


@pytest.mark.parametrize(
    "text", ["APT28", "APT-28", "apt 28", "Apt_28", "APT\u201128", "ＡＰＴ２８", "apt\n28"]
)
def test_spellings_of_one_name(text):
    assert name_pieces(text) == ("apt", "28")


@pytest.mark.parametrize(
    "text,pieces",
    [
        ("Agent.BTZ", ("agent", ".", "btz")),
        ("admin@338", ("admin", "@", "338")),
        ("X-Agent", ("x", "agent")),
        ("3PARA RAT", ("3", "para", "rat")),
        ("O’Neill", ("o", "'", "neill")),
        ("Straße", ("strasse",)),
        ("海莲花", ("海莲花",)),
        ("a\u2014b", ("a", "\u2014", "b")),  # a dash of a clause keeps two words apart
        (" - ", ()),
        ("", ()),
    ],
)
def test_pieces(text, pieces):
    assert name_pieces(text) == pieces


@given(st.text(st.characters(exclude_categories=()), max_size=20))
def test_laws(text):
    pieces = name_pieces(text)
    assert all(piece and not piece.isspace() for piece in pieces)
    assert name_pieces(" ".join(pieces)) == pieces  # normalising twice changes nothing
    assert name_pieces(f" {text}-") == pieces
    assert surface(surface(text)) == surface(text)


@given(st.lists(st.text(max_size=6), max_size=4))
def test_words_side_by_side_have_the_pieces_of_each(words):
    assert name_pieces(" ".join(words)) == tuple(p for word in words for p in name_pieces(word))


def test_surface_keeps_the_case_only():
    assert surface("APT-28") == surface("APT28") == surface("APT \n 28") == "APT 28" != surface("Apt28")


@pytest.mark.parametrize(
    "word,inside", [("-", True), ("_", True), (" ", True), ("\n", True), (" \n ", True), ("\n\n", False)]
)
def test_joiners(word, inside):
    assert name_pieces(word) == () and is_joiner(word) is inside
