"""Find indicators of compromise and identifiers in raw text, defanged or not, in linear time.

The text is refanged once, with a map back to it. Then one cheap pattern looks for signs (a dot before a letter,
a backslash, digits behind a hyphen, ...); only the stretch without white space around a sign is read closer,
by extractors that are each linear in it. Text without signs costs one scan.
"""

import re
from functools import lru_cache
from typing import Callable, Iterator, List, NamedTuple, Optional, Tuple

from .addresses import IPV4, Hit, emails, ipv4, ipv6, urls
from .agents import agents
from .hashes import is_no_file_hash, second_half
from .names import names
from .paths import slashed_paths, unix_paths, windows_paths
from .refang import Refanged, refang, refang_scheme

KINDS = (
    "ATTACK_ID",
    "CVE",
    "DOMAIN",
    "EMAIL",
    "FILE",
    "IPV4",
    "IPV6",
    "MD5",
    "MUTEX",
    "PATH",
    "REGISTRY",
    "SHA1",
    "SHA256",
    "SHA512",
    "URL",
    "USER_AGENT",
)
HYPHENS = "-\u2010\u2011\u2012\u2013"
PLAIN_HYPHENS = {ord(hyphen): "-" for hyphen in f"{HYPHENS}_"}
# A sign: punctuation of names before a word; CVE and ATT&CK numbers; hex digits in a row, the first a digit. With all
# that follows up to white space.
SIGN = re.compile(
    rf"[.@/\\:0-9](?:(?<=[.@/\\:])(?=[\w%<$*{{])|(?<=[{HYPHENS}_TSGMCA]\d)\d{{3}}|(?<=\d)[0-9A-Fa-f]{{7}})\S*"
)
HASHES = {32: "MD5", 40: "SHA1", 64: "SHA256", 128: "SHA512"}
CODE = re.compile(
    rf"""(?:
      # also glued to words, `BugCVE-2016-1019Java`, and in names of rules, `RTF_CVE_2017_8759`
      (?:(?<![0-9A-Za-z])[Cc][Vv][Ee]|(?<=[a-z])CVE)[{HYPHENS}_]?
        (?P<CVE>\d{{4}}[{HYPHENS}_]\d{{4,19}})(?=[A-Z][a-z]|(?![0-9A-Za-z]))
    | (?<![0-9A-Za-z_.-])(?P<ATTACK_ID>
        (?:T[01]\d{{3}}(?:\.\d{{3}})?|(?:TA|[SGM])[01]\d{{3}}|C0\d{{3}}|DS0\d{{3}})(?!\.?\d|-\d|[A-Za-z_]))
    | (?:(?<![0-9A-Za-z])|(?<=(?<![0-9A-Za-z])0x))(?P<hash>[0-9A-Fa-f]{{32,128}})(?![0-9A-Za-z])  # `VirusShare_...`
    )""",
    re.VERBOSE,
)


MAX_CACHED = 72  # characters of a stretch whose reading is remembered: a SHA-256 and signs around it


class Indicator(NamedTuple):
    """An indicator in a text.

    start (int): Offset of its first character in the text as given.
    end (int): Offset behind its last character.
    kind (str): One of KINDS.
    value (str): Refanged: `http://evil.com` for `hxxp://evil[.]com`.
    """

    start: int
    end: int
    kind: str
    value: str


def codes(plain: Refanged, lo: int, hi: int) -> Iterator[Hit]:
    """CVE ids, ATT&CK ids and hashes within text[lo:hi]."""
    for match in CODE.finditer(plain.text, lo, hi):
        kind = match.lastgroup or ""
        if kind == "hash":
            kind = HASHES.get(len(match[0]), "")
            if plain.text.startswith("0x", match.start() - 2) and kind != "MD5":  # a wallet or transaction
                continue
            if not any(c.isalpha() for c in match[0]) or not any(c.isdigit() for c in match[0]):
                continue
        if kind:
            yield Hit(*match.span(), kind)


# In order of precedence: what one extractor takes is not seen by the next. The string must be there at all.
EXTRACTORS: Tuple[Tuple[str, Callable[[Refanged, int, int], Iterator[Hit]]], ...] = (
    (":", urls),
    (":/", slashed_paths),
    ("HK", slashed_paths),
    ("\\", windows_paths),
    ("/", agents),
    ("@", emails),
    (":", ipv6),
    ("/", unix_paths),
    (".", ipv4),
    (".", names),
    ("", codes),
)


def whole_indicator(string: str) -> Optional["Indicator"]:
    """The indicator that a string is from end to end, None if it is none."""
    found = find_indicators(string)
    return found[0] if len(found) == 1 and found[0].end - found[0].start == len(string) else None


def find_indicators(text: str) -> List[Indicator]:
    """Indicators of a text, in order; none overlaps another.

    text (str): Any text. Time is linear in its length.
    RETURNS (List[Indicator]): Offsets count in `text` as given; values are refanged.
    """
    plain = refang(text)
    read, done = plain.text, 0
    found: List[Indicator] = []
    while sign := SIGN.search(read, done):
        start, end = _begin(read, done, sign.start()), sign.end()
        alone = end - start <= MAX_CACHED and (start > done or not start or read[start - 1].isspace())
        hits = _read_alone(read[start:end], plain.within(start, end)) if alone else None
        if hits is None:
            hits, start = (
                [(*hit, _value(read[hit[0] : hit[1]], hit[2])) for hit in _read(plain, start, end)],
                0,
            )
        done = end
        for lo, hi, kind, value in hits:
            lo, hi = start + lo, start + hi
            done = max(done, hi)
            if kind in HASHES.values():
                if is_no_file_hash(read, lo, kind):
                    continue
                if kind == "MD5" and (stop := second_half(read, lo, hi)):
                    hi = done = stop
                    kind, value = "SHA256", "".join(read[lo:hi].split())
            found.append(Indicator(*plain.original(lo, hi), kind, value))
    return found


def _begin(text: str, done: int, at: int) -> int:
    """Where the stretch without white space around text[at] begins, not before `done`."""
    start = max(done, text.rfind(" ", done, at) + 1)
    if not text[start:at].isprintable():  # no white space is but the blank
        start = at
        while start > done and not text[start - 1].isspace():
            start -= 1
    return start


@lru_cache(maxsize=8192)  # the same times, ids and file names come again and again
def _read_alone(
    stretch: str, markers: Tuple[Tuple[int, int], ...]
) -> Optional[List[Tuple[int, int, str, str]]]:
    """What a stretch with white space around it holds; None where it takes the text around it to know.

    That is so for paths (blanks in folders), user agents (quotes around them) and IPv4 addresses (versions), but not
    for what lies within a URL.
    """
    plain, end = Refanged(stretch, markers, markers), len(stretch)
    links = list(urls(plain, 0, end)) if "://" in stretch else []
    for lo, hi in _free(links, 0, end):
        if "/" in (rest := stretch[lo:hi]) or "\\" in rest or (rest.count(".") > 2 and IPV4.search(rest)):
            return None
    hits = _read(plain, 0, end)
    return [(*hit, _value(stretch[hit.start : hit.end], hit.kind)) for hit in hits]


def _read(plain: Refanged, start: int, end: int) -> List[Hit]:
    """Hits in a stretch without white space; the last one may go on behind it."""
    stretch = plain.text[start:end]
    hits: List[Hit] = []
    for needed, extract in EXTRACTORS:
        if needed not in stretch:
            continue
        if not hits:
            hits = list(extract(plain, start, end))
        elif hits[0].start == start and hits[0].end >= end:
            break
        else:
            hits += [hit for lo, hi in _free(hits, start, end) for hit in extract(plain, lo, hi)]
        if len(hits) > 1:
            hits.sort()
    return hits


def _free(hits: List[Hit], start: int, end: int) -> Iterator[Tuple[int, int]]:
    for hit in hits:
        if start < hit.start:
            yield start, hit.start
        start = hit.end
    if start < end:
        yield start, end


def _value(text: str, kind: str) -> str:
    if kind == "CVE":
        year, _, number = text.translate(PLAIN_HYPHENS).lstrip("CVEcve-").partition("-")
        return f"CVE-{year}-{number}"
    if kind == "URL":
        scheme, colon, rest = text.partition(":")
        if colon and rest[:2] in ("//", "\\\\"):
            rest = rest[2:].replace("\\", "/") if rest[0] == "\\" else rest[2:]
            return f"{refang_scheme(scheme)}://{rest}"
    return text
