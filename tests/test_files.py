import errno
import hashlib
import os
import subprocess
import sys
from threading import Thread

import pytest

from spacy_ssner.files import (
    checksum,
    draft_files,
    draft_folder,
    make_folder,
    open_draft,
    told_if_full,
    write_text,
)


def test_checksum_of_a_file(tmp_path):
    data = bytes(range(256)) * 10_000  # more than one block
    (tmp_path / "a").write_bytes(data)
    assert checksum(tmp_path / "a") == hashlib.sha256(data).hexdigest()
    with pytest.raises(OSError):
        checksum(tmp_path / "none")


def test_checksum_of_a_folder_depends_on_names_and_contents_only(tmp_path):
    sums = []
    for name, files in (
        ("one", {"a": b"1", "sub/b": b"2"}),
        ("two", {"sub/b": b"2", "a": b"1"}),
        ("three", {"a": b"2", "sub/b": b"1"}),
        ("four", {"a": b"1", "sub/c": b"2"}),
    ):
        for path, data in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_bytes(data)
        sums.append(checksum(tmp_path / name))
    assert sums[0] == sums[1] and len(set(sums)) == 3


def test_a_draft_takes_its_place_only_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "out.txt"
    with pytest.raises(RuntimeError), open_draft(path) as file:
        file.write("half")
        raise RuntimeError
    assert list(path.parent.iterdir()) == []
    with open_draft(path) as file:
        file.write("ä\n")
        assert not path.exists()
    assert path.read_bytes() == "ä\n".encode() and len(list(path.parent.iterdir())) == 1


def test_a_file_in_the_place_of_a_folder(tmp_path):
    write_text(tmp_path / "file", "kept")
    for path in (tmp_path / "file" / "out.txt", tmp_path / "file" / "deep" / "out.txt"):
        with pytest.raises(NotADirectoryError, match="S289.*file' is a file"):
            write_text(path, "new")
    for write in draft_files, draft_folder:
        with pytest.raises(NotADirectoryError, match="S289.*make the folder '[^']*(file|/out)'"):
            with write(tmp_path / "file" / "out"):
                pass
    make_folder(tmp_path)  # there already
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir() and (tmp_path / "file").read_text() == "kept"


def test_what_is_no_file_is_written_to(tmp_path):
    pipe, link, target = tmp_path / "pipe", tmp_path / "link", tmp_path / "target"
    os.mkfifo(pipe)
    got = []
    reader = Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    write_text(pipe, "through")
    reader.join(60)
    assert got == ["through"] and not pipe.is_file()
    target.write_text("old")
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink() and target.read_text() == "new"


def test_what_is_no_file_is_written_to_in_a_pipe():
    """/dev/stdout is a link to a pipe without a name."""
    code = "from spacy_ssner.files import write_text; write_text('/dev/stdout', 'to the pipe')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "to the pipe"), result.stderr


def test_names_that_are_no_utf8(tmp_path):
    """os.fsdecode gives them so; they stand in reports and figures."""
    name = "caf\udce9.txt"
    write_text(tmp_path / "report.json", name)
    assert (tmp_path / "report.json").read_text(encoding="utf8") == "caf\ufffd.txt"
    (tmp_path / "folder").mkdir()
    try:
        (tmp_path / "folder" / name).touch()
    except OSError:
        pytest.skip("the file system has no such names")
    assert checksum(tmp_path / "folder") == checksum(tmp_path / "folder")


FULL = os.strerror(errno.ENOSPC)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, FULL),
        Exception(f"{FULL} (os error {errno.ENOSPC})"),  # tokenizers
        ValueError(f"Error while serializing: I/O error: {FULL} (os error {errno.ENOSPC})"),  # safetensors
    ],
    ids=repr,
)
def test_no_room_whoever_says_so(error, tmp_path):
    with pytest.raises(OSError, match=f"S283.*{tmp_path}: {FULL}"), told_if_full(tmp_path):
        raise error
    for path in ("new", "there"):
        write_text(tmp_path / "there", "kept")
        with pytest.raises(OSError, match=f"S283.*{path}"), open_draft(tmp_path / path):
            raise error
    assert [file.name for file in tmp_path.iterdir()] == ["there"]
    assert (tmp_path / "there").read_text() == "kept"


@pytest.mark.parametrize("error", [OSError(errno.EIO, "x"), OSError("x"), KeyError("x (os error 5)")])
def test_other_errors_are_what_they_were(error, tmp_path):
    with pytest.raises(type(error)) as caught, told_if_full(tmp_path):
        raise error
    assert caught.value is error


def test_a_folder_with_all_in_it_takes_its_place(tmp_path):
    out, link = tmp_path / "out", tmp_path / "link"
    link.symlink_to(out)
    for content in ("first", "second"):
        with draft_folder(link) as draft:
            write_text(draft / "part" / content, content)
            assert not (out / "part" / content).exists()
        assert [file.name for file in out.rglob("*")] == ["part", content]
    with pytest.raises(RuntimeError), draft_folder(link) as draft:
        write_text(draft / "half", "x")
        raise RuntimeError
    assert [file.name for file in out.rglob("*")] == ["part", "second"]
    assert sorted(tmp_path.iterdir()) == [link, out] and link.is_symlink()


def test_files_go_into_a_folder_together(tmp_path):
    for name in ("a", "other"):
        write_text(tmp_path / name, "old")
    write_text(tmp_path / ".draft" / "b", "of a killed process")
    with pytest.raises(RuntimeError), draft_files(tmp_path) as draft:
        write_text(draft / "a", "half")
        raise RuntimeError
    assert (tmp_path / "a").read_text() == "old"
    with draft_files(tmp_path) as draft:
        write_text(draft / "a", "new")
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {"a": "new", "other": "old"}


def test_drafts_of_killed_processes_are_removed(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    gone, alive = process.pid, os.getppid()
    theirs = [
        f".a.{alive}.7.tmp",
        f".a.5.{gone}.7.tmp",
        f".a.{gone}.7.txt",
        f".ab.{gone}.7.tmp",
        f"a.{gone}.7.tmp",
    ]
    for name in (f".a.{gone}.7.tmp", *theirs):
        (tmp_path / name).write_text("half")
    (tmp_path / f".a.{gone}.8.tmp").mkdir()
    write_text(tmp_path / "a", "new")
    assert {path.name for path in tmp_path.iterdir()} == {"a", f".a.{gone}.8.tmp", *theirs}
