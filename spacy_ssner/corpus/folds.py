"""Cut a corpus into folds for cross-validation."""

import random
from typing import List, Sequence

from ..errors import Errors


def assign_folds(keys: Sequence[str], n_folds: int, *, seed: int = 0) -> List[int]:
    """The fold of each text, 0 to n_folds - 1, at random. All texts with one key are in one fold, so that nothing is
    trained on and held out; the folds have equally many texts, as far as that allows.

    keys (Sequence[str]): Of each text, e.g. corpus.sentence.normal_form.
    RAISES (ValueError): S151 for fewer than 2 folds, or more than there are keys.
    """
    groups: "dict[str, List[int]]" = {}
    for i, key in enumerate(keys):
        groups.setdefault(key, []).append(i)
    if not 2 <= n_folds <= len(groups):
        raise ValueError(Errors.S151.format(n_texts=len(groups), got=n_folds))
    order = sorted(groups)
    random.Random(seed).shuffle(order)
    folds, sizes = [0] * len(keys), [0] * n_folds
    for key in sorted(order, key=lambda key: -len(groups[key])):  # stable: the rest in random order
        fold = sizes.index(min(sizes))
        sizes[fold] += len(groups[key])
        for i in groups[key]:
            folds[i] = fold
    return folds
