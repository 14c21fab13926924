"""CoNLL files: a token and its tags on a line, a blank line between sentences.

The token is the first column (the second where the first one counts the tokens), the tag the last; columns are
separated by tabs if half of the lines have one, else by white space. -DOCSTART- (or <DOCSTART>) lines end a sentence
and are skipped. The usual number of columns is the most frequent one. Rules for the other lines (names as in
report.RULES):

- tag-without-token: only a tag (O, or one that other lines have too), or an empty first column: dropped.
- token-without-tag: no last column, or several words of which the last is no tag: tokens with a missing
  label.
- missing-columns: more than one column but fewer than usual: the token stays, its label is missing.
- several-tokens: more columns than usual in a file without tabs, or a space in the first column of a file
  with tabs: tokens of their own, all O or together one entity.
- invisible: zero-width and control characters are removed first; what is then empty is a tag-without-token.
- unknown-tag: a last column that is no tag of the scheme: the label is missing.
- token-numbers: a first column that counts the tokens of each sentence, as in CoNLL-U, is left out.
- comment: a line before a sentence that begins with `#`, has several columns and ends in no tag (`# id 5`): skipped.
"""

from collections import Counter
from typing import Callable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ..errors import Errors
from ..text.reading import DOC_STARTS
from .report import Report
from .scheme import TAG_SHAPE, detect_scheme, spread_tag, to_bio
from .sentence import Sentence
from .source import Source, read_lines, remove_invisible

LONG = 128


class Layout(NamedTuple):
    """How the lines of a file are made. `tags` are those of its complete lines; `width` is without the numbers."""

    has_tabs: bool
    width: int
    scheme: str
    tags: frozenset
    is_numbered: bool = False


class ParsedLine(NamedTuple):
    """The tokens of a line with their tags (None = missing), and the faults (keys of report.RULES)."""

    pairs: List[Tuple[str, Optional[str]]]
    faults: List[str]


LineParser = Callable[[str, Layout], ParsedLine]


class Row(NamedTuple):
    """A token, its tag as found (None = missing) and its line."""

    token: str
    tag: Optional[str]
    line: int


def split_columns(text: str, has_tabs: bool) -> List[str]:
    """The columns of a line, stripped. The first one of a line with tabs may be empty."""
    if not has_tabs or "\t" not in text:
        return text.split()
    return [column.strip() for column in text.rstrip().split("\t")]


def detect_layout(lines: Sequence[str], *, scheme: str = "auto") -> Layout:
    """Find separator, usual number of columns and scheme.

    lines (Sequence[str]): All lines of a file.
    scheme (str): One of SCHEMES, or "auto".
    RETURNS (Layout): Its width is 0 if no line has two columns.
    """
    filled = [line for line in lines if line.strip() and not line.startswith(DOC_STARTS)]
    has_tabs = 2 * sum("\t" in line for line in filled) >= max(1, len(filled))
    rows = [columns for line in filled if len(columns := split_columns(line, has_tabs)) > 1]
    is_numbered = counts_tokens(rows)
    rows = [columns[1:] for columns in rows] if is_numbered else rows
    widths = Counter(len(columns) for columns in rows)
    width = widths.most_common(1)[0][0] if widths else 0
    tags = [columns[-1] for columns in rows if len(columns) == width]
    scheme = detect_scheme(tags) if scheme == "auto" else scheme
    known = frozenset(tag for tag in tags if TAG_SHAPE.fullmatch(tag))
    return Layout(has_tabs, width, scheme, known, is_numbered)


def counts_tokens(rows: Sequence[Sequence[str]]) -> bool:
    """Whether nine in ten rows of three columns or more begin with a number that is one more than that of the row
    before, or with 0 or 1, where a sentence begins."""
    firsts = [
        columns[0] for columns in rows if len(columns) > 2 and not columns[0].startswith("#")
    ]  # comments
    before = ["", *(str(int(first) + 1) if first.isdecimal() else "" for first in firsts)]
    n_counted = sum(first in ("0", "1", expected) for first, expected in zip(firsts, before))
    return "2" in firsts and n_counted >= 0.9 * len(firsts)


def drop_number(text: str) -> str:
    """A line without its first column."""
    return "".join(text.split(maxsplit=1)[1:])


def parse_line(text: str, layout: Layout) -> ParsedLine:
    """Tokens and tags of a line that is not blank, by the rules above."""
    columns = split_columns(text, layout.has_tabs)
    if len(columns) == 1:
        if columns[0] == "O" or columns[0] in layout.tags:
            return ParsedLine([], ["tag-without-token"])
        return ParsedLine([(columns[0], None)], ["token-without-tag"])
    if not columns[0]:
        return ParsedLine([], ["tag-without-token"])
    if len(columns) < layout.width:
        return ParsedLine([(columns[0], None)], ["missing-columns"])
    n_tokens = 1 if "\t" in text and layout.has_tabs else 1 + len(columns) - layout.width
    words = [word for column in columns[:n_tokens] for word in column.split()]
    if len(words) == 1:
        return ParsedLine([(words[0], columns[-1])], [])
    if not TAG_SHAPE.fullmatch(columns[-1]):
        return ParsedLine([(word, None) for word in [*words, columns[-1]]], ["token-without-tag"])
    return ParsedLine(
        list(zip(words, spread_tag(columns[-1], len(words), layout.scheme))), ["several-tokens"]
    )


def is_comment(text: str) -> bool:
    """Whether a line is a comment, as CoNLL-U and MultiCoNER write them, if it stands before a sentence."""
    columns = text.split()
    return text.startswith("#") and len(columns) > 1 and not TAG_SHAPE.fullmatch(columns[-1])


def read_conll(
    source: Source, *, report: Report, scheme: str = "auto", parse: LineParser = parse_line
) -> List[Sentence]:
    """Read the sentences of a CoNLL file.

    source (Source): The file.
    report (Report): Takes the repairs, with the line of each.
    scheme (str): One of SCHEMES, or "auto" to find it.
    parse (LineParser): What a line of this format means.
    RETURNS (List[Sentence]): The sentences with at least one token, in valid BIO.
    RAISES (ValueError): S236 without lines of token and tag, S220 without tokens, S221 if strict.
    """
    lines = read_lines(source, report)
    layout = detect_layout([remove_invisible(line) for line in lines], scheme=scheme)
    if not layout.tags:
        raise ValueError(Errors.S236.format(path=source.path, got=lines[0][:80]))
    if layout.is_numbered:
        report.add("token-numbers", source.path, 1, lines[0])
    sentences = [
        make_sentence(rows, source.path, lines, layout.scheme, report)
        for rows in _read_blocks(lines, source.path, layout, parse, report)
    ]
    if not sentences:
        raise ValueError(Errors.S220.format(path=source.path, got="no token"))
    return sentences


def make_sentence(
    rows: Sequence[Row], path: str, lines: Sequence[str], scheme: str, report: Report
) -> Sentence:
    """Make a sentence of the tokens of a block; faults of the scheme go to the report.

    lines (Sequence[str]): All lines of the file: the report quotes them.
    """
    tags, faults = to_bio([row.tag for row in rows], scheme=scheme)
    numbers = tuple(row.line for row in rows)
    for place, kind in faults:
        report.add(kind, path, numbers[place], lines[numbers[place] - 1])
    if len(rows) > LONG:
        report.add(
            "long-sentence", path, numbers[0], f"{len(rows)} tokens: {' '.join(r.token for r in rows[:6])}"
        )
    return Sentence(tuple(row.token for row in rows), tuple(tags), path, numbers)


def _read_blocks(
    lines: Sequence[str], path: str, layout: Layout, parse: LineParser, report: Report
) -> Iterator[List[Row]]:
    """The tokens of one sentence after the other."""
    rows: List[Row] = []
    n_blank, n_read = 0, 0
    for number, line in enumerate(lines, start=1):
        text = remove_invisible(line)
        if not line.strip() or line.startswith(DOC_STARTS):
            n_blank = 0 if line.strip() else n_blank + 1
            if rows:
                yield rows
                rows = []
            continue
        if n_blank > 1 and n_read:
            for blank in range(number - n_blank + 1, number):
                report.add("blank-lines", path, blank, "")
        if not rows and is_comment(text):
            report.add("comment", path, number, line)
            continue
        unseen = ["invisible"] if text != line else []
        text = drop_number(text) if layout.is_numbered else text
        parsed = parse(text, layout) if text.strip() else ParsedLine([], [])
        for kind in unseen + parsed.faults:
            report.add(kind, path, number, line)
        rows += [Row(token, tag, number) for token, tag in parsed.pairs]
        n_blank, n_read = 0, n_read + 1
    if rows:
        yield rows
