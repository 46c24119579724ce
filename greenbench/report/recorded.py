"""The sections of a report on runs without blocks: arms as independent samples, and what the record
gives away about itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from greenbench.analysis import limits as analysis
from greenbench.analysis.cohorts import CHANNEL, METRIC
from greenbench.analysis.correlation_changes import correlation_changes
from greenbench.analysis.independent import Diagnosis, diagnose, verdicts
from greenbench.analysis.limits import Limit
from greenbench.analysis.records import records
from greenbench.analysis.settings import (
    HYPERPARAMETER,
    one_at_a_time,
    with_hyperparameters,
)
from greenbench.analysis.unpaired import unpaired_changes, unpaired_correlations
from greenbench.api import Metric
from greenbench.report import company, generated, imported, record
from greenbench.report.context import Context, channel_columns
from greenbench.report.diagnostics import section as diagnostics
from greenbench.report.effects import margin_note
from greenbench.report.figures import Heatmap
from greenbench.report.model import Cell, Column, Interval, Section, Table
from greenbench.report.moving import moving
from greenbench.report.relations import compared_with, settings_behind
from greenbench.report.relations import name as quantity_name
from greenbench.report.values import Behind, number_or_none

NOMINAL = ("seed",)
"""Numbers without an order that could matter."""
FIRST = ("spearman", "kruskal")
"""What the first table of correlations shows."""
UNSAID = (
    "So there is no forest plot, no Pareto front and no choice of a configuration here: they would rank"
    " mutants by what may be the conditions of their day. Nor does it say what more blocks would"
    " settle: there are none to count. Run what matters as a suite for these."
)
CORRELATED = (
    "Spearman's ρ over the runs of both; change: of Fisher's z, with runs taken as independent, which"
    " repeats of a setting are not. p is corrected for the rows of the table (Holm)."
)
ORIGINAL = ("original",)
WORDS = {word: word for word in ("greener", "costlier", "inconclusive")}
QUICKER = WORDS | {"greener": "quicker", "costlier": "slower"}
FEWEST_ORIGINALS = 2
"""With one nothing is compared: its noise would be in every comparison."""
NOTHING = "No hyperparameter was varied, or nothing completed."


@dataclass(frozen=True)
class Recorded:
    """A record without blocks, and the analysis of it.

    `quantity`: what mutants are compared by: energy where it was measured, else time.
    """

    context: Context

    @property
    def runs(self) -> pd.DataFrame:
        """One row a comparable run (`cohorts.cohorts`)."""
        return self.context.cohorts

    @property
    def quantity(self) -> str:
        """The column that mutants are compared by."""
        return "energy_j" if self.context.measured else "train_s"

    @property
    def what(self) -> tuple[str, str]:
        """That quantity in a word, and its unit."""
        return ("energy", "J") if self.context.measured else ("time", "s")

    @property
    def called(self) -> Mapping[str, str]:
        """What a mutant is called, by its verdict: what was not metered is compared by its time."""
        return WORDS if self.context.measured else QUICKER

    @cached_property
    def metric_columns(self) -> list[str]:
        """The columns of all metrics."""
        return [c for c in self.runs.columns if str(c).startswith(METRIC)]

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """Null-like hyperparameters, drifted series."""
        return diagnose(self.runs, self.metric_columns, self.quantity)

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """Each arm with its verdicts."""
        metrics = {study: self.context.metrics(study) for study in self.context.studies()}
        return verdicts(self.runs, self.quantity, metrics, self.diagnosis)

    @cached_property
    def quantities(self) -> list[str]:
        """What hyperparameters are correlated with."""
        energies = [self.quantity, *channel_columns(self.runs)] if self.context.measured else []
        power = ["power_w"] if self.context.measured else []
        return [*energies, "train_s", *power, *self.metric_columns]

    @cached_property
    def alone(self) -> set[str]:
        """The studies in which no run changed more than one hyperparameter."""
        studies = self.runs.groupby("study", sort=False)
        return {str(study) for study, table in studies if one_at_a_time(table)}

    @cached_property
    def correlations(self) -> pd.DataFrame:
        """Coefficients over runs, as `unpaired.unpaired_correlations` has them.

        Where a study's runs changed one hyperparameter each, the points are the originals and the
        runs that changed this one; where several vary at once, all runs in which it was recorded.
        """
        if self.runs.empty:
            return unpaired_correlations(self.runs, [], [])
        runs = with_hyperparameters(self.runs)
        tables = {str(study): table for study, table in runs.groupby("study", sort=False)}
        together = [table for study, table in tables.items() if study not in self.alone]
        parts = [self._correlated(table, None) for table in together]
        for part in self.diagnosis.series:
            if part.study in self.alone:
                table = tables[part.study]
                alone = table["original"].astype(bool) | (table["changed"] == part.hyperparameter)
                parts.append(self._correlated(table[alone], part.hyperparameter))
        known = [part for part in parts if len(part)]
        return pd.concat(known, ignore_index=True) if known else unpaired_correlations(runs, [], [])

    def _correlated(self, table: pd.DataFrame, hyperparameter: str | None) -> pd.DataFrame:
        columns = [c for c in table.columns if str(c).startswith(HYPERPARAMETER)]
        names = [c for c in columns if c.removeprefix(HYPERPARAMETER) not in NOMINAL]
        if hyperparameter is not None:
            names = [HYPERPARAMETER + hyperparameter]
        known = [q for q in self.quantities if table[q].notna().any()]
        found = unpaired_correlations(table, names, known)
        for column in ("hyperparameter", "held", "note"):
            found[column] = found[column].fillna("").str.replace(HYPERPARAMETER, "", regex=False)
        return found


def sections(context: Context) -> tuple[Section, ...]:
    """Every section of a report on runs without blocks, in reading order."""
    known = Recorded(context)
    limits = all_limits(context)
    found = (
        summary(known, len(limits)),
        effects(known),
        correlations(known),
        colocation(known),
        diagnostics(context, known.diagnosis, known.quantity),
        record.failures(context),
        record.limits(limits),
        record.provenance(context),
        methods(known),
    )
    return tuple(section for section in found if section is not None)


def all_limits(context: Context) -> list[Limit]:
    """Each limit once, the weightiest kinds first."""
    found = [
        *imported.limits(context.facts),
        *record.of_basis(context),
        *analysis.of_trials(context.frames, context.cohorts),
        *analysis.of_energy(context.frames, context.cohorts),
        *analysis.of_host(context.frames),
    ]
    return list(dict.fromkeys(found))


def summary(known: Recorded, limits: int) -> Section:
    """What came out, in a few lines."""
    facts = known.context.facts.get("imported") or {}
    trials = known.context.frames.trials
    done = int((trials["status"] == "completed").sum())
    points = [
        (
            f"Recorded elsewhere: {facts.get('taken')} of {facts.get('rows')} rows of"
            f" {facts.get('file')} taken, {done} completed runs."
        )
    ]
    what = known.what[0]
    lone = []
    for study, table in known.verdicts.groupby("study", sort=False):
        if table["originals"].max() < FEWEST_ORIGINALS:
            lone.append(len(table))
            continue
        words = Counter(table["energy"])
        called = known.called
        counts = ", ".join(f"{words[w]} {word}" for w, word in called.items() if words[w])
        good = table[
            (table["energy"] == "greener") & table["performance"].isin(("kept", "improved"))
        ]
        rest = f"; {len(good)} {called['greener']} with performance kept" if len(good) else ""
        mutants = f"{len(table)} mutant{'' if len(table) == 1 else 's'}"
        points.append(f"{study}: by {what}, of {mutants}, {counts}{rest}.")
    if lone:
        studies = f"{len(lone)} {'study' if len(lone) == 1 else 'studies'}"
        points.append(
            f"Not compared: {sum(lone)} mutants of {studies} with one original only, whose noise"
            " is not known."
        )
    points += _moving(known)
    silent = known.diagnosis.null_like
    silent = silent[silent["null_like"].astype(bool)]
    if len(silent):
        pairs = "; ".join(f"{r['study']} {r['hyperparameter']}" for _, r in silent.iterrows())
        points.append(f"Nothing responds to: {pairs}.")
    drift = known.diagnosis.drift
    drift = drift[drift["drifted"].astype(bool)].drop_duplicates(["study", "hyperparameter"])
    if len(drift):
        pairs = "; ".join(f"{r['study']} {r['hyperparameter']}" for _, r in drift.iterrows())
        points.append(f"Measured in other conditions than their originals: {pairs}.")
    points += generated.lines(known.context)
    if limits:
        points.append(f"{limits} things limit these conclusions; they are listed below.")
    return Section(key="summary", title="Summary", points=tuple(points))


def _moving(known: Recorded) -> Iterator[str]:
    found = known.correlations
    rows = found[(found["method"] == "spearman") & (found["quantity"] == known.quantity)]
    return moving(rows.assign(sign="ρ"), known.what[0], "runs")


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


def _behind(known: Recorded, study: str, hyperparameter: str) -> Behind:
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
        behind=tuple(_behind(known, study, str(name)) for name in rows["hyperparameter"]),
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
        behind.append(_behind(known, study, str(name)))
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
        behind=tuple(_behind(known, study, name) for name in names),
        notes=("Blue: falls as the hyperparameter grows; red: grows with it.",),
    )


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
            replace(_behind(known, pair.study, name), also=(_behind(known, str(pair.solo), name),))
            for name in rows["hyperparameter"]
        ]
        names = [quantity_name(str(quantity)) for quantity in rows["quantity"]]
        title = f"Correlations in both: {company.heading(pair)}"
        for table in company.changed_correlations(rows, title, names, traced):
            yield replace(table, notes=(CORRELATED,))


def methods(known: Recorded) -> Section:
    """How the numbers of this report came about."""
    basis = {
        "measured": (
            "Energy was measured by the tools that the table of channels names. The total adds"
            " disjoint measured channels and is not known where one of them is not known."
        ),
        "estimate": (
            "No energy was measured: what the file holds are estimates, from which nothing is"
            " concluded. Time is compared."
        ),
        "none": "No energy was recorded. Time is compared.",
    }[known.context.basis]
    paragraphs = (
        (
            "The measurements were made elsewhere and imported; each row of the file is one run. What"
            " was not recorded is missing, never 0."
        ),
        basis,
        (
            "Mutants and originals are compared as independent samples: relative changes are"
            " differences of mean logarithms, with one variance for all arms of a study and intervals"
            " and p that hold jointly over its mutants (Dunnett 1955). Performance is compared by"
            " Welch's t; kept means that a loss beyond the stated margin is excluded by a one-sided test"
            " at 5 % in every metric that has one, and where the number of test items is stated, their"
            f" sampling error is part of that. A mutant is {known.called['greener']} or"
            f" {known.called['costlier']} if its joint interval excludes zero, its change"
            " lies outside the noise floor, and its interval does not reach into what the drift of its"
            " series may be."
        ),
        (
            "The noise floor is the largest change among mutants that changed nothing, as far as can be"
            " seen: hyperparameters to whose values neither performance nor time responds (Kruskal and"
            " Wallis 1952, p at least 0.05). A series is said to have drifted if the line through the"
            " means of its settings, read at the default value, misses the originals in power, time or"
            " energy by at least 1 % with a p below 0.05 after Benjamini and Hochberg's correction."
        ),
        (
            "Correlations are Spearman's over runs, with Kendall's and Pearson's beside them. Where no"
            " run changed more than one hyperparameter,"
            " the points are the originals and the runs that changed this one; where several vary at"
            " once, all runs in which it was recorded, and the partial ρ (of what is left of"
            " both ranks after regression on the others') holds the others fixed in the runs that record"
            " them all."
            " Runs of one setting are not independent, so p over runs is smaller than it should be, and"
            " so few runs that the clearest order could not bring an exact p to 5 % have none. Alone and"
            " beside another training, coefficients are compared by Fisher's z (variance by Bonett and"
            " Wright), corrected by Holm over the pair of studies."
        ),
    )
    return Section(key="methods", title="Methods", paragraphs=paragraphs)
