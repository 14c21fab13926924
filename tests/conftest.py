"""Shared factories: random scores, the enumeration that checks the CRF, tiny encoders,
small pipelines. No test logic."""

import copy
import itertools

import numpy as np
import pytest
import torch
from hypothesis import settings

from spacy_ssner.labels import legal_transitions
from spacy_ssner.nn.crf import OFF

# The same examples in every run, and no failure because another program keeps the machine busy.
settings.register_profile("spacy_ssner", derandomize=True, deadline=None)
settings.load_profile("spacy_ssner")

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,-:/"
WORDS = ["the", "group", "attack", "##er", "##ed", "used", "malware"]

SIZES = dict(
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
)


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
        legal = torch.from_numpy(legal_transitions(n_labels))
        n_tags = legal.shape[1]
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
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, BertTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*special, *WORDS, *LETTERS, *("##" + letter for letter in LETTERS)]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    folder = tmp_path_factory.mktemp("tiny_bert")
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(vocab), max_position_embeddings=64, initializer_range=0.3, **SIZES)
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_roberta(tmp_path_factory):
    """Folder of a RoBERTa of 2 layers, width 16, with a byte-level BPE vocabulary. Random weights."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import RobertaConfig, RobertaModel, RobertaTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("Ġ", "u")]
    pieces = [*special, *sorted(pre_tokenizers.ByteLevel.alphabet()), *(a + b for a, b in merges)]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocab, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    ids = dict(bos_token_id=0, pad_token_id=1, eos_token_id=2)
    folder = tmp_path_factory.mktemp("tiny_roberta")
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(vocab), max_position_embeddings=66, initializer_range=0.3, **SIZES, **ids
    )
    RobertaModel(config).save_pretrained(folder)
    RobertaTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    return folder


# Text, the types of its entities, their text.
ANNOTATED = (
    (
        "APT29 used Mimikatz against Acme Corp in Kyiv.",
        "HackOrg Tool Org Area",
        "APT29|Mimikatz|Acme Corp|Kyiv",
    ),
    ("The group Lazarus dropped Emotet.", "HackOrg Malware", "Lazarus|Emotet"),
    ("Nothing was stolen on that day.", "", ""),
    (
        "Turla sent Mimikatz to the Foreign Ministry of Peru.",
        "HackOrg Tool Org",
        "Turla|Mimikatz|Foreign Ministry of Peru",
    ),
)


@pytest.fixture(scope="session")
def annotated():
    """Sentences with their entities as (text, [(start, end, label)])."""
    result = []
    for text, labels, mentions in ANNOTATED:
        starts = [(text.index(mention), mention) for mention in mentions.split("|") if mention]
        spans = [(start, start + len(m), label) for (start, m), label in zip(starts, labels.split())]
        result.append((text, spans))
    return result


@pytest.fixture(scope="session")
def make_examples(annotated):
    """Examples of some nlp object."""
    from spacy.training import Example

    def make_examples(nlp, sentences=annotated):
        return [Example.from_dict(nlp.make_doc(text), {"entities": spans}) for text, spans in sentences]

    return make_examples


@pytest.fixture(scope="session")
def tiny_model():
    """Config of a small model: names of sublayers to switch on, then settings of the model itself."""
    sublayers = {
        "char_cnn": {
            "@architectures": "spacy-ssner.CharCNN.v1",
            "width": 8,
            "char_width": 4,
            "max_chars": 12,
        },
        "lexicon": {"@architectures": "spacy-ssner.Lexicon.v1", "width": 6},
        "bilstm": {"@architectures": "spacy-ssner.BiLSTM.v1", "width": 32},
        "similar_words": {"@architectures": "spacy-ssner.SimilarWords.v1", "width": 8},
        "fusion": {"@architectures": "spacy-ssner.Fusion.v1", "n_heads": 2},
    }
    sizes = dict(width=16, depth=1, embed_size=200, window_size=1, maxout_pieces=2, subword_features=True)
    tok2vec = {"@architectures": "spacy.HashEmbedCNN.v2", "pretrained_vectors": None, **sizes}

    def tiny_model(*names, **settings):
        parts = {name: part if name in names else None for name, part in sublayers.items()}
        base = {"@architectures": "spacy-ssner.SSNER.v1", "tok2vec": tok2vec}
        return copy.deepcopy({**base, **parts, **settings})

    return tiny_model


@pytest.fixture(scope="session")
def make_table():
    """A table of similar words from random vectors; the words of the annotated sentences are in it."""
    from spacy_ssner.similarity.table import SimilarWordTable
    from spacy_ssner.similarity.vectors import WordVectors

    def make_table(*, width=6, n_more=4, seed=0):
        words = dict.fromkeys(w.strip(".").lower() for text, *_ in ANNOTATED for w in text.split())
        words = (*words, *(f"filler{i}" for i in range(n_more)))
        vectors = np.random.default_rng(seed).normal(size=(len(words), width)).astype("float32")
        return SimilarWordTable.build(WordVectors(words, vectors), m=5, k=3)

    return make_table


@pytest.fixture(scope="session")
def table_path(make_table, tmp_path_factory):
    """File of a table of similar words."""
    path = tmp_path_factory.mktemp("table") / "words.sim"
    make_table().to_disk(path)
    return path


@pytest.fixture(scope="session")
def lexicon_path(tmp_path_factory):
    """File of a lexicon with the actors and malware of the annotated sentences."""
    from spacy_ssner.lexicon.lexicon import Lexicon, Name

    path = tmp_path_factory.mktemp("lexicon") / "names.lex"
    names = [Name("APT-29", "actor"), Name("Lazarus", "actor"), Name("Turla", "actor")]
    names += [Name("Mimikatz", "malware"), Name("Emotet", "malware"), Name("Page", "malware", True)]
    Lexicon(names).to_disk(path)
    return path


@pytest.fixture(scope="session")
def make_nlp(make_examples, tiny_model, table_path, lexicon_path):
    """A blank pipeline with an initialized `ssner`; by default all sublayers are on."""
    import spacy
    from thinc.api import fix_random_seed

    def make_nlp(*names, sentences=None, settings=None, steps=0, table=table_path, **model):
        fix_random_seed(0)
        nlp = spacy.blank("en")
        names = names or ("char_cnn", "bilstm", "similar_words", "fusion")
        nlp.add_pipe("ssner", config={"model": tiny_model(*names, **model), **(settings or {})})
        files = {"similar_words": str(table), "lexicon": str(lexicon_path)}
        nlp.config["initialize"]["components"]["ssner"] = {k: v for k, v in files.items() if k in names}
        examples = make_examples(nlp) if sentences is None else make_examples(nlp, sentences)
        optimizer = nlp.initialize(lambda: examples)
        optimizer.learn_rate = 0.02
        for _ in range(steps):
            nlp.update(examples, sgd=optimizer)
        return nlp

    return make_nlp


@pytest.fixture(scope="session")
def trained_path(make_nlp, tmp_path_factory):
    """Folder of a pipeline with all sublayers that knows the annotated sentences by heart."""
    path = tmp_path_factory.mktemp("trained") / "pipeline"
    make_nlp(steps=60).to_disk(path)
    return path


@pytest.fixture
def trained(trained_path):
    """A fresh copy of that pipeline, for a test to change."""
    import spacy

    return spacy.load(trained_path)


@pytest.fixture(scope="session")
def found():
    """What a doc holds: (start, end, label, probability) of each entity."""
    return lambda doc: [
        (e.start, e.end, e.label_, pytest.approx(e._.ssner_score, abs=1e-5)) for e in doc.ents
    ]


@pytest.fixture(scope="session")
def gold():
    """Spans of an annotated sentence as they stand in the text: [(text, label)]."""
    return lambda sentence: [(sentence[0][start:end], label) for start, end, label in sentence[1]]


@pytest.fixture(scope="session")
def hf_path(make_nlp, tiny_bert, tmp_path_factory):
    """Folder of an untrained pipeline with all sublayers on the tiny BERT."""
    tok2vec = {"@architectures": "spacy-ssner.HFEncoder.v1", "name": str(tiny_bert)}
    sizes = {"max_pieces": 32, "max_word_pieces": 4, "max_padded": 64}
    path = tmp_path_factory.mktemp("hf") / "pipeline"
    make_nlp(tok2vec={**tok2vec, **sizes}).to_disk(path)
    return path


@pytest.fixture
def write_pdf():
    return _write_pdf


def _write_pdf(path, lines):
    """A page with lines of text, written by hand: pypdf reads, but does not set text."""
    shown = " ".join(f"({line}) Tj T*" for line in lines)
    stream = f"BT /F1 11 Tf 14 TL 40 780 Td {shown} ET".encode("latin1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    data, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    table = f"xref\n0 6\n0000000000 65535 f \n{table}"
    trailer = f"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{len(data)}\n%%EOF\n"
    path.write_bytes(data + (table + trailer).encode())
