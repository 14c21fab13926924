"""How well `spacy_ssner.corpus.natural_text` finds the blanks of real text again.

    python benchmarks/spacing.py /path/to/text/*.txt.gz [--tokenizer cti|english|treebank] [--lines 2000] [--show 20]

Lines of running text are cut into tokens, the blanks are forgotten and rebuilt. Shown per file: the share of gaps
between tokens that are right, of lines that are right in every gap, and the same if every gap were a blank.
`treebank` is NLTK's tokenizer (pip install nltk), the kind that CyNER and MalwareTextDB were made with.
"""

import argparse
import random
from collections import Counter
from pathlib import Path
from typing import Callable, Iterator, List, NamedTuple, Tuple

from spacy_ssner.corpus.natural_text import find_split_signs, space_after
from spacy_ssner.text.reading import ignore, read_lines

Cut = Tuple[List[str], List[bool]]  # the tokens of a line and whether a blank stood behind each
SHORTEST, LONGEST = 5, 200  # tokens of a line


class Tally(NamedTuple):
    """Gaps and lines that were counted, and those that are right."""

    gaps: int = 0
    right: int = 0
    blanks: int = 0
    lines: int = 0
    whole: int = 0


def make_cutter(name: str) -> Callable[[str], Cut]:
    """Text to tokens and blanks with one of the tokenizers."""
    if name == "treebank":
        from nltk.tokenize import NLTKWordTokenizer

        tokenizer = NLTKWordTokenizer()
        return lambda text: cut_at(text, list(tokenizer.span_tokenize(text)))
    import spacy

    from spacy_ssner.corpus.jsonl import make_tokenizer

    make = make_tokenizer() if name == "cti" else spacy.blank("en").tokenizer
    return lambda text: cut_at(text, [(t.idx, t.idx + len(t)) for t in make(text) if not t.is_space])


def cut_at(text: str, spans: List[Tuple[int, int]]) -> Cut:
    """The tokens of a text and whether white space stood behind each; False for the last."""
    ends = [start for start, _ in spans[1:]] + [spans[-1][1] if spans else 0]
    return [text[a:b] for a, b in spans], [end < after for (_, end), after in zip(spans, ends)]


def read_cuts(path: Path, cut: Callable[[str], Cut], *, n: int) -> Iterator[Cut]:
    """Up to n lines of running text of a file, drawn at random (always the same ones)."""
    lines = [line.strip() for line in read_lines(path, ignore)]
    lines = [line for line in lines if line.count(" ") >= SHORTEST and line[0].isalnum()]
    for line in random.Random(0).sample(lines, min(n, len(lines))):
        words, spaces = cut(" ".join(line.split()))
        if SHORTEST <= len(words) <= LONGEST:
            yield words, spaces


def tally(cuts: List[Cut], wrong: Counter) -> Tally:
    """Rebuild the blanks and compare. `wrong` takes the pairs of tokens between which they were not right."""
    signs = find_split_signs(words for words, _ in cuts)
    total = Tally()
    for words, spaces in cuts:
        rebuilt = space_after(words, signs)
        errors = [i for i in range(len(words) - 1) if rebuilt[i] != spaces[i]]
        wrong.update((words[i], words[i + 1], spaces[i]) for i in errors)
        gaps = len(words) - 1
        counts = (gaps, gaps - len(errors), sum(spaces), 1, not errors)
        total = Tally(*(a + b for a, b in zip(total, counts)))
    return total


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--tokenizer", choices=("cti", "english", "treebank"), default="cti")
    parser.add_argument("--lines", type=int, default=2000)
    parser.add_argument("--show", type=int, default=0, help="Pairs of tokens that were most often wrong")
    args = parser.parse_args()
    cut = make_cutter(args.tokenizer)
    wrong: Counter = Counter()
    total = Tally()
    print(f"{'file':<36}{'lines':>7}{'gaps':>9}{'right':>9}{'whole lines':>13}{'all blanks':>12}")
    for path in args.paths:
        found = tally(list(read_cuts(path, cut, n=args.lines)), wrong)
        total = Tally(*(a + b for a, b in zip(total, found)))
        print_row(path.name, found)
    print_row("all", total)
    for (left, right, space), count in wrong.most_common(args.show):
        print(f"{count:>6}  {left!r} {right!r}: {'a blank' if space else 'nothing'} stood there")


def print_row(name: str, found: Tally) -> None:
    gaps, lines = max(1, found.gaps), max(1, found.lines)
    shares = f"{found.right / gaps:>9.2%}{found.whole / lines:>13.2%}{found.blanks / gaps:>12.2%}"
    print(f"{name[:35]:<36}{found.lines:>7}{found.gaps:>9}{shares}")


if __name__ == "__main__":
    main()
