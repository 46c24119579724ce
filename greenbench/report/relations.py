"""The sections on correlations and on co-location."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pandas as pd

from greenbench.analysis.cohorts import CHANNEL, METRIC
from greenbench.analysis.correlations import FEWEST_SETTINGS, FEWEST_TESTED, TOO_FEW
from greenbench.analysis.pairs import Pair
from greenbench.analysis.records import records
from greenbench.report import company
from greenbench.report.context import Context
from greenbench.report.model import Behind, Cell, Column, Interval, Section, Table
from greenbench.report.values import number_or_none

TITLES = {
    "energy_j": "energy",
    "cpu_time_s": "CPU time",
    "train_s": "time",
    "power_w": "mean power",
}


ABOUT = (
    "Spearman's ρ over settings (the original's among them), with a 95 % interval. p permutes the"
    " settings; it is corrected for all pairs of the study, such that at most 5 % of what is claimed"
    " is false on average (Benjamini and Hochberg). The shape is what Tukey's test shows over the"
    " settings in order: a U is no missing relation."
)


def correlations(context: Context) -> Section:
    """How each varied hyperparameter moves with what was measured, study by study."""
    tables = []
    few: dict[int, list[str]] = {}
    for study, rows in context.correlations.groupby("study", sort=False):
        if (rows["note"] == TOO_FEW).all():
            few.setdefault(int(rows["settings"].max()), []).append(str(study))
            continue
        found = [_main(str(study), rows), *_more(str(study), rows)]
        tables += [_traced(context, str(study), table) for table in found]
    nothing = "No hyperparameter was varied on its own, or nothing completed yet."
    return Section(
        key="correlations",
        title="Hyperparameters and what they move with",
        paragraphs=(ABOUT,) if tables else () if few else (nothing,),
        points=tuple(_uncorrelated(most, studies) for most, studies in sorted(few.items())),
        tables=tuple(tables),
    )


def _uncorrelated(most: int, studies: Iterable[str]) -> str:
    """In words, where no hyperparameter of a study has more settings than `most`."""
    return (
        f"No correlations of {', '.join(studies)}: no hyperparameter has more than {most} settings,"
        f" the original's among them; a coefficient takes {FEWEST_SETTINGS}, and a p"
        f" {FEWEST_TESTED}."
    )


def colocation(context: Context) -> Section | None:
    """Solo beside co-located; None if the plan has no co-location."""
    pairs = context.company.pairs.pairs
    if not pairs:
        return None
    tables: list[Table] = []
    for pair in pairs:
        rows = context.company.copies[context.company.copies["study"] == pair.study]
        tables += [_per_training(context, pair, rows)] if len(rows) else []
        tables += [*company.changed_deltas(context, pair), *_changed_correlations(context, pair)]
    tables += company.tables(context)
    about = (
        "What is compared is the whole cohort: of copies divided by their number, beside a"
        " background with the background's part in it; nothing is a modelled share. The two are different cohorts, not pairs, so drift between them is in the interval"
        " only as far as it shows between blocks."
    )
    nothing = "No model has completed trainings both solo and co-located yet."
    return Section(
        key="colocation",
        title="Solo beside co-located",
        paragraphs=(about if tables else nothing,),
        points=(*compared_with(pairs), *company.uncompared(context)),
        tables=tuple(tables),
    )


def compared_with(pairs: Iterable[Pair]) -> Iterator[str]:
    """In words, where it does not go without saying which solo study is compared."""
    for pair in pairs:
        if pair.solo is None:
            yield (
                f"{pair.study} is compared with no solo study: none of {pair.model} has an original"
                " with the same hyperparameters."
            )
        elif pair.also:
            yield (
                f"{pair.study} is compared with {pair.solo}, the first in the plan whose original has"
                f" the same hyperparameters; {', '.join(pair.also)} would suit too."
            )


def settings_behind(context: Context, study: str, hyperparameter: str) -> Behind:
    """The trials of a hyperparameter's settings: the original's and of arms that changed it alone."""
    return Behind(study, ("original", *context.arms_that_changed(study, hyperparameter)))


def _traced(context: Context, study: str, table: Table) -> Table:
    """The table with the trials behind each row, whose first cell names the hyperparameter."""
    behind = tuple(settings_behind(context, study, str(row[0])) for row in table.rows)
    return replace(table, behind=behind)


def name(quantity: str) -> str:
    """A quantity's column in words."""
    return TITLES.get(quantity, quantity.removeprefix(METRIC).removeprefix(CHANNEL))


def _main(study: str, rows: pd.DataFrame) -> Table:
    columns = (
        Column("Hyperparameter"),
        Column("With"),
        Column("ρ [95 %]", "coefficient"),
        Column("p", "p"),
        Column("Shape"),
        Column("Settings", "count"),
        Column("Note"),
    )
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in records(rows):
        groups.setdefault(str(row["hyperparameter"]), []).append(row)
    cells = tuple(cell for group in groups.values() for cell in _correlation(group))
    return Table(title=study, columns=columns, rows=cells)


def _correlation(rows: list[dict[str, Any]]) -> Iterator[tuple[Cell, ...]]:
    """The rows of one hyperparameter; one where nothing can be said of any quantity."""
    first = rows[0]
    known = (row[key] for row in rows for key in ("rho", "partial", "epsilon_squared"))
    if all(map(pd.isna, known)) and len({row["note"] for row in rows}) == 1:
        fewest = int(min(row["settings"] for row in rows))
        unknown: tuple[Cell, ...] = ("all", None, None, "")
        yield str(first["hyperparameter"]), *unknown, fewest, str(first["note"])
        return
    for row in rows:
        coefficient: Cell = _bounded(row, "rho")
        if pd.notna(row["epsilon_squared"]):
            coefficient = f"ε² {row['epsilon_squared']:.2f}"
        p = number_or_none(row["p_corrected"])
        shape = str(row["shape"]) if isinstance(row["shape"], str) else ""
        quantity, settings = name(str(row["quantity"])), int(row["settings"])
        line: tuple[Cell, ...] = (quantity, coefficient, p, shape, settings, str(row["note"]))
        yield str(row["hyperparameter"]), *line


def _more(study: str, rows: pd.DataFrame) -> Iterator[Table]:
    """Kendall's and Pearson's coefficients beside Spearman's, and partial ones, where they are."""
    known = rows[rows["rho"].notna() | rows["partial"].notna()]
    if known.empty:
        return
    partial = known["partial"].notna().any()
    columns = [
        Column("Hyperparameter"),
        Column("With"),
        Column("Kendall's τ [95 %]", "coefficient"),
        Column("p", "p"),
        Column("Pearson's r [95 %]", "coefficient"),
        Column("p", "p"),
    ]
    columns += [Column("partial ρ [95 %]", "coefficient"), Column("held fixed")] if partial else []
    cells: list[tuple[Cell, ...]] = []
    for row in records(known):
        line: list[Cell] = [str(row["hyperparameter"]), name(str(row["quantity"]))]
        for key in ("tau", "r"):
            line += [_bounded(row, key), number_or_none(row[f"{key}_p_corrected"])]
        held = str(row["held"]) if isinstance(row["held"], str) else ""
        line += [_bounded(row, "partial"), held] if partial else []
        cells.append(tuple(line))
    yield Table(title=f"{study}: further coefficients", columns=tuple(columns), rows=tuple(cells))


def _bounded(row: Any, key: str) -> Interval | None:
    return Interval.of(row[key], row[f"{key}_low"], row[f"{key}_high"])


def _changed_correlations(context: Context, pair: Pair) -> Iterator[Table]:
    found = context.company.correlations
    rows = found[found["study"] == pair.study]
    traced = []
    for hyperparameter in rows["hyperparameter"]:
        solo, beside = (
            settings_behind(context, study, str(hyperparameter))
            for study in (str(pair.solo), pair.study)
        )
        traced.append(replace(beside, also=(solo,)))
    names = [name(str(quantity)) for quantity in rows["quantity"]]
    title = f"Correlations in both: {company.heading(pair)}"
    for table in company.changed_correlations(rows, title, names, traced):
        yield replace(table, notes=(company.CORRELATED,))


def _per_training(context: Context, pair: Pair, rows: pd.DataFrame) -> Table:
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
            str(row["mutation"]) or "original",
            row["solo"],
            row["per_training"],
            Interval.of(row["change"], row["low"], row["high"]),
            row["solo_s"],
            row["cohort_s"],
        )
        for row in records(rows)
    )
    return Table(
        title=f"One training: {company.heading(pair)}",
        columns=columns,
        rows=cells,
        notes=(
            f"{what} is the cohort's divided by {copies}; {copies} trainings take the last time together.",
        ),
        behind=tuple(
            company.behind(pair.study, (arm,), [(str(pair.solo), arm)]) for arm in rows["arm"]
        ),
    )
