"""Settings of the component: checked when it is made, kept in its `cfg`, saved with it."""

import math
from numbers import Real
from pathlib import Path
from typing import Any, Callable, Collection, Dict, Mapping, Tuple

import numpy as np
import srsly

from .errors import Errors

ON_TRUNCATION = ("count", "warn", "raise")
SHARE = "a number from 0 to 1"  # what `is_share` is about, for messages
DEFAULTS: Dict[str, Any] = {
    "overwrite_ents": False,
    "threshold": 0.0,
    "spans_key": "ssner",
    "temperature": 1.0,
    "expected_f1": 0.0,
    "scores": True,
    "n_best": 0,
    "n_best_key": "ssner_nbest",
    "on_truncation": "count",
}
# What a component's cfg holds beside them.
NOT_SETTINGS = ("labels", "labels_given", "tag_counts", "bars_in_entities")


def check_cfg(cfg: Dict[str, Any]) -> Dict[str, Any]:
    """What a component's `cfg` holds, numpy scalars as Python's.

    RAISES (ValueError): S101 for a setting that was given a value out of range, or that there is not, since the
        component was made: its `cfg` is open to all.
    """
    unknown = sorted(set(cfg) - set(DEFAULTS) - set(NOT_SETTINGS))
    if unknown:
        expected = f"one of {', '.join(DEFAULTS)} (others if a newer spacy-ssner saved it: install that)"
        raise ValueError(Errors.S101.format(name="cfg", expected=expected, got=", ".join(unknown)))
    settings = check_settings({name: cfg[name] for name in DEFAULTS if name in cfg})
    return {**cfg, **settings}


def plain(settings: Dict[str, Any]) -> Dict[str, Any]:
    """Settings with Python scalars in the place of numpy's, such as a search for a threshold sets; JSON lacks them."""
    return {
        name: value.item() if isinstance(value, np.generic) else value for name, value in settings.items()
    }


def check_settings(settings: Dict[str, Any]) -> Dict[str, Any]:
    """All settings as plain Python values, those not given at their defaults.

    RAISES (ValueError): S101 for a value out of range. (TypeError): For a name that is none.
    """
    unknown = sorted(set(settings) - set(DEFAULTS))
    if unknown:
        raise TypeError(f"no such settings: {unknown}")
    cfg = {**DEFAULTS, **plain(settings)}
    n_best, temperature = cfg["n_best"], cfg["temperature"]
    other_key = f"a string, another key than spans_key ({cfg['spans_key']!r})"
    checks = {
        "overwrite_ents": (isinstance(cfg["overwrite_ents"], bool), "true or false"),
        "scores": (isinstance(cfg["scores"], bool), "true or false"),
        "threshold": (is_share(cfg["threshold"]), SHARE),
        "temperature": (_is_number(temperature) and 0 < temperature < math.inf, "a finite number above 0"),
        "expected_f1": (is_share(cfg["expected_f1"]), SHARE),
        "spans_key": (isinstance(cfg["spans_key"], str), "a string"),
        "n_best": (isinstance(n_best, int) and _is_number(n_best) and n_best >= 0, "0 (off) or a count"),
        "n_best_key": (
            isinstance(cfg["n_best_key"], str) and cfg["n_best_key"] != cfg["spans_key"],
            other_key,
        ),
        "on_truncation": (cfg["on_truncation"] in ON_TRUNCATION, f"one of {ON_TRUNCATION}"),
    }
    check_values(cfg, checks, Errors.S101)
    return cfg


def check_values(values: Mapping[str, Any], checks: Mapping[str, Tuple[bool, str]], message: str) -> None:
    """See that all values are as expected.

    checks (Mapping[str, Tuple[bool, str]]): Of a value, by its name, whether it is good, and what it should be.
    message (str): Of errors.Errors, with fields for name, expected and got.
    RAISES (ValueError): The message, for the first that is not.
    """
    for name, (is_good, expected) in checks.items():
        if not is_good:
            raise ValueError(message.format(name=name, expected=expected, got=values[name]))


def is_share(value: Any) -> bool:
    """Whether a setting is a number from 0 to 1."""
    return _is_number(value) and 0.0 <= value <= 1.0


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def from_file(read: Callable[[bytes], Any]) -> Callable[[Path], Any]:
    """A reader of a component's file, by one of its bytes; that gets none where there is no file."""
    return lambda path: read(path.read_bytes() if path.exists() else b"")


def check_number(name: str, value: float, *, least: float, below: float = math.inf) -> None:
    """RAISES (ValueError): S101 unless a setting is a number from `least` on, and less than `below`."""
    expected = f"at least {least:g}" + ("" if below == math.inf else f" and less than {below:g}")
    check_values({name: value}, {name: (least <= value < below, expected)}, Errors.S101)


def read_message(data: bytes, name: str, *, needed: Collection[str] = ()) -> Dict[str, Any]:
    """The parts of a component that was saved as bytes. RAISES (ValueError): S111 if it is damaged or lacks one."""
    try:
        message = srsly.msgpack_loads(data)
        if not isinstance(message, dict) or not set(needed) <= set(message):
            raise ValueError("no bytes of a component")
    except ValueError as err:
        raise ValueError(Errors.S111.format(name=name, got=err)) from err
    return message


def read_cfg(data: bytes, name: str) -> Dict[str, Any]:
    """A component's saved `cfg`. RAISES (ValueError): S111 if it is damaged."""
    try:
        return {**srsly.json_loads(data)}
    except (ValueError, TypeError) as err:
        raise ValueError(Errors.S111.format(name=name, got=f"cfg: {err}")) from err
