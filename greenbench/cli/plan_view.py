"""A plan on the terminal: what would run, in order, what it can settle, how long it takes."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from greenbench.plan import (
    Plan,
    estimate_time_s,
    plan_counts,
    plan_outlook,
    plan_table,
    plan_totals,
)
from greenbench.suite import Suite


def show_plan(suite: Suite, plan: Plan, durations_s: Mapping[str, float]) -> None:
    """Prints every trial in order, then counts, outlook and time."""
    console = Console()
    console.print(Text(f"{suite.name}: {suite.description}", style="bold"))
    console.print(_trials(plan))
    console.print()
    console.print(_counts(plan))
    console.print(Text(str(plan_totals(plan))))
    console.print()
    for study in plan.studies:
        if study.data is not None:
            console.print(Text(f"{study.study}: trains on {study.data.name} ({study.data.label})"))
    for outlook in plan_outlook(plan):
        console.print(Text(outlook.text))
    seconds = estimate_time_s(plan, durations_s)
    if seconds is None:
        console.print(Text("time: not known; no earlier results of these studies"))
    else:
        console.print(Text(f"time: about {seconds / 60:.0f} min by earlier results"))


def _trials(plan: Plan) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("#", justify="right")
    for heading in ("study", "block", "member", "model", "trial", "seed", "key"):
        table.add_column(heading, overflow="fold")
    for row in plan_table(plan):
        who = (row.study, row.block, row.member, row.model, row.what)
        cells = (str(row.number), *who, str(row.seed), row.key)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _counts(plan: Plan) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("study")
    headings = ("blocks", "originals", "mutants", "nulls", "cohorts", "trials")
    for heading in headings:
        table.add_column(heading, justify="right")
    for count in plan_counts(plan):
        table.add_row(Text(count.study), *(str(getattr(count, name)) for name in headings))
    return table
