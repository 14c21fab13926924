"""Cleaning of one line of text, as pure functions on strings in linear time.

SOURCE: SSNER (Symmetry 2025, 17, 783), eqs. (8)-(9): markup (`strip_entities` to `strip_emphasis`) and other
irrelevant patterns (`strip_citations` to `join_spaces`) are substituted away.
UNSTATED: which patterns. Indicators, paths and addresses are text, not markup, and stay as they are. Whole HTML
files go through an extractor (`documents.py`); here are only the remains of markup inside lines.

Every repetition in a pattern is bounded or starts where no other match can: a line of any length costs linear time.
"""

import html
import re

TAGS = (
    "a abbr b blockquote br cite code dd del div dl dt em font h1 h2 h3 h4 h5 h6 hr i ins kbd li mark ol p pre q s "
    "samp small span strike strong sub sup table tbody td tfoot th thead tr tt u ul var"
)
TAG = re.compile(rf"</?(?:{TAGS.replace(' ', '|')})(?:\s[^<>]{{0,300}})?/?>", re.IGNORECASE)
COMMENT = re.compile(r"<!--[^<>]{0,500}-->|<!--|<!\[CDATA\[|\]\]>")
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
LINE_MARKS = re.compile(r"\s{0,20}(?:#{1,6}\s|>\s|[-*+•·▪◦‣]\s)")
TABLE_RULE = re.compile(r"[|:\s-]+")
LINK = re.compile(
    r"!?\[([^\[\]]{0,300})\]\((?:[^()\s]{1,1000}|[^()\s]{0,500}\([^()\s]{0,100}\)[^()\s]{0,100})\)"
)
TICKS = re.compile(r"(?<![\w`])(`{1,3})([^`]{1,300})\1(?![\w`])")
EMPHASIS = re.compile(r"(?<![\w*/\\.])(\*{1,3})(?=[\w\"'“‘(])([^*]{0,299}[\w\"'”’).,:;!?])\1(?![\w*/\\.])")
YEAR_MARK = re.compile(r"(?<=[.!?\])\"”]\s)\[[A-Z][^\[\]]{2,80}\b(?:19|20)\d\d\]")
SOURCE_MARK = re.compile(r"\(Citation: [^()]{1,200}(?:\([^()]{0,100}\)[^()]{0,100})?\)")
NUMBER_MARK = re.compile(
    r"(?<![=\\/\w])(?:(?:\[[1-9]\d{0,2}(?:\s?[,–-]\s?\d{1,3}){0,9}\]){1,20})(?=[.,;:!?)\"”]{0,3}(?:\s|$))"
    r"|(?<=[.,;:!?)\"”a-z])(?:\[[1-9]\d{0,2}\]){1,20}(?=[.,;:!?)\"”]{0,3}(?:\s|$))"
    r"|\[citation needed\]"
)
RULE = re.compile(r"(?<!\S)[-_=*~#+^.·|]{4,}(?!\S)|[\u2500-\u259f]+")
# Control characters but tab and line ends; soft hyphen, zero-width and direction marks, U+FFFD, private use.
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffd\ue000-\uf8ff]"
)


def clean_line(text: str) -> str:
    """A line without markup, marks and invisible characters, words separated by single spaces; may be empty."""
    text = strip_entities(strip_invisible(text))
    text = strip_emphasis(strip_ticks(strip_links(strip_line_marks(strip_tags(text)))))
    return join_spaces(strip_rules(strip_citations(text)))


def strip_entities(text: str) -> str:
    """HTML entities become their characters (`&lt;` is `<`); those without `;` may be part of an address and stay."""
    return ENTITY.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


def strip_tags(text: str) -> str:
    """Tags of text layout (`<b>`, `<p class=x>`, `</code>`) and comments go. `<script>` or `<user>` stay: content."""
    return TAG.sub(_space_of_block, COMMENT.sub(" ", text)) if "<" in text else text


def _space_of_block(tag: "re.Match[str]") -> str:
    """A space for tags that separate words, nothing for those inside one (`<b>`, `<sup>`)."""
    name = tag[0].strip("</>").split(None, 1)[0].lower()
    return (
        "" if name in ("a", "b", "em", "font", "i", "mark", "s", "span", "strong", "sub", "sup", "u") else " "
    )


def strip_line_marks(text: str) -> str:
    """Marks of markdown at the start (`## `, `> `, `- `, bullets) and the bars of a table row `| a | b |`."""
    start = 0
    while match := LINE_MARKS.match(text, start):
        start = match.end()
    text = text[start:]
    stripped = text.strip()
    if len(stripped) > 1 and stripped[0] == stripped[-1] == "|":
        text = "" if TABLE_RULE.fullmatch(stripped) else stripped.replace("|", " ")
    return text


def strip_links(text: str) -> str:
    """`[words](address)` and `![words](address)` become the words."""
    return LINK.sub(r"\1", text) if "](" in text else text


def strip_ticks(text: str) -> str:
    """Backticks around code go; those inside a word, which PowerShell escapes with, stay."""
    return TICKS.sub(r"\2", text) if "`" in text else text


def strip_emphasis(text: str) -> str:
    """Asterisks around words (`**bold**`) go; those of patterns (`*.exe`) stay."""
    return EMPHASIS.sub(r"\2", text) if "*" in text else text


def strip_citations(text: str) -> str:
    """`(Citation: ...)`, `[12]`, `[1, 3-5]`, `[citation needed]` and, behind a sentence, `[Symantec Chafer Dec 2015]`
    go; `file[1].php` and `a[0]=` stay."""
    if "[" in text:
        text = YEAR_MARK.sub("", NUMBER_MARK.sub("", text))
    return SOURCE_MARK.sub("", text) if "(Citation: " in text else text


def strip_rules(text: str) -> str:
    """Rules that stand alone (`-----`, `=====`, dots of a table of contents) and characters that draw boxes."""
    return RULE.sub(" ", text)


def strip_invisible(text: str) -> str:
    """Control, zero-width, direction and private-use characters and U+FFFD go."""
    return text if text.isascii() and text.isprintable() else INVISIBLE.sub("", text)


def join_spaces(text: str) -> str:
    """All white space, also line ends and no-break spaces, becomes single spaces, none at the ends."""
    return " ".join(text.split())
