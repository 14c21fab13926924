"""Context and similar words brought together. Letters: B windows, T tokens, W width, D similar width."""

import torch
from torch import Tensor, nn


class MultiHeadFusion(nn.Module):
    """Multi-head attention with Q = h (context) and K = V = a (similar words) over the sentence.

    SOURCE: SSNER (Symmetry 2025, 17, 783), eqs. (22)-(23).
    UNSTATED: how h is kept. With K = V = a alone it would be lost, so the result is added to h
        ("residual") or mixed with it by a learned gate ("gate").
    """

    def __init__(self, *, width: int, similar_width: int, n_heads: int, combine: str):
        super().__init__()
        self.width = width
        self.combine = combine
        self.attention = nn.MultiheadAttention(
            width, n_heads, kdim=similar_width, vdim=similar_width, batch_first=True
        )
        self.gate = nn.Linear(2 * width, width) if combine == "gate" else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        if self.gate is not None:
            nn.init.xavier_uniform_(self.gate.weight)
            nn.init.constant_(self.gate.bias, 1.0)  # begin near h

    def forward(self, H: Tensor, A: Tensor, mask: Tensor) -> Tensor:
        """H: (B, T, W). A: (B, T, D). mask: (B, T), no empty row. RETURNS: (B, T, W)."""
        M, _ = self.attention(H, A, A, key_padding_mask=~mask, need_weights=False)  # (B, T, W)
        if self.gate is None:
            return H + M
        g = torch.sigmoid(self.gate(torch.cat([H, M], dim=-1)))
        return g * H + (1 - g) * M
