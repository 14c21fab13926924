"""Bytes that are text, and bytes that are none."""

import sys
from pathlib import Path

import pytest

from spacy_ssner.text.characters import check_is_text, decode_text, is_binary


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


def test_non_utf8_is_replaced_and_counted_once():
    data = "ok \ufffd ".encode() + b"caf\xe9 na\xefve"
    with pytest.warns(UserWarning, match=r"SW270.*2 places.*byte 10") as caught:
        assert decode_text(data, name="a.txt") == "ok \ufffd caf\ufffd na\ufffdve"
    assert len(caught) == 1


def test_newlines_and_utf16():
    assert decode_text(b"a\r\nb\rc\n", name="x") == "a\nb\nc\n"
    assert decode_text("héllo".encode("utf-16"), name="x") == "héllo"
