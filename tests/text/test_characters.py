"""Bytes that are text, and bytes that are none."""

import bz2
import lzma
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from spacy_ssner.text.characters import check_is_text, decode_text, is_binary
from spacy_ssner.text.records import read_records


def test_binary():
    data = Path(sys.executable).resolve().read_bytes()[:3000].decode("utf8", "replace")
    assert is_binary(data) and is_binary("\x00a")
    assert not is_binary("caf\ufffd au lait") and not is_binary("naïve\ttext") and not is_binary("")


def test_a_file_is_no_text_from_sixteen_unreadable_characters_on():
    check_is_text("\x00\u200b\u202e", "odd.txt")
    check_is_text("APT\ufffd" * 15, "a.txt")
    with pytest.raises(ValueError, match="S288.*b.docx"):
        check_is_text("APT\ufffd" * 16, "b.docx")
    check_is_text("The group APT29 used Mimikatz. \ufffd" * 100, "c.txt")  # three in a hundred


@pytest.mark.parametrize("kind", ["zip", "tar", "bz2", "xz"])
def test_what_is_packed_is_no_text(kind, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("APT29 used Mimikatz.\n" * 500)
    if kind in ("zip", "tar"):  # stored as it is: nearly all of it is text
        packed = Path(shutil.make_archive(str(tmp_path / "a"), kind, tmp_path, "a.txt"))
        if kind == "zip":
            with zipfile.ZipFile(packed, "w") as archive:
                archive.write(path, "a.txt")
        assert b"APT29" in packed.read_bytes()
    else:
        packed = tmp_path / f"a.{kind}"
        packed.write_bytes({"bz2": bz2, "xz": lzma}[kind].compress(path.read_bytes()))
    bad = []
    assert not list(read_records([str(packed)], max_length=10**6, on_bad=lambda *why: bad.append(why)))
    assert len(bad) == 1 and "S288" in bad[0][1]


def test_non_utf8_is_replaced_and_counted_once():
    data = "ok \ufffd ".encode() + b"caf\xe9 na\xefve"
    with pytest.warns(UserWarning, match=r"SW270.*2 places.*byte 10") as caught:
        assert decode_text(data, name="a.txt") == "ok \ufffd caf\ufffd na\ufffdve"
    assert len(caught) == 1


def test_newlines_and_utf16():
    assert decode_text(b"a\r\nb\rc\n", name="x") == "a\nb\nc\n"
    assert decode_text("héllo".encode("utf-16"), name="x") == "héllo"
