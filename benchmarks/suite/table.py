"""The table of similar words: ours against gensim's `most_similar` of each word and a ratio of each pair."""

import gzip
import os
import random
import re
import string
from collections import Counter
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from .printing import Table
from .settings import Settings

WIDTH, M, K = 256, 50, 10
SAMPLE = 200  # words of the naive loop that are timed
LINES = 20_000  # of each file of text
WORD = re.compile(r"[^\s,;()\"']{2,40}")


def measure(settings: Settings) -> Dict[str, Any]:
    """Build the table, and time the naive loop on a sample of the words.

    RETURNS (Dict[str, Any]): words, real_words, seconds (of ours), peak_mb, naive_seconds and over_naive (with
        rapidfuzz's ratio for each pair), difflib_seconds and over_difflib (with difflib's).
    RAISES (ValueError): If the naive loop finds other neighbours.
    """
    import numpy as np

    from spacy_ssner.evaluation.memory_use import memory_of
    from spacy_ssner.similarity.table import SimilarWordTable
    from spacy_ssner.similarity.vectors import WordVectors

    words, n_real = vocabulary(settings.table_words)
    vectors = np.random.default_rng(0).normal(size=(len(words), WIDTH)).astype(np.float32)
    found: Dict[str, Any] = {}

    def build() -> None:
        start = perf_counter()
        found["table"] = SimilarWordTable.build(WordVectors(words, vectors), m=M, k=K, source="random")
        found["seconds"] = perf_counter() - start

    memory = memory_of(build)
    seconds = found["seconds"]
    sample = random.Random(0).sample(range(len(words)), min(SAMPLE, len(words)))
    naive = naive_seconds(words, vectors, sample, rapidfuzz_ratio(), found["table"])
    difflib = naive_seconds(words, vectors, sample, difflib_ratio, None)
    return {
        "words": len(words),
        "real_words": n_real,
        "seconds": seconds,
        "peak_mb": memory.above,
        "naive_seconds": naive,
        "over_naive": naive / seconds,
        "difflib_seconds": difflib,
        "over_difflib": difflib / seconds,
    }


def vocabulary(n: int) -> Tuple[Tuple[str, ...], int]:
    """n different words, the most frequent of SSNER_DATA/text and invented ones if these are too few.

    RETURNS: The words, and how many of them are real.
    """
    counts: Counter = Counter()
    folder = os.environ.get("SSNER_DATA")
    for path in sorted((Path(folder) / "text").glob("*.txt.gz")) if folder else ():
        with gzip.open(path, "rt", encoding="utf8") as file:
            for line in islice(file, LINES):
                counts.update(WORD.findall(line.lower()))
    words = dict.fromkeys(word for word, _ in counts.most_common(n))
    n_real, rng = len(words), random.Random(0)
    while len(words) < n:
        words["".join(rng.choices(string.ascii_lowercase, k=rng.randrange(3, 14)))] = None
    return tuple(words), n_real


def naive_seconds(
    words: Sequence[str],
    vectors: Any,
    sample: Sequence[int],
    ratio: Callable[[str, str], float],
    expected: Optional[Any],
) -> float:
    """Seconds that the naive loop takes for all words, extrapolated from a sample; half of it warms up.

    expected (Optional[SimilarWordTable]): What it must find, up to ties and rounding.
    RAISES (ValueError): If it finds something else for more than one word in twenty.
    """
    from gensim.models import KeyedVectors

    keyed = KeyedVectors(vector_size=vectors.shape[1])
    keyed.add_vectors(list(words), vectors)
    differing, times = 0, []
    for i in sample:
        start = perf_counter()
        near = keyed.most_similar(words[i], topn=M)
        kept = sorted(near, key=lambda pair: -ratio(words[i], pair[0]))[:K]
        times.append(perf_counter() - start)
        if expected is not None:
            theirs = sum(ratio(words[i], word) for word, _ in kept)
            ours = sum(ratio(words[i], words[row]) for row in expected.rows[i] if row >= 0)
            differing += abs(theirs - ours) > 1e-3 * max(1.0, theirs)
    if differing > len(sample) / 20:
        raise ValueError(f"The naive loop finds other neighbours for {differing} of {len(sample)} words.")
    return len(words) * median(times[len(times) // 2 :])


def rapidfuzz_ratio() -> Callable[[str, str], float]:
    from rapidfuzz.fuzz import ratio

    return ratio


def difflib_ratio(a: str, b: str) -> float:
    from difflib import SequenceMatcher

    return SequenceMatcher(None, a, b).ratio()


def tables(found: Dict[str, Any]) -> List[Table]:
    rows = [
        ["ssner", found["seconds"], 1.0],
        ["gensim, rapidfuzz (extrapolated)", found["naive_seconds"], found["over_naive"]],
        ["gensim, difflib (extrapolated)", found["difflib_seconds"], found["over_difflib"]],
    ]
    title = f"Similar words of {found['words']:,} words, {WIDTH} wide, m = {M}, k = {K}"
    return [Table(title, ("", "seconds", "x ssner's time"), rows)]
