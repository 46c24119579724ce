"""Tables on what trainings do to one another: cost of a cohort, changed effects, who slows whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from greenbench.analysis.pairs import Pair, Place
from greenbench.analysis.records import records
from greenbench.report.context import Context
from greenbench.report.model import Behind, Cell, Column, Interval, Table
from greenbench.report.overlap import overlap
from greenbench.report.values import number_or_none

APART = (
    "The cohort's {what} for its work beside that of the same work done solo, one after another (the"
    " sum over its members). No modelled share is in it."
)
CHANGED = (
    "Change: how the mutant's ratio to its originals differs beside others from solo. p is"
    " corrected for the mutants of the study (Holm)."
)
CORRELATED = (
    "Spearman's ρ in both; change: of Fisher's z. The two are taken as independent, though the same"
    " settings stand behind both: the interval is too wide rather than too narrow. p is corrected"
    " for the rows of the table (Holm)."
)
SPREAD = (
    "Coefficient of variation of the arms' means; ratio above 1: the same mutations make energy"
    " vary more beside others. p by Pitman and Morgan's test over arms."
)
SLOWED = "Own training time of the originals beside others, divided by that solo."


def tables(context: Context) -> list[Table]:
    """Those over all co-located studies with something in them."""
    made = (_together(context), overlap(context), _spread(context), _slowed(context))
    return [table for table in made if table.rows]


def heading(pair: Pair) -> str:
    """Which study is compared with which."""
    return f"{pair.study} beside {pair.solo}"


def behind(study: str, arms: Iterable[str], places: Iterable[Place] = ()) -> Behind:
    """Arms of a co-located study, and the solo runs that they are compared with."""
    of_study: dict[str, list[str]] = {}
    for other, arm in places:
        of_study.setdefault(other, []).append(arm)
    also = (Behind(other, tuple(dict.fromkeys(found))) for other, found in of_study.items())
    return Behind(study, tuple(arms), tuple(also))


def _together(context: Context) -> Table:
    what, unit = ("energy", "J") if context.measured else ("CPU time", "s")
    columns = (
        Column("Study"),
        Column("Arm"),
        Column(f"{what} apart ({unit})", "quantity"),
        Column("together", "quantity"),
        Column("Change [95 %]", "percent"),
        Column("Time apart (s)", "quantity"),
        Column("together", "quantity"),
        Column("Note"),
    )
    found = context.company.together
    cells: list[tuple[Cell, ...]] = []
    links: list[Behind] = []
    for study, rows in found[~found["null"].astype(bool)].groupby("study", sort=False):
        if _one_note(rows):
            continue
        for row in records(rows):
            cells.append(
                (
                    str(study),
                    str(row["mutation"]) or "original",
                    row["apart"],
                    row["together"],
                    _interval(row, "change"),
                    row["apart_s"],
                    row["together_s"],
                    str(row["note"]),
                )
            )
            links.append(behind(str(study), (row["arm"],), row["places"]))
    return Table(
        title="Side by side or one after another",
        columns=columns,
        rows=tuple(cells),
        notes=(APART.format(what="measured energy" if context.measured else what),),
        behind=tuple(links),
    )


def uncompared(context: Context) -> Iterator[str]:
    """The studies of which no arm has a total to compare with one after another, and why."""
    reasons: dict[str, list[str]] = {}
    for study, rows in context.company.together.groupby("study", sort=False):
        if note := _one_note(rows):
            reasons.setdefault(note, []).append(str(study))
    for note, studies in reasons.items():
        yield f"Side by side or one after another, {', '.join(studies)}: {note}."


def _one_note(rows: pd.DataFrame) -> str:
    """The note that all rows have; empty if some have another one or none."""
    note = str(rows["note"].iloc[0])
    return note if (rows["note"] == note).all() else ""


def changed_deltas(context: Context, pair: Pair) -> Iterator[Table]:
    """Each mutant's delta solo and co-located, and how the two differ."""
    found = context.company.interaction
    rows = records(found[found["study"] == pair.study])
    if not rows:
        return
    what = "energy" if context.measured else "CPU time"
    columns = (
        Column("Mutant"),
        Column(f"Δ {what}, solo [95 %]", "percent"),
        Column("beside others [95 %]", "percent"),
        Column("Change [95 %]", "percent"),
        Column("p", "p"),
    )
    cells = tuple(
        (
            str(row["mutation"]),
            Interval.of(*(row[f"solo{end}"] for end in ("", "_low", "_high"))),
            Interval.of(*(row[f"beside{end}"] for end in ("", "_low", "_high"))),
            _interval(row, "change"),
            number_or_none(row["p_corrected"]),
        )
        for row in rows
    )
    traced = []
    for row in rows:
        arms = (str(row["arm"]), "original")
        traced.append(behind(pair.study, arms, [(str(pair.solo), arm) for arm in arms]))
    yield Table(
        title=f"Deltas in both: {heading(pair)}",
        columns=columns,
        rows=cells,
        notes=(CHANGED,),
        behind=tuple(traced),
    )


def changed_correlations(
    rows: pd.DataFrame, title: str, names: Iterable[str], traced: Iterable[Behind]
) -> Iterator[Table]:
    """Each coefficient solo and co-located, and how the two differ (`correlation_changes` of one
    pair); `names` are the quantities in words."""
    if rows.empty:
        return
    columns = (
        Column("Hyperparameter"),
        Column("With"),
        Column("ρ, solo", "coefficient"),
        Column("beside others", "coefficient"),
        Column("Change of z [95 %]", "change"),
        Column("p", "p"),
        Column("Note"),
    )
    cells = tuple(
        (
            str(row["hyperparameter"]),
            name,
            row["solo"],
            row["beside"],
            _interval(row, "change"),
            number_or_none(row["p_corrected"]),
            str(row["note"]),
        )
        for row, name in zip(records(rows), names, strict=True)
    )
    yield Table(title=title, columns=columns, rows=cells, behind=tuple(traced))


def _spread(context: Context) -> Table:
    columns = (
        Column("Study"),
        Column("Arms", "count"),
        Column("Variation, solo", "share"),
        Column("beside others", "share"),
        Column("Ratio [95 %]", "quantity"),
        Column("p", "p"),
    )
    known = records(context.company.spread)
    cells: tuple[tuple[Cell, ...], ...] = tuple(
        (
            str(row["study"]),
            int(row["arms"]),
            number_or_none(row["cv_solo"]),
            number_or_none(row["cv_beside"]),
            _interval(row, "ratio"),
            number_or_none(row["p"]),
        )
        for row in known
    )
    what = "energy" if context.measured else "CPU time"
    alone = [context.company.pairs.solo(row["study"]) for row in known]
    traced = (
        Behind(str(row["study"]), (), (Behind(solo),) if solo else ())
        for row, solo in zip(known, alone, strict=True)
    )
    return Table(
        title=f"Does {what} vary more beside others?",
        columns=columns,
        rows=cells,
        notes=(SPREAD,),
        behind=tuple(traced),
    )


def _slowed(context: Context) -> Table:
    found = context.company.slowed
    known = records(found[found["arm"] == "original"])
    noted = any(row["note"] for row in known)
    columns = (
        Column("Study"),
        Column("Model"),
        Column("Beside"),
        Column("Time solo (s)", "quantity"),
        Column("beside (s)", "quantity"),
        Column("Slowed [95 %]", "quantity"),
        *((Column("Note"),) if noted else ()),
    )
    cells = tuple(
        (
            str(row["study"]),
            str(row["model"]),
            str(row["beside"]),
            number_or_none(row["solo_s"]),
            number_or_none(row["beside_s"]),
            _interval(row, "slowdown"),
            *((str(row["note"]),) if noted else ()),
        )
        for row in known
    )
    places = ([row["place"]] if row["place"] else [] for row in known)
    return Table(
        title="Who slows whom",
        columns=columns,
        rows=cells,
        notes=(SLOWED,),
        behind=tuple(
            behind(row["study"], (row["arm"],), place)
            for row, place in zip(known, places, strict=True)
        ),
    )


def _interval(row: Any, value: str) -> Interval | None:
    return Interval.of(row[value], row["low"], row["high"])
