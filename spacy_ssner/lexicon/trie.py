"""Names as paths through a tree of pieces, and which of them begin at a token."""

from typing import Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from .pieces import is_joiner, name_pieces

Ids = Optional[Tuple[int, ...]]  # pieces of a word; () = may stand between pieces; None = in no name


class Trie:
    """Names, numbered as they come, as paths of piece numbers.

    names (Iterable[Tuple[str, ...]]): Different names as pieces, each of at least one.
    """

    def __init__(self, names: Iterable[Tuple[str, ...]]):
        self.piece_ids: Dict[str, int] = {}
        self.paths: List[Dict[int, int]] = [{}]  # node -> piece -> node
        self.name_at: Dict[int, int] = {}  # node -> name that ends there
        for number, pieces in enumerate(names):
            node = 0
            for piece in pieces:
                piece_id = self.piece_ids.setdefault(piece, len(self.piece_ids))
                following = self.paths[node].get(piece_id)
                if following is None:
                    following = self.paths[node][piece_id] = len(self.paths)
                    self.paths.append({})
                node = following
            self.name_at[node] = number

    def word_ids(self, word: str) -> Ids:
        """The pieces of a word as numbers."""
        pieces = name_pieces(word)
        if not pieces:
            return () if is_joiner(word) else None
        ids = tuple(self.piece_ids.get(piece, -1) for piece in pieces)
        return None if -1 in ids else ids

    def can_begin(self, ids: Ids) -> bool:
        """Whether a name may begin with a word."""
        return bool(ids) and ids[0] in self.paths[0]  # type: ignore[index]

    def names_from(self, words: Sequence[Ids], start: int, stop: int) -> Iterator[Tuple[int, int]]:
        """Names that begin at a token and end with one: (end, number), shortest first.

        words (Sequence[Ids]): Pieces of each token. stop (int): No name reaches beyond.
        At most one joiner stands between two tokens of a name, so a walk is no longer than twice the longest name.
        """
        node, gap = 0, False
        for place in range(start, stop):
            ids = words[place]
            if ids is None:
                return
            if not ids:
                if gap or place == start:
                    return
                gap = True
                continue
            gap = False
            for piece_id in ids:
                following = self.paths[node].get(piece_id)
                if following is None:
                    return
                node = following
            if node in self.name_at:
                yield place + 1, self.name_at[node]
