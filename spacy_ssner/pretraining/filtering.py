"""Which lines of a stream go into the corpus: cleaned, cut into words, counted by why they are dropped."""

from collections import Counter, defaultdict
from typing import Any, Dict, List, Mapping, Sequence, Set, Tuple

import numpy as np

from ..text.characters import is_binary
from ..text.overlap import WORD, plain_runs, plain_words
from .cleaning import clean_line
from .duplicates import HashSet, NearDuplicates, mix, text_hash
from .words import split_words

DROPPED = ("binary", "short", "exact", "excluded", "near")  # in the order they are looked for
Lines = List[List[str]]


class Tally:
    """Lines and words of one source by what became of them: "read", one of DROPPED, "kept", "held_out"."""

    def __init__(self) -> None:
        self.lines: Counter = Counter()
        self.words: Counter = Counter()

    def add(self, what: str, n_words: int) -> None:
        self.lines[what] += 1
        self.words[what] += n_words

    def to_dict(self) -> Dict[str, Any]:
        names = ("read", *DROPPED, "kept", "held_out")
        return {name: {"lines": self.lines[name], "words": self.words[name]} for name in names}


class LineFilter:
    """Remembers the lines it has seen, so that later ones can be compared.

    runs: Word runs of each labelled file (`text.overlap.collect_file_runs`); a line that holds one is dropped.
    held_out (float): Share of lines set aside, chosen by their hash and the seed: the same line always falls on
        the same side, whatever stands around it.
    limit_words (int): Take no more lines once they have that many words; 0 takes all.
    """

    def __init__(
        self,
        runs: Mapping[str, Set[Tuple[str, ...]]],
        *,
        min_words: int,
        near_duplicates: bool,
        threshold: float,
        held_out: float,
        limit_words: int,
        seed: int,
    ) -> None:
        self.runs = runs
        self.all_runs = set().union(*runs.values())
        self.min_words = min_words
        self.held_out = held_out
        self.left = limit_words or float("inf")  # words that may still be taken
        self.seed = seed
        self.exact = HashSet()
        self.near = NearDuplicates(threshold=threshold, seed=seed) if near_duplicates else None
        # lines that repeat each labelled file; one line may repeat several
        self.excluded: Counter = Counter()
        self.tallies: Dict[str, Tally] = defaultdict(Tally)

    def split(self, texts: Sequence[str], source: str) -> Tuple[Lines, Lines]:
        """Lines of words to train on and lines held out, of a batch of texts of one source."""
        tally = self.tallies[source]
        lines = [words for text in texts if (words := self._read(text, tally))]
        plain = [plain_words(words) for words in lines]
        hashes = np.array([text_hash(" ".join(words)) for words in plain], dtype=np.uint64)
        keep = _drop(lines, np.arange(len(lines)), ~self.exact.add(hashes), "exact", tally)
        keep = _drop(
            lines, keep, np.array([self._repeats(plain[i]) for i in keep], dtype=bool), "excluded", tally
        )
        if self.near is not None:
            keep = _drop(lines, keep, self.near.add([plain[i] for i in keep]), "near", tally)
        chance = mix(hashes + np.uint64(self.seed % (1 << 64))) / 2.0**64
        parts: Tuple[Lines, Lines] = ([], [])
        for i in keep:
            if self.left <= 0:
                break
            aside = bool(chance[i] < self.held_out)
            parts[aside].append(lines[i])
            tally.add("held_out" if aside else "kept", len(lines[i]))
            self.left -= len(lines[i])
        return parts

    def _read(self, text: str, tally: Tally) -> List[str]:
        """The words of a text; none if it is empty, binary or short."""
        if not text or text.isspace():
            return []
        if is_binary(text):
            tally.add("read", 0)
            tally.add("binary", 0)
            return []
        words = split_words(clean_line(text))
        tally.add("read", len(words))
        if len(words) < self.min_words or sum(map(bool, map(WORD.search, words))) < self.min_words:
            tally.add("short", len(words))
            return []
        return words

    def _repeats(self, plain: List[str]) -> bool:
        """Whether a line repeats a labelled file; counts it for each one."""
        if not self.all_runs or self.all_runs.isdisjoint(plain_runs(plain)):
            return False
        runs = set(plain_runs(plain))
        self.excluded.update(path for path, others in self.runs.items() if not runs.isdisjoint(others))
        return True


def _drop(lines: Lines, keep: np.ndarray, drop: np.ndarray, reason: str, tally: Tally) -> np.ndarray:
    """The lines of `keep` that are not to be dropped; counts those that are."""
    for i in keep[drop]:
        tally.add(reason, len(lines[i]))
    return keep[~drop]
