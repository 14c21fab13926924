"""Learning rates over a training."""

from itertools import chain, islice
from typing import Iterator

from thinc.api import warmup_linear

from .errors import Errors
from .settings import check_number


def make_head_first(
    initial_rate: float, warmup_steps: int, total_steps: int, head_steps: int = 0
) -> Iterator[float]:
    """For `[training.optimizer.learn_rate]`: `@schedules = "spacy-ssner.head_first.v1"`; with HFEncoder's frozen_steps.

    initial_rate (float): Highest rate, >= 0. warmup_steps (int): From zero to it, >= 0. total_steps (int): All, >= 1.
    head_steps (int): As many as frozen_steps (else SW107). In these the rate rises and falls to zero once, for the
        head, in the others again, for head and encoder: a head that has settled, and an encoder that begins slowly.
    YIELDS (float): The rate of each step; zero behind the last one.
    RAISES (ValueError): S104 unless 0 <= head_steps < total_steps; S101 for other values out of range.

    SOURCE: Kumar et al. 2022, Fine-Tuning can Distort Pretrained Features: a linear probe first, then fine-tuning. Each
        part is Thinc's warmup_linear.v1.
    """
    check_number("initial_rate", initial_rate, least=0)
    check_number("warmup_steps", warmup_steps, least=0)
    check_number("total_steps", total_steps, least=1)
    if not 0 <= head_steps < total_steps:
        expected = f"between 0 and total_steps - 1 = {total_steps - 1}"
        raise ValueError(Errors.S104.format(name="head_steps", expected=expected, got=head_steps))
    head = islice(warmup_linear(initial_rate, warmup_steps, head_steps), head_steps)
    return chain(head, warmup_linear(initial_rate, warmup_steps, total_steps - head_steps))
