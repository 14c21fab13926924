"""What a converter repaired: one report for all formats, each repair with its rule, file, line and text."""

from collections import Counter
from dataclasses import dataclass, field
from typing import AbstractSet, Any, Dict, List, NamedTuple, Tuple

from ..errors import Errors


class Rule(NamedTuple):
    """What is done about a fault. `fatal`: --strict stops at it (not where the data stays the same)."""

    text: str
    fatal: bool = True


RULES: Dict[str, Rule] = {
    # the file
    "byte-order-mark": Rule("the byte order mark is dropped", fatal=False),
    "line-ends": Rule("Windows or old Mac line ends are read as line ends", fatal=False),
    "encoding": Rule("a line that is not UTF-8 is read as Windows-1252, else as Latin-1"),
    "blank-lines": Rule("a blank line after a blank line is skipped", fatal=False),
    # a line
    "comment": Rule("a line of `# ...` before a sentence is a comment and is skipped", fatal=False),
    "token-numbers": Rule("a first column that counts the tokens is left out", fatal=False),
    "invisible": Rule("zero-width and control characters are removed"),
    "tag-without-token": Rule("a tag without a token is dropped"),
    "token-without-tag": Rule("a token without a tag is kept, its label is missing"),
    "missing-columns": Rule("a line with too few columns keeps its token, the label is missing"),
    "several-tokens": Rule(
        "several tokens with one tag become tokens of their own; an entity tag is one entity"
    ),
    "fused-tags": Rule("of several tags in a line the last counts; glued text stays one token"),
    "bare-type": Rule("a type without a prefix is an entity of one token"),
    "misspelt-tag": Rule("a doubled prefix or one letter too few or too many in the type is corrected"),
    "unknown-tag": Rule("a tag that the scheme does not know is dropped, the label is missing"),
    # the scheme
    "inside-at-start": Rule("an inside tag at the start of a sentence opens an entity"),
    "inside-after-outside": Rule("an inside tag after no entity opens an entity"),
    "inside-after-other": Rule("an inside tag after another type opens an entity"),
    "inside-after-end": Rule("an inside tag after the end of an entity opens a new entity"),
    "unclosed": Rule("an entity without an end tag ends where its type ends"),
    # raw text
    "joined": Rule("a sentence that begins inside an entity is joined to the one before", fatal=False),
    # a JSON record
    "bad-record": Rule("a line that is no JSON object with a text is skipped"),
    "other-annotations": Rule("of several annotations of a text the first is taken", fatal=False),
    "no-annotation": Rule("a record without spans, or not accepted, has no label", fatal=False),
    "bad-span": Rule("a span outside the text, in pieces, empty or without a label is dropped"),
    "spaces-in-span": Rule("white space at the edges of a span is left out"),
    "overlap": Rule("of spans that overlap the longest is kept"),
    "misaligned": Rule("the tokens that a misaligned span touches have a missing label"),
    # the sentence
    "long-sentence": Rule(
        "a sentence of more than 128 tokens is kept (`convert --max-length` cuts it)", fatal=False
    ),
    "cut": Rule("a long sentence is cut after sentence-final punctuation", fatal=False),
    "cut-anywhere": Rule("a long sentence without such punctuation is cut between two tokens", fatal=False),
    "repeat": Rule("a sentence that occurred before is dropped", fatal=False),
    "excluded": Rule("a sentence or document that repeats one of the excluded files is dropped", fatal=False),
    "other-label": Rule("an entity of a type that is not kept becomes O", fatal=False),
}


class Repair(NamedTuple):
    """One repair. `line` counts from 1; `text` is what was found there."""

    kind: str
    path: str
    line: int
    text: str


@dataclass
class Report:
    """All repairs in the order in which they were made.

    strict (bool): Raise at the first repair whose rule is fatal.
    repairs (List[Repair]): The repairs.
    """

    strict: bool = False
    repairs: List[Repair] = field(default_factory=list)

    def add(self, kind: str, path: str, line: int, text: str) -> None:
        """Note a repair.

        kind (str): A key of RULES.
        RAISES (ValueError): S221 if strict and the rule is fatal.
        """
        rule = RULES[kind]
        if self.strict and rule.fatal:
            raise ValueError(Errors.S221.format(path=path, line=line, kind=kind, got=text, rule=rule.text))
        self.repairs.append(Repair(kind, path, line, text))

    def rename(self, old: str, new: str, places: AbstractSet[Tuple[str, int]]) -> None:
        """Give the repairs of one kind another kind where their (path, line) is one of the places."""
        self.repairs = [
            repair._replace(kind=new) if repair.kind == old and repair[1:3] in places else repair
            for repair in self.repairs
        ]

    def counts(self) -> Dict[str, int]:
        """How often each rule was applied, in the order of RULES, without those never applied."""
        counts = Counter(repair.kind for repair in self.repairs)
        return {kind: counts[kind] for kind in RULES if counts[kind]}

    def of_kind(self, kind: str) -> List[Repair]:
        """The repairs of one kind."""
        return [repair for repair in self.repairs if repair.kind == kind]

    def table(self, *, n_places: int = 2, width: int = 60) -> str:
        """The report as text: kind, count and rule, then the first places of each kind. "" if it is empty."""
        lines: List[str] = []
        for kind, count in self.counts().items():
            lines.append(f"{kind:<21} {count:>6}  {RULES[kind].text}")
            for _, path, line, text in self.of_kind(kind)[:n_places]:
                shown = repr(text)
                shown = shown if len(shown) <= width else shown[: width - 3] + "..."
                lines.append(f"{'':<21} {'':>6}    {path}:{line}: {shown}")
        return "\n".join(lines)

    def to_dict(self) -> Dict[str, Any]:
        """The report for JSON: {kind: {"count", "rule", "places": [{"file", "line", "text"}]}}."""
        return {
            kind: {
                "count": count,
                "rule": RULES[kind].text,
                "places": [{"file": r.path, "line": r.line, "text": r.text} for r in self.of_kind(kind)],
            }
            for kind, count in self.counts().items()
        }
