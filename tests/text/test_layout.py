"""Line breaks of reports: which begin a sentence, on snippets as analysts paste them and on wrapped prose."""

import itertools
import re
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import spacy
import srsly
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.layers.word_features import distinct_words, doc_sentence_starts
from spacy_ssner.text.tokenizer import make_cti_tokenizer

SAMPLE = Path(__file__).parents[2] / "assets" / "sample" / "train.jsonl"
# Each sentence, as the rules should see it, stands behind a ¶; what comes before it (line breaks) is part of the text.
SNIPPETS = {
    "one indicator a line": """\
¶Indicators of Compromise
¶203.0.113.7
¶203.0.113.8
¶evil[.]example
¶hxxps://cdn[.]evil[.]example/update/index.php?id=99""",
    "hashes with their files": """\
¶SHA-256 hashes of the samples
¶9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
¶60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752
¶fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13
¶The first one is signed.""",
    "hash and name in columns": """\
¶9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08  invoice.xlsm
¶60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752  loader.dll
¶fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13  readme.hta""",
    "keys and values": """\
¶File name: invoice_0423.xlsm
¶MD5: d41d8cd98f00b204e9800998ecf8427e
¶SHA-256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
¶Size: 412 KB
¶Description: dropper of the loader""",
    "heading and paragraph": """\
¶Executive Summary
¶In March the group sent more than two hundred messages to logistics firms in Northern
Europe, each with a macro document that started PowerShell and a picture. ¶The
payload was Sablefish.""",
    "heading in front of short lines": """\
¶Targeted Sectors
¶Energy
¶Telecommunications
¶Public administration
¶Oil and gas""",
    "list of names": """\
¶mimikatz
¶psexec
¶cobalt strike
¶lateral movement over smb""",
    "bullets": """\
¶The loader does this:
¶• creates a scheduled task that looks like a part of Windows and is named
  OneDrive Update
¶• contacts 203.0.113.7
¶- waits""",
    "numbers": """\
¶1. Install release 9.4.2 of the gateway on each appliance that can be reached from the public
   internet, whatever the manual says
¶2. Rotate the keys
¶3. Look for outbound connections to the hosts below, and keep the logs of at least ninety
   days""",
    "numbers in brackets": """\
¶(a) restart the broker after the update has been applied to all nodes of the cluster you use
¶(b) revoke refresh tokens as well as passwords of everyone who signed in during that period
¶(c) search the logs""",
    "table with pipes": """\
¶| Type | Indicator | Note |
¶|------|-----------|------|
¶| IPv4 | 203.0.113.7 | relay of the group, active until the beginning of March 2032 |
¶| Domain | evil[.]example | negotiation |""",
    "table with tabs": """\
¶Technique\tID\tUse
¶Scheduled Task\tT1053.005\tSablefish creates a task that starts it each hour, as system
¶Process Injection\tT1055\tinto explorer.exe""",
    "table with columns": """\
¶Name            First seen     Origin
¶Sablefish       2031-02-07     loader sold by a broker on a forum that is closed by now
¶Lanternjaw      2031-03-11     keylogger""",
    "log": """\
¶2031-02-07 18:20:11,123 INFO  service desk opened ticket 4711 for user network planner in Nairobi
¶2031-02-07 18:26:40,007 WARN  authenticator enrolled from 203.0.113.41 by service desk account
¶2031-02-07 18:27:02,552 INFO  session started""",
    "web log": """\
¶203.0.113.7 - - [07/Feb/2031:18:20:11 +0000] "GET /a.php HTTP/1.1" 200 512
¶203.0.113.8 - - [07/Feb/2031:18:20:15 +0000] "POST /b.php HTTP/1.1" 404 98""",
    "shell": """\
¶The operators then ran
¶$ whoami /all
¶$ net group "Domain Admins" /domain
¶and left.""",
    "code": """\
¶def decode(data):
¶    key = 0x41
¶    return bytes(b ^ key for b in data)

¶print(decode(blob))""",
    "curly code": """\
¶rule Sablefish {
¶  strings:
¶    $a = "sable" ascii wide
¶    $b = { 6A 40 68 00 30 00 00 }
¶  condition:
¶    all of them
¶}""",
    "markdown": """\
¶# Ashen Lynx
¶The group is active since 2029.
¶## Tools
¶* **Sablefish**
¶* Lanternjaw""",
    "wrapped address": """\
¶The macro of the document downloads the second stage of the implant from
hxxp://cdn[.]evil-updates[.]example/very/long/path/to/the/second/stage/index.php?id=99999
using BITS. ¶Then it restarts.""",
    "abbreviations": """\
¶See Fig. 3 and Mr. Smith's notes, approx. 40 pages, by Orlov et al. 2031 (cf. Sec. 2, No. 5). ¶They differ.""",
    "detection names": """\
¶It is detected as Trojan.Sablefish.B and Win64.Hush.Gen by most. ¶Others miss it.""",
    "citations": """\
¶The group rents servers.[12] ¶It pays in coins.[3][4] ¶Nobody knows why.""",
    "double blanks behind full stops": """\
¶The group rents servers in three countries and pays in coins.  ¶It does not reuse any of
them for more than a week.  ¶Nobody knows why the domain names are always registered on
Mondays.""",
    "form feed": "¶The end of a page has no full stop\x0c¶Chapter 2\x0c¶Something begins here.",
    "windows line ends": "¶Hosts\r\n¶203.0.113.7\r\n¶203.0.113.8\r\n\r\n¶The end.",
    "e-mail header": """\
¶From: dealer-hr@payroll-desk[.]example
¶To: j.doe@tivoli.example
¶Subject: Your salary in April
¶Date: Mon, 7 Jun 2032 18:20:11 +0000

¶Dear colleague,
open the attached form.""",
}
TOKENIZERS = {"english": None, "cti": make_cti_tokenizer}


def make_tokenizer(kind):
    nlp = spacy.blank("en")
    if TOKENIZERS[kind] is not None:
        nlp.tokenizer = TOKENIZERS[kind]()(nlp)
    return nlp.make_doc


@pytest.fixture(scope="module", params=TOKENIZERS)
def make_doc(request):
    return make_tokenizer(request.param)


def start_offsets(*docs):
    """Where sentences begin, in characters of each doc."""
    words, word_index = distinct_words(docs)
    starts = np.split(doc_sentence_starts(docs, words, word_index), np.cumsum([len(doc) for doc in docs]))
    return [[doc[i].idx for i in np.flatnonzero(own).tolist()] for doc, own in zip(docs, starts)]


@pytest.mark.parametrize("name", SNIPPETS)
def test_snippets(name, make_doc):
    parts = SNIPPETS[name].split("¶")
    text = "".join(parts)
    expected = np.cumsum([len(part) for part in parts])[:-1].tolist()
    (found,) = start_offsets(make_doc(text))
    # the first sentence takes white space before it; others begin behind it
    assert [text[i : i + 40] for i in found] == [
        text[re.compile(r"\S").search(text, i).start() :][:40] for i in expected
    ]


PROSE = [
    "According to the forensic report by Halden Research, the heist was prepared over five months by Copper Vesper. "
    "The thieves compromised a tax portal that bank employees visit every quarter, a textbook watering hole attack. "
    "Visitors from the bank's address range were served an out-of-bounds write exploit for CVE-2032-11873; everyone "
    "else saw the normal page. After that, Lanternjaw gathered passwords, and a custom proxy named Usher relays "
    "payment messages through the victim's own gateway.",
    "On 10 February they ran TenantHound against the whole directory, exported 41,000 subscriber records with rclone "
    "to hxxps://drop[.]polder-files[.]example/u/2031/vip_targets_final.xlsx and to 203.0.113.7:8443 (SHA-256 "
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08), and then waited. Microsoft Windows Server "
    r"2019 wrote HKLM\Software\Microsoft\Windows\CurrentVersion\Run\Updater to the registry. Had nobody looked, the "
    "next step of the operation would have been to swap the SIM cards of wealthy customers in Kenya and Tanzania.",
]


@pytest.mark.parametrize("width", [50, 60, 66, 72, 76, 80, 90, 100, 120])
@pytest.mark.parametrize("indent", ["", "    "])
@pytest.mark.parametrize("text", PROSE, ids=["report", "indicators"])
def test_wrapped_prose_is_not_cut(text, width, indent, make_doc):
    """The same words begin sentences, however wide the paragraph is."""
    wrapped = textwrap.fill(
        text,
        width,
        break_long_words=False,
        break_on_hyphens=False,
        initial_indent=indent,
        subsequent_indent=indent,
    )
    docs = make_doc(text), make_doc(wrapped)
    starts = start_offsets(*docs)
    n_before = [[len(doc.text[:i].split()) for i in own] for doc, own in zip(docs, starts)]
    assert n_before[0] == n_before[1]


def test_wrapped_reports_of_the_sample_are_not_cut(make_doc):
    """All paragraphs but lists: what begins no sentence in one long line does not when wrapped either."""
    n_paragraphs = 0
    for record in itertools.islice(srsly.read_jsonl(SAMPLE), 20):
        for text in record["text"].split("\n\n"):
            if "\n" in text or len(text) < 160:
                continue
            n_paragraphs += 1
            wrapped = textwrap.fill(text, 78, break_long_words=False, break_on_hyphens=False)
            docs = make_doc(" ".join(text.split())), make_doc(wrapped)
            starts = start_offsets(*docs)
            n_before = [[len(doc.text[:i].split()) for i in own] for doc, own in zip(docs, starts)]
            assert n_before[0] == n_before[1], wrapped
    assert n_paragraphs > 50


def test_no_gold_entity_of_the_sample_is_cut(make_doc):
    for path in sorted(SAMPLE.parent.glob("*.jsonl")):
        for record in srsly.read_jsonl(path):
            doc = make_doc(record["text"])
            starts = set(start_offsets(doc)[0])
            for span in record["spans"]:
                assert starts.isdisjoint(range(span["start"] + 1, span["end"])), record["text"][
                    span["start"] : span["end"]
                ]


def test_lists_and_prose_of_a_report_do_not_disturb_each_other(make_doc):
    """Paragraphs are judged one by one: each has the same sentences alone and in the report."""
    paragraphs = ["".join(text.split("¶")) for text in SNIPPETS.values()]
    paragraphs = [text for text in paragraphs if "\n\n" not in text and "\r" not in text]
    together = make_doc("\n\n".join(paragraphs))
    expected, offset = [], 0
    for text in paragraphs:
        expected += [i + offset for i in start_offsets(make_doc(text))[0]]
        offset += len(text) + 2
    assert start_offsets(together)[0] == expected


def test_texts_do_not_change_each_other(make_doc):
    texts = [text.replace("¶", "") for text in SNIPPETS.values()]
    texts = [
        "",
        texts[0],
        "",
        " ",
        ") b",
        "A .",
        ") B",
        "\n\n",
        "\n\n A b",
        *texts,
        "1",
        ". A b",
        "No",
        ". 5",
        "",
    ]
    docs = [make_doc(text) for text in texts]
    assert start_offsets(*docs) == [start_offsets(doc)[0] for doc in docs]


def test_own_boundaries_win(make_doc):
    doc = make_doc("203.0.113.7\n203.0.113.8\nOne. Two.")
    for token in doc:
        token.is_sent_start = token.i == 2
    assert start_offsets(doc, make_doc("a\n\nb")) == [[0, doc[2].idx], [0, 3]]


PIECES = ["word", "Word", "10.0.0.1", "f" * 64, ".", ",", ":", "|", "\t", "  ", "    ", "\n", "\r\n", "- ", "1. ",
          "(a) ", "{", "}", "=", "#", "$ ", "x", " ", " ", " ", "-----"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_any_text(make_doc, text):
    """Starts are words, the first token is one, and lines behind an empty line do not change those before it."""
    doc = make_doc(text)
    (found,) = start_offsets(doc)
    assert found[:1] == [0] * bool(len(doc))
    assert not any(text[i].isspace() for i in found[1:])
    (more,) = start_offsets(make_doc(text + "\n\n" + "Tail 10.0.0.1"))
    if not text[-1:].isspace() and text:
        assert [i for i in more if i < len(text)] == found


def test_time_is_linear_in_the_lines():
    """A dump of 20,000 lines in one paragraph."""
    make_doc = make_tokenizer("english")
    lines = ["10.0.0.1 - - GET /a", "Some heading here", "md5: " + "f" * 32, "a word or two"]
    times = []
    for n in (500, 5000):
        doc = make_doc("\n".join(lines * n))
        words, word_index = distinct_words([doc])
        start = time.process_time()
        starts = doc_sentence_starts([doc], words, word_index)
        times.append(time.process_time() - start)
        assert starts.sum() == 4 * n
    assert times[1] < 1 and times[1] < 30 * times[0] + 0.1
