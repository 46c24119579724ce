"""The sections on correlations and on co-location."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from greenbench.analysis.cohorts import CHANNEL, METRIC
from greenbench.report.context import Context
from greenbench.report.effects import interval
from greenbench.report.model import Cell, Column, Interval, Section, Table

TITLES = {
    "energy_j": "energy",
    "cpu_time_s": "CPU time",
    "train_s": "time",
    "power_w": "mean power",
}


def correlations(context: Context) -> Section:
    """Spearman's ρ of each varied hyperparameter, study by study."""
    tables = []
    for study, rows in context.correlations.groupby("study", sort=False):
        columns = (
            Column("Hyperparameter"),
            Column("With"),
            Column("ρ", "coefficient"),
            Column("p", "p"),
            Column("Settings", "count"),
            Column("Note"),
        )
        cells = tuple(
            cell
            for _, group in rows.groupby("hyperparameter", sort=False)
            for cell in _correlation(group)
        )
        tables.append(Table(title=f"{study}", columns=columns, rows=cells))
    nothing = "No hyperparameter was varied on its own, or nothing completed yet."
    about = (
        "Spearman's ρ over settings (the original's among them); p by permuting settings, not"
        " corrected over the cells of these tables."
    )
    return Section(
        key="correlations",
        title="Hyperparameters and what they move with",
        paragraphs=(about if tables else nothing,),
        tables=tuple(tables),
    )


def colocation(context: Context) -> Section | None:
    """Solo beside co-located; None if the plan has no co-location."""
    if not (context.frames.trials["kind"] != "solo").any():
        return None
    groups = context.colocation.groupby(["model", "scenario"], sort=False)
    tables = []
    for (model, scenario), rows in groups:
        heading = f"{model}, solo beside {scenario}"
        tables += [_per_training(context, heading, rows), _both(context, heading, rows)]
    about = (
        "What is compared is the whole cohort, divided by its trainings; nothing is a modelled"
        " share. The two are different cohorts, not pairs, so drift between them is in the interval"
        " only as far as it shows between blocks."
    )
    nothing = "No model has completed trainings both solo and co-located yet."
    return Section(
        key="colocation",
        title="Solo beside co-located",
        paragraphs=(about if tables else nothing,),
        tables=tuple(tables),
    )


def name(quantity: str) -> str:
    """A quantity's column in words."""
    return TITLES.get(quantity, quantity.removeprefix(METRIC).removeprefix(CHANNEL))


def _correlation(rows: pd.DataFrame) -> Iterator[tuple[Cell, ...]]:
    """The rows of one hyperparameter; one where nothing can be said of any quantity."""
    first = rows.iloc[0]
    if rows["rho"].isna().all() and (rows["note"] == first["note"]).all():
        fewest = int(rows["settings"].min())
        yield str(first["hyperparameter"]), "all", None, None, fewest, str(first["note"])
        return
    for _, row in rows.iterrows():
        rho, p = (None if pd.isna(row[key]) else float(row[key]) for key in ("rho", "p"))
        quantity, settings = name(str(row["quantity"])), int(row["settings"])
        yield str(row["hyperparameter"]), quantity, rho, p, settings, str(row["note"])


def _per_training(context: Context, heading: str, rows: pd.DataFrame) -> Table:
    what, unit = ("Energy", "J") if context.measured else ("CPU time", "s")
    copies = int(rows["copies"].iloc[0])
    columns = (
        Column("Arm"),
        Column(f"{what}, solo ({unit})", "quantity"),
        Column(f"{what}, ×{copies} ({unit})", "quantity"),
        Column("Change [95 %]", "percent"),
        Column("Time, solo (s)", "quantity"),
        Column(f"Time, ×{copies} (s)", "quantity"),
    )
    cells = tuple(
        (
            _arm(row),
            row["solo"],
            row["per_training"],
            None if pd.isna(row["change"]) else _change(row),
            row["solo_s"],
            row["cohort_s"],
        )
        for _, row in rows.iterrows()
    )
    return Table(
        title=f"{heading}: one training",
        columns=columns,
        rows=cells,
        notes=(
            f"{what} is the cohort's divided by {copies}; {copies} trainings take the last time together.",
        ),
    )


def _both(context: Context, heading: str, rows: pd.DataFrame) -> Table:
    """Each mutant's delta solo and co-located."""
    what = "energy" if context.measured else "CPU time"
    main, trials = context.main, context.frames.trials
    of_model = trials[trials["model"] == rows["model"].iloc[0]]
    scenarios = ("solo", str(rows["scenario"].iloc[0]))
    columns = (Column("Mutant"), *(Column(f"Δ {what}, {s} [95 %]", "percent") for s in scenarios))
    cells: list[tuple[Cell, ...]] = []
    for _, arm in rows[rows["mutation"] != ""].iterrows():
        line: list[Cell] = [_arm(arm)]
        for scenario in scenarios:
            studies = of_model[of_model["scenario"] == scenario]["study"].unique()
            same = main["study"].isin(studies) & (main["mutation"] == arm["mutation"])
            found = main[same]
            line.append(interval(found.iloc[0]) if len(found) else None)
        cells.append(tuple(line))
    return Table(title=f"{heading}: deltas in both", columns=columns, rows=tuple(cells))


def _arm(row: Any) -> str:
    return str(row["mutation"]) or "original"


def _change(row: Any) -> Interval:
    low, high = (None if pd.isna(row[key]) else float(row[key]) for key in ("low", "high"))
    return Interval(float(row["change"]), low, high)
