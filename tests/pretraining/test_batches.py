import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spacy_ssner.pretraining.batches import (
    RunBatches,
    RunRows,
    count_batches,
    epoch_batches,
    split_by_padding,
)

LENGTHS = st.lists(st.integers(3, 60), min_size=1, max_size=80).map(lambda x: np.array(x, dtype=np.int64))
SETTINGS = {"max_padded": 128, "buffer": 16, "seed": 3}


class Rows:
    def __init__(self, lengths):
        self.lengths = lengths

    def __len__(self):
        return len(self.lengths)

    def __getitem__(self, row):
        return {"input_ids": [row], "row": row}


def run(lengths, n_batches, rank=0, n_ranks=1, **changed):
    settings = {**SETTINGS, **changed}
    return list(RunBatches(lengths, n_batches=n_batches, rank=rank, n_ranks=n_ranks, **settings))


@given(LENGTHS, st.integers(4, 200))
def test_an_epoch_has_every_row_once_and_no_batch_is_too_large(lengths, max_padded):
    batches = epoch_batches(lengths, max_padded=max_padded, buffer=16, seed=0, epoch=0)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for rows in batches:
        assert len(rows) == 1 or len(rows) * lengths[rows].max() <= max_padded


@given(LENGTHS)
def test_no_batch_could_take_the_next_row(lengths):
    rows = np.argsort(lengths, kind="stable")
    batches = split_by_padding(rows, lengths[rows], max_padded=100)
    for first, second in zip(batches, batches[1:]):
        assert (len(first) + 1) * lengths[second[0]] > 100


@given(LENGTHS, st.integers(2, 4))
def test_processes_share_the_batches_of_one(lengths, n_ranks):
    alone = run(lengths, 4 * n_ranks)
    parts = [run(lengths, 4, rank=rank, n_ranks=n_ranks) for rank in range(n_ranks)]
    assert [part[i] for i in range(4) for part in parts] == alone


def test_epochs_follow_each_other_in_other_orders():
    lengths = np.arange(3, 40)
    per_epoch = [len(epoch_batches(lengths, epoch=epoch, **SETTINGS)) for epoch in range(3)]
    assert count_batches(lengths, 3, **SETTINGS) == sum(per_epoch)
    batches = run(lengths, sum(per_epoch))
    numbers = [number for batch in batches for number in batch]
    assert sorted(numbers) == list(range(3 * len(lengths)))  # row + epoch * n_rows
    first, second = numbers[: len(lengths)], numbers[len(lengths) : 2 * len(lengths)]
    assert first != [number - len(lengths) for number in second]


def test_the_seed_decides():
    lengths = np.arange(3, 40)
    assert run(lengths, 5) == run(lengths, 5) != run(lengths, 5, seed=4)


def test_rows_of_later_epochs_are_the_same_rows():
    rows = RunRows(Rows(np.arange(5)))
    assert rows[13] == {"input_ids": [3], "row": 13}
