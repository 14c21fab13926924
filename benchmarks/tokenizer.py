"""Speed of the CTI tokenizer beside spaCy's on the same texts, and its time on lines of 1 and 10 million characters.

python benchmarks/tokenizer.py            (SSNER_DATA adds real text)
"""

import argparse
import gzip
import json
import os
import random
from pathlib import Path
from typing import Dict, List

import spacy
from timing import median_ratio, time_in_turns

from spacy_ssner.text.tokenizer import blank_english

SAMPLE = Path(__file__).parents[1] / "assets" / "sample"
LINES = {
    "words": "the server sent data ",
    "indicators": "evil[.]com 10.1.2.3:443 CVE-2017-0144 ",
    "brackets": "[",
    "base64": "QmFzZTY0IGlzIG5v+dCBhIGhhc2g/",
    "dots": "a.",
    "paths": r"C:\Program Files\a ",
    "urls without blanks": "http://a.com/b,",
    "slashes": "/a",
    "at signs": "a@",
    "hex and colons": "af:",
}


def sample_reports() -> List[str]:
    return [json.loads(line)["text"] for path in sorted(SAMPLE.glob("*.jsonl")) for line in path.open()]


def real_text(folder: Path, *, n_lines: int) -> Dict[str, List[str]]:
    """A seeded choice of lines from each file of unlabelled text."""
    texts = {}
    for path in sorted(folder.glob("*.txt.gz")):
        with gzip.open(path, "rt", encoding="utf8") as file:
            lines = file.read().splitlines()
        texts[path.name.split(".")[0]] = random.Random(0).sample(lines, min(n_lines, len(lines)))
    return texts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--lines", type=int, default=1000, help="lines of each file of unlabelled text")
    parser.add_argument("--skip-long", action="store_true", help="leave the long lines out")
    args = parser.parse_args()
    texts = {"sample reports": sample_reports()}
    if "SSNER_DATA" in os.environ:
        texts.update(real_text(Path(os.environ["SSNER_DATA"]) / "text", n_lines=args.lines))
    print("text | characters | spaCy, M characters/s | speed of ours over spaCy's")
    for name, batch in texts.items():
        theirs = spacy.blank("en").tokenizer
        ours = blank_english().tokenizer
        jobs = {"spacy": lambda: [theirs(t) for t in batch], "ours": lambda: [ours(t) for t in batch]}  # noqa: B023
        times = time_in_turns(jobs, n_repeats=args.repeats)
        size = sum(map(len, batch))
        speed = size / sorted(times["spacy"])[args.repeats // 2] / 1e6
        print(
            f"{name} | {size:,} | {speed:.1f} | {median_ratio(times['spacy'], times['ours']):.2f}", flush=True
        )
    if not args.skip_long:
        print("line of 10 million characters | seconds | over a line of 1 million")
        for name, part in LINES.items():
            ours = blank_english().tokenizer
            lines = {n: part * (n // len(part)) for n in (10**6, 10**7)}
            jobs = {str(n): lambda line=line: ours(line) for n, line in lines.items()}  # type: ignore[misc] # noqa: B023
            times = time_in_turns(jobs, n_repeats=1)
            ratio = median_ratio(times[str(10**7)], times[str(10**6)])
            print(f"{name} | {times[str(10**7)][0]:.1f} | {ratio:.1f}", flush=True)


if __name__ == "__main__":
    main()
