"""`python -m spacy ssner render`: reports to a page with coloured entities."""

import sys
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
)

import typer

from ..errors import Errors, Warnings
from ..files import check_file, write_text
from ._app import ssner_app
from ._io import STDIN, load_pipeline, plain_errors, read_stdin, split_names, use_gpu

if TYPE_CHECKING:
    from spacy.language import Language

    from ..visual import RenderOptions, Section

Opt = typer.Option
TITLED = 5  # names in the title of a page; a file of JSON lines may hold thousands of texts
INPUTS_HELP = "Text, .html, .pdf or .jsonl files, or - for standard input"


@ssner_app.command("render")
def render_cli(
    pipeline: Annotated[str, typer.Argument(help="Saved pipeline (folder) or pipeline package")],
    inputs: Annotated[List[str], typer.Argument(help=INPUTS_HELP)],
    output: Annotated[Path, typer.Argument(dir_okay=False, help="HTML file to write")],
    title: Annotated[Optional[str], Opt("--title", "-t", help="Title of the page")] = None,
    scores: Annotated[bool, Opt("--scores/--no-scores", help="Show probabilities, if any")] = True,
    types: Annotated[Optional[str], Opt("--types", help="Types to show, e.g. HackOrg,Tool")] = None,
    min_score: Annotated[float, Opt("--min-score", help="Hide entities less probable than this")] = 0.0,
    spans_key: Annotated[str, Opt("--spans-key", "-sk", help="Group in doc.spans with scores")] = "ssner",
    max_length: Annotated[
        Optional[int], Opt("--max-length", min=1, help="Longest text in characters")
    ] = None,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
) -> None:
    """Find the entities of reports and write them as one HTML page, in colours, with a legend."""
    from wasabi import msg

    with plain_errors():
        check_output(output, inputs)
        if not 0 <= min_score <= 1:
            raise ValueError(Errors.S282.format(got=min_score))
        texts = {name: text for path in dict.fromkeys(inputs) for name, text in read_input(path)}
        use_gpu(gpu_id)
        nlp = load_pipeline(pipeline)
        sections = annotate(nlp, texts, max_length=max_length)
        n_shown = write_page(
            nlp, sections, output, title=title, types=types, scores=scores, min_score=min_score, key=spans_key
        )
    msg.good(f"Wrote {n_shown} entities of {len(sections)} text(s)", output)


def check_output(output: Path, inputs: Sequence[str]) -> None:
    """See that a forgotten output name does not overwrite the last input.

    RAISES (ValueError): S279 if the output is no .html file, is also an input, or a page that is there and not ours.
        (OSError): As files.check_file.
    """
    from ..visual import GENERATOR

    same = any(name != STDIN and Path(name).resolve() == output.resolve() for name in inputs)
    if output.is_file():
        with output.open("rb") as file:
            same |= GENERATOR.encode() not in file.read(1000)
    if same or output.suffix.lower() not in (".html", ".htm"):
        raise ValueError(Errors.S279.format(path=output))
    check_file(output)


def read_input(name: str) -> Iterator[Tuple[str, str]]:
    """Name and text of a file, of standard input, or of each record of a file of JSON lines.

    RAISES, WARNS: As text.documents.read_document; (ValueError): S280 for a line that is no record with a text.
    """
    from ..text.documents import read_document
    from ..text.records import RECORDS, read_records

    if name == STDIN:
        yield name, read_stdin()
    elif name.lower().endswith(RECORDS):
        bad: List[Tuple[str, str]] = []
        records = list(read_records([name], max_length=sys.maxsize, on_bad=lambda *what: bad.append(what)))
        for place, reason in bad:
            raise ValueError(Errors.S280.format(path=place, reason=reason))
        yield from ((record.name, record.text) for record in records)
    else:
        yield name, read_document(Path(name))


def annotate(nlp: "Language", texts: Dict[str, str], *, max_length: Optional[int]) -> List["Section"]:
    """Run the pipeline over the texts.

    max_length (Optional[int]): Replaces nlp.max_length, in characters.
    RAISES (ValueError): S278 for a longer text, S271 if nothing sets doc.ents.
    """
    from ..evaluation.prediction import require_entities
    from ..visual import Section

    if max_length is not None:
        nlp.max_length = max_length
    for name, text in texts.items():
        if len(text) > nlp.max_length:
            raise ValueError(Errors.S278.format(name=name, length=len(text), limit=nlp.max_length))
    sections = [Section(name, nlp(text)) for name, text in texts.items()]
    require_entities(nlp, annotated=any(section.doc.has_annotation("ENT_IOB") for section in sections))
    return sections


def write_page(
    nlp: "Language",
    sections: Sequence["Section"],
    output: Path,
    *,
    title: Optional[str],
    types: Optional[str],
    scores: bool,
    min_score: float,
    key: str,
) -> int:
    """Render, write, and count the entities shown.

    RAISES (ValueError): S277 for types that are not known, S281 if spans and scores differ in number. WARNS: SW271.
    """
    from ..visual import RenderOptions, render_page, select_entities

    found = {ent.label_ for section in sections for ent in section.doc.ents}
    chosen = None if types is None else parse_types(types, known=entity_labels(nlp) | found)
    options = RenderOptions(types=chosen, min_score=min_score, scores=scores, spans_key=key)
    if min_score > 0:
        warn_unscored(sections, options)
    names = ["standard input" if s.name == STDIN else Path(s.name).name for s in sections]
    listed = ", ".join(names[:TITLED]) + (f" and {len(names) - TITLED:,} more" if names[TITLED:] else "")
    page = render_page(sections, title=title or listed, options=options)
    write_text(output, page)
    return sum(len(select_entities(section.doc, options)) for section in sections)


def entity_labels(nlp: "Language") -> FrozenSet[str]:
    """Labels of the components that set doc.ents, or of all if none says so."""
    setters = [name for name in nlp.pipe_names if "doc.ents" in nlp.get_pipe_meta(name).assigns]
    return frozenset(a for name in setters or nlp.pipe_names for a in nlp.pipe_labels.get(name, ()))


def parse_types(types: str, *, known: Iterable[str]) -> FrozenSet[str]:
    """Labels of a list like "HackOrg,tool"; upper and lower case do not matter.

    RAISES (ValueError): S277 for types that are not known.
    """
    wanted = split_names(types)
    known = sorted(set(known))
    unknown = [name for name in wanted if name.upper() not in {label.upper() for label in known}]
    if unknown or not wanted:
        raise ValueError(Errors.S277.format(unknown=unknown or repr(types), known=", ".join(known) or "none"))
    return frozenset(label for label in known if label.upper() in {name.upper() for name in wanted})


def warn_unscored(sections: Sequence["Section"], options: "RenderOptions") -> None:
    """WARNS: SW271 with how many entities --min-score cannot judge."""
    import warnings

    from ..visual import select_entities

    entities = [entity for section in sections for entity in select_entities(section.doc, options)]
    count = sum(entity.score is None for entity in entities)
    if count:
        total = sum(len(section.doc.ents) for section in sections)
        message = Warnings.SW271.format(count=count, total=total, key=options.spans_key)
        warnings.warn(message, stacklevel=2)
