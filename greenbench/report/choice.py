"""The section on what to take: the greenest acceptable configuration, and the Pareto front."""

from __future__ import annotations

from typing import Any

from greenbench.analysis.choice import pareto_front
from greenbench.analysis.cohorts import METRIC
from greenbench.analysis.records import records
from greenbench.report.context import Context
from greenbench.report.effects import interval
from greenbench.report.model import Behind, Cell, Column, Interval, Section, Table
from greenbench.report.values import number_or_none

CROSSED = (
    "The mutant of lowest energy among those whose performance is kept. What it saves is told by"
    " blocks that did not choose it: half of them choose, the other half tells, 20 times over"
    " (Chosen: how often it was this one; else one of nearly the same energy). The last column is"
    " what the blocks say that chose it: a winner is lucky. The saving is of one cohort; the"
    " interval errs on the wide side."
)
FRONT = (
    "No other configuration is better in one of the two and as good in the other, by the middle of"
    " its interval. Mutants with a diverged training are left out."
)


def section(context: Context) -> Section | None:
    """What the greenest acceptable configuration saves; None where nothing may be concluded."""
    if not context.measured:
        return None
    tables = [table for table in (_saving(context), _stated(context), _front(context)) if table]
    if not tables:
        return None
    return Section(key="choice", title="What to take, and what it saves", tables=tuple(tables))


def _saving(context: Context) -> Table | None:
    columns = (
        Column("Study"),
        Column("Greenest acceptable"),
        Column("Chosen", "share"),
        Column("Saves [95 %]", "percent"),
        Column("Saves (J) [95 %]", "change"),
        Column("By its own blocks", "percent"),
    )
    cells = tuple(
        (
            str(row["study"]),
            _named(row),
            float(row["chosen_in"] / row["splits"]),
            _bounded(row, "saving", "low", "high"),
            _bounded(row, "saving_j", "low_j", "high_j"),
            float(row["naive"]),
        )
        for row in records(context.choice)
    )
    if not cells:
        return None
    title = "The greenest configuration that keeps its performance"
    return Table(
        title=title, columns=columns, rows=cells, notes=(CROSSED,), behind=_chosen_from(context)
    )


def _stated(context: Context) -> Table | None:
    """The same saving as emissions and money, at what was stated."""
    stated = context.stated
    columns = [Column("Study"), Column("Greenest acceptable")]
    notes = []
    if stated.grid_g_per_kwh is not None:
        columns.append(Column("Saves (g CO₂e) [95 %]", "change"))
        notes.append(f"At the stated {stated.grid_g_per_kwh:g} g CO₂e a kWh.")
    if stated.price_per_kwh is not None:
        unit = f" ({stated.currency})" if stated.currency else ""
        columns.append(Column(f"Saves{unit} [95 %]", "change"))
        notes.append(f"At the stated price of {stated.price_per_kwh:g} {stated.currency} a kWh.")
    if len(columns) == 2 or context.choice.empty:
        return None
    cells: list[tuple[Cell, ...]] = []
    for row in records(context.choice):
        line: list[Cell] = [str(row["study"]), _named(row)]
        for convert in (stated.emissions_g, stated.cost):
            values = [convert(float(row[name])) for name in ("saving_j", "low_j", "high_j")]
            if values[0] is not None:
                line.append(Interval(values[0], *map(number_or_none, values[1:])))
        cells.append(tuple(line))
    title = "The same as emissions and money, of one cohort"
    return Table(
        title=title,
        columns=tuple(columns),
        rows=tuple(cells),
        notes=tuple(notes),
        behind=_chosen_from(context),
    )


def _front(context: Context) -> Table | None:
    """The configurations that no other beats in both energy and performance."""
    cells: list[tuple[Cell, ...]] = []
    behind: list[Behind] = []
    for study in context.studies():
        diverged = context.diverged(study)
        arms = context.arms(context.quantity, study)
        fine = [row for arm, row in arms.items() if not row["null"] and arm not in diverged]
        for metric in context.judged_metrics(study):
            found = context.arms(METRIC + metric.name, study)
            both = [row for row in fine if row["arm"] in found]
            points = [(0.0, 0.0)]
            points += [(float(r["estimate"]), float(found[r["arm"]]["estimate"])) for r in both]
            front = pareto_front(points, more_is_better=metric.direction == "maximize")
            if not both:
                continue
            for place in front:
                name = str(both[place - 1]["mutation"]) if place else "original"
                energy = interval(both[place - 1]) if place else 0.0
                change = interval(found[both[place - 1]["arm"]]) if place else 0.0
                cells.append((study, name, energy, metric.name, change))
                behind.append(_rests_on(study, str(both[place - 1]["arm"]) if place else ""))
    if not cells:
        return None
    columns = (
        Column("Study"),
        Column("Configuration"),
        Column("Δ energy [95 %]", "percent"),
        Column("Metric"),
        Column("Δ metric [95 %]", "change"),
    )
    title = "The Pareto front of energy and performance"
    return Table(
        title=title, columns=columns, rows=tuple(cells), notes=(FRONT,), behind=tuple(behind)
    )


def _chosen_from(context: Context) -> tuple[Behind, ...]:
    """What each study's choice rests on."""
    pairs = zip(context.choice["study"], context.choice["arm"], strict=True)
    return tuple(_rests_on(str(study), str(arm)) for study, arm in pairs)


def _rests_on(study: str, arm: str) -> Behind:
    """The trials of an arm and the originals; the originals' alone where it is none of them."""
    return Behind(study, (arm, "original") if arm not in ("", "original") else ("original",))


def _named(row: Any) -> str:
    return str(row["mutation"]) or "original: none is acceptable and greener"


def _bounded(row: Any, value: str, low: str, high: str) -> Interval:
    return Interval(float(row[value]), number_or_none(row[low]), number_or_none(row[high]))
