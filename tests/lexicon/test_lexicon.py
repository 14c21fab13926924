"""Where names stand in a text: against a slow matcher, in linear time; files."""

import numpy as np
import pytest
import srsly
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.lexicon.lexicon import Lexicon, Match, Name
from spacy_ssner.lexicon.pieces import is_joiner, name_pieces, surface
from spacy_ssner.lexicon.storage import pack

NAMES = [
    Name("APT28", "actor"),
    Name("Fancy Bear", "actor"),
    Name("Fancy Bear Group", "actor"),
    Name("Bear Group Loader", "malware"),
    Name("Emotet", "malware"),
    Name("Emotet", "actor"),
    Name("Page", "malware", True),
    Name("Agent.BTZ", "malware"),
    Name("Hive Five", "malware", True),
]


def find(text, names=NAMES):
    return Lexicon(names).find(text.split())


# Hand-worked cases


@pytest.mark.parametrize("text", ["APT28", "apt-28", "APT 28", "Apt - 28", "apt _ 28"])
def test_spellings(text):
    assert find(f"the {text} group") == [Match(1, 1 + len(text.split()), "actor")]


def test_the_longest_name_wins_in_each_category_for_itself():
    assert find("Fancy Bear Group Loader") == [Match(0, 3, "actor"), Match(1, 4, "malware")]
    assert find("Fancy Bear Loader") == [Match(0, 2, "actor")]


def test_all_categories_of_a_name_fire():
    assert find("by Emotet") == [Match(1, 2, "actor"), Match(1, 2, "malware")]


@pytest.mark.parametrize("text", ["page", "PAGE", "tool will", "hive five", "Hive five", "hiVe Five"])
def test_ordinary_words_count_only_as_listed(text):
    assert find(text) == []


@pytest.mark.parametrize("text", ["Page", "Hive Five", "Hive-Five"])
def test_ordinary_words_as_listed(text):
    assert find(text) == [Match(0, len(text.split()), "malware")]


@pytest.mark.parametrize(
    "text", ["APT289", "Emotet-based", "xEmotet", "APT28/Emotet", "Fancy . Bear", "Fancy - - Bear"]
)
def test_a_name_is_whole_tokens(text):
    assert find(text) == []


def test_a_name_does_not_end_or_begin_with_a_joiner():
    assert find("- Emotet -", [Name("Emotet", "malware")]) == [Match(1, 2, "malware")]


def test_line_breaks():
    lexicon = Lexicon(NAMES)
    assert lexicon.find(["Fancy", "\n", "Bear"]) == [Match(0, 3, "actor")]
    assert lexicon.find(["Fancy", "\n\n", "Bear"]) == []


def test_tokens_of_a_name_with_a_symbol_may_be_cut_anywhere():
    for tokens in (["Agent.BTZ"], ["Agent", ".", "BTZ"], ["Agent.", "BTZ"]):
        assert Lexicon(NAMES).find(tokens) == [Match(0, len(tokens), "malware")]


def test_same_spelling_rule_of_two_categories():
    names = [Name("Play", "actor", True), Name("PLAY", "malware", True), Name("play", "tool")]
    assert [m.category for m in find("Play", names)] == ["actor", "tool"]
    assert [m.category for m in find("PLAY", names)] == ["malware", "tool"]
    assert [m.category for m in find("pLay", names)] == ["tool"]


# Laws

PARTS = ["a", "B", "b", "c1", "c", "1", "-", ".", "a-b", "\n\n", "x"]
texts = st.lists(st.sampled_from(PARTS), max_size=14)
some_names = st.lists(
    st.builds(
        Name,
        st.lists(st.sampled_from(["a", "B", "b", "c1", "1", "a-b", "c."]), min_size=1, max_size=4).map(
            " ".join
        ),
        st.sampled_from(["actor", "malware", "tool"]),
        st.booleans(),
    ),
    max_size=8,
)


def is_name(tokens, name):
    """Whether tokens are this name, written out: no joiner at the ends, no two in a row, no paragraph inside."""
    empty = [not name_pieces(token) for token in tokens]
    if empty[0] or empty[-1] or any(a and b for a, b in zip(empty, empty[1:])):
        return False
    if any(gap and not is_joiner(token) for gap, token in zip(empty, tokens)):
        return False
    same = name_pieces(" ".join(tokens)) == name_pieces(name.text)
    return same and (not name.cased or surface(" ".join(tokens)) == surface(name.text))


def slow_find(tokens, names):
    """Every category for itself: from the left, the longest stretch of tokens that is a name."""
    found = []
    for category in sorted({name.category for name in names}):
        start = 0
        while start < len(tokens):
            ends = [
                end
                for end in range(start + 1, len(tokens) + 1)
                if any(is_name(tokens[start:end], name) for name in names if name.category == category)
            ]
            if ends:
                found.append(Match(start, max(ends), category))
            start = max(ends, default=start + 1)
    return sorted(found)


@given(texts, some_names)
def test_like_a_slow_matcher(tokens, names):
    assert Lexicon(names).find(tokens) == slow_find(tokens, names)


@given(st.lists(texts, max_size=4), some_names)
def test_features_are_begin_and_inside_of_what_is_found_in_each_text(batch, names):
    lexicon = Lexicon(names)
    flat = [token for tokens in batch for token in tokens]
    words = sorted(set(flat))
    index = np.array([words.index(token) for token in flat], dtype=np.int64)
    features = lexicon.features(words, index, [len(tokens) for tokens in batch])
    expected = np.zeros((len(flat), 2 * len(lexicon.categories)), dtype=bool)
    first = 0
    for tokens in batch:
        for start, end, category in lexicon.find(tokens):
            column = 2 * lexicon.categories.index(category)
            expected[first + start, column] = True
            expected[first + start + 1 : first + end, column + 1] = True
        first += len(tokens)
    np.testing.assert_array_equal(features, expected)


class Counting(dict):
    """A dict that counts how often it is asked."""

    asked = 0

    def get(self, key, default=None):
        Counting.asked += 1
        return super().get(key, default)


@pytest.mark.parametrize("text", [["a"], ["a", "-"], ["a", "a", "b"], ["Emotet", "is", "a"]])
def test_work_grows_with_the_text_and_not_with_its_square(text):
    """Hardest case: every token begins a name that is almost there."""
    lexicon = Lexicon([Name("a " * 20 + "c", "tool"), *NAMES])
    lexicon._trie.paths = [Counting(path) for path in lexicon._trie.paths]

    for n in (100, 400):
        Counting.asked = 0
        lexicon.find(text * n)
        assert n <= Counting.asked <= 21 * n * len(text)  # the longest name has 21 pieces


def test_another_thread_may_empty_the_memory_meanwhile(monkeypatch):
    class Switched(dict):
        """Right after a word was found, another thread looks up one that does not fit in any more."""

        def __contains__(self, word):
            found = super().__contains__(word)
            if found:
                lexicon._word_ids("another")
            return found

    lexicon = Lexicon(NAMES)
    expected = lexicon.find(["Emotet"])
    lexicon._ids = Switched(lexicon._ids)
    monkeypatch.setattr("spacy_ssner.lexicon.lexicon.CACHE_SIZE", 1)
    assert lexicon.find(["Emotet"]) == expected


def test_words_are_taken_apart_once(monkeypatch):
    lexicon = Lexicon(NAMES)
    seen = []
    original = lexicon._trie.word_ids
    monkeypatch.setattr(lexicon._trie, "word_ids", lambda word: seen.append(word) or original(word))
    for _ in range(2):
        lexicon.find(["APT28", "used", "Emotet", "and", "APT28"])
    assert sorted(seen) == ["APT28", "Emotet", "and", "used"]


# Names


def test_names_are_sorted_and_unique():
    lexicon = Lexicon([*NAMES[::-1], *NAMES])
    assert list(lexicon.names) == sorted(set(NAMES)) and len(lexicon) == len(NAMES)
    assert lexicon.categories == ("actor", "malware") and lexicon.n_features == 4
    assert Lexicon([]).categories == () and Lexicon([]).find(["a"]) == []


def test_a_name_added_fires_and_the_rest_stays():
    lexicon = Lexicon(NAMES)
    more = lexicon.with_names([Name("NewBot", "malware")])
    assert lexicon.find(["NewBot"]) == [] and more.find(["newbot"]) == [Match(0, 1, "malware")]
    assert set(lexicon.names) < set(more.names) and more.categories == lexicon.categories
    with pytest.raises(ValueError, match="S267.*sector"):
        lexicon.with_names([Name("Energy", "sector")])


def test_look_up():
    assert Lexicon(NAMES).look_up("emotet") == [Name("Emotet", "actor"), Name("Emotet", "malware")]
    assert Lexicon(NAMES).look_up("page") == [Name("Page", "malware", True)]
    assert Lexicon(NAMES).look_up("none") == []


@pytest.mark.parametrize("text", ["", " - ", "\n"])
def test_what_is_no_name(text):
    with pytest.raises(ValueError, match="S267"):
        Lexicon([Name(text, "actor")])


# Files


@given(some_names, st.text(st.characters(exclude_categories=()), max_size=5))
def test_bytes(names, odd):
    names = [*names, Name(f"x{odd}", "tool")]
    lexicon = Lexicon(names, settings={"source": odd})
    again = Lexicon.from_bytes(lexicon.to_bytes())
    assert (again.names, again.categories, again.settings) == (
        lexicon.names,
        lexicon.categories,
        {"source": odd},
    )
    assert again.to_bytes() == Lexicon(names[::-1], settings={"source": odd}).to_bytes()


def test_disk(tmp_path):
    lexicon = Lexicon(NAMES, categories=["tool", "malware", "actor"])
    lexicon.to_disk(tmp_path / "deep" / "names.lex")
    again = Lexicon.from_disk(tmp_path / "deep" / "names.lex")
    assert again.names == lexicon.names and again.categories == ("tool", "malware", "actor")
    with pytest.raises(FileNotFoundError, match="S263"):
        Lexicon.from_disk(tmp_path / "none.lex")


def test_damaged_bytes():
    data = Lexicon(NAMES).to_bytes()
    for bad in (
        b"",
        b"PK\x03\x04",
        data[: len(data) // 2],
        srsly.msgpack_dumps([1]),
        srsly.msgpack_dumps({"a": 1}),
    ):
        with pytest.raises(ValueError, match="S267"):
            Lexicon.from_bytes(bad)
    for place in range(0, len(data), 7):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with pytest.raises(ValueError, match="S267"):
            Lexicon.from_bytes(changed)


def test_names_of_a_category_that_is_not_there():
    with pytest.raises(ValueError, match="S267.*names of actor, malware but the categories actor[^,]"):
        Lexicon(NAMES, categories=["actor"])


def test_a_misspelt_category_is_named_beside_those_that_there_are():
    with pytest.raises(
        ValueError, match=r"S267.*categories actor, malware \(there is no malwre, no sector\)"
    ):
        Lexicon(NAMES).with_names([Name("NewBot", "malwre"), Name("Energy", "sector")])


@pytest.mark.parametrize(
    "categories,rows", [(["actor"], [(" - ", "actor", False)]), (["actor", "actor"], [("APT28", "actor", False)])]
)  # fmt: skip
def test_a_file_of_what_cannot_be_is_named(categories, rows, tmp_path):
    (tmp_path / "mine.lex").write_bytes(pack(categories, rows, {}))
    with pytest.raises(ValueError, match=r"S267.*mine\.lex") as told:
        Lexicon.from_disk(tmp_path / "mine.lex")
    assert "in code" not in str(told.value)
