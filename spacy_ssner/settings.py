"""Settings of the component: checked when it is made, kept in its `cfg`, saved with it."""

import math
from numbers import Real
from typing import Any, Collection, Dict, Tuple

import numpy as np
import srsly

from .errors import Errors

ON_TRUNCATION = ("count", "warn", "raise")
DEFAULTS: Dict[str, Any] = {
    "overwrite_ents": False,
    "threshold": 0.0,
    "spans_key": "ssner",
    "temperature": 1.0,
    "scores": True,
    "n_best": 0,
    "n_best_key": "ssner_nbest",
    "on_truncation": "count",
}
KINDS: Dict[str, Tuple[type, str]] = {
    "overwrite_ents": (bool, "true or false"),
    "scores": (bool, "true or false"),
    "threshold": (Real, "a number from 0 to 1"),
    "temperature": (Real, "a finite number above 0"),
    "spans_key": (str, "a string"),
    "n_best_key": (str, "a string"),
}
NOT_SETTINGS = ("labels", "labels_given", "tag_counts")  # what a component's cfg holds beside them


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
    threshold, temperature, n_best = cfg["threshold"], cfg["temperature"], cfg["n_best"]
    for name, (kind, expected) in KINDS.items():
        if not isinstance(cfg[name], kind) or (kind is Real and isinstance(cfg[name], bool)):
            raise ValueError(Errors.S101.format(name=name, expected=expected, got=repr(cfg[name])))
    check_share("threshold", threshold)
    if not (temperature > 0.0 and math.isfinite(temperature)):
        expected = KINDS["temperature"][1]
        raise ValueError(Errors.S101.format(name="temperature", expected=expected, got=temperature))
    if not isinstance(n_best, int) or isinstance(n_best, bool) or n_best < 0:
        raise ValueError(Errors.S101.format(name="n_best", expected="0 (off) or a count", got=n_best))
    if cfg["n_best_key"] == cfg["spans_key"]:
        expected = f"another key than spans_key ({cfg['spans_key']!r})"
        raise ValueError(Errors.S101.format(name="n_best_key", expected=expected, got=cfg["n_best_key"]))
    if cfg["on_truncation"] not in ON_TRUNCATION:
        expected = f"one of {ON_TRUNCATION}"
        raise ValueError(
            Errors.S101.format(name="on_truncation", expected=expected, got=cfg["on_truncation"])
        )
    return cfg


def check_share(name: str, value: float) -> None:
    """RAISES (ValueError): S101 unless a setting is a number from 0 to 1."""
    if not isinstance(value, Real) or isinstance(value, bool) or not 0.0 <= value <= 1.0:
        raise ValueError(Errors.S101.format(name=name, expected="from 0 to 1", got=value))


def check_number(name: str, value: float, *, least: float, below: float = math.inf) -> None:
    """RAISES (ValueError): S101 unless a setting is a number from `least` on, and less than `below`."""
    if not least <= value < below:
        expected = (
            f"at least {least:g}" if below == math.inf else f"at least {least:g} and less than {below:g}"
        )
        raise ValueError(Errors.S101.format(name=name, expected=expected, got=value))


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
