"""Tables on what trainings do to one another: cost of a cohort, changed effects, who slows whom."""

from __future__ import annotations

from typing import Any

from greenbench.analysis.records import records
from greenbench.report.context import Context
from greenbench.report.model import Cell, Column, Interval, Table
from greenbench.report.values import number_or_none

APART = (
    "The cohort's measured energy for its work beside the same work done solo, one after another"
    " (the sum of the members' solo energies). No modelled share is in it."
)
ALL_TRAINED = (
    "Whole run: from the first start to the last end of training (beside a background: of the"
    " foreground's). All trained: the part of it in which every member trained at once."
)
CHANGED = (
    "Change: how the mutant's ratio to its originals differs beside others from solo. p is"
    " corrected for the mutants of the model (Holm)."
)
SPREAD = (
    "Coefficient of variation of the arms' means; ratio above 1: the same mutations make energy"
    " vary more beside others. p by Pitman and Morgan's test over arms."
)
SLOWED = "Own training time of the originals beside others, divided by that solo."


def tables(context: Context) -> list[Table]:
    """Those with something in them."""
    made = (
        _together(context),
        _overlap(context),
        _interaction(context),
        _spread(context),
        _matrix(context),
    )
    return [table for table in made if table.rows]


def _together(context: Context) -> Table:
    what, unit = ("energy", "J") if context.measured else ("CPU time", "s")
    columns = (
        Column("Model"),
        Column("Scenario"),
        Column("Arm"),
        Column(f"{what} apart ({unit})", "quantity"),
        Column("together", "quantity"),
        Column("Change [95 %]", "percent"),
        Column("Time apart (s)", "quantity"),
        Column("together", "quantity"),
        Column("Note"),
    )
    cells = tuple(
        (
            str(row["model"]),
            str(row["scenario"]),
            str(row["mutation"]) or "original",
            row["apart"],
            row["together"],
            _interval(row, "change"),
            row["apart_s"],
            row["together_s"],
            str(row["note"]),
        )
        for row in records(context.company.together)
        if not row["null"]
    )
    return Table(
        title="Side by side or one after another", columns=columns, rows=cells, notes=(APART,)
    )


def _overlap(context: Context) -> Table:
    columns = [
        Column("Model"),
        Column("Scenario"),
        Column("Arm"),
        Column("Whole run (s)", "quantity"),
        Column("all trained (s)", "quantity"),
        Column("of the run", "share"),
    ]
    if context.measured:
        columns += [Column("Whole run (J)", "quantity"), Column("all trained (J)", "quantity")]
    cells = []
    for row in records(context.company.overlap):
        whole_s, all_s = number_or_none(row["train_s"]), number_or_none(row["overlap_s"])
        share = all_s / whole_s if whole_s and all_s is not None else None
        arm = str(row["mutation"]) or "original"
        line: list[Cell] = [str(row["model"]), str(row["scenario"]), arm, whole_s, all_s, share]
        if context.measured:
            line += [number_or_none(row["energy_j"]), number_or_none(row["overlap_j"])]
        cells.append(tuple(line))
    title = "How long all of them trained"
    return Table(title=title, columns=tuple(columns), rows=tuple(cells), notes=(ALL_TRAINED,))


def _interaction(context: Context) -> Table:
    what = "energy" if context.measured else "CPU time"
    columns = (
        Column("Model"),
        Column("Scenario"),
        Column("Mutant"),
        Column(f"Δ {what}, solo", "percent"),
        Column("beside others", "percent"),
        Column("Change [95 %]", "percent"),
        Column("p", "p"),
    )
    cells = tuple(
        (
            str(row["model"]),
            str(row["scenario"]),
            str(row["mutation"]),
            number_or_none(row["solo"]),
            number_or_none(row["beside"]),
            _interval(row, "change"),
            number_or_none(row["p_corrected"]),
        )
        for row in records(context.company.interaction)
    )
    title = "How co-location changes the deltas"
    return Table(title=title, columns=columns, rows=cells, notes=(CHANGED,))


def _spread(context: Context) -> Table:
    columns = (
        Column("Model"),
        Column("Scenario"),
        Column("Arms", "count"),
        Column("Variation, solo", "share"),
        Column("beside others", "share"),
        Column("Ratio [95 %]", "quantity"),
        Column("p", "p"),
    )
    cells: tuple[tuple[Cell, ...], ...] = tuple(
        (
            str(row["model"]),
            str(row["scenario"]),
            int(row["arms"]),
            number_or_none(row["cv_solo"]),
            number_or_none(row["cv_beside"]),
            _interval(row, "ratio"),
            number_or_none(row["p"]),
        )
        for row in records(context.company.spread)
    )
    what = "energy" if context.measured else "CPU time"
    title = f"Does {what} vary more beside others?"
    return Table(title=title, columns=columns, rows=cells, notes=(SPREAD,))


def _matrix(context: Context) -> Table:
    columns = (
        Column("Model"),
        Column("Beside"),
        Column("Scenario"),
        Column("Time solo (s)", "quantity"),
        Column("beside (s)", "quantity"),
        Column("Slowed [95 %]", "quantity"),
    )
    cells = tuple(
        (
            str(row["model"]),
            str(row["beside"]),
            str(row["scenario"]),
            number_or_none(row["solo_s"]),
            number_or_none(row["beside_s"]),
            _interval(row, "slowdown"),
        )
        for row in records(context.company.matrix)
    )
    return Table(title="Who slows whom", columns=columns, rows=cells, notes=(SLOWED,))


def _interval(row: Any, value: str) -> Interval | None:
    return Interval.of(row[value], row["low"], row["high"])
