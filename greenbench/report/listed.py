"""The trials behind a report's numbers, as rows; of a large result set some of each arm."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from greenbench.report.context import Context
from greenbench.report.model import Cell, Column, Table, Trials
from greenbench.report.text import cell_text
from greenbench.report.values import Behind

MOST = 5_000
"""Rows that a page can carry and filter at once."""


def trials(context: Context) -> Trials:
    """Every counted trial with its cohort's energy and time; above `MOST` the first of each arm."""
    every = context.counted
    total = len(every)
    shown = every
    if total > MOST:
        arms = every.groupby(["study", "arm"], sort=False)
        of_each = max(1, MOST // max(1, arms.ngroups))
        shown = every[arms.cumcount() < of_each].head(MOST)
    what, unit = ("Energy", "J") if context.measured else ("CPU time", "s")
    columns = (
        Column("Trial"),
        Column("Study"),
        Column("Arm"),
        Column("Block", "count"),
        Column("Slot", "count"),
        Column("Status"),
        Column(f"{what} of its cohort ({unit})", "quantity"),
        Column("Time (s)", "quantity"),
        Column("Metrics"),
    )
    rows = tuple(_rows(context, shown))
    behind = tuple(
        Behind(study, (arm,)) for study, arm in zip(shown["study"], shown["arm"], strict=True)
    )
    notes = (
        f"{len(rows):,} of {total:,} trials, the first of each arm;"
        " `greenbench results show` lists all."
    )
    table = Table(
        title="The trials",
        columns=columns,
        rows=rows,
        notes=(notes,) if len(rows) < total else (),
        behind=behind,
    )
    return Trials(table=table, total=total)


def _rows(context: Context, shown: pd.DataFrame) -> list[tuple[Cell, ...]]:
    names = ["cohort", context.quantity, "train_s", "failed_checks"]
    known = {
        str(cohort): values
        for table in (context.cohorts, context.invalid)
        for cohort, *values in table.loc[table["cohort"].isin(shown["cohort"]), names].itertuples(
            index=False, name=None
        )
    }
    columns = ("key", "study", "mutation", "block", "slot", "status", "cohort", "metrics")
    rows: list[tuple[Cell, ...]] = []
    for trial in shown[list(columns)].itertuples(index=False, name=None):
        key, study, mutation, block, slot, status, cohort, metrics = trial
        quantity, train_s, failed = known.get(str(cohort), (None, None, ""))
        word = f"{status}, measurement failed: {failed}" if failed else str(status)
        cells = (str(key), str(study), str(mutation) or "original", int(block), int(slot), word)
        rows.append((*cells, _number(quantity), _number(train_s), _metrics(metrics)))
    return rows


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _metrics(found: dict[str, float]) -> str:
    return ", ".join(f"{name} {_shown(value)}" for name, value in sorted(found.items()))


def _shown(value: float) -> str:
    if math.isnan(value):
        return "not a number"
    return f"{value:.6g}" if math.isfinite(value) else cell_text(value, "quantity")
