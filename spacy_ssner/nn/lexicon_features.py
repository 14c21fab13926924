"""What a lexicon knows about tokens, as numbers for the network. Letters: N tokens, C categories, W width."""

import torch
from torch import Tensor, nn


class LexiconFeatures(nn.Module):
    """A linear map of begin/inside flags; a token in no name gives zeros.

    drop: Share of names that training does not see, 0 to 1. Whole names are dropped, in all their categories at
        once: single flags would give the name away, and whole sentences would never hold a listed name beside
        an unlisted one, which is what a text of tomorrow looks like. The flags that stay are not scaled up: in
        use all of them are there, as on a name that was kept.

    SOURCE: ours; the paper has no lexicon.
    """

    def __init__(self, *, n_categories: int, width: int, drop: float):
        super().__init__()
        self.drop = drop
        self.map = nn.Linear(2 * n_categories, width, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.map.weight)

    def forward(self, flags: Tensor) -> Tensor:
        """flags: (N, 2C) bool, begin and inside of each category in turn. RETURNS: (N, W)."""
        if self.training and self.drop > 0:
            groups = name_groups(flags)
            kept = torch.rand(len(flags) + 1, device=flags.device) >= self.drop  # at most N + 1 groups
            flags = flags & kept[groups].unsqueeze(1)
        return self.map(flags.to(self.map.weight.dtype))


def name_groups(flags: Tensor) -> Tensor:
    """Which tokens belong to the same names: (N,) int64, 0 to N, not falling.

    flags: (N, 2C) bool. A group begins where some name begins and none goes on, so that names of several
    categories that overlap are one group.
    """
    begin, inside = flags[:, 0::2].any(dim=1), flags[:, 1::2].any(dim=1)
    return torch.cumsum(begin & ~inside, dim=0)
