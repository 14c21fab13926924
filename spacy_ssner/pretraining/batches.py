"""Batches of rows of like length, fixed by a seed alone, for a run of any number of processes."""

from typing import Any, Dict, Iterator, List, Protocol, Sequence

import numpy as np


class Rows(Protocol):
    """A corpus of rows of word pieces: pretraining.tokenised.TokenisedCorpus, or rows in memory."""

    lengths: np.ndarray  # (n_rows,) pieces of each row

    def __len__(self) -> int: ...

    def __getitem__(self, row: int) -> Dict[str, Any]: ...


def epoch_batches(
    lengths: np.ndarray, *, max_padded: int, buffer: int, seed: int, epoch: int
) -> List[np.ndarray]:
    """All rows once, in batches of like length, shuffled: a list of row numbers for each batch.

    lengths (np.ndarray): (n_rows,) pieces of each row.
    max_padded (int): Rows times longest row of a batch stay within it; a longer row is a batch of its own.
    buffer (int): Rows that are sorted by length together; more means less padding and less chance.
    """
    rng = np.random.default_rng((seed, epoch))
    order = rng.permutation(len(lengths))
    batches: List[np.ndarray] = []
    for start in range(0, len(order), buffer):
        rows = order[start : start + buffer]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += split_by_padding(rows, lengths[rows], max_padded=max_padded)
    return [batches[i] for i in rng.permutation(len(batches))]


def split_by_padding(rows: np.ndarray, lengths: np.ndarray, *, max_padded: int) -> List[np.ndarray]:
    """Cut rows, sorted by rising length, into batches of at most `max_padded` padded pieces."""
    batches = []
    start = 0
    for end in range(1, len(rows) + 1):
        if end == len(rows) or (end + 1 - start) * lengths[end] > max_padded:
            batches.append(rows[start:end])
            start = end
    return batches


class RunBatches:
    """The batches of a whole run: every process takes each n-th one, and a resumed run skips the first.

    Batches are numbered through, epoch after epoch, so that batch i holds the same rows whatever the
    number of processes. A row is given as row + epoch * n_rows: what is drawn for it (its mask) then
    depends on the seed and on this number only.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        *,
        n_batches: int,
        max_padded: int,
        buffer: int,
        seed: int,
        rank: int,
        n_ranks: int,
    ):
        self.lengths = lengths
        self.n_batches = n_batches  # of this process
        self.settings = {"max_padded": max_padded, "buffer": buffer, "seed": seed}
        self.rank = rank
        self.n_ranks = n_ranks

    def __len__(self) -> int:
        return self.n_batches

    def __iter__(self) -> Iterator[List[int]]:
        n_rows = len(self.lengths)
        number = epoch = 0
        while True:
            for rows in epoch_batches(self.lengths, epoch=epoch, **self.settings):
                if number >= self.n_batches * self.n_ranks:
                    return
                if number % self.n_ranks == self.rank:
                    yield [int(row) + epoch * n_rows for row in rows]
                number += 1
            epoch += 1


def count_batches(lengths: np.ndarray, n_epochs: int, *, max_padded: int, buffer: int, seed: int) -> int:
    """How many batches some epochs have."""
    settings = {"max_padded": max_padded, "buffer": buffer, "seed": seed}
    return sum(len(epoch_batches(lengths, epoch=epoch, **settings)) for epoch in range(n_epochs))


class RunRows:
    """Rows by the numbers of RunBatches: the row itself, with "row" = row + epoch * n_rows."""

    def __init__(self, rows: Rows):
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> Dict[str, Any]:
        return {**self.rows[number % len(self.rows)], "row": number}


class ListRows:
    """Rows in memory. rows: dicts with "input_ids" and "word_ids"."""

    def __init__(self, rows: Sequence[Dict[str, Any]]):
        self.rows = rows
        self.lengths = np.array([len(row["input_ids"]) for row in rows], dtype=np.int32)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> Dict[str, Any]:
        return {**self.rows[row], "row": row}
