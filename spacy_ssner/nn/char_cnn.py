"""Words from their characters. Letters: U words, C characters, E character width, W width."""

import torch
from torch import Tensor, nn

N_CHARS = 256  # ids that layers/word_features.py gives out; 0 is padding


class CharCNN(nn.Module):
    """Convolution over the characters of a word, maximum over its places.

    SOURCE: SSNER (Symmetry 2025, 17, 783), eq. (19); Ma and Hovy 2016 for the form.
    UNSTATED: sizes, and the maximum as pooling.
    """

    def __init__(self, *, width: int, char_width: int, kernel_size: int):
        super().__init__()
        self.width = width
        self.embed = nn.Embedding(N_CHARS, char_width, padding_idx=0)
        self.conv = nn.Conv1d(char_width, width, kernel_size, padding=kernel_size // 2)
        self.dropout = nn.Dropout(0.0)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        bound = (3.0 / self.embed.embedding_dim) ** 0.5
        nn.init.uniform_(self.embed.weight, -bound, bound)
        with torch.no_grad():
            self.embed.weight[0].zero_()
        nn.init.xavier_uniform_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]

    def forward(self, char_ids: Tensor) -> Tensor:
        """char_ids: (U, C), 0 = padding. RETURNS: (U, W)."""
        if char_ids.numel() == 0:  # no word, as in a batch of empty docs: nothing to convolve
            return self.conv.weight.new_zeros(len(char_ids), self.width)
        X = self.dropout(self.embed(char_ids)).transpose(1, 2)  # (U, E, C)
        Y = self.conv(X)  # (U, W, C): kernel_size is odd
        Y = Y.masked_fill((char_ids == 0).unsqueeze(1), -1e4)
        return torch.relu(Y.amax(dim=2))  # (U, W); a word of no characters gives zeros
