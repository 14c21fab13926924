"""Self-training: which sentences are chosen, and what of the teachers' labels counts."""

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.labels import TagSpan, tags_to_spans
from spacy_ssner.pseudo_labels import TextSettings, agreed_tags, choose_sentences, find_entities
from spacy_ssner.text.overlap import word_runs

LINES = [
    "The group APT28 used Mimikatz against a bank in Kyiv.",
    "the group APT28 used mimikatz against a bank in kyiv!",
    "Its operators sent mail with a link to the victims last year.",
    "Too short.",
    "Lazarus dropped Emotet on several servers of the ministry in spring.",
    "word " * 70,
]


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "reports.txt"
    path.write_text("\n".join(LINES) + "\n")
    return path


def test_which_sentences_are_chosen(text):
    excluded = frozenset(word_runs(LINES[4].split()))
    sentences, counts = choose_sentences([text], TextSettings(), excluded=excluded)
    assert {" ".join(s.words[:2]) for s in sentences} == {"The group", "Its operators"}
    assert counts == {"read": 6, "short": 1, "long": 1, "excluded": 1, "repeat": 1, "kept": 2}
    assert all(s.spaces is None and set(s.tags) == {None} for s in sentences)


def test_a_sample_in_the_order_of_the_seed(text):
    all_of_them, _ = choose_sentences([text], TextSettings())
    one, counts = choose_sentences([text], TextSettings(n_sentences=1))
    assert one == all_of_them[:1] and counts["kept"] == 3
    orders = {tuple(s.words for s in choose_sentences([text], TextSettings(seed=i))[0]) for i in range(10)}
    assert len(orders) > 1


def test_natural_text_keeps_its_spacing(text):
    sentences, _ = choose_sentences([text], TextSettings(), tokenizer=spacy.blank("en").tokenizer)
    first = next(s for s in sentences if s.words[0] == "The")
    assert (
        first.words[-2:] == ("Kyiv", ".") and first.spaces is not None and first.spaces[-2:] == (False, False)
    )


def test_a_paragraph_is_cut_into_its_sentences(tmp_path):
    (tmp_path / "a.txt").write_text("  ".join(line for line in LINES if len(line) < 100) + "\n")
    sentences, counts = choose_sentences(
        [tmp_path / "a.txt"], TextSettings(), tokenizer=spacy.blank("en").tokenizer
    )
    assert counts == {"read": 5, "short": 1, "repeat": 1, "kept": 3}
    assert {"".join(s.words[:2]) for s in sentences} == {"Thegroup", "Itsoperators", "Lazarusdropped"}
    assert not any(word.isspace() for s in sentences for word in (s.words[0], s.words[-1]))


def test_a_teacher_that_merges_tokens(text):
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "Org", "pattern": "a bank in Kyiv"}, {"label": "Tool", "pattern": "mail"}])
    nlp.add_pipe("merge_entities")
    sentences, _ = choose_sentences([text], TextSettings())
    found = {
        (" ".join(s.words[span.start : span.end]), span.label)
        for s, (spans, _) in zip(sentences, find_entities(nlp, sentences, {"Org", "Tool"}))
        for span in spans
    }
    assert found == {("a bank in Kyiv", "Org"), ("mail", "Tool")}


@pytest.mark.parametrize(
    "votes,expected",
    [
        ([{TagSpan(0, 2, "A")}], ["B-A", "I-A", "O", "O"]),
        ([{TagSpan(0, 2, "A")}, {TagSpan(0, 2, "A")}], ["B-A", "I-A", "O", "O"]),
        ([{TagSpan(0, 2, "A")}, {TagSpan(0, 2, "B")}], [None, None, "O", "O"]),
        ([{TagSpan(0, 1, "A")}, {TagSpan(0, 3, "A")}], [None, None, None, "O"]),
        ([{TagSpan(0, 1, "A"), TagSpan(2, 3, "B")}, {TagSpan(2, 3, "B")}], [None, "O", "B-B", "O"]),
        ([set(), set()], ["O"] * 4),
    ],
)
def test_what_teachers_agree_on(votes, expected):
    assert agreed_tags(votes, 4) == expected


@st.composite
def teachers(draw):
    """Entities of some teachers in nine words; those of one do not overlap."""
    votes = []
    for _ in range(draw(st.integers(1, 3))):
        edges = sorted(draw(st.sets(st.integers(0, 9), max_size=6)))
        spans = list(zip(edges[::2], edges[1::2]))
        votes.append({TagSpan(start, end, draw(st.sampled_from("AB"))) for start, end in spans})
    return votes


@given(teachers())
def test_only_what_all_found_has_a_label(votes):
    tags = agreed_tags(votes, 9)
    agreed = set.intersection(*votes)
    assert set(tags_to_spans([tag or "O" for tag in tags])) >= agreed
    touched = {i for spans in votes for start, end, _ in spans for i in range(start, end)}
    inside = {i for start, end, _ in agreed for i in range(start, end)}
    assert {i for i, tag in enumerate(tags) if tag is None} == touched - inside
    assert {i for i, tag in enumerate(tags) if tag == "O"} == set(range(9)) - touched
