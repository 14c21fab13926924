"""Reading many documents: nothing is lost without a name, and the text is that of the file."""

import gzip
import io

import pytest

from spacy_ssner.text.json_lines import parse_text
from spacy_ssner.text.records import find_inputs, read_records

TEXT = "APT29 used Mimikatz.\r\nThe end."
SENTENCE = "The group APT28 used Mimikatz and Emotet against a bank in Kyiv last year."
PAGE = f"""<html><head><title>Report</title></head><body><nav><a href="/">Home</a></nav><article>
<h1>Report on a group</h1><p>{SENTENCE}</p><p>{SENTENCE} Again.</p></article></body></html>"""


@pytest.fixture
def folder(tmp_path):
    """Files of all kinds, good and bad."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / ".hidden").mkdir()
    files = {
        "a.txt": TEXT.encode(),
        "b.txt.gz": gzip.compress("Lazarus — ‘x’".encode()),
        "bom.txt": "\ufeffAPT29".encode("utf-8"),
        "notes.md": b"# APT29\n",
        "syslog.log.gz": gzip.compress(b"sshd: Accepted"),
        "c.jsonl": b"""{"text": "one", "id": 7, "other": 1}

not json
{"no": "text"}
{"text": 5}
[1]
{"text": "two"}
""",
        "deep/d.TXT": "naïve".encode("utf-16"),
        "e.pdf": b"%PDF",
        "e.docx": b"PK\x03\x04" + bytes(range(256)),
        ".hidden/x.bin": b"\x00",
        "page.html": PAGE.encode(),
        "office.txt": b"PK\x03\x04" + bytes(range(256)),
        "f.txt.gz": gzip.compress(b"cut off " * 1000)[:-9],
        "g.txt": b"The group APT\xff29 was seen \xc3",
        "h.jsonl.gz": gzip.compress(b'{"text": "lone \\ud800 half"}\n'),
        "i.txt.gz": b"not gzip",
        "long.txt": b"x" * 501,
        "nested.jsonl": b'{"text": ' + b"[" * 100_000,
    }
    for name, data in files.items():
        (tmp_path / "in" / name).write_bytes(data)
    return tmp_path / "in"


def read(names, tmp_path, **options):
    bad = []
    found = find_inputs(
        list(map(str, names)), output=tmp_path / "out.jsonl", on_bad=lambda *why: bad.append(why)
    )
    records = list(read_records(found, max_length=500, on_bad=lambda *why: bad.append(why), **options))
    return records, bad


def test_files_of_a_folder(folder, tmp_path):
    pytest.importorskip("trafilatura")
    pytest.importorskip("pypdf")
    records, bad = read([folder], tmp_path)
    texts = {record.name.removeprefix(f"{folder}/"): record.text for record in records}
    assert texts == {
        "a.txt": TEXT,  # line ends stay
        "b.txt.gz": "Lazarus — ‘x’",
        "bom.txt": "APT29",
        "c.jsonl:1": "one",
        "c.jsonl:7": "two",
        "deep/d.TXT": "naïve",
        "g.txt": "The group APT\ufffd29 was seen \ufffd",
        "notes.md": "# APT29\n",
        "syslog.log.gz": "sshd: Accepted",
        "h.jsonl.gz:1": "lone \ufffd half",
        "page.html": f"Home\n\nReport on a group\n\n{SENTENCE}\n\n{SENTENCE} Again.",
    }
    reasons = {name.removeprefix(f"{folder}/"): reason for name, reason in bad}
    assert list(reasons) == ["e.docx", "c.jsonl:3", "c.jsonl:4", "c.jsonl:5", "c.jsonl:6", "e.pdf", "f.txt.gz",
                             "i.txt.gz", "long.txt", "nested.jsonl:1", "office.txt"]  # fmt: skip
    assert "S278" in reasons["long.txt"] and "a string in 'text'" in reasons["c.jsonl:5"]
    assert "S216" in reasons["e.docx"] and "S288" in reasons["office.txt"] and "S246" in reasons["e.pdf"]
    assert "'text'" in reasons["c.jsonl:4"] and "KeyError" not in reasons["c.jsonl:4"]
    assert next(record for record in records if record.line == 1).fields == {"id": 7}


def test_each_file_once_and_never_the_output(folder, tmp_path, monkeypatch):
    (tmp_path / "in" / "out.jsonl").write_text("{}")
    output = tmp_path / "in" / "out.jsonl"
    found = find_inputs([str(folder), str(folder / "a.txt"), str(folder)], output=output, on_bad=print)
    assert len(found) == len(set(found)) == 16 and str(output) not in found
    monkeypatch.chdir(tmp_path)
    assert find_inputs(["in", "./in/a.txt"], output=output, on_bad=print).count("in/a.txt") == 1
    with pytest.raises(ValueError, match="S213"):
        find_inputs([str(output)], output=output, on_bad=print)


def test_a_file_that_is_named_is_not_left_out(folder, tmp_path):
    bad = []
    names = [str(folder), str(folder / "e.docx"), str(folder)]
    find_inputs(names, output=tmp_path / "out.jsonl", on_bad=lambda *why: bad.append(why))
    assert bad == []
    find_inputs(
        [str(folder), str(folder)], output=tmp_path / "out.jsonl", on_bad=lambda *why: bad.append(why)
    )
    assert [name for name, _ in bad] == [str(folder / "e.docx")]


def test_inputs_that_are_not_there(tmp_path):
    with pytest.raises(ValueError, match="S280.*nowhere"):
        find_inputs([str(tmp_path / "nowhere.txt")], output=tmp_path / "out.jsonl", on_bad=print)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="S214.*empty"):
        find_inputs([str(tmp_path / "empty")], output=tmp_path / "out.jsonl", on_bad=print)


@pytest.mark.parametrize("name", ["a.json", "A.JSON.GZ"])
def test_json_is_not_read_as_plain_text(tmp_path, name):
    """Neither named nor in a folder: brackets, keys and escapes would be annotated."""
    (tmp_path / name).write_bytes(b'[{"text": "APT29 used Mimikatz."}]')
    (tmp_path / "b.txt").write_text("APT29")
    for place in (tmp_path, tmp_path / name):
        records, bad = read([place], tmp_path)
        assert [record.text for record in records] == ["APT29"] * (place == tmp_path)
        ((where, reason),) = bad
        assert where == str(tmp_path / name) and "S219" in reason and ".jsonl" in reason


def test_a_file_far_too_long_is_not_read_as_a_whole(tmp_path, monkeypatch):
    path = tmp_path / "huge.txt.gz"
    path.write_bytes(gzip.compress(b"a" * 5_000_000))
    records, bad = read([path], tmp_path)
    assert not records and "more than 500" in bad[0][1]


def test_linked_folders_and_what_cannot_be_read(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.txt").write_text("linked")
    (tmp_path / "in" / "deep" / "linked").symlink_to(tmp_path / "other")
    (tmp_path / "in" / "deep" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "broken.txt").symlink_to(tmp_path / "nowhere")
    records, bad = read([tmp_path / "in"], tmp_path)
    assert [record.text for record in records] == ["linked"]
    assert [name for name, _ in bad] == [str(tmp_path / "in" / "broken.txt")]


def test_a_page_on_standard_input(tmp_path, monkeypatch):
    pytest.importorskip("inscriptis")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(PAGE.encode())))
    records, bad = read(["-"], tmp_path)
    assert not bad and SENTENCE in records[0].text and "<p>" not in records[0].text
    page = PAGE.replace(
        "<p>", f"<!--{'-' * 5000}--><p>"
    )  # longer than what a text of 500 characters may have
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(page.encode())))
    records, bad = read(["-"], tmp_path)
    assert not bad and f"{SENTENCE} Again." in records[0].text


def test_a_line_without_end_on_standard_input_is_never_held_whole(tmp_path, monkeypatch):
    held = []
    monkeypatch.setattr("spacy_ssner.text.records.LONGEST_RECORD", 64)
    monkeypatch.setattr(
        "spacy_ssner.text.records.parse_text", lambda line: held.append(line) or parse_text(line)
    )
    lines = b'{"text": "' + b"a" * 1000 + b'"}\n{"text": "APT29"}\n'
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines)))
    records, bad = read(["-"], tmp_path, stdin_lines=True)
    assert [record.text for record in records] == ["APT29"] and len(bad) > 1
    assert max(map(len, held)) <= 64


def test_an_empty_name_is_not_the_whole_folder(tmp_path):
    with pytest.raises(ValueError, match="S280.*empty"):
        find_inputs([""], output=tmp_path / "out.jsonl", on_bad=print)


def test_names_and_links_of_one_file_are_one(tmp_path):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "sub" / "b.txt").write_text("b")
    (tmp_path / "in" / "a-link").symlink_to(tmp_path / "in" / "sub")
    (tmp_path / "in" / "._b.txt").write_text("of macOS")
    names = [tmp_path / "in", tmp_path / "in" / "sub" / ".." / "sub" / "b.txt"]
    records, bad = read(names, tmp_path)
    assert [record.name for record in records] == [str(tmp_path / "in" / "sub" / "b.txt")] and not bad
    records, _ = read([tmp_path / "in" / "._b.txt"], tmp_path)
    assert [record.text for record in records] == ["of macOS"]  # named, so wanted


def test_compressed_records_in_capitals_and_numbers_that_are_no_json(tmp_path):
    (tmp_path / "B.JSONL.GZ").write_bytes(gzip.compress(b'{"text": "one", "meta": {"x": NaN, "y": 1}}\n'))
    (record,), bad = read([tmp_path / "B.JSONL.GZ"], tmp_path)
    assert (record.text, record.fields, bad) == ("one", {"meta": {"x": None, "y": 1}}, [])
