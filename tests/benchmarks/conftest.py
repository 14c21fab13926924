"""The modules of benchmarks/, which is no package and not installed."""

import importlib
import json
import shutil
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def load(monkeypatch):
    """Import a module of benchmarks/ by name; afterwards they are all forgotten."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if name.split(".")[0] in ("suite", "run", "timing", "masking", "label_errors"):
            sys.modules.pop(name)


@pytest.fixture
def settings(load, tiny_bert, table_path, tmp_path, gold_path):
    """Settings with tiny everything; the encoder's tokenizer says how much the encoder takes, as real ones do."""
    encoder = tmp_path / "encoder"
    shutil.copytree(tiny_bert, encoder)
    notes = json.loads((encoder / "tokenizer_config.json").read_text(encoding="utf8"))
    (encoder / "tokenizer_config.json").write_text(
        json.dumps({**notes, "model_max_length": 64}), encoding="utf8"
    )
    return load("suite.settings").Settings(
        encoder=encoder,
        work=tmp_path,
        corpora=(("dnrti", gold_path),),
        train=(("dnrti", gold_path),),
        similar_words=table_path,
        n_repeats=1,
        n_sentences=6,
        n_reports=1,
        lengths=(60,),
        max_batches=2,
        n_stream=20,
        table_words=300,
        long_characters=400,
    )


@pytest.fixture
def gold_path(annotated, tmp_path):
    """Annotated sentences, three times over, as a .spacy file."""
    import spacy
    from spacy.tokens import DocBin

    nlp = spacy.blank("en")
    docs = []
    for text, spans in annotated * 3:
        doc = nlp(text)
        doc.ents = [doc.char_span(start, end, label=label) for start, end, label in spans]
        docs.append(doc)
    path = tmp_path / "gold.spacy"
    DocBin(docs=docs).to_disk(path)
    return path
