import json

import pytest

from spacy_ssner.corpus.convert import convert, detect_format
from spacy_ssner.corpus.source import Source

TEXT = "APT28 used X-Agent."
SPANS = [(0, 5, "Group"), (11, 18, "Malware")]
REGIONS = [{"start": s, "end": e, "text": TEXT[s:e], "labels": [label]} for s, e, label in SPANS]


def task(*annotations, **data):
    return {"id": 1, "annotations": list(annotations), "predictions": [], "data": data or {"text": TEXT}}


def annotation(regions, **more):
    results = [{"id": "a", "type": "labels", "value": region} for region in regions]
    return {"id": 7, "result": [*results, {"type": "relation", "from_id": "a", "to_id": "b"}], **more}


def read(tmp_path, text, name="in.json"):
    path = tmp_path / name
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf8")
    return convert(path)


def found(document):
    text = "".join(word + " " * space for word, space in zip(document.words, document.spaces))
    places = [
        sum(len(w) + s for w, s in zip(document.words[:i], document.spaces))
        for i in range(len(document.words))
    ]
    ends = [place + len(word) for place, word in zip(places, document.words)]
    return [(text[places[a] : ends[b - 1]], label) for a, b, label in document.mentions]


EXPECTED = [("APT28", "Group"), ("X-Agent", "Malware")]


@pytest.mark.parametrize(
    "item",
    [
        {"text": TEXT, "label": SPANS},
        {"text": TEXT, "id": 3, "label": REGIONS, "annotator": 1},
        [TEXT, {"entities": SPANS}],
        task(annotation(REGIONS)),
        task(annotation(REGIONS), body=TEXT),
        task(annotation([], was_cancelled=True), annotation(REGIONS)),
    ],
    ids=["doccano", "label-studio-min", "spacy2", "label-studio", "other-field", "cancelled"],
)
def test_what_tools_write(item, tmp_path):
    for text in (json.dumps([item, item]), json.dumps([item, item], indent=2)):
        documents, report = read(tmp_path, text)
        assert [found(document) for document in documents] == [EXPECTED] * 2 and not report.repairs
        assert [document.line for document in documents] == [1, 2]
    documents, report = read(tmp_path, f"{json.dumps(item)}\n\n{json.dumps(item)}\n")
    assert [found(document) for document in documents] == [EXPECTED] * 2 and not report.repairs
    assert [document.line for document in documents] == [1, 3]


def test_offsets_in_utf16_are_characters_again(tmp_path):
    text = "\U0001f600\U0001f600 " + TEXT
    for shift in (3, 5):  # in characters, and as browsers count
        regions = [{**one, "start": one["start"] + shift, "end": one["end"] + shift} for one in REGIONS]
        (document,), report = read(tmp_path, [task(annotation(regions), text=text)])
        assert found(document) == EXPECTED and not report.repairs


def test_not_annotated_and_several_annotators(tmp_path):
    cancelled = annotation(REGIONS, was_cancelled=True)
    tasks = [task(), task(cancelled), task(annotation([])), task(annotation(REGIONS), annotation([]))]
    documents, report = read(tmp_path, tasks)
    assert [set(document.tags) for document in documents[:3]] == [{None}, {None}, {"O"}]
    assert found(documents[3]) == EXPECTED
    assert report.counts() == {"other-annotations": 1, "no-annotation": 2}


def test_regions_that_are_none(tmp_path):
    odd = [
        {"labels": ["Group"]},  # of a page: places in its tree
        {"start": "/p[1]", "end": "/p[1]", "hypertextlabels": ["Group"]},
        {"start": 0, "end": 999, "labels": ["Group"]},
        {"start": 0, "end": 5, "labels": []},
        {"start": 0, "end": 5, "text": "APT28", "labels": ["Group", "Malware"]},
        {"choices": ["relevant"]},
    ]
    (document,), report = read(tmp_path, [task(annotation(odd))])
    assert found(document) == [("APT28", "Group")]
    assert report.counts() == {"bad-span": 4, "overlap": 1}


@pytest.mark.parametrize(
    "text", ['["a", "b"]', "[1, 2]", "[]", '[{"tokens": ["a"], "ner_tags": [0]}]', "[{]", "[" * 9999 + "]"]
)
def test_lists_of_something_else(text, tmp_path):
    with pytest.raises(ValueError, match="S229"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    "text,format", [("[ O\n] O\n", "conll"), ("[\tO\n28\tO\n]\tO\n]", "conll"), ("[\n]\n", "jsonl")]
)
def test_brackets_that_are_tokens(text, format):
    assert detect_format(Source("x", text.encode())) == format
