"""`python -m spacy ssner similar-words`: make the table of similar words of a corpus, or look into one."""

import time
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Dict, List, Optional, Sequence

import typer
from wasabi import msg

from ..errors import Errors
from ._app import ssner_app
from ._io import check_outputs, find_part, plain_errors, progress, split_names, told_at_the_end
from .prepare_text import find_sources

if TYPE_CHECKING:
    from ..similarity.vectors import WordVectors

PLACES = ("ssner/similar_words", "similar_words")  # in a saved pipeline, in a saved component
PATHS_HELP = (
    "Files to learn from (.spacy, .txt, .txt.gz, .jsonl, .conll), then the table to write, e.g. words.sim. "
    "With --show: a table or a saved pipeline, then words."
)
VECTORS_HELP = (
    "Word vectors to use instead of training: word2vec text or binary, .gz, or gensim .kv. "
    "CORPUS is then optional, and only its share of known words is measured."
)
CUTOFF_HELP = "Lowest likeness in spelling, in percent, for words outside the vocabulary"
EXCLUDE_HELP = (
    "Labelled file (dev, test) whose sentences are dropped from the corpus: found by 8 words in a row. "
    "May be repeated."
)
TEXT_HELP = "More files to learn from, as names or glob patterns separated by commas; none if empty"


@ssner_app.command("similar-words")
def similar_words_cli(
    paths: Annotated[List[str], typer.Argument(metavar="CORPUS... OUT", help=PATHS_HELP)],
    show: bool = typer.Option(False, "--show", help="Print the similar words of the words after TABLE"),
    vectors: Annotated[Optional[Path], typer.Option("--vectors", help=VECTORS_HELP)] = None,
    size: int = typer.Option(256, "--size", min=1, help="Numbers per vector"),
    window: int = typer.Option(3, "--window", min=1, help="Words of context on each side"),
    min_count: int = typer.Option(2, "--min-count", min=1, help="Drop rarer words"),
    max_words: int = typer.Option(50_000, "--max-words", min=1, help="Keep the most frequent words only"),
    epochs: int = typer.Option(0, "--epochs", min=0, help="0: 50 for a small corpus, 5 for a large one"),
    sg: bool = typer.Option(False, "--sg/--cbow", help="Skip-gram, or continuous bag of words"),
    lower: bool = typer.Option(True, "--lower/--no-lower", help="Lower-case all words"),
    m: int = typer.Option(50, "--m", help="Nearest words by meaning, per word"),
    k: int = typer.Option(10, "--k", help="Of these the closest in spelling, which are kept"),
    scorer: str = typer.Option("ratio", "--scorer", help="Name of a function of rapidfuzz.fuzz"),
    cutoff: float = typer.Option(60.0, "--cutoff", min=0, max=100, help=CUTOFF_HELP),
    seed: int = typer.Option(0, "--seed", help="Same corpus, same seed, one worker: same table"),
    workers: int = typer.Option(1, "--workers", min=1, help="Training threads; only 1 is repeatable"),
    exclude: Annotated[Optional[List[Path]], typer.Option("--exclude", help=EXCLUDE_HELP)] = None,
    text: str = typer.Option("", "--text", help=TEXT_HELP),
) -> None:
    """Learn which words are similar, by meaning and spelling, for the component's similar-word attention.

    similar-words CORPUS... OUT makes a table; similar-words --show TABLE apple apt28 mimikatz looks into one.
    """
    training = dict(size=size, window=window, min_count=min_count, epochs=epochs or None, sg=sg, seed=seed)
    training.update(workers=workers, lower=lower, max_words=max_words)
    matching = dict(m=m, k=k, scorer=scorer, cutoff=cutoff)
    with plain_errors(), told_at_the_end():
        if show:
            show_words(Path(paths[0]), paths[1:])
        else:
            files = [Path(path) for path in paths]
            corpora = [*files[:-1], *find_sources(split_names(text))]
            make_table(corpora, files[-1], vectors, exclude or [], training, matching)


def make_table(
    corpora: Sequence[Path],
    out: Path,
    vectors_path: Optional[Path],
    exclude: Sequence[Path],
    training: Dict[str, Any],
    matching: Dict[str, Any],
) -> None:
    """Read, train, match and save, and print what came out and how long it took.

    RAISES (ValueError): S262 if OUT looks like a corpus or nothing is given to learn from; S213 if it is an input;
        S255, S256 before anything is trained; what read_sentences, train_vectors and read_vectors raise.
        (FileNotFoundError): S263 if the file of vectors is not there.
    """
    from ..similarity.matching import check_settings
    from ..similarity.table import SimilarWordTable
    from ..similarity.vectors import read_vectors
    from ..text.reading import SUFFIXES

    if out.name.lower().endswith(SUFFIXES) or out.is_dir():
        expected = "a new file (words.sim) as last argument"
        raise ValueError(Errors.S262.format(command="similar-words", expected=expected, got=out))
    if not corpora and vectors_path is None:
        expected = "CORPUS... OUT, or --vectors FILE OUT"
        raise ValueError(Errors.S262.format(command="similar-words", expected=expected, got=out))
    if vectors_path is not None and not vectors_path.is_file():
        raise FileNotFoundError(Errors.S263.format(path=vectors_path))
    check_outputs([out], [*corpora, vectors_path, *exclude])
    check_settings(matching["m"], matching["k"], matching["scorer"])
    sentences = read_corpora(corpora, exclude)
    start = time.perf_counter()
    if vectors_path is None:
        vectors = train(sentences, training)
    else:
        vectors = read_vectors(vectors_path, lower=training["lower"], max_words=training["max_words"])
    print_vocabulary(vectors, sentences, time.perf_counter() - start)
    start = time.perf_counter()
    with progress(len(vectors.words), "Matching", "words") as bar:
        source = ", ".join(path.name for path in ([vectors_path] if vectors_path else corpora))
        table = SimilarWordTable.build(vectors, source=source, on_words=bar.update, **matching)
    table.to_disk(out)
    msg.good(f"{out}: {len(table):,} words with {table.k} similar words each, {seconds(start)}")


def read_corpora(paths: Sequence[Path], exclude: Sequence[Path]) -> List[List[str]]:
    """All sentences of some files but those of the excluded ones; prints how many."""
    from ..text.overlap import collect_runs, repeats
    from ..text.reading import read_sentences

    start = time.perf_counter()
    runs = collect_runs(exclude)
    known: Dict[str, str] = {}  # equal words become one object: millions of them fit into memory
    sentences: List[List[str]] = []
    n_excluded = 0
    for path in paths:
        total = path.stat().st_size if path.is_file() else None
        with progress(total, path.name, "B") as bar:
            for sentence in read_sentences(path, on_bytes=bar.update):
                if runs and repeats(sentence, runs):
                    n_excluded += 1
                elif sentence:
                    sentences.append([known.setdefault(word, word) for word in sentence])
    if paths:
        n_words = sum(map(len, sentences))
        msg.good(f"Corpus: {len(sentences):,} sentences, {n_words:,} words, {seconds(start)}")
    if exclude:
        msg.info(f"Excluded: {n_excluded:,} sentences that occur in {', '.join(p.name for p in exclude)}")
    return sentences


def train(sentences: Sequence[Sequence[str]], training: Dict[str, Any]) -> "WordVectors":
    """Train word vectors with a progress bar over the epochs."""
    from ..similarity.vectors import choose_epochs, train_vectors

    n_epochs = training["epochs"] or choose_epochs(sum(map(len, sentences)))
    with progress(n_epochs, "Training", "epochs") as bar:
        return train_vectors(sentences, on_epoch=bar.update, **{**training, "epochs": n_epochs})


def print_vocabulary(vectors: "WordVectors", sentences: Sequence[Sequence[str]], n_seconds: float) -> None:
    """Say how many words have a vector, and which share of the corpus they are."""
    from ..similarity.vectors import normalise

    counts = Counter(chain.from_iterable(sentences))
    known = set(vectors.words)
    covered = sum(n for word, n in counts.items() if normalise(word, lower=vectors.lower) in known)
    total = sum(counts.values())
    share = f", {100 * covered / total:.1f} % of the corpus" if total else ""
    width = vectors.vectors.shape[1]
    msg.good(f"Vocabulary: {len(known):,} words with vectors of {width}{share}, {n_seconds:.1f} s")


def show_words(path: Path, words: Sequence[str]) -> None:
    """Print the similar words of some words; without words, what the table is."""
    from wasabi import table as format_table

    from ..similarity.table import SimilarWordTable

    table = SimilarWordTable.from_disk(find_part(path, PLACES))
    settings = ", ".join(f"{name} {value}" for name, value in table.settings.items())
    msg.info(f"{len(table):,} words, vectors of {table.width}, {settings}")
    rows = []
    for word in words:
        found = table.neighbours(word)
        source = "meaning + spelling" if word in table else "spelling only (not in the vocabulary)"
        for near in found:
            cosine = "-" if near.cosine is None else f"{near.cosine:.3f}"
            rows.append((word, near.word, cosine, f"{near.ratio:.1f}", source))
        if not found:
            rows.append((word, "-", "-", "-", "none found"))
    if rows:
        header = ("Word", "Similar", "Cosine", "Ratio", "Found by")
        print(format_table(rows, header=header, divider=True, aligns=("l", "l", "r", "r", "l")))


def seconds(start: float) -> str:
    """Time since a moment of time.perf_counter()."""
    return f"{time.perf_counter() - start:.1f} s"
