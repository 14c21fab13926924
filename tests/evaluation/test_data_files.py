import json
import random

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_ssner.evaluation import data_files
from spacy_ssner.evaluation.data_files import read_split, read_text
from spacy_ssner.labels import TagSpan


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("en")


def write_jsonl(path, *records):
    path.write_text("\n".join(json.dumps(r) for r in records) + "\n", encoding="utf8")
    return path


def record(text, *spans):
    return {"text": text, "spans": [{"start": s, "end": e, "label": label} for s, e, label in spans]}


def save(path, *docs):
    DocBin(docs=docs).to_disk(path)
    return path


def test_jsonl_is_cut_into_sentences_at_stops_and_empty_lines(tmp_path, nlp):
    text = "Indicators\n\nAPT28 used nmap. It hit 2 ports."
    (doc,) = read_split(write_jsonl(tmp_path / "a.jsonl", record(text, (12, 17, "HackOrg"))), nlp)
    assert [s.words[0] for s in doc.sentences] == ["Indicators", "APT28", "It"]
    assert doc.sentences[1].spans[0].label == "HackOrg"
    assert doc.n_missing == 0 and doc.sentences[0].place.endswith("a.jsonl:1")


def test_no_sentence_boundary_inside_an_entity(tmp_path, nlp):
    text = "They are Who? What? again."
    (doc,) = read_split(write_jsonl(tmp_path / "a.jsonl", record(text, (9, 19, "HackOrg"))), nlp)
    words = [s.words for s in doc.sentences if s.spans]
    assert len(words) == 1 and {"Who", "What"} <= set(words[0])


def test_entities_are_read_like_spans(tmp_path, nlp):
    path = write_jsonl(tmp_path / "a.jsonl", {"text": "used Mimikatz", "entities": [[5, 13, "Tool"]]})
    (doc,) = read_split(path, nlp)
    assert doc.n_missing == 0
    assert (
        doc.sentences
        == read_split(write_jsonl(path, record("used Mimikatz", (5, 13, "Tool"))), nlp)[0].sentences
    )


def test_entities_count_beside_empty_spans_and_missing_stretches_are_missing(tmp_path, nlp):
    both = {**record("used Mimikatz"), "entities": [[5, 13, "Tool"]], "missing": [[0, 4]]}
    (doc,) = read_split(write_jsonl(tmp_path / "a.jsonl", both), nlp)
    assert doc.n_missing == 1 and [s.spans for s in doc.sentences] == [(TagSpan(1, 2, "Tool"),)]


def test_jsonl_record_without_spans_is_unannotated(tmp_path, nlp):
    path = write_jsonl(tmp_path / "a.jsonl", {"text": "One two"}, record("Three"))
    assert [doc.n_missing for doc in read_split(path, nlp)] == [2, 0]


def test_a_suffix_in_capitals(tmp_path, nlp):
    (doc,) = read_split(write_jsonl(tmp_path / "A.JSONL", record("used Mimikatz", (5, 13, "Tool"))), nlp)
    assert doc.sentences[0].spans == ((1, 2, "Tool"),)


def test_misaligned_span_of_a_jsonl_file(tmp_path, nlp):
    path = write_jsonl(tmp_path / "a.jsonl", record("Fine"), record("used Mimikatz", (5, 9, "Tool")))
    _, doc = read_split(path, nlp)
    (problem,) = doc.problems
    assert (problem.path, problem.line, problem.text) == (str(path), 2, "Mimi")
    assert problem.proposal == (5, 13, "Mimikatz")


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"spans": []}',
        '{"text": 1}',
        '{"text": "a", "spans": [{"start": 0}]}',
        '{"text": "a", "spans": 3}',
    ],
)
def test_bad_line_is_named(tmp_path, nlp, line):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "ok"}\r\n\r\n' + line)
    with pytest.raises(ValueError, match=r"S274.*a\.jsonl:3"):
        read_split(path, nlp)


def test_crlf_and_bom_in_jsonl(tmp_path, nlp):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b'{"text": "One"}\r\n{"text": "Two"}\r\n')
    assert len(read_split(path, nlp)) == 2


def test_what_was_not_accepted_is_not_annotated(tmp_path, nlp):
    path = tmp_path / "a.jsonl"
    good = {"text": "APT28 hit", "label": [[0, 5, "A"]]}
    path.write_text("\n".join(json.dumps({**good, **more}) for more in ({}, {"answer": "reject"})))
    first, second = read_split(path, nlp)
    assert first.sentences[0].spans == (TagSpan(0, 1, "A"),) and first.n_missing == 0
    assert second.sentences[0].spans == () and second.n_missing == 2


def test_docbin_with_known_text_is_retokenised(tmp_path, nlp):
    doc = Doc(nlp.vocab, words=["Mimi", "katz", "!"], spaces=[False, False, False], ents=["B-Tool", "O", "O"])
    (checked,) = read_split(save(tmp_path / "a.spacy", doc), nlp)
    assert checked.sentences[0].words == ("Mimi", "katz", "!")
    assert [(p.kind, p.line, p.proposal) for p in checked.problems] == [("misaligned", 1, (0, 8, "Mimikatz"))]


def test_docbin_with_unknown_spaces_keeps_its_tokens(tmp_path, nlp):
    doc = Doc(nlp.vocab, words=["A", ".", "Mimi", "katz,"], ents=["O", "O", "B-Tool", "I-Tool"])
    (checked,) = read_split(save(tmp_path / "a.spacy", doc), nlp)
    assert len(checked.sentences) == 1 and checked.n_missing == 0
    (problem,) = checked.problems
    assert (problem.kind, problem.text, problem.start, problem.end) == (
        "punctuation edge",
        "Mimi katz,",
        4,
        14,
    )


def test_docbin_keeps_its_own_sentences_and_missing_tokens(tmp_path, nlp):
    doc = Doc(nlp.vocab, words=["A", "b", "C"], sent_starts=[True, False, True], ents=["O", "", "B-Tool"])
    folder = tmp_path / "corpus"
    folder.mkdir()
    save(folder / "a.spacy", doc)
    (checked,) = read_split(folder, nlp)
    assert [s.words for s in checked.sentences] == [("A", "b"), ("C",)] and checked.n_missing == 1
    assert checked.sentences[1].spans[0].start == 0


def test_missing_or_foreign_files(tmp_path, nlp):
    (tmp_path / "a.txt").write_text("hello")
    (tmp_path / "b.spacy").write_text("hello")
    whole = save(tmp_path / "c.spacy", Doc(nlp.vocab, words=["a"])).read_bytes()
    (tmp_path / "c.spacy").write_bytes(whole[:-5])
    (tmp_path / "empty").mkdir()
    for name in ("a.txt", "b.spacy", "c.spacy", "empty", "nowhere.jsonl", "nowhere.spacy"):
        with pytest.raises(ValueError, match="S235" if name in ("b.spacy", "c.spacy") else "S273"):
            read_split(tmp_path / name, nlp)


def test_empty_data(tmp_path, nlp):
    (tmp_path / "a.jsonl").write_text("\n")
    for path in (
        tmp_path / "a.jsonl",
        save(tmp_path / "b.spacy"),
        write_jsonl(tmp_path / "c.jsonl", record("")),
    ):
        with pytest.raises(ValueError, match="S272"):
            read_split(path, nlp)


def test_unreadable_text_file(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere.txt"):
        with pytest.raises(ValueError, match="S280"):
            read_text(path)


def test_records_that_are_hard_to_read(tmp_path, nlp):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "lone \\ud83d half", "spans": []}\n')
    (checked,) = read_split(path, nlp)
    assert "\ufffd" in checked.sentences[0].words
    path.write_text('{"text": ' + "[" * 100_000 + "\n")
    with pytest.raises(ValueError, match="S274.*nested too deep"):
        read_split(path, nlp)


def test_the_same_entities_are_usable_as_convert_keeps(tmp_path, nlp):
    from spacy_ssner.corpus.convert import ReadOptions, convert

    text = "Cozy Bear used Mimikatz Loader today."
    spans = [(0, 4, "Org"), (0, 9, "HackOrg"), (14, 30, "Tool"), (14, 30, "Tool"), (15, 23, "Tool")]
    path = write_jsonl(tmp_path / "a.jsonl", record(text, *spans))
    (checked,) = read_split(path, nlp)
    (sentence,), _ = convert(path, ReadOptions(tokenizer=nlp.tokenizer))
    assert set(checked.sentences[0].spans) == {(0, 2, "HackOrg"), (3, 5, "Tool")} == set(sentence.mentions)
    assert sorted(problem.kind for problem in checked.problems).count("overlap") == 3


def random_doc(seed, n_tokens):
    """Entities of one to three tokens, and sentences that start anywhere, in entities too."""
    rng = random.Random(seed)
    lengths = [rng.randint(1, 3) for _ in range(n_tokens)]
    starts = [sum(lengths[:i]) for i in range(n_tokens)]
    spans = [
        TagSpan(s, s + n, "Tool") for s, n in zip(starts, lengths) if s + n <= n_tokens and rng.random() < 0.5
    ]
    sent_starts = [i == 0 or rng.random() < 0.2 for i in range(n_tokens)]
    return Doc(Vocab(), words=["w"] * n_tokens, sent_starts=sent_starts), spans


class Walked(list):
    """Counts how often it is gone through."""

    n = 0

    def __iter__(self):
        self.n += 1
        return super().__iter__()


@pytest.mark.parametrize("seed", range(20))
def test_sentences_equal_a_slow_search_and_the_entities_are_gone_through_once(seed):
    doc, spans = random_doc(seed, n_tokens=seed)
    spans = Walked(spans)
    sentences = list(data_files._sentences(doc, spans, "a.spacy:1"))
    assert spans.n <= 2  # once for the bounds, once for the sentences
    starts = {i for i, token in enumerate(doc) if token.is_sent_start}
    bounds = [*sorted({0} | {i for i in starts if not any(s < i < e for s, e, _ in spans)}), len(doc)]
    expected = [
        tuple(TagSpan(s - start, e - start, label) for s, e, label in spans if start <= s < end)
        for start, end in zip(bounds, bounds[1:])
    ]
    assert [sentence.spans for sentence in sentences] == expected
    assert [len(s.words) for s in sentences] == [b - a for a, b in zip(bounds, bounds[1:])]
