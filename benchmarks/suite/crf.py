"""Best tag paths: ours against pytorch-crf's and flair's decoding of the same scores; the cost of exact span scores."""

from statistics import median
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from timing import median_ratio, time_in_turns

from .printing import Table
from .settings import Settings

SHAPES = ((64, 64, 27), (8, 512, 60))  # windows, tokens, tags
O_BONUS = 4.0  # so that, as in real text, most tokens are outside


class Scores(NamedTuple):
    """emissions (B, T, K), transitions (K + 2, K), mask (B, T); letters as in nn.crf."""

    emissions: Any
    transitions: Any
    mask: Any


def measure(settings: Settings) -> Dict[str, Any]:
    """Decoding times of each shape.

    RETURNS (Dict[str, Any]): By shape: seconds (medians by name), over_torchcrf and over_flair (times as fast as
        they, flair only if it can be imported), marginals (cost of the span scores over that of decoding), spans.
    RAISES (ValueError): If decoders find different paths.
    """
    flair = flair_decoder()
    results: Dict[str, Any] = {"flair": flair is not None}
    for n_windows, n_tokens, n_tags in SHAPES:
        scores = random_scores(n_windows, n_tokens, n_tags)
        results[f"{n_windows}x{n_tokens}x{n_tags}"] = compare(scores, settings.n_repeats + 2, flair)
    return results


def random_scores(n_windows: int, n_tokens: int, n_tags: int) -> Scores:
    """Scores of a tag scheme, illegal transitions at OFF; windows from half as long as the longest to as long.

    With an even number of tags the last one is never legal.
    """
    import torch

    from spacy_ssner.labels import legal_transitions
    from spacy_ssner.nn.crf import OFF

    rng = torch.Generator().manual_seed(0)
    scheme = torch.from_numpy(legal_transitions((n_tags - 1) // 2))
    n = scheme.shape[1]
    legal = torch.zeros(n_tags + 2, n_tags, dtype=torch.bool)
    legal[:n, :n], legal[n_tags:, :n] = scheme[:n], scheme[n:]
    transitions = torch.randn(n_tags + 2, n_tags, generator=rng).masked_fill(~legal, OFF)
    emissions = torch.randn(n_windows, n_tokens, n_tags, generator=rng)
    emissions[..., 0] += O_BONUS
    lengths = torch.randint(n_tokens // 2, n_tokens + 1, (n_windows,), generator=rng)
    lengths[0] = n_tokens
    lengths = lengths.sort(descending=True).values  # flair's decoder expects the longest first
    return Scores(emissions, transitions, torch.arange(n_tokens)[None] < lengths[:, None])


def compare(scores: Scores, n_repeats: int, flair: Optional[Callable]) -> Dict[str, Any]:
    """Times of all decoders, and of the span scores, on the same scores in turns."""
    import torch

    from spacy_ssner.decoding import path_to_spans
    from spacy_ssner.nn.crf_decoding import viterbi
    from spacy_ssner.nn.span_marginals import span_log_probability

    torchcrf = torchcrf_decoder(scores)
    with torch.inference_mode():
        paths = viterbi(*scores)
        spans = path_to_spans(paths)
        lengths = scores.mask.sum(dim=1).tolist()
        expected = [row[:n] for row, n in zip(paths.tolist(), lengths)]
        jobs: Dict[str, Callable[[], Any]] = {
            "ssner": lambda: viterbi(*scores).tolist(),
            "torchcrf": torchcrf,
            "marginals": lambda: span_log_probability(*scores, *spans),
        }
        check_paths("torchcrf", torchcrf(), expected)
        if flair is not None:
            jobs["flair"] = flair(scores)
            check_paths("flair", jobs["flair"](), expected)
        times = time_in_turns(jobs, n_repeats=n_repeats)
    peers = {f"over_{n}": median_ratio(times[n], times["ssner"]) for n in ("torchcrf", "flair") if n in times}
    return {
        "seconds": {name: median(values) for name, values in times.items()},
        **peers,
        "marginals": median_ratio(times["marginals"], times["ssner"]),
        "spans": len(spans[0]),
    }


def check_paths(name: str, found: List[List[int]], expected: List[List[int]]) -> None:
    """RAISES (ValueError): If two decoders differ: then their times say nothing."""
    wrong = sum(a != b for a, b in zip(found, expected))
    if wrong or len(found) != len(expected):
        raise ValueError(f"{name} finds other paths in {wrong} of {len(expected)} windows.")


def torchcrf_decoder(scores: Scores) -> Callable[[], List[List[int]]]:
    """`torchcrf.CRF.decode` of these scores."""
    import torch
    import torchcrf

    n_tags = scores.emissions.shape[2]
    crf = torchcrf.CRF(n_tags, batch_first=True)
    parameters = (crf.transitions, crf.start_transitions, crf.end_transitions)
    parts = (scores.transitions[:n_tags], scores.transitions[n_tags], scores.transitions[n_tags + 1])
    with torch.no_grad():
        for parameter, values in zip(parameters, parts):
            parameter.copy_(values)
    return lambda: crf.decode(scores.emissions, scores.mask)


def flair_decoder() -> Optional[Callable[[Scores], Callable[[], List[List[int]]]]]:
    """A maker of flair's CRF and ViterbiDecoder, None (and a line that says why) if it cannot be imported.

    flair 0.15.1 works beside torch 2.13 and transformers 4.53; `pip install -c constraints.txt flair` brings some 25
    packages with it (boto3, gdown, bioc, ...), which is why it is in the extra `benchmark` only.
    """
    try:
        import flair
        from flair.data import Dictionary
        from flair.models.sequence_tagger_utils.crf import CRF
        from flair.models.sequence_tagger_utils.viterbi import ViterbiDecoder
    except Exception as error:  # not only ImportError: its dependencies fail in their own ways
        print(f"flair is left out, it cannot be imported ({type(error).__name__}: {error})")
        return None
    import torch

    flair.device = torch.device("cpu")

    def make(scores: Scores) -> Callable[[], List[List[int]]]:
        n_tags = scores.emissions.shape[2]
        tags = Dictionary(add_unk=False)
        for i in range(n_tags):
            tags.add_item(str(i))
        tags.set_start_stop_tags()
        crf, decoder = CRF(tags, len(tags), init_from_state_dict=False), ViterbiDecoder(tags)
        fill_flair(crf.transitions.data, scores.transitions, n_tags)
        width = scores.emissions.new_full((*scores.emissions.shape[:2], len(tags) - n_tags), -10_000.0)
        emissions = torch.cat([scores.emissions, width], dim=2)
        lengths = scores.mask.sum(dim=1)
        return lambda: [
            [int(tag) for tag, _ in row]
            for row in decoder.decode((crf(emissions), lengths, crf.transitions), False, [])[0]
        ]

    return make


def fill_flair(target: Any, transitions: Any, n_tags: int) -> None:
    """Our packed transitions in flair's order, [to, from], with start and stop behind the tags."""
    start, stop = n_tags, n_tags + 1
    target[:n_tags, :n_tags] = transitions[:n_tags].T
    target[:n_tags, start] = transitions[n_tags]
    target[stop, :n_tags] = transitions[n_tags + 1]


def tables(found: Dict[str, Any]) -> List[Table]:
    """One row per shape and decoder."""
    rows = []
    for shape, part in found.items():
        if shape == "flair":
            continue
        for name, seconds in part["seconds"].items():
            ratio = part.get(f"over_{name}", part["marginals"] if name == "marginals" else None)
            rows.append([shape, name, 1000 * seconds, ratio])
    header = ("windows x tokens x tags", "", "ms", "x ssner's decoding")
    return [Table("CRF decoding, and exact scores of all predicted spans", header, rows)]
