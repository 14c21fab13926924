"""Multi-head fusion against equations (22)-(23), head by head."""

import math

import pytest
import torch
from torch.testing import assert_close

from spacy_ssner.nn.fusion import MultiHeadFusion

MASK = torch.tensor([[True, True, True, True], [True, True, False, False]])


def make_fusion(combine, n_heads=2):
    torch.manual_seed(0)
    return MultiHeadFusion(width=6, similar_width=3, n_heads=n_heads, combine=combine)


def slow_heads(fusion, H, A, n_heads):
    """One sentence, head by head: softmax(Q K^T / sqrt(d)) V, heads side by side, projected."""
    attention = fusion.attention
    bias_q, bias_k, bias_v = attention.in_proj_bias.chunk(3)
    Q = H @ attention.q_proj_weight.T + bias_q
    K = A @ attention.k_proj_weight.T + bias_k
    V = A @ attention.v_proj_weight.T + bias_v
    heads = []
    for q, k, v in zip(Q.chunk(n_heads, 1), K.chunk(n_heads, 1), V.chunk(n_heads, 1)):
        heads.append((q @ k.T / math.sqrt(q.shape[1])).softmax(dim=1) @ v)
    return torch.cat(heads, dim=1) @ attention.out_proj.weight.T + attention.out_proj.bias


@pytest.mark.parametrize("combine", ["gate", "residual"])
@pytest.mark.parametrize("n_heads", [1, 2, 3])
def test_equals_the_equations_written_out(combine, n_heads):
    fusion = make_fusion(combine, n_heads)
    H, A = torch.randn(2, 4, 6), torch.randn(2, 4, 3)
    Y = fusion(H, A, MASK)
    for i, n in enumerate([4, 2]):
        h = H[i, :n]
        M = slow_heads(fusion, h, A[i, :n], n_heads)
        if combine == "residual":
            expected = h + M
        else:
            g = torch.sigmoid(torch.cat([h, M], dim=1) @ fusion.gate.weight.T + fusion.gate.bias)
            expected = g * h + (1 - g) * M
        assert_close(Y[i, :n], expected)


@pytest.mark.parametrize("combine", ["gate", "residual"])
def test_padding_changes_nothing(combine):
    fusion = make_fusion(combine)
    H, A = torch.randn(2, 4, 6), torch.randn(2, 4, 3)
    Y = fusion(H, A, MASK)
    H[1, 2:], A[1, 2:] = 1e3, -1e3
    assert_close(fusion(H, A, MASK)[MASK], Y[MASK])
    assert_close(fusion(H[1:, :2], A[1:, :2], MASK[1:, :2]), Y[1:, :2])


def test_combine_changes_the_result_and_the_parameters():
    gate, residual = make_fusion("gate"), make_fusion("residual")
    residual.load_state_dict({k: v for k, v in gate.state_dict().items() if "gate" not in k})
    H, A = torch.randn(2, 4, 6), torch.randn(2, 4, 3)
    assert not torch.allclose(gate(H, A, MASK), residual(H, A, MASK))
    assert residual.gate is None


@pytest.mark.parametrize("combine", ["gate", "residual"])
def test_gradient_equals_finite_differences_and_reaches_every_weight(combine):
    fusion = make_fusion(combine).double()
    H = torch.randn(2, 4, 6, dtype=torch.float64, requires_grad=True)
    A = torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda H, A: fusion(H, A, MASK)[MASK], (H, A))
    fusion(H, A, MASK)[MASK].pow(2).sum().backward()
    assert all((weight.grad != 0).any() for weight in fusion.parameters())
