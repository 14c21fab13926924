import io
import sys
import zipfile

import pytest

from spacy_ssner.corpus import dnrti
from spacy_ssner.corpus.convert import ReadOptions, Selection, convert


def has_libarchive():
    try:
        dnrti.import_libarchive()
    except ImportError:
        return False
    return True


needs_libarchive = pytest.mark.skipif(not has_libarchive(), reason="libarchive is not installed")


def make_zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


@pytest.fixture
def archive(tmp_path):
    return make_zip(
        tmp_path / "a.zip", {"data/train.txt": "x B-Tool\n\ny O\n", "data/test.txt": "y O\nz O\n"}
    )


@needs_libarchive
def test_read_member(archive):
    source = dnrti.read_member(archive, "test.txt")
    assert source.path == f"{archive}/data/test.txt" and source.data == b"y O\nz O\n"
    assert dnrti.read_member(archive, "data/test.txt") == source


@needs_libarchive
@pytest.mark.parametrize("member", [None, "valid.txt"])
def test_wrong_member(archive, member):
    with pytest.raises(ValueError, match="S226.*data/test.txt, data/train.txt"):
        dnrti.read_member(archive, member)


@needs_libarchive
def test_only_member_needs_no_name(tmp_path):
    path = make_zip(tmp_path / "b.zip", {"a.txt": "x O\n"})
    assert dnrti.read_member(path).data == b"x O\n"


@needs_libarchive
def test_convert_and_exclude_members(archive):
    sentences, report = convert(archive, ReadOptions(member="train.txt"))
    assert [s.words for s in sentences] == [("x",), ("y",)]
    kept, _ = convert(f"{archive}/train.txt", selection=Selection(exclude=[f"{archive}/test.txt"]))
    assert len(kept) == 2
    other = make_zip(archive.parent / "c.zip", {"t.txt": "Y O\n"})
    kept, report = convert(f"{archive}/train.txt", selection=Selection(exclude=[other]))
    assert [s.words for s in kept] == [("x",)] and report.counts() == {"excluded": 1}


@needs_libarchive
@pytest.mark.parametrize(
    "data", [b"Rar!\x1a\x07\x00broken", b"text", io.BytesIO().getvalue() + b"PK\x05\x06" + bytes(18)]
)
def test_broken_archive(tmp_path, data):
    path = tmp_path / "x.rar"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="S225"):
        dnrti.read_archive(path)


@pytest.mark.parametrize(
    "error", [ImportError("no module"), AttributeError("archive_read_new"), OSError("no lib")]
)
def test_without_libarchive(archive, monkeypatch, error):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "libarchive":
                raise error

    monkeypatch.delitem(sys.modules, "libarchive", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(ImportError, match="S224.*apt-get install libarchive13"):
        convert(archive)
