"""Which hyperparameter moves with what over runs, with what else varied held fixed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from greenbench.analysis.records import records
from greenbench.report.figures import Heatmap
from greenbench.report.model import Cell, Column, Interval, Section, Table
from greenbench.report.recorded.runs import Recorded
from greenbench.report.relations import name as quantity_name
from greenbench.report.relations import settings_behind
from greenbench.report.values import Behind, number_or_none

FIRST = ("spearman", "kruskal")
"""What the first table of correlations shows."""
NOTHING = "No hyperparameter was varied, or nothing completed."


def correlations(known: Recorded) -> Section:
    """Spearman's ρ over runs, study by study, with what else varied held fixed."""
    found = known.correlations
    tables: list[Table] = []
    figures: list[Heatmap] = []
    for study, rows in found.groupby("study", sort=False):
        first = rows[rows["method"].isin(FIRST)]
        tables += [_correlated(known, str(study), first), *_further(known, str(study), rows)]
        figures += _heatmap(known, str(study), first)
    about = (
        "Spearman's ρ over runs, scipy's own, and beside it Kendall's τ and Pearson's r; a run in which"
        " the hyperparameter or the quantity was not recorded is no point. p is corrected over a"
        " study's pairs, for each coefficient by itself (Benjamini and Hochberg)."
        " Where several hyperparameters vary in the same runs, the partial ρ holds the others"
        " fixed; where it is missing the note names what is mixed into ρ."
    )
    return Section(
        key="correlations",
        title="Hyperparameters and what they move with",
        paragraphs=(about,) if tables else (NOTHING,),
        tables=tuple(tables),
        figures=tuple(figures),
    )


def runs_behind(known: Recorded, study: str, hyperparameter: str) -> Behind:
    """The runs that a hyperparameter's coefficients rest on: the originals' and those that changed
    it, or all of the study where several vary at once."""
    if study in known.alone:
        return settings_behind(known.context, study, hyperparameter)
    return Behind(study)


def _correlated(known: Recorded, study: str, rows: pd.DataFrame) -> Table:
    partial = rows["partial"].notna().any()
    columns = [
        Column("Hyperparameter"),
        Column("With"),
        Column("ρ [95 %]", "coefficient"),
        Column("p", "p"),
        Column("p, corrected", "p"),
        Column("Runs", "count"),
        Column("Settings", "count"),
    ]
    columns += [Column("Partial ρ [95 %]", "coefficient")] if partial else []
    said, notes = _said_once(
        [str(name) for name in rows["hyperparameter"]],
        [_correlation_note(row, partial=bool(partial)) for row in records(rows)],
    )
    columns += [Column("Shape"), *([Column("Note")] if any(notes) else [])]
    cells: list[tuple[Cell, ...]] = []
    for row, note in zip(records(rows), notes, strict=True):
        line: list[Cell] = [
            row["hyperparameter"],
            quantity_name(row["quantity"]),
            Interval.of(row["coefficient"], row["low"], row["high"]),
            number_or_none(row["p"]),
            number_or_none(row["p_corrected"]),
            int(row["runs"]),
            int(row["settings"]),
        ]
        line += (
            [Interval.of(row["partial"], row["partial_low"], row["partial_high"])]
            if partial
            else []
        )
        line.append(row["shape"] if isinstance(row["shape"], str) else "")
        cells.append((*line, note) if any(notes) else tuple(line))
    return Table(
        title=study,
        columns=tuple(columns),
        rows=tuple(cells),
        notes=said,
        behind=tuple(runs_behind(known, study, str(name)) for name in rows["hyperparameter"]),
    )


def _correlation_note(row: Mapping[Any, Any], *, partial: bool) -> str:
    note = str(row["note"])
    if partial and row["held"]:
        return note.replace("also varied", "mixed into ρ, held fixed in the partial one")
    return note


def _said_once(names: Sequence[str], notes: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """What all rows of a hyperparameter say, as notes of the table; and what is left of each row's."""
    parts = [dict.fromkeys(filter(None, note.split("; "))) for note in notes]
    shared: dict[str, dict[str, None]] = {}
    for name, found in zip(names, parts, strict=True):
        shared[name] = {part: None for part in shared.get(name, found) if part in found}
    by_part: dict[str, list[str]] = {}
    for name, found in shared.items():
        for part in found:
            by_part.setdefault(part, []).append(name)
    said = tuple(
        f"{'All' if len(of) == len(shared) > 1 else ', '.join(of)}: {part}."
        for part, of in by_part.items()
    )
    rest = [
        "; ".join(part for part in found if part not in shared[name])
        for name, found in zip(names, parts, strict=True)
    ]
    return said, rest


def _further(known: Recorded, study: str, rows: pd.DataFrame) -> Iterator[Table]:
    """Kendall's and Pearson's coefficients beside Spearman's."""
    names = ("hyperparameter", "quantity")
    pairs = list(dict.fromkeys(zip(*(rows[name] for name in names), strict=True)))
    by_cell = {(*(row[n] for n in names), row["method"]): row for row in records(rows)}
    cells: list[tuple[Cell, ...]] = []
    behind = []
    for name, quantity in pairs:
        found = [by_cell.get((name, quantity, method)) for method in ("kendall", "pearson")]
        if not any(found):
            continue
        line: list[Cell] = [name, quantity_name(quantity)]
        for row in found:
            if row is None:
                line += [None, None]
            else:
                line.append(Interval.of(row["coefficient"], row["low"], row["high"]))
                line.append(number_or_none(row["p_corrected"]))
        cells.append(tuple(line))
        behind.append(runs_behind(known, study, str(name)))
    if cells:
        yield Table(
            title=f"{study}: further coefficients",
            columns=(
                Column("Hyperparameter"),
                Column("With"),
                Column("Kendall's τ [95 %]", "coefficient"),
                Column("p, corrected", "p"),
                Column("Pearson's r [95 %]", "coefficient"),
                Column("p, corrected", "p"),
            ),
            rows=tuple(cells),
            behind=tuple(behind),
        )


def _heatmap(known: Recorded, study: str, rows: pd.DataFrame) -> Iterator[Heatmap]:
    names = [str(name) for name in rows["hyperparameter"].drop_duplicates()]
    quantities = [str(name) for name in rows["quantity"].drop_duplicates()]
    cells = {(r["hyperparameter"], r["quantity"]): r for r in records(rows)}
    ranked = rows["method"] == "spearman"
    if not rows.loc[ranked, "coefficient"].notna().any():
        return
    picked = [[cells.get((n, q)) for q in quantities] for n in names]
    yield Heatmap(
        title=f"{study}: Spearman's ρ over runs",
        rows=tuple(names),
        columns=tuple(quantity_name(quantity) for quantity in quantities),
        values=tuple(
            tuple(number_or_none(c["coefficient"]) if c else None for c in row) for row in picked
        ),
        words=tuple(
            tuple(f"{c['runs']} runs, {c['settings']} settings" if c else "" for c in row)
            for row in picked
        ),
        behind=tuple(runs_behind(known, study, name) for name in names),
        notes=("Blue: falls as the hyperparameter grows; red: grows with it.",),
    )
