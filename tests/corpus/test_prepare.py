"""Published corpora as train, dev and test: where their files are looked for, and what is dropped."""

import os
from pathlib import Path

import pytest

from spacy_ssner.corpus.convert import FORMATS, ReadOptions
from spacy_ssner.corpus.published import PUBLISHED, locate, prepare
from spacy_ssner.corpus.sentence import normal_form

SHARE = Path(os.environ.get("SSNER_DATA", "/nonexistent"))


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("SSNER_DATA", raising=False)


def put(path, *words):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(f"{word}\tB-Malware\nran\tO" for word in words) + "\n", encoding="utf8")


def names(sentences):
    return [sentence.words[0] for sentence in sentences]


def test_every_corpus_has_a_known_format_and_all_splits():
    assert set(PUBLISHED) == {"dnrti", "cyner", "aptner", "annoctr", "malwaretextdb"}
    for corpus in PUBLISHED.values():
        assert corpus.format in FORMATS
        assert set(corpus.local) == set(corpus.assets) == {"train", "dev", "test"}


def test_assets_are_those_of_the_project_file():
    import srsly

    project = srsly.read_yaml(Path(__file__).parents[2] / "project.yml")
    downloads = {asset["dest"] for asset in project["assets"]}
    for name, corpus in PUBLISHED.items():
        for path in corpus.assets.values():
            if ".rar/" in path:  # a member of an archive
                path = str(Path(path).parent)
            assert f"assets/published/{name}/{path}" in downloads


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_folder_before_environment_before_assets(name, tmp_path, monkeypatch):
    for place in ("folder", "environment"):
        for path in PUBLISHED[name].local.values():
            put(tmp_path / place / "data" / path, "x")
    for path in PUBLISHED[name].assets.values():
        if ".rar" in path:
            (tmp_path / "assets" / name).mkdir(parents=True, exist_ok=True)
            (tmp_path / "assets" / name / "DNRTI.rar").write_bytes(b"Rar!")
        else:
            put(tmp_path / "assets" / name / path, "x")
    monkeypatch.setenv("SSNER_DATA", str(tmp_path / "environment"))

    def places(data):
        return {
            path.relative_to(tmp_path).parts[0] for path in locate(name, data, tmp_path / "assets").values()
        }

    assert places(tmp_path / "folder") == {"folder"}
    assert places("") == places(None) == {"environment"}
    monkeypatch.setenv("SSNER_DATA", "")
    assert places("") == {"assets"}
    assert list(locate(name, None, tmp_path / "assets")) == ["train", "dev", "test"]


def test_test_may_be_missing_but_not_train_or_dev(tmp_path):
    for split in ("train", "dev"):
        put(tmp_path / "data" / PUBLISHED["aptner"].local[split], "x")
    assert list(locate("aptner", tmp_path, "")) == ["train", "dev"]
    (tmp_path / "data" / PUBLISHED["aptner"].local["dev"]).unlink()
    with pytest.raises(ValueError, match="S238.*APTNERdev.txt"):
        locate("aptner", tmp_path, "")


def test_unknown_corpus(tmp_path):
    with pytest.raises(ValueError, match="S237.*dnrti, cyner, aptner, annoctr, malwaretextdb.*'wnut'"):
        locate("wnut", tmp_path, "")


@pytest.fixture
def files(tmp_path):
    put(tmp_path / "train.txt", "A", "B", "b", "C", "D", "D")
    put(tmp_path / "dev.txt", "B", "E", "A", "E")
    put(tmp_path / "test.txt", "A", "F", "F")
    return {split: tmp_path / f"{split}.txt" for split in ("train", "dev", "test")}


def test_leaks_and_repeats(files):
    splits = prepare("cyner", files)
    assert splits.has_test
    assert {split: names(found) for split, found in splits.sentences.items()} == {
        "train": ["C", "D"],
        "dev": ["B", "E"],
        "test": ["A", "F", "F"],
        "test_unseen": ["F", "F"],
    }
    counts = splits.reports["train"].counts()
    assert counts["excluded"] == 3 and counts["repeat"] == 1
    assert set(splits.reports) == {"train", "dev", "test"}


def test_train_alone_loses_what_other_files_hold(files, tmp_path):
    put(tmp_path / "other.txt", "C", "E", "F")
    splits = prepare("cyner", files, exclude=[tmp_path / "other.txt"])
    assert names(splits.sentences["train"]) == ["D"] and splits.reports["train"].counts()["excluded"] == 4
    assert names(splits.sentences["dev"]) == ["B", "E"] and names(splits.sentences["test"]) == ["A", "F", "F"]


def test_without_test_dev_stays_whole(files):
    del files["test"]
    splits = prepare("cyner", files)
    assert not splits.has_test and set(splits.sentences) == {"train", "dev"}
    assert names(splits.sentences["dev"]) == ["B", "E", "A", "E"]
    assert names(splits.sentences["train"]) == ["C", "D"]


def test_raw_splits_hold_the_same_sentences(files):
    plain, raw = prepare("cyner", files), prepare("cyner", files, options=ReadOptions(raw=True))
    assert {s: names(found) for s, found in raw.sentences.items()} == {
        s: names(found) for s, found in plain.sentences.items()
    }
    assert [text.text for text in raw.texts["test_unseen"]] == ["F ran", "F ran"]
    assert plain.texts == {}
    docs = prepare("cyner", files, options=ReadOptions(raw=True, sentences_per_doc=2))
    assert [text.text for text in docs.texts["test"]] == ["A ran\nF ran", "F ran"]


def test_signs_are_those_of_all_splits(tmp_path):
    rows = {
        "train": "a\tO\n/\tO\nb\tB-Malware\n",
        "dev": "c/d\tO\ne/f\tB-Malware\n",
        "test": "g\tO\n/\tO\nh\tB-Malware\n",
    }
    for split, text in rows.items():
        (tmp_path / split).write_text(text, encoding="utf8")
    splits = prepare("cyner", {split: tmp_path / split for split in rows}, options=ReadOptions(raw=True))
    assert [splits.texts[split][0].text for split in ("train", "test")] == ["a / b", "g / h"]


def test_annoctr_as_it_is_downloaded(tmp_path):
    text = "Zeus\tB-Malware\nran\tO\n"
    for name in ("train", "dev", "test"):
        (tmp_path / "annoctr").mkdir(exist_ok=True)
        (tmp_path / "annoctr" / f"{name}.bio").write_text(text.replace("Zeus", name), encoding="utf8")
    splits = prepare("annoctr", locate("annoctr", None, tmp_path))
    assert names(splits.sentences["test"]) == ["test"]


@pytest.mark.slow
@pytest.mark.skipif(not (SHARE / "data").is_dir(), reason="SSNER_DATA is not set")
@pytest.mark.parametrize("name", ["dnrti", "cyner"])
def test_no_leak_in_the_published_corpora(name):
    splits = prepare(name, locate(name, SHARE, ""))
    keys = {s: {normal_form(x.words) for x in found} for s, found in splits.sentences.items()}
    later = keys["test"] if splits.has_test else set()
    assert not keys["train"] & (keys["dev"] | later) and not keys["dev"] & later
    assert len(keys["train"]) == len(splits.sentences["train"])
    if splits.has_test:
        assert 0 < len(splits.sentences["test_unseen"]) <= len(splits.sentences["test"])


@pytest.mark.slow
@pytest.mark.skipif(not (SHARE / "data").is_dir(), reason="SSNER_DATA is not set")
@pytest.mark.parametrize("name,n_cut", [("dnrti", 0), ("cyner", 310)])
def test_raw_published_corpora(name, n_cut):
    """No leak, every cut mention is whole again, and nearly every mention fits the runtime tokens."""
    splits = prepare(name, locate(name, SHARE, ""), options=ReadOptions(raw=True))
    keys = {s: {normal_form(x.words) for x in found} for s, found in splits.sentences.items()}
    assert not keys["train"] & (keys["dev"] | keys["test"]) and not keys["dev"] & keys["test"]
    assert sum(report.counts().get("joined", 0) for report in splits.reports.values()) == n_cut
    for split, texts in splits.texts.items():
        n_spans = sum(len(text.spans) for text in texts)
        n_fitting = sum(len(sentence.mentions) for sentence in splits.sentences[split])
        n_listed = len(splits.reports[split].of_kind("misaligned")) if split in splits.reports else n_spans
        assert n_spans - n_fitting <= min(n_listed, 0.003 * n_spans)
