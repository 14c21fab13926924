"""Where nothing stands between the tokens of Markdown and of tags: `**bold**`, `[text](https://a)`, `<https://a>`."""

from typing import Iterator, List, Sequence, Set, Tuple

from .split_indicators import is_scheme_at

_EMPHASIS = "*"
_FARTHEST = 60  # tokens between `<` and `>`, beyond which they are no pair


def markup_gaps(words: Sequence[str]) -> Set[int]:
    """Gaps inside and beside the signs of markup. Gap i is the one behind token i."""
    words = list(words)  # the rules compare slices with lists
    gaps: Set[int] = set()
    for start, end in sign_runs(words):
        gaps.update(range(start, end - 1))
    gaps.update(_emphasis_gaps(words))
    for i in range(len(words) - 1):
        if words[i] == "!" and words[i + 1] == "[":
            gaps.add(i)
        if words[i] == "]" and words[i + 1] == "(" and _is_address(words, i + 2):
            gaps.add(i)
        if words[i] == "<" and _is_address(words, i + 1):
            closer = next((k for k in range(i, min(len(words), i + _FARTHEST)) if words[k] == ">"), None)
            gaps.update((i, closer - 1) if closer else (i,))
        if words[i] == "<" and words[i + 2 : i + 3] == [">"] and words[i + 1][0].isalpha():
            gaps.update((i, i + 1))
    return gaps


def sign_runs(words: Sequence[str]) -> Iterator[Tuple[int, int]]:
    """Runs of one sign, (start, end): `* *`, `# # #`, `& &`. Single signs are runs of one."""
    i = 0
    while i < len(words):
        end = i + 1
        if words[i] in ("*", "#", "&", "="):
            while end < len(words) and words[end] == words[i]:
                end += 1
            yield i, end
        i = end


def _emphasis_gaps(words: Sequence[str]) -> Iterator[int]:
    """Gaps on the inner side of asterisks in pairs; those without a partner (bullets, for one) have none."""
    waiting: List[Tuple[int, int]] = []
    for start, end in sign_runs(words):
        if words[start] != _EMPHASIS:
            continue
        partner = next((run for run in waiting if run[1] - run[0] == end - start), None)
        if partner is None:
            waiting.append((start, end))
        elif partner[1] < start:
            yield from (partner[1] - 1, start - 1)
            waiting.remove(partner)


def _is_address(words: Sequence[str], i: int) -> bool:
    """Whether a URL or an absolute path begins at i."""
    return i < len(words) and (words[i][0] == "/" or is_scheme_at(words, i))
