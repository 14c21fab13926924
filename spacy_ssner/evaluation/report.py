"""Tables of a grid of runs as Markdown: scores, subsets, differences with intervals, commands."""

import shlex
from pathlib import Path
from typing import Any, Mapping, Sequence
from urllib.parse import quote

import numpy as np

from ..errors import Errors
from .grid import PICTURES, Sweep
from .grouped_runs import Record, Variants, f1_spread, group_runs, main_split, splits_of, sweep_curves
from .published_scores import PUBLISHED
from .results import ALL, unpack_counts
from .significance import Spread, paired_bootstrap
from .subsets import SUBSETS

WRITTEN = "# Grid of variants and seeds\n\nWritten by `python -m spacy ssner report "  # how each page begins
TESTED_SUBSETS = ("multi_token", "unseen_in_train", "polysemous")  # beside all entities


def render_report(
    records: Sequence[Record],
    *,
    page: Path,
    words: Sequence[str],
    references: Sequence[str],
    sweeps: Sequence[Sweep] = (),
    n_resamples: int = 10_000,
) -> str:
    """The page, without plots' files being made.

    page (Path): Where it will lie. Its pictures bear its name.
    words (Sequence[str]): What stands behind `report` on the command line.
    references (Sequence[str]): Variants that the others are compared with, on the data sets that have them.
    sweeps (Sequence[Sweep]): Plots to link to, on the data sets that have runs for them.
    """
    groups = group_runs(records)
    names = " or ".join(f"`{name}`" for name in references)
    parts = [
        f"{WRITTEN}{shlex.join(words)}`; what is changed here by hand is lost.",
        "Strict entity F1 in percent, mean ± standard deviation over seeds; words a second as the runs were made, "
        "alone or side by side.",
    ]
    if references:
        parts[1] += (
            f" Differences: mean of the variant less that of {names}, with the 95 % interval and the two-sided p of a "
            "paired bootstrap over sentences. Many comparisons are made here: of twenty without any effect, one has "
            "p < 0.05."
        )
    for data, variants in groups.items():
        main = main_split(variants)
        parts += [
            f"## {data}",
            score_table(variants),
            plot_links(page, data, variants, sweeps),
            published_table(data),
        ]
        parts += [f"By subset of the mentions, on {main}:", subset_table(variants, main)]
        for reference in references if len(variants) > 1 else ():
            if reference in variants:
                rows = difference_table(variants, reference, main, n_resamples=n_resamples)
                parts += [f"Differences to `{reference}` on {main}:", rows]
        parts += [conditions(variants), command_list(variants)]
    failed = sorted(f"{r['data']}.{r['variant']}.{r['seed']}" for r in records if r["error"] is not None)
    if failed:
        parts.append(f"Failed, and so not in the tables: {', '.join(failed)}.")
    return "\n\n".join(part for part in parts if part) + "\n"


def score_table(variants: Variants) -> str:
    """Scores on every split, size, speed and time."""
    splits = splits_of(variants)
    header = ["variant", "seeds", *splits, "parameters", "words/s", "training, minutes"]
    rows = []
    for name, records in variants.items():
        last = [record["scores"][splits[-1]] for record in records]
        speed = np.mean([s["speed"]["words_per_second"] for s in last])
        minutes = np.mean([record["seconds"].get("train", 0.0) / 60 for record in records])
        size = last[0]["pipeline"]["parameters"]
        cells = [format_spread(f1_spread(records, split)) for split in splits]
        rows.append([name, len(records), *cells, format_size(size), f"{speed:,.0f}", f"{minutes:.1f}"])
    return markdown_table(header, rows)


def subset_table(variants: Variants, split: str) -> str:
    """F1 on each subset, with its number of gold mentions in the header."""
    first = next(iter(variants.values()))[0]["scores"][split]["subsets"]
    names = [name for name in SUBSETS if name in first]
    header = ["variant", *(f"{SUBSETS[name]} ({first[name]['micro']['support']})" for name in names)]
    rows = [[v, *(format_spread(f1_spread(r, split, subset=s)) for s in names)] for v, r in variants.items()]
    return markdown_table(header, rows)


def difference_table(variants: Variants, reference: str, split: str, *, n_resamples: int) -> str:
    """Each variant less the reference, on all mentions and on some subsets."""
    first = variants[reference][0]["scores"][split]
    subsets = [ALL, *(name for name in TESTED_SUBSETS if name in first["subsets"])]
    titles = ["all mentions" if name == ALL else SUBSETS[name] for name in subsets]
    rows = []
    for name, records in variants.items():
        sums = {r["scores"][split]["data"]["sha256"] for r in [*records, *variants[reference]]}
        if name == reference:
            continue
        if len(sums) > 1:
            rows.append([name, *["other data"] * len(subsets)])
            continue
        cells = []
        for subset in subsets:
            ours, theirs = (_counts(r, split, subset) for r in (records, variants[reference]))
            d = paired_bootstrap(ours, theirs, n_resamples=n_resamples)
            low, high = 100 * d.low, 100 * d.high
            cells.append(f"{100 * d.difference:+.1f} ({low:+.1f} to {high:+.1f}), p {format_p(d.p)}")
        rows.append([name, *cells])
    return markdown_table(["variant", *titles], rows)


def published_table(data: str) -> str:
    """What others published for a data set; empty if nothing is known."""
    rows = [[p.split, f"{p.f1:.2f}", p.encoder, p.source] for p in PUBLISHED if p.data == data]
    if not rows:
        return ""
    table = markdown_table(["on", "F1, published", "encoder", "source"], rows)
    return f"Published by others, not measured here:\n\n{table}"


def plot_links(page: Path, data: str, variants: Variants, sweeps: Sequence[Sweep]) -> str:
    """The pictures that the command `report` draws of a data set."""
    links = [*zip(("Variants", "By length"), PICTURES)]
    links += [(sweep.title, sweep.slug) for sweep in sweeps if sweep_curves(variants, sweep)]
    names = [(title, picture_path(page, data, what).name) for title, what in links]
    return "\n".join(f"![{title} on {data}]({quote(name)})" for title, name in names)


def picture_path(page: Path, data: str, what: str) -> Path:
    """The file of a picture of a data set, beside the page and of its name, as other pages lie there too."""
    return page.with_name(f"{page.stem}-{data}-{what}.png")


def conditions(variants: Variants) -> str:
    """Under what the runs of a data set were made, and what is not the same for all seeds of a variant."""
    runs = [record for records in variants.values() for record in records]
    commits = sorted({str(r["commit"])[:12] + "+" * str(r["commit"]).endswith("+") for r in runs})
    encoders = sorted({f"{r['encoder']} ({str(r['encoder_sha256'])[:12]})" for r in runs if r["encoder"]})
    devices = sorted({"CPU" if r["gpu_id"] < 0 else "GPU" for r in runs})
    versions = sorted({f"torch {r['versions']['torch']}, spaCy {r['versions']['spacy']}" for r in runs})
    count = f"{len(runs)} run{'s' * (len(runs) > 1)}"
    text = f"{count}, on {' and '.join(devices)}, commit {', '.join(commits)}; {'; '.join(versions)}"
    text += f"; encoder (SHA-256) {', '.join(encoders)}." if encoders else "."
    mixed = [v for v, rs in variants.items() if len({(r["config_sha256"], str(r["files"])) for r in rs}) > 1]
    return text + (f" Configs or files differ between seeds of: {', '.join(mixed)}." if mixed else "")


def command_list(variants: Variants) -> str:
    """The commands of each variant, folded."""
    blocks = []
    for name, records in variants.items():
        seeds = ", ".join(str(record["seed"]) for record in records)
        lines = "\n".join(records[0]["commands"].values())
        blocks.append(f"# {name}: seed {records[0]['seed']} (all: {seeds})\n{lines}")
    code = "\n\n".join(blocks)
    return f"<details><summary>Commands</summary>\n\n```bash\n{code}\n```\n\n</details>"


def require_own_page(path: Path) -> None:
    """RAISES (ValueError): S298 if there is text in the file that `report` did not write."""
    text = path.read_text(encoding="utf8", errors="replace") if path.is_file() else ""
    if text and not text.startswith(WRITTEN):
        raise ValueError(Errors.S298.format(path=path, got=text.splitlines()[0][:80]))


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table with its first column to the left and the others to the right."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def format_spread(values: Spread) -> str:
    """`62.7 ± 1.0`; one value alone has no spread."""
    return f"{values.mean:.1f}" + (f" ± {values.sd:.1f}" if values.n > 1 else "")


def format_p(p: float) -> str:
    """A p-value to three places."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def format_size(n: int) -> str:
    """A number of parameters in millions."""
    return f"{n / 1e6:.2f}M"


def _counts(records: Sequence[Mapping[str, Any]], split: str, subset: str) -> np.ndarray:
    """(seeds, N, 3)."""
    return np.stack([unpack_counts(r["scores"][split]["sentence_counts"][subset]) for r in records])
