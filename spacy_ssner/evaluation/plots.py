"""Pictures of scores, as PNG. matplotlib is imported inside, and without its global state."""

from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Sequence, Tuple

from ..errors import Errors
from ..files import write_bytes
from ..labels import OUTSIDE
from .significance import Spread
from .subsets import LONGEST

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 120
COLOUR, SECOND = "#3b6ea5", "#c8792b"  # apart for colour-blind readers too
LENGTHS = (*(f"length_{n}" for n in range(1, LONGEST)), f"length_{LONGEST}+")


def require_matplotlib() -> None:
    """RAISES (ImportError): S299 if matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(Errors.S299) from error


def plot_evaluation(results: Mapping[str, Any], path: Path) -> None:
    """Draw what `evaluate` found: F1 per type and length, kinds of mistakes, confusion between types.

    results (Mapping[str, Any]): As from `summarize`. path (Path): The PNG file; its folder is created.
    RAISES (ImportError): S299 without matplotlib.
    """
    figure = _figure(13, 10)
    grid = figure.subplots(2, 2)
    types = sorted(results["per_type"].items(), key=lambda item: item[1]["support"])
    names = [f"{name} ({row['support']})" for name, row in types]
    draw_bars(grid[0, 0], names, [100 * row["f1"] for _, row in types], title="F1 per type (mentions)")
    rows = {name[7:]: results["subsets"][name]["micro"] for name in LENGTHS}
    names = [f"{name} ({row['support']})" for name, row in rows.items()]
    values = [100 * row["f1"] for row in rows.values()]
    draw_bars(grid[0, 1], names, values, title="F1 by length in tokens (mentions)")
    counts = results["mistakes"]
    draw_bars(grid[1, 0], list(counts), list(counts.values()), title="Mistakes", label="count")
    draw_confusion(grid[1, 1], results["confusion"])
    _save(figure, path)


def plot_variants(
    rows: Mapping[str, Spread], path: Path, *, title: str, lines: Optional[Mapping[str, float]] = None
) -> None:
    """Draw a bar per variant with its spread over seeds.

    rows (Mapping[str, Spread]): F1 in percent by variant, in order from top to bottom.
    lines (Optional[Mapping[str, float]]): F1 in percent to draw as named vertical lines, e.g. of the look-up baseline.
    RAISES (ImportError): S299 without matplotlib.
    """
    figure = _figure(9, 1.5 + 0.4 * len(rows))
    axes = figure.subplots()
    names = [f"{name} ({row.n} seed{'s' * (row.n > 1)})" for name, row in rows.items()][::-1]
    values = [row.mean for row in rows.values()][::-1]
    errors = [0.0 if row.n < 2 else row.sd for row in rows.values()][::-1]
    draw_bars(axes, names, values, title=title, errors=errors)
    for name, value in (lines or {}).items():
        axes.axvline(value, color=SECOND, linestyle="--", label=f"{name} {value:.1f}")
    if lines:
        axes.legend(loc="lower left", fontsize=8)
    _save(figure, path)


def plot_curves(curves: Mapping[str, Mapping[str, Spread]], path: Path, *, title: str, label: str) -> None:
    """Draw a line per variant over named points, with its spread over seeds.

    curves (Mapping[str, Mapping[str, Spread]]): By variant, then by point in order, F1 in percent. A curve may leave
        points of the first one out.
    label (str): What the points are.
    RAISES (ImportError): S299 without matplotlib.
    """
    figure = _figure(8, 5)
    axes = figure.subplots()
    places = {point: i for i, point in enumerate(dict.fromkeys(chain.from_iterable(curves.values())))}
    for name, points in curves.items():
        errors = [0.0 if row.n < 2 else row.sd for row in points.values()]
        means = [row.mean for row in points.values()]
        axes.errorbar([places[x] for x in points], means, yerr=errors, marker="o", capsize=3, label=name)
    axes.set_xticks(list(places.values()), list(places))
    axes.set(title=title, xlabel=label, ylabel="F1, strict, in percent")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    _save(figure, path)


def plot_reliability(splits: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Draw precision against score, before and after calibration, a panel for each set of data.

    splits (Mapping[str, Mapping[str, Any]]): By name, {"before": ..., "after": ...} as from
        `calibration.calibration_figures`. Points are bins of equal mass; a calibrated model lies on the diagonal.
    RAISES (ImportError): S299 without matplotlib.
    """
    figure = _figure(5.5 * len(splits), 5)
    panels = figure.subplots(1, len(splits), squeeze=False)[0]
    for axes, (name, figures) in zip(panels, splits.items()):
        axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="calibrated")
        for when, colour, marker in (("before", SECOND, "s"), ("after", COLOUR, "o")):
            bins = figures[when]["bins_equal_mass"]
            x, y = [b["score"] for b in bins], [b["precision"] for b in bins]
            label = f"{when}, ECE {figures[when]['ece']:.3f}"
            axes.plot(x, y, color=colour, marker=marker, label=label)
        axes.set(
            title=name, xlabel="mean score", ylabel="share that is right", xlim=(0, 1.02), ylim=(0, 1.02)
        )
        axes.legend(loc="upper left", fontsize=8)
        axes.grid(alpha=0.3)
    _save(figure, path)


def draw_bars(
    axes: "Axes",
    names: Sequence[str],
    values: Sequence[float],
    *,
    title: str,
    errors: Sequence[float] = (),
    label: str = "F1, strict, in percent",
) -> None:
    """Horizontal bars with their values, the first at the bottom."""
    bars = axes.barh(range(len(names)), values, xerr=list(errors) or None, color=COLOUR, capsize=3)
    axes.bar_label(
        bars, [str(v) if isinstance(v, int) else f"{v:.1f}" for v in values], padding=6, fontsize=8
    )
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.margins(x=0.12)
    axes.set(title=title, xlabel=label)


def draw_confusion(axes: "Axes", confusion: Mapping[str, Mapping[str, int]]) -> None:
    """Gold types against predicted types, shaded by share of the row; "O" is no entity."""
    labels, shares = confusion_shares(confusion)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=8)
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    for y, row in enumerate(labels):
        for x, column in enumerate(labels):
            count = confusion.get(row, {}).get(column, 0)
            if count:
                colour = "white" if shares[y][x] > 0.6 else "black"
                axes.text(x, y, str(count), ha="center", va="center", fontsize=7, color=colour)
    axes.set(title="Confusion of types", xlabel="predicted", ylabel="gold")


def confusion_shares(
    confusion: Mapping[str, Mapping[str, int]],
) -> Tuple[Sequence[str], Sequence[Sequence[float]]]:
    """Labels ("O" last) and the share of each cell in its row, from 0 to 1, in that order."""
    found = set(confusion) | {column for row in confusion.values() for column in row}
    labels = [*sorted(found - {OUTSIDE}), OUTSIDE]
    rows: Dict[str, Mapping[str, int]] = {label: confusion.get(label, {}) for label in labels}
    totals = {label: sum(row.values()) or 1 for label, row in rows.items()}
    return labels, [[rows[y].get(x, 0) / totals[y] for x in labels] for y in labels]


def _figure(width: float, height: float) -> "Figure":
    require_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: "Figure", path: Path) -> None:
    picture = BytesIO()
    figure.savefig(picture, dpi=DPI, format="png")
    write_bytes(path, picture.getvalue())
