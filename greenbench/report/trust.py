"""The section on how far to trust it: what could be detected, drift, outliers, other choices of runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from greenbench.analysis.health import SHOWN
from greenbench.analysis.power import POWER
from greenbench.analysis.records import records
from greenbench.analysis.verdicts import energy_verdict, noise_band
from greenbench.report.context import Context, Words
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
ABSENT = "not there"
SAME = "no estimate leaves the interval of the other."
SAME_VERDICTS = f"no verdict changes, and {SAME}"
FAR = (
    "Modified z above 3.5 after arm and block are taken out. An outlier may be the truth: it stays"
    " in everything above."
)


def section(context: Context) -> Section | None:
    """Power, the host's health, and what hangs on single runs; None where there is nothing to say."""
    points: list[str] = []
    tables = [t for t in (_power(context), _drift(context), _outliers(context)) if t is not None]
    for choice in _choices(context):
        changed = _changed(context, choice)
        tables += [changed] if changed.rows else []
        same = SAME_VERDICTS if context.measured else SAME
        points += [] if changed.rows else [f"{choice.said}: {same}"]
    if not tables and not points:
        return None
    return Section(
        key="trust", title="How far to trust it", points=tuple(points), tables=tuple(tables)
    )


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


def _outliers(context: Context) -> Table | None:
    found = context.health.outliers
    if found.empty:
        return None
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
    return Table(title="Outliers", columns=columns, rows=cells, notes=notes, behind=traced)


@dataclass(frozen=True, slots=True)
class _Choice:
    """Another choice of runs: how it is said, what both are called, the deltas of both, and the
    words for performance with the other one."""

    said: str
    names: tuple[str, str]
    rows: pd.DataFrame
    performance: Words


def _choices(context: Context) -> Iterator[_Choice]:
    """Those that were made: about outliers, and about runs whose measurement failed a check."""
    found = context.health
    if len(found.outliers):
        others = found.without_outliers, found.performance_without_outliers
        yield _Choice("Without the outliers", ("all", "without"), *others)
    if len(found.invalid_otherwise):
        runs = "the runs whose measurement failed a check"
        names, others = ("without", "with"), (found.invalid_otherwise, found.performance_otherwise)
        if context.include_invalid:
            yield _Choice(f"Without {runs}", names[::-1], *others)
        else:
            yield _Choice(f"With {runs}", names, *others)


def _changed(context: Context, choice: _Choice) -> Table:
    """The main results that another choice of runs would change."""
    what = "energy" if context.measured else "CPU time"
    first, second = choice.names
    columns = [
        Column("Study"),
        Column("Mutant"),
        Column(f"Δ {what}, {first} [95 %]", "percent"),
        Column(f"{second} [95 %]", "percent"),
    ]
    columns += [Column(f"Verdict, {first}"), Column(second)] if context.measured else []
    judged = any(context.performance(str(study)) for study in choice.rows["study"].unique())
    columns += [Column(f"Performance, {first}"), Column(second)] if judged else []
    cells: list[tuple[Cell, ...]] = []
    behind: list[Behind] = []
    for study, rows in choice.rows.groupby("study", sort=False):
        both = [_side(rows, ending) for ending in ("", "_otherwise")]
        bands = [noise_band(side) for side in both]
        lines = zip(*(records(side) for side in both), strict=True)
        for row, sides in zip(records(rows), lines, strict=True):
            words = [
                "" if row["null"] or not context.measured else _word(context, side, band)
                for side, band in zip(sides, bands, strict=True)
            ]
            performance = _performance(context, choice, row)
            same = words[0] == words[1] and performance[0] == performance[1]
            if same and not _apart(*sides):
                continue
            line: list[Cell] = [str(study), str(row["mutation"]), *map(_interval, sides)]
            line += [*(words if context.measured else ()), *(performance if judged else ())]
            cells.append(tuple(line))
            behind.append(Behind.of_delta(str(study), str(row["arm"])))
    return Table(
        title=f"{choice.said}: the main results that change",
        columns=tuple(columns),
        rows=tuple(cells),
        behind=tuple(behind),
    )


def _performance(context: Context, choice: _Choice, row: Mapping[Any, Any]) -> tuple[str, str]:
    """The arm's word for performance with the report's runs, and with the others."""
    study, arm = str(row["study"]), str(row["arm"])
    own, others = context.performance(study), choice.performance.get(study, {})
    if row["null"] or not (own or others):
        return "", ""
    return own.get(arm, ABSENT), others.get(arm, ABSENT)


def _apart(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> bool:
    """Whether an estimate lies outside the other's interval, or one of the two is not there."""
    if pd.isna(one["estimate"]) or pd.isna(other["estimate"]):
        return bool(pd.isna(one["estimate"]) != pd.isna(other["estimate"]))
    return any(
        a["estimate"] < b["low"] or a["estimate"] > b["high"]
        for a, b in ((one, other), (other, one))
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
        return ABSENT
    return energy_verdict(side, band, context.stated.smallest_effect)


def _interval(side: Mapping[Any, Any]) -> Interval | None:
    return Interval.of(side["estimate"], side["low"], side["high"])
