"""`python -m spacy ssner benchmark`: how fast a pipeline is on your texts, what it takes, and how fast it could be."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Dict, List, Optional, Sequence, Tuple

import typer

from ..errors import Errors
from ._app import ssner_app
from ._io import (
    STDIN,
    check_outputs,
    load_pipeline,
    plain_errors,
    print_table,
    read_stdin,
    save_figures,
    use_gpu,
)

if TYPE_CHECKING:
    from spacy.language import Language

Opt = typer.Option
TEXTS_HELP = (
    "Text, .html or .pdf files, .jsonl (field text), .spacy files or folders of them, or - for standard input"
)
INT8_HELP = "Also time the pipeline with its encoder in int8, if it has an HFEncoder (CPU only)"
BFLOAT16_HELP = "Also time it in bfloat16, if it has an HFEncoder and this device is faster so"
LIMIT_HELP = "Also time the bare encoder on the same pieces, if the pipeline has one HFEncoder"


@dataclass(frozen=True)
class BenchmarkSettings:
    """The command line. Paths as given."""

    pipeline: str
    texts: Tuple[str, ...]
    batch_size: Optional[int] = None
    repeats: int = 5
    int8: bool = True
    bfloat16: bool = True
    limit: bool = True
    threads: Optional[int] = None
    max_length: Optional[int] = None
    gpu_id: int = -1


@ssner_app.command("benchmark")
def benchmark_cli(
    pipeline: Annotated[str, typer.Argument(help="Saved pipeline (folder) or pipeline package")],
    texts: Annotated[List[str], typer.Argument(help=TEXTS_HELP)],
    batch_size: Annotated[Optional[int], Opt("--batch-size", "-b", min=1, help="Texts per batch")] = None,
    repeats: Annotated[int, Opt("--repeats", "-r", min=1, help="Timed runs over all texts")] = 5,
    int8: Annotated[bool, Opt("--int8/--no-int8", help=INT8_HELP)] = True,
    bfloat16: Annotated[bool, Opt("--bfloat16/--no-bfloat16", help=BFLOAT16_HELP)] = True,
    limit: Annotated[bool, Opt("--limit/--no-limit", help=LIMIT_HELP)] = True,
    threads: Annotated[Optional[int], Opt("--threads", "-t", min=1, help="Threads of torch")] = None,
    max_length: Annotated[
        Optional[int], Opt("--max-length", min=1, help="Longest text in characters")
    ] = None,
    output: Annotated[
        Optional[Path], Opt("--output", "-o", dir_okay=False, help="JSON file for all figures")
    ] = None,
    gpu_id: Annotated[int, Opt("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
) -> None:
    """Time a pipeline on texts: words per second, share of the encoder, peak memory.

    Everything counts, from the string to the Doc. Close other programs: the runs take turns, but a busy machine
    still blurs them.
    """
    settings = BenchmarkSettings(
        pipeline, tuple(texts), batch_size, repeats, int8, bfloat16, limit, threads, max_length, gpu_id
    )
    with plain_errors():
        check_outputs([output], texts)
        results = benchmark(settings)
    print_speed(results)
    save_figures(results, output)


def benchmark(settings: BenchmarkSettings) -> Dict[str, Any]:
    """Time a pipeline on texts.

    RETURNS (Dict[str, Any]): What --output writes: see evaluation.speed.measure_speed; int8_layers (quantised
        linear layers), threads, settings, versions.
    RAISES (ValueError): S270, S276 for a pipeline or GPU that cannot be used; S246, S272-S274, S280, S288 for texts,
        S278 for one that is too long. (ImportError): S245 for a page without what reads it. WARNS: SW270 for a text
        that is not valid UTF-8.
    """
    import torch
    from tqdm import tqdm

    from ..evaluation.results import installed_versions
    from ..evaluation.speed import measure_speed, n_runs

    texts = [text for name in settings.texts for text in read_input(name)]
    use_gpu(settings.gpu_id)
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    nlp = load_pipeline(settings.pipeline)
    check_length(nlp, texts, max_length=settings.max_length)
    forms, n_layers = load_forms(settings, nlp)
    sizes: Dict[str, Any] = {"limit": settings.limit, "n_repeats": settings.repeats}
    total = n_runs(nlp, n_forms=len(forms), **sizes)
    with tqdm(total=total, desc="runs", leave=False, disable=None) as bar:
        found = measure_speed(
            nlp, texts, forms=forms, batch_size=settings.batch_size, on_run=bar.update, **sizes
        )
    facts = {"int8_layers": n_layers, "threads": torch.get_num_threads(), "settings": asdict(settings)}
    return {**found, **facts, "versions": installed_versions()}


def read_input(name: str) -> List[str]:
    """Texts of a file, or all of standard input as one. RAISES (ValueError): S272-S274, S280, S288.

    Errors and warnings of pages (.html, .pdf) as text.documents.read_document.
    """
    from ..evaluation.texts import read_texts

    if name != STDIN:
        return read_texts(Path(name))
    text = read_stdin()
    if not text.strip():
        raise ValueError(Errors.S272.format(path="standard input"))
    return [text]


def check_length(nlp: "Language", texts: Sequence[str], *, max_length: Optional[int]) -> None:
    """Set nlp.max_length if it is given. RAISES (ValueError): S278 for a longer text."""
    nlp.max_length = nlp.max_length if max_length is None else max_length
    longest = max(map(len, texts))
    if longest > nlp.max_length:
        raise ValueError(Errors.S278.format(name="the longest text", length=longest, limit=nlp.max_length))


def load_forms(settings: BenchmarkSettings, nlp: "Language") -> Tuple[Dict[str, "Language"], int]:
    """Copies of the pipeline whose encoder computes in fewer bits, as far as that is wanted and can be, and how many
    layers are in int8."""
    from ..evaluation.encoder_use import predict_in_bfloat16
    from ..evaluation.speed import BFLOAT16, INT8
    from ..layers.encoder_shim import encoder_layers
    from ..layers.pieces import encoder_of
    from ..nn.precision import computes_in_bfloat16
    from ..quantise import quantise_encoder

    forms: Dict[str, "Language"] = {}
    n_layers = 0
    encoders = [encoder_of(layer) for layer in encoder_layers(nlp)]
    if not encoders or any(encoder.is_int8 for encoder in encoders):
        return forms, n_layers
    if settings.int8 and settings.gpu_id < 0:
        forms[INT8] = load_pipeline(settings.pipeline)
        n_layers = quantise_encoder(forms[INT8])
    is_so = any(encoder.predicts_in_bfloat16 for encoder in encoders)
    if settings.bfloat16 and not is_so and computes_in_bfloat16(encoders[0].device.type):
        forms[BFLOAT16] = load_pipeline(settings.pipeline)
        predict_in_bfloat16(forms[BFLOAT16])
    for form in forms.values():
        form.max_length = nlp.max_length
    return forms, n_layers


def print_speed(results: Dict[str, Any]) -> None:
    """Print the table and what it says."""
    from wasabi import msg

    from ..evaluation.speed import FORMS

    names = {"pipeline": "pipeline", **{name: f"pipeline, {name}" for name in FORMS}, "limit": "bare encoder"}
    header = ("", "words/s", "lowest", "highest", "encoder", "MB above loaded")
    body = [_row(label, results[key]) for key, label in names.items() if results[key] is not None]
    title = f"{results['texts']:,} text(s), {results['words']:,} words, {results['threads']} thread(s)"
    print_table(title, header, body)
    ratios = results["ratios"]
    if "over_limit" in ratios:
        msg.text(f"{ratios['over_limit']:.0%} of the speed of the bare encoder on the same pieces")
    for name in FORMS:
        if f"{name}_over_pipeline" in ratios:
            msg.text(f"{name} is {ratios[f'{name}_over_pipeline']:.2f} times as fast")
    if results["loaded_mb"] is not None:
        msg.text(f"{results['loaded_mb']:,.0f} MB resident once loaded")


def _row(label: str, found: Dict[str, Any]) -> List[str]:
    rates, share, memory = found["words_per_second"], found.get("encoder_share"), found["peak_mb"]
    cells = [f"{rates[key]:,.0f}" for key in ("median", "min", "max")]
    return [
        label,
        *cells,
        "" if share is None else f"{share:.0%}",
        "" if memory is None else f"{memory:,.0f}",
    ]
