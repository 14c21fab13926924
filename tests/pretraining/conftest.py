"""Tokenizers of three kinds, real sentences as features, and a chi-square test."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

SAMPLE = Path(__file__).parents[2] / "assets" / "sample" / "unlabelled.txt"
SPECIAL = {
    "cls_token": "<s>",
    "sep_token": "</s>",
    "mask_token": "<mask>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
}


@pytest.fixture(scope="session")
def sentences():
    """The sentences of the sample's unlabelled text, as words and punctuation marks."""
    lines = re.split(r"(?<=[.!?])\s+|\n+", SAMPLE.read_text(encoding="utf8"))
    return [words for words in (re.findall(r"\w+|[^\w\s]", line) for line in lines) if words]


@pytest.fixture(scope="session")
def make_fast(sentences):
    """Train a small tokenizer on the sample: "bpe" (byte level, as RoBERTa) or "unigram" (as SentencePiece)."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    def make_fast(kind, **changes):
        special = {name: token for name, token in {**SPECIAL, **changes}.items() if token}
        settings = dict(vocab_size=900, special_tokens=list(special.values()), show_progress=False)
        if kind == "bpe":
            tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
            trainer = trainers.BpeTrainer(**settings, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
        else:
            tokenizer = Tokenizer(models.Unigram())
            tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
            trainer = trainers.UnigramTrainer(**settings, unk_token="<unk>")
        tokenizer.train_from_iterator([" ".join(words) for words in sentences[:400]], trainer)
        ids = [(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ids)
        return PreTrainedTokenizerFast(tokenizer_object=tokenizer, add_prefix_space=True, **special)

    return make_fast


@pytest.fixture(scope="session")
def make_features():
    """Encode sentences of words: [{"input_ids", "word_ids"}], special tokens with word number -1."""

    def make_features(tokenizer, sentences):
        encoded = tokenizer(sentences, is_split_into_words=True)
        words = [
            [-1 if word is None else word for word in encoded.word_ids(i)] for i in range(len(sentences))
        ]
        return [{"input_ids": ids, "word_ids": row} for ids, row in zip(encoded["input_ids"], words)]

    return make_features


@pytest.fixture(scope="session")
def chi_square():
    """Probability of counts at least as far from the expected shares, if these are true."""

    def chi_square(counts, shares):
        counts, shares = np.asarray(counts, dtype=float), np.asarray(shares, dtype=float)
        assert counts[shares == 0].sum() == 0
        counts, expected = counts[shares > 0], counts.sum() * shares[shares > 0]
        assert expected.min() >= 5, "too few counts for the test"
        if len(counts) == 1:
            return 1.0
        statistic = ((counts - expected) ** 2 / expected).sum()
        freedom = torch.tensor((len(counts) - 1) / 2, dtype=torch.float64)
        return torch.special.gammaincc(freedom, torch.tensor(statistic / 2)).item()

    return chi_square


@pytest.fixture(scope="session")
def annotated_docs(annotated):
    """The annotated sentences as docs with entities and sentence boundaries."""
    import spacy

    nlp = spacy.blank("en")
    docs = []
    for text, spans in annotated:
        doc = nlp.make_doc(text)
        doc.set_ents([doc.char_span(start, end, label) for start, end, label in spans])
        for token in doc:
            token.is_sent_start = token.i == 0
        docs.append(doc)
    return docs


@pytest.fixture(scope="session")
def write_spacy():
    """Write docs to a .spacy file and give its path."""
    from spacy.tokens import DocBin

    def write_spacy(path, docs):
        DocBin(attrs=("ENT_IOB", "ENT_TYPE", "SENT_START"), docs=docs).to_disk(path)
        return path

    return write_spacy
