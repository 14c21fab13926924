"""Names from the formats of knowledge bases; every record is read or counted."""

import gzip
import json
import os
from pathlib import Path

import pytest

from spacy_ssner.lexicon.lexicon import Lexicon, Name
from spacy_ssner.lexicon.sources import MISP_FILES, MISP_TYPES, Record, read_source

MISP = {
    "type": "mitre-malware",
    "values": [
        {"value": "Emotet - S0367", "meta": {"synonyms": ["Geodo", "Emotet - S0367", 7]}},
        {"value": "Turla"},
        {"value": "Odd", "meta": None},
        {"value": "Text", "meta": {"synonyms": "no list"}},
        {"value": 5},
        {},
        "no object",
    ],
}
STIX = {
    "type": "bundle",
    "objects": [
        {"type": "intrusion-set", "name": "APT29", "aliases": ["APT29", "Cozy Bear"]},
        {"type": "malware", "name": "Emotet", "x_mitre_aliases": ["Emotet", "Geodo", None]},
        {"type": "tool", "name": "netstat"},
        {"type": "attack-pattern", "name": "Phishing", "revoked": True},
        {"type": "threat-actor", "name": "Someone"},
        {"type": "malware"},
        {"type": "relationship", "source_ref": "a"},
        {"type": "relationship", "source_ref": "b"},
        {"type": ["malware"], "name": "Odd"},
        "no object",
    ],
}


def write(path, content):
    data = content if isinstance(content, bytes) else json.dumps(content).encode("utf8")
    path.write_bytes(gzip.compress(data) if path.name.lower().endswith(".gz") else data)
    return path


def pairs(source):
    return [(record.text, record.category) for record in source.records]


@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "A.JSON", "A.JSON.GZ"])
def test_misp(tmp_path, name):
    source = read_source(write(tmp_path / name, MISP))
    texts = ["Emotet - S0367", "Geodo", "Turla", "Odd", "Text"]
    assert pairs(source) == [(text, "malware") for text in texts] and source.kind == "MISP mitre-malware"
    assert source.skipped == {"synonym is no text": 1, "no value": 3}
    assert not any(record.proper for record in source.records)


def test_misp_software_says_which_records_are_tools(tmp_path):
    values = [
        {"value": "Ping", "meta": {"type": ["tool"]}},
        {"value": "Torisma", "meta": {"type": ["malware"]}},
    ]
    source = read_source(write(tmp_path / "a.json", {"type": "software", "values": values}))
    assert pairs(source) == [("Ping", "tool"), ("Torisma", "malware")]
    assert all(record.proper for record in source.records)


@pytest.mark.parametrize("content", [{"type": "my-list", "values": []}, {"values": []}])
def test_misp_of_an_unknown_type_is_a_category_of_its_own(tmp_path, content):
    content = {**content, "values": [{"value": "Thing"}]}
    assert pairs(read_source(write(tmp_path / "my-list.json", content))) == [("Thing", "my-list")]


def test_stix(tmp_path):
    source = read_source(write(tmp_path / "a.json", STIX))
    assert pairs(source) == [
        ("APT29", "actor"),
        ("Cozy Bear", "actor"),
        ("Emotet", "malware"),
        ("Geodo", "malware"),
        ("netstat", "tool"),
        ("Phishing", "technique"),
        ("Someone", "actor"),
    ]
    assert source.skipped == {
        "synonym is no text": 1, "no name": 1, "type relationship": 2, "type None": 1,
        "type ['malware']": 1,
    }  # fmt: skip


@pytest.mark.parametrize("header", ["", "name,category\n"])
def test_csv(tmp_path, header):
    text = f'\ufeff{header}NewBot,malware\n\n"Acme, Inc.", vendor\nonly one\n,actor\na,b,c\n'
    source = read_source(write(tmp_path / "a.csv", text.encode("utf8")))
    assert pairs(source) == [("NewBot", "malware"), ("Acme, Inc.", "vendor")]
    assert source.skipped == {"not name,category": 3}


def test_jsonl(tmp_path):
    lines = [
        '{"name": " NewBot ", "category": "malware", "more": 1}', "", "{", '{"name": "x"}',
        '{"name": 1, "category": "a"}', '{"name": " ", "category": "a"}', "[1]", "7",
        '{"name": "a\\u2028b", "category": "actor"}',
    ]  # fmt: skip
    source = read_source(write(tmp_path / "a.jsonl.gz", "\n".join(lines).encode("utf8")))
    assert pairs(source) == [("NewBot", "malware"), ("a\u2028b", "actor")]
    assert source.skipped == {"no object with name and category": 6}


def test_saved_lexicon(tmp_path):
    Lexicon([Name("Page", "malware", True), Name("Emotet", "malware")]).to_disk(tmp_path / "names.lex")
    source = read_source(tmp_path / "names.lex")
    assert source.records == [Record("Emotet", "malware", False), Record("Page", "malware", True)]


def test_category_of_a_whole_file(tmp_path):
    source = read_source(write(tmp_path / "a.json", STIX), category="mine")
    assert {record.category for record in source.records} == {"mine"}


@pytest.mark.parametrize(
    "name,content",
    [
        ("a.json", b"{"),
        ("a.json", b"[]"),
        ("a.json", b'{"values": 3}'),
        ("a.json", b"\xff\xfe\x00"),
        ("a.csv", b"\xff"),
        ("a.csv", b'APT28,actor\n"Winnti,actor\nEmotet,malware\n'),  # a quote that is never closed
        ("a.csv", b"x" * 200_000),  # longer than a field may be
        ("a.jsonl", b"\xff"),
        ("names.lex", b"nonsense"),
        ("a.txt", b"Emotet"),
    ],
)
def test_what_cannot_be_read(tmp_path, name, content):
    with pytest.raises(ValueError, match=r"S268.*" + name):
        read_source(write(tmp_path / name, content))


def test_damaged_gzip(tmp_path):
    path = write(tmp_path / "a.json.gz", MISP)
    for data in (b"no gzip", path.read_bytes()[:-9]):
        path.write_bytes(data)
        with pytest.raises(ValueError, match="S268"):
            read_source(path)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="S263"):
        read_source(tmp_path / "none.csv")


# The real files

GALAXY = Path(os.environ.get("SSNER_DATA", "none")) / "knowledge" / "misp-galaxy"
with_data = pytest.mark.skipif(not GALAXY.is_dir(), reason="needs SSNER_DATA")


@with_data
def test_every_file_of_misp_galaxy_is_read_whole():
    kinds, records = set(), []
    for path in sorted(GALAXY.glob("*.json.gz")):
        source = read_source(path)
        kinds.add(source.kind.removeprefix("MISP "))
        records += source.records
        content = json.loads(gzip.decompress(path.read_bytes()))
        assert {r.text for r in source.records} >= {value["value"] for value in content["values"]}
        assert not source.skipped
    assert kinds == set(MISP_TYPES) and len(records) == 20_297
    assert {r.category for r in records} == set(MISP_TYPES.values())
    assert {path.name.split(".")[0] for path in GALAXY.glob("*.json.gz")} == MISP_FILES


@with_data
def test_names_of_misp_galaxy_in_a_report():
    from spacy_ssner.lexicon.build import build_lexicon

    records = [record for path in GALAXY.glob("*.json.gz") for record in read_source(path).records]
    lexicon, _ = build_lexicon(records)
    tokens = (
        "APT-28 ( Fancy Bear ) used X-Agent , the tool will open a page in Ukraine and play magic .".split()
    )
    found = {(" ".join(tokens[start:end]), category) for start, end, category in lexicon.find(tokens)}
    assert {("APT-28", "actor"), ("Fancy Bear", "actor"), ("X-Agent", "malware")} <= found
    assert not {"tool", "will", "page", "play", "magic"} & {text for text, _ in found}
