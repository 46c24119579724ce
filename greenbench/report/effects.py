"""The section on mutants: what each one costs or saves, and whether it still performs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from greenbench.analysis.cohorts import CHANNEL, METRIC
from greenbench.analysis.inference import ALPHA
from greenbench.analysis.limits import ways_to_diverge
from greenbench.analysis.verdicts import energy_verdict, noise_band
from greenbench.api import Metric
from greenbench.report.context import Arms, Context
from greenbench.report.model import Behind, Cell, Column, Interval, Kind, Section, Table
from greenbench.report.text import number
from greenbench.report.values import number_or_none

TOO_FEW = "too few to tell"
TOGETHER = "Each interval holds by itself; p is corrected for all mutants of the study (Dunnett){verdicts}."
BESIDE = (
    "Together: intervals that hold with 95 % for all mutants of the study at once (Dunnett){verdicts}. Exact: p of the permutation test within blocks, and corrected by Holm; δ over all pairs of a mutant"
    " and an original, and over those inside a block."
)
SPLIT = (
    "Energy is power times time; the joules are shared out in proportion to the logarithms of both."
)
OTHERWISE = (
    "The changes of the tables above: in their own unit what stands as a percentage there, and metrics"
    " as a share of the originals' mean."
)
BEFORE = ("idle_w", "ready_w", "ready_j")
IDLE_NOTE = (
    "Idle: nothing runs. Ready: frameworks are loaded and wait for the start, which is outside of"
    " the energy compared. Idle power times time is the idle part of that energy, the rest its"
    " active part."
)


@dataclass(frozen=True, slots=True)
class Judged:
    """One mutant of one study with its verdicts; None where none is given."""

    study: str
    arm: str
    mutation: str
    energy: str | None
    performance: str | None
    change: Interval


def section(context: Context) -> Section:
    """Deltas of every mutant, study by study."""
    tables = [table for study in context.studies() for table in _study(context, study)]
    if tables and context.measured:
        tables = [_before_training(context), *tables]
    tables = [_originals(context), *tables] if tables else []
    paragraphs = () if tables else ("No mutant has a completed original in its block yet.",)
    return Section(
        key="effects",
        title="Mutants against their originals",
        paragraphs=paragraphs,
        tables=tuple(tables),
    )


def judged(context: Context) -> list[Judged]:
    """Every mutant (no A/A arm) with its verdicts, in the report's order."""
    found = []
    for study in context.studies():
        rows = context.rows(context.quantity, study)
        band, words = noise_band(rows), context.performance(study)
        for arm, row in context.arms(context.quantity, study).items():
            if row["null"]:
                continue
            smallest = context.stated.smallest_effect
            energy = energy_verdict(row, band, smallest) if context.measured else None
            found.append(
                Judged(study, arm, str(row["mutation"]), energy, words.get(arm), interval(row))
            )
    return found


def interval(row: Any) -> Interval:
    """A delta's estimate with its bounds."""
    low, high = (number_or_none(row[name]) for name in ("low", "high"))
    return Interval(float(row["estimate"]), low, high)


def behind(study: str, arms: Iterable[str]) -> tuple[Behind, ...]:
    """What each arm's row of deltas rests on: its runs and the originals'."""
    return tuple(Behind.of_delta(study, arm) for arm in arms)


def _originals(context: Context) -> Table:
    """What the originals cost: means over their runs."""
    what, unit = ("Energy", "J") if context.measured else ("CPU time", "s")
    quantities = {f"{what} ({unit})": context.quantity, "Time (s)": "train_s"}
    if context.measured:
        quantities |= {"Active (J)": "active_j", "Power (W)": "power_w"}
    cells: list[tuple[Cell, ...]] = []
    for study in context.studies():
        table = _of_originals(context, study, quantities.values())
        known = (table[name].astype(float) for name in quantities.values())
        means = (float(values[values > 0].mean()) for values in known)
        cells.append((study, len(table), *means))
    columns = (Column(name, "quantity") for name in quantities)
    return Table(
        title="The originals",
        columns=(Column("Study"), Column("Runs", "count"), *columns),
        rows=tuple(cells),
        notes=("Means over runs; a run of co-located copies counts whole.",),
        behind=tuple(Behind(study, ("original",)) for study in context.studies()),
    )


def _of_originals(context: Context, study: str, names: Iterable[str]) -> pd.DataFrame:
    """These columns of a study's originals."""
    table = context.cohorts_of(study)
    return table.loc[table["original"].astype(bool), list(names)]


def _before_training(context: Context) -> Table:
    """Power without training, and how much of the originals' energy that accounts for."""
    quantities = {
        "Idle (W)": "idle_w",
        "Ready (W)": "ready_w",
        "Ready (J)": "ready_j",
        "Idle part (J)": "idle_j",
        "Active part (J)": "active_j",
    }
    cells: list[tuple[Cell, ...]] = []
    for study in context.studies():
        table = _of_originals(context, study, ["energy_j", "active_j", *BEFORE])
        known = table.assign(idle_j=table["energy_j"] - table["active_j"])
        cells.append((study, *(float(known[n].astype(float).mean()) for n in quantities.values())))
    return Table(
        title="The originals: idle, ready and active",
        columns=(Column("Study"), *(Column(name, "quantity") for name in quantities)),
        rows=tuple(cells),
        notes=(IDLE_NOTE,),
        behind=tuple(Behind(study, ("original",)) for study in context.studies()),
    )


def _study(context: Context, study: str) -> list[Table]:
    arms = context.arms(context.quantity, study)
    if not arms:
        return []
    return [
        _main(context, study, arms),
        _beside_tests(context, study, arms),
        _time(context, study, arms),
        *_split(context, study, arms),
        *_detail(context, study, arms),
    ]


def _main(context: Context, study: str, arms: Arms) -> Table:
    rows = context.rows(context.quantity, study)
    band = noise_band(rows)
    what, unit = ("energy", "J") if context.measured else ("CPU time", "s")
    columns = [
        Column("Mutant"),
        Column(f"Δ {what} ({unit})", "change"),
        Column(f"Δ {what} [95 %]", "percent"),
        Column("p", "p"),
        Column("Verdict" if context.measured else "Note"),
    ]
    cells: list[tuple[Cell, ...]] = []
    for row in arms.values():
        null = bool(row["null"])
        word = "A/A arm" if null else ""
        if context.measured and not null:
            word = energy_verdict(row, band, context.stated.smallest_effect)
        known = pd.notna(row["p_corrected"])
        test: Cell = None if null else float(row["p_corrected"]) if known else TOO_FEW
        effect = (float(row["delta"]), interval(row), test)
        cells.append((str(row["mutation"]), *effect, word))
    return Table(
        title=f"{study}: {what}",
        columns=tuple(columns),
        rows=tuple(cells),
        notes=_notes(context, rows, band),
        behind=behind(study, arms),
    )


def _notes(context: Context, rows: pd.DataFrame, band: float | None) -> tuple[str, ...]:
    blocks = sorted({int(n) for n in rows["blocks"]})
    spread = str(blocks[0]) if len(blocks) == 1 else f"{blocks[0]} to {blocks[-1]}"
    df = rows["df"].dropna().astype(float)
    text = f"{spread} blocks with {rows['originals'].max()} originals in all"
    text += f"; t intervals with {df.min():.1f} degrees of freedom." if len(df) else "."
    notes = [
        text,
        TOGETHER.format(verdicts=", and so are the verdicts" if context.measured else ""),
    ]
    if context.measured and band is not None:
        notes.append(
            f"Noise band of the A/A arm: ±{100 * band:.1f} %. No effect inside it is called."
        )
    if context.basis == "estimate":
        notes.append("Energy is an estimate from CPU time here, so CPU time itself is compared.")
    return tuple(notes)


def _joint(row: Any) -> Interval | None:
    if pd.isna(row["joint_low"]):
        return None
    return Interval(float(row["estimate"]), float(row["joint_low"]), float(row["joint_high"]))


def _beside_tests(context: Context, study: str, arms: Arms) -> Table:
    """Exact tests and effect sizes, which rest on fewer assumptions than the intervals."""
    found = context.beside_of(study)
    columns = (
        Column("Mutant"),
        Column("together [95 %]", "percent"),
        Column("exact p", "p"),
        Column("corrected", "p"),
        Column("Cliff's δ", "coefficient"),
        Column("within blocks", "coefficient"),
    )
    cells: list[tuple[Cell, ...]] = []
    for arm, row in arms.items():
        test = found[arm]
        few = bool(test["smallest_p_corrected"] >= ALPHA)
        tests: tuple[Cell, Cell] = (test["permutation_p"], test["permutation_corrected"])
        tests = (TOO_FEW, None) if few else tests
        effects = (test["cliffs_delta"], test["cliffs_within"])
        cells.append((str(row["mutation"]), _joint(row), *tests, *effects))
    return Table(
        title=f"{study}: tests beside the intervals",
        columns=columns,
        rows=tuple(cells),
        notes=(BESIDE.format(verdicts="; verdicts rest on them" if context.measured else ""),),
        behind=behind(study, arms),
    )


def _split(context: Context, study: str, arms: Arms) -> list[Table]:
    """Each change of energy as a part by time and a part by power, channel by channel."""
    places = {arm: place for place, arm in enumerate(arms)}
    found = sorted(context.split_of(study), key=lambda row: places.get(row["arm"], len(places)))
    if not found:
        return []
    columns = (
        Column("Mutant"),
        Column("Channel"),
        Column("Δ energy (J)", "change"),
        Column("by time (J)", "change"),
        Column("by power (J)", "change"),
        Column("Δ time [95 %]", "percent"),
        Column("Δ power [95 %]", "percent"),
    )
    cells = tuple(
        (
            str(row["mutation"]),
            "total" if row["channel"] == "energy_j" else row["channel"].removeprefix(CHANNEL),
            *(float(row[name]) for name in ("delta_j", "time_j", "power_j")),
            *(
                Interval.of(*(row[f"{name}{end}"] for end in ("", "_low", "_high")))
                for name in ("time", "power")
            ),
        )
        for row in found
    )
    title = f"{study}: by time and by power"
    traced = behind(study, [str(row["arm"]) for row in found])
    return [Table(title=title, columns=columns, rows=cells, notes=(SPLIT,), behind=traced)]


def _time(context: Context, study: str, arms: Arms) -> Table:
    metrics = context.judged_metrics(study)
    columns = [Column("Mutant"), Column("Δ time [95 %]", "percent")]
    columns += [_metric_column(metric) for metric in metrics]
    words = context.performance(study)
    with_words = context.measured and any(metric.margin is not None for metric in metrics)
    diverged = context.diverged(study)
    columns += [Column("Performance")] if with_words else []
    columns += [Column("Diverged")] if diverged else []
    times = context.arms("train_s", study)
    performances = [context.arms(METRIC + metric.name, study) for metric in metrics]
    cells: list[tuple[Cell, ...]] = []
    for arm, row in arms.items():
        line: list[Cell] = [str(row["mutation"]), _interval_of(times, arm)]
        line += [_interval_of(found, arm) for found in performances]
        line += [words.get(arm)] if with_words else []
        line += [_share(diverged.get(arm))] if diverged else []
        cells.append(tuple(line))
    return Table(
        title=f"{study}: time and performance",
        columns=tuple(columns),
        rows=tuple(cells),
        notes=(
            *(margin_note(metric) for metric in metrics if with_words),
            *_divergence_notes(context, study),
        ),
        behind=behind(study, arms),
    )


def _detail(context: Context, study: str, arms: Arms) -> list[Table]:
    """Further metrics, and energy taken apart, where there is something to tell."""
    shown = context.judged_metrics(study)
    others = {
        f"{_metric_title(metric)} [95 %]": METRIC + metric.name
        for metric in context.metrics(study)
        if metric not in shown
    }
    channels = {
        f"Δ {name.removeprefix(CHANNEL)}": name
        for name in context.deltas
        if name.startswith(CHANNEL)
    }
    parts = {"Δ active energy": "active_j", "Δ mean power": "power_w", **channels}
    title = "energy taken apart"
    if context.basis == "estimate":
        parts, title = {"Δ energy (estimate)": "estimate_j"}, "energy, an estimate"

    def known(names: dict[str, str]) -> dict[str, Arms]:
        found = {head: context.arms(name, study) for head, name in names.items()}
        return {head: rows for head, rows in found.items() if rows}

    tables = (
        _beside(f"{study}: further metrics", study, arms, known(others), "change"),
        _beside(f"{study}: {title}", study, arms, known(parts), "percent"),
        _otherwise(context, study, arms),
    )
    return [table for table in tables if table is not None]


def _beside(title: str, study: str, arms: Arms, parts: dict[str, Arms], kind: Kind) -> Table | None:
    if not parts:
        return None
    cells = tuple(
        (str(row["mutation"]), *(_interval_of(found, arm) for found in parts.values()))
        for arm, row in arms.items()
    )
    columns = (Column("Mutant"), *(Column(head, kind) for head in parts))
    return Table(title=title, columns=columns, rows=cells, behind=behind(study, arms))


def _otherwise(context: Context, study: str, arms: Arms) -> Table | None:
    """In their units what stands as percentages above, and as percentages what has a unit there."""
    absolute = {"Δ time (s)": "train_s"}
    if context.measured:
        absolute |= {"Δ active energy (J)": "active_j", "Δ mean power (W)": "power_w"}
    relative = {f"Δ {m.name} (%)": METRIC + m.name for m in context.metrics(study)}
    shown: list[tuple[Column, dict[str, float | None]]] = []
    for head, name in absolute.items():
        found = context.arms(name, study)
        shown.append(
            (Column(head, "change"), {arm: number_or_none(r["delta"]) for arm, r in found.items()})
        )
    for head, name in relative.items():
        found = context.arms(name, study)
        shown.append((Column(head, "percent"), {arm: _share_of(r) for arm, r in found.items()}))
    shown = [(column, values) for column, values in shown if values]
    if not shown:
        return None
    return Table(
        title=f"{study}: time, power and performance in other units",
        columns=(Column("Mutant"), *(column for column, _ in shown)),
        rows=tuple(
            (str(row["mutation"]), *(values.get(arm) for _, values in shown))
            for arm, row in arms.items()
        ),
        notes=(OTHERWISE,),
        behind=behind(study, arms),
    )


def _share_of(row: Mapping[Any, Any]) -> float | None:
    """A difference as a share of the originals' mean; None where that is nothing to divide by."""
    mean, change = float(row["original_mean"]), float(row["delta"])
    return change / abs(mean) if math.isfinite(mean) and mean and math.isfinite(change) else None


def _divergence_notes(context: Context, study: str) -> Iterator[str]:
    """In which ways the arms diverged that did."""
    if not context.diverged(study):
        return
    table = context.cohorts_of(study)
    table = table[table["diverged"] > 0]
    ways = {
        str(arm): f"{group['mutation'].iloc[0] or 'original'} ({ways_to_diverge(group)})"
        for arm, group in table.groupby("arm", sort=False)
    }
    if ways:
        listed = "; ".join(ways.values())
        yield f"Diverged, so that their metrics enter no mean: {listed}."


def _interval_of(rows: Arms, arm: str) -> Interval | None:
    return interval(rows[arm]) if arm in rows else None


def _share(counts: tuple[int, int] | None) -> str:
    return f"{counts[0]} of {counts[1]}" if counts else ""


def _metric_title(metric: Metric) -> str:
    return f"Δ {metric.name} ({metric.unit})" if metric.unit else f"Δ {metric.name}"


def _metric_column(metric: Metric) -> Column:
    return Column(f"{_metric_title(metric)} [95 %]", "change")


def margin_note(metric: Metric) -> str:
    """Which way a metric is better, which loss of it is no damage, and what its test set adds."""
    better = "more" if metric.direction == "maximize" else "less"
    if metric.margin is None:
        return f"{metric.name}: {better} is better; no margin is stated, so no verdict is given."
    margin = number(metric.margin, "quantity")
    items = f" It is a share of {metric.items:,} test items." if metric.items else ""
    return f"{metric.name}: {better} is better; a loss below {margin} is no damage.{items}"
