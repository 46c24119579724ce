"""The section on what a record gives away about itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from greenbench.analysis.independent import Diagnosis
from greenbench.analysis.published import published_tests
from greenbench.analysis.records import records
from greenbench.report.context import Context
from greenbench.report.model import Cell, Column, Interval, Section, Table
from greenbench.report.relations import name as quantity_name
from greenbench.report.values import whole_studies

ABOUT = (
    "Found from the runs alone, without being told: hyperparameters whose mutants behave like their"
    " original, and series of mutants that were measured in other conditions than their originals."
)


def section(context: Context, known: Diagnosis, quantity: str) -> Section:
    """Null-like hyperparameters and drifted series, or that there are none."""
    tables = [
        table for table in (_null_like(known, quantity), _drifted(known)) if table is not None
    ]
    paragraphs = [ABOUT]
    if known.null_like.empty:
        paragraphs.append(
            "Whether a hyperparameter changes anything can't be told: that takes 4 mutated"
            " settings, repeated, with a metric and a time."
        )
    if known.drift.empty:
        paragraphs.append(
            "Whether series and originals were measured in the same conditions can't be told: that"
            " takes 4 mutated settings and 2 originals."
        )
    if not tables and not (known.null_like.empty and known.drift.empty):
        paragraphs.append("Nothing of the kind was found.")
    if context.frames.trials["null"].astype(bool).any():
        paragraphs.append("The suite has A/A arms of its own; they are the noise floor.")
    return Section(
        key="diagnostics",
        title="What the runs give away about themselves",
        paragraphs=tuple(paragraphs),
        tables=tuple(tables),
    )


def _null_like(known: Diagnosis, quantity: str) -> Table | None:
    found = known.null_like[known.null_like["null_like"].astype(bool)]
    if found.empty:
        return None
    tests = published_tests(list(known.series), [quantity])
    rows: list[tuple[Cell, ...]] = []
    for row in records(found):
        same = (tests["study"] == row["study"]) & (tests["hyperparameter"] == row["hyperparameter"])
        words = tests.loc[same, "word"]
        rows.append(
            (
                row["study"],
                row["hyperparameter"],
                _range(row),
                float(row["performance_p"]),
                float(row["time_p"]),
                len(words),
                int((words == "lower").sum()),
                int((words == "higher").sum()),
            )
        )
    called = sum(int(str(row[6])) + int(str(row[7])) for row in rows)
    lower = sum(int(str(row[6])) for row in rows)
    total = sum(int(str(row[5])) for row in rows)
    what = quantity_name(quantity)
    return Table(
        title="Mutants that nothing responds to",
        columns=(
            Column("Study"),
            Column("Hyperparameter"),
            Column("Values"),
            Column("p, performance", "p"),
            Column("p, time", "p"),
            Column("Mutants", "count"),
            Column(f"“lower {what}”", "count"),
            Column(f"“higher {what}”", "count"),
        ),
        rows=tuple(rows),
        notes=(
            (
                "Either the hyperparameter has no effect in that range, or its value never reached the"
                " trainer: look at the configuration that the trainer reports."
            ),
            (
                f"They are as good as an A/A test: the published test (t test, p < 0.05, |δ| ≥ 0.147)"
                f" calls {called} of these {total} mutants different in {what}, {lower} of them lower,"
                " though nothing else changed."
            ),
        ),
        behind=whole_studies(rows),
    )


def _drifted(known: Diagnosis) -> Table | None:
    found = known.drift[known.drift["drifted"].astype(bool)]
    if found.empty:
        return None
    rows: list[tuple[Cell, ...]] = []
    for row in records(found):
        interval = Interval(float(row["shift"]), float(row["low"]), float(row["high"]))
        note = "all values lie on one side of the default" if row["extrapolated"] else ""
        rows.append(
            (
                row["study"],
                row["hyperparameter"],
                quantity_name(row["quantity"]),
                interval,
                float(row["p_corrected"]),
                note,
            )
        )
    return Table(
        title="Series that miss their originals",
        columns=(
            Column("Study"),
            Column("Series"),
            Column("In"),
            Column("Shift [95 %]", "percent"),
            Column("p, corrected", "p"),
            Column("Note"),
        ),
        rows=tuple(rows),
        notes=(
            (
                "The line through the means of a series' settings, read at the default value, against"
                " the originals: an effect of the hyperparameter moves the line, but can't make it miss"
                " them, unless the effect is far from monotone. So these were measured in other"
                " conditions (another day, another clock or temperature)."
            ),
        ),
        behind=whole_studies(rows),
    )


def _range(row: Mapping[str, Any]) -> str:
    if pd.isna(row["smallest"]):
        return f"{row['settings']} settings"
    return f"{row['settings']} settings, {row['smallest']:.3g} to {row['largest']:.3g} × default"
