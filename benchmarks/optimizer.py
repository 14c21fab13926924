"""A step of our optimizer beside Thinc's over all weights of an encoder, and torch's AdamW as one would call it.

python benchmarks/optimizer.py encoder
"""

import argparse
from functools import partial
from typing import Any, Dict

import torch
from thinc.api import Adam
from timing import median_ratio, time_in_turns
from transformers import AutoModel

from spacy_ssner.optimizer import make_fused_adam

SETTINGS: Dict[str, Any] = {"L2": 0.01, "L2_is_weight_decay": True, "grad_clip": 1.0, "use_averages": False}
RATE = 2e-4


def step_each(optimizer: Any, parameters: Dict[str, torch.nn.Parameter]) -> None:
    for name, weight in parameters.items():
        optimizer((0, name), weight.detach().numpy(), weight.grad.numpy())


def torch_step(optimizer: torch.optim.Optimizer, parameters: Dict[str, torch.nn.Parameter]) -> None:
    torch.nn.utils.clip_grad_norm_(parameters.values(), SETTINGS["grad_clip"])
    optimizer.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder", help="a Hugging Face folder")
    parser.add_argument("--repeats", type=int, default=30)
    args = parser.parse_args()
    parameters = dict(AutoModel.from_pretrained(args.encoder).named_parameters())

    def fill_gradients() -> None:
        for weight in parameters.values():
            weight.grad = torch.randn_like(weight) * 1e-3

    theirs = torch.optim.AdamW(parameters.values(), lr=RATE, weight_decay=SETTINGS["L2"])
    jobs = {
        "thinc": partial(step_each, Adam(RATE, **SETTINGS), parameters),
        "ours": partial(step_each, make_fused_adam(RATE, **SETTINGS), parameters),
        "torch": partial(torch_step, theirs, parameters),
    }
    fill_gradients()
    times = time_in_turns(jobs, n_repeats=args.repeats, before=fill_gradients)
    n_weights = sum(weight.numel() for weight in parameters.values())
    print(f"{n_weights:,} weights, {torch.get_num_threads()} threads")
    print("optimizer | ms a step | time over ours")
    for name, seconds in times.items():
        middle = sorted(seconds)[len(seconds) // 2]
        print(f"{name} | {middle * 1e3:.1f} | {median_ratio(seconds, times['ours']):.2f}")


if __name__ == "__main__":
    main()
