import re
from html.parser import HTMLParser

import numpy as np
import pytest
import spacy
from spacy.tokens import Span, SpanGroup

from spacy_ssner.colors import DISPLACY_COLORS
from spacy_ssner.visual import RenderOptions, Section, entity_scores, render_page, select_entities

HOSTILE = "<script>alert(\"x\")</script> & '<img src=x onerror=alert(1)>' {title} %s $HOME"


class PageParser(HTMLParser):
    """What a browser would see: tags, attributes, and the text of the entity divs without labels."""

    def __init__(self):
        super().__init__()
        self.tags, self.attrs, self.text, self.depth, self.hidden = [], [], [], 0, 0

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attrs += attrs
        values = dict(attrs)
        if tag == "div":
            self.depth += 1
        elif tag == "br" and self.depth:
            self.text.append("\n")
        elif tag == "span" and self.depth:
            self.hidden += 1
        self.is_label = values.get("class") == "label"

    def handle_endtag(self, tag):
        self.depth -= tag == "div"
        self.hidden -= tag == "span" and self.depth > 0

    def handle_data(self, data):
        if self.depth and not self.hidden:
            self.text.append(data)


def parse(html):
    parser = PageParser()
    parser.feed(html)
    parser.close()
    return parser


def make_doc(text, *ents, scores=None, key="ssner"):
    """ents: (surface, label), each at its first place in the text."""
    doc = spacy.blank("en")(text)
    spans = []
    for surface, label in ents:
        start = text.index(surface)
        span = doc.char_span(start, start + len(surface), label=label)
        assert span is not None
        spans.append(span)
    doc.ents = spans
    if scores is not None:
        doc.spans[key] = SpanGroup(doc, name=key, spans=spans, attrs={"scores": np.asarray(scores)})
    return doc


def page_of(doc, **options):
    return render_page([Section("a.txt", doc)], title="A page", options=RenderOptions(**options))


def test_page_shows_text_entities_and_legend():
    doc = make_doc(
        "APT28 used Mimikatz and nmap.", ("APT28", "HackOrg"), ("Mimikatz", "Tool"), ("nmap", "Tool")
    )
    html = page_of(doc)
    assert html.startswith("<!DOCTYPE html>") and '<meta charset="utf-8">' in html
    assert html.count('<mark class="entity"') == 3
    assert f'background: {DISPLACY_COLORS["HackOrg"]}" title="HackOrg">APT28' in html
    legend = re.findall(r'data-type="(\w+)">.*?class="count">(\d+)<', html)
    assert legend == [("Tool", "2"), ("HackOrg", "1")]
    assert parse(html).text == ["APT28", " used ", "Mimikatz", " and ", "nmap", "."]


@pytest.mark.parametrize(
    "text",
    [
        "  two  spaces\tand a tab\n\n\nAPT28  \n    indented\n",
        HOSTILE + " APT28",
        "АРТ — “APT28” 日本語 \u200b\x07 end",
        "APT28",
    ],
)
def test_text_is_shown_as_it_is(text):
    html = page_of(make_doc(text, ("APT28", "HackOrg")))
    assert "".join(parse(html).text).strip() == text.strip()
    assert "white-space: pre-wrap" in html


def test_newlines_become_breaks():
    html = page_of(make_doc("one\n\ntwo APT28\n", ("APT28", "HackOrg")))
    assert "one<br><br>two " in html


def test_newline_inside_an_entity_is_kept():
    html = page_of(make_doc("Cozy\nBear", ("Cozy\nBear", "HackOrg")))
    assert "".join(parse(html).text) == "Cozy\nBear"


def test_hostile_text_label_title_and_name_stay_text():
    doc = make_doc(f"{HOSTILE} end", ("end", HOSTILE), ("src", HOSTILE), scores=[0.5, 0.5])
    sections = [Section(HOSTILE, doc), Section('"><script>', doc)]
    parser = parse(render_page(sections, title="</title>" + HOSTILE))
    assert "script" not in parser.tags and "img" not in parser.tags
    assert not [name for name, _ in parser.attrs if name.startswith("on")]
    assert [value for name, value in parser.attrs if name == "data-type"] == [HOSTILE]
    html = render_page(sections, title=HOSTILE)
    assert "default-src 'none'" in html and "http" not in html.replace("http-equiv", "")


def test_scores_are_shown_or_not():
    doc = make_doc("APT28 used nmap", ("APT28", "HackOrg"), ("nmap", "Tool"), scores=[0.98765, 0.4])
    html = page_of(doc)
    assert 'title="HackOrg, probability 0.9877"' in html and '<span class="score">0.40</span>' in html
    assert 'class="score"' not in page_of(doc, scores=False) and "probability" not in page_of(
        doc, scores=False
    )
    assert 'class="score"' not in page_of(doc, spans_key="other")
    other = make_doc("APT28", ("APT28", "HackOrg"), scores=[0.5], key="sc")
    assert '<span class="score">0.50</span>' in page_of(other, spans_key="sc")


def test_scores_belong_to_span_and_label_not_to_a_place_in_the_group():
    doc = make_doc("APT28 used nmap", ("APT28", "HackOrg"), ("nmap", "Tool"))
    spans = [doc[2:3], Span(doc, 0, 1, "Org"), Span(doc, 0, 1, "HackOrg")]
    doc.spans["ssner"] = SpanGroup(doc, spans=spans, attrs={"scores": np.array([0.1, 0.2, 0.3])})
    assert [e.score for e in select_entities(doc, RenderOptions())] == [0.3, None]


def test_min_score_and_types_hide_entities():
    doc = make_doc("APT28 used nmap", ("APT28", "HackOrg"), ("nmap", "Tool"), scores=[0.9, 0.4])
    html = page_of(doc, min_score=0.5)
    assert html.count("<mark") == 1 and 'data-type="Tool"' not in html
    assert "".join(parse(html).text) == doc.text
    assert [e.label for e in select_entities(doc, RenderOptions(types=["Tool"]))] == ["Tool"]
    unscored = make_doc("APT28", ("APT28", "HackOrg"))
    assert len(select_entities(unscored, RenderOptions(min_score=0.9))) == 1


def test_scores_of_another_number_than_spans():
    doc = make_doc("APT28", ("APT28", "HackOrg"), scores=[0.1, 0.2])
    with pytest.raises(ValueError, match="S281"):
        entity_scores(doc, "ssner")


def test_own_colours_and_unknown_types():
    doc = make_doc("APT28 used nmap", ("APT28", "HackOrg"), ("nmap", "Never-heard-of"))
    html = page_of(doc, colors={"hackorg": "#123456"})
    assert 'background: #123456" title="HackOrg"' in html and 'background: #ddd" title="Never' in html


def test_several_sections_have_headings_and_one_legend():
    docs = [make_doc("APT28", ("APT28", "HackOrg")), make_doc("no one"), make_doc("")]
    html = render_page([Section(f"{i}.txt", doc) for i, doc in enumerate(docs)])
    assert re.findall("<h2>(.*?)</h2>", html) == ["0.txt", "1.txt", "2.txt"]
    assert html.count('<ul class="legend">') == 1


def test_nothing_to_show():
    assert "No entities." in page_of(make_doc("")) and "<h2>" not in page_of(make_doc(""))
    assert "No entities." in render_page([])
