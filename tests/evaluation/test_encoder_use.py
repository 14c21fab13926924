"""What the encoder reads is what it would be given on its own, and nothing of the pipeline changes by looking."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import spacy
import torch

from spacy_ssner.evaluation.encoder_use import (
    BUDGETS,
    best_budget,
    forget_words,
    ideal_batches,
    run_bare,
    watch_encoders,
    windows_read,
    without_piece_cap,
)
from spacy_ssner.knowledge import similar_word_table
from spacy_ssner.layers.encoder_shim import encoder_layers
from spacy_ssner.layers.pieces import encoder_of

TEXTS = ["The group used malware. It attacked http://evil.example/abc again.", "", "Nothing was stolen."]


@pytest.fixture
def nlp(hf_path):
    return spacy.load(hf_path)


def words_of(nlp, window):
    """Pieces of a window as text, without the special ones."""
    tokenizer = encoder_of(encoder_layers(nlp)[0]).tokenizer
    return tokenizer.decode(window[1:-1].tolist())


def test_windows_are_the_sentences_with_their_special_pieces(nlp):
    use = windows_read(nlp, TEXTS)
    settings = encoder_of(encoder_layers(nlp)[0]).settings
    assert {window[0] for window in use.windows} == {settings["begin"]}
    assert {window[-1] for window in use.windows} == {settings["end"]}
    assert len(use.windows) == 3 and any("the group used malware" in words_of(nlp, w) for w in use.windows)
    assert use.n_pieces == sum(map(len, use.windows)) <= use.n_padded
    assert use.seconds > 0


def test_looking_on_changes_nothing_and_ends_with_the_block(nlp, found):
    before = [found(doc) for doc in nlp.pipe(TEXTS)]
    with watch_encoders(nlp) as use:
        assert [found(doc) for doc in nlp.pipe(TEXTS)] == before
    pieces = use.n_pieces
    list(nlp.pipe(TEXTS))
    assert use.n_pieces == pieces > 0 and use.windows == []


def test_batches_side_by_side_are_counted_once(nlp):
    """Several threads, each with a batch: no piece is lost, and the time is that of the clock."""
    encoder = encoder_of(encoder_layers(nlp)[0]).encoder
    windows = [np.full(30, 5, dtype=np.int64)] * 40
    batches = ideal_batches(windows, pad=0, max_padded=60)

    def slow(module, args, kwargs):
        time.sleep(0.01)

    def run(_):  # one after the other, where run_bare would start threads of its own
        with torch.inference_mode():
            for ids, mask in batches:
                encoder(input_ids=ids, attention_mask=mask)

    with watch_encoders(nlp) as use, ThreadPoolExecutor(4) as pool:
        handle = encoder.embeddings.register_forward_pre_hook(slow, with_kwargs=True)
        start = time.perf_counter()
        list(pool.map(run, range(4)))
        seconds = time.perf_counter() - start
        handle.remove()
    assert use.n_pieces == use.n_padded == 4 * 40 * 30
    assert 0.2 <= use.seconds <= seconds  # 20 batches of at least 0.01 s in each thread


def test_an_encoder_that_fails_is_not_at_work(nlp, monkeypatch):
    """By a clock that is put forward in between: a busy machine may take any time for the rest."""
    clock, ahead = time.perf_counter, 0.0
    monkeypatch.setattr("spacy_ssner.evaluation.encoder_use.perf_counter", lambda: clock() + ahead)
    module = encoder_of(encoder_layers(nlp)[0]).encoder
    with watch_encoders(nlp) as use:
        with pytest.raises(Exception, match="."):
            module(input_ids=torch.full((1, 4), -1))
        ahead = 1e6
        list(nlp.pipe(TEXTS))
    assert 0 < use.seconds < 1e6


def test_without_cap_a_long_word_is_read_whole_and_the_cap_comes_back(nlp):
    capped = windows_read(nlp, TEXTS).n_pieces
    with without_piece_cap(nlp):
        whole = windows_read(nlp, TEXTS).n_pieces
    assert whole > capped
    assert windows_read(nlp, TEXTS).n_pieces == capped
    assert encoder_layers(nlp)[0].attrs["max_word_pieces"] == 4


def test_forgotten_words_are_looked_up_anew(nlp):
    list(nlp.pipe(TEXTS))
    cache = encoder_of(encoder_layers(nlp)[0]).__dict__["piece_cache"]
    table = similar_word_table(nlp.get_pipe("ssner").model)
    assert cache and len(table._cache)
    forget_words(nlp)
    assert not cache and not len(table._cache)
    assert [len(doc) for doc in nlp.pipe(TEXTS)] == [len(nlp.make_doc(text)) for text in TEXTS]


def test_pipelines_without_encoder():
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    assert encoder_layers(nlp) == []
    forget_words(nlp)
    assert windows_read(nlp, TEXTS).windows == []


def test_ideal_batches_hold_each_window_once_sorted_and_padded():
    windows = [np.arange(1, n + 1) for n in (3, 9, 1, 9, 4)]
    batches = ideal_batches(windows, pad=0, max_padded=18)
    assert [tuple(ids.shape) for ids, _ in batches] == [(2, 9), (3, 4)]
    rows = [ids[row][mask[row].bool()] for ids, mask in batches for row in range(len(ids))]
    assert sorted(map(len, rows)) == [1, 3, 4, 9, 9]
    assert all(row.tolist() == list(range(1, len(row) + 1)) for row in rows)
    assert all(int(ids[mask == 0].sum()) == 0 for ids, mask in batches)


def test_bare_run_computes_what_the_pipeline_computes(nlp):
    """The same states of the same pieces: the limit skips nothing of the encoder's work."""
    seen = {"pipeline": [], "bare": []}
    module = encoder_of(encoder_layers(nlp)[0])

    def keep(where):
        def hook(_, args, kwargs, output):
            mask = kwargs["attention_mask"].bool()
            seen[where].append(output.last_hidden_state[mask].sum(dim=0).double())

        return hook

    for where in seen:
        handle = module.encoder.register_forward_hook(keep(where), with_kwargs=True)
        if where == "pipeline":
            windows = windows_read(nlp, TEXTS).windows
        else:
            run_bare(module.encoder, ideal_batches(windows, pad=module.settings["pad"], max_padded=40))
        handle.remove()
    sums = [torch.stack(parts).sum(dim=0) for parts in seen.values()]
    assert torch.allclose(*sums, atol=1e-4)


def test_best_budget_is_one_of_those_tried_and_batches_hold_all_windows(nlp):
    module = encoder_of(encoder_layers(nlp)[0])
    windows, pad = windows_read(nlp, TEXTS).windows, module.settings["pad"]
    assert best_budget(module.encoder, windows, pad=pad, device=module.device) in BUDGETS
    batches = ideal_batches(windows, pad=pad, max_padded=40, device=module.device)
    assert sum(len(ids) for ids, _ in batches) == len(windows)
