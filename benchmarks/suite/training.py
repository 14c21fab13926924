"""Time of a training epoch: ours, spaCy's `transformer` + `ner` and a plain PyTorch loop, batch by batch in turns.

Each system runs in a process of its own, because our configs change how the C library treats freed memory.
"""

import random
import zlib
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any, Callable, Dict, List, Tuple

from .printing import Table
from .processes import Workers
from .settings import ROOT, Settings

CONFIGS = {"ssner": "ssner_trf.cfg", "spacy": "baseline_ner.cfg"}
PLAIN = "pytorch"
LEARN_RATE = 2e-4
SEED = 0

Work = Callable[[int], float]  # number of a batch -> seconds
SetUp = Tuple[Work, Dict[str, Any]]


def measure(settings: Settings) -> Dict[str, Any]:
    """Seconds per epoch on each corpus, extrapolated from some batches of a shuffled epoch; see `spread`.

    RETURNS (Dict[str, Any]): By corpus: words, systems (epoch_seconds, batches_timed, batches, words_per_second),
        same_batches (of all systems), ratios (how many times as fast ours is).
    """
    from .pipelines import make_table
    from .texts import read_corpus

    results = {}
    for name, path in settings.train:
        table = settings.similar_words or make_table(settings.work / f"{name}.sim", read_corpus(path))
        paths = {"encoder": str(settings.encoder), "similar_words": str(table)}
        set_ups: Dict[str, Tuple] = {
            system: (set_up_spacy, config, path, {k: v for k, v in paths.items() if k != "similar_words"})
            for system, config in CONFIGS.items()
        }
        set_ups["ssner"] = (set_up_spacy, CONFIGS["ssner"], path, paths)
        set_ups[PLAIN] = (set_up_plain, CONFIGS["ssner"], path, paths)
        with Workers(set_ups) as workers:
            results[name] = time_epoch(workers, settings.max_batches)
    return results


def time_epoch(workers: Workers, max_batches: int) -> Dict[str, Any]:
    """Let all systems train on their batches, one batch each in turns."""
    infos = workers.infos
    n = min(max_batches, *(len(info["sizes"]) for info in infos.values()))
    chosen = {name: spread(info["sizes"], n) for name, info in infos.items()}
    done: Dict[str, List[float]] = {name: [] for name in infos}
    for name in infos:
        workers.ask(name, chosen[name][n // 2])  # the first step allocates
    for i in range(n):
        for name in infos:
            done[name].append(workers.ask(name, chosen[name][i]))
    rows = {name: epoch(seconds, infos[name]) for name, seconds in done.items()}
    ours = rows["ssner"]["epoch_seconds"]
    return {
        "words": infos["ssner"]["words"],
        "systems": rows,
        "same_batches": len({info["digest"] for info in infos.values()}) == 1,
        "ratios": {
            f"over_{name}": row["epoch_seconds"] / ours for name, row in rows.items() if name != "ssner"
        },
    }


def spread(sizes: List[int], n: int) -> List[int]:
    """n batches evenly spaced in the order of their sizes, so that a few stand for all: a batch with a long URL takes
    many times as long as others.

    >>> spread([5, 1, 9, 3, 7, 2], 3)
    [5, 0, 2]
    """
    order = sorted(range(len(sizes)), key=lambda i: sizes[i])
    return [order[int((i + 0.5) * len(order) / n)] for i in range(n)]


def epoch(seconds: List[float], info: Dict[str, Any]) -> Dict[str, Any]:
    """A whole epoch from some batches."""
    n_batches = len(info["sizes"])
    total = sum(seconds) / len(seconds) * n_batches
    return {
        "epoch_seconds": total,
        "words_per_second": info["words"] / total,
        "batches_timed": len(seconds),
        "batches": n_batches,
    }


def set_up_spacy(config: str, path: Path, paths: Dict[str, str]) -> SetUp:
    """A pipeline of a config of ours, initialised on a corpus; it is trained by `nlp.update`, as in spacy train."""
    nlp, batches, training = prepare(config, path, paths)
    optimizer, drop, before_update = (training.get(key) for key in ("optimizer", "dropout", "before_update"))
    steps = count()

    def work(i: int) -> float:
        start = perf_counter()
        if before_update is not None:
            before_update(nlp, {"step": next(steps), "epoch": 0})
        nlp.update(batches[i], sgd=optimizer, drop=drop)
        optimizer.step_schedules()
        return perf_counter() - start

    return work, describe(batches)


def prepare(config: str, path: Path, paths: Dict[str, str]) -> Tuple[Any, List[List[Any]], Dict[str, Any]]:
    """Pipeline, the batches of a shuffled epoch by the config's own batcher, and the resolved [training]."""
    import spacy.registrations  # noqa: F401
    from spacy.util import fix_random_seed, load_config, load_model_from_config, registry

    from .gold import read_examples

    overrides = {f"paths.{name}": value for name, value in paths.items()}
    nlp = load_model_from_config(load_config(ROOT / "configs" / config, overrides=overrides), auto_fill=True)
    fix_random_seed(SEED)
    examples = read_examples(path, nlp)
    nlp.initialize(lambda: examples)
    training = registry.resolve(nlp.config.interpolate()["training"], schema=None, validate=False)
    random.seed(SEED)
    random.shuffle(examples)
    return nlp, list(training["batcher"](examples)), training


def set_up_plain(config: str, path: Path, paths: Dict[str, str]) -> SetUp:
    """A loop as one would write it: encoder and linear head, first pieces labelled, AdamW, the same batches."""
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer
    from transformers import logging as hf_logging

    hf_logging.set_verbosity_error()
    _, batches, _ = prepare(config, path, paths)
    tags = sorted({tag for batch in batches for eg in batch for tag in bio(eg)})
    ids = {tag: i for i, tag in enumerate(tags)}
    tokenizer = AutoTokenizer.from_pretrained(paths["encoder"], use_fast=True, add_prefix_space=True)
    model = AutoModelForTokenClassification.from_pretrained(paths["encoder"], num_labels=len(tags)).train()
    longest = model.config.max_position_embeddings
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARN_RATE)

    def work(i: int) -> float:
        start = perf_counter()
        words = [[token.text for token in eg.predicted] for eg in batches[i]]
        inputs = tokenizer(
            words,
            is_split_into_words=True,
            truncation=True,
            max_length=longest,
            padding=True,
            return_tensors="pt",
        )
        labels = torch.full_like(inputs["input_ids"], -100)
        for row, eg in enumerate(batches[i]):
            label_first_pieces(labels[row], inputs.word_ids(row), [ids[tag] for tag in bio(eg)])
        model(**inputs, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return perf_counter() - start

    return work, describe(batches)


def label_first_pieces(labels: Any, word_ids: List[Any], tags: List[int]) -> None:
    """Write the tag of each word to its first piece."""
    before = None
    for place, word in enumerate(word_ids):
        if word is not None and word != before:
            labels[place] = tags[word]
        before = word


def bio(example: Any) -> List[str]:
    """A tag for each gold token."""
    return [t.ent_iob_ + ("-" + t.ent_type_ if t.ent_type_ else "") for t in example.reference]


def describe(batches: List[List[Any]]) -> Dict[str, Any]:
    """Words of all batches, sizes (padded characters of each), and a checksum of what is in each."""
    texts = [[eg.predicted.text for eg in batch] for batch in batches]
    return {
        "words": sum(len(eg.predicted) for batch in batches for eg in batch),
        "sizes": [len(batch) * max(map(len, batch)) for batch in texts],
        "digest": zlib.crc32("\n\n".join(map("\n".join, texts)).encode("utf8")),
    }


def tables(found: Dict[str, Any]) -> List[Table]:
    """One table per corpus."""
    result = []
    for name, part in found.items():
        rows = [
            [system, row["epoch_seconds"], part["ratios"].get(f"over_{system}", 1.0), row["words_per_second"]]
            for system, row in part["systems"].items()
        ]
        timed = part["systems"]["ssner"]
        title = f"Training on {name}: {timed['batches_timed']} of {timed['batches']} batches timed"
        title += "" if part["same_batches"] else ", batches differ"
        result.append(Table(title, ("system", "seconds an epoch", "x ssner's time", "words/s"), rows))
    return result
