"""How many planted errors `label-errors` finds.

    python benchmarks/label_errors.py plant corpus/cyner/train.spacy planted
    python -m spacy ssner label-errors crf.cfg planted/train.spacy planted/out --paths.dev corpus/cyner/dev.spacy ...
    python benchmarks/label_errors.py score planted planted/out

`plant` gives 2 in 100 entities another type, takes 2 away, moves an end of 2 by a token, and makes an ordinary word an
entity where 2 more stand in the sentence. `score` counts how many of these are doubted, and where they stand among the
doubts of each kind. Doubts beside them need not be wrong: the data has errors of its own.
"""

import argparse
import json
import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

import spacy
from spacy.tokens import Doc, Span

from spacy_ssner.corpus.docs import write_docs
from spacy_ssner.evaluation.label_errors import KINDS
from spacy_ssner.evaluation.metrics import doc_entities
from spacy_ssner.labels import TagSpan
from spacy_ssner.text.docbins import load_docbin

SHARE = 0.02  # of the entities, for each kind of error
RANKS = (10, 25, 50, 100)


class Planted(NamedTuple):
    """An error: its kind, its doc from 1, what is annotated (of "missing" what was), and what was there before."""

    kind: str
    doc: int
    span: TagSpan
    before: Optional[TagSpan]


def plant(docs: Sequence[Doc], *, seed: int = 1) -> List[Planted]:
    """Change entities of docs in place. RETURNS: The errors."""
    rng = random.Random(seed)
    types = sorted({ent.label_ for doc in docs for ent in doc.ents})
    planted: List[Planted] = []
    for number, doc in enumerate(docs, start=1):
        spans, made = plant_in_doc(doc, types, rng)
        planted += [Planted(kind, number, span, before) for kind, span, before in made]
        doc.set_ents([Span(doc, start, end, label=label) for start, end, label in spans], default="outside")
    return planted


def plant_in_doc(
    doc: Doc, types: Sequence[str], rng: random.Random
) -> Tuple[List[TagSpan], List[Tuple[str, TagSpan, Optional[TagSpan]]]]:
    """The entities that a doc has then, and the errors among them."""
    old = doc_entities(doc)
    new: List[TagSpan] = []
    made: List[Tuple[str, TagSpan, Optional[TagSpan]]] = []
    for i, span in enumerate(old):
        kind = int(rng.random() / SHARE)
        if kind == 0:
            new.append(span._replace(label=rng.choice([label for label in types if label != span.label])))
            made.append(("type", new[-1], span))
        elif kind == 1:
            made.append(("missing", span, span))
        elif kind == 2:
            moved = move_an_end(
                span, old[i - 1].end if i else 0, old[i + 1].start if i + 1 < len(old) else len(doc), rng
            )
            new.append(moved)
            if moved != span:
                made.append(("bounds", moved, span))
        else:
            new.append(span)
            free = [] if kind != 3 else [*free_words(doc, new, span)]
            word = TagSpan(at := rng.choice(free), at + 1, span.label) if free else None
            if word is not None and all(not start <= word.start < end for start, end, _ in old):
                new.append(word)
                made.append(("extra", word, None))
    kept: List[TagSpan] = []
    for span in sorted(set(new)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept, made


def move_an_end(span: TagSpan, before: int, after: int, rng: random.Random) -> TagSpan:
    """A token less at the end, or one more behind or in front of it; as it is where none of these can be."""
    start, end, label = span
    if end - start > 1 and rng.random() < 0.5:
        return TagSpan(start, end - 1, label)
    if end < after:
        return TagSpan(start, end + 1, label)
    return TagSpan(start - 1, end, label) if start > before else span


def free_words(doc: Doc, spans: Sequence[TagSpan], beside: TagSpan) -> Iterator[int]:
    """Words in lower case that are in no entity, nor next to that one."""
    taken = {i for start, end, _ in spans for i in range(start, end)}
    taken.update(range(beside.start - 1, beside.end + 1))
    for token in doc:
        if token.is_alpha and token.is_lower and token.ent_iob_ == "O" and token.i not in taken:
            yield token.i


def read_doubts(path: Path, docs: Sequence[Doc]) -> Dict[Tuple[int, TagSpan], dict]:
    """The doubts by doc and span."""
    found = {}
    for line in path.read_text(encoding="utf8").splitlines():
        record = json.loads(line)
        number = record["meta"]["doc"]
        for doubt in record["doubts"]:
            found[number, _in_tokens(docs[number - 1], doubt)] = doubt
    return found


def _in_tokens(doc: Doc, span: dict) -> TagSpan:
    found = doc.char_span(span["start"], span["end"])
    return TagSpan(found.start, found.end, span["label"])


def score(planted: Sequence[Planted], doubts: Dict[Tuple[int, TagSpan], dict], docs: Sequence[Doc]) -> None:
    """Print how many errors are doubted, how many with what was there before, and their ranks by kind of doubt."""
    total = Counter(error.kind for error in planted)
    hits: Set[Tuple[int, TagSpan]] = set()
    found, corrected = Counter[str](), Counter[str]()
    for error in planted:
        doubt = doubts.get((error.doc, error.span))
        if doubt is None or (doubt["kind"] == "missing") != (error.kind == "missing"):
            continue
        hits.add((error.doc, error.span))
        found[error.kind] += 1
        instead = {_in_tokens(docs[error.doc - 1], span) for span in doubt["instead"]}
        corrected[error.kind] += error.kind == "missing" or instead == ({error.before} - {None})
    for kind, n in total.items():
        print(f"planted {kind}: {n}, doubted {found[kind]}, with what was there before {corrected[kind]}")
    print(
        f"planted: {total.total()}, doubted {found.total()}, with what was there before {corrected.total()}"
    )
    by_kind = defaultdict(list)
    for place, doubt in doubts.items():
        by_kind[doubt["kind"]].append((-doubt["strength"], place[0], place in hits))
    for kind in KINDS:
        ranked = [is_hit for *_, is_hit in sorted(by_kind[kind])]
        ranks = ", ".join(f"{sum(ranked[:n])} of the first {n}" for n in RANKS if n <= len(ranked))
        print(f"doubts, {kind}: {len(ranked)}, planted {sum(ranked)}" + (f" ({ranks})" if ranks else ""))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    planting = commands.add_parser("plant")
    planting.add_argument("train", type=Path)
    planting.add_argument("out", type=Path)
    planting.add_argument("--seed", type=int, default=1)
    scoring = commands.add_parser("score")
    scoring.add_argument("planted", type=Path, help="OUT of plant")
    scoring.add_argument("found", type=Path, help="OUT of label-errors")
    args = parser.parse_args()
    vocab = spacy.blank("en").vocab
    if args.command == "plant":
        docs = load_docbin(args.train, vocab)
        planted = plant(docs, seed=args.seed)
        write_docs(docs, args.out / "train.spacy")
        (args.out / "planted.json").write_text(json.dumps(planted), encoding="utf8")
        print(f"{args.out}: {len(planted)} errors among {sum(len(doc.ents) for doc in docs):,} entities")
        return
    docs = load_docbin(args.planted / "train.spacy", vocab)
    rows = json.loads((args.planted / "planted.json").read_text(encoding="utf8"))
    planted = [Planted(k, i, TagSpan(*span), before and TagSpan(*before)) for k, i, span, before in rows]
    score(planted, read_doubts(args.found / "doubts.jsonl", docs), docs)


if __name__ == "__main__":
    main()
