"""The names that a record of a knowledge base stands for, without what its keepers wrote around them."""

import re
from typing import List, Tuple

ATTACK_ID = re.compile(r"\s+-\s+[A-Z]{1,3}\d{4}(\.\d{3})?$")  # `Turla - G0010`
NOTE = re.compile(r"(?<=\S)\s*\([^()]*\)")  # `Hive (Windows)`, `Absolute (Computrace)`
BETWEEN = re.compile(r"\s+-\s+|\s+/\s+")  # `Turla - APT-C-29`, `Academia - University`
KIND = re.compile(
    r"\s+(ransomware|ransom|rat|trojan|botnet|backdoor|stealer|loader|malware|downloader|webshell|worm|rootkit"
    r"|exploit kit|ek|spyware|banker|group|team|gang|actors?)$",
    re.IGNORECASE,
)


def listed_names(text: str) -> List[str]:
    """The names in a value: its ATT&CK id and notes in brackets dropped, two names in one parted.

    >>> listed_names("Turla - APT-C-29"), listed_names("Turla - G0010"), listed_names("Hive (Windows)")
    (['Turla', 'APT-C-29'], ['Turla'], ['Hive'])
    """
    plain = NOTE.sub("", ATTACK_ID.sub("", text.strip()))
    return [part for part in (part.strip(" \t\n,;\"'") for part in BETWEEN.split(plain)) if part]


def derived_names(name: str) -> Tuple[str, ...]:
    """Other forms that reports use: without the word for its kind, and written as one word.

    >>> derived_names("Locky Ransomware"), derived_names("X-Agent"), derived_names("Emotet")
    (('Locky', 'LockyRansomware'), ('XAgent',), ())
    """
    short = KIND.sub("", name)
    joined = re.sub(r"[\s\-_]+", "", name)
    return tuple(dict.fromkeys(form for form in (short, joined) if form and form != name))
