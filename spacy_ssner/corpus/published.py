"""The published corpora as train, dev and test, without what leaks between the splits.

Train and dev lose every sentence that also stands in test, train those of dev, and both their
repeats (equal after lower-casing and keeping a-z0-9): 54.8 % of DNRTI's test sentences stand
word for word in its published train. `test_unseen` holds the test sentences that do not.
"""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple, Union

from ..errors import Errors
from .convert import ReadOptions, Selection, read_selected
from .jsonl import label_records
from .natural_text import find_split_signs
from .raw import make_records
from .records import TextRecord
from .report import Report
from .select import Excluded, drop_excluded
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
    "malwaretextdb": PublishedCorpus(
        "malwaretextdb",
        {
            "train": "malwaretextdb/raw/train.txt",
            "dev": "malwaretextdb/raw/valid.txt",
            "test": "malwaretextdb/raw/test.txt",
        },
        {"train": "train.txt", "dev": "valid.txt", "test": "test.txt"},
    ),
}


@dataclass(frozen=True)
class Splits:
    """A prepared corpus: sentences and what was repaired, per split. Without a published test, test is dev.

    texts (Dict[str, List[TextRecord]]): With raw, the natural texts of each split, with exact spans.
    """

    sentences: Dict[str, List[Sentence]]
    reports: Dict[str, Report]
    has_test: bool
    texts: Dict[str, List[TextRecord]] = field(default_factory=dict)


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


def prepare(
    name: str,
    files: Dict[str, Path],
    *,
    strict: bool = False,
    options: Optional[ReadOptions] = None,
    exclude: Sequence[Path] = (),
) -> Splits:
    """Convert the splits of a published corpus and take the leaks out of train and dev.

    exclude (Sequence[Path]): Files whose sentences train loses too, such as dev and test of another corpus.
    options (Optional[ReadOptions]): With raw, natural texts that a tokenizer cuts; the format is the corpus's.
    RAISES (ValueError, ImportError): As corpus.convert.convert.
    """
    options = replace(options or ReadOptions(), format=PUBLISHED[name].format)
    has_test = "test" in files
    later: List[Path] = [files["test"]] if has_test else []
    plans: List[Tuple[str, Selection]] = [
        ("train", Selection(exclude=[*later, files["dev"], *exclude], drop_repeats=True)),
        ("dev", Selection(exclude=later, drop_repeats=has_test)),
        ("test", Selection()),
    ]
    sentences, reports = {}, {}
    for split, selection in plans:
        if split in files:
            sentences[split], reports[split] = read_selected(files[split], options, selection, strict=strict)
    if has_test:
        original, _ = read_selected(files["train"], options, None, strict=False)
        seen = Excluded(forms={normal_form(sentence.words) for sentence in original})
        sentences["test_unseen"] = drop_excluded(sentences["test"], seen, report=Report())
    splits = Splits(sentences, reports, has_test)
    return make_raw(splits, options) if options.raw else splits


def make_raw(splits: Splits, options: ReadOptions) -> Splits:
    """Splits with natural texts, and with the sentences that a tokenizer makes of these."""
    once = (found for split, found in splits.sentences.items() if split != "test_unseen")  # these are in test
    signs = find_split_signs(sentence.words for found in once for sentence in found)
    texts: Dict[str, List[TextRecord]] = {}
    sentences: Dict[str, List[Sentence]] = {}
    for split, found in splits.sentences.items():
        report = splits.reports.get(split, Report())  # test_unseen has none: its misfits are those of test
        texts[split] = make_records(found, per_doc=options.sentences_per_doc, split_signs=signs)
        sentences[split] = label_records(texts[split], options.tokenizer, report=report)
    return replace(splits, sentences=sentences, texts=texts)
