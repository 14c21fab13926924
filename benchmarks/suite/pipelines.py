"""Pipelines to time: trained ones as they are, others made fresh. Weights do not change the speed of an encoder."""

from pathlib import Path
from typing import Any, Dict, List, Sequence

import numpy as np

from .settings import ROOT, Settings

LABELS = ("Area", "HackOrg", "Malware", "Org", "Tool", "Vulnerability")


def ssner_path(settings: Settings, texts: Sequence[str]) -> Path:
    """The SSNER pipeline that is timed. One that is made has no idea of entities: those it finds are random."""
    if settings.pipelines:
        return settings.pipelines[0]
    path = settings.work / "ssner"
    if not path.exists():
        table = settings.similar_words or make_table(settings.work / "words.sim", texts)
        make_pipeline("ssner_trf.cfg", {"encoder": settings.encoder, "similar_words": table}).to_disk(path)
    return path


def spacy_path(settings: Settings) -> Path:
    """spaCy's `transformer` + `ner`, as configs/baseline_ner.cfg has it."""
    if settings.spacy_pipeline is not None:
        return settings.spacy_pipeline
    path = settings.work / "spacy"
    if not path.exists():
        make_pipeline("baseline_ner.cfg", {"encoder": settings.encoder}).to_disk(path)
    return path


def make_pipeline(config: str, paths: Dict[str, Any], *, labels: Sequence[str] = LABELS) -> Any:
    """Initialise a config of ours on one made-up sentence per label."""
    from spacy.util import fix_random_seed, load_config, load_model_from_config

    overrides = {f"paths.{name}": str(path) for name, path in paths.items()}
    settings = load_config(ROOT / "configs" / config, overrides=overrides)
    settings["initialize"]["before_init"] = None  # it is for training, and would change this whole process
    nlp = load_model_from_config(settings, auto_fill=True, validate=True)
    fix_random_seed(0)
    examples = label_examples(nlp, labels)
    nlp.initialize(lambda: examples)
    return nlp


def label_examples(nlp: Any, labels: Sequence[str]) -> List[Any]:
    """One sentence with one entity of each label."""
    from spacy.tokens import Doc
    from spacy.training import Example

    examples = []
    for label in labels:
        words = ["They", "named", label, "."]
        reference = Doc(nlp.vocab, words=words, ents=["O", "O", f"B-{label}", "O"])
        examples.append(Example(Doc(nlp.vocab, words=words), reference))
    return examples


def make_table(path: Path, texts: Sequence[str], *, width: int = 128, n_words: int = 10_000) -> Path:
    """A table of similar words with random vectors for most words of some texts."""
    import spacy

    from spacy_ssner.similarity.table import SimilarWordTable
    from spacy_ssner.similarity.vectors import WordVectors

    tokenizer = spacy.blank("en").tokenizer
    words = {token.lower_ for doc in tokenizer.pipe(texts) for token in doc if not token.is_space}
    kept = tuple(sorted(words))[:n_words] + tuple(f"filler{i}" for i in range(60))
    vectors = np.random.default_rng(0).normal(size=(len(kept), width)).astype(np.float32)
    SimilarWordTable.build(WordVectors(kept, vectors), source="random").to_disk(path)
    return path
