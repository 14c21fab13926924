"""Settings of stage B. Light: the command line reads its defaults here."""

import math
from dataclasses import dataclass

from ..errors import Errors
from ..nn.focal import CLASS_WEIGHTS
from ..settings import check_values


@dataclass(frozen=True)
class SupervisedSettings:
    """What decides the course of a run.

    n_epochs (int): Times that the training split is read, each followed by a validation.
    n_steps (int): Stop after so many steps of the optimizer; 0 = as many as n_epochs have.
    learn_rate (float), head_factor (float): Highest rate of the encoder; that of the linear layer is a multiple.
    warmup (float): Share of the steps in which the rate rises; afterwards it falls to 0 in a straight line.
    max_padded (int): Padded pieces in one step of one process. buffer (int): Rows sorted by length together.
    gamma (float), class_weights (str): Of the focal loss. See nn.focal.
    max_pieces (int), max_word_pieces (int): Longest row and word. See labelled_rows.
    RAISES (ValueError): S127 for a value out of range.
    """

    n_epochs: int = 4
    n_steps: int = 0
    learn_rate: float = 2e-4
    head_factor: float = 5.0
    warmup: float = 0.1
    weight_decay: float = 0.01
    grad_clip: float = 1.0
    max_padded: int = 1024
    buffer: int = 512
    gamma: float = 2.0
    class_weights: str = "none"
    dropout: float = 0.1
    max_pieces: int = 256
    max_word_pieces: int = 8
    seed: int = 0
    bf16: bool = False

    def __post_init__(self) -> None:
        checks = {
            "n_epochs": (self.n_epochs >= 1, "at least 1"),
            "n_steps": (self.n_steps >= 0, "at least 0"),
            "learn_rate": (0 < self.learn_rate < math.inf, "a number above 0"),
            "head_factor": (0 < self.head_factor < math.inf, "a number above 0"),
            "warmup": (0 <= self.warmup <= 1, "from 0 to 1"),
            "max_padded": (self.max_padded >= 1, "at least 1"),
            "buffer": (self.buffer >= 1, "at least 1"),
            "gamma": (0 <= self.gamma < math.inf, "a number of at least 0"),
            "class_weights": (self.class_weights in CLASS_WEIGHTS, f"one of {CLASS_WEIGHTS}"),
            "dropout": (0 <= self.dropout < 1, "from 0 to below 1"),
            "max_word_pieces": (
                1 <= self.max_word_pieces <= self.max_pieces // 4,
                f"between 1 and max_pieces / 4 = {self.max_pieces // 4}",
            ),
        }
        check_values(vars(self), checks, Errors.S127)
