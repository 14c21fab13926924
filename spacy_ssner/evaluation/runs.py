"""One experiment of a grid: what it is made of, what is run for it, and all that it gave in one JSON file."""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ..errors import Errors
from ..files import checksum, write_text
from .grid import Run
from .subprocesses import run_command

SPACY = ("python", "-m", "spacy")
MakeConfig = Callable[[Path, Sequence[str]], str]
Checksums = Dict[str, str]


@dataclass(frozen=True)
class Options:
    """What does not change the result: where runs go, on which device, and whether models stay."""

    folder: Path
    gpu_id: int = -1
    threads: Optional[int] = None
    keep: bool = False


@dataclass(frozen=True)
class Prepared:
    """A run whose files are there.

    config (str): Text of its config; empty if nothing is trained.
    files (Dict[str, str]): SHA-256 of every file that it reads, by role (a hub id stands for itself).
    key (str): SHA-256 of all that determines the result: config, files, seed.
    """

    run: Run
    config: str
    files: Dict[str, str]
    key: str


def prepare(run: Run, make_config: MakeConfig, *, known: Optional[Checksums] = None) -> Prepared:
    """Make the config of a run and identify all that goes into it.

    make_config (MakeConfig): Gives the text of a config (Path) after options of `ssner variant`.
    known (Optional[Checksums]): Checksums by path, read and added to, so that a grid reads each file once.
    RAISES (ValueError): S294 for a file that is missing; what make_config raises.
    """
    known = {} if known is None else known
    config = "" if run.variant.pipeline else make_config(Path(run.variant.config), run.options)
    paths = {name: path for name, path in run.paths.items() if f"${{paths.{name}}}" in config}
    roles = {"train": run.data.train, **run.data.splits, **{f"paths.{k}": v for k, v in paths.items()}}
    pipeline = run.fill(run.variant.pipeline)
    if pipeline:
        roles["pipeline"] = pipeline
    files = {}
    for role, path in roles.items():
        if role in ("paths.encoder", "pipeline") and not Path(path).exists():
            files[role] = path  # a hub id, a package, a look-up; what is wrong fails later, with S107 or S270
            continue
        if path not in known:
            if not Path(path).exists():
                raise ValueError(Errors.S294.format(path=path, what=run.name))
            known[path] = checksum(path)
        files[role] = known[path]
    parts = {"config": config, "files": files, "seed": run.seed, "pipeline": run.variant.pipeline}
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf8")).hexdigest()
    return Prepared(run, config, files, key)


def record_path(run: Run, folder: Path) -> Path:
    """The file of a run's record."""
    return folder / f"{run.name}.json"


def is_done(prepared: Prepared, folder: Path) -> bool:
    """Whether the same run stands there already and did not fail."""
    record = read_record(record_path(prepared.run, folder))
    return record is not None and record["key"] == prepared.key and record["error"] is None


def read_record(path: Path) -> Optional[Dict[str, Any]]:
    """A record that `ablation` wrote; None where there is none, or only a broken one."""
    try:
        record = json.loads(path.read_text(encoding="utf8"))
        return record if {"key", "error"} <= set(record) else None
    except (OSError, ValueError, TypeError):
        return None


def commands(prepared: Prepared, options: Options) -> Dict[str, List[str]]:
    """The command lines of a run by name: variant, train, then one for each file that is evaluated."""
    run, folder = prepared.run, options.folder
    gpu = ["--gpu-id", str(options.gpu_id)] if options.gpu_id >= 0 else []
    lines: Dict[str, List[str]] = {}
    pipeline = run.fill(run.variant.pipeline)
    if not pipeline:
        config = str(folder / "configs" / f"{run.data.name}.{run.variant.name}.cfg")
        output = str(folder / "work" / run.name)
        used = {name: path for name, path in run.paths.items() if f"paths.{name}" in prepared.files}
        values = {"train": run.data.train, "dev": run.data.dev, **used}
        paths = [word for name, path in values.items() for word in (f"--paths.{name}", path)]
        seed = ["--system.seed", str(run.seed)]
        lines["variant"] = [*SPACY, "ssner", "variant", run.variant.config, config, *run.options]
        lines["train"] = [*SPACY, "train", config, "--output", output, *paths, *seed, *gpu]
        pipeline = f"{output}/model-best"
    for split, path in run.data.splits.items():
        lines[split] = [*SPACY, "ssner", "evaluate", pipeline, path, "--train", run.data.train, *gpu]
    return lines


def execute(prepared: Prepared, options: Options, *, stop: Optional[Event] = None) -> Dict[str, Any]:
    """Train, evaluate, write the record. Output of the commands goes to NAME.log beside it.

    stop (Optional[Event]): Once it is set the command under way is killed, and no record is written.
    RETURNS (Dict[str, Any]): The record. If a command failed, its "error" says so and "scores" may be empty.
    """
    run, folder = prepared.run, options.folder
    work, log = folder / "work" / run.name, folder / f"{run.name}.log"
    lines = commands(prepared, options)
    record = start_record(prepared, options, {name: shlex.join(words) for name, words in lines.items()})
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    log.unlink(missing_ok=True)
    try:
        for name, words in lines.items():
            if name == "variant":
                write_text(words[len(SPACY) + 3], prepared.config)
                continue
            found = work / f"{name}.json"
            more = [] if name == "train" else ["--output", str(found)]
            seconds, peak = run_command([*words, *more], log, threads=options.threads, stop=stop)
            record["seconds"][name], record["peak_mb"][name] = seconds, peak
            if name != "train":
                record["scores"][name] = json.loads(found.read_text(encoding="utf8"))
    except (ValueError, OSError) as error:
        record["error"] = str(error)
    write_text(record_path(run, folder), json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    if not options.keep:
        shutil.rmtree(work, ignore_errors=True)
    return record


def fail(run: Run, error: Exception, options: Options) -> Dict[str, Any]:
    """Record a run that could not be prepared; what it gave another time, with other files, stays."""
    record = start_record(Prepared(run, "", {}, ""), options, {})
    record["error"] = str(error)
    path = record_path(run, options.folder)
    before = read_record(path)
    if before is None or before["error"] is not None:
        write_text(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return record


def start_record(prepared: Prepared, options: Options, lines: Mapping[str, str]) -> Dict[str, Any]:
    """What is known of a run before it starts."""
    from .results import installed_versions

    run = prepared.run
    encoder = run.paths.get("encoder") if "paths.encoder" in prepared.files else None
    weights = None if encoder is None else Path(encoder, "model.safetensors")
    return {
        "data": run.data.name,
        "variant": run.variant.name,
        "seed": run.seed,
        "key": prepared.key,
        "config_sha256": hashlib.sha256(prepared.config.encode("utf8")).hexdigest(),
        "error": None,
        "commands": dict(lines),
        "commit": git_commit(),
        "versions": installed_versions(),
        "files": prepared.files,
        "encoder": encoder,
        "encoder_sha256": checksum(weights) if weights is not None and weights.is_file() else None,
        "gpu_id": options.gpu_id,
        "threads": options.threads or _threads_of_environment(),
        "seconds": {},
        "peak_mb": {},
        "scores": {},
    }


def _threads_of_environment() -> Optional[int]:
    value = os.environ.get("OMP_NUM_THREADS", "")
    return int(value) if value.isdecimal() else None


def git_commit() -> Optional[str]:
    """Commit of this package's checkout, with "+" if files differ from it; None outside a checkout."""
    here = Path(__file__).parent
    try:
        ask: Dict[str, Any] = {"cwd": here, "capture_output": True, "text": True, "check": True}
        commit = subprocess.run(["git", "rev-parse", "HEAD"], **ask).stdout.strip()
        changes = subprocess.run(["git", "status", "--porcelain", "-uno"], **ask).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+" if changes.strip() else "")
