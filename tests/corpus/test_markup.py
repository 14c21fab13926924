"""Markdown and tags that a corpus has cut."""

import pytest

from spacy_ssner.corpus.markup import markup_gaps, sign_runs
from spacy_ssner.corpus.natural_text import join_words, space_after


def rebuild(tokens):
    words = tokens.split()
    signs = frozenset(["/", "-9"])
    return join_words(words, [" " if space else "" for space in space_after(words, signs)]).text


@pytest.mark.parametrize(
    "tokens,text",
    [
        ("* * Ryuk * * and * Foo *", "**Ryuk** and *Foo*"),
        ("* a bullet", "* a bullet"),
        ("* * * Both * * * at once", "***Both*** at once"),
        ("# # # Title", "### Title"),
        ("# Title", "# Title"),
        ("| a | | b |", "| a | | b |"),
        ("see [ this text ] ( https : / / a.example / b ) now", "see [this text](https://a.example/b) now"),
        ("! [ Figure 1 ] ( / files / x.png )", "![Figure 1](/files/x.png)"),
        ("[ 1 ] ( and more )", "[1] (and more)"),
        ("< https : / / a.example > said", "<https://a.example> said"),
        ("a < br > b", "a <br> b"),
        ("if a < 3 and b > 2", "if a < 3 and b > 2"),
    ],
)
def test_markup(tokens, text):
    assert rebuild(tokens) == text


def test_runs():
    assert list(sign_runs("* * a # & &".split())) == [(0, 2), (3, 4), (4, 6)]
    assert markup_gaps([]) == set()
