"""Shared factories: random scores, the enumeration that checks the CRF, tiny encoders. No test logic."""

import itertools

import pytest
import torch

from spacy_ssner.labels import legal_transitions
from spacy_ssner.nn.crf import OFF

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,-:/"
WORDS = ["the", "group", "attack", "##er", "##s", "##ed", "used", "malware"]


@pytest.fixture(scope="session")
def enumerate_paths():
    """All tag paths of one window and their scores, as a slow loop would have them."""

    def enumerate_paths(emissions, transitions):
        """emissions: (T, K), T >= 1. transitions: (K + 2, K). RETURNS: paths (K ** T, T), scores (K ** T,)."""
        n_tokens, n_tags = emissions.shape
        paths = torch.tensor(list(itertools.product(range(n_tags), repeat=n_tokens)))
        scores = transitions[n_tags][paths[:, 0]] + transitions[n_tags + 1][paths[:, -1]]
        for t in range(n_tokens):
            scores = scores + emissions[t][paths[:, t]]
        for t in range(1, n_tokens):
            scores = scores + transitions[paths[:, t - 1], paths[:, t]]
        return paths, scores

    return enumerate_paths


@pytest.fixture(scope="session")
def make_scores():
    """Random emissions (B, T, K) and transitions (K + 2, K) of some labels, illegal ones at OFF."""

    def make_scores(n_windows, n_tokens, n_labels, *, seed, scale=1.0, dtype=torch.float32):
        rng = torch.Generator().manual_seed(seed)
        start, follow = (torch.from_numpy(x) for x in legal_transitions(n_labels))
        n_tags = len(start)
        legal = torch.cat([follow, start[None], torch.ones(1, n_tags, dtype=torch.bool)])
        emissions = scale * torch.randn(n_windows, n_tokens, n_tags, generator=rng, dtype=dtype)
        transitions = torch.randn(n_tags + 2, n_tags, generator=rng, dtype=dtype)
        return emissions, transitions.masked_fill(~legal, OFF)

    return make_scores


@pytest.fixture(scope="session")
def is_legal():
    """Does a path of tag numbers keep to the BIO scheme? Written out, not taken from the package."""

    def is_legal(path):
        before = 0
        for tag in path:
            if tag > 0 and tag % 2 == 0 and before not in (tag, tag - 1):
                return False
            before = tag
        return True

    return is_legal


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory):
    """Folder of a BERT of 2 layers, width 16, with a small WordPiece vocabulary. Random weights."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import BertConfig, BertModel, BertTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*special, *WORDS, *LETTERS, *("##" + letter for letter in LETTERS)]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    sizes = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    folder = tmp_path_factory.mktemp("tiny_bert")
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(vocab), max_position_embeddings=64, initializer_range=0.3, **sizes)
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_roberta(tmp_path_factory):
    """Folder of a RoBERTa of 2 layers, width 16, with a byte-level BPE vocabulary. Random weights."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import RobertaConfig, RobertaModel, RobertaTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("Ġ", "u")]
    pieces = [*special, *sorted(pre_tokenizers.ByteLevel.alphabet()), *(a + b for a, b in merges)]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocab, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    sizes = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    ids = dict(bos_token_id=0, pad_token_id=1, eos_token_id=2)
    folder = tmp_path_factory.mktemp("tiny_roberta")
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(vocab), max_position_embeddings=66, initializer_range=0.3, **sizes, **ids
    )
    RobertaModel(config).save_pretrained(folder)
    RobertaTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    return folder
