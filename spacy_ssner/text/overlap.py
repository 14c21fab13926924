"""Text that repeats sentences of labelled files: found by 8 words in a row, however it was tokenised."""

import re
from itertools import islice
from pathlib import Path
from typing import AbstractSet, Dict, Iterable, Iterator, List, Sequence, Set, Tuple

from .reading import read_sentences

RUN = 8  # words; a text that shares that many in a row with a test sentence repeats it
WORD = re.compile(r"[^\W_]+")


def plain_words(words: Sequence[str]) -> List[str]:
    """The letters and digits of a sentence as lower-case words, however it was tokenised."""
    return WORD.findall(" ".join(words).lower())


def word_runs(words: Sequence[str]) -> Iterator[Tuple[str, ...]]:
    """All runs of 8 words of a sentence; of a shorter one all its words."""
    return plain_runs(plain_words(words))


def plain_runs(plain: Sequence[str]) -> Iterator[Tuple[str, ...]]:
    """As `word_runs`, of words that `plain_words` made."""
    return zip(*(islice(plain, i, None) for i in range(min(RUN, len(plain)))))


def collect_runs(paths: Iterable[Path]) -> Set[Tuple[str, ...]]:
    """The word runs of labelled files whose sentences must not be trained on. Errors and warnings as read_sentences."""
    return {run for path in paths for sentence in read_sentences(path) for run in word_runs(sentence)}


def collect_file_runs(paths: Iterable[Path]) -> Dict[str, Set[Tuple[str, ...]]]:
    """As `collect_runs`, for each file, by its path."""
    return {str(path): collect_runs([path]) for path in paths}


def repeats(sentence: Sequence[str], runs: AbstractSet[Tuple[str, ...]]) -> bool:
    """Whether a sentence holds 8 words in a row of a test sentence, or is a shorter one."""
    return not runs.isdisjoint(word_runs(sentence))
