"""The texts that all systems get: shuffled sentences, sample reports, long reports with tables of indicators."""

import json
import random
from itertools import cycle
from pathlib import Path
from typing import Iterator, List, Sequence

from .settings import SAMPLE

HEX = "0123456789abcdef"
SENTENCES_OF_PARAGRAPH = 5
PARAGRAPHS_OF_TABLE = 8  # paragraphs between two tables of indicators
ROWS = 8


def read_corpus(path: Path) -> List[str]:
    """Sentences of a .conll or .spacy file as texts, words joined by spaces."""
    from spacy_ssner.text.reading import read_sentences

    return [" ".join(words) for words in read_sentences(path) if words]


def mixed_sentences(paths: Sequence[Path], n: int, *, seed: int = 0) -> List[str]:
    """n sentences, as many from each file as from the others where it has them, shuffled."""
    rng = random.Random(seed)
    chosen: List[str] = []
    for i, path in enumerate(paths):
        sentences = read_corpus(path)
        share = (n - len(chosen)) // (len(paths) - i)
        chosen += rng.sample(sentences, min(share, len(sentences)))
    rng.shuffle(chosen)
    return chosen


def sample_reports(n: int) -> List[str]:
    """Reports of the sample corpus, those of test first."""
    files = [SAMPLE / f"{split}.jsonl" for split in ("test", "dev", "train")]
    lines = (line for path in files for line in path.read_text(encoding="utf8").splitlines())
    return [json.loads(line)["text"] for _, line in zip(range(n), lines)]


def long_report(sentences: Sequence[str], n_words: int, *, seed: int = 0) -> str:
    """Real sentences in paragraphs, tables of indicators between them, at least n_words words (blanks between)."""
    parts, words = [], 0
    stream = _blocks(sentences, random.Random(seed))
    while words < n_words:
        block = next(stream)
        parts.append(block)
        words += len(block.split())
    return "\n\n".join(parts)


def _blocks(sentences: Sequence[str], rng: random.Random) -> Iterator[str]:
    pool = cycle(rng.sample(list(sentences), len(sentences)))
    while True:
        for _ in range(PARAGRAPHS_OF_TABLE):
            yield " ".join(next(pool) for _ in range(SENTENCES_OF_PARAGRAPH))
        yield "\n".join(["Type Indicator First seen", *(_row(rng) for _ in range(ROWS))])


def _row(rng: random.Random) -> str:
    """A row of a table of indicators: a hash, an address or a URL, as often as each other."""
    octets = ".".join(str(rng.randrange(1, 255)) for _ in range(4))
    name = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(10))
    kinds = [
        ("SHA256", "".join(rng.choice(HEX) for _ in range(64))),
        ("MD5", "".join(rng.choice(HEX) for _ in range(32))),
        ("C2", f"{octets}:{rng.choice((80, 443, 8080))}"),
        ("URL", f"hxxps://{name}[.]example[.]net/{rng.randrange(1000)}/gate.php"),
    ]
    kind, value = rng.choice(kinds)
    return f"{kind} {value} 2031-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"


def count_words(texts: Sequence[str]) -> int:
    """Words that a speed counts, the same for every system: tokens of spaCy's English that are not white space."""
    import spacy

    tokenizer = spacy.blank("en").tokenizer
    return sum(not token.is_space for doc in tokenizer.pipe(texts) for token in doc)
