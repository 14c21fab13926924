"""Annotated documents to one HTML page: displaCy's markup, a legend, scores. Pure: docs in, text out."""

from collections import Counter
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Collection, Dict, List, Mapping, Optional, Sequence, Tuple

from .colors import DISPLACY_COLORS
from .errors import Errors
from .extensions import WRITTEN_BY, span_score

if TYPE_CHECKING:
    from spacy.tokens import Doc

# On one line: the text keeps its whitespace (pre-wrap), so a line break here would show in the middle of it.
TPL_ENTITY = (
    '<mark class="entity" style="background: {bg}" title="{tooltip}">'
    '{text}<span class="label">{label}{score}</span></mark>'
)
TPL_LEGEND = (
    '<li data-type="{label}"><span class="swatch" style="background: {bg}">{label}</span> '
    '<span class="count">{count}</span></li>'
)
GENERATOR = '<meta name="generator" content="spacy-ssner">'  # by which a page of ours is known
# No scripts, no requests: a report may carry hostile text, and the page must not act on it in any case.
TPL_PAGE = """<!DOCTYPE html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
{generator}
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; color: #000;
  background: #fff; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
figure {{ margin: 0 0 3rem }}
h2 {{ border-bottom: 1px solid #ccc; font-size: 1.1rem }}
.legend {{ list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 0.5rem 1rem }}
.swatch {{ padding: 0.15em 0.5em; border-radius: 0.35em; font-weight: bold; font-size: 0.85em }}
.entities {{ white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate }}
.entity {{ color: #000; padding: 0.2em 0.35em; border-radius: 0.35em; box-decoration-break: clone;
  -webkit-box-decoration-break: clone }}
.label {{ font-size: 0.7em; font-weight: bold; margin-left: 0.5em; white-space: nowrap; user-select: none }}
.score {{ font-weight: normal; margin-left: 0.35em }}
</style>
</head>
<body>
<h1>{title}</h1>
{legend}
{sections}
</body>
</html>
"""


@dataclass(frozen=True)
class RenderOptions:
    """What to show.

    types (Optional[Collection[str]]): Labels to show; None is all.
    min_score (float): Entities with a lower score are hidden, from 0 to 1. One without a score is shown.
    scores (bool): Show scores, where there are any.
    spans_key (str): Group of doc.spans whose attrs["scores"] holds a probability for each span.
    colors (Optional[Mapping[str, str]]): Colours by label, over those of this package and of displaCy.
    """

    types: Optional[Collection[str]] = None
    min_score: float = 0.0
    scores: bool = True
    spans_key: str = "ssner"
    colors: Optional[Mapping[str, str]] = None


DEFAULT_OPTIONS = RenderOptions()


@dataclass(frozen=True)
class Section:
    """A document with the name to show above it."""

    name: str
    doc: "Doc"


@dataclass(frozen=True)
class Entity:
    """An entity to show, in characters. score: its probability, None if unknown."""

    start: int
    end: int
    label: str
    score: Optional[float]


def entity_scores(doc: "Doc", spans_key: str) -> Dict[Tuple[int, int, str], float]:
    """Probability of entities by (start, end, label) in characters; of a group that is not ours, that of all its spans.
    Empty without group or scores.

    RAISES (ValueError): S281 if spans and scores differ in number.
    """
    group = doc.spans.get(spans_key)
    scores = None if group is None else group.attrs.get("scores")
    if group is None or scores is None:
        return {}
    if len(scores) != len(group):
        raise ValueError(Errors.S281.format(key=spans_key, n_scores=len(scores), n_spans=len(group)))
    if group.attrs.get(WRITTEN_BY) == "ssner":  # they outlive merged tokens, the group's places do not
        found = {(e.start_char, e.end_char, e.label_): span_score(e) for e in doc.ents}
        return {place: score for place, score in found.items() if score is not None}
    return {(s.start_char, s.end_char, s.label_): float(score) for s, score in zip(group, scores)}


def select_entities(doc: "Doc", options: RenderOptions) -> List[Entity]:
    """Entities of a doc that pass the options, in order of the text. RAISES (ValueError): S281 as entity_scores."""
    scores = entity_scores(doc, options.spans_key)
    chosen = []
    for ent in doc.ents:
        score = scores.get((ent.start_char, ent.end_char, ent.label_))
        if options.types is not None and ent.label_ not in options.types:
            continue
        if score is None or score >= options.min_score:
            chosen.append(Entity(ent.start_char, ent.end_char, ent.label_, score))
    return chosen


def label_colors(options: RenderOptions) -> Dict[str, str]:
    """Colours by upper-case label, as displaCy has it; the options before ours, ours before its own."""
    from spacy.displacy.render import EntityRenderer

    colors = {**DISPLACY_COLORS, **(options.colors or {})}
    return EntityRenderer({"colors": colors}).colors


def render_page(
    sections: Sequence[Section], *, title: str = "Entities", options: RenderOptions = DEFAULT_OPTIONS
) -> str:
    """Make a complete HTML page.

    sections (Sequence[Section]): Documents with names; a single one gets no heading of its own.
    title (str): Title of the page, as plain text.
    RETURNS (str): HTML that loads nothing and runs nothing; all text is escaped.
    RAISES (ValueError): S281 if spans and scores of a doc differ in number.
    """
    chosen = [select_entities(section.doc, options) for section in sections]
    colors = label_colors(options)
    figures = []
    for section, entities in zip(sections, chosen):
        heading = f"<h2>{escape(section.name)}</h2>\n" if len(sections) > 1 else ""
        markup = _entity_markup(section.doc, entities, colors, show_scores=options.scores)
        figures.append(f"<figure>\n{heading}{markup}\n</figure>")
    counts = Counter(entity.label for entities in chosen for entity in entities)
    lang = sections[0].doc.lang_ if sections else "en"
    return TPL_PAGE.format(
        generator=GENERATOR,
        lang=escape(lang),
        title=escape(title),
        legend=_legend(counts, colors),
        sections="\n".join(figures),
    )


def _entity_markup(
    doc: "Doc", entities: Sequence[Entity], colors: Mapping[str, str], *, show_scores: bool
) -> str:
    """displaCy's markup of one text. It escapes the text, but not labels: these come escaped in `params`."""
    from spacy import displacy

    spans: List[Dict[str, Any]] = []
    for entity in entities:
        label = escape(entity.label)
        params = {"label": label, "tooltip": label, "score": ""}
        if show_scores and entity.score is not None:
            params["tooltip"] = f"{label}, probability {entity.score:.4f}"
            params["score"] = f'<span class="score">{entity.score:.2f}</span>'
        spans.append({"start": entity.start, "end": entity.end, "label": entity.label, "params": params})
    parsed = {"text": doc.text, "ents": spans, "settings": displacy.get_doc_settings(doc)}
    options = {"colors": dict(colors), "template": TPL_ENTITY}
    return displacy.render(parsed, style="ent", manual=True, jupyter=False, options=options)


def _legend(counts: Mapping[str, int], colors: Mapping[str, str]) -> str:
    """Types by falling count, then by name."""
    from spacy.displacy.render import DEFAULT_ENTITY_COLOR

    if not counts:
        return '<p class="legend">No entities.</p>'
    items = []
    for label, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        color = colors.get(label.upper(), DEFAULT_ENTITY_COLOR)
        items.append(TPL_LEGEND.format(bg=escape(color), label=escape(label), count=count))
    return '<ul class="legend">\n' + "\n".join(items) + "\n</ul>"
