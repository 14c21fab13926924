"""Words per second of whole systems on the same texts, in turns, and the memory that they take."""

from pathlib import Path
from statistics import median
from typing import Any, Dict, List, Sequence

from timing import median_ratio, time_in_turns

from spacy_ssner.evaluation.memory_use import memory_of
from spacy_ssner.nn.precision import computes_in_bfloat16

from . import systems, texts
from .gold import labels_of, read_examples
from .pipelines import spacy_path, ssner_path
from .printing import Table
from .settings import Settings

WARM_UP = 64  # texts of a text set that each system sees before it is timed
INT8 = {"int8": "torch", "onnx": "onnxruntime"}  # forms of ours in 8-bit integers, by what computes
BFLOAT16 = "bfloat16"  # another form, on CPUs that are faster so
LONGEST_REPEATED = 5_000  # words; longer reports are annotated once
LONGEST_FOR_ALL = 50_000  # words; longer reports are for ours and the limit only


def measure(settings: Settings) -> Dict[str, Any]:
    """Speed, memory and ratios for each text set.

    RETURNS (Dict[str, Any]): By text set: texts, words, systems (words_per_second, seconds, peak_mb), ratios
        (how many times as fast; over_NAME of ssner, int8_over_NAME and so on of its other forms: int8, onnx and,
        where this CPU is faster so, bfloat16).
    """
    import spacy

    sets = text_sets(settings)
    path = ssner_path(settings, sets["mixed"])
    nlp = spacy.load(path)
    limit = systems.Limit(systems.plain_encoder(settings.encoder, nlp), nlp, sets["mixed"])
    forms = [systems.ssner(form, f"ssner_{name}") for name, form in load_forms(settings, path).items()]
    ours, peer = [systems.ssner(nlp), *forms], systems.spacy_ner(spacy_path(settings))
    results: Dict[str, Any] = {
        "pipeline": path.name,
        "trained": bool(settings.pipelines),
        "budget": limit.budget,
    }
    for name, batch in sets.items():
        words = texts.count_words(batch)
        peers = (
            []
            if words > LONGEST_FOR_ALL
            else [best_hugging_face(settings, nlp, batch, whole=name != "mixed"), peer]
        )
        found = [*ours, *peers, *limit.systems(batch)]
        is_long = name not in ("mixed", "reports") and words > LONGEST_REPEATED
        figures = compare(found, batch, words, 1 if is_long else settings.n_repeats)
        results[name] = {"texts": len(batch), "words": words, **figures}
    results["form_f1"] = f1_lost(settings)
    return results


def load_forms(settings: Settings, path: Path) -> Dict[str, Any]:
    """A saved pipeline with its encoder in fewer bits, by the name of the form."""
    samples = [file for _, file in settings.train]
    forms = {name: systems.load_quantised(path, samples, engine) for name, engine in INT8.items()}
    if computes_in_bfloat16("cpu"):
        forms[BFLOAT16] = systems.load_in_bfloat16(path)
    return forms


def text_sets(settings: Settings) -> Dict[str, List[str]]:
    """What all systems annotate: shuffled sentences, the sample's reports, long reports of real sentences."""
    paths = [path for _, path in settings.corpora]
    pool = [sentence for path in paths for sentence in texts.read_corpus(path)]
    return {
        "mixed": texts.mixed_sentences(paths, settings.n_sentences),
        "reports": texts.sample_reports(settings.n_reports),
        **{f"long_{n}": [texts.long_report(pool, n)] for n in settings.lengths},
    }


def f1_lost(settings: Settings) -> Dict[str, Any]:
    """What fewer bits cost trained pipelines on the test files whose entity types they know.

    RETURNS (Dict[str, Any]): scores: pipeline, corpus, f1, int8_f1 and so on (0 to 100) of each; most_lost: points,
        by form; empty if there is no such pipeline and file.
    """
    import spacy

    scores: List[Dict[str, Any]] = []
    for path in settings.pipelines:
        nlp = spacy.load(path)
        forms = {f"{name}_f1": form for name, form in load_forms(settings, path).items()}
        for name, file in settings.corpora:
            if labels_of(read_examples(file, nlp)) <= set(nlp.get_pipe("ssner").labels):
                f1 = {key: f1_of(x, file, settings.n_scored) for key, x in {"f1": nlp, **forms}.items()}
                scores.append({"pipeline": str(path), "corpus": name, **f1})
    names = [name for name in (*INT8, BFLOAT16) if scores and f"{name}_f1" in scores[0]]
    lost = {name: max(row["f1"] - row[f"{name}_f1"] for row in scores) for name in names}
    return {"scores": scores, "most_lost": lost}


def f1_of(nlp: Any, file: Path, n: int) -> float:
    """Strict F1 on the first n sentences of a file, 0 to 100."""
    return 100 * (nlp.evaluate(read_examples(file, nlp)[:n])["ents_f"] or 0.0)


def best_hugging_face(settings: Settings, nlp: Any, batch: Sequence[str], *, whole: bool) -> systems.System:
    """Hugging Face's pipeline with the batch size that is fastest on the first texts."""
    n_labels = 2 * len(nlp.get_pipe("ssner").labels) + 1 if nlp.has_pipe("ssner") else 13
    candidates = {
        str(size): systems.hugging_face(
            settings.encoder, nlp, n_labels=n_labels, batch_size=size, whole=whole
        )
        for size in systems.BATCH_SIZES
    }
    some = batch[:WARM_UP] if len(batch) > 1 else [batch[0][:10_000]]
    jobs = {size: lambda system=system: system.run(some) for size, system in candidates.items()}
    times = time_in_turns(jobs, n_repeats=1)
    return candidates[min(times, key=lambda size: times[size])]


def compare(
    found: Sequence[systems.System], batch: Sequence[str], words: int, n_repeats: int
) -> Dict[str, Any]:
    """Time systems on one text set, in turns; each has seen a part of it before, and forgotten its words."""
    some = batch[:WARM_UP] if len(batch) > 1 else [batch[0][:20_000]]
    memory = {system.name: memory_of(lambda system=system: system.run(some)).above for system in found}

    def forget() -> None:
        for system in found:
            system.forget()

    jobs = {system.name: lambda system=system: system.run(batch) for system in found}
    times = time_in_turns(jobs, n_repeats=n_repeats, warm_up=False, before=forget)
    rows = {
        name: {
            "words_per_second": words / median(seconds),
            "seconds": seconds,
            "peak_mb": memory[name],
        }
        for name, seconds in times.items()
    }
    return {"systems": rows, "ratios": ratios(times)}


def ratios(times: Dict[str, List[float]]) -> Dict[str, float]:
    """How many times as fast ours are as each other system, by the medians over the repeats."""
    ours = {"ssner": "over_", **{f"ssner_{name}": f"{name}_over_" for name in (*INT8, BFLOAT16)}}
    return {
        prefix + other: median_ratio(seconds, times[name])
        for name, prefix in ours.items()
        if name in times
        for other, seconds in times.items()
        if other != name
    }


def tables(found: Dict[str, Any]) -> List[Table]:
    """One table per text set."""
    result = []
    for name, part in found.items():
        if not isinstance(part, dict) or "systems" not in part:
            continue
        base = part["systems"]["ssner"]["words_per_second"]
        rows = [
            [system, row["words_per_second"], base / row["words_per_second"], row["peak_mb"]]
            for system, row in part["systems"].items()
        ]
        title = f"Inference, {name}: {part['texts']:,} text(s), {part['words']:,} words"
        result.append(
            Table(title, ("system", "words/s", "ssner is x times as fast", "MB above loaded"), rows)
        )
    scores = found.get("form_f1", {}).get("scores", [])
    columns = tuple(scores[0]) if scores else ()
    return [*result, Table("F1 in float32 and fewer bits", columns, [list(row.values()) for row in scores])]
