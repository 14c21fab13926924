"""The command line of the benchmarks, and the pipelines that it names or leaves to be made."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "assets" / "sample"
CORPORA = ("dnrti", "cyner")


@dataclass(frozen=True)
class Settings:
    """What the parts need to know.

    corpora: Names and test files (.conll or .spacy). train: Names and train files of the same corpora.
    pipelines: Trained SSNER pipelines; the first one is timed, all are scored in int8. Empty: one is made.
    spacy_pipeline: A trained spaCy `transformer` + `ner`; None: one is made.
    encoder: Hugging Face folder. similar_words: Table for pipelines that are made.
    stream_pipeline: The pipeline of the stream of documents; None: a small CNN is made.
    n_scored: Sentences of a test file whose F1 is taken in float32 and int8.
    work: Folder for what is made. threads: Of torch, BLAS and the tokenizers.
    """

    encoder: Path
    work: Path
    corpora: Tuple[Tuple[str, Path], ...] = ()
    train: Tuple[Tuple[str, Path], ...] = ()
    pipelines: Tuple[Path, ...] = ()
    spacy_pipeline: Optional[Path] = None
    similar_words: Optional[Path] = None
    stream_pipeline: Optional[Path] = None
    threads: int = 1
    n_repeats: int = 3
    n_sentences: int = 700
    n_reports: int = 8
    n_scored: int = 10_000
    lengths: Tuple[int, ...] = (2_000, 10_000)
    max_batches: int = 6
    n_stream: int = 20_000
    table_words: int = 50_000
    long_characters: int = 1_000_000


QUICK = {
    "n_repeats": 1, "n_sentences": 100, "n_reports": 2, "n_scored": 60, "lengths": (2_000,), "max_batches": 3,
    "n_stream": 3_000, "table_words": 5_000, "long_characters": 50_000,
}  # fmt: skip


def limit_threads(n: int) -> None:
    """Give torch, BLAS and the tokenizers n threads each. Before any of them is imported."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(n)
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if n > 1 else "false"


def default_corpora(split: str) -> Tuple[Tuple[str, Path], ...]:
    """Files of SSNER_DATA, those that are there; the sample corpus if there are none."""
    root = os.environ.get("SSNER_DATA")
    paths = ((name, Path(root or "") / "data" / name / "clean" / f"{split}.conll") for name in CORPORA)
    found = tuple((name, path) for name, path in paths if root and path.is_file())
    return found or (("sample", SAMPLE / f"{split}.jsonl"),)
