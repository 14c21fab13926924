"""Speed and memory of spacy-ssner beside its peers and the limit of the hardware, in one run.

    python benchmarks/run.py --pipeline training/cyner/model-best --output figures.json --check
    python benchmarks/run.py --only crf --only table

Takes the real corpora (SSNER_DATA, or --test and --train) for the parts inference and training, the sample corpus
where there are none. Without --pipeline
an untrained one is made, which is as fast but finds entities at random. --check exits with 1 if a bar is missed or
could not be measured. Leave the machine alone meanwhile.
"""

import argparse
import json
import os
import sys
import tempfile
import traceback
import warnings
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any, Dict, List, Optional, Sequence, Tuple

from suite.bars import check, n_failed
from suite.printing import Table, show, verdict_table
from suite.settings import QUICK, Settings, default_corpora, limit_threads

PARTS = ("inference", "crf", "table", "training", "memory", "start")


def main(argv: Optional[Sequence[str]] = None) -> int:
    """RETURNS (int): Exit code: 1 if a part failed, or with --check if a bar is not met."""
    args = parser().parse_args(argv)
    limit_threads(args.threads)
    with tempfile.TemporaryDirectory(prefix="ssner-benchmark-") as folder:
        results = run_parts(args.only or PARTS, make_settings(args, Path(folder)))
    parts = {name: found for name, found in results["parts"].items() if "error" not in found}
    verdicts = check({**dict.fromkeys(results["parts"], {}), **parts})
    show(verdict_table(verdicts))
    results["bars"] = [{"what": v.bar.what, "found": v.found, "state": v.state} for v in verdicts]
    if args.output is not None:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf8")
    failed = len(parts) < len(results["parts"]) or (args.check and n_failed(verdicts) > 0)
    return int(failed)


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = found.add_argument
    add("--only", action="append", choices=PARTS, help="this part only; may be given again")
    add("--quick", action="store_true", help="small samples, one repeat: to see that it runs")
    add("--check", action="store_true", help="exit with 1 unless all bars of these parts are met")
    add("--output", type=Path, help="JSON file for all figures")
    add("--pipeline", type=Path, action="append", default=[], help="trained SSNER; again: scored in int8 too")
    add("--spacy-pipeline", type=Path, help="trained spaCy transformer + ner (default: made)")
    add("--encoder", type=Path, help="Hugging Face folder (default: the packaged MiniLM)")
    add("--similar-words", type=Path, help="table for pipelines that are made (default: random)")
    for split in ("test", "train"):
        add(
            f"--{split}",
            action="append",
            metavar="NAME=FILE",
            help=f"{split} split (default: SSNER_DATA, else the sample)",
        )
    add("--threads", type=int, default=os.cpu_count() or 1, help="of torch, BLAS and tokenizers")
    add("--repeats", type=int, help="timed runs of each system")
    add("--lengths", type=int, nargs="*", help="words of the long reports")
    add("--max-batches", type=int, help="training: batches of an epoch that are timed")
    add("--stream-pipeline", type=Path, help="memory: pipeline of the stream (default: a CNN is made)")
    add("--stream", type=int, help="memory: documents that are streamed")
    return found


def make_settings(args: argparse.Namespace, work: Path) -> Settings:
    """The settings of a command line; the packaged encoder is brought into `work` if none is named."""
    from spacy_ssner.encoders import MINILM, export_encoder

    settings = Settings(
        encoder=args.encoder or export_encoder(MINILM, work / "encoder"),
        work=work,
        corpora=named_files(args.test) or default_corpora("test"),
        train=named_files(args.train) or default_corpora("train"),
        pipelines=tuple(args.pipeline),
        spacy_pipeline=args.spacy_pipeline,
        similar_words=args.similar_words,
        stream_pipeline=args.stream_pipeline,
        threads=args.threads,
    )
    given = {
        "n_repeats": args.repeats,
        "lengths": None if args.lengths is None else tuple(args.lengths),
        "max_batches": args.max_batches,
        "n_stream": args.stream,
    }
    changes: Dict[str, Any] = {**(QUICK if args.quick else {})}
    changes |= {name: value for name, value in given.items() if value is not None}
    return replace(settings, **changes)


def named_files(pairs: Optional[List[str]]) -> Tuple[Tuple[str, Path], ...]:
    """NAME=FILE arguments. RAISES (SystemExit): For one without a name, or whose file is not there."""
    found = []
    for pair in pairs or ():
        name, _, path = pair.partition("=")
        if not path or not Path(path).is_file():
            sys.exit(f"Expected NAME=FILE with a file that exists, got {pair!r}.")
        found.append((name, Path(path)))
    return tuple(found)


def run_parts(names: Sequence[str], settings: Settings) -> Dict[str, Any]:
    """Run parts one after the other and print their tables; one that fails does not stop the others."""
    warnings.simplefilter("ignore", FutureWarning)  # of transformers, several a model
    warnings.simplefilter("ignore", UserWarning)
    results: Dict[str, Any] = {"machine": machine(settings), "parts": {}}
    show(Table("Machine", ("", ""), [[key, str(value)] for key, value in results["machine"].items()]))
    for name in names:
        start = perf_counter()
        try:
            part = import_module(f"suite.{name}")
            found = part.measure(settings)
            for table in part.tables(found):
                show(table)
        except Exception as error:  # a whole run on an idle machine is not to be lost by one part
            traceback.print_exc()
            found = {"error": f"{type(error).__name__}: {error}"}
        results["parts"][name] = found
        print(f"{name}: {perf_counter() - start:.0f} s", flush=True)
    return results


def machine(settings: Settings) -> Dict[str, Any]:
    """What the figures depend on."""
    import torch

    from spacy_ssner.evaluation.results import installed_versions

    torch.set_num_threads(settings.threads)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    own = {"cores": os.cpu_count(), "threads": settings.threads, "load_before": load}
    return {**own, **installed_versions()}


if __name__ == "__main__":
    sys.exit(main())
