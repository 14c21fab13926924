"""`python -m spacy ssner lexicon`: make a lexicon of names, look into one, or put one into a saved pipeline."""

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Dict, List, Optional, Sequence, Tuple

import typer

from ..errors import Errors, Warnings
from ._app import ssner_app
from ._io import (
    check_new_pipeline,
    check_outputs,
    find_part,
    load_pipeline,
    plain_errors,
    save_pipeline,
    split_names,
)

if TYPE_CHECKING:
    from ..lexicon.build import BuildSettings, Counts
    from ..lexicon.lexicon import Lexicon
    from ..lexicon.sources import Record

CLUSTERS = "clusters"  # folder of a checkout of MISP galaxy
PLACES = ("ssner/lexicon", "lexicon")  # in a saved pipeline, in a saved component
SUFFIXES = (".json", ".json.gz", ".csv", ".csv.gz", ".jsonl", ".jsonl.gz")
PATHS_HELP = (
    "Files or folders of names, then the lexicon to write, e.g. names.lex. Names: MISP galaxy clusters and "
    "ATT&CK STIX bundles (.json), name,category (.csv), {'name': ..., 'category': ...} (.jsonl), each also "
    ".gz, and saved lexicons or pipelines. With --show: LEXICON NAME...; with --replace: PIPELINE LEXICON OUT."
)
CATEGORY_HELP = "FILE=CATEGORY: category of all names of a source file, by its name; may be repeated"
ONLY_HELP = "Keep these categories only, separated by commas; may be repeated"
COMMON_HELP = (
    "Text (.txt, .txt.gz, .jsonl, .spacy, .conll) that shows which names are ordinary words: those that occur "
    "in it in lower case count only as the source spells them, or with a capital. May be repeated. Without it, so do "
    "all names of one word without digits."
)
SHARE_HELP = "From this share of lower case among its occurrences in --common on, a name is an ordinary word"


@ssner_app.command("lexicon")
def lexicon_cli(
    paths: Annotated[List[str], typer.Argument(metavar="SOURCE... OUT", help=PATHS_HELP)],
    show: bool = typer.Option(False, "--show", help="Print what a lexicon or pipeline knows of some names"),
    replace: bool = typer.Option(False, "--replace", help="Write a pipeline that reads another lexicon"),
    category: Annotated[Optional[List[str]], typer.Option("--category", help=CATEGORY_HELP)] = None,
    only: Annotated[Optional[List[str]], typer.Option("--only", help=ONLY_HELP)] = None,
    common: Annotated[Optional[List[Path]], typer.Option("--common", help=COMMON_HELP)] = None,
    lower_share: float = typer.Option(0.05, "--lower-share", min=0, max=1, help=SHARE_HELP),
    min_length: int = typer.Option(3, "--min-length", min=1, help="Shortest name, in letters and digits"),
    component: str = typer.Option("ssner", "--component", help="Name of the component, for --replace"),
) -> None:
    """Collect names of actors, malware, tools ... for the component's lexicon sublayer.

    lexicon misp-galaxy/ mine.csv names.lex --common text.txt makes a lexicon; lexicon --show names.lex APT28
    looks into one; lexicon --replace model-best names.lex model-new puts one into a pipeline, without training.
    """
    from ..lexicon.build import BuildSettings

    with plain_errors():
        if show:
            show_names(Path(paths[0]), paths[1:])
        elif replace:
            replace_lexicon(paths, component=component)
        else:
            settings = BuildSettings(min_length=min_length, lower_share=lower_share)
            kept = split_names(only)
            make_lexicon(paths, settings=settings, categories=category or [], only=kept, common=common or [])


def make_lexicon(
    paths: Sequence[str],
    *,
    settings: "BuildSettings",
    categories: Sequence[str],
    only: Sequence[str],
    common: Sequence[Path],
) -> None:
    """Read, filter and save, and print what came out.

    RAISES (ValueError): S133, S137, S213, S262, S267, S268, S269; (OSError): S263, S289.
    """
    from wasabi import msg

    from ..lexicon.build import build_lexicon
    from ..lexicon.sources import keep_categories

    if len(paths) < 2 or paths[-1].lower().endswith(SUFFIXES) or Path(paths[-1]).is_dir():
        expected = "SOURCE... OUT with a new file (names.lex) at the end"
        raise ValueError(Errors.S262.format(command="lexicon", expected=expected, got=" ".join(paths)))
    files, out = find_sources([Path(path) for path in paths[:-1]]), Path(paths[-1])
    check_outputs([out], common)
    records = read_records(files, parse_categories(categories, files))
    records, absent = keep_categories(records, only)
    if absent:
        msg.warn(Warnings.SW256.format(got=", ".join(absent)))
    counts = count_common(records, common)
    start = time.perf_counter()
    names = ", ".join(Path(path).name for path in paths[:-1])
    lexicon, dropped = build_lexicon(records, counts=counts, settings=settings, source=names)
    if not len(lexicon):
        got = reasons(dropped) or "none read"
        raise ValueError(Errors.S269.format(n_read=len(records), path=names, got=got))
    lexicon.to_disk(out)
    print_counts(lexicon)
    if dropped:
        msg.info(f"Left out: {reasons(dropped)}")
    msg.good(f"{out}: {len(lexicon):,} names, {time.perf_counter() - start:.1f} s")


def find_sources(paths: Sequence[Path]) -> List[Path]:
    """Files themselves, the name files of folders, and the lexicons of saved pipelines. Of a checkout of MISP galaxy:
    the clusters that hold names of actors, malware, tools and the like.

    RAISES (FileNotFoundError): S263 for a path that is not there or holds no such file.
    """
    from ..lexicon.sources import MISP_FILES

    files: List[Path] = []
    for path in paths:
        if path.is_dir() and not any((path / name).exists() for name in ("config.cfg", "cfg")):
            place = path / CLUSTERS if (path / CLUSTERS).is_dir() else path
            found = sorted(file for file in place.iterdir() if file.name.lower().endswith(SUFFIXES))
            if place.name == CLUSTERS:
                found = [file for file in found if file.name.split(".")[0] in MISP_FILES]
            if not found:
                raise FileNotFoundError(Errors.S263.format(path=path / "*.json"))
            files += found
        else:
            files.append(find_part(path, PLACES))
    return files


def parse_categories(options: Sequence[str], files: Sequence[Path]) -> Dict[str, str]:
    """FILE=CATEGORY options by file name. RAISES (ValueError): S133 for another form or no such source."""
    known = [file.name for file in files]
    result = {}
    for option in options:
        name, _, category = (part.strip() for part in option.rpartition("="))
        if not category or name not in known:
            raise ValueError(Errors.S133.format(got=option, expected=", ".join(known)))
        result[name] = category
    return result


def read_records(files: Sequence[Path], categories: Dict[str, str]) -> List["Record"]:
    """The names of all sources; prints how many each has, and what was skipped (SW255).

    RAISES (FileNotFoundError): S263; (ValueError): S268 for a source that cannot be read.
    """
    from wasabi import msg

    from ..lexicon.sources import read_source

    records: List["Record"] = []
    for file in files:
        source = read_source(file, category=categories.get(file.name))
        found = Counter(record.category for record in source.records)
        listed = ", ".join(f"{n:,} {name}" for name, n in found.most_common()) or "no names"
        msg.good(f"{file.name} ({source.kind}): {listed}")
        n_skipped = sum(source.skipped.values())
        if n_skipped:
            values = dict(path=file.name, n=n_skipped, total=n_skipped + len(source.records))
            msg.warn(Warnings.SW255.format(**values, got=reasons(source.skipped)))
        records += source.records
    return records


def count_common(records: Sequence["Record"], common: Sequence[Path]) -> Optional["Counts"]:
    """Occurrences of the names in the common texts, None without any. Errors and warnings as read_sentences."""
    from wasabi import msg

    from ..lexicon.build import count_cases
    from ..text.reading import read_sentences

    if not common:
        msg.info("No --common text: names of one word without digits count as spelled, or with a capital")
        return None
    sentences = (sentence for path in common for sentence in read_sentences(path))
    counts = count_cases((record.text for record in records), sentences)
    n_lower = sum(n > 0 for n in counts.lower.values())
    msg.good(f"Common text: {len(counts.total):,} names occur, {n_lower:,} in lower case")
    return counts


def print_counts(lexicon: "Lexicon") -> None:
    """Print a table: names of each category, and how many of them count only as spelled."""
    from wasabi import table

    rows = []
    for category in lexicon.categories:
        names = [name for name in lexicon.names if name.category == category]
        rows.append((category, f"{len(names):,}", f"{sum(name.cased for name in names):,}"))
    print(table(rows, header=("Category", "Names", "Only as spelled"), divider=True, aligns=("l", "r", "r")))


def show_names(path: Path, names: Sequence[str]) -> None:
    """Print what is listed under some names; without names, what the lexicon holds."""
    from wasabi import msg, table

    from ..lexicon.lexicon import Lexicon

    lexicon = Lexicon.from_disk(find_part(path, PLACES))
    msg.info(", ".join([f"{len(lexicon):,} names", *(f"{k} {v}" for k, v in lexicon.settings.items())]))
    if not names:
        print_counts(lexicon)
        return
    rows: List[Tuple[str, ...]] = []
    for text in names:
        found = lexicon.look_up(text)
        listed = [(text, x.text, x.category, "as listed" if x.cased else "any") for x in found]
        rows += listed or [(text, "-", "-", "not listed")]
    print(table(rows, header=("Name", "Listed", "Category", "Spelling"), divider=True))


def replace_lexicon(paths: Sequence[str], *, component: str) -> None:
    """Write a copy of a pipeline with another lexicon.

    RAISES (ValueError): S131, S132, S262, S267, S270, S308; (OSError): S263, S289.
    """
    from wasabi import msg

    from ..component import SSNER
    from ..lexicon.lexicon import Lexicon

    if len(paths) != 3:
        expected = "--replace PIPELINE LEXICON OUT"
        raise ValueError(Errors.S262.format(command="lexicon", expected=expected, got=" ".join(paths)))
    pipeline, source, out = paths
    check_new_pipeline(Path(out))
    nlp = load_pipeline(pipeline)
    pipe = nlp.get_pipe(component) if component in nlp.component_names else None
    if not isinstance(pipe, SSNER):
        expected = f"--component to name an ssner component of {pipeline}"
        got = f"{component!r} beside {', '.join(nlp.component_names) or 'none'}"
        raise ValueError(Errors.S262.format(command="lexicon", expected=expected, got=got))
    lexicon = Lexicon.from_disk(find_part(Path(source), PLACES))
    pipe.set_lexicon(lexicon)
    save_pipeline(nlp, Path(out))
    msg.good(f"{out}: {len(lexicon):,} names")


def reasons(counter: "Counter[str]") -> str:
    """Counts as text, the most frequent first."""
    return ", ".join(f"{n:,} {reason}" for reason, n in counter.most_common())
