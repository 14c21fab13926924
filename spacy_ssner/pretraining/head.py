"""A fresh masked-LM head, fitted while the encoder is frozen.

A sentence encoder comes without a masked-LM head. A random one starts worse than chance, and its gradient
tells the encoder nothing. So, before the encoder learns: the bias becomes the log frequency of each piece (closed
form), and the head is fitted on states of the frozen encoder, computed once and used several times.
"""

from typing import Any, Callable, Dict, Iterable, Iterator, List, Tuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .masked_lm import find_head, hidden_states
from .masking import IGNORED

BATCH = 256  # masked pieces in one step


def set_frequency_bias(model: nn.Module, counts: Tensor) -> bool:
    """Set the bias of the scores to the log of the smoothed frequency of each piece.

    counts (Tensor): (V,) how often each piece occurs in the corpus.
    RETURNS (bool): False if the head has no bias that could be set.
    """
    bias = getattr(model.get_output_embeddings(), "bias", None)  # type: ignore[operator]
    if bias is None or bias.shape != counts.shape:
        return False
    smoothed = counts.double() + 0.1
    with torch.no_grad():
        bias.copy_((smoothed / smoothed.sum()).log().to(bias))
    return True


def masked_states(
    model: nn.Module, batches: Iterable[Dict[str, Tensor]], *, autocast: Callable[[], Any], n_pieces: int
) -> Tuple[Tensor, Tensor]:
    """States of masked pieces from the frozen encoder, and the pieces that belong there: (M, W), (M,).

    n_pieces (int): Stop once there are as many.
    """
    model.eval()
    states: List[Tensor] = []
    gold: List[Tensor] = []
    n = 0
    with torch.no_grad():
        for batch in batches:
            chosen = batch["labels"] != IGNORED
            with autocast():
                hidden = hidden_states(model, batch["input_ids"], batch["attention_mask"])[chosen]
            states.append(hidden.float())
            gold.append(batch["labels"][chosen])
            n += len(hidden)
            if n >= n_pieces:
                break
    return torch.cat(states), torch.cat(gold)


def fit_head(
    model: nn.Module,
    states: Tensor,
    gold: Tensor,
    *,
    n_epochs: int,
    learn_rate: float,
    seed: int,
    autocast: Callable[[], Any],
) -> Iterator[float]:
    """Fit the head's own weights; the embeddings it is tied to stay as they are.

    states (Tensor): (M, W). gold (Tensor): (M,) piece ids.
    YIELDS (float): Loss of each step, nats per piece.
    """
    head = find_head(model)
    if head is None:
        return
    frozen = {id(p) for p in model.base_model.parameters()}  # type: ignore[union-attr]
    own = [p for p in head.parameters() if id(p) not in frozen]
    embeddings = [p for p in head.parameters() if id(p) in frozen]
    optimizer = torch.optim.Adam(own, lr=learn_rate)
    n_steps = n_epochs * -(-len(states) // BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / n_steps)
    order = torch.Generator().manual_seed(seed)
    required = [p.requires_grad for p in embeddings]
    for p in embeddings:
        p.requires_grad_(False)
    try:
        for _ in range(n_epochs):
            for rows in torch.randperm(len(states), generator=order).split(BATCH):
                rows = rows.to(states.device)
                with autocast():
                    logits = head(states[rows])
                loss = cross_entropy(logits.float(), gold[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                yield float(loss.detach())
    finally:
        for p, needed in zip(embeddings, required):
            p.requires_grad_(needed)
