"""The figures that a report draws of its analysis, study by study."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from greenbench.analysis.choice import pareto_front
from greenbench.analysis.cohorts import METRIC
from greenbench.analysis.pairs import Pair, Place
from greenbench.analysis.records import records
from greenbench.analysis.verdicts import noise_band
from greenbench.report import company
from greenbench.report.context import Arms, Context
from greenbench.report.effects import Judged, interval, judged
from greenbench.report.figures import (
    Axis,
    Figure,
    Forest,
    Heatmap,
    Mark,
    Pairs,
    Scatter,
    Tone,
)
from greenbench.report.figures import Pair as PairMark
from greenbench.report.model import Section
from greenbench.report.relations import name, settings_behind
from greenbench.report.values import Behind, Interval

FRONT = (
    "Line: the points that no other beats in both (Pareto front), by the middles of their intervals"
    " alone; mutants with a diverged training are not on it."
)
TONES: dict[str | None, Tone] = {"greener": "good", "costlier": "bad"}


def with_figures(section: Section, context: Context) -> Section:
    """The section with the figures that belong to it."""
    drawn = {"effects": effects, "correlations": correlations, "colocation": colocation}
    draw = drawn.get(section.key)
    return replace(section, figures=(*section.figures, *draw(context))) if draw else section


def effects(context: Context) -> Iterator[Figure]:
    """For each study a forest plot of its deltas, and energy against performance."""
    words = {(mutant.study, mutant.mutation): mutant for mutant in judged(context)}
    for study in context.studies():
        arms = context.arms(context.quantity, study)
        known = {arm: row for arm, row in arms.items() if not math.isnan(row["estimate"])}
        if known:
            yield _forest(context, study, known, words)
            yield from _scatter(context, study, known, words)


def correlations(context: Context) -> Iterator[Figure]:
    """For each study its coefficients, hyperparameters down, quantities across."""
    for study, rows in context.correlations.groupby("study", sort=False):
        names = [str(found) for found in rows["hyperparameter"].drop_duplicates()]
        quantities = [str(found) for found in rows["quantity"].drop_duplicates()]
        cells = {(str(r["hyperparameter"]), str(r["quantity"])): r for r in records(rows)}
        if not rows["rho"].notna().any():
            continue
        yield Heatmap(
            title=f"{study}: Spearman's ρ",
            rows=tuple(names),
            columns=tuple(name(quantity) for quantity in quantities),
            values=tuple(tuple(_rho(cells.get((n, q))) for q in quantities) for n in names),
            words=tuple(tuple(_note(cells.get((n, q))) for q in quantities) for n in names),
            behind=tuple(settings_behind(context, str(study), n) for n in names),
            notes=("Blue: falls as the hyperparameter grows; red: grows with it.",),
        )


def colocation(context: Context) -> Iterator[Figure]:
    """For each co-located study its arms beside its solo study's: energy where it can be compared,
    and the time of a training beside other models."""
    for pair in context.company.pairs.pairs:
        drawn = (_energy(context, pair), _whole(context, pair), _time(context, pair))
        yield from (figure for figure in drawn if figure.pairs)


def _energy(context: Context, pair: Pair) -> Pairs:
    """One training solo beside one of k copies."""
    what, unit = ("Energy", "J") if context.measured else ("CPU time", "s")
    rows = context.company.copies[context.company.copies["study"] == pair.study]
    return Pairs(
        title=f"{what} of one training: {company.heading(pair)}",
        x=Axis(title=f"{what} of one training ({unit})", better="less"),
        first="solo",
        second=pair.scenario,
        pairs=tuple(
            _pair(row, ("solo", "per_training"), [(str(row["solo_study"]), str(row["arm"]))])
            for row in records(rows)
        ),
        notes=("Means over blocks; co-located: the whole cohort's, divided by its trainings.",),
    )


def _whole(context: Context, pair: Pair) -> Pairs:
    """A mixed cohort beside its members one after another."""
    what, unit = ("Energy", "J") if context.measured else ("CPU time", "s")
    rows = context.company.together
    rows = rows[(rows["study"] == pair.study) & (rows["kind"] == "mixed") & (rows["note"] == "")]
    return Pairs(
        title=f"{what} of the cohort for its work: {pair.study}",
        x=Axis(title=f"{what} of all members ({unit})", better="less"),
        first="one after another",
        second="side by side",
        pairs=tuple(_pair(row, ("apart", "together"), row["places"]) for row in records(rows)),
        notes=("Means over blocks; one after another: the sum of the members' solo runs.",),
    )


def _time(context: Context, pair: Pair) -> Pairs:
    """The study's own model's training time beside other models."""
    rows = context.company.slowed
    apart = rows["kind"].isin(("mixed", "foreground")) & (rows["role"] == "measured")
    rows = rows[(rows["study"] == pair.study) & apart & rows["place"].notna()]
    return Pairs(
        title=f"Time of one training: {company.heading(pair)}",
        x=Axis(title="Time of one training (s)", better="less"),
        first="solo",
        second=pair.scenario,
        pairs=tuple(_pair(row, ("solo_s", "beside_s"), [row["place"]]) for row in records(rows)),
        notes=(f"Means over blocks of {pair.model}'s own training.",),
    )


def _pair(row: Mapping[Any, Any], names: tuple[str, str], places: Iterable[Place]) -> PairMark:
    first, second = (Interval.of(row[name], None, None) for name in names)
    arm = str(row["arm"])
    return PairMark(
        label=str(row["mutation"]) or "original",
        first=first,
        second=second,
        behind=company.behind(str(row["study"]), (arm,), places),
    )


def _forest(
    context: Context, study: str, known: Arms, words: dict[tuple[str, str], Judged]
) -> Forest:
    what = "energy" if context.measured else "CPU time"
    band = noise_band(context.rows(context.quantity, study)) if context.measured else None
    marks = tuple(_mark(study, row, words, interval(row)) for row in known.values())
    return Forest(
        title=f"{study}: Δ {what}",
        x=Axis(title=f"Δ {what} against the originals [95 %]", kind="percent", better="less"),
        marks=marks,
        band=band,
        notes=() if band is None else ("Shaded: the noise band of the A/A arms.",),
    )


def _scatter(
    context: Context, study: str, known: Arms, words: dict[tuple[str, str], Judged]
) -> Iterator[Scatter]:
    diverged = context.diverged(study)
    for metric in context.judged_metrics(study):
        arms = context.arms(METRIC + metric.name, study)
        found = {arm: row for arm, row in arms.items() if not math.isnan(row["estimate"])}
        both = [row for arm, row in known.items() if arm in found and not row["null"]]
        marks = [
            _mark(study, row, words, interval(row), interval(found[row["arm"]])) for row in both
        ]
        if not marks:
            continue
        start = Mark(
            label="original",
            x=Interval(0.0),
            y=Interval(0.0),
            tone="quiet",
            behind=Behind(study, ("original",)),
        )
        marks = [start, *marks]
        more = metric.direction == "maximize"
        fine = [0, *(place for place, row in enumerate(both, 1) if row["arm"] not in diverged)]
        margin = metric.margin
        unit = f" ({metric.unit})" if metric.unit else ""
        what = "energy" if context.measured else "CPU time"
        yield Scatter(
            title=f"{study}: {what} against {metric.name}",
            x=Axis(title=f"Δ {what}", kind="percent", better="less"),
            y=Axis(
                title=f"Δ {metric.name}{unit}", kind="change", better="more" if more else "less"
            ),
            marks=tuple(marks),
            front=_front(marks, fine, more_is_better=more),
            y_margin=None if margin is None else -margin if more else margin,
            notes=(FRONT,),
        )


def _front(marks: list[Mark], fine: list[int], *, more_is_better: bool) -> tuple[int, ...]:
    """The places of the marks on the Pareto front, of those that may be on it."""
    points = [(marks[k].x.value, y.value if (y := marks[k].y) else 0.0) for k in fine]
    return tuple(fine[k] for k in pareto_front(points, more_is_better=more_is_better))


def _mark(
    study: str,
    row: Mapping[Any, Any],
    words: dict[tuple[str, str], Judged],
    x: Interval,
    y: Interval | None = None,
) -> Mark:
    found = words.get((study, str(row["mutation"])))
    null = bool(row["null"])
    parts = (
        [found.energy, found.performance and f"performance {found.performance}"] if found else []
    )
    return Mark(
        label=str(row["mutation"]),
        x=x,
        y=y,
        word="A/A arm" if null else ", ".join(part for part in parts if part),
        tone="quiet" if null else TONES.get(found.energy if found else None, "plain"),
        behind=Behind.of_delta(study, str(row["arm"])),
    )


def _rho(row: Mapping[Any, Any] | None) -> float | None:
    return None if row is None or pd.isna(row["rho"]) else float(row["rho"])


def _note(row: Mapping[Any, Any] | None) -> str:
    if row is None:
        return ""
    known = not pd.isna(row["p_corrected"])
    p = f"p {float(row['p_corrected']):.3g}" if known else ""
    parts = (f"{int(row['settings'])} settings", p, str(row["note"]))
    return ", ".join(part for part in parts if part)
