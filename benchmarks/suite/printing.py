"""Tables of figures on standard output."""

from typing import Any, List, NamedTuple, Optional, Sequence

from .bars import Verdict


class Table(NamedTuple):
    """A title, the names of the columns and rows of cells: text, numbers, None for what is unknown."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]


def show(table: Table) -> None:
    """Print a table, numbers to the right."""
    from wasabi import msg

    if not table.rows:
        return
    columns = list(zip(*table.rows))
    aligns = ["r" if any(isinstance(cell, (int, float)) for cell in column) else "l" for column in columns]
    body = [[cell_text(cell) for cell in row] for row in table.rows]
    msg.table(body, header=table.header, aligns=aligns, divider=True, title=table.title, max_col=60)


def cell_text(cell: Any) -> str:
    """Numbers with about three digits that count; whole ones as they are.

    >>> [cell_text(x) for x in (1234567, 1234.5, 12.345, 0.01234, None, "a")]
    ['1,234,567', '1,234', '12.3', '0.012', '-', 'a']
    """
    if cell is None:
        return "-"
    if isinstance(cell, bool) or not isinstance(cell, (int, float)):
        return str(cell)
    if isinstance(cell, int) or abs(cell) >= 100:
        return f"{cell:,.0f}"
    return f"{cell:.1f}" if abs(cell) >= 10 else f"{cell:.2f}" if abs(cell) >= 1 else f"{cell:.3f}"


def verdict_table(verdicts: Sequence[Verdict]) -> Table:
    """The bars and what was found."""
    rows: List[List[Any]] = []
    for v in verdicts:
        aim: Optional[str] = None if v.bar.aim is None else cell_text(v.bar.aim)
        rows.append([v.bar.what, v.found, f"{v.bar.way} {v.bar.bar:g}", aim, v.state])
    return Table("Bars", ("what", "found", "bar", "aim", ""), rows)
