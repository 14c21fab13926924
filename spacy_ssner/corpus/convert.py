"""Read any supported corpus: find its format, repair it, keep what was asked for."""

import warnings
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple, Union

from ..errors import Errors, Warnings
from . import annoctr, aptner, brat, cyner, dnrti, malwaretextdb
from .conll import parse_line, read_conll
from .jsonl import Tokenizer, label_records, read_jsonl
from .raw import join_cut_mentions, make_records
from .records import TextRecord
from .report import Report
from .scheme import SCHEMES, TAG_SHAPE
from .select import Excluded, cut_sentences, drop_excluded, drop_repeats, keep_labels, present_labels
from .sentence import Sentence
from .source import Source, decode_lines, not_packed, read_source, remove_invisible

PathLike = Union[str, Path]
PUBLISHED: Dict[str, Tuple[str, ...]] = {
    "dnrti": dnrti.LABELS,
    "aptner": aptner.LABELS,
    "cyner": cyner.LABELS,
    "malwaretextdb": malwaretextdb.LABELS,
    "annoctr": annoctr.LABELS,
}
FORMATS = ("auto", *PUBLISHED, "conll", "jsonl")
ARCHIVES = (".rar", ".zip", ".7z")
_KNOWN_SHARE = 0.9  # of the entity tags, for a file to be one of the published corpora


@dataclass(frozen=True)
class ReadOptions:
    """How to read a file.

    format (str): One of FORMATS.
    scheme (str): "auto" or one of SCHEMES. Only for CoNLL files.
    fused (str): One of aptner.FUSED: what a line of APTNER with several tags becomes.
    member (Optional[str]): The file to read of an archive; may be None if it holds only one.
    tokenizer (Optional[Tokenizer]): For JSONL and raw; `spacy-ssner.CTITokenizer.v1` on blank English if None.
    raw (bool): Make natural texts of CoNLL sentences and let the tokenizer cut them.
    sentences_per_doc (int): With raw, how many neighbouring sentences make a text, >= 1.
    """

    format: str = "auto"
    scheme: str = "auto"
    fused: str = "join"
    member: Optional[str] = None
    tokenizer: Optional[Tokenizer] = None
    raw: bool = False
    sentences_per_doc: int = 1


@dataclass(frozen=True)
class Selection:
    """Which sentences and entities to keep, applied in this order.

    exclude (Sequence[PathLike]): Drop sentences and documents that these files hold too (see select.Excluded).
    drop_repeats (bool): Drop sentences that occurred before.
    labels (Sequence[str]): Keep only entities of these types; all if empty.
    max_length (Optional[int]): Cut longer sentences, in tokens, >= 1.
    """

    exclude: Sequence[PathLike] = ()
    drop_repeats: bool = False
    labels: Sequence[str] = ()
    max_length: Optional[int] = None


def convert(
    paths: Union[PathLike, Sequence[PathLike]],
    options: Optional[ReadOptions] = None,
    *,
    selection: Optional[Selection] = None,
    strict: bool = False,
) -> Tuple[List[Sentence], Report]:
    """Read corpora, repair their faults and select what to keep.

    paths (Union[PathLike, Sequence[PathLike]]): CoNLL or JSONL files, or archives that hold one.
    options (Optional[ReadOptions]): How to read them; by default all is found out.
    selection (Optional[Selection]): What to keep; all if None.
    strict (bool): Raise at the first fault instead of repairing it.
    RETURNS (Tuple[List[Sentence], Report]): The sentences, at least one, and what was repaired.
    RAISES (ValueError): S221 if strict; S222, S223, S230, S231, S234 for a wrong option; S220, S225 to S229, S235,
        S236 for a file that cannot be read; S228, S232 if nothing is left.
    RAISES (ImportError): S224 for an archive without libarchive.
    """
    options = options or ReadOptions()
    if options.raw:
        records, report = convert_texts(paths, options, selection=selection, strict=strict)
        return label_records(records, options.tokenizer, report=report), report
    return read_selected(paths, options, selection, strict=strict)


def convert_texts(
    paths: Union[PathLike, Sequence[PathLike]],
    options: ReadOptions,
    *,
    selection: Optional[Selection] = None,
    strict: bool = False,
) -> Tuple[List[TextRecord], Report]:
    """As `convert` with options.raw, but the natural texts with exact character spans, not yet cut into tokens.

    RAISES (ValueError): As `convert`; S211 for JSONL files, whose texts are natural already.
    """
    sentences, report = read_selected(paths, replace(options, raw=True), selection, strict=strict)
    natural = [sentence.path for sentence in sentences if sentence.spaces is not None]
    if natural:
        raise ValueError(Errors.S211.format(got=natural[0]))
    return make_records(sentences, per_doc=options.sentences_per_doc), report


def read_selected(
    paths: Union[PathLike, Sequence[PathLike]],
    options: ReadOptions,
    selection: Optional[Selection],
    *,
    strict: bool,
) -> Tuple[List[Sentence], Report]:
    """The sentences of corpora that a selection keeps, in the tokens of the files. RAISES as `convert`."""
    selection = selection or Selection()
    check_options(options, selection)
    report = Report(strict=strict)
    sources = [open_source(p, options.member) for p in ([paths] if isinstance(paths, (str, Path)) else paths)]
    read = [sentence for source in sources for sentence in read_corpus(source, options, report=report)]
    sentences = select(read, selection, report=report, join_cut=options.raw)
    if not sentences:
        raise ValueError(Errors.S228.format(n_read=len(read)))
    return sentences, report


def select(
    sentences: List[Sentence], selection: Selection, *, report: Report, join_cut: bool = False
) -> List[Sentence]:
    """What a selection keeps. The report takes what it drops or cuts.

    join_cut (bool): Join sentences that the files of the selection cut inside an entity, as the others are.
    """
    if selection.exclude:
        excluded = read_excluded(selection.exclude, join_cut=join_cut)
        sentences = drop_excluded(sentences, excluded, report=report)
    if selection.drop_repeats:
        sentences = drop_repeats(sentences, report=report)
    if selection.labels:
        check_labels(sentences, selection.labels)
        sentences = keep_labels(sentences, set(selection.labels), report=report)
    if selection.max_length is not None:
        sentences = cut_sentences(sentences, selection.max_length, report=report)
    return sentences


def check_options(options: ReadOptions, selection: Selection) -> None:
    """RAISES (ValueError): S222, S223, S234, S230 or S231 if an option has no such value."""
    schemes = ("auto", *SCHEMES)
    if options.format not in FORMATS:
        raise ValueError(Errors.S222.format(expected=", ".join(FORMATS), got=options.format))
    if options.scheme not in schemes:
        raise ValueError(Errors.S223.format(expected=", ".join(schemes), got=options.scheme))
    if options.fused not in aptner.FUSED:
        raise ValueError(Errors.S234.format(expected=", ".join(aptner.FUSED), got=options.fused))
    if selection.max_length is not None and selection.max_length < 1:
        raise ValueError(Errors.S230.format(expected=1, got=selection.max_length))
    if options.sentences_per_doc < 1 or (options.sentences_per_doc > 1 and not options.raw):
        got = f"{options.sentences_per_doc} {'with' if options.raw else 'without'} --raw"
        raise ValueError(Errors.S231.format(got=got))


def check_labels(sentences: Sequence[Sentence], labels: Sequence[str]) -> None:
    """Warn (SW220) of types that do not occur.

    RAISES (ValueError): S232 if none does.
    """
    present = present_labels(sentences)
    absent = sorted(set(labels) - set(present))
    if present and len(absent) == len(set(labels)):
        raise ValueError(Errors.S232.format(expected=", ".join(present), got=", ".join(absent)))
    if absent:
        found, got = ", ".join(present), ", ".join(absent)
        warnings.warn(Warnings.SW220.format(n=len(absent), got=got, expected=found), stacklevel=3)


def open_source(path: PathLike, member: Optional[str] = None) -> Source:
    """Read a file, the member of an archive (known by its ending), also as `DNRTI.rar/test.txt`, or brat's folder."""
    path = Path(path)
    if path.parent.suffix.lower() in ARCHIVES and path.parent.is_file():
        path, member = path.parent, path.name
    if brat.is_brat(path):
        return brat.read_brat(path)
    source = read_source(path)  # a missing or empty archive is an error of ours, not of libarchive
    return dnrti.read_member(path, member) if path.suffix.lower() in ARCHIVES else not_packed(source)


def detect_format(source: Source) -> str:
    """The format of a file: jsonl if its first line opens a JSON object, or all of it is a list, a published corpus if
    nearly all of its tags have that corpus's types, else conll."""
    lines = [remove_invisible(line).strip() for line in decode_lines(source.data)[0]]
    filled = [line for line in lines if line] or [""]
    is_json = filled[0].startswith("{") or filled[0][:1] + filled[-1][-1:] == "[]"
    if is_json and not TAG_SHAPE.fullmatch(filled[0].split()[-1]):
        return "jsonl"
    tags = [columns[-1] for line in lines if len(columns := line.split()) > 1]
    types = Counter(tag[2:] for tag in tags if TAG_SHAPE.fullmatch(tag) and len(tag) > 2)
    shares = {
        name: sum(types[label] for label in labels) / max(1, sum(types.values()))
        for name, labels in PUBLISHED.items()
    }
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= _KNOWN_SHARE else "conll"


def read_corpus(source: Source, options: Optional[ReadOptions] = None, *, report: Report) -> List[Sentence]:
    """Read one file. With options.raw, sentences that were cut inside an entity are joined."""
    options = options or ReadOptions()
    format = detect_format(source) if options.format == "auto" else options.format
    if format == "jsonl":
        return read_jsonl(source, report=report, tokenizer=options.tokenizer)
    parse = aptner.make_parser(options.fused) if format == "aptner" else parse_line
    sentences = read_conll(source, report=report, scheme=options.scheme, parse=parse)
    return join_cut_mentions(sentences, report=report) if options.raw else sentences


def read_excluded(paths: Sequence[PathLike], *, join_cut: bool = False) -> Excluded:
    """The sentences and documents of some files, in any format or .spacy. Their faults are repaired as always.

    WARNS: SW221 for lines that cannot be read, and so exclude nothing.
    join_cut (bool): Both the sentences as they are and those joined because they were cut inside an entity.
    """
    variants = [ReadOptions(), ReadOptions(raw=True)] if join_cut else [ReadOptions()]
    excluded = Excluded()
    for path in map(Path, paths):
        source = read_source(path) if path.suffix.lower() == ".spacy" else open_source(path)
        if path.suffix.lower() == ".spacy":
            from spacy.vocab import Vocab

            from ..text.docbins import load_docbin
            from .docs import is_document

            for doc in load_docbin(path, Vocab()):
                excluded.add([token.text for token in doc], is_document=is_document(doc))
        else:
            for options in variants:
                report = Report()
                for sentence in read_corpus(source, options, report=report):
                    excluded.add(sentence.words, is_document=sentence.is_document)
                lost = [repair.line for repair in report.repairs if repair.kind == "bad-record"]
                if lost:
                    warnings.warn(Warnings.SW221.format(n=len(lost), path=path, line=lost[0]), stacklevel=3)
    return excluded
