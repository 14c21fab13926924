import pytest

from spacy_ssner.corpus.conll import detect_layout, read_conll
from spacy_ssner.corpus.report import Report
from spacy_ssner.corpus.source import Source


def read(text, *, scheme="auto"):
    report = Report()
    data = text if isinstance(text, bytes) else text.encode()
    return read_conll(Source("f.txt", data), report=report, scheme=scheme), report


def pairs(text, **options):
    return [list(zip(s.words, s.tags)) for s in read(text, **options)[0]]


@pytest.mark.parametrize("separator", ["\t", " ", "   "])
@pytest.mark.parametrize(
    "tags", [["B-A", "I-A", "O", "B-A"], ["B-A", "E-A", "O", "S-A"], ["B-A", "L-A", "O", "U-A"]]
)
def test_separators_and_schemes(separator, tags):
    text = "\n".join(f"{word}{separator}{tag}" for word, tag in zip("wxyz", tags))
    assert pairs(text) == [[("w", "B-A"), ("x", "I-A"), ("y", "O"), ("z", "B-A")]]
    assert not read(text)[1].repairs


def test_sentences_and_lines():
    sentences, _ = read("-DOCSTART- -X- O\n\na X O\nb X B-A\n\nc X O\n")
    assert [s.words for s in sentences] == [("a", "b"), ("c",)]
    assert [s.lines for s in sentences] == [(3, 4), (6,)]
    assert sentences[1].line == 6 and sentences[1].path == "f.txt"


def test_many_columns_as_in_annoctr():
    text = "<DOCSTART>\tO\tO\n\nSupply\tB-S\tB-S\n \tI-S\tI-S\nAttack\tO\tI-T\n"
    sentences, report = read(text)
    assert list(zip(sentences[0].words, sentences[0].tags)) == [("Supply", "B-S"), ("Attack", "B-T")]
    assert report.counts() == {"tag-without-token": 1, "inside-after-other": 1}


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("separator", ["\t", " "])
def test_a_column_that_counts_the_tokens_is_none_of_them(first, separator):
    words = ["The", "2", "Cobalt", "Strike"]
    rows = [(first + i, word, "X", tag) for i, (word, tag) in enumerate(zip(words, ["O", "O", "B-A", "I-A"]))]
    sentence = "\n".join(separator.join(map(str, row)) for row in rows)
    sentences, report = read(f"# id 5\n{sentence}\n\n{sentence}\n{first + 4}{separator}y\n")
    assert sentences[0].words == tuple(words) and sentences[0].tags == ("O", "O", "B-A", "I-A")
    assert sentences[1].words == (*words, "y") and sentences[1].tags[-1] is None
    assert report.counts() == {"comment": 1, "token-numbers": 1, "token-without-tag": 1}


def test_numbers_that_count_nothing_are_tokens():
    rows = "7 CD B-A\n1 CD O\n2 CD O\n\n2017 CD O\n2018 CD O\nx NN O\n"
    assert [s.words for s in read(rows)[0]] == [("7", "1", "2"), ("2017", "2018", "x")]
    assert pairs("1 B-A\n2 I-A\n3 I-A\n") == [[("1", "B-A"), ("2", "I-A"), ("3", "I-A")]]


BODY = "a O\nb B-A\nc O\n\n"  # enough good lines to make two columns usual


@pytest.mark.parametrize(
    "lines,expected,counts",
    [
        ("x O\nO\n", [("x", "O")], {"tag-without-token": 1}),
        ("x O\n O\n", [("x", "O")], {"tag-without-token": 1}),
        ("x B-A\nI-A\n", [("x", "B-A"), ("I-A", None)], {"token-without-tag": 1}),
        ("x B-A\nB-A\n", [("x", "B-A")], {"tag-without-token": 1}),
        ("x O\nword\n", [("x", "O"), ("word", None)], {"token-without-tag": 1}),
        ("skills. In O\n", [("skills.", "O"), ("In", "O")], {"several-tokens": 1}),
        ("New York B-A\n", [("New", "B-A"), ("York", "I-A")], {"several-tokens": 1}),
        ("the big word\n", [("the", None), ("big", None), ("word", None)], {"token-without-tag": 1}),
        ("x PROT\n", [("x", None)], {"unknown-tag": 1}),
        ("x Q-A\n", [("x", None)], {"unknown-tag": 1}),
        ("Eset\u200d B-A\n\u200d. O\n", [("Eset", "B-A"), (".", "O")], {"invisible": 2}),
        ("x O\n\u200b B-A\ny I-A\n", [("x", "O"), ("y", "B-A")], None),
        ("x O\n\x07 O\n", [("x", "O")], {"invisible": 1, "tag-without-token": 1}),
        ("x -\n", [("x", None)], {}),
        ("x\xa0O\n", [("x", "O")], {}),
    ],
)
def test_line_faults(lines, expected, counts):
    sentences, report = read(BODY + lines)
    assert list(zip(sentences[1].words, sentences[1].tags)) == expected
    if counts is not None:
        assert report.counts() == counts
        assert all(repair.line > 4 for repair in report.repairs)


def test_types_with_blanks():
    """Tabs part the columns, so that the type may hold blanks; one of two words is no token."""
    text = "New York\tS-Threat Actor\nran\tO\nx\tB-Threat Actor\ny\tE-Threat Actor\n"
    tags = ["B-Threat Actor", "I-Threat Actor", "O", "B-Threat Actor", "I-Threat Actor"]
    assert pairs(text) == [list(zip(["New", "York", "ran", "x", "y"], tags))]


def test_comments():
    text = "# id 5 domain=en\nAPT28 _ _ B-A\n# _ _ O\n\n# id 6 domain=en\n# text = x\n# _ _ O\nx _ _ O\n"
    sentences, report = read(text)
    assert [s.words for s in sentences] == [("APT28", "#"), ("#", "x")]
    assert report.counts() == {"comment": 3} and sentences[0].line == 2


def test_line_faults_with_tabs():
    lines = "New York\tB-A\n\tO\nword\ny\t\nz O\n"
    sentences, report = read("a\tO\nb\tB-A\nc\tO\n\n" + lines + "d\tO\n" * 9)
    found = list(zip(sentences[1].words, sentences[1].tags))
    assert found[:5] == [("New", "B-A"), ("York", "I-A"), ("word", None), ("y", None), ("z", "O")]
    assert report.counts() == {"tag-without-token": 1, "token-without-tag": 2, "several-tokens": 1}


def test_missing_columns():
    text = "EU NNP B-NP B-ORG\nrejects VBZ B-VP O\nGerman JJ\ncall NN I-NP O\n"
    sentences, report = read(text)
    assert sentences[0].tags == ("B-ORG", "O", None, "O")
    assert [tuple(r) for r in report.repairs] == [("missing-columns", "f.txt", 3, "German JJ")]


def test_doubled_blank_lines_are_counted_between_sentences_only():
    sentences, report = read("\n\na O\n\n\n\nb O\n\n\n")
    assert len(sentences) == 2
    assert [(r.kind, r.line) for r in report.repairs] == [("blank-lines", 5), ("blank-lines", 6)]


def test_long_sentence_is_kept_and_counted():
    sentences, report = read("a O\n" * 129)
    assert len(sentences[0].words) == 129
    assert report.counts() == {"long-sentence": 1}


def test_given_scheme_wins():
    assert pairs("a S-A\nb O\n", scheme="bio") == [[("a", None), ("b", "O")]]


def test_crlf_and_byte_order_mark():
    sentences, report = read(b"\xef\xbb\xbfa B-A\r\n\r\nb O\r\n")
    assert [s.words for s in sentences] == [("a",), ("b",)]
    assert set(report.counts()) == {"byte-order-mark", "line-ends"}


@pytest.mark.parametrize(
    "text,code",
    [
        ("one\ntwo\n", "S236"),
        ("some prose\nof words\n", "S236"),
        ("-DOCSTART- O\n\n", "S236"),
        (" O\n x O", None),
    ],
)
def test_no_columns(text, code):
    if code is None:
        assert len(read(text)[0]) == 1
        return
    with pytest.raises(ValueError, match=code):
        read(text)


def test_only_tags_without_tokens():
    with pytest.raises(ValueError, match="S236|S220"):
        read("\tO\n\tO\n")


def test_detect_layout():
    layout = detect_layout(["a\tX\tO", "", "b\tX\tB-A", "c\tO"])
    assert layout[:3] == (True, 3, "bio") and layout.tags == {"O", "B-A"}
    assert detect_layout([]).width == 0
