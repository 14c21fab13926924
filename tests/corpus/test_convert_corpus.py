import json
import re
import warnings

import pytest
from spacy.tokenizer import Tokenizer
from spacy.vocab import Vocab

from spacy_ssner.corpus.convert import (
    PUBLISHED,
    ReadOptions,
    Selection,
    convert,
    convert_texts,
    detect_format,
)
from spacy_ssner.corpus.docs import make_docs, write_docs
from spacy_ssner.corpus.source import Source

TEXT = "APT28 B-HackOrg\nhit O\nNATO B-Org\n. O\n\nAgain B-Time\n. O\n\nagain O\n! O\n"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_detect_published(name):
    text = "".join(f"x B-{label}\ny O\n" for label in PUBLISHED[name])
    assert detect_format(Source("x", text.encode())) == name


@pytest.mark.parametrize(
    "text,expected",
    [
        ("x B-PER\ny B-MISC\nz B-ORG\n", "conll"),
        ("x O\n", "conll"),
        ('\n{"text": "x O"}\n', "jsonl"),
        ('\ufeff{"text": "x"}\n', "jsonl"),
        ("{ O\n} O\n", "conll"),
    ],
)
def test_detect_format(text, expected):
    assert detect_format(Source("x", text.encode())) == expected


def test_convert_one_and_several(path):
    sentences, report = convert(path)
    assert [len(s.words) for s in sentences] == [4, 2, 2]
    assert not report.repairs
    assert len(convert([path, str(path)])[0]) == 6


def test_selection_in_order(path, tmp_path):
    other = tmp_path / "other.conll"
    other.write_text("Apt28\tO\nhit\tO\nnato\tO\n")
    sentences, report = convert(path, selection=Selection(exclude=[other], drop_repeats=True))
    assert [s.words for s in sentences] == [("Again", ".")]
    assert report.counts() == {"repeat": 1, "excluded": 1}


@pytest.mark.parametrize("suffix", ["spacy", "SPACY", "jsonl"])
def test_exclude_other_formats(path, tmp_path, suffix):
    other = tmp_path / f"other.{suffix}"
    if suffix != "jsonl":
        write_docs(make_docs(convert(path)[0][:1], Vocab()), other)
    else:
        other.write_text('{"text": "APT28 hit NATO!", "spans": []}')
    sentences, report = convert(path, selection=Selection(exclude=[other]))
    assert len(sentences) == 2 and report.counts() == {"excluded": 1}


LOADER = "The actor used a new loader against several banks"


@pytest.mark.parametrize("suffix", ["jsonl", "spacy"])
@pytest.mark.parametrize("excluding", ["sentences from documents", "documents from sentences"])
def test_exclude_across_documents_and_sentences(tmp_path, suffix, excluding):
    sentences, documents = tmp_path / "a.conll", tmp_path / "b.jsonl"
    sentences.write_text(
        "".join(f"{word} O\n" for word in f"{LOADER} .".split()) + "\nOther B-Tool\n", "utf8"
    )
    texts = [f"Summary. {LOADER}. More follows.", "Nothing of it is here."]
    documents.write_text("".join(json.dumps({"text": text, "spans": []}) + "\n" for text in texts), "utf8")
    read, other = (documents, sentences) if excluding.startswith("sentences") else (sentences, documents)
    if suffix == "spacy":
        write_docs(make_docs(convert(other)[0], Vocab()), tmp_path / "c.spacy")
        other = tmp_path / "c.spacy"
    kept, report = convert(read, selection=Selection(exclude=[other]))
    assert report.counts()["excluded"] == 1
    assert [s.words[0] for s in kept] == (["Nothing"] if read == documents else ["Other"])


def test_lines_that_exclude_nothing_are_told(path, tmp_path):
    other = tmp_path / "other.jsonl"
    other.write_text('{"text": "APT28 hit NATO."}\n{"text": "Again.",}\n')
    with pytest.warns(UserWarning, match="SW221.*1 lines of .*other.jsonl.*line 2"):
        sentences, _ = convert(path, selection=Selection(exclude=[other]))
    assert len(sentences) == 2


def test_labels(path):
    sentences, report = convert(path, selection=Selection(labels=["Org"]))
    assert sentences[0].tags == ("O", "O", "B-Org", "O")
    assert report.counts() == {"other-label": 2}
    with pytest.warns(UserWarning, match="SW220.*Tool"):
        convert(path, selection=Selection(labels=["Org", "Tool"]))
    with warnings.catch_warnings(), pytest.raises(ValueError, match="S232"):
        convert(path, selection=Selection(labels=["Nope"]))


def test_max_length(path):
    sentences, report = convert(path, selection=Selection(max_length=2))
    assert [s.words for s in sentences][:2] == [("APT28", "hit"), ("NATO", ".")]
    assert report.counts() == {"cut-anywhere": 1}


def test_fused(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("OilRig S-APT/APT34 S-APT\nhit O\nby S-MAL\n")
    assert convert(path)[0][0].words == ("OilRig/APT34", "hit", "by")
    split = convert(path, ReadOptions(fused="split"))[0][0]
    assert split.words == ("OilRig", "/", "APT34", "hit", "by")


def test_types_of_aptner_in_another_scheme(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("Deep B-APT\nPanda I-APT\nDNS PROT\nin O\nUS B-LOC\n")
    sentences, report = convert(path)
    assert sentences[0].tags == ("B-APT", "I-APT", "B-PROT", "O", "B-LOC")
    assert report.counts() == {"bare-type": 1}


def test_strict(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("x O\ny I-Tool\n")
    with pytest.raises(ValueError, match=r"S221.*a\.txt:2: inside-after-outside.*y I-Tool"):
        convert(path, strict=True)


@pytest.mark.parametrize(
    "options,selection,code",
    [
        (ReadOptions(format="xml"), None, "S222"),
        (ReadOptions(scheme="iob3"), None, "S223"),
        (ReadOptions(fused="both"), None, "S234"),
        (None, Selection(max_length=0), "S230"),
    ],
)
def test_wrong_options(path, options, selection, code):
    with pytest.raises(ValueError, match=code):
        convert(path, options, selection=selection)


def test_nothing_left(path):
    with pytest.raises(ValueError, match="S228.*3"):
        convert(path, selection=Selection(exclude=[path]))


def test_bad_exclude(path, tmp_path):
    with pytest.raises(ValueError, match="S227"):
        convert(path, selection=Selection(exclude=[tmp_path / "none.txt"]))


RAW = """\
APT28 B-HackOrg
( O
Fancy B-HackOrg
Bear I-HackOrg
) O
hit O
hxxp B-Url
: I-Url
//a I-Url
[ I-Url
. I-Url

] I-Url
b I-Url
or O
Foo B-Tool
-bar O

Copy O
of O
this O

] I-Url
b I-Url
or O
Foo B-Tool
-bar O
"""


@pytest.fixture
def raw_file(tmp_path):
    path = tmp_path / "raw.txt"
    path.write_text(RAW, encoding="utf8")
    return path


def test_raw_text_is_cut_by_the_runtime_tokenizer(raw_file):
    sentences, report = convert(raw_file, ReadOptions(raw=True))
    first = sentences[0]
    assert first.words[:9] == ("APT28", "(", "Fancy", "Bear", ")", "hit", "hxxp://a[.]b", "or", "Foo")
    assert first.mentions == [(0, 1, "HackOrg"), (2, 4, "HackOrg"), (6, 7, "Url"), (8, 9, "Tool")]
    assert first.lines[6] == 7 and report.counts() == {"inside-at-start": 1, "joined": 1}


def test_raw_misfits_are_listed_and_missing(raw_file):
    cut_at_blanks = Tokenizer(Vocab(), token_match=re.compile(r"\S+").fullmatch)
    sentences, report = convert(raw_file, ReadOptions(raw=True, tokenizer=cut_at_blanks))
    assert sentences[0].words[1:3] == ("(Fancy", "Bear)") and sentences[0].tags[1:3] == (None, None)
    assert [tuple(r) for r in report.of_kind("misaligned")] == [
        ("misaligned", str(raw_file), 3, "Fancy Bear")
    ]
    with pytest.raises(ValueError, match=r"S221.*raw\.txt:13.*inside-at-start"):
        convert(raw_file, ReadOptions(raw=True), strict=True)


def test_raw_texts_keep_exact_spans_and_make_documents(raw_file):
    texts, _ = convert_texts(raw_file, ReadOptions(sentences_per_doc=2))
    assert len(texts) == 2
    assert texts[0].text == "APT28 (Fancy Bear) hit hxxp://a[.]b or Foo -bar\nCopy of this"
    found = [(texts[0].text[s.start : s.end], s.label) for s in texts[0].spans]
    assert found == [
        ("APT28", "HackOrg"),
        ("Fancy Bear", "HackOrg"),
        ("hxxp://a[.]b", "Url"),
        ("Foo", "Tool"),
    ]


def test_raw_exclusion_knows_joined_sentences_and_their_parts(raw_file, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text(RAW.split("\n\nCopy")[0] + "\n", encoding="utf8")
    sentences, report = convert(raw_file, ReadOptions(raw=True), selection=Selection(exclude=[other]))
    assert [s.words[0] for s in sentences] == ["Copy"]  # the joined one, and the copy of its second part
    assert report.counts()["excluded"] == 2


@pytest.mark.parametrize(
    "options", [ReadOptions(sentences_per_doc=2), ReadOptions(raw=True, sentences_per_doc=0)]
)
def test_sentences_per_doc_needs_raw(raw_file, options):
    with pytest.raises(ValueError, match="S231"):
        convert(raw_file, options)


def test_raw_is_not_for_jsonl(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "spans": []}')
    with pytest.raises(ValueError, match="S211.*a.jsonl"):
        convert(path, ReadOptions(raw=True))
    other = tmp_path / "b.conll"
    other.write_text("APT29 B-HackOrg\n")
    with pytest.raises(ValueError, match="S211.*a.jsonl"):  # the one that it is about, not the first
        convert([other, path], ReadOptions(raw=True))
