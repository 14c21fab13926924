"""Other names in place of those of the training data: the augmenter `spacy-ssner.swap_names.v1`.

A training set of a few thousand sentences holds few names, and an encoder learns them by heart. Here a sentence with
a name that the lexicon lists comes again with another name of the same category, so that the model has to go by what
stands around a name and by what the lexicon says.

SOURCE: Dai and Adel 2020, An Analysis of Simple Data Augmentation for Named Entity Recognition, mention replacement;
    they take the names from the training data.
"""

import random
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, List, Optional, Tuple, Union

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.training.corpus import FILE_TYPE, walk_corpus

from .errors import Errors, Warnings
from .lexicon.lexicon import Lexicon
from .settings import SHARE, is_share
from .text.docbins import load_docbin

CLEAR = (
    0.8  # share of the mentions listed in a category that must have one label, so that its names stand for it
)
LEAST_MENTIONS = 5  # that say so
Augmenter = Callable[[Language, Example], Iterator[Example]]


def make_swap_names(
    lexicon: Optional[Union[str, Path]] = None,
    corpus: Optional[Union[str, Path]] = None,
    share: float = 0.0,
) -> Augmenter:
    """For `[corpora.train.augmenter]`: `@augmenters = "spacy-ssner.swap_names.v1"`.

    lexicon (Optional[Union[str, Path]]): File of `python -m spacy ssner lexicon`.
    corpus (Optional[Union[str, Path]]): The training data, a .spacy file or a folder of them. Its mentions say which
        categories of the lexicon stand for one label.
    share (float): So many of the names that are listed get another one in the copy; 0 to 1, 0 = no copies.
    RETURNS (Callable): Gives each example, then its copy if a name was changed in that.
    RAISES (ValueError): S101 for a share out of range, S138 if one is given without lexicon or corpus.
    """
    if not is_share(share):
        raise ValueError(Errors.S101.format(name="share", expected=SHARE, got=share))
    if share > 0 and (lexicon is None or corpus is None):
        raise ValueError(Errors.S138.format(lexicon=lexicon, corpus=corpus))
    return SwapNames(Path(lexicon), Path(corpus), share) if share > 0 and lexicon and corpus else unchanged


def unchanged(nlp: Language, example: Example) -> Iterator[Example]:
    """An augmenter that adds nothing."""
    yield example


class SwapNames:
    """See make_swap_names. Files are read when the first example comes."""

    def __init__(self, lexicon: Path, corpus: Path, share: float):
        self.lexicon_path = lexicon
        self.corpus_path = corpus
        self.share = share
        self._lexicon: Optional[Lexicon] = None
        self._names: Dict[str, List[str]] = {}
        self._label_of: Dict[str, str] = {}

    def __call__(self, nlp: Language, example: Example) -> Iterator[Example]:
        """RAISES (FileNotFoundError): S263; (ValueError): S267 for a lexicon that is none, S235 for a corpus that is
        none. WARNS: SW132 if no category has enough mentions in the corpus, most of one label: nothing is swapped."""
        yield example
        if self._lexicon is None:
            self._lexicon = self._read(nlp)
        swaps = {}
        for ent in example.reference.ents:
            found = categories_of(ent, self._lexicon)
            categories = [category for category in found if self._label_of.get(category) == ent.label_]
            if categories and random.random() < self.share:
                swaps[ent.start] = ent.end, random.choice(self._names[random.choice(categories)])
        if swaps:
            yield swapped(nlp, example, swaps)

    def _read(self, nlp: Language) -> Lexicon:
        lexicon = Lexicon.from_disk(self.lexicon_path)
        names = defaultdict(list)
        for name in lexicon.names:
            names[name.category].append(name.text)
        self._names = dict(names)
        docs = (
            doc for file in walk_corpus(self.corpus_path, FILE_TYPE) for doc in load_docbin(file, nlp.vocab)
        )
        self._label_of = clear_categories((ent for doc in docs for ent in doc.ents), lexicon)
        if not self._label_of:
            warnings.warn(
                Warnings.SW132.format(path=self.corpus_path, lexicon=self.lexicon_path), stacklevel=3
            )
        return lexicon


def categories_of(ent: Span, lexicon: Lexicon) -> List[str]:
    """Categories in which a whole mention is listed."""
    found = lexicon.find([token.text for token in ent])
    return [match.category for match in found if (match.start, match.end) == (0, len(ent))]


def clear_categories(ents: Iterable[Span], lexicon: Lexicon) -> Dict[str, str]:
    """The label of each category whose mentions nearly all have one, see CLEAR.

    Of CyNER's mentions that are listed as malware 93 % are Malware, so one name of malware may stand for another. Of
    those listed as vendors 76 % are System: names of other vendors there made the model worse at Indicator.
    """
    labels: Dict[str, Counter] = defaultdict(Counter)
    for ent in ents:
        for category in categories_of(ent, lexicon):
            labels[category][ent.label_] += 1
    result = {}
    for category, counts in labels.items():
        (label, n), n_all = counts.most_common(1)[0], sum(counts.values())
        if n >= LEAST_MENTIONS and n >= CLEAR * n_all:
            result[category] = label
    return result


def swapped(nlp: Language, example: Example, swaps: Dict[int, Tuple[int, str]]) -> Example:
    """A copy of an example with other names.

    swaps (Dict[int, Tuple[int, str]]): By the first token of a mention of the reference the one behind its last, and
        the name that stands there instead. It is cut by the pipeline's tokenizer.
    RETURNS (Example): Entities, sentence boundaries and what is not annotated are those of the reference.
    """
    reference = example.reference
    words: List[str] = []
    spaces: List[bool] = []
    tags: List[str] = []
    starts: List[Optional[Union[bool, int]]] = []
    done = 0
    for token in reference:
        if token.i < done:
            continue
        if token.i not in swaps:
            done = token.i + 1
            words.append(token.text)
            spaces.append(bool(token.whitespace_))
            tags.append(
                f"{token.ent_iob_}-{token.ent_type_}" if token.ent_type_ else "O" if token.ent_iob else ""
            )
            starts.append(token.is_sent_start)
            continue
        done, name = swaps[token.i]
        pieces = [piece for piece in nlp.tokenizer(name) if not piece.is_space]
        words += [piece.text for piece in pieces]
        spaces += [bool(piece.whitespace_) for piece in pieces[:-1]] + [bool(reference[done - 1].whitespace_)]
        tags += [f"B-{token.ent_type_}"] + [f"I-{token.ent_type_}"] * (len(pieces) - 1)
        starts += [token.is_sent_start] + [False] * (len(pieces) - 1)
    known = reference.has_annotation("SENT_START")
    copy = Doc(nlp.vocab, words=words, spaces=spaces, ents=tags, sent_starts=starts if known else None)
    if reference.has_unknown_spaces or [t.text for t in example.predicted] == [t.text for t in reference]:
        return Example(Doc(nlp.vocab, words=words, spaces=spaces), copy)
    return Example(nlp.make_doc(copy.text), copy)
