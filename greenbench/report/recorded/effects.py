"""Each mutant beside the originals of its study, as independent samples."""

from __future__ import annotations

import pandas as pd

from greenbench.analysis.cohorts import METRIC
from greenbench.analysis.records import records
from greenbench.analysis.unpaired import unpaired_changes
from greenbench.api import Metric
from greenbench.report import imported
from greenbench.report.effects import margin_note
from greenbench.report.model import Cell, Column, Interval, Section, Table
from greenbench.report.recorded.runs import FEWEST_ORIGINALS, Recorded
from greenbench.report.values import Behind, number_or_none

UNSAID = (
    "So there is no forest plot, no Pareto front and no choice of a configuration here: they would rank"
    " mutants by what may be the conditions of their day. Nor does it say what more blocks would"
    " settle: there are none to count. Run what matters as a suite for these."
)


def effects(known: Recorded) -> Section:
    """Each mutant beside the originals of its study."""
    tables = [_originals(known)] if len(known.verdicts) else []
    lone = []
    for study, rows in known.verdicts.groupby("study", sort=False):
        if rows["originals"].max() < FEWEST_ORIGINALS:
            lone.append(f"{study} ({len(rows)} mutants)")
        else:
            tables.append(_effects(known, str(study), rows))
    nothing = "No mutant has a completed original in its study."
    paragraphs = [f"{imported.NO_BLOCKS}.", UNSAID] if tables else [nothing]
    if lone:
        paragraphs.append(
            "One original only, whose noise would be in every comparison, so none is made:"
            f" {'; '.join(lone)}."
        )
    return Section(
        key="effects",
        title="Mutants beside their originals",
        paragraphs=tuple(paragraphs),
        tables=tuple(tables),
    )


def _originals(known: Recorded) -> Table:
    what, unit = known.what
    names = ["energy_j", "train_s", "power_w"] if known.context.measured else ["train_s"]
    titles = {"energy_j": "Energy (J)", "train_s": "Time (s)", "power_w": "Power (W)"}
    cells: list[tuple[Cell, ...]] = []
    for study in known.context.studies():
        table = known.runs[(known.runs["study"] == study) & known.runs["original"].astype(bool)]
        means = (float(table[name].astype(float).mean()) for name in names)
        spread = table[known.quantity].astype(float)
        varied = float(spread.std() / spread.mean()) if len(spread) > 1 else None
        cells.append((study, len(table), *means, varied))
    return Table(
        title="The originals",
        columns=(
            Column("Study"),
            Column("Runs", "count"),
            *(Column(titles[name], "quantity") for name in names),
            Column(f"Spread of {what}", "share"),
        ),
        rows=tuple(cells),
        notes=(f"Means over runs; spread: relative standard deviation of {what} ({unit}).",),
        behind=tuple(Behind(study, ("original",)) for study in known.context.studies()),
    )


def _effects(known: Recorded, study: str, rows: pd.DataFrame) -> Table:
    what, unit = known.what
    metrics = known.context.judged_metrics(study)
    changes = [_metric_changes(known, study, metric) for metric in metrics]
    with_words = any(metric.margin is not None for metric in metrics)
    columns = [
        Column("Mutant"),
        Column("Runs", "count"),
        Column(f"Δ {what} ({unit})", "change"),
        Column(f"Δ {what} [95 %]", "percent"),
        Column("p", "p"),
        Column("δ", "coefficient"),
        Column("Verdict" if known.context.measured else "Note"),
    ]
    columns += [Column(f"Δ {metric.name} [95 %]", "change") for metric in metrics]
    columns += [Column("Performance")] if with_words else []
    cells: list[tuple[Cell, ...]] = []
    for row in records(rows):
        word = row["energy"] if known.context.measured else ""
        verdict = ": ".join(part for part in (word, row["why"]) if part)
        line: list[Cell] = [
            row["arm"],
            int(row["runs"]),
            float(row["delta"]),
            Interval.of(row["estimate"], row["low"], row["high"]),
            number_or_none(row["p_corrected"]),
            number_or_none(row["cliffs_delta"]),
            verdict,
        ]
        line += [found.get(row["arm"]) for found in changes]
        line += [row["performance"]] if with_words else []
        cells.append(tuple(line))
    band = rows["band"].dropna().astype(float)
    notes = [
        (
            "Intervals hold jointly with 95 % over the study's mutants, and p is corrected for them"
            " (Dunnett); δ is Cliff's over all pairs of runs."
        )
    ]
    if len(band) and band.min() == band.max():
        notes.append(f"No effect inside ±{100 * band.max():.1f} % is called.")
    elif len(band):
        notes.append(
            f"No effect inside ±{100 * band.min():.1f} to {100 * band.max():.1f} % is called, by"
            " noise floor and drift of its series (diagnostics)."
        )
    notes += [margin_note(metric) for metric in metrics]
    return Table(
        title=f"{study}: {what} and performance",
        columns=tuple(columns),
        rows=tuple(cells),
        notes=tuple(notes),
        behind=tuple(Behind.of_delta(study, str(arm)) for arm in rows["arm"]),
    )


def _metric_changes(known: Recorded, study: str, metric: Metric) -> dict[str, Interval | None]:
    table = known.runs[known.runs["study"] == study]
    found = unpaired_changes(table, METRIC + metric.name, "difference")
    return {
        str(row["arm"]): Interval.of(row["estimate"], row["low"], row["high"])
        for row in records(found)
    }
