"""Worker processes: nlp.pipe(n_process=2) under fork and spawn, after torch ran in the parent, and pickling."""

import multiprocessing
import os
import pickle
import subprocess
import sys

import pytest

SCRIPT = """
import multiprocessing, sys
import spacy, torch

def found(docs):
    return [[(e.start, e.end, e.label_, round(e._.ssner_score, 4)) for e in doc.ents] for doc in docs]

if __name__ == "__main__":
    method, path, texts = sys.argv[1], sys.argv[2], sys.argv[3].split("|")
    multiprocessing.set_start_method(method)
    nlp = spacy.load(path)
    # Large enough that torch splits it: the parent now has a pool of two threads, and so would the child.
    torch.ones(1000, 1000) @ torch.ones(1000, 1000)
    assert torch.get_num_threads() == 2
    texts = [*texts, " ".join(texts * 40), *texts]
    one = found(nlp.pipe(texts))
    two = found(nlp.pipe(texts, n_process=2, batch_size=3))
    assert any(one) and one == two, (one, two)
    assert torch.get_num_threads() == 2  # the parent keeps its own
"""

# As short as a torch program gets: without the hook, the child of this one hangs.
CHILD = """
import os, sys, torch
from spacy_ssner.layers.forked import use_one_thread_when_forked
X = torch.ones(1000, 1000)
use_one_thread_when_forked()
use_one_thread_when_forked()
X @ X
child = os.fork()
if child == 0:
    X @ X
    os._exit(torch.get_num_threads())
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), torch.get_num_threads())
"""

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def run(*arguments):
    """A program of its own with two threads; one that hangs fails."""
    env = {**os.environ, "OMP_NUM_THREADS": "2", "TOKENIZERS_PARALLELISM": "false"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)


@needs_fork
def test_a_forked_child_computes_on_one_thread_and_the_parent_keeps_its_own():
    result = run("-c", CHILD)
    assert result.stdout.split() == ["1", "2"], result.stderr


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_two_processes_find_what_one_finds(method, trained_path, annotated, tmp_path):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("this system does not fork")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    texts = [text for text, _ in annotated]
    result = run(script, method, trained_path, "|".join(["", *texts, "", " ", *texts]))
    assert result.returncode == 0, result.stderr


def test_a_pipeline_survives_pickling(trained, annotated, found):
    texts = ["", *(text for text, _ in annotated), "Lazaruss dropped Mimikats."]
    before = trained.get_pipe("ssner").to_bytes()
    copy = pickle.loads(pickle.dumps(trained))
    assert copy.get_pipe("ssner").to_bytes() == before  # labels, similar words, weights
    assert [found(doc) for doc in copy.pipe(texts)] == [found(doc) for doc in trained.pipe(texts)]


def test_a_lexicon_and_the_dropout_survive_pickling(make_nlp):
    nlp = make_nlp("lexicon", steps=1)
    copy = pickle.loads(pickle.dumps(nlp))
    one, other = (x.get_pipe("ssner").model.get_ref("tagger") for x in (nlp, copy))
    assert other.shims[0].resources["lexicon"].to_bytes() == one.shims[0].resources["lexicon"].to_bytes()
    assert other.attrs == one.attrs
