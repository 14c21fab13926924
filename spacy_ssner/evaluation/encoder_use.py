"""What the encoder of a pipeline reads, how long it takes, and how fast it would be with nothing around it.

Letters: b windows of a batch, t pieces of the longest, special pieces included.
"""

import copy
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor, nn

from ..knowledge import similar_word_table
from ..layers.encoder_shim import encoder_layers
from ..layers.pieces import encoder_of
from ..nn.batching import length_groups
from ..nn.parallel import each

if TYPE_CHECKING:
    from spacy.language import Language

BUDGETS = (512, 1024, 2048, 4096)  # padded pieces of a batch that are tried
SAMPLE, N_TRIES = 6_000, 3  # pieces, runs
CPU = torch.device("cpu")

Batch = Tuple[Tensor, Tensor]  # piece ids (b, t) int64 and which are real (b, t) int64


@dataclass
class EncoderUse:
    """What was seen while the pipeline ran.

    windows: Pieces of each window, (t,) int64, special ones included; only if they were asked for.
    n_pieces, n_padded: Pieces without and with padding. seconds: Wall time in which an encoder was at work; batches
        that are computed side by side take it once.
    """

    windows: List[np.ndarray] = field(default_factory=list)
    n_pieces: int = 0
    n_padded: int = 0
    seconds: float = 0.0


@contextmanager
def watch_encoders(nlp: "Language", *, keep_windows: bool = False) -> Iterator[EncoderUse]:
    """Look on while the encoders of a pipeline work. Use the pipeline inside the `with` block.

    keep_windows (bool): Remember the pieces of each window; else only count and time them.
    """
    use, lock = EncoderUse(), Lock()  # batches run in threads
    n_running, since = 0, 0.0

    def before(module: nn.Module, args: Any, kwargs: Dict[str, Any]) -> None:
        nonlocal n_running, since
        _wait_for(kwargs["input_ids"])
        with lock:
            since = since if n_running else perf_counter()
            n_running += 1

    def after(module: nn.Module, args: Any, kwargs: Dict[str, Any], output: Any) -> None:
        nonlocal n_running
        _wait_for(kwargs["input_ids"])
        with lock:
            n_running -= 1
            use.seconds += 0.0 if n_running else perf_counter() - since
            _note(use, kwargs["input_ids"], kwargs.get("attention_mask"), keep_windows)

    hooks: List[Any] = []
    for layer in encoder_layers(nlp):
        module = encoder_of(layer).encoder
        hooks.append(module.register_forward_pre_hook(before, with_kwargs=True))
        hooks.append(module.register_forward_hook(after, with_kwargs=True, always_call=True))
    try:
        yield use
    finally:
        for hook in hooks:
            hook.remove()


def _wait_for(tensor: Tensor) -> None:
    """A GPU works behind the program's back; its time is that until it is done."""
    if tensor.is_cuda:
        torch.cuda.synchronize(tensor.device)


def _note(use: EncoderUse, ids: Tensor, mask: Optional[Tensor], keep_windows: bool) -> None:
    on = torch.ones_like(ids) if mask is None else mask
    use.n_pieces += int(on.sum())
    use.n_padded += ids.numel()
    if keep_windows:
        rows = zip(ids.cpu().numpy(), on.bool().cpu().numpy())
        use.windows.extend(row[real] for row, real in rows)


def windows_read(nlp: "Language", texts: Sequence[str]) -> EncoderUse:
    """Run the pipeline over texts and keep the windows that its encoders read."""
    with watch_encoders(nlp, keep_windows=True) as use:
        for _ in nlp.pipe(texts):
            pass
    return use


@contextmanager
def without_piece_cap(nlp: "Language") -> Iterator[None]:
    """Let the encoders read all pieces of every word, for as long as the block lasts."""
    layers = encoder_layers(nlp)
    caps = [layer.attrs["max_word_pieces"] for layer in layers]
    try:
        for layer in layers:
            layer.attrs["max_word_pieces"] = layer.attrs["max_pieces"]
        forget_words(nlp)
        yield
    finally:
        for layer, cap in zip(layers, caps):
            layer.attrs["max_word_pieces"] = cap
        forget_words(nlp)


def forget_words(nlp: "Language") -> None:
    """Empty what our layers remember of words, so that the same texts are new to them when timed again."""
    for layer in encoder_layers(nlp):
        encoder_of(layer).__dict__.get("piece_cache", {}).clear()
    for _, pipe in nlp.pipeline:
        model: Any = getattr(pipe, "model", None)
        if getattr(model, "name", None) == "ssner":
            table = similar_word_table(model)
            if table is not None:
                table._cache = copy.copy(table._cache)  # a copy is empty


def ideal_batches(
    windows: Sequence[np.ndarray], *, pad: int, max_padded: int, device: torch.device = CPU
) -> List[Batch]:
    """Windows sorted by length, in batches of at most `max_padded` padded pieces, on a device."""
    lengths = np.array([len(window) for window in windows], dtype=np.int64)
    batches = []
    for group in length_groups(lengths, max_padded=max_padded):
        ids = np.full((len(group), int(lengths[group].max())), pad, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, i in enumerate(group):
            ids[row, : lengths[i]] = windows[i]
            mask[row, : lengths[i]] = 1
        batches.append((torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)))
    return batches


def predict_in_bfloat16(nlp: "Language") -> None:
    """As `bfloat16 = true` in the config of each encoder of a loaded pipeline does; nothing of it is saved."""
    for layer in encoder_layers(nlp):
        encoder_of(layer).predicts_in_bfloat16 = True


def run_bare(encoder: nn.Module, batches: Sequence[Batch], *, bfloat16: bool = False) -> None:
    """Forward passes and nothing else, side by side as in a prediction: the limit of a pipeline on this encoder."""

    def run(batch: Batch) -> None:
        with torch.autocast(batch[0].device.type, dtype=torch.bfloat16, enabled=bfloat16):
            encoder(input_ids=batch[0], attention_mask=batch[1])

    with torch.inference_mode():
        for _ in each(run, batches, device=batches[0][0].device if batches else CPU):
            pass
        for ids, _ in batches[-1:]:
            _wait_for(ids)


def best_budget(
    encoder: nn.Module,
    windows: Sequence[np.ndarray],
    *,
    pad: int,
    device: torch.device,
    bfloat16: bool = False,
) -> int:
    """Padded pieces of a batch with which the encoder is fastest on a sample of the windows.

    device (torch.device): Where the encoder is. bfloat16 (bool): How it computes.

    Each of BUDGETS runs N_TRIES times, and the best of its times counts.
    """
    sample = windows[:: max(1, sum(map(len, windows)) // SAMPLE)]
    batches = {n: ideal_batches(sample, pad=pad, max_padded=n, device=device) for n in BUDGETS}
    seconds = dict.fromkeys(BUDGETS, float("inf"))
    for _ in range(N_TRIES):
        for budget in BUDGETS:
            start = perf_counter()
            run_bare(encoder, batches[budget], bfloat16=bfloat16)
            seconds[budget] = min(seconds[budget], perf_counter() - start)
    return min(seconds, key=lambda budget: seconds[budget])
