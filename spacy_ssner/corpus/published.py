"""The published corpora as train, dev and test, without what leaks between the splits.

Train and dev lose every sentence that also stands in test, train those of dev, and both their
repeats (equal after lower-casing and keeping a-z0-9): 54.8 % of DNRTI's test sentences stand
word for word in its published train. `test_unseen` holds the test sentences that do not.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple, Union

from ..errors import Errors
from .convert import ReadOptions, Selection, convert
from .report import Report
from .select import drop_excluded
from .sentence import Sentence, normal_form


@dataclass(frozen=True)
class PublishedCorpus:
    """Where the splits of a corpus lie.

    format (str): See corpus.convert.FORMATS.
    local (Dict[str, str]): Split -> file below a folder laid out like SSNER_DATA.
    assets (Dict[str, str]): Split -> file below assets/published/<name>, as project.yml downloads them.
    """

    format: str
    local: Dict[str, str]
    assets: Dict[str, str]


PUBLISHED: Dict[str, PublishedCorpus] = {
    "dnrti": PublishedCorpus(
        "dnrti",
        {"train": "dnrti/raw/train.txt", "dev": "dnrti/raw/valid.txt", "test": "dnrti/raw/test.txt"},
        {"train": "DNRTI.rar/train.txt", "dev": "DNRTI.rar/valid.txt", "test": "DNRTI.rar/test.txt"},
    ),
    "cyner": PublishedCorpus(
        "cyner",
        {"train": "cyner/raw/train.txt", "dev": "cyner/raw/valid.txt", "test": "cyner/raw/test.txt"},
        {"train": "train.txt", "dev": "valid.txt", "test": "test.txt"},
    ),
    "aptner": PublishedCorpus(
        "aptner",
        {
            "train": "aptner/raw/APTNERtrain.txt",
            "dev": "aptner/raw/APTNERdev.txt",
            "test": "aptner/raw/APTNERtest.txt",
        },
        {"train": "APTNERtrain.txt", "dev": "APTNERdev.txt", "test": "APTNERtest.txt"},
    ),
    "annoctr": PublishedCorpus(
        "annoctr",
        {
            "train": "annoctr/clean/train.conll",
            "dev": "annoctr/clean/dev.conll",
            "test": "annoctr/clean/test.conll",
        },
        {"train": "train.bio", "dev": "dev.bio", "test": "test.bio"},
    ),
}


@dataclass(frozen=True)
class Splits:
    """A prepared corpus: sentences and what was repaired, per split. Without a published test, test is dev."""

    sentences: Dict[str, List[Sentence]]
    reports: Dict[str, Report]
    has_test: bool


def locate(name: str, data: Optional[Union[str, Path]], assets: Union[str, Path]) -> Dict[str, Path]:
    """The files of a published corpus.

    data (Optional[Union[str, Path]]): Folder laid out like SSNER_DATA, which is the default if empty.
    assets (Union[str, Path]): Folder of downloads, looked at without `data`.
    RAISES (ValueError): S237 for an unknown corpus, S238 if train or dev is not there.
    """
    if name not in PUBLISHED:
        raise ValueError(Errors.S237.format(expected=", ".join(PUBLISHED), got=name))
    corpus, root = PUBLISHED[name], data or os.environ.get("SSNER_DATA")
    files = {split: Path(root) / "data" / path for split, path in corpus.local.items()} if root else {}
    if not root:
        files = {split: Path(assets) / name / path for split, path in corpus.assets.items()}
    found = {split: path for split, path in files.items() if path.is_file() or path.parent.is_file()}
    missing = [str(files[split]) for split in ("train", "dev") if split not in found]
    if missing:
        raise ValueError(Errors.S238.format(name=name, got=", ".join(missing)))
    return found


def prepare(name: str, files: Dict[str, Path], *, strict: bool = False) -> Splits:
    """Convert the splits of a published corpus and take the leaks out of train and dev."""
    options = ReadOptions(format=PUBLISHED[name].format)
    has_test = "test" in files
    later: List[Path] = [files["test"]] if has_test else []
    plans: List[Tuple[str, Selection]] = [
        ("train", Selection(exclude=[*later, files["dev"]], drop_repeats=True)),
        ("dev", Selection(exclude=later, drop_repeats=has_test)),
        ("test", Selection()),
    ]
    sentences, reports = {}, {}
    for split, selection in plans:
        if split in files:
            sentences[split], reports[split] = convert(
                files[split], options, selection=selection, strict=strict
            )
    if has_test:
        original, _ = convert(files["train"], options)
        seen = {normal_form(sentence.words) for sentence in original}
        sentences["test_unseen"] = drop_excluded(sentences["test"], seen, report=Report())
    return Splits(sentences, reports, has_test)
