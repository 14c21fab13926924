"""Which quotes open, close or stand inside a word."""

import pytest

from spacy_ssner.corpus.natural_text import join_words, space_after
from spacy_ssner.corpus.quotes import APOSTROPHE, CLOSE, OPEN, plain_quotes, quote_roles

A, C, O = APOSTROPHE, CLOSE, OPEN  # noqa: E741


def roles(tokens):
    return list(dict(sorted(quote_roles(tokens.split()).items())).values())


@pytest.mark.parametrize(
    "tokens,expected",
    [
        ('named " Foo " and " Bar "', [O, C, O, C]),
        ("`` Foo '' and `` Bar ''", [O, C, O, C]),
        ("'' Foo '' and '' Bar ''", [O, C, O, C]),  # as in MalwareTextDB
        ("the \" Foo '' and the \" Bar ''", [O, C, O, C]),  # as in CyNER
        ("'' We saw the \" Foo '' file", [C, O, C]),  # the first ends a quotation of the sentence before
        ('it said " Foo and left', [O]),
        ('and left " .', [C]),
        ('and left "', [C]),
        ('" Foo and left', [O]),
        ("and left '' .", [C]),
        ('the "Foo " and " Bar "', [C, O, C]),
        ("“ Foo ” and ” .", [O, C, C]),
        ("{ “ id ” : ” 53 ” }", [O, C, O, C]),
        ("« Foo »", [O, C]),
    ],
)
def test_double_quotes(tokens, expected):
    assert roles(tokens) == expected


@pytest.mark.parametrize(
    "tokens,expected",
    [
        ("the ' Foo ' and ' Bar ' tools", [O, C, O, C]),
        ("the victims ' data and banks ' money", [C, C]),
        ("BlackOasis ' interests", [C]),
        ("it uses ' fileless ' malware of users ' machines", [O, C, C]),
        ("a bot called 'Oldboot ' .", [C]),
        ("the ‘ Foo ’ of the vendor ’ s app", [O, C, A]),
        ("doesn ’ t , we ’ ve , n ’ est", [A, A, A]),
        ("the vendors ’ apps", [C]),
        ("in ` java.util ` .", [O, C]),
        ("’ s", [C]),
        ("the vendor's and 'Foo' tools", []),
    ],
)
def test_single_quotes(tokens, expected):
    assert roles(tokens) == expected


@pytest.mark.parametrize(
    "tokens,text",
    [
        ("the \" Foo '' and ( `` Bar '' ) .", "the \"Foo'' and (``Bar'')."),
        ("Dragos ' data and ' Foo ' .", "Dragos' data and 'Foo'."),
        ('said " Foo , " and', 'said "Foo," and'),
        ("“ % USERNAME % , hello ”", "“%USERNAME%, hello”"),
    ],
)
def test_blanks_around_quotes(tokens, text):
    words = tokens.split()
    assert join_words(words, [" " if space else "" for space in space_after(words)]).text == text


def test_treebank_quotes_become_straight_ones():
    assert plain_quotes(["``", "a", "''", "'", "''b"]) == ['"', "a", '"', "'", "''b"]
