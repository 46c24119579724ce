"""The section that is read first, and often alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from greenbench.analysis.records import records
from greenbench.analysis.verdicts import FINE, noise_band
from greenbench.report import generated
from greenbench.report.context import Context
from greenbench.report.effects import Judged, judged
from greenbench.report.model import Interval, Section
from greenbench.report.moving import moving
from greenbench.report.text import cell_text, number

WORDS = ("greener", "costlier", "unchanged", "inconclusive")


def section(context: Context, limits: int) -> Section:
    """What came out, in a few lines; `limits` is how many weaknesses are listed further down."""
    points = [_completed(context), *_invalid(context)]
    points += _measured(context) if context.measured else _not_measured(context)
    points += [*_moving(context), *_colocated(context), *generated.lines(context)]
    if limits:
        verb = "thing limits" if limits == 1 else "things limit"
        points.append(f"{limits} {verb} these conclusions; they are listed below.")
    return Section(key="summary", title="Summary", points=tuple(points))


def _completed(context: Context) -> str:
    trials = context.frames.trials
    counts = trials["status"].value_counts()
    done = int(counts.get("completed", 0))
    others = [f"{counts[name]} {name}" for name in sorted(counts.index) if name != "completed"]
    rest = f" ({', '.join(others)})" if others else ""
    warm_ups = len(trials) - len(context.counted)
    apart = f"; {warm_ups} of them warm-ups, which enter nothing" if warm_ups else ""
    return f"{done} of {len(trials)} trials completed{rest}{apart}."


def _invalid(context: Context) -> Iterator[str]:
    if len(context.invalid):
        runs = _count(len(context.invalid), "run")
        if context.include_invalid:
            yield f"{runs} with a failed check of the measurement included, as asked."
        else:
            yield (
                f"{runs} left out: the measurement failed a check"
                " (`greenbench report --include-invalid` takes them in)."
            )


def _measured(context: Context) -> Iterator[str]:
    mutants: dict[str, list[Judged]] = {}
    for mutant in judged(context):
        mutants.setdefault(mutant.study, []).append(mutant)
    for study in context.studies():
        of_study = mutants.get(study, [])
        if not of_study:
            continue
        counts = Counter(mutant.energy for mutant in of_study)
        words = ", ".join(f"{counts[word]} {word}" for word in WORDS if counts[word])
        band = noise_band(context.rows(context.quantity, study))
        noise = f" (A/A noise band ±{100 * band:.1f} %)" if band is not None else ""
        yield f"{study}: of {_count(len(of_study), 'mutant')}, {words}{noise}."
        yield from _greenest(context, study, of_study)


def _greenest(context: Context, study: str, mutants: list[Judged]) -> Iterator[str]:
    good = [m for m in mutants if m.energy == "greener" and m.performance in FINE]
    if good:
        best = min(good, key=lambda mutant: mutant.change.value)
        change = cell_text(best.change, "percent")
        text = f"{study}: greenest with performance {best.performance}: {best.mutation}, {change}"
        crossed = context.choice[context.choice["study"] == study]
        for row in records(crossed[crossed["arm"] == best.arm]):
            known = Interval(*(float(row[name]) for name in ("saving", "low", "high")))
            text += f"; on blocks that did not choose it, it saves {cell_text(known, 'percent')}"
        yield f"{text}."


def _not_measured(context: Context) -> Iterator[str]:
    if context.basis == "estimate":
        yield (
            "No energy meter could be read: energies are estimates from CPU time, no verdict is"
            " given, and CPU time is compared instead."
        )
    else:
        yield "No energy was recorded: no verdict is given, and CPU time is compared instead."


def _moving(context: Context) -> Iterator[str]:
    """Of hyperparameters that were changed alone: a partial ρ has no corrected p."""
    found = context.correlations
    alone = found["rho"].notna() | found["epsilon_squared"].notna() | found["held"].isna()
    rows = found[(found["quantity"] == context.quantity) & alone]
    ordered = rows["epsilon_squared"].isna()
    table = rows.assign(
        sign=ordered.map({True: "ρ", False: "ε²"}),
        coefficient=rows["rho"].where(ordered, rows["epsilon_squared"]),
    )
    return moving(table, "energy" if context.measured else "CPU time", "settings")


def _colocated(context: Context) -> Iterator[str]:
    """What co-location does to the originals of each co-located study."""
    what = "energy" if context.measured else "CPU time"
    copies, whole = (
        {str(row["study"]): row for row in records(table[table["mutation"] == ""])}
        for table in (context.company.copies, context.company.together)
    )
    times = {
        str(row["study"]): row
        for row in records(context.company.slowed)
        if row["arm"] == "original" and row["role"] == "measured"
    }
    for pair in context.company.pairs.pairs:
        if pair.kind == "homogeneous":
            about = pair.study, "a training", what, "solo"
            yield from _against(copies.get(pair.study), "change", *about)
            continue
        about = pair.study, "the cohort", what, "its members solo, one after another"
        yield from _against(whole.get(pair.study), "change", *about)
        about = pair.study, "a training", "time", "solo"
        yield from _against(times.get(pair.study), "slowdown", *about)


def _against(row: Mapping[str, Any] | None, name: str, study: str, *takes: str) -> Iterator[str]:
    """One sentence on who `takes` more or less of what than which solo runs; none where the noise
    is not known."""
    if row is None or pd.isna(row["low"]):
        return
    who, what, solo = takes
    one = 1.0 if name == "slowdown" else 0.0
    change, low, high = (float(row[key]) - one for key in (name, "low", "high"))
    if low * high > 0:
        size, *ends = (
            number(abs(value), "percent").lstrip("+")
            for value in (change, *sorted((low, high), key=abs))
        )
        bounds = ", ".join(end.removesuffix(" %") for end in ends)
        less = "less" if change < 0 else "more"
        yield f"{study}: {who} takes {size} {less} {what} than {solo} [{bounds}]."
    else:
        known = cell_text(Interval(change, low, high), "percent")
        yield f"{study}: whether {who} takes more or less {what} than {solo} can't be told ({known})."


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
