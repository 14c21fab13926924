"""Memory and time of one very long document, and of a long stream of short ones. Each in a process of its own."""

import random
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Dict, Iterator, List, Sequence

from . import texts
from .pipelines import make_pipeline, make_table, ssner_path
from .printing import Table
from .processes import run_apart
from .settings import Settings

SHORT_REPEATS = 2  # of the tenth of the document
SETTLED = 2_000  # documents after which memory should stay as it is
STEP = 500  # documents between two looks at the memory
SENTENCES_OF_DOC = (1, 1)  # fewest and most


def measure(settings: Settings) -> Dict[str, Any]:
    """Long document and stream.

    RETURNS (Dict[str, Any]): document: characters, words, seconds, peak_mb (above the loaded pipeline), over_linear
        (time over ten times that of a tenth of it), short (the same for the tenth). stream: docs, settled_mb, end_mb,
        drift (share of settled_mb), words_per_second.
    """
    sentences = [s for _, path in settings.corpora for s in texts.read_corpus(path)]
    path = ssner_path(settings, sentences)
    n = settings.long_characters
    text = texts.long_report(sentences, n // 4)[:n]
    short = run_apart(annotate_document, path, text[: n // 10], SHORT_REPEATS)
    long = run_apart(annotate_document, path, text, 1)
    document = {**long, "over_linear": long["seconds"] / (10 * short["seconds"]), "short": short}
    stream_path = settings.stream_pipeline or small_pipeline(settings, sentences)
    return {"document": document, "stream": run_apart(stream, stream_path, sentences, settings.n_stream)}


def small_pipeline(settings: Settings, sentences: Sequence[str]) -> Path:
    """configs/ssner_cnn.cfg, untrained: a stream through it takes a minute, not several."""
    path = settings.work / "cnn"
    if not path.exists():
        table = settings.similar_words or make_table(settings.work / "words.sim", sentences)
        make_pipeline("ssner_cnn.cfg", {"similar_words": table}).to_disk(path)
    return path


def annotate_document(path: Path, text: str, n_repeats: int) -> Dict[str, Any]:
    """Time and memory of one document; the pipeline has annotated a few thousand characters of it before."""
    import spacy

    from spacy_ssner.evaluation.encoder_use import forget_words
    from spacy_ssner.evaluation.memory_use import memory_of

    nlp = spacy.load(path)
    nlp.max_length = max(nlp.max_length, len(text))
    nlp(text[:5_000])
    seconds, words = [], 0

    def annotate() -> None:
        nonlocal words
        start = perf_counter()
        words = len(nlp(text))
        seconds.append(perf_counter() - start)

    used = []
    for _ in range(n_repeats):
        forget_words(nlp)
        used.append(memory_of(annotate))
    return {
        "characters": len(text),
        "words": words,
        "seconds": median(seconds),
        "peak_mb": used[0].above,
        "loaded_mb": used[0].resident,
    }


def stream(path: Path, sentences: Sequence[str], n: int) -> Dict[str, Any]:
    """Resident memory while short documents go through nlp.pipe, looked at now and then.

    The first figure that counts is the one after SETTLED documents, or half of them if there are fewer.
    """
    import spacy

    from spacy_ssner.evaluation.memory_use import resident_memory

    nlp = spacy.load(path)
    settled = min(SETTLED, n // 2)
    seen: List[Any] = []
    words, start = 0, perf_counter()
    for i, doc in enumerate(nlp.pipe(islice(short_texts(sentences), n)), start=1):
        words += len(doc)
        if i >= settled and (i - settled) % STEP == 0 or i == n:
            seen.append(resident_memory())
    seconds = perf_counter() - start
    known = None not in seen
    return {
        "docs": n,
        "pipeline": path.name,
        "settled_mb": seen[0],
        "end_mb": seen[-1],
        "highest_mb": max(seen) if known else None,
        "drift": seen[-1] / seen[0] - 1 if known else None,
        "words_per_second": words / seconds,
    }


def short_texts(sentences: Sequence[str]) -> Iterator[str]:
    """Endless documents of a few real sentences each, with a number that no other document has."""
    rng, number = random.Random(0), 0
    while True:
        chosen = rng.choices(sentences, k=rng.randint(*SENTENCES_OF_DOC))
        yield f"Report {number}. " + " ".join(chosen)
        number += 1


def tables(found: Dict[str, Any]) -> List[Table]:
    document, flow = found["document"], found["stream"]
    rows = [
        [part["characters"], part["words"], part["seconds"], part["words"] / part["seconds"], part["peak_mb"]]
        for part in (document["short"], document)
    ]
    header = ("characters", "words", "seconds", "words/s", "MB above loaded")
    drift = None if flow["drift"] is None else 100 * flow["drift"]
    line = [
        flow["docs"],
        flow["pipeline"],
        flow["settled_mb"],
        flow["end_mb"],
        drift,
        flow["words_per_second"],
    ]
    names = ("documents", "pipeline", "MB settled", "MB at the end", "drift, %", "words/s")
    return [Table("One document", header, rows), Table("Stream", names, [line])]
