"""The component `ssner_ioc`: indicators of compromise as entities, by rule, with their refanged values."""

import warnings
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from spacy.language import Language
from spacy.tokens import Doc, Span

from .annotations import add_entities
from .errors import Errors, Warnings
from .extensions import extension_key
from .labels import check_label
from .rules import RulePipe
from .scorer import SCORE_WEIGHTS
from .settings import check_values, plain
from .text.indicators import KINDS, Indicator, find_indicators

MODES = ("expand", "contract", "strict")
VALUE, CHARACTERS = "ssner_value", "ssner_characters"


@Language.factory(
    "ssner_ioc",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", f"span._.{VALUE}", f"span._.{CHARACTERS}"],
    default_config={
        "labels": {},
        "overwrite_ents": False,
        "alignment_mode": "expand",
        "scorer": {"@scorers": "spacy-ssner.ssner_scorer.v1"},
    },
    default_score_weights=dict(SCORE_WEIGHTS),
)
def make_ssner_ioc(
    nlp: Language,
    name: str,
    labels: Dict[str, Optional[str]],
    overwrite_ents: bool,
    alignment_mode: str,
    scorer: Optional[Callable],
) -> "IndicatorRuler":
    """Make the component.

    labels (Dict[str, Optional[str]]): Label by kind (see text.indicators.KINDS), None to leave a kind out.
        Kinds not named here are their own label.
    overwrite_ents (bool): Replace entities that are in the way; otherwise they stay and ours give way.
    alignment_mode (str): Where tokens do not end with an indicator: "expand" to whole tokens, "contract" to those
        inside it, "strict" to leave it out. All are the same with the tokenizer spacy-ssner.CTITokenizer.v1.
    scorer (Optional[Callable]): Scoring method, as that of `ssner`; null = not scored.
    RAISES (ValueError): S101, S108, S286 for settings that are not usable; S287 if Span._ has
        an attribute of our name that cannot be written.
    """
    settings: Dict[str, Any] = {"overwrite_ents": overwrite_ents, "alignment_mode": alignment_mode}
    return IndicatorRuler(name, labels=labels, **settings, scorer=scorer)


class IndicatorRuler(RulePipe):
    """Sets entities for indicators. `Span._.ssner_value` is the refanged value, `Span._.ssner_characters` the exact
    start and end in the text, also where the entity had to be fitted to tokens."""

    @staticmethod
    def check(settings: Dict[str, Any]) -> Dict[str, Any]:
        """The settings as plain Python values. RAISES (ValueError): S101, S108, S286 if one is not usable."""
        settings = plain(settings)
        unknown = sorted(set(settings["labels"]) - set(KINDS))
        if unknown:
            raise ValueError(Errors.S286.format(expected=list(KINDS), got=unknown))
        for label in settings["labels"].values():
            if label is not None:
                check_label(label)
        checks = {
            "overwrite_ents": (isinstance(settings["overwrite_ents"], bool), "true or false"),
            "alignment_mode": (settings["alignment_mode"] in MODES, f"one of {MODES}"),
        }
        check_values(settings, checks, Errors.S101)
        return settings

    def __init__(
        self,
        name: str = "ssner_ioc",
        *,
        labels: Optional[Dict[str, Optional[str]]] = None,
        overwrite_ents: bool = False,
        alignment_mode: str = "expand",
        scorer: Optional[Callable] = None,
    ):
        """See make_ssner_ioc. RAISES (ValueError): S101, S108, S286, S287, as it does."""
        self.name = name
        self.scorer = scorer
        self.cfg = self.check(
            {"labels": dict(labels or {}), "overwrite_ents": overwrite_ents, "alignment_mode": alignment_mode}
        )
        register_value_extensions()

    @property
    def labels(self) -> Tuple[str, ...]:
        """All labels that may be set."""
        return tuple(sorted(set(self._label_of_kind().values())))

    def _label_of_kind(self) -> Dict[str, str]:
        labels = {kind: self.cfg["labels"].get(kind, kind) for kind in KINDS}
        return {kind: label for kind, label in labels.items() if label is not None}

    def __call__(self, doc: Doc) -> Doc:
        """Add the indicators of a doc to its entities. WARNS: SW286, with counts, if some do not fit the tokens."""
        self._warn(*self._annotate(doc))
        return doc

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """The same for a stream. `batch_size` is of no importance here. WARNS: SW286, once, at its end."""
        handle_error = self.get_error_handler()
        n_all = n_moved = n_lost = 0
        for doc in stream:
            try:
                counts = self._annotate(doc)
            except Exception as err:  # whatever it is, the pipeline's handler decides
                handle_error(self.name, self, [doc], err)
                continue
            n_all, n_moved, n_lost = n_all + counts[0], n_moved + counts[1], n_lost + counts[2]
            yield doc
        self._warn(n_all, n_moved, n_lost)

    def _warn(self, n_all: int, n_moved: int, n_lost: int) -> None:
        if n_moved or n_lost:
            mode = self.cfg["alignment_mode"]
            warnings.warn(
                Warnings.SW286.format(total=n_all, moved=n_moved, lost=n_lost, mode=mode), stacklevel=3
            )

    def _annotate(self, doc: Doc) -> Tuple[int, int, int]:
        """RETURNS (Tuple[int, int, int]): How many indicators, how many of them fitted to tokens, how many lost."""
        register_value_extensions()  # a pipeline that was unpickled elsewhere has not been made there
        labels = self._label_of_kind()
        found = [hit for hit in find_indicators(doc.text) if hit.kind in labels]
        spans, n_moved = place(doc, found, labels, mode=self.cfg["alignment_mode"])
        # Without any too: a doc in which nothing was found is annotated.
        add_entities(doc, [span for span, _ in spans], overwrite=self.cfg["overwrite_ents"])
        for span, hit in spans:
            span._.set(VALUE, hit.value)
            # relative to the span, so that it holds in a doc that is cut out or joined with others
            place_in_span = [hit.start - span.start_char, hit.end - span.start_char]
            doc.user_data[extension_key(span, CHARACTERS)] = place_in_span  # type: ignore[index]
        return len(found), n_moved, len(found) - len(spans)


def place(
    doc: Doc, found: Iterable[Indicator], labels: Dict[str, str], *, mode: str
) -> Tuple[List[Tuple[Span, Indicator]], int]:
    """Find the tokens of indicators.

    labels (Dict[str, str]): Label by kind.
    mode (str): One of MODES.
    RETURNS (Tuple[List[Tuple[Span, Indicator]], int]): Spans in order without overlap, each with its indicator, and how
        many of them do not have exactly its characters. An indicator without tokens of its own is left out.
    """
    spans: List[Tuple[Span, Indicator]] = []
    n_moved = done = 0
    for hit in found:
        span = doc.char_span(hit.start, hit.end, label=labels[hit.kind], alignment_mode=mode)
        if span is None or not len(span) or span.start < done:
            continue
        n_moved += (span.start_char, span.end_char) != (hit.start, hit.end)
        spans.append((span, hit))
        done = span.end
    return spans, n_moved


def add_indicators(nlp: Language) -> None:
    """Put `ssner_ioc` in front of what finds entities in a pipeline, unless it has one already: behind that it would
    only fill what is left."""
    metas = {name: nlp.get_pipe_meta(name) for name in nlp.pipe_names}
    if any(meta.factory == "ssner_ioc" for meta in metas.values()):
        return
    first = next((name for name, meta in metas.items() if "doc.ents" in meta.assigns), None)
    nlp.add_pipe("ssner_ioc", before=first)


def register_value_extensions() -> None:
    """`Span._.ssner_value` and `Span._.ssner_characters`, None for a span that is no indicator.

    RAISES (ValueError): S287 if somebody else has one of these names and does not let it be written.
    """
    if not Span.has_extension(VALUE):
        Span.set_extension(VALUE, default=None)
    _, method, getter, setter = Span.get_extension(VALUE)
    if method is not None or (getter is not None and setter is None):
        raise ValueError(Errors.S287.format(name=VALUE))
    if not Span.has_extension(CHARACTERS):
        Span.set_extension(CHARACTERS, getter=exact_characters)
    if Span.get_extension(CHARACTERS)[2] is not exact_characters:
        raise ValueError(Errors.S287.format(name=CHARACTERS))


def exact_characters(span: Span) -> Optional[Tuple[int, int]]:
    """Where the indicator of an entity starts and ends in the text of its doc; None if it has none."""
    found = span.doc.user_data.get(extension_key(span, CHARACTERS))  # type: ignore[call-overload]
    return None if found is None else (span.start_char + found[0], span.start_char + found[1])
