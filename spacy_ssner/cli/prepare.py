"""`python -m spacy ssner prepare`: a published corpus as train, dev and test, without leaks between them."""

import json
from enum import Enum
from pathlib import Path
from typing import Annotated, List, Optional

import typer

from ..errors import Errors, Warnings
from ..files import write_text
from ._app import ssner_app
from ._io import check_outputs, plain_errors
from .convert import PER_DOC_HELP, RAW_HELP, TOKENIZER_HELP, get_tokenizer, write_sentences, write_texts

DATA_HELP = "Folder with data/<corpus>/...; default: the environment's SSNER_DATA, then --assets"
ASSETS_HELP = "Folder of the files that `spacy project assets --extra` downloads"
EXCLUDE_HELP = "Drop from train what this file (any format, or .spacy) holds too; may be repeated"
SPLIT_HELP = "Write this split only: for a folder of training files of several corpora"


class Split(str, Enum):
    train = "train"
    dev = "dev"
    test = "test"
    test_unseen = "test_unseen"


@ssner_app.command("prepare")
def prepare_cli(
    name: Annotated[
        str, typer.Argument(metavar="CORPUS", help="dnrti, cyner, aptner, annoctr or malwaretextdb")
    ],
    folder: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="Folder for train, dev, test (.spacy; with --raw also .jsonl)"),
    ],
    data: Annotated[str, typer.Option("--data", help=DATA_HELP)] = "",
    assets: Annotated[Path, typer.Option("--assets", help=ASSETS_HELP)] = Path("assets/published"),
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first fault in a file")] = False,
    raw: Annotated[bool, typer.Option("--raw", help=RAW_HELP)] = False,
    sentences_per_doc: Annotated[int, typer.Option("--sentences-per-doc", help=PER_DOC_HELP)] = 1,
    tokenizer: Annotated[Optional[str], typer.Option("--tokenizer", help=TOKENIZER_HELP)] = None,
    exclude: Annotated[Optional[List[Path]], typer.Option("--exclude", help=EXCLUDE_HELP)] = None,
    only: Annotated[Optional[Split], typer.Option("--split", help=SPLIT_HELP)] = None,
) -> None:
    """Convert a published corpus, repair its faults, and drop from train and dev what also stands in test.

    Writes train, dev, test and test_unseen (test sentences that the published train does not hold).
    Without a published test file, test.spacy is the dev split. With --raw also .jsonl files: the same texts with
    exact character spans, for `evaluate --raw`.
    """
    from wasabi import msg

    from ..corpus.convert import ReadOptions
    from ..corpus.published import locate, prepare
    from ..corpus.sentence import count_labels

    with plain_errors():
        check_outputs([folder / f"{split.value}.spacy" for split in Split], exclude or ())
        if tokenizer is not None and not raw:
            msg.warn(Warnings.SW222.format(options="--tokenizer", path=name))
        options = ReadOptions(
            tokenizer=get_tokenizer(tokenizer), raw=raw, sentences_per_doc=sentences_per_doc
        )
        files = locate(name, data, assets)
        if only is Split.test_unseen and "test" not in files:
            raise ValueError(Errors.S238.format(name=name, got=f"that of test, for {only.value}"))
        splits = prepare(name, files, strict=strict, options=options, exclude=exclude or ())
        sentences, texts = dict(splits.sentences), dict(splits.texts)
        if not splits.has_test:
            msg.warn(f"No test file of {name}: test.spacy is the dev split.")
            sentences["test"] = sentences["dev"]
            if raw:
                texts["test"] = texts["dev"]
        if only is not None:
            sentences = {split: found for split, found in sentences.items() if split == only.value}
            texts = {split: records for split, records in texts.items() if split == only.value}
        for split, items in sentences.items():
            write_sentences(items, folder / f"{split}.spacy")
        for split, records in texts.items():
            write_texts(records, folder / f"{split}.jsonl")
        reports = {split: report.to_dict() for split, report in splits.reports.items()}
        write_text(folder / "repairs.json", json.dumps(reports, indent=2, ensure_ascii=False) + "\n")
    for split, report in splits.reports.items():
        if report.repairs:
            msg.divider(f"Repairs in {split}")
            print(report.table())
    rows = [(s, f"{len(x):,}", f"{sum(count_labels(x).values()):,}") for s, x in sentences.items()]
    msg.table(
        rows,
        header=("Split", "Texts" if raw else "Sentences", "Mentions"),
        divider=True,
        aligns=("l", "r", "r"),
    )
    msg.good(f"{folder}")
