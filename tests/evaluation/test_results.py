import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spacy_ssner.evaluation.metrics import ScoredDoc
from spacy_ssner.evaluation.plots import confusion_shares
from spacy_ssner.evaluation.results import pack_counts, summarize, unpack_counts
from spacy_ssner.evaluation.significance import f1_of_counts
from spacy_ssner.evaluation.subsets import SUBSETS, TrainIndex
from spacy_ssner.labels import TagSpan

DOC = ScoredDoc(
    words=("Cozy", "Bear", "ran", "nmap"),
    gold=(TagSpan(0, 2, "HackOrg"), TagSpan(3, 4, "Tool")),
    predicted=(TagSpan(0, 2, "HackOrg"), TagSpan(2, 4, "Tool")),
    starts=(0, 2),
)


@given(arrays(np.int64, st.tuples(st.integers(0, 5), st.just(3)), elements=st.integers(0, 99)))
def test_counts_round_trip(counts):
    packed = json.loads(json.dumps(pack_counts(counts)))
    assert unpack_counts(packed).shape == counts.shape and (unpack_counts(packed) == counts).all()


def test_counts_of_sentences_give_the_scores_of_each_subset():
    index = TrainIndex(frozenset([("nmap", "Tool")]), frozenset(), frozenset(["ranmimikatz"]))
    results = summarize([DOC, DOC], train=index)
    assert set(results["sentence_counts"]) == {"all", *SUBSETS} and set(results["subsets"]) == set(SUBSETS)
    for name, packed in results["sentence_counts"].items():
        micro = results["micro"] if name == "all" else results["subsets"][name]["micro"]
        counts = unpack_counts(packed)
        assert counts.shape == (4, 3)
        assert counts.sum(axis=0).tolist() == [micro["tp"], micro["fp"], micro["fn"]]
        assert f1_of_counts(counts.sum(axis=0)) == micro["f1"]
    assert results["data"] == {"docs": 2, "sentences": 4, "tokens": 8, "entities": 4, "missing_tokens": 0}
    assert results["mistakes"]["boundary"] == 2
    json.dumps(results)


def test_shares_of_confusion_are_by_row():
    labels, shares = confusion_shares({"B": {"B": 1, "A": 3}, "O": {"B": 2}})
    assert labels == ["A", "B", "O"]
    assert shares == [[0, 0, 0], [0.75, 0.25, 0], [0, 1, 0]]
