"""Reading lines and sentences of corpus files."""

import gzip
import json
import random

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin

from spacy_ssner.text.reading import read_lines, read_sentences


def read(path, **options):
    return list(read_sentences(path, **options))


def test_text_lines_and_sentences(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffAPT28 ran cmd.exe. It worked!\r\n\r\n  \nNo end\n".encode("utf8"))
    expected = [["APT28", "ran", "cmd.exe", "."], ["It", "worked", "!"], ["No", "end"]]
    assert read(tmp_path / "a.txt") == expected
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress((tmp_path / "a.txt").read_bytes()))
    assert read(tmp_path / "b.txt.gz") == expected


def test_tokens_are_those_of_spacy(tmp_path):
    text = "Don't open http://a.example/x?y=1 (see CVE-2017-0144), they've said at 10 a.m. today"
    (tmp_path / "a.txt").write_text(text)
    assert sum(read(tmp_path / "a.txt"), []) == [token.text for token in spacy.blank("en")(text)]


def test_jsonl(tmp_path):
    lines = [
        json.dumps({"text": "One two.\nThree"}),
        "",
        "{broken",
        json.dumps({"no": 1}),
        '{"text": 5}',
        "[1]",
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    with pytest.warns(UserWarning, match=r"SW254\] 4 lines .*line 3"):
        assert read(tmp_path / "a.jsonl") == [["One", "two", "."], ["Three"]]


@pytest.mark.parametrize("first", [0, 1])
def test_conll_with_numbered_tokens(first, tmp_path):
    lines = [f"{first + i}\t{word}\tX\tO\n" for i, word in enumerate(["APT28", "2", "ran"])]
    (tmp_path / "a.conll").write_text("".join(lines) + "\n1 NN O\n3 NN O\n\n1 O\n2 O\n")
    assert read(tmp_path / "a.conll") == [["APT28", "2", "ran"], ["1", "3"], ["1", "2"]]


def test_conll(tmp_path):
    (tmp_path / "a.conll").write_text(
        "-DOCSTART- O\n\n<DOCSTART>\tO\n\nAPT28\tB-X\nran\tO\n\n\n\tO\nnew york\tO\nlast O\n"
    )
    assert read(tmp_path / "a.conll") == [["APT28", "ran"], ["new york", "last"]]


def test_spacy_files(tmp_path):
    vocab = spacy.blank("en").vocab
    docs = [
        Doc(vocab, ["a", " ", "b", "c"], sent_starts=[True, False, False, True]),
        Doc(vocab, ["d", "e"]),
        Doc(vocab),
    ]
    DocBin(docs=docs).to_disk(tmp_path / "a.spacy")
    assert [s for s in read(tmp_path / "a.spacy") if s] == [["a", "b"], ["c"], ["d", "e"]]


def test_progress_adds_up_to_the_size(tmp_path):
    (tmp_path / "a.txt").write_text("some words here\n" * 5000)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress((tmp_path / "a.txt").read_bytes()))
    for name in ("a.txt", "a.txt.gz"):
        done = []
        assert len(read(tmp_path / name, on_bytes=done.append)) == 5000
        assert sum(done) == (tmp_path / name).stat().st_size


def test_lines_that_are_not_utf8(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"bar caf\xe9\nfine \xef\xbf\xbd\n")  # the second has a real U+FFFD
    with pytest.warns(UserWarning, match=r"SW253\] 1 lines"):
        assert read(tmp_path / "a.txt")[0] == ["bar", "caf", "\ufffd"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("packed", [False, True])
def test_lines_that_are_not_utf16(encoding, packed, tmp_path):
    half = "\ud83d".encode(encoding, "surrogatepass")  # of a character of which the other half is gone
    lines = ["\ufeffbar caf", " x ", "\nfine \ufffd\nend"]  # the second has a real U+FFFD
    data = half.join(line.encode(encoding) for line in lines) + b"\x20"  # and the last half a unit
    path = tmp_path / ("a.txt.gz" if packed else "a.txt")
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.warns(UserWarning, match=r"SW253\] 2 lines of .*a\.txt.* are not UTF-16"):
        parts = lines_in_parts(path, 1000)
    assert parts == ["bar caf\ufffd x \ufffd", "fine \ufffd", "end\ufffd"]


def test_utf16_that_is_read_in_full_is_no_matter_of_a_warning(tmp_path, recwarn):
    (tmp_path / "a.txt").write_bytes("bar café 😀\nfine \ufffd\n".encode("utf-16"))
    assert lines_in_parts(tmp_path / "a.txt", 1000) == ["bar café 😀", "fine \ufffd"] and not recwarn


@pytest.mark.parametrize("name", ["a.pdf", "a", "a.gz"])
def test_unknown_suffix(name, tmp_path):
    with pytest.raises(ValueError, match="S260"):
        read_sentences(tmp_path / name)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="S263"):
        read_sentences(tmp_path / "a.txt")


def test_damaged_files(tmp_path):
    (tmp_path / "a.spacy").write_bytes(b"no docs")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(random.Random(0).randbytes(5000))[:-900])
    (tmp_path / "b.txt.gz").write_bytes(b"plain text")
    for name, code in (("a.spacy", "S235"), ("a.txt.gz", "S265"), ("b.txt.gz", "S265")):
        with pytest.raises(ValueError, match=code), pytest.MonkeyPatch.context() as patch:
            patch.setattr("spacy_ssner.text.reading.warn", lambda *args, **kwargs: None)
            read(tmp_path / name)


def lines_in_parts(path, longest):
    return list(read_lines(path, lambda n_bytes: None, longest=longest))


def test_long_lines_come_in_parts(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"short\nab cd ef gh ij\n\n" + "é".encode() * 9 + b"\nlast")
    parts = ["short", "ab cd ef ", "gh ij", "", "éééé", "éééé", "é", "last"]
    assert lines_in_parts(tmp_path / "a.txt", 9) == parts


def test_long_lines_of_utf16_come_in_the_same_parts(tmp_path):
    text = "short\nab cd ef gh ij\n\n" + "é" * 9 + "\n😀 last"
    for encoding in ("utf8", "utf-16"):
        (tmp_path / f"{encoding}.txt").write_bytes(text.encode(encoding))
    expected = lines_in_parts(tmp_path / "utf8.txt", 9)
    assert expected[1:3] == ["ab cd ef ", "gh ij"]
    assert lines_in_parts(tmp_path / "utf-16.txt", 9) == expected


@given(text=st.text(alphabet="ab é€😀\n", max_size=60), longest=st.integers(4, 12))
def test_parts_of_lines_lose_nothing(text, longest, tmp_path_factory):
    path = tmp_path_factory.mktemp("parts") / "a.txt"
    path.write_bytes(text.encode("utf8"))
    parts = lines_in_parts(path, longest)
    assert all(len(part.encode("utf8")) <= longest for part in parts)
    assert "".join(parts) == text.replace("\n", "")
    longer = [line for line in text.split("\n") if len(line.encode("utf8")) >= longest]
    if not longer:
        assert parts == text.split("\n")[: None if text and text[-1] != "\n" else -1]
