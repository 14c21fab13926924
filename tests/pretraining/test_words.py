"""Cutting a line into words."""

import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.pretraining.words import LONGEST_REMEMBERED, peel, split_words

WHOLE = (
    "CVE-2017-0144",
    "hxxp://evil[.]com",
    "https://a.b/c?d=1&e=(f)",
    r"C:\a\b.exe",
    "/etc/passwd",
    "U.S.",
    "e.g.",
    "Inc.",
    "f(x)",
    "actor(s)",
    "50%",
    "$HOME",
    "--flag",
    "-enc",
    ".NET",
    "C#",
    "10.0.0.1:80",
    "user@mail.com",
    "don't",
    "x=y",
)


@pytest.mark.parametrize("word", WHOLE)
def test_words_in_one_piece(word):
    assert split_words(word) == [word]
    assert split_words(f"({word}), “{word}”") == ["(", word, ")", ",", "“", word, "”"]


@pytest.mark.parametrize(
    "text,expected",
    [
        ("used (see APT28's tool).", "used ( see APT28 's tool ) ."),
        ("Wait... what?!", "Wait ... what ? !"),
        ("'quoted' “words”, too", "' quoted ' “ words ” , too"),
        ("(f(x)) [a] {GUID} <user>", "( f(x) ) [ a ] { GUID } < user >"),
        ("Alert: http://a.b/c.", "Alert : http://a.b/c ."),
        ("They’ve it’s 's", "They ’ve it ’s ' s"),
        ("— … -- )))", "— … -- )))"),
        ("", ""),
        (" \n\t", ""),
        ("Acme Corp., in the U.S.", "Acme Corp. , in the U.S."),
    ],
)
def test_punctuation_is_cut_off(text, expected):
    assert split_words(text) == expected.split()


@given(st.text(alphabet="ab.,;:!?()[]{}<>\"'’s- \n", max_size=120))
def test_nothing_is_lost_and_words_are_stable(text):
    words = split_words(text)
    assert "".join(words) == "".join(text.split())
    assert all(word and not word.isspace() for word in words)


@given(st.text(alphabet="ab.,()[]'\"!", min_size=1, max_size=LONGEST_REMEMBERED))
def test_remembered_words_are_those_of_the_function_itself(chunk):
    assert peel(chunk) == peel.__wrapped__(chunk)


@pytest.mark.parametrize("unit", [")", ")]", ".)", "(", "'s", "a", ".", "()"])
def test_a_long_text_without_white_space(unit):
    """A quadratic step would take minutes here."""
    text = unit * (400_000 // len(unit))
    assert "".join(split_words(text)) == text


@pytest.mark.skipif("SSNER_DATA" not in os.environ, reason="needs SSNER_DATA")
def test_like_the_tokens_of_a_labelled_set():
    """Joined with spaces and cut again, the tokens of CyNER come back for nearly all of them."""
    path = Path(os.environ["SSNER_DATA"]) / "data" / "cyner" / "clean" / "dev.conll"
    lines = [line.split()[0] for line in path.read_text(encoding="utf8").splitlines() if line.strip()]
    same = sum(split_words(token) == [token] for token in lines)
    assert same > 0.98 * len(lines)
    text = gzip.open(Path(os.environ["SSNER_DATA"]) / "text" / "tram.txt.gz", "rt").read()[:200_000]
    assert "".join(split_words(text)) == "".join(text.split())
