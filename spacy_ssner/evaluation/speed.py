"""Speed and memory of a pipeline on texts, beside its forms of fewer bits and the limit of its encoder."""

from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence

from ..layers.encoder_shim import encoder_layers
from ..layers.pieces import encoder_of
from .encoder_use import (
    EncoderUse,
    best_budget,
    forget_words,
    ideal_batches,
    run_bare,
    watch_encoders,
    windows_read,
)
from .memory_use import MemoryUse, memory_of

if TYPE_CHECKING:
    from spacy.language import Language

PIPELINE, INT8, BFLOAT16, LIMIT = "pipeline", "int8", "bfloat16", "limit"
FORMS = (INT8, BFLOAT16)
WARM_UP_WORDS = 5_000  # about as many are read before the time is taken, if the texts allow

OnRun = Callable[[], Any]


@dataclass
class Timed:
    """Runs of one system over all texts.

    seconds: Of each run. encoder: Seconds of each within the encoder; empty for a system without an HFEncoder.
    use: Pieces that the encoder read in the last run. memory: Of a run over the first texts.
    """

    seconds: List[float] = field(default_factory=list)
    encoder: List[float] = field(default_factory=list)
    use: Optional[EncoderUse] = None
    memory: MemoryUse = MemoryUse(None, None)

    def to_dict(self, words: int) -> Dict[str, Any]:
        """Figures for JSON. words (int): Of all texts."""
        rates = sorted(words / seconds for seconds in self.seconds)
        found: Dict[str, Any] = {
            "words_per_second": {"median": median(rates), "min": rates[0], "max": rates[-1]},
            "seconds": self.seconds,
            "peak_mb": self.memory.above,
        }
        if self.use is not None:
            found["encoder_share"] = median(a / b for a, b in zip(self.encoder, self.seconds))
            found |= {"pieces": self.use.n_pieces, "padded_pieces": self.use.n_padded}
        return found


def measure_speed(
    nlp: "Language",
    texts: Sequence[str],
    *,
    forms: Optional[Mapping[str, "Language"]] = None,
    batch_size: Optional[int] = None,
    n_repeats: int = 5,
    limit: bool = True,
    on_run: OnRun = lambda: None,
) -> Dict[str, Any]:
    """Words per second of a pipeline, strings in, docs thrown away; the systems run in turns.

    Before each run our layers forget the words that they know, so that every run reads the texts for the first time.

    texts (Sequence[str]): At least one, not longer than nlp.max_length.
    forms (Optional[Mapping[str, Language]]): The same pipeline, its encoder in fewer bits; by name, see FORMS.
    batch_size (Optional[int]): Texts that go through the pipeline together; None = its own setting.
    limit (bool): Also time the encoder alone on the pieces that the pipeline read, sorted and batched at best. Only
        where the pipeline has one HFEncoder.
    on_run: Called after each timed run, for a progress bar.
    RETURNS (Dict[str, Any]): texts, words (tokens that are not white space), characters, batch_size, loaded_mb;
        pipeline, int8, bfloat16 and limit as `Timed.to_dict` has them, all but the first None where there is none;
        ratios: over_limit, and of each form int8_over_pipeline, int8_over_limit (how many times as fast).
    """
    batch_size = batch_size or nlp.batch_size
    systems = {PIPELINE: nlp, **(forms or {})}
    some = _first_texts(texts)
    timed = {
        name: Timed(memory=memory_of(_job(system, some, batch_size))) for name, system in systems.items()
    }
    words = _count_words(nlp, texts)
    bare = _bare_job(nlp, texts) if limit else None
    if bare is not None:
        timed[LIMIT] = Timed(memory=memory_of(bare))
    for _ in range(n_repeats):
        for name, system in systems.items():
            _time_watched(timed[name], system, _job(system, texts, batch_size))
            on_run()
        if bare is not None:
            _time(timed[LIMIT], bare)
            on_run()
    return {
        "texts": len(texts),
        "words": words,
        "characters": sum(map(len, texts)),
        "batch_size": batch_size,
        "loaded_mb": timed[PIPELINE].memory.resident,
        **{name: timed[name].to_dict(words) if name in timed else None for name in (PIPELINE, *FORMS, LIMIT)},
        "ratios": _ratios(timed),
    }


def n_runs(nlp: "Language", *, n_forms: int, limit: bool, n_repeats: int) -> int:
    """How often `on_run` will be called."""
    return n_repeats * (1 + n_forms + (limit and len(encoder_layers(nlp)) == 1))


def _job(nlp: "Language", texts: Sequence[str], batch_size: int) -> Callable[[], None]:
    def run() -> None:
        for _ in nlp.pipe(texts, batch_size=batch_size):
            pass

    return run


def _first_texts(texts: Sequence[str]) -> List[str]:
    """Texts of about WARM_UP_WORDS words, at least one."""
    chosen: List[str] = []
    words = 0
    for text in texts:
        if chosen and words >= WARM_UP_WORDS:
            break
        chosen.append(text)
        words += len(text.split())
    return chosen


def _count_words(nlp: "Language", texts: Sequence[str]) -> int:
    return sum(not token.is_space for text in texts for token in nlp.make_doc(text))


def _bare_job(nlp: "Language", texts: Sequence[str]) -> Optional[Callable[[], None]]:
    """The encoder alone on the windows of these texts; None unless there is one HFEncoder and it read something."""
    layers = encoder_layers(nlp)
    if len(layers) != 1:
        return None
    windows = windows_read(nlp, texts).windows
    if not windows:
        return None
    module = encoder_of(layers[0])
    place: Dict[str, Any] = {"pad": module.settings["pad"], "device": module.device}
    bfloat16 = module.predicts_in_bfloat16
    budget = best_budget(module.encoder, windows, bfloat16=bfloat16, **place)
    batches = ideal_batches(windows, max_padded=budget, **place)
    return lambda: run_bare(module.encoder, batches, bfloat16=bfloat16)


def _time_watched(timed: Timed, nlp: "Language", job: Callable[[], None]) -> None:
    forget_words(nlp)
    with watch_encoders(nlp) as use:
        _time(timed, job)
    if encoder_layers(nlp):
        timed.encoder.append(use.seconds)
        timed.use = use


def _time(timed: Timed, job: Callable[[], None]) -> None:
    start = perf_counter()
    job()
    timed.seconds.append(perf_counter() - start)


def _ratios(timed: Dict[str, Timed]) -> Dict[str, float]:
    """How many times as fast one is as the other: medians over the repeats of the ratio within one."""
    pairs = {"over_limit": (PIPELINE, LIMIT)}
    pairs |= {f"{form}_over_{other}": (form, other) for form in FORMS for other in (PIPELINE, LIMIT)}
    return {
        name: median(b / a for a, b in zip(timed[left].seconds, timed[right].seconds))
        for name, (left, right) in pairs.items()
        if left in timed and right in timed
    }
