"""Names with dots: domains and file names, and what is neither (`e.g.`, `ASP.NET`, `attack.In`)."""

import re
from typing import Iterator, Optional

from .addresses import PORT, Hit, url_end
from .name_lists import (
    ATTRIBUTES,
    BOTH,
    BUNDLES,
    DETECTIONS,
    DOS_PROGRAMS,
    DOT_FILES,
    EXTENSIONS,
    HOSTS,
    NOT_NAMES,
    OBJECTS,
    PACKAGES,
    PLATFORMS,
    SCRIPTS,
    TOP_LEVEL,
    WORDS,
)
from .refang import Refanged
from .scripts import pieces

RUN = re.compile(r"[\w.~$!+@%-]+")
SIGNS = frozenset("~$!+@%")  # in names of files, not in those of hosts
MAX_NAME = 255  # characters: the limit of DNS (253) and of most file systems
LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}\w)?$|_[\w-]{0,61}\w$")
PUNYCODE = re.compile(r"xn--[a-z0-9-]{2,59}$")
SOURCE = re.compile(r"[A-Z][A-Za-z0-9]+\.cc$")  # `XRef.cc`
CONTROL = re.compile(r"[A-Z]{2}\.[A-Z]{2}$")  # of the NIST framework: `PR.AC`, `DE.CM`
CAMEL = re.compile(r"[a-z][A-Z]")  # as in names of variables and of files with source code
ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}(?!.*%)")  # a sign of a URL
VARIABLE = re.compile(r"%(?![0-9A-Fa-f]{2}%)[A-Za-z]\w{1,29}%")  # `%TEMP%_1.tmp`
PLATFORM = re.compile(rf"(?<![\w./\\-])(?:{'|'.join(sorted(PLATFORMS))})/$")
LONGEST_PLATFORM = 1 + max(map(len, PLATFORMS))
ENDINGS = TOP_LEVEL | EXTENSIONS
SENTENCE = re.compile(r"[A-Z][a-z]+$")
GATEWAY = re.compile(r"\.onion\.([a-z]{2,6})[A-Z][a-z]+$")  # `x.onion.toAccept:`
# Before the name of a function: `ntdll.dll!NtClose`.
CALLED = re.compile(r"\.(?:[Dd][Ll][Ll]|[Ee][Xx][Ee]|[Ss][Yy][Ss]|so)(?=!\w)")
ANY_ENDING = re.compile(r"[^\W\d_]{2,24}$")


def names(plain: Refanged, lo: int, hi: int) -> Iterator[Hit]:
    """Domains (with a port), URLs without a scheme and file names within text[lo:hi]."""
    done = lo
    for match in RUN.finditer(plain.text, lo, hi):
        if "." not in match[0]:
            continue
        for start, end in pieces(plain.text, *match.span()):
            # else it lies in the path of the URL before
            hit = _name(plain, start, end, hi) if start >= done and "." in plain.text[start:end] else None
            if hit:
                yield hit
                done = hit.end


def _name(plain: Refanged, start: int, end: int, hi: int) -> Optional[Hit]:
    text = plain.text
    run = text[start:end].rstrip(".-+@%$!")
    end = start + len(run)
    lead = ESCAPED.match(run)  # `%00.gif`
    function = CALLED.search(run) if "!" in run else None
    if function:
        run = run[: function.end()]
        end = start + len(run)
    variable = VARIABLE.search(run)
    if variable:
        start += variable.start()
    else:
        start += lead.end() if lead else len(run) - len(run.lstrip("-+%"))
    gap = text.rfind("..", start, end)
    start = gap + 2 if gap >= 0 else start
    start += text[start : start + 1] in (".", "@") and plain.defanged(start, start + 1)  # ` AT foo.exe`
    if end - start > MAX_NAME or end <= start or is_detection(text, start, end):
        return None
    end = _without_sentence(text, start, end)
    tail = text.find("-", text.rfind(".", start, end) + 1, end)  # `evil.com-based`
    for stop in (end, tail) if tail > start else (end,):
        if is_file(text[start:stop], defanged=plain.defanged(start, stop)):
            return Hit(start, stop, "FILE")
        start += text[start] == "."  # `*.evil.com`
        first = (
            start if SIGNS.isdisjoint(run) else max(start, 1 + max(text.rfind(s, start, stop) for s in SIGNS))
        )
        if first > start and ESCAPED.match(text, first - 1, stop):  # `abc%40evil.com`
            first += 2
        called = text[stop : stop + 1] == "("
        if is_domain(text[first:stop], defanged=plain.defanged(first, stop), called=called):
            return domain_hit(plain.text, first, stop, hi)
    return None


def is_detection(text: str, start: int, end: int) -> bool:
    """Is the name text[start:end] the second part of one that a product gave to malware, `Win32/Zbot.CC!MTB`?"""
    before = text[max(0, start - LONGEST_PLATFORM - 1) : start]
    if not before.endswith("/") or not PLATFORM.search(before):
        return False
    name, sign, _ = text[start : min(end + 1, len(text))].partition("!")
    return bool(sign) or name[: end - start].rpartition(".")[2].isupper()


def _without_sentence(text: str, start: int, end: int) -> int:
    """End of a name without the word behind it that begins the next sentence: `evil.exe.Then it`."""
    parts = text[start:end].rsplit(".", 2)
    if len(parts) < 3:
        return end
    before, last = parts[1], parts[2]
    gateway = GATEWAY.search(text, start, end)
    if gateway and gateway[1] in TOP_LEVEL:
        return gateway.end(1)
    after = text[end : end + 1]
    word = (
        SENTENCE.match(last)
        and last.lower() not in ENDINGS
        and (not after or after.isspace() or after == ",")
    )
    coded = text[start:end].split(".", 1)[0].lower() in PACKAGES
    return end - len(last) - 1 if word and before in ENDINGS and not coded else end


def domain_hit(text: str, start: int, end: int, hi: int) -> Hit:
    """A domain with what follows it: a port, or the path that makes it a URL."""
    port = PORT.match(text, end, hi)
    end = port.end() if port else end
    if text[end : min(end + 1, hi)] == "/":
        stop = url_end(text, end, hi)
        # `evil.com/evil.org` are two domains.
        if host_kind(text[end + 1 : min(stop, end + MAX_NAME + 2)]) != "DOMAIN":
            return Hit(start, stop, "URL")
    return Hit(start, end, "DOMAIN")


def has_extension(name: str) -> bool:
    """Does a name end in an extension that files have?"""
    stem, dot, last = name.rpartition(".")
    if len(last) == 1 and (len(stem) < 2 or not last.islower()):  # `Clipper.C`
        return False
    return bool(dot) and stem not in ("", ".") and last.lower() in EXTENSIONS


def is_file(name: str, *, defanged: bool) -> bool:
    """Is a name with a dot that of a file?

    name (str): Without white space and punctuation around it.
    defanged (bool): Somebody defanged it: then an ending of both kinds is that of a domain.
    """
    stem, _, written = name.rpartition(".")
    last = written.lower()
    if stem[:1] == "." and stem[1:].lower() in EXTENSIONS:  # `.tar.gz` is an ending of names
        return False
    if not stem:
        return last in DOT_FILES
    if last == "com":
        return not defanged and stem.lower() in DOS_PROGRAMS
    if written == "app":
        return not defanged and stem in BUNDLES
    if last not in EXTENSIONS or not any(c.isalnum() for c in stem) or _is_no_name(name, written):
        return False
    if len(last) == 1 and (written != last or len(stem) < 2 or "." in stem):
        return False
    if last == "cc":  # C++, and a popular ending of hosts
        return not defanged and ("_" in stem or bool(CAMEL.search(stem)) or bool(SOURCE.match(name)))
    if last in ("do", "pm") and (stem.isdigit() or name.lower() in HOSTS):
        return False
    if last in BOTH:
        host = defanged or stem.lower().startswith("www.") or ("." in stem and last not in SCRIPTS)
        return not host
    return True


def is_domain(name: str, *, defanged: bool, called: bool) -> bool:
    """Is a name with a dot a domain?

    defanged (bool): Somebody defanged it: then any ending of letters will do.
    called (bool): An opening parenthesis follows, as after the name of a method.
    """
    labels = name.split(".")
    written = labels[-1]
    last = written.lower()
    if len(labels) < 2 or not all(LABEL.match(label) for label in labels):
        return False
    if defanged:
        return bool(ANY_ENDING.match(last) or PUNYCODE.match(last))
    if last not in TOP_LEVEL and not PUNYCODE.match(last):
        return labels[0].lower() == "www" and len(labels) > 2 and bool(ANY_ENDING.match(last))
    if last in BOTH and last != "cc" and labels[0].lower() != "www" and len(labels) < 3:
        return name.lower() in HOSTS
    if (last in ATTRIBUTES and labels[-2].lower() in OBJECTS) or CONTROL.match(name):
        return False
    if "_" in labels[-2]:  # nobody can register that
        return False
    if _is_no_name(name, written) or (last in WORDS and (called or CAMEL.search(name))):
        return False
    if len(labels) > 2 and labels[0].lower() in PACKAGES:
        return False
    # `3.am`, `2.in`: numbers before a word; but `360.cn`.
    return not (labels[-2].isdigit() and (last in WORDS or len(labels[-2]) < 3))


def _is_no_name(name: str, written: str) -> bool:
    """Products, detection names, two sentences without a blank between them (`the server.In May`)."""
    first = name[: name.find(".")]
    title = written[:1].isupper() and written[1:].islower()
    if name.lower() in NOT_NAMES:
        return True
    if title and (written.lower() in WORDS or not first[:1].isupper()):
        return True
    return first[:1].isupper() and first.lower() in DETECTIONS and not written.islower()


def host_kind(name: str) -> Optional[str]:
    """`DOMAIN` or `FILE` for a bare name, None if it is neither."""
    if len(name) > MAX_NAME or "." not in name:
        return None
    if is_file(name, defanged=False):
        return "FILE"
    return "DOMAIN" if is_domain(name, defanged=False, called=False) else None
