import bz2
import gzip
import lzma
import tarfile
import zipfile

import pytest
import spacy
from spacy.tokens import DocBin

from spacy_ssner.corpus.convert import open_source
from spacy_ssner.corpus.report import Report
from spacy_ssner.corpus.source import decode_lines, read_lines, read_source, remove_invisible


def test_plain_lines():
    assert decode_lines("a O\n\nb\u2028c O\n".encode()) == (["a O", "", "b\u2028c O", ""], [])


@pytest.mark.parametrize(
    "data,lines,kinds",
    [
        (b"\xef\xbb\xbfa O\n", ["a O", ""], ["byte-order-mark"]),
        (b"a O\r\nb O\r\n", ["a O", "b O", ""], ["line-ends"]),
        (b"a O\rb O", ["a O", "b O"], ["line-ends"]),
        ("a O\nb O".encode("utf-16"), ["a O", "b O"], ["encoding"]),
    ],
)
def test_whole_file_faults(data, lines, kinds):
    found, faults = decode_lines(data)
    assert found == lines
    assert [fault.kind for fault in faults] == kinds


def test_only_the_bad_line_is_read_in_another_encoding():
    data = "é O\n".encode() + b"caf\xe9 \x93x\x94 O\n" + b"\x81 O\n"
    lines, faults = decode_lines(data)
    assert lines == ["é O", "café “x” O", "\x81 O", ""]
    assert [tuple(fault) for fault in faults] == [(2, "encoding"), (3, "encoding")]


def test_read_lines_reports_and_strict_raises(tmp_path):
    path = tmp_path / "bad.txt"
    path.write_bytes(b"a O\nb\xe9 O\n")
    report = Report()
    read_lines(read_source(path), report)
    assert [tuple(r) for r in report.repairs] == [("encoding", str(path), 2, "bé O")]
    with pytest.raises(ValueError, match=r"S221.*bad\.txt:2"):
        read_lines(read_source(path), Report(strict=True))


def test_harmless_faults_do_not_stop_strict(tmp_path):
    path = tmp_path / "windows.txt"
    path.write_bytes(b"\xef\xbb\xbfa O\r\n")
    report = Report(strict=True)
    assert read_lines(read_source(path), report) == ["a O", ""]
    assert report.counts() == {"byte-order-mark": 1, "line-ends": 1}


def test_remove_invisible():
    assert remove_invisible("\u200dEset\u200d\x08\ufeff \x07\tB-X\x00") == "Eset \tB-X"
    assert remove_invisible("cve\xad2014") == "cve\xad2014"


@pytest.mark.parametrize("content", [b"", b"\n \r\n"])
def test_empty_file(tmp_path, content):
    path = tmp_path / "empty.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="S220"):
        read_source(path)


def test_no_file(tmp_path):
    with pytest.raises(ValueError, match="S227.*nothing there"):
        read_source(tmp_path / "none.txt")
    with pytest.raises(ValueError, match="S227.*a folder"):
        read_source(tmp_path)


def test_packed_files_are_told_before_their_bytes_are_read_as_lines(tmp_path):
    DocBin(docs=[spacy.blank("en")("APT29 B-HackOrg")]).to_disk(tmp_path / "a.spacy")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"APT29 B-HackOrg\n"))
    for name in ("a.spacy", "a.txt.gz"):
        with pytest.raises(ValueError, match=rf"S220.*{name}.*compressed"):
            open_source(tmp_path / name)


def test_archives_and_compressed_files_are_those_that_are_no_text(tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("APT29 B-HackOrg\n")
    with tarfile.open(tmp_path / "b.tar", "w") as tar:  # as it is: its lines would be read
        tar.add(text, "a.txt")
    with zipfile.ZipFile(tmp_path / "c.docx", "w") as archive:
        archive.write(text, "a.txt")
    (tmp_path / "d.bz2").write_bytes(bz2.compress(text.read_bytes()))
    (tmp_path / "e.xz").write_bytes(lzma.compress(text.read_bytes()))
    (tmp_path / "f.zst").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(40))
    (tmp_path / "g.7zip").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(40))
    for name in ("b.tar", "c.docx", "d.bz2", "e.xz", "f.zst", "g.7zip"):
        with pytest.raises(ValueError, match=rf"S220.*{name}.*archive"):
            open_source(tmp_path / name)
    for data in (b"xenon O\n", "x\u00e9non O\n".encode("latin-1"), b"PK O\n", b"BZh O\n"):
        text.write_bytes(data)
        assert open_source(text).data == data
