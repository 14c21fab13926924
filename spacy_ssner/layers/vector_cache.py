"""Token vectors of docs that were read before, for a layer whose weights stay while others train."""

from typing import Callable, Dict, List, Sequence, Tuple

from spacy.tokens import Doc
from thinc.types import Floats2d

MAX_BYTES = 2**30  # 700,000 tokens of 384 numbers


class VectorCache:
    """Remembers until it is full; nothing is forgotten then, as an epoch reads everything once. A copy begins empty."""

    def __init__(self, max_bytes: int = MAX_BYTES):
        self.max_bytes = max_bytes
        self.n_bytes = 0
        self._vectors: Dict[bytes, Floats2d] = {}

    def __reduce__(self) -> Tuple[type, Tuple[int]]:
        return VectorCache, (self.max_bytes,)

    def __len__(self) -> int:
        """Docs that are remembered."""
        return len(self._vectors)

    def vectors(self, docs: Sequence[Doc], read: Callable[[List[Doc]], Sequence[Floats2d]]) -> List[Floats2d]:
        """Token vectors of docs, each (tokens, width); `read` gives those of docs that are not remembered."""
        keys = [_key(doc) for doc in docs]
        new = {key: doc for key, doc in zip(keys, docs) if key not in self._vectors}
        found = dict(zip(new, read(list(new.values())))) if new else {}
        result = [self._vectors[key] if key in self._vectors else found[key] for key in keys]
        for key, vectors in found.items():
            if self.n_bytes + vectors.nbytes <= self.max_bytes:
                self._vectors[key] = vectors.copy()  # a view would keep the whole batch
                self.n_bytes += vectors.nbytes
        return result


def _key(doc: Doc) -> bytes:
    """All of a doc that an encoder reads: words, sentence boundaries, and blanks, from which rules find boundaries."""
    return doc.to_array(["ORTH", "SENT_START", "SPACY"]).tobytes()
