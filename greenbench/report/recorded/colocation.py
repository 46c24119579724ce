"""The originals alone and beside another training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from greenbench.analysis.cohorts import CHANNEL
from greenbench.analysis.correlation_changes import correlation_changes
from greenbench.analysis.unpaired import unpaired_changes
from greenbench.report import company
from greenbench.report.model import Cell, Column, Interval, Section, Table
from greenbench.report.recorded.correlations import runs_behind
from greenbench.report.recorded.runs import Recorded
from greenbench.report.relations import compared_with
from greenbench.report.relations import name as quantity_name

CORRELATED = (
    "Spearman's ρ over the runs of both; change: of Fisher's z, with runs taken as independent, which"
    " repeats of a setting are not. p is corrected for the rows of the table (Holm)."
)
ORIGINAL = ("original",)


def colocation(known: Recorded) -> Section | None:
    """The originals alone and beside others; None if no run was beside another."""
    runs = known.runs
    if runs.empty or not (runs["kind"] != "solo").any():
        return None
    what, unit = known.what
    pairs = known.context.company.pairs
    cells: list[tuple[Cell, ...]] = []
    behind = []
    for pair, alone, beside in pairs.sides(runs[runs["original"].astype(bool)]):
        both = pd.concat([alone, beside.assign(original=False)]).assign(study="both")
        changes = [
            unpaired_changes(both.assign(arm="beside"), name, "ratio")
            for name in (known.quantity, "train_s")
        ]
        cells.append(
            (
                pair.study,
                len(alone),
                len(beside),
                float(alone[known.quantity].astype(float).mean()),
                float(beside[known.quantity].astype(float).mean()),
                *(
                    Interval.of(c["estimate"].iloc[0], c["low"].iloc[0], c["high"].iloc[0])
                    if len(c)
                    else None
                    for c in changes
                ),
            )
        )
        behind.append(company.behind(pair.study, ORIGINAL, [(str(pair.solo), *ORIGINAL)]))
    columns = (
        Column("Study"),
        Column("Runs, solo", "count"),
        Column("Runs, beside", "count"),
        Column(f"{what.capitalize()}, solo ({unit})", "quantity"),
        Column(f"{what.capitalize()}, beside ({unit})", "quantity"),
        Column(f"Change of {what} [95 %]", "percent"),
        Column("Change of time [95 %]", "percent"),
    )
    about = (
        "A channel's energy is that of the whole host while the foreground trained, the"
        " background's part of it included: how much work that background did is not on record, so"
        " nothing is said about what co-location saves in total."
    )
    shown = Table(
        title="Originals, alone and beside another training",
        columns=columns,
        rows=tuple(cells),
        notes=("Means over runs; changes by Welch's t on logarithms.",),
        behind=tuple(behind),
    )
    nothing = "No model has originals both alone and beside another training."
    return Section(
        key="colocation",
        title="Alone and beside another training",
        paragraphs=(about,) if cells else (nothing,),
        points=tuple(compared_with(pairs.pairs)),
        tables=(*((shown,) if cells else ()), *_changed_correlations(known)),
    )


def _changed_correlations(known: Recorded) -> Iterator[Table]:
    """Spearman's ρ alone and beside another training, study by study."""
    found, pairs = known.correlations, known.context.company.pairs
    totals = ~found["quantity"].astype(str).str.startswith(CHANNEL)
    over_runs = found[(found["method"] == "spearman") & totals]
    over_runs = over_runs.rename(columns={"coefficient": "rho", "runs": "points"})
    changes = correlation_changes(over_runs, pairs)
    for pair in pairs.pairs:
        rows = changes[changes["study"] == pair.study]
        traced = [
            replace(
                runs_behind(known, pair.study, name),
                also=(runs_behind(known, str(pair.solo), name),),
            )
            for name in rows["hyperparameter"]
        ]
        names = [quantity_name(str(quantity)) for quantity in rows["quantity"]]
        title = f"Correlations in both: {company.heading(pair)}"
        for table in company.changed_correlations(rows, title, names, traced):
            yield replace(table, notes=(CORRELATED,))
