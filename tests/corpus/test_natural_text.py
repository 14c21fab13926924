"""Text rebuilt from split tokens: cases in the ways of CyNER, DNRTI, MalwareTextDB and AnnoCTR, and laws."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.corpus.natural_text import (
    clings_to_left,
    find_split_signs,
    join_words,
    space_after,
)

ANNOCTR = frozenset(["/", "_", "=", "\\", "-9"])
PIECES = [
    '"',
    "''",
    "``",
    "'",
    "’",
    "‘",
    "“",
    "”",
    "'s",
    "n't",
    "[",
    ".",
    "]",
    "(",
    ")",
    ":",
    "//a",
    "/",
    "%",
]
PIECES += [
    "hxxp",
    "C",
    "\\x",
    "*",
    "#",
    "&",
    "<",
    ">",
    "-",
    "=",
    "_",
    "dot",
    "com",
    "10",
    "000",
    "exe",
    "@",
    "b.org",
]


def rebuild(tokens, split_signs=frozenset()):
    words = tokens.split()
    return join_words(words, [" " if space else "" for space in space_after(words, split_signs)]).text


@pytest.mark.parametrize(
    "tokens,text",
    [
        # punctuation and brackets
        ("It ran , slept ; and died : why ? Never !", "It ran, slept; and died: why? Never!"),
        ("the group ( APT28 ) , also", "the group (APT28), also"),
        ("a file ( .lnk ) here", "a file (.lnk) here"),
        ("so it ended … or not ...", "so it ended… or not..."),
        ("the U.S. , and others", "the U.S., and others"),
        ("a .NET downloader", "a .NET downloader"),
        ("allowed by . NET and", "allowed by .NET and"),
        ("call forName ( ) now", "call forName() now"),
        ("the author ( s ) of it", "the author(s) of it"),
        ("note [ 1 ] says", "note [1] says"),
        ("Deep Discovery ™ and Foo ®", "Deep Discovery™ and Foo®"),
        # clitics
        ("the vendor 's tool did n't run , we 've seen", "the vendor's tool didn't run, we've seen"),
        ("the vendor ’s tool", "the vendor’s tool"),
        ("it hasn ’ t run ; the app ’ s code", "it hasn’t run; the app’s code"),
        ("the victims ’ money", "the victims’ money"),
        ("l ’ avance d ’ un lien", "l’avance d’un lien"),
        ("one can not say", "one cannot say"),
        # signs beside numbers and words
        ("about 9 % of $ 500 or US $ 10", "about 9% of $500 or US$10"),
        ("Version # 4 : new", "Version #4: new"),
        ("more than 20 , 000 hosts", "more than 20,000 hosts"),
        ("ports 80 , 443 open", "ports 80, 443 open"),
        ("written in C # by", "written in C# by"),
        ("its C & C server , Command & Control", "its C&C server, Command & Control"),
        ("MITRE ATT & CK , AT & T", "MITRE ATT&CK, AT&T"),
        ("go to Settings - > Apps", "go to Settings -> Apps"),
        ("Sept. - Dec. 2019 – a tool — new", "Sept. - Dec. 2019 – a tool — new"),
        ("calls / installations", "calls / installations"),
        ("攻撃者 グループ による X", "攻撃者グループによる X"),
        ("Foo : : Bar // x", "Foo:: Bar // x"),
    ],
)
def test_spacing(tokens, text):
    assert rebuild(tokens) == text


@pytest.mark.parametrize(
    "tokens,text",
    [
        ("CVE - 2020 - 1350 of 2015 - 05 - 05", "CVE-2020-1350 of 2015-05-05"),
        ("REvil - the gang", "REvil - the gang"),
        ("path / to / file \\ _ x a _ b", "path/to/file\\_x a_b"),
        ("the file driver2 . sys and Win32 . Hush", "the file driver2.sys and Win32.Hush"),
        ("it ran in 2020 . Then", "it ran in 2020. Then"),
    ],
)
def test_spacing_where_the_corpus_cuts_at_signs(tokens, text):
    assert rebuild(tokens, ANNOCTR) == text


def test_signs_at_which_a_corpus_cuts():
    whole = [["a-b", "c/d", "-", "CVE-2017-0144"], ["e-f", "x=y", "/etc/x_y"]]
    cut = [["a", "-", "b", "/", "c"], ["CVE", "-", "2017", "-", "0144", "d-e", "f-g", "h-i", "j-k", "=", "_"]]
    assert find_split_signs(whole) == frozenset()
    assert find_split_signs(cut) == {"/", "=", "_", "-9"}  # hyphens are cut beside digits only
    assert "-" in find_split_signs([["a", "-", "b"]])
    assert find_split_signs([["=", "=", "="], ["x=y"]]) == frozenset()
    assert find_split_signs([]) == frozenset()


def test_tuples_are_read_like_lists():
    words = "call x ( ) in % APPDATA % \\y or hxxp : //a [ . ] b !".split()
    assert space_after(tuple(words)) == space_after(words)


def test_neither_numpy_nor_spacy_is_needed():
    code = "import sys, spacy_ssner.corpus.natural_text; print({'numpy', 'spacy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_join_words():
    found = join_words(["a", "b", "."], ["\n", "", ""])
    assert found.text == "a\nb." and found.offsets == ((0, 1), (2, 3), (3, 4))
    assert join_words([], []).text == ""


@pytest.mark.parametrize(
    "tokens,clings",
    [(") are read", True), (". It", True), ("'' They said", True), ("” They said", True), ("It", False)],
)
def test_a_sentence_that_begins_with_the_end_of_another(tokens, clings):
    assert clings_to_left(tokens.split()) is clings


words_of_any_kind = st.lists(st.sampled_from(PIECES) | st.from_regex(r"\A[^\s]{1,6}\Z"), max_size=25)


@given(words_of_any_kind, st.sets(st.sampled_from(["-", "/", "_", "\\", "=", "-9"])))
def test_nothing_but_blanks_is_added(words, split_signs):
    spaces = space_after(words, frozenset(split_signs))
    assert len(spaces) == len(words) and not any(spaces[-1:])
    found = join_words(words, [" " if space else "" for space in spaces])
    assert found.text.replace(" ", "") == "".join(words)
    assert [found.text[start:end] for start, end in found.offsets] == words


@pytest.mark.parametrize(
    "piece", ["[ . ]", "hxxp : //a", '"', "'", "* a *", "< b >", "% c %", "( )", "a _ b ="]
)
def test_time_is_bounded(piece):
    words = (piece + " ").split() * 3000
    assert len(space_after(words, ANNOCTR)) == len(words)
