import hashlib

import pytest

from spacy_ssner.files import checksum


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
