"""Compare our indicators with those of iocextract, ioc-finder and ioc-fanger on the same lines of real text.

    pip install iocextract ioc-finder ioc-fanger
    SSNER_DATA=... python benchmarks/indicators.py

Lists what iocextract and ioc-finder agree on and we do not have, what we have and neither does, and defanged
indicators that ioc-fanger refangs to something else. ioc-fanger has no extraction of its own.
"""

import argparse
import gzip
import os
import random
import re
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Set, Tuple

from spacy_ssner.text.indicators import find_indicators
from spacy_ssner.text.versions import is_version

PROMISING = re.compile(
    r"\[[.:@]|[\[({](?:dot|at)[\])}]|(?-i: DOT )|hxxp|\d\.\d|[\w]\.[a-z]{2}|[0-9a-f]{32}|\\|@",
    re.IGNORECASE,
)
OUR_GROUPS = {
    "MD5": "hash", "SHA1": "hash", "SHA256": "hash", "SHA512": "hash", "IPV4": "ip", "IPV6": "ip", "URL": "url",
    "DOMAIN": "domain", "EMAIL": "email", "CVE": "cve", "REGISTRY": "registry", "PATH": "path", "USER_AGENT": "agent",
    "ATTACK_ID": "attack", "FILE": "file", "MUTEX": "mutex",
}  # fmt: skip
FINDER_GROUPS = {
    "md5s": "hash", "sha1s": "hash", "sha256s": "hash", "sha512s": "hash", "ipv4s": "ip", "ipv4_cidrs": "ip",
    "ipv6s": "ip", "urls": "url", "domains": "domain", "email_addresses": "email", "cves": "cve",
    "registry_key_paths": "registry", "file_paths": "path", "user_agents": "agent",
}  # fmt: skip
Hits = Set[Tuple[str, str]]  # group, value


def normal(group: str, value: str) -> Tuple[str, str]:
    """Make notations of different tools comparable: no scheme, port or slash at the end, lower case."""
    value = value.lower().strip().rstrip(".,;:")
    if group == "ip":
        value = (
            re.sub(r"(?<=\d)(:\d+|/\d+)$", "", value)
            if value.count(":") < 2
            else value.split("/")[0].strip("[]")
        )
    elif group in ("url", "domain"):
        value = re.sub(r"^[a-z+]{2,12}:/{1,2}", "", value).rstrip("/")
        value = re.sub(r":\d+$", "", value) if group == "domain" else value
    elif group == "registry":
        value = value.rstrip("\\")
    return group, value


def ours(text: str) -> Hits:
    return {normal(OUR_GROUPS[hit.kind], hit.value) for hit in find_indicators(text)}


def iocextract_hits(text: str) -> Hits:
    import iocextract

    hits = {normal("url", url) for url in iocextract.extract_urls(text, refang=True)}
    hits |= {normal("ip", ip) for ip in iocextract.extract_ips(text, refang=True)}
    hits |= {normal("email", email) for email in iocextract.extract_emails(text, refang=True)}
    hits |= {normal("hash", value) for value in iocextract.extract_hashes(text)}
    return hits


def ioc_finder_hits(text: str) -> Hits:
    import ioc_finder

    found = ioc_finder.find_iocs(text)
    return {normal(group, value) for name, group in FINDER_GROUPS.items() for value in found.get(name, [])}


def lines(root: Path, *, per_file: int) -> Iterator[str]:
    """A seeded choice of promising lines: each file of unlabelled text, sentences of AnnoCTR and CyNER."""
    for path in sorted((root / "text").glob("*.txt.gz")):
        with gzip.open(path, "rt", encoding="utf8") as file:
            yield from choose((line.strip() for line in file), per_file)
    for name in ("annoctr", "cyner"):
        for path in sorted((root / "data" / name / "clean").glob("*")):
            blocks = path.read_text(encoding="utf8").split("\n\n")
            sentences = (" ".join(row.split("\t")[0] for row in block.split("\n")) for block in blocks)
            yield from choose(sentences, per_file)


def choose(candidates: Iterable[str], n: int) -> List[str]:
    promising = [line[:2000] for line in candidates if PROMISING.search(line)]
    return random.Random(0).sample(promising, min(n, len(promising)))


def why_not(line: str, mine: Hits, hit: Tuple[str, str]) -> str:
    """Why we do not have what both others found; empty if we have it, perhaps as another kind."""
    group, value = hit
    if any(value == other for _, other in mine):
        return ""
    if any(value in other for _, other in mine):
        return "inside a longer one of ours"
    if any(value.rstrip("(['\"") == other for _, other in mine):
        return "ours ends before an opening bracket or quote"
    if group == "hash" and f"0x{value}" in line.lower():
        return "a number with 0x in front: an address of a block chain"
    places = [match.span() for match in re.finditer(re.escape(value), line, re.IGNORECASE)]
    if group == "ip" and places and all(is_version(line, *place) for place in places):
        return "a version number"
    if not places and value in re.sub(r"\s", "", line.lower()):
        return "has blanks in the text"
    return "MISSED"


def around(line: str, value: str) -> str:
    """The value with some of the line on both sides."""
    at = line.lower().find(value)
    return line[max(0, at - 60) : at + len(value) + 30] if at >= 0 else line[:200]


def show(title: str, rows: Dict[str, List[str]], *, limit: int) -> None:
    print(f"\n{title}")
    for group, examples in sorted(rows.items()):
        print(f"  {group}: {len(examples)}")
        for example in sorted(examples)[:limit]:
            print(f"    {example}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-file", type=int, default=100)
    parser.add_argument("--limit", type=int, default=12, help="examples printed of each kind")
    args = parser.parse_args()
    import ioc_fanger

    seconds: Counter = Counter()
    agreed, alone, refanged = (defaultdict(list) for _ in range(3))
    counts: Dict[str, Counter] = defaultdict(Counter)
    n_lines = n_agreed = n_defanged = 0
    for line in lines(Path(os.environ["SSNER_DATA"]), per_file=args.per_file):
        n_lines += 1
        found = {}
        for name, tool in {
            "ours": ours,
            "iocextract": iocextract_hits,
            "ioc-finder": ioc_finder_hits,
        }.items():
            start = time.perf_counter()
            found[name] = tool(line)
            seconds[name] += time.perf_counter() - start
            counts[name].update(group for group, _ in found[name])
        both = found["iocextract"] & found["ioc-finder"]
        n_agreed += len(both)
        for hit in both:
            reason = why_not(line, found["ours"], hit)
            if reason:
                agreed[reason].append(f"{hit[0]} {hit[1]!r} in {around(line, hit[1])!r}")
        for hit in found["ours"] - found["iocextract"] - found["ioc-finder"]:
            alone[hit[0]].append(f"{hit[1]!r}")
        fanged = ioc_fanger.fang(line)
        for ind in find_indicators(line):
            if line[ind.start : ind.end] != ind.value and ind.kind != "CVE":
                n_defanged += 1
                if ind.value not in fanged:
                    refanged[ind.kind].append(f"{line[ind.start : ind.end]!r} -> {ind.value!r}")
    print(f"{n_lines} lines; iocextract and ioc-finder agree on {n_agreed} hits")
    for name, seconds_taken in seconds.items():
        print(f"{name}: {seconds_taken:.2f} s, {dict(counts[name])}")
    show("agreed on by iocextract and ioc-finder, not ours:", agreed, limit=10**6)
    show("ours alone:", alone, limit=args.limit)
    show(
        f"of {n_defanged} defanged indicators, refanged otherwise by ioc-fanger:", refanged, limit=args.limit
    )


if __name__ == "__main__":
    main()
