"""The table on how long all members of a cohort trained at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from greenbench.analysis.records import records
from greenbench.report.context import Context
from greenbench.report.model import Behind, Cell, Column, Table
from greenbench.report.text import number
from greenbench.report.values import number_or_none

ALL_TRAINED = (
    "Whole run: from the first start to the last end of training (beside a background: of the"
    " foreground's). All trained: the part of it in which every member trained at once."
)
WHOLE = 0.9995
"""From here on a share shows as 100 %."""
Row = Mapping[Any, Any]
Line = tuple[tuple[Cell, ...], Behind]


def overlap(context: Context) -> Table:
    """Each arm's whole run beside the part in which all trained; arms in which that was all of it
    share a row."""
    columns = [
        Column("Study"),
        Column("Arm"),
        Column("Whole run (s)", "quantity"),
        Column("all trained (s)", "quantity"),
        Column("of the run", "share"),
    ]
    units = ("s", "j") if context.measured else ("s",)
    if context.measured:
        columns += [Column("Whole run (J)", "quantity"), Column("all trained (J)", "quantity")]
    lines: list[Line] = []
    for study, rows in groupby(records(context.company.overlap), lambda row: str(row["study"])):
        lines += _lines(study, list(rows), units)
    return Table(
        title="How long all of them trained",
        columns=tuple(columns),
        rows=tuple(cells for cells, _ in lines),
        notes=(ALL_TRAINED,),
        behind=tuple(behind for _, behind in lines),
    )


def _lines(study: str, rows: Sequence[Row], units: Sequence[str]) -> Iterator[Line]:
    """One for each arm, and a last one for those in which all members trained all the time."""
    alike = [row for row in rows if (_share(row) or 0.0) >= WHOLE]
    folded = {str(row["arm"]) for row in alike} if len(alike) > 1 else set()
    for row in rows:
        if str(row["arm"]) not in folded:
            known = [number_or_none(row[name]) for unit in units for name in NAMES[unit]]
            line = (study, str(row["mutation"]) or "original", *known[:2], _share(row), *known[2:])
            yield line, Behind(study, (str(row["arm"]),))
    if folded:
        arms = "every arm" if len(folded) == len(rows) else f"the {len(folded)} others"
        spans = [_span(alike, NAMES[unit][0]) for unit in units]
        both = [cell for span in spans for cell in (span, "the same" if span else None)]
        yield (study, arms, *both[:2], 1.0, *both[2:]), Behind(study, tuple(sorted(folded)))


NAMES = {"s": ("train_s", "overlap_s"), "j": ("energy_j", "overlap_j")}
"""By unit: of the whole run, and of the part of it."""


def _share(row: Row) -> float | None:
    whole_s, all_s = number_or_none(row["train_s"]), number_or_none(row["overlap_s"])
    return all_s / whole_s if whole_s and all_s is not None else None


def _span(rows: Sequence[Row], name: str) -> str | None:
    """From the lowest to the highest; None where one is not known."""
    values = [number_or_none(row[name]) for row in rows]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    low, high = (number(end, "quantity") for end in (min(known), max(known)))
    return low if low == high else f"{low} to {high}"
