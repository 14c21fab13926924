"""The tokenizer `spacy-ssner.CTITokenizer.v1`: spaCy's, with one token for each indicator, defanged or not."""

from functools import lru_cache, partial
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy as np
import srsly
from spacy.attrs import LIKE_URL, NORM, ORTH, SPACY
from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc
from spacy.util import compile_infix_regex, compile_prefix_regex, compile_suffix_regex
from spacy.vocab import Vocab

from ..errors import Errors
from .cuts import Place, forced_tokens, needs_cuts
from .indicators import find_indicators, whole_indicator

# spaCy keeps a full stop behind a single capital, as in `J.`; behind a name (`PlugX.`, `C&C.`) it ends the sentence.
NAME_STOP = r"(?<=[a-z&][A-Z])\."
# Stands for a token of ours while spaCy cuts what is around it. No rule of spaCy's knows it.
MARK = "\ufffc"
MAX_URL = 2048  # characters that `like_url` looks at: spaCy's takes quadratic time
OTHER_MARKS = range(0xF0000, 0x10FFFE)  # planes for private use, for texts that hold the mark itself


def make_cti_tokenizer() -> Callable[[Language], "CTITokenizer"]:
    """Registered as `spacy-ssner.CTITokenizer.v1`: the rules of the pipeline's language around indicators."""

    def make_tokenizer(nlp: Language) -> CTITokenizer:
        rules = nlp.Defaults
        bound_like_url(nlp.vocab)
        suffixes = [*rules.suffixes, NAME_STOP] if rules.suffixes else None
        return CTITokenizer(
            nlp.vocab,
            rules=rules.tokenizer_exceptions,
            prefix_search=compile_prefix_regex(rules.prefixes).search if rules.prefixes else None,
            suffix_search=compile_suffix_regex(suffixes).search if suffixes else None,
            infix_finditer=compile_infix_regex(rules.infixes).finditer if rules.infixes else None,
            token_match=rules.token_match,
            url_match=rules.url_match,
        )

    return make_tokenizer


def bound_like_url(vocab: Vocab) -> None:
    """Let the attribute `like_url` of words look at their first MAX_URL characters only."""
    getters: Any = vocab.lex_attr_getters  # type: ignore[attr-defined]
    base = getters.get(LIKE_URL)
    if base is not None and getattr(base, "func", None) is not _of_start:
        getters[LIKE_URL] = partial(_of_start, base)


def _of_start(like_url: Callable[[str], bool], text: str) -> bool:
    return like_url(text[:MAX_URL])


def blank_english() -> Language:
    """English with this tokenizer and no components: what cuts texts where no pipeline is named."""
    import spacy

    nlp = spacy.blank("en")
    nlp.tokenizer = make_cti_tokenizer()(nlp)
    return nlp


@lru_cache(maxsize=4096)  # spaCy asks again for every stretch that it does not cache itself
def is_indicator(string: str) -> bool:
    """Is a string one indicator from end to end? A `token_match` of spaCy."""
    return whole_indicator(string) is not None


class KeepWhole:
    """A `token_match` of spaCy for what a language keeps whole and for indicators.

    base (Callable): That of the language: the `match` of a pattern.
    """

    def __init__(self, base: Callable[[str], Any]):
        self.base = base

    def __call__(self, string: str) -> bool:
        return bool(self.base(string)) or is_indicator(string)


def keep_indicators(base: Optional[Callable[[str], Any]]) -> Callable[[str], bool]:
    """Add indicators, once, to what a language keeps whole."""
    if base is None or base is is_indicator:
        return is_indicator
    return base if isinstance(base, KeepWhole) else KeepWhole(base)


class CTITokenizer(Tokenizer):
    r"""spaCy's tokenizer, except that indicators are one token each and punctuation around them is split off.

    A token may hold blanks (`C:\Program Files\a.exe`). Time is linear in the length of the text; no character
    is lost or altered. Arguments as for spacy.tokenizer.Tokenizer.
    """

    def __init__(
        self,
        vocab: Vocab,
        rules: Optional[Dict[str, List[dict]]] = None,
        prefix_search: Optional[Callable] = None,
        suffix_search: Optional[Callable] = None,
        infix_finditer: Optional[Callable] = None,
        token_match: Optional[Callable] = None,
        url_match: Optional[Callable] = None,
        **options: Any,
    ):
        affixes = (prefix_search, suffix_search, infix_finditer)
        super().__init__(vocab, rules, *affixes, keep_indicators(token_match), url_match, **options)

    def __call__(self, string: str) -> Doc:
        """Cut a text into tokens. RETURNS (Doc): Its text is the string, character for character."""
        found = find_indicators(string)
        if not needs_cuts(string, found, self.rules):
            # Most indicators come out whole, thanks to token_match: then spaCy's own Doc, and its cache, will do.
            doc = super().__call__(string)
            for hit in found:
                if not is_token(doc, hit.start, hit.end):
                    break
            else:
                return doc
        return self._assemble(string, forced_tokens(string, found, self.rules))

    def _assemble(self, string: str, places: Sequence[Place]) -> Doc:
        """Let spaCy cut the text with marks in the given places, then put the tokens there."""
        mark = unused_mark(string)
        marked, left, right = put_marks(string, places, mark)
        inner = super().__call__(marked)
        table = inner.to_array([ORTH, SPACY, NORM])  # (n_tokens, 3)
        at = np.flatnonzero(table[:, 0] == self.vocab.strings[mark])  # (n_places,)
        add = self.vocab.strings.add
        table[at, 0] = [add(string[start:end]) for start, end in places]
        table[at[left] - 1, 1] = 0  # blanks that put_marks added
        table[at[right], 1] = 0
        doc = Doc(self.vocab, words=table[:, 0].tolist(), spaces=table[:, 1].astype(bool).tolist())
        norms = doc.to_array([NORM])
        table[at, 2] = norms[at]
        for i in np.flatnonzero(norms != table[:, 2]).tolist():
            # the special cases of spaCy: `n't` counts as `not`
            doc[i].norm_ = self.vocab.strings[int(table[i, 2])]
        return doc

    def explain(self, text: str) -> List[Tuple[str, str]]:
        """Rules and tokens, white space left out, as spaCy's method of this name; ours are `INDICATOR-` and `CUT`."""
        found = find_indicators(text)
        kinds = {hit.start: f"INDICATOR-{hit.kind}" for hit in found}
        explained, done = [], 0
        for start, end in forced_tokens(text, found, self.rules):
            explained += super().explain(text[done:start])
            explained.append((kinds.get(start, "CUT"), text[start:end]))
            done = end
        return [*explained, *super().explain(text[done:])]

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """spaCy's format. Of `token_match` the language's part is saved, as ours has no state."""
        exclude = list(exclude)
        data = srsly.msgpack_loads(super().to_bytes(exclude=[*exclude, "token_match"]))
        # A user may have put a plain match in its place.
        base: Any = getattr(self.token_match, "base", self.token_match)
        if base not in (None, is_indicator) and "token_match" not in exclude:
            data["token_match"] = base.__self__.pattern
        return srsly.msgpack_dumps(data)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "CTITokenizer":
        """Load what `to_bytes` of this or of spaCy's tokenizer gave. RAISES (ValueError): S111 if it is damaged."""
        try:
            super().from_bytes(bytes_data, exclude=list(exclude))
        except Exception as err:  # msgpack, srsly and re each raise their own kinds
            raise ValueError(Errors.S111.format(name="tokenizer", got=err)) from err
        self.token_match = keep_indicators(self.token_match)  # type: ignore[has-type]
        return self


def is_token(doc: Doc, start: int, end: int) -> bool:
    """Is there one token from character `start` to `end`?"""
    span = doc.char_span(start, end)
    return span is not None and len(span) == 1


def unused_mark(text: str) -> str:
    """A character that the text does not hold."""
    if MARK not in text:
        return MARK
    used = set(text)
    return next(chr(i) for i in OTHER_MARKS if chr(i) not in used)


def put_marks(text: str, places: Sequence[Place], mark: str) -> Tuple[str, np.ndarray, np.ndarray]:
    """Replace each place by the mark, with a blank where it touches anything but white space.

    RETURNS (Tuple[str, np.ndarray, np.ndarray]): The text; whether a blank was added to the left and to the
        right of each mark, (n_places,) bool. Marks side by side share the blank on the right of the first.
    """
    parts: List[str] = []
    left = np.zeros(len(places), dtype=bool)
    right = np.zeros(len(places), dtype=bool)
    done = 0
    for i, (start, end) in enumerate(places):
        # one that joins the place before shares the blank on its right, which is not there if this begins with one
        joins = i > 0 and start == done
        left[i] = text[start].isspace() if joins else start > done and not text[start - 1].isspace()
        right[i] = end < len(text) and not text[end].isspace()
        parts += [text[done:start], " " if left[i] else "", mark, " " if right[i] else ""]
        done = end
    return "".join([*parts, text[done:]]), left, right
