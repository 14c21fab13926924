"""Scores only when asked for, probable spans for review, the report: what stands on a Doc."""

import copy
import json
import pickle
import warnings
from dataclasses import FrozenInstanceError, asdict

import numpy as np
import pytest
import srsly
from spacy.tokens import Doc, DocBin, Span

from spacy_ssner import component as component_module
from spacy_ssner.extensions import doc_report, register_extensions, span_score
from spacy_ssner.types import DocReport
from spacy_ssner.visual import RenderOptions, select_entities

TEXT = "APT29 used Mimikatz against Acme Corp in Kyiv. The group Lazarus dropped Emotet."


def spans_of(group):
    return [(span.start, span.end, span.label_) for span in group]


# Scores


def test_without_scores_there_are_none_and_the_entities_are_the_same(trained, monkeypatch):
    expected = spans_of(trained(TEXT).ents)
    trained.get_pipe("ssner").cfg["scores"] = False
    doc = trained(TEXT)
    assert spans_of(doc.ents) == spans_of(doc.spans["ssner"]) == expected and expected
    assert "scores" not in doc.spans["ssner"].attrs
    assert all(ent._.ssner_score is None for ent in doc.ents)


def test_a_threshold_needs_scores_and_gets_them(trained):
    trained.get_pipe("ssner").cfg.update(scores=False, threshold=0.01)
    doc = trained(TEXT)
    assert len(doc.spans["ssner"].attrs["scores"]) == len(doc.ents) > 0
    assert doc.ents[0]._.ssner_score > 0.5


@pytest.mark.parametrize("scores", [True, False])
def test_docs_without_entities_have_no_or_empty_scores(scores, trained):
    trained.get_pipe("ssner").cfg["scores"] = scores
    for doc in trained.pipe(["", "Nothing was stolen on that day.", " "]):
        assert not doc.ents and ("scores" in doc.spans["ssner"].attrs) == scores
        assert not scores or len(doc.spans["ssner"].attrs["scores"]) == 0


def test_a_second_run_and_a_second_component_leave_the_scores_of_the_first(trained):
    doc = trained(TEXT)
    expected = [(*span, span_score(ent)) for span, ent in zip(spans_of(doc.ents), doc.ents)]
    assert len(expected) > 2 and all(row[3] > 0.5 for row in expected)
    for _ in range(2):
        doc = trained(doc)
        assert [(*span, span_score(ent)) for span, ent in zip(spans_of(doc.ents), doc.ents)] == expected
        assert spans_of(doc.spans["ssner"]) == spans_of(doc.ents)
    doc.ents = doc.ents[1:]  # what a user takes out, a run finds again
    doc = trained(doc)
    assert spans_of(doc.ents) == [row[:3] for row in expected]
    assert [span_score(ent) for ent in doc.ents] == pytest.approx([row[3] for row in expected], abs=1e-5)
    other = trained.get_pipe("ssner").cfg
    other["overwrite_ents"] = True
    assert spans_of(trained(doc).spans["ssner"]) == [row[:3] for row in expected]  # each once
    other["overwrite_ents"], other["scores"] = False, False
    assert spans_of(trained(doc).spans["ssner"]) == [row[:3] for row in expected]
    assert doc.spans["ssner"].attrs["scores"] == pytest.approx([row[3] for row in expected], abs=1e-5)


def test_a_component_without_scores_and_one_with_them_share_a_group(trained):
    cfg = trained.get_pipe("ssner").cfg
    cfg["scores"] = False
    doc = trained(TEXT)
    places = spans_of(doc.ents)
    assert len(places) > 2 and "scores" not in doc.spans["ssner"].attrs
    cfg["scores"] = True
    doc.ents = doc.ents[1:]
    doc = trained(doc)
    assert spans_of(doc.spans["ssner"]) == places
    first, *rest = doc.spans["ssner"].attrs["scores"]
    assert first > 0.5 and np.isnan(rest).all()
    assert span_score(doc.ents[0]) == pytest.approx(first) and span_score(doc.ents[1]) is None


def test_review_groups_of_two_components_are_one(trained):
    cfg = trained.get_pipe("ssner").cfg
    cfg["n_best"] = 3
    doc = trained(TEXT)
    before = [
        (*place, span_score(s))
        for place, s in zip(spans_of(doc.spans["ssner_nbest"]), doc.spans["ssner_nbest"])
    ]
    assert len(before) > 2
    group = trained(doc).spans["ssner_nbest"]
    assert set(before) <= {(*place, span_score(s)) for place, s in zip(spans_of(group), group)}
    cfg["overwrite_ents"] = True
    group = trained(doc).spans["ssner_nbest"]
    assert spans_of(group) == [row[:3] for row in before]


def scores_of(doc):
    return [(ent.text, span_score(ent)) for ent in doc.ents]


def test_scores_outlive_merged_and_split_tokens(trained):
    expected = scores_of(trained(TEXT))
    assert len(expected) > 3 and any(" " in text for text, _ in expected)
    trained.add_pipe("merge_entities")
    doc = trained(TEXT)
    assert scores_of(doc) == expected
    assert spans_of(trained.get_pipe("ssner")(doc).spans["ssner"]) == spans_of(doc.ents)
    assert scores_of(doc) == expected
    with doc.retokenize() as retokenizer:
        retokenizer.split(doc[0], ["AP", "T29"], heads=[(doc[0], 1), doc[1]])
    assert scores_of(doc)[1:] == expected[1:]
    assert [ent.score for ent in select_entities(doc, RenderOptions())][1:] == [s for _, s in expected][1:]


def test_scores_go_with_docs_that_are_joined_cut_and_stored(trained):
    one, two = trained.pipe(["Nothing here.", TEXT])
    expected = scores_of(two)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        joined = Doc.from_docs([one, two, two])
    # spaCy's own, of values of docs; always the same text, so that Python shows it once
    assert {str(warning.message)[:6] for warning in caught} == {"[W101]"}
    assert len({str(warning.message) for warning in caught}) == 1
    assert scores_of(joined) == expected * 2
    again = trained.get_pipe("ssner")(joined)
    assert spans_of(again.spans["ssner"]) == spans_of(again.ents) and len(again.ents) == 2 * len(expected)
    assert again.spans["ssner"].attrs["scores"].tolist() == [
        pytest.approx(score) for _, score in expected * 2
    ]
    assert scores_of(two[1:].as_doc(copy_user_data=True)) == expected[1:]
    for with_user_data in (True, False):  # without it the span groups have them still
        bytes_data = DocBin(docs=[two], store_user_data=with_user_data).to_bytes()
        (again,) = DocBin(store_user_data=with_user_data).from_bytes(bytes_data).get_docs(trained.vocab)
        assert scores_of(again) == [(text, pytest.approx(score)) for text, score in expected]
    with two.retokenize() as retokenizer:
        retokenizer.merge(two[5:7])
    stripped = Doc(two.vocab).from_bytes(two.to_bytes(exclude=["user_data"]))
    found = dict(scores_of(stripped))
    assert all(score is None or score == pytest.approx(dict(expected)[text]) for text, score in found.items())


def test_a_group_of_the_same_name_that_is_not_ours_is_replaced(trained):
    doc = trained.make_doc(TEXT)
    doc.ents = [Span(doc, 1, 2, label="Verb")]
    doc.spans["ssner"] = list(doc.ents)
    doc = trained(doc)
    assert "Verb" in [e.label_ for e in doc.ents]
    assert "Verb" not in [s.label_ for s in doc.spans["ssner"]] and len(doc.spans["ssner"])


def test_forward_backward_is_not_run_without_scores(trained, monkeypatch):
    asked = []
    decode = component_module.decode

    def spy(*args, **kwargs):
        asked.append(kwargs["with_scores"])
        return decode(*args, **kwargs)

    monkeypatch.setattr(component_module, "decode", spy)
    for scores, threshold in [(True, 0.0), (False, 0.0), (False, 0.5)]:
        trained.get_pipe("ssner").cfg.update(scores=scores, threshold=threshold)
        trained(TEXT)
    assert asked == [True, False, True]


# Probable spans


def test_n_best(trained):
    trained.get_pipe("ssner").cfg["temperature"] = 6.0  # less sure, so that there is something to review
    plain = trained(TEXT)
    assert list(plain.spans) == ["ssner"]
    trained.get_pipe("ssner").cfg["n_best"] = 6
    doc = trained(TEXT)
    group = doc.spans["ssner_nbest"]
    scores = group.attrs["scores"]
    assert spans_of(doc.ents) == spans_of(plain.ents) and set(doc.spans) == {"ssner", "ssner_nbest"}
    assert scores.dtype == np.float32 and len(scores) == len(group) > len(doc.ents)
    assert [s.start for s in group] == sorted(s.start for s in group)
    per_sentence = np.bincount([span.start >= 9 for span in group])
    assert len(per_sentence) == 2 and per_sentence.max() == 6
    known = dict(zip(spans_of(group), scores.tolist()))
    for ent in doc.ents:
        if (ent.start, ent.end, ent.label_) in known:
            assert known[ent.start, ent.end, ent.label_] == pytest.approx(ent._.ssner_score, abs=1e-5)
    assert known.keys() - set(spans_of(doc.ents))  # some are not on the best path


def test_their_scores_are_found_by_the_span(trained):
    trained.get_pipe("ssner").cfg.update(n_best=8, temperature=6.0, scores=False)
    doc = trained(TEXT)
    group = doc.spans["ssner_nbest"]
    assert len({span.start for span in group}) < len(group)  # several begin at one token
    assert [span._.ssner_score for span in group] == pytest.approx(group.attrs["scores"].tolist())
    assert Span(doc, 1, 2, label="Nothing")._.ssner_score is None


def test_probable_spans_respect_what_was_set_before(trained):
    trained.get_pipe("ssner").cfg.update(n_best=50, temperature=9.0)
    doc = trained.make_doc(TEXT)
    doc.ents = [Span(doc, 1, 3, "Preset")]
    doc = trained(doc)
    assert len(doc.spans["ssner_nbest"]) > 10
    assert all(span.end <= 1 or span.start >= 3 for span in doc.spans["ssner_nbest"])


def test_n_best_under_its_own_key_on_any_doc(trained):
    trained.get_pipe("ssner").cfg.update(n_best=2, n_best_key="review")
    for doc in trained.pipe(["", " ", "APT29", TEXT]):
        assert len(doc.spans["review"]) == len(doc.spans["review"].attrs["scores"])
        assert len(doc.spans["review"]) <= 2 * max(1, doc.text.count("."))
    doc = trained(TEXT)
    (again,) = DocBin().from_bytes(DocBin(docs=[doc]).to_bytes()).get_docs(trained.vocab)
    assert spans_of(again.spans["review"]) == spans_of(doc.spans["review"])
    assert [span_score(s) for s in again.spans["review"]] == [span_score(s) for s in doc.spans["review"]]


# Report


def test_report(trained):
    doc = trained("APT29 used Mimikatz.\n\nNothing else.")
    report = doc._.ssner_report
    assert isinstance(report, DocReport) and report == doc_report(doc)
    assert (report.tokens, report.white_space, report.sentences, report.windows) == (8, 1, 2, 2)
    assert report.pieces is None and report.losses == {}
    assert trained.make_doc("APT29")._.ssner_report is None


def test_report_of_each_doc_of_a_batch(trained):
    texts = ["", "APT29", " \n ", "Turla sent InternationalisedMimikatz.", ""]
    alone = [trained(text)._.ssner_report for text in texts]
    assert [doc._.ssner_report for doc in trained.pipe(texts)] == alone
    assert [report.tokens for report in alone] == [len(trained.make_doc(text)) for text in texts]
    assert alone[3].losses == {"long_words": 1} and alone[3].lost_characters == 25 - 12


def test_report_goes_with_the_doc(trained):
    doc = trained(TEXT)
    copies = [
        doc.copy(),
        Doc(trained.vocab).from_bytes(doc.to_bytes()),
        next(
            DocBin().from_bytes(DocBin(docs=[doc], store_user_data=True).to_bytes()).get_docs(trained.vocab)
        ),
    ]
    assert [copy._.ssner_report for copy in copies] == [doc._.ssner_report] * 3


def test_report_is_a_dict_too(trained):
    report = trained(TEXT)._.ssner_report
    assert dict(report) == vars(report) == asdict(report) and report["tokens"] == report.tokens > 0
    assert report == DocReport(**report) == dict(report) and hash(report) == hash(DocReport(**report))
    assert json.loads(json.dumps(report)) == srsly.json_loads(srsly.json_dumps(report)) == report
    assert srsly.msgpack_loads(srsly.msgpack_dumps(report)) == report
    for again in (pickle.loads(pickle.dumps(report)), copy.deepcopy(report), copy.copy(report)):
        assert type(again) is DocReport and again == report and dict(again) == dict(report)
    with pytest.raises(FrozenInstanceError):
        report.tokens = 3


def test_report_goes_to_json_and_comes_back(trained):
    doc = trained(TEXT)
    written = json.loads(json.dumps(doc.to_json(underscore=["ssner_report"])))
    assert written["_"]["ssner_report"]["tokens"] == len(doc)
    again = Doc(trained.vocab).from_json(written)
    assert isinstance(again._.ssner_report, DocReport) and again._.ssner_report == doc._.ssner_report
    unread = trained.make_doc(TEXT)
    assert unread.to_json(underscore=["ssner_report"])["_"] == {"ssner_report": None}
    assert Doc(trained.vocab).from_json(unread.to_json(underscore=["ssner_report"]))._.ssner_report is None


def test_report_kept_by_a_user_goes_to_files(trained):
    doc = trained(TEXT)
    doc.user_data["mine"] = doc._.ssner_report
    (again,) = DocBin(docs=[doc], store_user_data=True).get_docs(trained.vocab)
    assert again.user_data["mine"] == Doc(trained.vocab).from_bytes(doc.to_bytes()).user_data["mine"]
    again._.ssner_report = again.user_data["mine"]
    assert again._.ssner_report == doc._.ssner_report


def test_the_last_of_two_components_reports_and_each_warns_of_its_own(trained, make_nlp):
    """The first reads 12 characters of a word, the second all."""
    text = "Turla sent InternationalisedMimikatz."
    other = make_nlp("bilstm")
    other.rename_pipe("ssner", "second")
    trained.add_pipe("second", source=other)
    (first,) = trained.pipe([text], disable=["second"])
    for name in trained.pipe_names:
        trained.get_pipe(name).cfg["on_truncation"] = "warn"
    with pytest.warns(UserWarning, match="SW210.*[12] words of more characters") as caught:
        docs = [trained(text), *trained.pipe([text, text])]
    assert len(caught) == 2  # for the doc, and for the stream
    assert first._.ssner_report.losses and [doc._.ssner_report.losses for doc in docs] == [{}] * 3
    assert docs[0]._.ssner_report.long_words is None


def test_extensions_of_others_are_left_alone():
    Doc.remove_extension("ssner_report")
    Doc.set_extension("ssner_report", default="mine")
    try:
        register_extensions()
        assert Doc.get_extension("ssner_report")[0] == "mine"
    finally:
        Doc.remove_extension("ssner_report")
        register_extensions()


def test_scores_go_through_json(trained):
    doc = trained(TEXT)
    written = json.loads(json.dumps(doc.to_json(underscore=["ssner_score", "ssner_report"])))
    again = Doc(trained.vocab).from_json(written)
    assert scores_of(again) == scores_of(doc) and again._.ssner_report == doc._.ssner_report
    read_again = trained.get_pipe("ssner")(again)
    assert spans_of(read_again.spans["ssner"]) == spans_of(doc.ents)
    assert list(read_again.spans["ssner"].attrs["scores"]) == list(doc.spans["ssner"].attrs["scores"])


def test_scores_that_a_user_sets(trained):
    doc = trained(TEXT)
    first, second = doc.ents[:2]
    other = Span(doc, first.start, first.end, label="Other")
    expected = first._.ssner_score
    other._.ssner_score = np.float32(0.5)
    assert other._.ssner_score == 0.5 and first._.ssner_score == expected
    second._.ssner_score = None
    assert second._.ssner_score is None and scores_of(doc)[1] == (second.text, None)
    again = Doc(trained.vocab).from_json(json.loads(json.dumps(doc.to_json(underscore=["ssner_score"]))))
    assert scores_of(again) == scores_of(doc)
    assert Span(again, first.start, first.end, label="Other")._.ssner_score == 0.5
