"""The paper's first question: which hyperparameters move with energy, time and performance."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from greenbench.analysis.inference import ALPHA
from greenbench.analysis.published import (
    published_correlations,
)
from greenbench.analysis.questions import (
    FEWEST_SETTINGS,
    clustered_correlations,
    explained_by_time,
)
from greenbench.analysis.settings import Series
from greenbench.report.effects import TOO_FEW
from greenbench.report.model import Behind, Cell, Column, Interval, Table
from greenbench.report.paper.answers import Answers, held_against, quantity_title
from greenbench.report.values import whole_studies


def correlations(known: Answers, studies: set[str], heading: str) -> Iterator[Table]:
    """Over runs as the study has it, over settings as this report has it, and how far time explains energy."""
    parts = [part for part in known.diagnosis.series if part.study in studies and part.ordered]
    if not parts:
        return
    published = published_correlations(parts, known.quantities)
    titles = [quantity_title(quantity) for quantity in known.quantities]
    names = (Column("Study"), Column("Hyperparameter"))
    for title, column, kind in (("Spearman's ρ", "rho", "coefficient"), ("p", "p", "p")):
        cells: list[tuple[Cell, ...]] = []
        behind = []
        for (study, name), rows in published.groupby(["study", "hyperparameter"], sort=False):
            by_quantity = dict(zip(rows["quantity"], rows[column], strict=True))
            runs = int(rows["runs"].max())
            values = [float(by_quantity[q]) for q in known.quantities]
            cells.append((str(study), str(name), runs, *values))
            behind.append(Behind(str(study)))
        yield Table(
            title=f"{heading}, as the study has it: {title} over runs",
            columns=(
                *names,
                Column("Runs", "count"),
                *(Column(t, kind) for t in titles),  # type: ignore[arg-type]
            ),
            rows=tuple(cells),
            notes=(
                (
                    "Every run is a point of its own, though runs of one setting are not independent; p"
                    " is not corrected."
                ),
            ),
            behind=tuple(behind),
        )
    yield _clustered(known, parts, heading)
    yield _time(known, studies, heading)


def _clustered(known: Answers, parts: list[Series], heading: str) -> Table:
    found = clustered_correlations(parts, known.quantities, blocked=known.blocked)
    cells: list[tuple[Cell, ...]] = []
    behind = []
    for study, part in found.groupby("study", sort=False):
        lines = list(_clustered_lines(known, str(study), part))
        if part["rho"].isna().all() and not any(line[-1] for line in lines):
            unknown = [None for _ in known.quantities]
            lines = [("all", int(part["settings"].max()), *unknown, TOO_FEW, "")]
        cells += [(str(study), *line) for line in lines]
        behind += [Behind(str(study))] * len(lines)
    return Table(
        title=f"{heading}, better founded: ρ over settings",
        columns=(
            Column("Study"),
            Column("Hyperparameter"),
            Column("Settings", "count"),
            *(Column(f"{quantity_title(q)} [95 %]", "coefficient") for q in known.quantities),
            Column("Holds"),
            Column("Against it"),
        ),
        rows=tuple(cells),
        notes=(
            (
                "Each setting is one point; p permutes the settings. Holds: p below 0.05 after Benjamini"
                " and Hochberg's correction over this table. A dash: fewer than"
                f" {FEWEST_SETTINGS} settings."
            ),
        ),
        behind=tuple(behind),
    )


def _clustered_lines(known: Answers, study: str, found: pd.DataFrame) -> Iterator[tuple[Cell, ...]]:
    """A line for each hyperparameter of one study."""
    for name, rows in found.groupby("hyperparameter", sort=False):
        by_quantity = {row["quantity"]: row for row in rows.to_dict("records")}
        values = [_interval(by_quantity[q]) for q in known.quantities]
        holds = [
            quantity_title(q) for q in known.quantities if by_quantity[q]["p_corrected"] < ALPHA
        ]
        nothing = "none" if (rows["smallest_p"] < ALPHA).any() else TOO_FEW
        settings, against = int(rows["settings"].max()), held_against(known, study, str(name))
        yield str(name), settings, *values, ", ".join(holds) or nothing, against


def _time(known: Answers, studies: set[str], heading: str) -> Table:
    names = list(dict.fromkeys((known.total, *known.energies))) if known.energies else []
    shares = [explained_by_time(known.runs, name) for name in names]
    rows = tuple(
        (study, *(share.get(study) for share in shares))
        for study in known.context.studies()
        if study in studies and names
    )
    return Table(
        title=f"{heading}: how much of energy is time (r²)",
        columns=(Column("Study"), *(Column(quantity_title(name), "quantity") for name in names)),
        rows=rows,
        notes=("Pearson's r² of each energy on time over all runs of the study.",),
        behind=whole_studies(rows),
    )


def _interval(row: Mapping[Hashable, Any]) -> Interval | None:
    return Interval.of(row["rho"], row["low"], row["high"])
