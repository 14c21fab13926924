"""Speed of segment masking: against Hugging Face's whole-word collator, and as a share of a training step.

    python benchmarks/masking.py corpus/dnrti/train.spacy --encoder encoder [--check]

Both collators get the same sentences in the same batches, in turns in one process. The training step is
forward, backward and AdamW of the encoder on one of these batches, with a prediction head on the chosen pieces
only: the cheapest step there is, so the share is not flattered.
"""

import argparse
import sys
from pathlib import Path
from statistics import median
from typing import Any, Callable, Dict, List

from timing import median_ratio, time_in_turns

LEAST_SPEED_UP = 5.0
LARGEST_SHARE = 0.05
OURS, THEIRS = "SegmentMasking", "DataCollatorForWholeWordMask"

Feature = Dict[str, List[int]]


def read_features(path: Path, tokenizer: Any, *, max_pieces: int = 128) -> List[Feature]:
    """Sentences of a .spacy file as features, in their order; pieces behind `max_pieces` are cut."""
    from spacy.vocab import Vocab

    from spacy_ssner.text.docbins import load_docbin

    sentences = [[token.text for token in doc] for doc in load_docbin(path, Vocab()) if len(doc)]
    encoded = tokenizer(sentences, is_split_into_words=True, truncation=True, max_length=max_pieces)
    word_ids = (encoded.word_ids(i) for i in range(len(sentences)))
    return [
        {"input_ids": ids, "word_ids": [-1 if word is None else word for word in words]}
        for ids, words in zip(encoded["input_ids"], word_ids)
    ]


def make_step(folder: str, tokenizer: Any, batch: Dict[str, Any]) -> Callable[[], Any]:
    """A training step of the encoder on one batch, head tied to the word embeddings."""
    import torch
    from transformers import AutoModel

    encoder = AutoModel.from_pretrained(folder, add_pooling_layer=False).train()
    embeddings = encoder.get_input_embeddings().weight
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-5)
    chosen = batch["labels"] >= 0

    def step() -> None:
        states = encoder(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])[0]
        scores = states[chosen] @ embeddings.T
        torch.nn.functional.cross_entropy(scores, batch["labels"][chosen]).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def collate_all(collate: Callable, batches: List[List[Feature]]) -> Callable[[], None]:
    """Run a collator over all batches."""

    def run() -> None:
        for batch in batches:
            collate(batch)

    return run


def measure(corpus: Path, folder: str, *, law: str, batch_size: int, n_repeats: int) -> Dict[str, float]:
    """Words per second of both collators and the share of a step.

    RETURNS (Dict[str, float]): "ours", "theirs" in words per second; "speed_up"; "collate", "step" in
        seconds per batch; "share" of a step.
    """
    from transformers import AutoTokenizer, DataCollatorForWholeWordMask, logging

    from spacy_ssner.pretraining.masking import SegmentMasking
    from spacy_ssner.pretraining.segments import parse_law

    logging.set_verbosity_error()  # the pooler of the encoder is left out on purpose
    tokenizer = AutoTokenizer.from_pretrained(folder)
    features = read_features(corpus, tokenizer)
    batches = [features[i : i + batch_size] for i in range(0, len(features), batch_size)]
    n_words = sum(len(set(feature["word_ids"]) - {-1}) for feature in features)
    ours = SegmentMasking.from_tokenizer(tokenizer, law=parse_law(law), seed=1)
    theirs = DataCollatorForWholeWordMask(tokenizer, mlm_probability=ours.settings.budget)
    jobs = {OURS: collate_all(ours, batches), THEIRS: collate_all(theirs, batches)}
    times = time_in_turns(jobs, n_repeats=n_repeats)
    middle = batches[len(batches) // 2]
    step = make_step(folder, tokenizer, ours(middle))
    step_times = time_in_turns({"collate": lambda: ours(middle), "step": step}, n_repeats=n_repeats)
    return {
        "ours": n_words / median(times[OURS]),
        "theirs": n_words / median(times[THEIRS]),
        "speed_up": median_ratio(times[THEIRS], times[OURS]),
        **{name: median(values) for name, values in step_times.items()},
        "share": median_ratio(step_times["collate"], step_times["step"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("corpus", type=Path, help="a .spacy file")
    parser.add_argument("--encoder", default="encoder", help="Hugging Face folder (BERT)")
    parser.add_argument("--law", default="geometric:0.2:10", help="as for 'spacy ssner pretrain'")
    parser.add_argument("--batch-size", type=int, default=32, help="sentences per batch")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument(
        "--check", action="store_true", help="fail below 5 times the speed or above 5 %% of a step"
    )
    args = parser.parse_args()
    found = measure(
        args.corpus, args.encoder, law=args.law, batch_size=args.batch_size, n_repeats=args.repeats
    )
    print(f"{OURS:<30}{found['ours']:>12,.0f} words/s")
    print(f"{THEIRS:<30}{found['theirs']:>12,.0f} words/s")
    print(f"{'speed-up':<30}{found['speed_up']:>12.1f} x")
    print(f"{'masking one batch':<30}{1000 * found['collate']:>12.2f} ms")
    print(f"{'training step':<30}{1000 * found['step']:>12.2f} ms")
    print(f"{'share of the step':<30}{100 * found['share']:>12.2f} %")
    if args.check and (found["speed_up"] < LEAST_SPEED_UP or found["share"] > LARGEST_SHARE):
        sys.exit(f"Expected at least {LEAST_SPEED_UP} x and at most {100 * LARGEST_SHARE} % of a step.")


if __name__ == "__main__":
    main()
