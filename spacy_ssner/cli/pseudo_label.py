"""`python -m spacy ssner pseudo-label`: text labelled by trained pipelines, mixed with annotated text, to train on."""

import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, List, Optional, Sequence, Tuple

import typer

from ..errors import Errors, Warnings
from ..files import check_file
from ._app import ssner_app
from ._io import load_pipeline, load_tokenizer, plain_errors, progress, use_gpu
from .prepare_text import find_sources

if TYPE_CHECKING:
    from spacy.tokens import Doc

    from ..corpus.sentence import Sentence
    from ..labels import TagSpan
    from ..pseudo_labels import TextSettings

Opt = typer.Option
TRAIN_HELP = "Annotated data that the teachers were trained on (.spacy)"
TEXT_HELP = (
    "Text to label (.txt, .txt.gz, .jsonl, .spacy, .conll; where the annotated data is natural text, .html and .pdf "
    "in place of .conll), or patterns of such files, in quotes"
)
TEACHER_HELP = (
    "Trained pipeline (folder or package). May be repeated: what they do not agree on has no label."
)
EXCLUDE_HELP = (
    "Labelled file (dev, test) whose sentences are dropped from the text: found by 8 words in a row. "
    "May be repeated."
)
REPEAT_HELP = "How often the annotated data stands in the output"


@ssner_app.command("pseudo-label")
def pseudo_label_cli(
    train: Annotated[Path, typer.Argument(help=TRAIN_HELP)],
    texts: Annotated[List[str], typer.Argument(metavar="TEXT...", help=TEXT_HELP)],
    output: Annotated[Path, typer.Argument(metavar="OUT", dir_okay=False, help=".spacy file to write")],
    teachers: Annotated[List[str], Opt("--teacher", "-t", help=TEACHER_HELP)],
    exclude: Annotated[Optional[List[Path]], Opt("--exclude", help=EXCLUDE_HELP)] = None,
    n_sentences: Annotated[int, Opt("--sentences", "-n", min=1, help="Sentences to label")] = 30_000,
    min_words: Annotated[int, Opt("--min-words", min=1, help="Leave out shorter sentences")] = 6,
    max_words: Annotated[int, Opt("--max-words", min=1, help="Leave out longer sentences")] = 60,
    repeat: Annotated[int, Opt("--repeat", min=0, help=REPEAT_HELP)] = 4,
    seed: Annotated[int, Opt("--seed", min=0, help="Of the choice of sentences, and their order")] = 0,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
) -> None:
    """Label sentences with trained pipelines, for a student to train on (self-training).

    OUT holds the annotated data several times and each labelled sentence once, in random order: train on it for one
    epoch. Words of entities that not all teachers found alike have no label. Where the annotated data has no spacing
    (CoNLL), text is cut into words by spaCy's blank English, else by the tokenizer of the first teacher.
    """
    from spacy.vocab import Vocab
    from wasabi import msg

    from ..corpus.docs import make_docs, write_docs
    from ..pseudo_labels import TextSettings, label_sentences
    from ..text.docbins import load_docbin

    with plain_errors():
        sources = find_sources(texts)
        inputs = {path.resolve() for path in [train, *sources, *(exclude or [])]}
        if output.suffix != ".spacy" or output.resolve() in inputs:
            raise ValueError(Errors.S233.format(got=output))
        check_file(output)
        vocab = Vocab()
        annotated = load_docbin(train, vocab)
        types = {ent.label_ for doc in annotated for ent in doc.ents}
        if not types:
            raise ValueError(Errors.S239.format(path=train, n_docs=len(annotated)))
        use_gpu(gpu_id)
        settings = TextSettings(min_words, max_words, n_sentences, seed)
        sentences = choose(annotated, sources, exclude or [], settings, teachers)
        votes = [ask(teacher, sentences, sorted(types)) for teacher in teachers]
        labelled = label_sentences(sentences, votes)
        docs = [*(doc for doc in annotated for _ in range(repeat)), *make_docs(labelled, vocab)]
        random.Random(seed).shuffle(docs)
        write_docs(docs, output)
    print_labels(labelled)
    n_words = sum(map(len, docs))
    mixture = f"{len(annotated):,} annotated docs {repeat} times, {len(labelled):,} labelled"
    msg.good(f"{output}: {mixture}; {n_words:,} tokens")


def choose(
    annotated: Sequence["Doc"],
    texts: Sequence[Path],
    exclude: Sequence[Path],
    settings: "TextSettings",
    teachers: Sequence[str],
) -> List["Sentence"]:
    """The sentences to label; prints what was left out. RAISES (ValueError): S228 if none is left."""
    from wasabi import msg

    from ..pseudo_labels import DROPPED, choose_sentences
    from ..text.overlap import collect_runs

    is_natural = not all(doc.has_unknown_spaces for doc in annotated)
    tokenizer = load_tokenizer(pipeline=teachers[0]).tokenizer if is_natural else None
    excluded = collect_runs(exclude)
    sentences, counts = choose_sentences(texts, settings, tokenizer=tokenizer, excluded=excluded)
    dropped = ", ".join(f"{counts[name]:,} {name}" for name in DROPPED)
    msg.info(
        f"{counts['read']:,} sentences read ({dropped}); {len(sentences):,} of {counts['kept']:,} chosen"
    )
    if not sentences:
        raise ValueError(Errors.S228.format(n_read=counts["read"]))
    return sentences


def ask(teacher: str, sentences: Sequence["Sentence"], types: Sequence[str]) -> List["set[TagSpan]"]:
    """What a teacher finds in each sentence; prints SW150 if it knows other types.

    RAISES (ValueError): S270 if it cannot be loaded; S150 if it finds nothing.
    """
    from wasabi import msg

    from ..pseudo_labels import find_entities

    nlp = load_pipeline(teacher)
    found: List["set[TagSpan]"] = []
    n_other = 0
    with progress(len(sentences), teacher, " sentences") as bar:
        for spans, others in find_entities(nlp, sentences, frozenset(types)):
            found.append(spans)
            n_other += others
            bar.update()
    if len(found) != len(sentences) or not any(found):
        raise ValueError(Errors.S150.format(name=teacher, types=", ".join(types), n=len(sentences)))
    if n_other:
        msg.warn(Warnings.SW150.format(name=teacher, n=n_other, types=", ".join(types)))
    msg.good(f"{teacher}: {sum(map(len, found)):,} entities")
    return found


def print_labels(sentences: Sequence["Sentence"]) -> None:
    """Print a table: entities of each type that all teachers agree on; and how many words have no label."""
    from wasabi import msg

    counts = Counter(span.label for sentence in sentences for span in sentence.mentions)
    rows: List[Tuple[str, str]] = [(label, f"{n:,}") for label, n in counts.most_common()]
    msg.table(
        rows,
        header=("Type", "Agreed on"),
        footer=("all", f"{counts.total():,}"),
        aligns=("l", "r"),
        divider=True,
    )
    n_missing = sum(tag is None for sentence in sentences for tag in sentence.tags)
    msg.info(
        f"{n_missing:,} of {sum(len(s.words) for s in sentences):,} words have no label: the teachers disagree"
    )
