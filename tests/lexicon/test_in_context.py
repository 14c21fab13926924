"""On real text: a name listed after training is found in context, ordinary words that are listed are not."""

import os
from itertools import islice
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import fix_random_seed

from spacy_ssner.corpus.convert import convert
from spacy_ssner.corpus.docs import make_docs
from spacy_ssner.knowledge import lexicon_of
from spacy_ssner.lexicon.build import build_lexicon
from spacy_ssner.lexicon.lexicon import Name
from spacy_ssner.lexicon.sources import read_source

SHARE = Path(os.environ.get("SSNER_DATA", "none"))
ORDINARY = ("tool", "page", "will", "magic", "play", "hive")
NEW = ("Zentropix", "Korvaluna", "Brathook")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (SHARE / "knowledge" / "misp-galaxy").is_dir(), reason="needs SSNER_DATA"),
]


@pytest.fixture(scope="module")
def nlp(tiny_model, tmp_path_factory):
    """One pass over 800 sentences of CyNER's training split, with the names of MISP galaxy."""
    fix_random_seed(0)
    files = sorted((SHARE / "knowledge" / "misp-galaxy").glob("*.json.gz"))
    lexicon, _ = build_lexicon(record for path in files for record in read_source(path).records)
    path = tmp_path_factory.mktemp("galaxy") / "names.lex"
    lexicon.to_disk(path)
    nlp = spacy.blank("en")
    nlp.add_pipe("ssner", config={"model": tiny_model("lexicon")})
    nlp.config["initialize"]["components"]["ssner"] = {"lexicon": str(path)}
    docs = [doc for doc in read(nlp, "train") if doc.ents][:800]
    examples = [Example(plain(doc), doc) for doc in docs]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for i in range(0, len(examples), 16):
        nlp.update(examples[i : i + 16], sgd=optimizer)
    return nlp


def read(nlp, split):
    sentences, _ = convert(SHARE / "data" / "cyner" / "raw" / f"{split}.txt")
    return make_docs(sentences, nlp.vocab)


def plain(doc, words=None):
    return Doc(doc.vocab, words=words or [token.text for token in doc])


def test_new_names_are_found_and_ordinary_words_are_not(nlp):
    held_out = list(islice(read(nlp, "valid"), 600))
    made = []
    for doc in held_out:
        for ent in doc.ents:
            if ent.label_ == "Malware" and len(ent) == 1:
                words = [token.text for token in doc]
                words[ent.start] = NEW[len(made) % 3]
                made.append((words, ent.start))

    def hits():
        docs = nlp.pipe(Doc(nlp.vocab, words=words) for words, _ in made)
        return sum(doc[place].ent_type_ == "Malware" for doc, (_, place) in zip(docs, made))

    before = hits()
    pipe = nlp.get_pipe("ssner")
    ordinary = [Name(word.title(), "malware", True) for word in ORDINARY]
    pipe.set_lexicon(lexicon_of(pipe.model).with_names([*(Name(word, "malware") for word in NEW), *ordinary]))
    assert len(made) > 50 and hits() >= before + len(made) // 10
    words = [token for doc in nlp.pipe(map(plain, held_out)) for token in doc if token.text in ORDINARY]
    assert len(words) > 10 and not any(token.ent_type_ for token in words)
