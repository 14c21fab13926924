"""How long starting takes: the import, loading a pipeline, a blank pipeline with the plugin and without."""

import json
import subprocess
import sys
from statistics import median
from typing import Any, Dict, List

from timing import median_ratio

from . import texts
from .pipelines import ssner_path
from .printing import Table
from .settings import Settings

HIDDEN = "spacy-ssner"
NOTHING = "no-such-distribution"
# Hides the entry points of one distribution, as if it were not installed. Both sides run it, so it costs both alike.
PREAMBLE = """
import importlib.metadata as metadata, json, sys, time
real = metadata.Distribution.discover.__func__
def discover(cls, **names):
    return (d for d in real(cls, **names) if (d.metadata["Name"] or "").lower().replace("_", "-") != sys.argv[1])
metadata.Distribution.discover = classmethod(discover)
start = time.perf_counter()
"""
BLANK = """
import spacy
imported = time.perf_counter()
spacy.blank("en")
first = time.perf_counter()
spacy.blank("en")
second = time.perf_counter()
print(json.dumps({"import": imported - start, "first": first - imported, "again": second - first,
    "total": first - start, "loaded": "spacy_ssner.factory" in sys.modules}))
"""
IMPORT = """
import spacy_ssner
print(json.dumps({"total": time.perf_counter() - start}))
"""
LOAD = """
import spacy
imported = time.perf_counter()
spacy.load(sys.argv[2])
print(json.dumps({"total": time.perf_counter() - imported}))
"""


def measure(settings: Settings) -> Dict[str, Any]:
    """Seconds of each, medians over fresh processes in turns.

    RETURNS (Dict[str, Any]): import_ssner, load (after `import spacy`); blank: ratio (with the plugin over
        without, import of spacy included), ratio_of_call (the first spacy.blank alone), with and without (seconds).
    RAISES (ValueError): If hiding the plugin did not work.
    """
    sentences = [s for _, path in settings.corpora for s in texts.read_corpus(path)]
    path = str(ssner_path(settings, sentences))
    n = settings.n_repeats + 2
    with_plugin: List[Dict[str, Any]] = []
    without: List[Dict[str, Any]] = []
    run_fresh(BLANK, NOTHING)  # files come from the disk the first time
    for i in range(n):
        sides = [(with_plugin, NOTHING), (without, HIDDEN)]
        for found, hidden in sides if i % 2 else sides[::-1]:
            found.append(run_fresh(BLANK, hidden))
    if not all(run["loaded"] for run in with_plugin) or any(run["loaded"] for run in without):
        raise ValueError("Expected the plugin in one kind of process and not in the other.")
    imports = [run_fresh(IMPORT, NOTHING)["total"] for _ in range(settings.n_repeats)]
    loads = [run_fresh(LOAD, NOTHING, path)["total"] for _ in range(settings.n_repeats)]
    return {
        "import_ssner": median(imports),
        "load": median(loads),
        "blank": {
            "ratio": ratio(with_plugin, without, "total"),
            "ratio_of_call": ratio(with_plugin, without, "first"),
            "ratio_of_next_call": ratio(with_plugin, without, "again"),
            "with": {key: median(run[key] for run in with_plugin) for key in ("import", "first", "again")},
            "without": {key: median(run[key] for run in without) for key in ("import", "first", "again")},
        },
    }


def ratio(left: List[Dict[str, Any]], right: List[Dict[str, Any]], key: str) -> float:
    return median_ratio([run[key] for run in left], [run[key] for run in right])


def run_fresh(script: str, *args: str) -> Dict[str, Any]:
    """What a script prints as JSON, run in a fresh Python. RAISES (RuntimeError): If it fails."""
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + script, *args], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def tables(found: Dict[str, Any]) -> List[Table]:
    blank = found["blank"]
    rows = [["import spacy_ssner", found["import_ssner"]], ["spacy.load(pipeline)", found["load"]]]
    for side in ("with", "without"):
        rows += [[f"{what}, {side} the plugin", blank[side][key]] for what, key in CALLS]
    rows += [["import and spacy.blank, with / without", blank["ratio"]]]
    rows += [["first spacy.blank alone, with / without", blank["ratio_of_call"]]]
    return [Table("Start", ("", "seconds or ratio"), rows)]


CALLS = (("import spacy", "import"), ('first spacy.blank("en")', "first"), ("next one", "again"))
