"""The section on how far to trust it: what could be detected, drift, outliers, results without them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from greenbench.analysis.health import SHOWN
from greenbench.analysis.power import POWER
from greenbench.analysis.records import records
from greenbench.analysis.verdicts import energy_verdict, noise_band
from greenbench.report.context import Context
from greenbench.report.model import Behind, Cell, Column, Interval, Section, Table
from greenbench.report.values import number_or_none

MOST_OUTLIERS = 20
DETECTED = (
    f"Detectable: the smallest saving that so many blocks call greener with a chance of"
    f" {POWER:.0%}. Blocks for this change: how many it would take in all, were the change truly as"
    " large as it came out. A dash: more than 1000."
)
DRIFTED = (
    "By least squares on the start time, apart from what the arms explain. Blocks keep drift out of"
    " the deltas; a large one says that the host was not at rest."
)
FAR = (
    "Modified z above 3.5 after arm and block are taken out. An outlier may be the truth: it stays"
    " in everything above."
)


def section(context: Context) -> Section | None:
    """Power and the host's health; None where there is nothing to say."""
    tables = [t for t in (_power(context), _drift(context), *_outliers(context)) if t is not None]
    if not tables:
        return None
    return Section(key="trust", title="How far to trust it", tables=tuple(tables))


def _power(context: Context) -> Table | None:
    if context.power.empty:
        return None
    smallest = context.stated.smallest_effect
    columns = [
        Column("Study"),
        Column("Mutant"),
        Column("Blocks", "count"),
        Column("Noise of a run", "share"),
        Column("Detectable", "share"),
        Column("Blocks for this change", "count"),
    ]
    columns += [Column(f"Blocks for {100 * smallest:g} %", "count")] if smallest else []
    names = ["noise", "detectable", "blocks_for_estimate"]
    names += ["blocks_for_smallest"] if smallest else []
    words = {
        (study, arm): energy_verdict(row, band, smallest)
        for study in context.studies()
        for band in (noise_band(context.rows(context.quantity, study)),)
        for arm, row in context.arms(context.quantity, study).items()
    }
    cells: list[tuple[Cell, ...]] = []
    for row in records(context.power):
        settled = words[str(row["study"]), str(row["arm"])] != "inconclusive"
        line: list[Cell] = [str(row["study"]), str(row["mutation"]), int(row["blocks"])]
        line += [number_or_none(row[name]) for name in names]
        if settled:
            line[5] = "settled"
        cells.append(tuple(line))
    title = "What could be detected"
    return Table(
        title=title,
        columns=tuple(columns),
        rows=tuple(cells),
        notes=(DETECTED,),
        behind=_behind(context.power),
    )


def _drift(context: Context) -> Table | None:
    if context.health.drift.empty:
        return None
    what = "energy" if context.measured else "CPU time"
    columns = (
        Column("Study"),
        Column("Runs", "count"),
        Column("Hours", "quantity"),
        Column(f"{what} per hour [95 %]", "percent"),
        Column("Over the suite", "percent"),
    )
    cells = tuple(
        (
            str(row["study"]),
            int(row["runs"]),
            float(row["hours"]),
            Interval(float(row["per_hour"]), float(row["low"]), float(row["high"])),
            float(row["over_suite"]),
        )
        for row in records(context.health.drift)
    )
    return Table(
        title="Drift over the suite",
        columns=columns,
        rows=cells,
        notes=(DRIFTED,),
        behind=tuple(Behind(str(study)) for study in context.health.drift["study"]),
    )


def _outliers(context: Context) -> list[Table]:
    found = context.health.outliers
    if found.empty:
        return []
    what, unit = ("Energy", "J") if context.measured else ("CPU time", "s")
    columns = (
        Column("Study"),
        Column("Arm"),
        Column("Block", "count"),
        Column(f"{what} ({unit})", "quantity"),
        Column("z", "change"),
    )
    worst = found.loc[found["z"].abs().sort_values(ascending=False).index].head(MOST_OUTLIERS)
    cells = tuple(
        (
            str(row["study"]),
            str(row["mutation"]) or "original",
            int(row["block"]),
            float(row["value"]),
            round(float(row["z"]), 1),
        )
        for row in records(worst)
    )
    rest = len(found) - len(cells)
    notes = (FAR, *((f"… and {rest} more.",) if rest else ()))
    pairs = zip(worst["study"], worst["arm"], strict=True)
    traced = tuple(Behind(str(study), (str(arm),)) for study, arm in pairs)
    table = Table(title="Outliers", columns=columns, rows=cells, notes=notes, behind=traced)
    return [table, _without(context)]


def _without(context: Context) -> Table:
    """The main results once more, without the outliers."""
    what = "energy" if context.measured else "CPU time"
    columns = [
        Column("Study"),
        Column("Mutant"),
        Column(f"Δ {what}, all [95 %]", "percent"),
        Column("without [95 %]", "percent"),
    ]
    columns += [Column("Verdict, all"), Column("without")] if context.measured else []
    cells: list[tuple[Cell, ...]] = []
    for study, rows in context.health.without.groupby("study", sort=False):
        both = [_side(rows, ending) for ending in ("", "_without")]
        bands = [noise_band(side) for side in both]
        lines = zip(*(records(side) for side in both), strict=True)
        for row, sides in zip(records(rows), lines, strict=True):
            line: list[Cell] = [str(study), str(row["mutation"])]
            line += [_interval(side) for side in sides]
            if context.measured:
                line += [
                    "" if row["null"] else _word(context, side, band)
                    for side, band in zip(sides, bands, strict=True)
                ]
            cells.append(tuple(line))
    return Table(
        title="The main results without the outliers",
        columns=tuple(columns),
        rows=tuple(cells),
        behind=_behind(context.health.without),
    )


def _behind(rows: pd.DataFrame) -> tuple[Behind, ...]:
    """What rows of deltas rest on: their arms and the originals."""
    pairs = zip(rows["study"], rows["arm"], strict=True)
    return tuple(Behind.of_delta(str(study), str(arm)) for study, arm in pairs)


def _side(rows: pd.DataFrame, ending: str) -> pd.DataFrame:
    known = {name: rows[f"{name}{ending}"].astype(float) for name in SHOWN}
    return pd.DataFrame(known | {"null": rows["null"]})


def _word(context: Context, side: Mapping[Any, Any], band: float | None) -> str:
    if pd.isna(side["estimate"]):
        return "gone"
    return energy_verdict(side, band, context.stated.smallest_effect)


def _interval(side: Mapping[Any, Any]) -> Interval | None:
    return Interval.of(side["estimate"], side["low"], side["high"])
