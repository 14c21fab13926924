"""A grid of experiments: which variants are trained on which data with which seeds. Read from YAML or JSON."""

import itertools
import re
import shlex
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import AbstractSet, Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from ..errors import Errors

GRID_KEYS = {"config", "options", "seeds", "paths", "data", "variants", "sweeps"}
DATA_KEYS = {"train", "dev", "tests", "total_steps", "epochs", "paths"}
VARIANT_KEYS = {"config", "options", "total_steps", "epochs", "paths", "pipeline"}
SCHEDULE = {"total_steps": "training.optimizer.learn_rate.total_steps", "epochs": "training.max_epochs"}
PICTURES = ("variants", "length")  # of every data set, beside those of the sweeps
Schedule = Mapping[str, Optional[int]]  # some of SCHEDULE; None leaves the config's own value
TAKEN = {"dev", "train", "variant", "pipeline"}  # what runs.py calls a run's other files and commands


@dataclass(frozen=True)
class DataSet:
    """Files of one data set.

    tests (Mapping[str, str]): .spacy files by name. schedule (Schedule): Length of a training on it.
    paths (Mapping[str, str]): Values of the config's [paths] other than train and dev.
    """

    name: str
    train: str
    dev: str
    tests: Mapping[str, str]
    schedule: Schedule = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)

    @property
    def splits(self) -> Dict[str, str]:
        """What is evaluated: dev, then the test files."""
        return {"dev": self.dev, **self.tests}


@dataclass(frozen=True)
class Variant:
    """What is trained: a config with options of `ssner variant`; schedule and paths go before the data set's.

    pipeline (str): If not empty, this pipeline is evaluated instead, and nothing is trained.
    """

    name: str
    config: str
    options: Tuple[str, ...] = ()
    schedule: Schedule = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    pipeline: str = ""


@dataclass(frozen=True)
class Run:
    """One training and its evaluation."""

    data: DataSet
    variant: Variant
    seed: int

    @property
    def name(self) -> str:
        return f"{self.data.name}.{self.variant.name}.{self.seed}"

    @property
    def options(self) -> Tuple[str, ...]:
        """Options of `ssner variant`; where two set the same value, the last one stands."""
        schedule = {**self.data.schedule, **self.variant.schedule}
        changes = [f"{SCHEDULE[key]}={number}" for key, number in schedule.items() if number is not None]
        return (*(word for change in changes for word in ("--set", change)), *self.variant.options)

    def fill(self, text: str) -> str:
        """Put the data set's name and training file in place of {data} and {train}."""
        return text.replace("{data}", self.data.name).replace("{train}", self.data.train)

    @property
    def paths(self) -> Dict[str, str]:
        return {k: self.fill(v) for k, v in {**self.data.paths, **self.variant.paths}.items()}


@dataclass(frozen=True)
class Sweep:
    """One setting at several values, for a plot.

    title (str): What is varied. curves (Mapping[str, Mapping[str, str]]): By name of the curve, then by value in
        order, the variant that has it.
    """

    title: str
    curves: Mapping[str, Mapping[str, str]]

    @property
    def slug(self) -> str:
        """The title as part of a file name."""
        return "-".join(re.findall(r"[a-z0-9]+", self.title.lower()))


@dataclass(frozen=True)
class Grid:
    """What a grid file says: every variant on every data set with every seed, and what is drawn of it."""

    data: Tuple[DataSet, ...]
    variants: Tuple[Variant, ...]
    seeds: Tuple[int, ...]
    sweeps: Tuple[Sweep, ...] = ()


def read_grid(path: Path) -> Grid:
    """Read a grid file (YAML or JSON). Paths in it are relative to the working directory.

    RAISES (ValueError): S292 for what is not a grid, S294 if there is no such file.
    """
    import srsly

    if not path.is_file():
        raise ValueError(Errors.S294.format(path=path, what="the grid"))
    try:
        content = srsly.yaml_loads(path.read_text(encoding="utf8"))
        return parse_grid(content)
    except Exception as error:  # the YAML parser raises a dozen kinds
        expected = "a grid with config, seeds, data and variants"
        raise ValueError(Errors.S292.format(expected=expected, path=path, got=error)) from error


def parse_grid(content: Mapping[str, Any]) -> Grid:
    """RAISES (ValueError, TypeError, KeyError): With a description of what is wrong."""
    _check_keys("grid", content, GRID_KEYS, needed=GRID_KEYS - {"options", "paths", "sweeps"})
    seeds = tuple(content["seeds"])
    if not seeds or not all(type(seed) is int for seed in seeds):
        raise TypeError(f"seeds that are not whole numbers: {list(seeds)}")
    paths = _strings("paths", content.get("paths"))
    data = [_parse_data(name, values, paths) for name, values in content["data"].items()]
    common = {"config": content["config"], "options": _parse_options(content.get("options"))}
    variants = [_parse_variant(name, values, **common) for name, values in content["variants"].items()]
    if not data or not variants:
        raise ValueError("no data or no variants")
    names = {variant.name for variant in variants}
    sweeps = [_parse_sweep(title, curves, names) for title, curves in (content.get("sweeps") or {}).items()]
    slugs = [sweep.slug for sweep in sweeps]
    pictures = Counter(f"{data_set.name}-{what}" for data_set in data for what in (*PICTURES, *slugs))
    twice = [name for name, count in pictures.items() if count > 1]
    if twice or "" in slugs:
        raise ValueError(f"sweeps and data sets whose pictures have one name, or none: {twice or sweeps}")
    return Grid(tuple(data), tuple(variants), seeds, tuple(sweeps))


def plan(
    grid: Grid, *, only: Sequence[str] = (), data: Sequence[str] = (), seeds: Sequence[int] = ()
) -> List[Run]:
    """All runs of a grid, seed by seed, so that a stopped grid has every variant before any has two seeds.

    only, data, seeds: If not empty, these variants, data sets and seeds only. A variant that trains nothing
        runs once per data set, and a seed that is given twice counts once.
    RAISES (ValueError): S293 for a variant or data set that the grid does not have.
    """
    kept_variants = _choose("--only", [v.name for v in grid.variants], only)
    kept_data = _choose("--data", [d.name for d in grid.data], data)
    chosen = tuple(dict.fromkeys(seeds or grid.seeds))
    return [
        Run(data_set, variant, seed)
        for seed, data_set, variant in itertools.product(chosen, grid.data, grid.variants)
        if variant.name in kept_variants and data_set.name in kept_data
        if not variant.pipeline or seed == chosen[0]
    ]


def _choose(what: str, names: List[str], wanted: Iterable[str]) -> List[str]:
    unknown = sorted(set(wanted) - set(names))
    if unknown:
        raise ValueError(Errors.S293.format(what=what, expected=", ".join(names), got=", ".join(unknown)))
    return [name for name in names if not wanted or name in wanted]


def _parse_data(name: str, values: Mapping[str, Any], paths: Mapping[str, str]) -> DataSet:
    where = f"data {name}"
    _check_name(name)
    _check_keys(where, values, DATA_KEYS, needed={"train", "dev"})
    tests = _strings(f"{where}: tests", values.get("tests"))
    for split in tests:
        _check_name(split)
    if TAKEN & set(tests):
        raise ValueError(f"{where}: test files called {sorted(TAKEN & set(tests))}")
    files = _strings(where, {key: values[key] for key in ("train", "dev")})
    paths = {**paths, **_strings(f"{where}: paths", values.get("paths"))}
    return DataSet(name, files["train"], files["dev"], tests, _parse_schedule(where, values), paths)


def _parse_variant(name: str, values: Any, config: str, options: Tuple[str, ...]) -> Variant:
    """config, options: Those of the grid; a variant with a config of its own has only its own options."""
    _check_name(name)
    values = {"options": values} if isinstance(values, str) else values or {}
    _check_keys(f"variant {name}", values, VARIANT_KEYS, needed=set())
    own = {k: values[k] for k in ("config", "pipeline") if k in values}
    strings = _strings(f"variant {name}", {"config": config, **own})
    return Variant(
        name=name,
        config=strings["config"],
        options=(() if "config" in own else options) + _parse_options(values.get("options")),
        schedule=_parse_schedule(f"variant {name}", values),
        paths=_strings(f"variant {name}: paths", values.get("paths")),
        pipeline=strings.get("pipeline", ""),
    )


def _parse_sweep(title: str, curves: Mapping[str, Mapping[Any, str]], known: AbstractSet[str]) -> Sweep:
    parsed = {
        str(curve): {str(value): variant for value, variant in points.items()}
        for curve, points in curves.items()
    }
    unknown = {variant for points in parsed.values() for variant in points.values()} - known
    if unknown:
        raise ValueError(f"sweep {title!r}: unknown variants {sorted(map(str, unknown))}")
    return Sweep(title, parsed)


def _parse_options(options: Union[None, str, Sequence[str]]) -> Tuple[str, ...]:
    return tuple(shlex.split(options) if isinstance(options, str) else options or ())


def _parse_schedule(where: str, values: Mapping[str, Any]) -> Schedule:
    found = {key: values[key] for key in SCHEDULE if key in values}
    if not all(number is None or type(number) is int for number in found.values()):
        raise TypeError(f"{where}: {found!r} in place of whole numbers or null")
    return found


def _check_name(name: Any) -> None:
    """Names become parts of file names, divided by dots."""
    if not isinstance(name, str) or not name or set(name) & set("./\\ "):
        raise ValueError(f"the name {name!r}; expected one without dots, slashes and spaces")


def _check_keys(where: str, values: Any, known: set, *, needed: set) -> None:
    if not isinstance(values, dict):
        raise TypeError(f"{where}: {values!r} in place of names and values")
    unknown, missing = sorted(set(values) - known), sorted(needed - set(values))
    if unknown or missing:
        raise ValueError(f"{where}: unknown {unknown}, missing {missing}; known: {sorted(known)}")


def _strings(where: str, values: Optional[Mapping[str, Any]]) -> Dict[str, str]:
    values = values or {}
    if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
        raise TypeError(f"{where}: {values!r} in place of names and strings")
    return dict(values)
