"""Masking of real sentences with three kinds of tokenizer, and the collator."""

import pickle

import numpy as np
import pytest
import torch

from spacy_ssner.encoders import MINILM_PACKAGE, packaged_minilm
from spacy_ssner.pretraining.masking import IGNORED, MaskSettings, SegmentMasking, mask_batch
from spacy_ssner.pretraining.segments import LengthLaw, fixed_law, geometric_law, token_law, whole_word_law

pytest.importorskip("transformers")

ENTITY = LengthLaw("entity", (0.58, 0.28, 0.09, 0.03, 0.02))
LAWS = [ENTITY, geometric_law(0.2, 10), fixed_law(3), whole_word_law(), token_law()]
TOKENIZERS = ["minilm", "bpe", "unigram"]
LIKELY = 1e-3  # a smaller probability of the counts is taken as a fault
BATCH = 32


@pytest.fixture(scope="module")
def get_tokenizer(make_fast):
    from transformers import AutoTokenizer

    made = {}

    def get_tokenizer(kind):
        if kind == "minilm":
            pytest.importorskip(MINILM_PACKAGE)
        if kind not in made:
            is_minilm = kind == "minilm"
            made[kind] = AutoTokenizer.from_pretrained(packaged_minilm()) if is_minilm else make_fast(kind)
        return made[kind]

    return get_tokenizer


@pytest.fixture(scope="module")
def get_features(get_tokenizer, make_features, sentences):
    made = {}

    def get_features(kind):
        if kind not in made:
            made[kind] = make_features(get_tokenizer(kind), sentences)
        return made[kind]

    return get_features


@pytest.fixture(params=TOKENIZERS)
def tokenizer(request, get_tokenizer):
    return get_tokenizer(request.param)


@pytest.fixture
def features(tokenizer, request, get_features):
    return get_features(request.node.callspec.params["tokenizer"])


def run_epochs(collator, features, *, n_sentences, batch_size=BATCH):
    """Mask at least so many sentences: yields input_ids, word_ids as they came in, and what became of them."""
    for epoch in range(-(-n_sentences // len(features))):
        collator.set_epoch(epoch)
        for i in range(0, len(features), batch_size):
            input_ids, word_ids, _ = collator.pad(features[i : i + batch_size])
            yield input_ids, word_ids, collator.mask(input_ids, word_ids)


def segment_lengths(word_ids, chosen):
    """Lengths in words of the runs of chosen words, by loops over the rows."""
    lengths = []
    for words, mask in zip(word_ids, chosen):
        hit = {word: bool(m) for word, m in zip(words.tolist(), mask) if word >= 0}
        run = 0
        for is_hit in [*hit.values(), False]:
            if not is_hit and run:
                lengths.append(run)
            run = run + 1 if is_hit else 0
    return lengths


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_budget_and_law_over_ten_thousand_sentences(law, tokenizer, features, chi_square):
    collator = SegmentMasking.from_tokenizer(tokenizer, law=law, seed=3)
    n_pieces = n_chosen = n_segments = n_shortened = 0
    lengths = []
    for number, (_, word_ids, masked) in enumerate(run_epochs(collator, features, n_sentences=10_000)):
        n_pieces += (word_ids >= 0).sum()
        n_chosen += masked.chosen.sum()
        n_segments += masked.n_segments
        n_shortened += masked.n_shortened
        if law.unit == "word" and number % 4 == 0:
            lengths += segment_lengths(word_ids, masked.chosen)
    assert abs(n_chosen / n_pieces - 0.15) < 0.005
    assert n_shortened <= 0.001 * n_segments
    if law.unit == "word":
        counts = np.bincount(lengths, minlength=len(law.probabilities) + 1)[1:]
        assert chi_square(counts, law.probabilities) > LIKELY


@pytest.mark.parametrize("batch_size", [1, 4])
def test_budget_of_small_batches(batch_size, get_tokenizer, get_features):
    """Short sentences on their own: the budget is below one segment for most of them."""
    features = [feature for feature in get_features("bpe") if len(feature["input_ids"]) <= 14][:60]
    collator = SegmentMasking.from_tokenizer(get_tokenizer("bpe"), law=ENTITY, seed=1)
    found = list(run_epochs(collator, features, n_sentences=3000, batch_size=batch_size))
    n_chosen = np.array([masked.chosen.sum() for _, _, masked in found])
    share = n_chosen.sum() / sum((word_ids >= 0).sum() for _, word_ids, _ in found)
    assert abs(share - 0.15) < 0.01
    assert (n_chosen == 0).any() and (n_chosen > 0).any()


def test_no_word_is_masked_in_part(tokenizer, features):
    collator = SegmentMasking.from_tokenizer(tokenizer, law=ENTITY)
    n_long = 0
    for _, word_ids, masked in run_epochs(collator, features[:300], n_sentences=300):
        for words, chosen, lengths in zip(word_ids, masked.chosen, masked.lengths):
            for word in set(words[chosen].tolist()):
                assert chosen[words == word].all() and len(set(lengths[words == word].tolist())) == 1
                n_long += (words == word).sum() > 1
    assert n_long > 20


def test_lengths_are_those_of_the_segments(tokenizer, features):
    collator = SegmentMasking.from_tokenizer(tokenizer, law=ENTITY)
    for _, word_ids, masked in run_epochs(collator, features[:300], n_sentences=300):
        told = [
            masked.lengths[b][word_ids[b] == word][0]
            for b in range(len(word_ids))
            for word in set(word_ids[b][masked.chosen[b]].tolist())
        ]
        runs = segment_lengths(word_ids, masked.chosen)
        assert sorted(told) == sorted(length for length in runs for _ in range(length))
        assert len(runs) == masked.n_segments


def test_what_is_not_chosen_stays(tokenizer, features):
    for law in (ENTITY, token_law()):
        collator = SegmentMasking.from_tokenizer(tokenizer, law=law)
        for input_ids, word_ids, masked in run_epochs(collator, features[:300], n_sentences=300):
            assert not masked.chosen[word_ids < 0].any()
            assert (masked.input_ids == input_ids)[~masked.chosen].all()
            assert ((masked.lengths > 0) == masked.chosen).all()


@pytest.mark.parametrize("per", ["segment", "token"])
def test_shares_of_mask_random_and_unchanged(per, get_tokenizer, get_features):
    tokenizer, features = get_tokenizer("bpe"), get_features("bpe")
    settings = MaskSettings(per=per)
    collator = SegmentMasking.from_tokenizer(tokenizer, law=fixed_law(3), settings=settings)
    is_mask, is_same, is_mixed = [], [], []
    for input_ids, word_ids, masked in run_epochs(collator, features, n_sentences=3000):
        for ids, new, words, chosen in zip(input_ids, masked.input_ids, word_ids, masked.chosen):
            places = np.flatnonzero(chosen)
            breaks = np.flatnonzero(np.diff(words[places]) > 1) + 1
            for segment in filter(len, np.split(places, breaks)):
                masks = new[segment] == tokenizer.mask_token_id
                is_mixed.append(masks.any() and not masks.all())
                # One piece of each segment, so that the decisions counted are independent.
                is_mask.append(masks[0])
                is_same.append(new[segment[0]] == ids[segment[0]])
    n = len(is_mask)
    assert abs(np.mean(is_mask) - 0.8) < 4 * np.sqrt(0.16 / n)
    assert abs(np.mean(is_same) - 0.1) < 4 * np.sqrt(0.09 / n) + 1 / len(collator.random_ids)
    assert any(is_mixed) == (per == "token")


def test_random_pieces_are_drawn_each_and_are_never_special(get_tokenizer, get_features):
    tokenizer = get_tokenizer("unigram")
    settings = MaskSettings(mask_share=0.0, random_share=1.0)
    collator = SegmentMasking.from_tokenizer(tokenizer, law=fixed_law(3), settings=settings)
    drawn = [
        masked.input_ids[masked.chosen]
        for *_, masked in run_epochs(collator, get_features("unigram"), n_sentences=800)
    ]
    counts = np.bincount(np.concatenate(drawn), minlength=len(tokenizer))
    assert not counts[tokenizer.all_special_ids].any()
    assert (counts > 0).mean() > 0.9


def test_all_or_nothing_unchanged(get_tokenizer, get_features):
    settings = MaskSettings(mask_share=0.0, random_share=0.0)
    collator = SegmentMasking.from_tokenizer(get_tokenizer("bpe"), law=ENTITY, settings=settings)
    batch = collator(get_features("bpe")[:BATCH])
    chosen = batch["labels"] != IGNORED
    assert chosen.any() and (batch["labels"] == batch["input_ids"])[chosen].all()


def test_batch_of_the_collator(tokenizer, features):
    collator = SegmentMasking.from_tokenizer(tokenizer, law=ENTITY)
    rows = features[:BATCH]
    batch = collator([{**row, "row": i} for i, row in enumerate(rows)])
    assert set(batch) == {"input_ids", "attention_mask", "labels", "segment_lengths"}
    assert batch["input_ids"].shape[1] == max(len(row["input_ids"]) for row in rows)
    assert batch["attention_mask"].sum(1).tolist() == [len(row["input_ids"]) for row in rows]
    chosen = batch["labels"] != IGNORED
    for i, row in enumerate(rows):
        n = len(row["input_ids"])
        assert (batch["input_ids"][i, n:] == tokenizer.pad_token_id).all()
        assert not batch["attention_mask"][i, n:].any() and not chosen[i, n:].any()
        original = torch.where(chosen, batch["labels"], batch["input_ids"])[i, :n]
        assert original.tolist() == row["input_ids"]
    assert torch.equal(batch["segment_lengths"] > 0, chosen)
    assert {str(values.dtype) for values in batch.values()} == {"torch.int64", "torch.int32"}


def test_masks_depend_on_seed_epoch_and_batch_only(get_tokenizer, get_features):
    features = get_features("bpe")
    first, second = features[:BATCH], features[BATCH : 2 * BATCH]

    def masks(collator, batch, epoch=0):
        collator.set_epoch(epoch)
        return collator(batch)["input_ids"]

    def make(seed=0):
        return SegmentMasking.from_tokenizer(get_tokenizer("bpe"), law=ENTITY, seed=seed)

    collator = make()
    expected = masks(collator, second)
    assert torch.equal(masks(make(), second), expected)  # after a restart, without the batch before
    masks(collator, first)
    assert torch.equal(masks(collator, second), expected)
    assert torch.equal(masks(pickle.loads(pickle.dumps(collator)), second), expected)  # a worker's copy
    arrays = [{name: np.array(values) for name, values in row.items()} for row in second]
    assert torch.equal(masks(make(), arrays), expected)
    assert not torch.equal(masks(make(seed=1), second), expected)
    assert not torch.equal(masks(collator, second, epoch=1), expected)
    masks(collator, first, epoch=5)
    assert torch.equal(masks(collator, second, epoch=0), expected)


SETTINGS = dict(mask_id=4, random_ids=np.arange(5, 50))


def mask_rows(word_ids, *, law=ENTITY, seed=0, **settings):
    word_ids = np.array(word_ids, dtype=np.int32)
    input_ids = np.arange(word_ids.size).reshape(word_ids.shape) + 5
    rng = np.random.default_rng(seed)
    masked = mask_batch(input_ids, word_ids, law=law, settings=MaskSettings(**settings), rng=rng, **SETTINGS)
    assert (input_ids == np.arange(word_ids.size).reshape(word_ids.shape) + 5).all()
    return masked


@pytest.mark.parametrize("word_ids", [[[-1, -1]], [[-1, -1], [-1, -1]], np.zeros((0, 4)), np.zeros((3, 0))])
def test_batch_without_words(word_ids):
    masked = mask_rows(word_ids)
    assert not masked.chosen.any() and masked.n_segments == masked.n_shortened == 0


def test_rows_of_one_word():
    counts = [mask_rows([[-1, 0, 0, -1]] * 20 + [[-1] * 4], law=fixed_law(4), seed=i) for i in range(300)]
    shares = [masked.chosen[:20, 1:3].mean() for masked in counts]
    assert abs(np.mean(shares) - 0.15) < 0.005
    assert all((masked.lengths[masked.chosen] == 1).all() for masked in counts)
    assert all(masked.n_shortened == masked.n_segments for masked in counts)


@pytest.mark.parametrize("law", [whole_word_law(), token_law(), ENTITY], ids=lambda law: law.name)
def test_budget_that_rounds_to_zero(law):
    """0.6 of the 4 pieces of one sentence: often nothing, sometimes a segment, right on average."""
    shares = np.array([mask_rows([[-1, 0, 1, 2, 3, -1]], law=law, seed=i).chosen.sum() for i in range(1200)])
    assert (shares == 0).any() and (shares > 0).any()
    assert abs(shares.mean() - 0.6) < 4 * shares.std() / np.sqrt(len(shares))


def test_word_of_many_pieces_is_no_obstacle():
    shares = [
        mask_rows([[0] * 60 + [1, 2, 3]], law=whole_word_law(), seed=i).chosen.mean() for i in range(1200)
    ]
    assert abs(np.mean(shares) - 0.15) < 4 * np.std(shares) / np.sqrt(len(shares))


def test_highest_budget_is_reached(get_tokenizer, get_features):
    settings = MaskSettings(budget=0.4)
    for law in (ENTITY, whole_word_law(), token_law()):
        collator = SegmentMasking.from_tokenizer(get_tokenizer("bpe"), law=law, settings=settings)
        found = list(run_epochs(collator, get_features("bpe"), n_sentences=500))
        n_pieces = sum((word_ids >= 0).sum() for _, word_ids, _ in found)
        assert abs(sum(masked.chosen.sum() for *_, masked in found) / n_pieces - 0.4) < 0.02


@pytest.mark.parametrize(
    "values,name",
    [
        ({"budget": 0.0}, "budget"),
        ({"budget": 0.5}, "budget"),
        ({"budget": float("nan")}, "budget"),
        ({"mask_share": 1.2}, "mask_share"),
        ({"mask_share": 0.8, "random_share": 0.3}, "mask_share"),
        ({"random_share": -0.1}, "mask_share"),
        ({"per": "word"}, "per"),
    ],
)
def test_settings_out_of_range(values, name):
    with pytest.raises(ValueError, match=f"S117.*'{name}'"):
        MaskSettings(**values)


def test_shapes_that_do_not_fit(get_tokenizer):
    with pytest.raises(ValueError, match=r"S243.*\(1, 3\) and \(1, 2\)"):
        mask_batch(
            np.zeros((1, 3), dtype=np.int64),
            np.zeros((1, 2), dtype=np.int32),
            law=ENTITY,
            settings=MaskSettings(),
            rng=np.random.default_rng(0),
            **SETTINGS,
        )
    collator = SegmentMasking.from_tokenizer(get_tokenizer("bpe"), law=ENTITY)
    with pytest.raises(ValueError, match="S243"):
        collator([{"input_ids": [0, 7, 2], "word_ids": [-1, 0]}])


def test_slow_tokenizer(tiny_bert):
    from transformers import BertTokenizer

    with pytest.raises(ValueError, match="S118.*tiny_bert"):
        SegmentMasking.from_tokenizer(BertTokenizer.from_pretrained(tiny_bert), law=ENTITY)


@pytest.mark.parametrize("missing", ["mask", "pad"])
def test_tokenizer_without_a_token(missing, make_fast):
    tokenizer = make_fast("bpe", **{f"{missing}_token": None})
    with pytest.raises(ValueError, match=f"S119.*{missing}"):
        SegmentMasking.from_tokenizer(tokenizer, law=ENTITY)
