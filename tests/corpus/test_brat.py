import pytest

from spacy_ssner.corpus.convert import convert

TEXT = "\U0001f600 APT28 used\r\nX-Agent and Sofacy."
ANN = "T1\tGroup 2 7\tAPT28\nR1\tuses Arg1:T1 Arg2:T2\nT2\tMalware 14 21\tX-Agent\n#1\tAnnotatorNotes T1\tx 1 2\n"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "brat"
    (folder / "deep").mkdir(parents=True)
    for name, text, ann in (
        ("a", TEXT, ANN),
        ("b", "Nothing.", ""),
        ("deep/c", "X Y Z W", "T1\tGroup 0 1;4 5\tX Z\n"),
    ):
        (folder / f"{name}.txt").write_bytes(text.encode())
        (folder / f"{name}.ann").write_bytes(ann.encode())
    (folder / "annotation.conf").write_text("[entities]")
    return folder


def test_a_folder(folder):
    (first, second, third), report = convert(folder)
    assert [(first.words[a:b], label) for a, b, label in first.mentions] == [
        (("APT28",), "Group"),
        (("X", "-", "Agent"), "Malware"),
    ]
    assert "".join(word + " " * space for word, space in zip(first.words, first.spaces)) == TEXT
    assert set(second.tags) == {None} and third.tags == (None, None, None, "O")
    assert report.counts() == {"no-annotation": 1, "bad-span": 1}
    assert "0 1;4 5" in report.of_kind("bad-span")[0].text
    assert [one.meta["file"] for one in (first, second, third)] == ["a", "b", "c"]


def test_one_file_and_what_is_not_there(folder):
    assert len(convert(folder / "a.ann")[0]) == 1
    (folder / "a.txt").unlink()
    for path in (folder, folder / "a.ann", folder / "no.ann"):
        with pytest.raises(ValueError, match="S227"):
            convert(path)


def test_a_folder_of_something_else(tmp_path):
    with pytest.raises(ValueError, match="S227.*a folder"):
        convert(tmp_path)
