"""The section on who used the energy: modelled in every row, and nothing is concluded from it."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from greenbench.analysis.records import records
from greenbench.analysis.shares import shares_of_originals
from greenbench.report.context import Context
from greenbench.report.model import Behind, Cell, Column, Section, Table

ABOUT = (
    "Energy is measured for whole channels. Who used it is modelled: idle power times time is"
    " nobody's, and the rest is split by GPU process utilisation or by CPU time (a proxy for"
    " memory). No verdict rests on these figures; co-located runs are compared whole."
)
NOTE = (
    "Modelled means over the originals' runs, first start to last end of training; the rows of a"
    " channel add up to its measured energy. ± spans work that draws twice or half as much per"
    " unit of use as its neighbours', and power that saturates."
)
SPECIAL = re.compile("nothing is split|not told|not known")
NAMES = {"own": "greenbench", "other": "other processes"}


def section(context: Context) -> Section | None:
    """Who used it, study by study; None where the record has no split."""
    frames = context.frames
    if not context.measured or context.shares.empty:
        return None
    found = shares_of_originals(context.shares, context.cohorts, frames.channels)
    if found.empty:
        return None
    bases = _bases(context)
    tables = [
        _table(str(study), rows, bases.get(str(study), ()))
        for study, rows in found.groupby("study", sort=False)
    ]
    return Section(
        key="shares",
        title="Who used it (modelled)",
        paragraphs=(ABOUT,),
        tables=tuple(tables),
    )


def _table(study: str, rows: pd.DataFrame, bases: tuple[str, ...]) -> Table:
    columns = (
        Column("Channel"),
        Column("Who (modelled)"),
        Column("Modelled (J)", "quantity"),
        Column("± (J)", "quantity"),
        Column("Modelled share", "share"),
    )
    solo = int(rows["slot"].max()) == 0 if rows["slot"].notna().any() else True
    cells: tuple[tuple[Cell, ...], ...] = tuple(
        (
            str(row["channel"]),
            f"{_who(row, solo=solo)} (modelled)",
            float(row["energy_j"]),
            float(row["uncertainty_j"]),
            float(row["share"]),
        )
        for row in records(rows)
    )
    title = f"{study}: who used it (modelled)"
    traced = (Behind(study, ("original",)),) * len(cells)
    return Table(title=title, columns=columns, rows=cells, notes=(NOTE, *bases), behind=traced)


def _who(row: Any, *, solo: bool) -> str:
    if row["kind"] == "trial":
        return "the trial" if solo else f"trial {int(row['slot']) + 1}"
    return NAMES.get(str(row["kind"]), str(row["kind"]))


def _bases(context: Context) -> dict[str, tuple[str, ...]]:
    """By study: what the split rests on, where that is more than the section says."""
    shares = context.shares
    special = [basis for basis in shares["basis"].unique() if SPECIAL.search(basis)]
    found = shares.loc[shares["basis"].isin(special), ["cohort_run", "channel", "basis"]]
    found = found.merge(context.cohorts[["cohort_run", "study"]], on="cohort_run", how="inner")
    pairs = found.drop_duplicates(["study", "channel", "basis"])
    return {
        str(study): tuple(f"{r.channel}: {r.basis}." for r in rows.itertuples(index=False))
        for study, rows in pairs.groupby("study", sort=False)
    }
