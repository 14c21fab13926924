"""From CoNLL sentences to natural texts: joined mentions, offsets, documents."""

import pytest

from spacy_ssner.corpus.conll import read_conll
from spacy_ssner.corpus.raw import gap_between, group_sentences, join_cut_mentions, make_records
from spacy_ssner.corpus.report import Report
from spacy_ssner.corpus.source import Source

CUT = """\
from O
hxxp B-Indicator
: I-Indicator
//a I-Indicator
[ I-Indicator
. I-Indicator

] I-Indicator
b I-Indicator
[ I-Indicator
. I-Indicator

] I-Indicator
example I-Indicator
by O
APT28 B-Group

used I-Malware
it O
"""


def read(text=CUT, path="f.txt"):
    report = Report()
    sentences = read_conll(Source(path, text.encode()), report=report)
    return join_cut_mentions(sentences, report=report), report


def surfaces(record):
    return [(record.text[span.start : span.end], span.label) for span in record.spans]


def test_a_mention_over_three_sentences_is_one():
    sentences, report = read()
    assert [len(sentence.words) for sentence in sentences] == [14, 2]
    assert sentences[0].mentions == [(1, 12, "Indicator"), (13, 14, "Group")]
    assert sentences[0].lines == (1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 13, 14, 15, 16)
    assert report.counts() == {"inside-at-start": 1, "joined": 2}
    assert [(r.line, r.text) for r in report.of_kind("joined")] == [
        (8, "] I-Indicator"),
        (13, "] I-Indicator"),
    ]
    (first, second) = make_records(sentences)
    assert first.text == "from hxxp://a[.]b[.]example by APT28"
    assert surfaces(first) == [("hxxp://a[.]b[.]example", "Indicator"), ("APT28", "Group")]
    assert surfaces(second) == [("used", "Malware")]


@pytest.mark.parametrize(
    "before,after",
    [
        ("O", "I-A"),  # nothing to go on with
        ("B-B", "I-A"),  # another type
        ("B-A", "B-A"),  # an entity of its own
        ("B-A", "O"),
    ],
)
def test_other_sentences_stay_apart(before, after):
    sentences, report = read(f"x {before}\n\ny {after}\nz O\n")
    assert len(sentences) == 2 and "joined" not in report.counts()


def test_sentences_of_two_files_are_not_joined():
    report = Report()
    read_one = read_conll(Source("a", b"x B-A\n"), report=report)
    read_two = read_conll(Source("b", b"y I-A\n"), report=report)
    assert len(join_cut_mentions(read_one + read_two, report=report)) == 2
    assert len(list(group_sentences(read_one + read_two, 5))) == 2


def test_missing_labels_become_stretches():
    (record,) = make_records(read("a O\nb\n( O\nc O\n) -\nd B-A\n")[0])
    assert record.text == "a b (c) d"
    assert [record.text[start:end] for start, end in record.missing] == ["b", ")"]
    assert surfaces(record) == [("d", "A")]


def test_lines_of_characters():
    (record,) = make_records(read("aa O\n\x07 O\nb O\n. O\n")[0])
    assert record.text == "aa b."
    assert [record.line_of(i) for i in range(len(record.text))] == [1, 1, 1, 3, 4]


def test_documents():
    text = "One B-A\n. O\n\nTitle O\n\n`` O\nTwo B-A\n. O\n\n'' O\nThree O\n\n) O\nFour B-A\n"
    sentences, _ = read(text)
    whole = make_records(sentences, per_doc=9)
    assert [record.text for record in whole] == ['One. Title\n"Two." Three) Four']
    assert surfaces(whole[0]) == [("One", "A"), ("Two", "A"), ("Four", "A")]
    pairs = make_records(sentences, per_doc=2)
    assert [record.text for record in pairs] == ["One. Title", '"Two." Three', ") Four"]
    assert [surfaces(record) for record in pairs] == [[("One", "A")], [("Two", "A")], [("Four", "A")]]
    assert pairs[1].line_of(1) == 7


@pytest.mark.parametrize(
    "before,following,gap",
    [
        ("died .", "It ran", " "),
        ("died . ” )", "It ran", " "),
        ("see ( here )", "It ran", "\n"),
        ("Title", "It ran", "\n"),
        ("died .", ") ran", ""),
        ("x", ". It", ""),
        (")", "It", "\n"),
    ],
)
def test_gap_between_sentences(before, following, gap):
    assert gap_between(before.split(), following.split()) == gap


def test_the_signs_of_a_corpus_can_be_given():
    sentences, _ = read("a O\n/ O\nb O\n\nc/d O\n\ne/f O\n")
    assert make_records(sentences)[0].text == "a / b"
    assert make_records(sentences, split_signs={"/"})[0].text == "a/b"
