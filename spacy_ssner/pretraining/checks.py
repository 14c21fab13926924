"""One way to refuse a setting that is out of range."""

from typing import Any, Dict, Tuple


def check_values(settings: Any, checks: Dict[str, Tuple[bool, str]], message: str) -> None:
    """See that all settings are as expected.

    settings (Any): Their object. checks (Dict[str, Tuple[bool, str]]): Of a setting, whether it is good, and what it
        should be. message (str): Of errors.Errors, with fields for name, expected and got.
    RAISES (ValueError): The message, for the first that is not.
    """
    for name, (is_good, expected) in checks.items():
        if not is_good:
            raise ValueError(message.format(name=name, expected=expected, got=getattr(settings, name)))
