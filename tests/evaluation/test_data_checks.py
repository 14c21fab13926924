import pytest

from spacy_ssner.evaluation.data_checks import (
    CheckedDoc,
    CheckedSentence,
    check_data,
    find_conflicts,
    find_overlap,
)
from spacy_ssner.evaluation.span_checks import check_spans, edge_problem, nearest_boundaries
from spacy_ssner.labels import TagSpan

TEXT = "APT28-linked actors used Mimikatz."
TOKENS = [(0, 12), (13, 19), (20, 24), (25, 33), (33, 34)]


def problems_of(spans):
    return check_spans(TEXT, spans, TOKENS, path="a.jsonl", line=3)


def test_aligned_spans_become_tokens():
    good, problems = problems_of([TagSpan(25, 33, "Tool"), TagSpan(0, 19, "HackOrg")])
    assert good == [TagSpan(0, 2, "HackOrg"), TagSpan(3, 4, "Tool")] and not problems


def test_misaligned_span_has_place_and_proposal():
    good, (problem,) = problems_of([TagSpan(0, 5, "HackOrg")])
    assert good == []
    assert (problem.path, problem.line, problem.kind) == ("a.jsonl", 3, "misaligned")
    assert (problem.start, problem.end, problem.text) == (0, 5, "APT28")
    assert problem.proposal == (0, 12, "APT28-linked")


@pytest.mark.parametrize("start,end", [(-1, 3), (5, 5), (7, 2), (30, 99)])
def test_span_outside_the_text(start, end):
    good, (problem,) = problems_of([TagSpan(start, end, "Tool")])
    assert good == [] and problem.kind == "out of range"


def test_second_of_two_overlapping_spans_is_reported():
    good, (problem,) = problems_of([TagSpan(0, 19, "HackOrg"), TagSpan(13, 19, "Org")])
    assert good == [TagSpan(0, 2, "HackOrg")] and (problem.kind, problem.label) == ("overlap", "Org")


def test_edges_are_reported_beside_the_alignment():
    good, (problem,) = problems_of([TagSpan(25, 34, "Tool")])
    assert good == [TagSpan(3, 5, "Tool")] and problem.kind == "punctuation edge"
    trimmed, found = problems_of([TagSpan(24, 33, "Tool")])
    assert [p.kind for p in found] == ["whitespace edge"]
    assert trimmed == problems_of([TagSpan(25, 33, "Tool")])[0] != []  # usable: convert cuts the blank off
    assert found[0].proposal == (25, 33, "Mimikatz")


@pytest.mark.parametrize(
    "surface,expected",
    [
        ("APT28", None),
        ("", None),
        (" APT28", "whitespace edge"),
        ("APT28\n", "whitespace edge"),
        ("APT28,", "punctuation edge"),
        ('"APT28', "punctuation edge"),
        ("(APT28", "punctuation edge"),
        ("group (APT28)", None),
        ("[.]example", None),
        (".NET", None),
        ("the U.S.", None),
        ("Contoso Inc.", "punctuation edge"),
        ("http://a.example/", None),
        ("invoice.docx.", "punctuation edge"),
    ],
)
def test_edge_problem(surface, expected):
    assert edge_problem(surface) == expected


def test_nearest_boundaries_equal_a_search_over_all_pairs():
    words = [t for t in TOKENS if TEXT[t[0] : t[1]].strip()]
    for start in range(len(TEXT)):
        for end in range(start + 1, len(TEXT) + 1):
            found = nearest_boundaries(TEXT, start, end, TOKENS)
            assert found is not None and found[0] < found[1]
            best_start = min(abs(s - start) for s, _ in words)
            assert abs(found[0] - start) == best_start
            ends = [abs(e - end) for _, e in words if e > found[0]]
            assert abs(found[1] - end) == min(ends)
    assert nearest_boundaries(" ", 0, 1, [(0, 1)]) is None


def sentence(text, *spans, place="f:1"):
    return CheckedSentence(tuple(text.split()), tuple(TagSpan(*s) for s in spans), place)


def checked(*sentences, n_missing=0):
    return CheckedDoc(tuple(sentences), sum(len(s.words) for s in sentences), n_missing, ())


def test_overlap_counts_copies_and_unseen_mentions():
    train = [sentence("APT28 used nmap .", (0, 1, "HackOrg"), (2, 3, "Tool"))]
    dev = [
        sentence("apt28 used NMAP", (0, 1, "HackOrg"), (2, 3, "HackOrg")),
        sentence("—", (0, 1, "Tool")),
    ]
    overlap = find_overlap("dev", "train", dev, train)
    assert (overlap.n_sentences, overlap.n_shared) == (2, 1)
    assert (overlap.n_mentions, overlap.n_unseen) == (3, 2)


def test_conflicts_compare_entities_by_place_and_type():
    same = [sentence("X hit Y .", (0, 1, "A")), sentence("x hit , y", (0, 1, "A"))]
    assert find_conflicts(same) == ()
    (conflict,) = find_conflicts([*same, sentence("X hit Y", (2, 3, "A"), place="g:9"), sentence("other")])
    assert conflict.text == "X hit Y ."
    assert conflict.variants == ((("X [A]",), ("f:1", "f:1")), (("Y [A]",), ("g:9",)))


def test_report_counts_by_hand():
    train = [
        checked(sentence("a b c", (0, 2, "T")), sentence("A b, c", (0, 2, "T"))),
        checked(sentence("d e"), n_missing=2),
        checked(sentence("f g"), n_missing=1),
    ]
    dev = [checked(sentence("x y", (0, 1, "O")))]
    report = check_data({"train": train, "dev": dev})
    split = report.splits["train"]
    assert (split.n_docs, split.n_sentences, split.n_tokens, split.n_entities) == (3, 4, 10, 2)
    assert split.lengths == {2: 2} and split.types == {"T": 2} and split.n_repeats == 1
    assert split.n_docs_without_entities == 2
    assert (split.n_docs_unannotated, split.n_missing_tokens) == (1, 3)
    assert report.missing_types == {"train": ["O"], "dev": ["T"]}
    assert report.rare_types == {"train": {"T": 2}, "dev": {"O": 1}}
    assert [(o.split, o.of) for o in report.overlaps] == [("dev", "train")]


def test_no_documents_are_no_reason_to_fail():
    report = check_data({"train": []})
    assert report.splits["train"].n_tokens == 0 and report.conflicts == ()
