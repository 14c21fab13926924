"""Tell four numbers of a version (`Player 9.0.47.0`) or section (`Figure 4.5.5.2`) from an IPv4 address by the words
around them."""

import re

from spacy.lang.en.stop_words import STOP_WORDS

# Both patterns of words read small letters only, and first whether one of them can begin here: three times as fast.
VERSION_WORD = (
    r"(?=[vrbfpsuae<>=])"
    r"(?:\b(?:v\d?|ver|versions?(?:\(s\))?|versionname|releases?|builds?|firmware|revision|rev|patch|sdk|update)(?!\w)[.:]?|"
    r"\b(?:up\sto,?\sand\sincluding|upgrad(?:e|ed|ing)\sto|(?:patched|fixed|addressed|resolved)\sin|exception\sof)\b|"
    r"[<>]=|=<|(?<=[a-z]\s)[<>](?=[\s\d]|$))"  # no arrows or tags: `-> 1.2.3.4`, `<td>1.2.3.4`
)
# Before addresses as well
WEAK_WORD = r"(?=[btpeuf])\b(?:before|through|prior\sto|earlier\sthan|up\sto|until|fixed\sin)\b"
FILLER = (
    r"(?:,?\s(?:that|which|is|are|in|of|all|and|up|affected|vulnerable|includes?|including|prior|older|earlier|between"
    r"|ranged|ending|below|from|than|to|number))"
)
# Other numbers of a list: `10.1.0.5, 9.0.1.5 FIPS and ...`.
LISTED = (
    r"(?:(?:<=?\s?)?\d[\w.+]{0,20}(?:\s(?i:FIPS|SP\d{1,2}|beta))?"
    r"(?:\s?[,;/\u2013-]\s?(?:and |or )?|\s(?:and|or|to|through|before)\s))*$"
)
# `version 1.2.3.4`, also further down a list: `versions that are affected are 1.2.3.4, 1.2.3.5 and 1.2.4.0`.
VERSION_BEFORE = re.compile(rf"{VERSION_WORD}{FILLER}{{0,5}},?[\s:=(]*{LISTED}")
WEAK_BEFORE = re.compile(rf"{WEAK_WORD}\s{LISTED}")
LATER = "earlier|prior|below|later|older|newer|lower|above|before|previous|higher"
VERSION_AFTER = re.compile(
    rf"[\s,(]*(?:and|or)\s(?:all\s|a\s)?(?:{LATER})|\(\d|\s(?:allows?|builds?|devices?|versions?|before\s\d)\b",
    re.IGNORECASE,
)
THROUGH = re.compile(r"\s(?:through|thru)\s\d", re.IGNORECASE)
SECTION_BEFORE = re.compile(
    rf"\b(?:sections?|chapters?|figures?|appendix|annex|clauses?|paragraphs?|(?:sec|figs?)\.)\s\(?{LISTED}|§\s?$",
    re.IGNORECASE,
)
HEADINGS = 4000  # characters before a heading in which that of the section around it is looked for
RESERVED = ("0.0.0.0", "127.", "169.254.", "192.168.", "255.")  # hardly ever versions
ADDRESS = r"ips?|ipv4|address(?:es)?|ranges?|subnets?|hosts?|c2|c&c"
ADDRESS_WORD = re.compile(rf"\b(?:{ADDRESS})\b", re.IGNORECASE)
ADDRESS_NEXT = re.compile(rf"\b(?:{ADDRESS}|networks?)\b[\s:(]*$", re.IGNORECASE)
CONTEXT = 90  # characters looked at before an address
# A number of two or three parts beside it makes a list of versions: `12.1.3, 12.2.0.1 and 13.0`.
SHORT = r"(?=[v\d])(?<![\w.])v?\d{1,5}\.(?:\d{1,6}(?:\.(?:\d{1,6}[A-Za-z]{0,3}|x))?|x)"
BESIDE = r"(?:\s?,\s?(?:and |or )?|\s(?:and|or|to|through|before|-)\s)"
SHORT_BEFORE = re.compile(rf"{SHORT}{BESIDE}$")
SHORT_AFTER = re.compile(rf"{BESIDE}{SHORT}(?!\.?\w|-\d)")
# What versions stand behind: `Flash Player 9.0.47.0`, `TEW-811 1.0.10.0`, `emprint.dll 6.0.1.0`.
PRODUCT_BEFORE = re.compile(
    rf"(?<![\w.-])(?:(\w[\w.+&-]{{0,40}})\s)?(?:(\w[\w.+-]{{1,40}})(\)?)|\(([A-Z][A-Z0-9]{{1,9}})\))\s{LISTED}"
)
RENAMED = re.compile(r"\((?:aka|formerly)\s[^()]*$")  # `(formerly Acme Lite) 10.3.0.3`
PATCH_BEFORE = re.compile(r"\b[A-Z]{1,3}\d{1,2}\s\($")  # `9.8 SP1 (9.8.1.5)`
LONG_CONTEXT = 200  # for lists
# A name alone says little: reports have `Trickbot 5.9.16.18` in tables of servers. Only where faults of software are
# the topic do numbers behind a name count as its version.
FAULTS = re.compile(
    r"vulnerab|\bflaws?\b|overflow|CVE-\d|arbitrary\s(?:code|commands?|files?|web|SQL)|denial\sof\sservice|cross-site|"
    r"\b(?:SQL|command|code)\sinjection|traversal|\ballows?\s(?:remote|local|authenticated|attackers|users)|"
    r"\baffected\b|\bpossibly\s(?:earlier|other)|\b(?:NULL|use[\s-]after|out[\s-]of[\s-]bounds)\b",
    re.IGNORECASE,
)
MODEL = re.compile(r"\d{2,4}$")  # `Firewall 2006 9.1.0.33`
FILES = (".dll", ".ocx", ".sys")
NOUNS = frozenset(
    "activex app application browser client component control driver edition extension firmware kernel library module "
    "package plugin router series suite theme tool".split()
)
# What stands before addresses. The second kind counts as a product with a name before it: `Database Server`.
NO_PRODUCTS = STOP_WORDS | frozenset(
    "address apr april attacker aug august block c2 connecting contact dec december dns domain feb "
    "february get high host ip ips ipv4 jan january jul july jun june kali localhost low mar march "
    "may moderate node nov november oct october ping port post resolver scan sep september ssh subnet target tcp "
    "telnet udp use using victim".split()
)
HALF_PRODUCTS = frozenset("connect gateway network proxy server".split())


def is_version(text: str, start: int, end: int) -> bool:
    """Do the words around text[start:end], four numbers, say that it is the version or section of something?"""
    if text.startswith(RESERVED, start):
        return False
    if text.startswith("0.", start) and not text.startswith("0.0.0.", start):
        return True
    before = text[max(0, start - CONTEXT) : start]
    if before.endswith("<") and text.startswith(">", end):
        before = before[:-1]  # brackets, no comparison
    small = before.lower()
    if VERSION_BEFORE.search(small) or is_section(text, start, end):
        return True
    if VERSION_AFTER.match(text, end, end + 30) and not ADDRESS_NEXT.search(before):
        return True
    if SHORT_BEFORE.search(before) or SHORT_AFTER.match(text, end, end + 40):
        return True
    weak = WEAK_BEFORE.search(small) or THROUGH.match(text, end, end + 12)
    if weak and not ADDRESS_WORD.search(before):
        return True
    if text[end : end + 1] in ("/", ":") or not has_small_numbers(text[start:end]):
        return False
    before = text[max(0, start - LONG_CONTEXT) : start]
    if not follows_product(before, private=text.startswith("10.", start)):
        return False
    return FAULTS.search(before) is not None or FAULTS.search(text, end, end + LONG_CONTEXT) is not None


def is_section(text: str, start: int, end: int) -> bool:
    """Are four small numbers those of a section or figure that is named, or the heading of one?"""
    if not has_small_numbers(text[start:end]):
        return False
    before = text[max(0, start - CONTEXT) : start]
    return SECTION_BEFORE.search(before) is not None or is_heading(text, start, end)


def is_heading(text: str, start: int, end: int) -> bool:
    """Do four numbers begin a line, and the first three one before it: `4.5.5 Testing`, then `4.5.5.1 Clients`?"""
    line = text.rfind("\n", 0, start) + 1
    if text[line:start].strip(" \t#*") or not re.match(r"[*.]{0,2}[ \t]+[A-Z]", text[end : end + 9]):
        return False
    around = re.escape(text[start:end].rpartition(".")[0])
    before = text[max(0, line - HEADINGS) : line]
    return re.search(rf"^[ \t#*]*{around}[*.]{{0,2}}[ \t]+[A-Z]", before, re.MULTILINE) is not None


def has_small_numbers(numbers: str) -> bool:
    """Are four numbers as small as those of versions mostly are and those of addresses seldom?"""
    lengths = [len(number) for number in numbers.split(".")]
    return sum(lengths) <= 8 and lengths[0] < 3 and lengths.count(3) < 2


def follows_product(before: str, *, private: bool) -> bool:
    """Does a text end with the name of a product, or with one and a list of its versions?

    private (bool): Numbers that may well be a private address: then it takes two words of a name.
    """
    if PATCH_BEFORE.search(before):
        return True
    match = PRODUCT_BEFORE.search(before)
    if match is None:
        return False
    last = match[2] or match[4]
    if match[3] and not last.lower().endswith(FILES) and not RENAMED.search(before, 0, match.start(3)):
        return False
    named = match[1] is not None and is_name(match[1])
    if last.lower() in HALF_PRODUCTS or MODEL.match(last):
        return named
    return (named or not private) and (last in NOUNS or last.lower().endswith(FILES) or is_name(last))


def is_name(word: str) -> bool:
    """Is a word written like a name, and none that stands before addresses?"""
    if word.lower() in NO_PRODUCTS or "." in word or "_" in word:
        return False
    return any(c.isupper() for c in word)
