"""The table of messages: all are used, and what the code and its docstrings name is there."""

import re
from pathlib import Path

import spacy_ssner
from spacy_ssner.errors import Errors, Warnings

ROOT = Path(spacy_ssner.__file__).parent
CODES = {name for table in (Errors, Warnings) for name in vars(table) if not name.startswith("_")}
SOURCES = [path.read_text(encoding="utf8") for path in ROOT.rglob("*.py") if path.name != "errors.py"]


def test_every_message_is_used():
    used = {code for text in SOURCES for code in re.findall(r"\b(?:Errors|Warnings)\.(SW?\d{3})\b", text)}
    assert used == CODES


def test_every_code_that_is_named_is_there():
    named = {code for text in SOURCES for code in re.findall(r"\bSW?[123]\d{2}\b", text)}
    assert named <= CODES
