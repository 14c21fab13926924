"""The sample corpus is well-formed, varied, split without leaks and free of real indicators."""

import ipaddress
import json
import re
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import pytest
import spacy

from spacy_ssner.layers.word_features import distinct_words, doc_sentence_starts

SAMPLE = Path(__file__).resolve().parents[1] / "assets" / "sample"
SPLITS = {"train": 0.70, "dev": 0.15, "test": 0.15}
PAIRS = list(combinations(SPLITS, 2))
STYLES = {"incident", "analysis", "advisory", "blog", "ioc"}
LABELS = frozenset(
    ["Area", "Exp", "Features", "HackOrg", "Idus", "OffAct", "Org"]
    + ["Purp", "SamFile", "SecTeam", "Time", "Tool", "Way"]
)
NETWORKS = [ipaddress.ip_network(n) for n in ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"]]
NETWORKS.append(ipaddress.ip_network("2001:db8::/32"))
RESERVED_HOST = re.compile(r"(?:^|\.)(?:example|test|invalid|example\.(?:com|net|org))$")
# Real suffixes that are not also the ending of a file name (as .sh, .pl, .py and .zip are).
REAL_SUFFIXES = set(
    "ai biz br cc ch cloud club cn co com cz de dev dk edu es eu fi fr gov il in info int io ir it jp kp kr "
    "live mil mx net nl no nz onion org pt ro ru se site su top tr tv tw ua uk us vip vn xyz".split()
)
IPV4 = re.compile(r"(?<![\w.])(?<!version )(?<!release )(?<!build )\d{1,3}(?:\.\d{1,3}){3}(?!\.?\w)")
IPV6 = re.compile(r"(?<![\w:])[0-9a-f]{1,4}(?:::?[0-9a-f]{1,4}){2,7}(?:::)?(?![\w:])", re.I)
HOST = re.compile(r"(?<![\w.-])[\w-]+(?:\.[\w-]+)+")
ADDRESSED = re.compile(r"(?:://|[\w.+-]@)([\w.-]*\w)")
CVE_YEAR = re.compile(r"\bCVE[-_ ](\d{4})\b", re.I)


def normal(text):
    return re.sub(r"[^a-z0-9]", "", text.lower())


def find_sentences(text, nlp):
    """(start, end) in characters of each sentence that holds a letter or a digit."""
    doc = nlp.make_doc(text)
    starts = doc_sentence_starts([doc], *distinct_words([doc]))
    edges = [token.idx for token, is_start in zip(doc, starts) if is_start] + [len(text)]
    return [(a, b) for a, b in zip(edges, edges[1:]) if normal(text[a:b])]


def sentence_pattern(report, start, end):
    """A sentence with its entities replaced by their types and its numbers by 0."""
    pieces, at = [], start
    for span in sorted(report["spans"], key=lambda s: s["start"]):
        if start <= span["start"] and span["end"] <= end:
            pieces += [report["text"][at : span["start"]], f" {span['label']} "]
            at = span["end"]
    plain = re.sub(r"\d+", "0", "".join(pieces) + report["text"][at:end])
    return " ".join(re.findall(r"[a-z0]+", plain.lower()))


def is_short(sentence):
    return len(sentence.split()) <= 3


def refang(text):
    return re.sub(r"[\[({]\.[\])}]|\[dot\]", ".", text).replace("hxxp", "http")


def real_addresses(text):
    """IP addresses in `text` outside the ranges for documentation."""
    found = []
    for match in [*IPV4.finditer(refang(text)), *IPV6.finditer(refang(text))]:
        try:
            address = ipaddress.ip_address(match[0])
        except ValueError:  # 999.1.1.1 or a clock time
            continue
        if not any(address in network for network in NETWORKS):
            found.append(match[0])
    return found


def real_hosts(text):
    """Host names in `text` that somebody could own."""
    text = refang(text)
    named = [host for host in HOST.findall(text) if host.lower().rpartition(".")[2] in REAL_SUFFIXES]
    addressed = [host for host in ADDRESSED.findall(text) if not re.fullmatch(r"[\d.]+", host)]
    return [host for host in named + addressed if not RESERVED_HOST.search(host.lower())]


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("en")


@pytest.fixture(scope="module")
def corpus():
    files = {split: (SAMPLE / f"{split}.jsonl").read_text(encoding="utf8") for split in SPLITS}
    return {split: [json.loads(line) for line in text.splitlines()] for split, text in files.items()}


@pytest.fixture(scope="module")
def reports(corpus):
    return [report for split in SPLITS for report in corpus[split]]


@pytest.fixture(scope="module")
def sentences(corpus, nlp):
    """The sentences of each split as text."""
    return {
        split: [r["text"][a:b].strip() for r in corpus[split] for a, b in find_sentences(r["text"], nlp)]
        for split in SPLITS
    }


@pytest.fixture(scope="module")
def unlabelled():
    return (SAMPLE / "unlabelled.txt").read_text(encoding="utf8")


@pytest.fixture(scope="module")
def mentions(reports):
    return [(r["text"][s["start"] : s["end"]], s["label"]) for r in reports for s in r["spans"]]


def test_each_line_has_the_schema(reports):
    for report in reports:
        assert set(report) == {"text", "spans", "meta"}
        assert set(report["meta"]) == {"id", "style", "title"}
        assert all(isinstance(value, str) and value.strip() for value in report["meta"].values())
        assert isinstance(report["text"], str) and report["spans"]
        for span in report["spans"]:
            assert set(span) == {"start", "end", "label"}
            assert type(span["start"]) is int and type(span["end"]) is int


def test_spans_are_inside_trimmed_and_apart(reports):
    for report in reports:
        end, where = 0, report["meta"]["id"]
        for span in sorted(report["spans"], key=lambda s: s["start"]):
            assert end <= span["start"] < span["end"] <= len(report["text"]), (where, span)
            found = report["text"][span["start"] : span["end"]]
            assert found == found.strip() and "\n" not in found, (where, found)
            assert not re.match(r"(?:the|an?|its|their|his|her)\s", found), (where, found)
            assert found[0].isalnum() and found[-1] not in ",;:", (where, found)
            end = span["end"]


def test_spans_cut_no_word(reports):
    for report in reports:
        text = f" {report['text']} "
        for span in report["spans"]:
            before, after = text[span["start"] : span["start"] + 2], text[span["end"] : span["end"] + 2]
            assert not before.isalnum() and not after.isalnum(), (report["meta"]["id"], before, after)


@pytest.mark.parametrize("split", SPLITS)
def test_every_split_has_the_13_types(corpus, split):
    assert len(LABELS) == 13
    assert {span["label"] for report in corpus[split] for span in report["spans"]} == LABELS


def test_size_and_styles(reports, sentences):
    assert len(reports) >= 60
    assert sum(map(len, sentences.values())) >= 700
    assert {report["meta"]["style"] for report in reports} == STYLES


@pytest.mark.parametrize("split,share", SPLITS.items())
def test_split_by_report(corpus, reports, split, share):
    assert abs(len(corpus[split]) - share * len(reports)) <= 1


def test_ids_and_titles_are_unique(reports):
    for key in ["id", "title"]:
        assert len({report["meta"][key] for report in reports}) == len(reports)


@pytest.mark.parametrize("one,other", PAIRS)
def test_splits_share_nothing(corpus, sentences, one, other):
    assert not {normal(r["text"]) for r in corpus[one]} & {normal(r["text"]) for r in corpus[other]}
    known = {normal(sentence) for sentence in sentences[one]}
    assert [s for s in sentences[other] if normal(s) in known and not is_short(s)] == []


def test_no_sentence_pattern_more_than_three_times(reports, nlp):
    seen = defaultdict(list)
    for report in reports:
        for start, end in find_sentences(report["text"], nlp):
            seen[sentence_pattern(report, start, end)].append(report["meta"]["id"])
    assert {pattern: ids for pattern, ids in seen.items() if len(ids) > 3} == {}


def test_mentions_are_long_and_ambiguous(mentions):
    assert sum(" " in text for text, _ in mentions) >= 0.45 * len(mentions)
    labels = defaultdict(set)
    for text, label in mentions:
        labels[text].add(label)
    assert sum(len(found) > 1 for found in labels.values()) >= 8


def test_vulnerability_ids_are_spans_of_their_own(reports, mentions):
    ids = re.findall(r"CVE-\d{4}-\d+", " ".join(report["text"] for report in reports))
    assert Counter(ids) == Counter(text for text, label in mentions if "CVE-" in text and label == "Exp")


def test_nothing_points_at_somebody_real(reports, unlabelled):
    for text in [*(report["text"] for report in reports), unlabelled]:
        assert real_addresses(text) == []
        assert real_hosts(text) == []
        assert [year for year in CVE_YEAR.findall(text) if int(year) < 2029] == []


@pytest.mark.parametrize("text", ["at 8.8.8.8.", "(10[.]0[.]0[.]1)", "2001:4860:4860::8888 port 53"])
def test_real_addresses_are_found(text):
    assert len(real_addresses(text)) == 1


def test_documentation_addresses_versions_and_times_pass():
    text = "192.0.2.7, 203.0.113[.]9, 2001:db8:5::c0de, version 1.2.3.4, 12.0.2, 05:40 UTC"
    assert real_addresses(text) == []


@pytest.mark.parametrize("text", ["see evil[.]com", "hxxps://evil[.]zip/a", "boss@corp.sh", "notexample.org"])
def test_real_hosts_are_found(text):
    assert real_hosts(text)


def test_reserved_hosts_and_file_names_pass():
    text = "a.example, b[.]test, hxxp://c[.]invalid/x, https://203.0.113.9/d, me@example.com, a.sh, x.zip"
    assert real_hosts(text) == []


def test_unlabelled_text_is_large_and_new(unlabelled, sentences, nlp):
    assert len(unlabelled.split()) >= 25_000
    found = [unlabelled[a:b].strip() for a, b in find_sentences(unlabelled, nlp)]
    counts = Counter(map(normal, found))
    assert [sentence for sentence, count in counts.items() if count > 1] == []
    held_out = {normal(sentence) for sentence in sentences["dev"] + sentences["test"]}
    assert [sentence for sentence in found if normal(sentence) in held_out] == []


def test_readme_has_the_counts_of_the_files(corpus, sentences):
    readme = (SAMPLE / "README.md").read_text(encoding="utf8")
    rows = dict(re.findall(r"^\| (\w+) \| ([\d, |]+) \|$", readme, re.M))
    found = {name: [int(n.replace(",", "")) for n in row.split(" | ")] for name, row in rows.items()}
    labels = {s: Counter(span["label"] for r in corpus[s] for span in r["spans"]) for s in SPLITS}
    expected = {label: [labels[split][label] for split in SPLITS] for label in LABELS}
    expected["Reports"] = [len(corpus[split]) for split in SPLITS]
    expected["Sentences"] = [len(sentences[split]) for split in SPLITS]
    expected["Mentions"] = [labels[split].total() for split in SPLITS]
    assert found == {name: [*row, sum(row)] for name, row in expected.items()}
