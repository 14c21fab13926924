"""BiLSTM over the words of a sentence. Letters: B windows, T tokens, W width."""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class BiLSTM(nn.Module):
    """Both directions over a sentence, side by side.

    width: of both directions together, even.
    SOURCE: SSNER (Symmetry 2025, 17, 783), eq. (21). UNSTATED: number of layers.
    """

    def __init__(self, *, input_width: int, width: int, n_layers: int):
        super().__init__()
        self.width = width
        self.lstm = nn.LSTM(input_width, width // 2, n_layers, batch_first=True, bidirectional=True)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for name, weight in self.lstm.named_parameters():
            if "weight_hh" in name:
                nn.init.orthogonal_(weight)
            elif "weight_ih" in name:
                nn.init.xavier_uniform_(weight)
            else:
                nn.init.zeros_(weight)
                if "bias_ih" in name:  # forget gate open at the start
                    with torch.no_grad():
                        weight[weight.shape[0] // 4 : weight.shape[0] // 2] = 1.0

    def forward(self, X: Tensor, mask: Tensor) -> Tensor:
        """X: (B, T, input_width). mask: (B, T), left-aligned, no empty row. RETURNS: (B, T, W)."""
        lengths = mask.sum(dim=1).cpu()
        packed = pack_padded_sequence(X, lengths, batch_first=True, enforce_sorted=False)
        Y, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=X.shape[1])
        return Y
