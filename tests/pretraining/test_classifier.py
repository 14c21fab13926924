"""The objective of stage B, its collator, and decoding along legal paths."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from spacy_ssner.labels import tag_names
from spacy_ssner.nn.encoder_loading import load_encoder
from spacy_ssner.nn.focal import focal_loss
from spacy_ssner.pretraining.classifier import LabelledMasking, TokenClassifier, best_tags, legal_tags, stack
from spacy_ssner.pretraining.labelled_rows import label_docs
from spacy_ssner.pretraining.masking import IGNORED, MaskSettings, SegmentMasking
from spacy_ssner.pretraining.segments import fixed_law

TAGS = tag_names(["Area", "HackOrg", "Malware", "Org", "Tool"])
SETTINGS = MaskSettings(budget=0.3, mask_share=1.0, random_share=0.0)


@pytest.fixture(scope="module")
def encoder(tiny_bert):
    return load_encoder(str(tiny_bert), max_padded=1024)


@pytest.fixture(scope="module")
def text(encoder, annotated_docs):
    ids = {tag: i for i, tag in enumerate(TAGS)}
    return label_docs(annotated_docs, ids, encoder, max_pieces=30, max_word_pieces=4)


@pytest.fixture
def classifier(encoder):
    torch.manual_seed(0)
    return TokenClassifier(encoder.encoder, len(TAGS), gamma=0.0, dropout=0.0)


@pytest.fixture
def collate(tiny_bert, text):
    from transformers import AutoTokenizer

    def collate(masking=True, *, seed=0):
        tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
        masks = SegmentMasking.from_tokenizer(tokenizer, law=fixed_law(2), settings=SETTINGS, seed=seed)
        masks = masks if masking else None
        return LabelledMasking(masks, pad_id=tokenizer.pad_token_id, n_rows=len(text.rows))

    return collate


def features(text, epoch=0):
    return [{**row, "row": i + epoch * len(text.rows)} for i, row in enumerate(text.rows)]


def test_stack():
    assert stack([np.array([1, 2]), np.array([3])], fill=-1).tolist() == [[1, 2], [3, -1]]


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_loss_is_the_sum_over_labelled_pieces(gamma, classifier, collate, text):
    classifier.eval()
    batch = collate(False)(features(text))
    classifier.gamma = gamma
    expected, n = 0.0, 0
    for row in text.rows:
        ids = torch.from_numpy(row["input_ids"])[None]
        logits = classifier.head(classifier.model(input_ids=ids).last_hidden_state[0])
        labels = torch.from_numpy(row["labels"])
        own = labels != IGNORED
        n += int(own.sum())
        if gamma:
            expected += focal_loss(logits[own], labels[own], gamma=gamma).sum()
        else:
            expected += cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum")
    assert n == len(text.tokens)
    assert_close(classifier(**batch), expected, rtol=1e-4, atol=1e-4)


def test_class_weights_scale_the_loss(encoder, collate, text):
    batch = collate(False)(features(text))
    losses = []
    for weights in (None, torch.full((len(TAGS),), 2.5)):
        torch.manual_seed(0)
        classifier = TokenClassifier(
            encoder.encoder, len(TAGS), gamma=1.0, class_weights=weights, dropout=0.0
        )
        losses.append(classifier.eval()(**batch))
        assert "class_weights" not in classifier.state_dict()
    assert_close(losses[1], 2.5 * losses[0])


def test_all_words_are_labelled_masked_or_not(collate, text):
    plain, masked = collate(False)(features(text)), collate()(features(text))
    assert (plain["labels"] == masked["labels"]).all()
    assert (plain["attention_mask"] == masked["attention_mask"]).all()
    hidden = plain["input_ids"] != masked["input_ids"]
    assert 0.1 < hidden.sum() / plain["attention_mask"].sum() < 0.6
    assert (masked["input_ids"][hidden] == collate().masking.mask_id).all()
    assert (hidden & (plain["labels"] != IGNORED)).any() and (~hidden & (plain["labels"] != IGNORED)).any()
    word_ids = torch.from_numpy(stack([row["word_ids"] for row in text.rows], fill=-1))
    assert not hidden[word_ids < 0].any()
    for row, is_hidden in zip(word_ids, hidden):  # whole words, two side by side
        words = sorted(set(row[is_hidden].tolist()))
        assert all(is_hidden[row == word].all() for word in words)
        assert all((word + 1 in words) or (word - 1 in words) for word in words)


def test_masks_follow_seed_and_epoch(collate, text):
    first = collate()(features(text))["input_ids"]
    assert (collate()(features(text))["input_ids"] == first).all()
    assert (collate()(features(text, epoch=1))["input_ids"] != first).any()
    assert (collate(seed=1)(features(text))["input_ids"] != first).any()


def test_words_are_counted(collate, text):
    counting = collate()
    counting(features(text))
    counting(features(text))
    assert counting.n_words == 2 * sum(len(set(row["word_ids"]) - {-1}) for row in text.rows)


@pytest.mark.parametrize("seed", range(5))
def test_legal_tags_equal_enumeration(seed, make_scores, enumerate_paths, is_legal):
    emissions, transitions = make_scores(3, 4, 2, seed=seed, scale=3.0)
    free = torch.where(transitions < -1000, transitions, torch.zeros_like(transitions))
    lengths = np.array([4, 1, 3])
    scores = torch.cat([emissions[i, :n] for i, n in enumerate(lengths)])
    found = legal_tags(scores, lengths).tolist()
    first = 0
    for i, n in enumerate(lengths):
        paths, values = enumerate_paths(emissions[i, :n], free)
        assert found[first : first + n] == paths[values.argmax()].tolist()
        assert is_legal(found[first : first + n])
        first += n


def test_no_words_have_no_tags():
    assert legal_tags(torch.zeros(0, 5), np.zeros(0, dtype=np.int64)).shape == (0,)


@pytest.mark.parametrize("max_padded", [1, 60])
def test_best_tags_do_not_depend_on_the_batches(max_padded, classifier, text):
    def tags(size):
        return best_tags(classifier, text, pad_id=0, max_padded=size, autocast=torch.no_grad).tolist()

    assert tags(max_padded) == tags(10_000) and len(set(tags(10_000))) > 1
