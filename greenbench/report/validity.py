"""Checks of the measurements: what failed and is left out, what was warned of, and counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from greenbench.analysis.limits import Limit
from greenbench.host.validity import ENERGY, MACHINE, REMEDIES
from greenbench.report.context import Context
from greenbench.report.model import Cell, Column, Table
from greenbench.report.values import whole_studies

ENERGY_CHECKS = tuple(check.__name__ for check in ENERGY)
CHECKS = (*ENERGY_CHECKS, *(check.__name__ for check in MACHINE))
VERBS: Mapping[str, str] = {"fail": "failed", "warn": "warned of"}


def limits(context: Context) -> Iterator[Limit]:
    """Failed and warned checks by study, the worst finding of each, and what would help."""
    checked = context.frames.checked
    if len(checked) and not context.measured:
        yield Limit(
            "Estimates can't be checked: of every run only the machine's state was, not its energy"
        )
    checks = context.frames.checks
    lacking = checks[checks["counted"].astype(bool) & (checks["status"] == "completed")]
    of = dict(zip(checked["study"], checked["of"], strict=True))
    for severity in ("fail", "warn"):
        found = lacking[lacking["severity"] == severity]
        for keys, group in found.groupby(["study", "check"], sort=False):
            study, check = map(str, keys)
            yield Limit(_text(context, study, check, group, of[study]), REMEDIES.get(check, ""))


def tables(context: Context) -> tuple[Table, ...]:
    """How many measurements of each study passed each check."""
    checked = context.frames.checked
    if checked.empty:
        return ()
    columns = (
        Column("Study"),
        Column("Check"),
        Column("Passed", "count"),
        Column("Warned", "count"),
        Column("Failed", "count"),
        Column("Not made", "count"),
    )
    rows: list[tuple[Cell, ...]] = []
    for study, of_study in checked.groupby("study", sort=False):
        of = int(of_study["of"].iloc[0])
        counts = of_study.set_index(["check", "severity"])["measurements"]
        for check in _expected(context, of_study):
            numbers = [int(counts.get((check, how), 0)) for how in ("ok", "warn", "fail")]
            rows.append((str(study), check, *numbers, of - sum(numbers)))
    note = (
        "One measurement is one trial's training. A check is not made where what it needs is not"
        " there: a GPU, a sensor, a window of some length."
    )
    return (
        Table(
            title="Checks of the measurements",
            columns=columns,
            rows=tuple(rows),
            notes=(note,),
            behind=whole_studies(rows),
        ),
    )


def _expected(context: Context, checked: pd.DataFrame) -> list[str]:
    """Checks in their order: those made, and those of energy wherever it was measured."""
    present = set(checked["check"]) | (set(ENERGY_CHECKS) if context.measured else set())
    return [name for name in CHECKS if name in present]


def _text(context: Context, study: str, check: str, group: pd.DataFrame, of: int) -> str:
    severity = str(group["severity"].iloc[0])
    worst = group.sort_values("found", key=abs)["text"].iloc[-1]
    left_out = severity == "fail" and not context.include_invalid
    ending = "; they are left out" if left_out else ""
    return (
        f"{study}: {len(group)} of {of} measurements {VERBS[severity]} {check}"
        f" (such as: {worst}){ending}"
    )
