"""Checks of the measurements: what failed and is left out, what was warned of, and counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from greenbench.analysis.limits import Limit
from greenbench.host.validity import ENERGY, MACHINE, REMEDIES
from greenbench.report.context import Context
from greenbench.report.model import Cell, Column, Table

ENERGY_CHECKS = tuple(check.__name__ for check in ENERGY)
CHECKS = (*ENERGY_CHECKS, *(check.__name__ for check in MACHINE))
VERBS: Mapping[str, str] = {"fail": "failed", "warn": "warned of"}


def limits(context: Context) -> Iterator[Limit]:
    """Failed and warned checks by study, the worst finding of each, and what would help."""
    made = _made(context)
    if len(made) and not context.measured:
        yield Limit(
            "Estimates can't be checked: of every run only the machine's state was, not its energy"
        )
    for severity in ("fail", "warn"):
        found = made[made["severity"] == severity]
        for keys, group in found.groupby(["study", "check"], sort=False):
            study, check = map(str, keys)
            yield Limit(_text(context, study, check, group), REMEDIES.get(check, ""))


def tables(context: Context) -> tuple[Table, ...]:
    """How many measurements of each study passed each check."""
    made = _made(context)
    if made.empty:
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
    for study in made["study"].drop_duplicates():
        of_study = made[made["study"] == study]
        attempts = of_study["attempt"].nunique()
        for check in _expected(context, of_study):
            counts = of_study.loc[of_study["check"] == check, "severity"].value_counts()
            numbers = [int(counts.get(severity, 0)) for severity in ("ok", "warn", "fail")]
            rows.append((str(study), check, *numbers, attempts - sum(numbers)))
    note = (
        "One measurement is one trial's training. A check is not made where what it needs is not"
        " there: a GPU, a sensor, a window of some length."
    )
    return (
        Table(title="Checks of the measurements", columns=columns, rows=tuple(rows), notes=(note,)),
    )


def _made(context: Context) -> pd.DataFrame:
    """Checks of counted trials that completed."""
    checks = context.frames.checks
    return checks[checks["counted"].astype(bool) & (checks["status"] == "completed")]


def _expected(context: Context, made: pd.DataFrame) -> list[str]:
    """Checks in their order: those made, and those of energy wherever it was measured."""
    present = set(made["check"]) | (set(ENERGY_CHECKS) if context.measured else set())
    return [name for name in CHECKS if name in present]


def _text(context: Context, study: str, check: str, group: pd.DataFrame) -> str:
    severity = str(group["severity"].iloc[0])
    all_of_study = _made(context)
    of = all_of_study.loc[all_of_study["study"] == study, "attempt"].nunique()
    worst = group.sort_values("found", key=abs)["text"].iloc[-1]
    left_out = severity == "fail" and not context.include_invalid
    ending = "; they are left out" if left_out else ""
    return (
        f"{study}: {len(group)} of {of} measurements {VERBS[severity]} {check}"
        f" (such as: {worst}){ending}"
    )
