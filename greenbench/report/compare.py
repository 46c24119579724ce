"""Two result sets side by side as a `Report`, with what can be compared and what can't."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from greenbench.analysis import comparison
from greenbench.analysis.cohorts import METRIC
from greenbench.report import generated
from greenbench.report.context import Context, context
from greenbench.report.figures import Axis, Forest, Mark, Pair, Pairs, Tone
from greenbench.report.imported import is_blocked
from greenbench.report.likeness import (
    differences,
    only_in_one,
    other_frameworks,
    other_hardware,
    why_no_energy,
)
from greenbench.report.model import Cell, Column, Report, Section, Table
from greenbench.report.notebook import ShownReport
from greenbench.report.text import cell_text, number
from greenbench.report.values import Interval, Kind, number_or_none
from greenbench.store import Store

ABOUT = (
    "AFTER against BEFORE. The intervals hold together: the chance that any interval of a table"
    " misses is 5 % at most (Welch's t on logarithms of block means, or of runs that are in no block;"
    " Bonferroni). What differs"
    " between two dates without being recorded (the room's temperature, say) is in no interval."
)
ABOUT_DELTAS = (
    "Each side's mutants are compared with its own originals, so what slows or heats a whole host"
    " cancels. The change is of the mutant's ratio to its originals."
)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a limit finds: arms over it as far as the intervals go, and those that may be.

    `judged` is how many had an interval at all; `refused` says why none may be judged.
    """

    limit: float
    what: str
    over: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    judged: int = 0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """The report of a comparison, and the rows that a gate judges."""

    report: Report
    rows: pd.DataFrame
    what: str
    refused: str
    units: str = "blocks"

    def gate(self, limit: float) -> Gate:
        """An arm is over the limit if its whole interval is: an estimate alone fails nothing."""
        if self.refused:
            return Gate(limit, self.what, refused=self.refused)
        known = self.rows[self.rows["low"].notna()]
        if known.empty:
            reason = (
                f"no arm has two {self.units} in both result sets, so nothing is known beyond noise"
            )
            return Gate(limit, self.what, refused=reason)
        over = known["low"].astype(float) > limit
        perhaps = ~over & (known["high"].astype(float) > limit)
        return Gate(
            limit,
            self.what,
            tuple(_line(row) for _, row in known[over].iterrows()),
            tuple(_line(row) for _, row in known[perhaps].iterrows()),
            len(known),
        )


def compare(
    before: Store,
    after: Store,
    *,
    names: tuple[str, str] = ("BEFORE", "AFTER"),
    include_invalid: bool = False,
) -> Compared:
    """What two result sets say of the same arms; whatever can't be compared is said, not shown."""
    one, two = (context(store, include_invalid=include_invalid) for store in (before, after))
    return _compared(one, two, names)


def _compared(one: Context, two: Context, names: tuple[str, str]) -> Compared:
    differing = list(differences(one, two))
    energy = why_no_energy(one, two)
    quantity = "cpu_time_s" if energy else "energy_j"
    what = "CPU time" if energy else "energy"
    rows = comparison.totals(one.cohorts, two.cohorts, quantity)
    times = comparison.totals(one.cohorts, two.cohorts, "train_s")
    shifts = comparison.deltas(one.cohorts, two.cohorts, quantity, "ratio")
    units = "Blocks" if any(is_blocked(side.facts) for side in (one, two)) else "Runs"
    hardware = other_hardware(one, two)
    frameworks = other_frameworks(one, two)
    refused = ""
    if rows.empty:
        refused = "no arm with the same configuration completed in both result sets"
    elif hardware:
        refused = f"they ran on different hardware ({hardware}), which would be what is judged"
    elif frameworks:
        refused = f"they trained in different frameworks ({frameworks}), which would be judged"
    sections = (
        _summary(rows, shifts, what, differing, refused, *generated.lines(one, two)),
        _comparable(differing, energy, hardware, frameworks, only_in_one(one, two)),
        _totals(rows, times, what, names, units),
        _deltas(shifts, what, names, units),
        _metrics(one, two, units),
    )
    report = ShownReport(
        title=f"greenbench: {names[0]} beside {names[1]}",
        basis="measured" if not energy else "none",
        sections=tuple(generated.captioned(s, one, two) for s in sections if s is not None),
    )
    return Compared(report, rows, what, refused, units.lower())


def _summary(
    rows: pd.DataFrame,
    shifts: pd.DataFrame,
    what: str,
    differing: Sequence[tuple[str, str, str]],
    refused: str,
    *labels: str,
) -> Section:
    points = [f"{len(rows)} arms have the same configuration and results in both."]
    known = rows[rows["low"].notna()]
    if len(known):
        more = int((known["low"].astype(float) > 0).sum())
        less = int((known["high"].astype(float) < 0).sum())
        rest = len(known) - more - less
        points.append(
            f"AFTER, {what}: {more} arms take more, {less} take less, of {rest} it can't be told."
        )
    originals = rows[rows["mutation"] == ""]
    points += [
        f"{row['study']}: the original takes {_words(row, what)}."
        for _, row in originals.iterrows()
    ]
    clear = shifts[shifts["low"].notna()]
    moved = clear[(clear["low"].astype(float) > 0) | (clear["high"].astype(float) < 0)]
    if len(clear):
        points.append(
            f"{len(moved)} of {len(clear)} deltas of mutants changed beyond their intervals."
        )
    if differing:
        verb = "thing differs" if len(differing) == 1 else "things differ"
        points.append(f"{len(differing)} {verb} between the two, as listed below.")
    points += labels
    if refused:
        points.append(f"A gate (--fail-over) can't judge these: {refused}.")
    return Section(key="summary", title="Summary", points=tuple(points))


def _words(row: pd.Series, what: str) -> str:
    change = cell_text(_interval(row), "percent")
    if pd.isna(row["low"]):
        return f"{change} {what} (how much of it is noise is not known)"
    sure = float(row["low"]) > 0 or float(row["high"]) < 0
    return f"{change} {what}" if sure else f"as much {what} as far as can be told ({change})"


def _comparable(
    differing: Sequence[tuple[str, str, str]],
    energy: str,
    hardware: str,
    frameworks: str,
    alone: Sequence[str],
) -> Section:
    points = []
    if energy:
        points.append(f"Energies are not compared: {energy}. CPU time is compared instead.")
    else:
        points.append("Energies are measured over the same channels in both, and are compared.")
    if hardware:
        points.append(
            f"Different hardware ({hardware}): totals compare the machines, not what ran on them."
            " Deltas against each side's own originals compare the mutants."
        )
    else:
        points.append("The same hardware, as far as the record tells.")
    if frameworks:
        points.append(
            f"Different frameworks ({frameworks}): totals compare the frameworks with all that they"
            " do otherwise, not a change of the code. Deltas against each side's own originals"
            " compare the mutants."
        )
    points += [
        f"Only in {side}, and not compared: {studies}. Studies are matched by name: give both"
        " suites the same names of studies and scenarios."
        for side, studies in zip(("BEFORE", "AFTER"), alone, strict=True)
        if studies
    ]
    table = Table(
        title="What differs",
        columns=(Column("What"), Column("BEFORE"), Column("AFTER")),
        rows=tuple(differing),
    )
    return Section(
        key="comparable",
        title="What can be compared, and what can't",
        points=tuple(points),
        tables=(table,) if differing else (),
    )


def _totals(
    rows: pd.DataFrame, times: pd.DataFrame, what: str, names: tuple[str, str], units: str
) -> Section | None:
    if rows.empty:
        return None
    unit = "J" if what == "energy" else "s"
    by_arm = {(row["study"], row["arm"]): row for _, row in times.iterrows()}
    columns = (
        Column("Arm"),
        Column(f"BEFORE ({unit})", "quantity"),
        Column(f"AFTER ({unit})", "quantity"),
        Column(f"Δ {what}", "percent"),
        Column("Δ time", "percent"),
        Column(units, "count"),
    )
    tables = []
    for study, of_study in rows.groupby("study", sort=False):
        cells: list[tuple[Cell, ...]] = []
        for _, row in of_study.iterrows():
            time = by_arm.get((row["study"], row["arm"]))
            change = None if time is None else _interval(time)
            sides = (float(row["before"]), float(row["after"]))
            cells.append((_arm(row), *sides, _interval(row), change, int(row["blocks"])))
        tables.append(Table(title=str(study), columns=columns, rows=tuple(cells)))
    return Section(
        key="totals",
        title=f"{what[0].upper()}{what[1:]} and time, side by side",
        paragraphs=(ABOUT,),
        tables=tuple(tables),
        figures=(
            Forest(
                title=f"Change of {what}, AFTER against BEFORE",
                x=Axis(title=f"Change of {what} [joint 95 %]", kind="percent", better="less"),
                marks=tuple(_mark(row) for _, row in rows.iterrows()),
            ),
            Pairs(
                title=f"{what[0].upper()}{what[1:]} in both",
                x=Axis(title=f"{what[0].upper()}{what[1:]} ({unit})", better="less"),
                first=names[0],
                second=names[1],
                pairs=tuple(
                    Pair(
                        label=_label(row),
                        first=Interval(row["before"]),
                        second=Interval(row["after"]),
                    )
                    for _, row in rows.iterrows()
                ),
            ),
        ),
    )


def _deltas(shifts: pd.DataFrame, what: str, names: tuple[str, str], units: str) -> Section | None:
    if shifts.empty:
        return None
    figure = Pairs(
        title=f"Δ {what} in both",
        x=Axis(title=f"Δ {what} against the originals", kind="percent", better="less"),
        first=names[0],
        second=names[1],
        pairs=tuple(
            Pair(label=_label(row), first=Interval(row["before"]), second=Interval(row["after"]))
            for _, row in shifts.iterrows()
        ),
    )
    return Section(
        key="deltas",
        title="Mutants against their originals, in both",
        paragraphs=(ABOUT_DELTAS,),
        tables=tuple(_shifts(shifts, f"Δ {what}", "percent", units)),
        figures=(figure,),
    )


def _metrics(one: Context, two: Context, units: str) -> Section | None:
    """Each shared metric's deltas in both; its level belongs to a seed and a framework."""
    tables: list[Table] = []
    shared = [
        column
        for column in one.cohorts.columns
        if str(column).startswith(METRIC) and column in two.cohorts
    ]
    for column in shared:
        found = comparison.deltas(one.cohorts, two.cohorts, str(column), "difference")
        if found.empty:
            continue
        tables += _shifts(found, f"Δ {str(column).removeprefix(METRIC)}", "change", units)
    if not tables:
        return None
    return Section(
        key="performance",
        title="Performance of the mutants, in both",
        paragraphs=("Differences from each side's own originals; intervals as above.",),
        tables=tuple(tables),
    )


def _shifts(rows: pd.DataFrame, what: str, kind: Kind, units: str) -> Iterator[Table]:
    """For each study its mutants' deltas in both, and how they changed."""
    columns = (
        Column("Mutant"),
        Column(f"{what}, BEFORE", kind),
        Column(f"{what}, AFTER", kind),
        Column("Change", kind),
        Column(units, "count"),
    )
    for study, of_study in rows.groupby("study", sort=False):
        cells: tuple[tuple[Cell, ...], ...] = tuple(
            (
                _arm(row),
                float(row["before"]),
                float(row["after"]),
                _interval(row),
                int(row["blocks"]),
            )
            for _, row in of_study.iterrows()
        )
        yield Table(title=f"{study}: {what} in both", columns=columns, rows=cells)


def _mark(row: pd.Series) -> Mark:
    tone: Tone = "plain"
    if not pd.isna(row["low"]):
        tone = "bad" if row["low"] > 0 else "good" if row["high"] < 0 else "plain"
    return Mark(label=_label(row), x=_interval(row), tone=tone)


def _interval(row: pd.Series) -> Interval:
    low, high = (number_or_none(row[key]) for key in ("low", "high"))
    return Interval(float(row["change"]), low, high)


def _label(row: pd.Series) -> str:
    return f"{row['study']}: {_arm(row)}"


def _arm(row: pd.Series) -> str:
    return str(row["mutation"]) or "original"


def _line(row: pd.Series) -> str:
    return f"{_label(row)}: {cell_text(_interval(row), 'percent')}"


def gate_words(gate: Gate) -> list[str]:
    """What a gate found, a line each."""
    limit = f"{number(gate.limit, 'quantity') if not gate.limit else f'{100 * gate.limit:g}'} %"
    lines = [f"over {limit} more {gate.what}, beyond the interval: {text}" for text in gate.over]
    lines += [f"perhaps over {limit}, not beyond noise: {text}" for text in gate.perhaps]
    if not gate.over:
        lines.append(f"no arm of {gate.judged} takes over {limit} more {gate.what} beyond noise")
    return lines
