"""The section that answers the paper's three questions: as the study has it, and better founded."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from greenbench.analysis.cohorts import CHANNEL, METRIC, main_channel_names
from greenbench.analysis.independent import Diagnosis, diagnose, verdicts
from greenbench.analysis.inference import ALPHA
from greenbench.analysis.published import (
    Word,
    greener,
    published_correlations,
    published_tests,
)
from greenbench.analysis.questions import (
    FEWEST_SETTINGS,
    clustered_correlations,
    explained_by_time,
    scatter_beside,
)
from greenbench.analysis.settings import Series
from greenbench.analysis.verdicts import noise_band
from greenbench.api import Metric
from greenbench.report import diagnostics, generated
from greenbench.report.context import Context
from greenbench.report.effects import TOO_FEW, judged
from greenbench.report.imported import is_blocked
from greenbench.report.model import Behind, Cell, Column, Interval, Section, Table
from greenbench.report.relations import name as quantity_name
from greenbench.report.values import whole_studies

KEY = "paper"
PERFORMANCE = "performance"
ORDER = ("package", "dram", "gpu")
WORDS = ("lower", "same", "higher")
FINE = ("kept", "improved")
ABOUT = (
    "The questions of arXiv 2603.06195, each answered twice: as the study has it (its tests, its"
    " correlations, every run a point of its own), and better founded (settings as points,"
    " intervals, corrected for the number of comparisons, non-inferiority of performance within the"
    " stated margin, no effect called inside the noise floor or the drift of its series)."
)
PUBLISHED = (
    "Published test: Student's t with equal variances, p < 0.05 and Cliff's |δ| ≥ 0.147, uncorrected"
    " (the scripts; the text names Wilcoxon's signed-rank test, which 5 pairs can't bring below"
    " p = 0.0625)."
)


@dataclass(frozen=True)
class Answers:
    """What the questions are answered from; `performance` is each study's first metric, by one
    name for all."""

    context: Context

    @cached_property
    def blocked(self) -> bool:
        """Whether every arm ran once a block."""
        return is_blocked(self.context.facts)

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """The first metric of each study."""
        studies = ((study, self.context.metrics(study)) for study in self.context.studies())
        return {study: metrics[0] for study, metrics in studies if metrics}

    @cached_property
    def runs(self) -> pd.DataFrame:
        """The comparable runs with a column `performance`."""
        runs = self.context.cohorts
        columns = [
            METRIC + self.metrics[s].name if s in self.metrics else "" for s in runs["study"]
        ]
        values = [
            row.get(column) for row, column in zip(runs.to_dict("records"), columns, strict=True)
        ]
        return runs.assign(performance=pd.to_numeric(pd.Series(values, index=runs.index)))

    @cached_property
    def energies(self) -> list[str]:
        """The measured channels that the total adds, package, memory and GPU first."""
        if not self.context.measured:
            return []
        return [CHANNEL + name for name in sorted(main_channel_names(self.runs), key=_place)]

    @cached_property
    def total(self) -> str:
        """What decides which mutant is better: the total of the channels, else time."""
        return "energy_j" if self.context.measured else "train_s"

    @property
    def better(self) -> str:
        """What a mutant with less of it is called: nothing is greener that was not metered."""
        return "greener" if self.context.measured else "quicker"

    @cached_property
    def quantities(self) -> list[str]:
        """The columns of the study's tables."""
        return [*self.energies, "train_s", PERFORMANCE]

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """The series, which of them nothing responds to, and which drifted."""
        return diagnose(self.runs, [PERFORMANCE], self.total)

    @cached_property
    def tests(self) -> pd.DataFrame:
        """The published test of every mutant in every quantity."""
        quantities = list(dict.fromkeys((self.total, *self.quantities)))
        return published_tests(list(self.diagnosis.series), quantities)

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """The better-founded verdicts: study, arm, hyperparameter, energy, performance."""
        if not self.blocked:
            metrics = {study: self.context.metrics(study) for study in self.context.studies()}
            return verdicts(self.runs, self.total, metrics, self.diagnosis)
        changed = self.runs.drop_duplicates(["study", "arm"])
        names = {(r["study"], r["arm"]): r["changed"] for r in changed.to_dict("records")}
        rows = [
            (
                m.study,
                m.arm,
                names.get((m.study, m.arm), ""),
                m.energy,
                m.performance,
                m.change.value,
            )
            for m in judged(self.context)
        ]
        columns = ["study", "arm", "hyperparameter", "energy", "performance", "estimate"]
        return pd.DataFrame.from_records(rows, columns=columns)

    def studies(self, *, solo: bool) -> set[str]:
        """The studies alone, or those beside other trainings."""
        kinds = self.runs[(self.runs["kind"] == "solo") == solo]
        return set(kinds["study"])

    def greener(self, energies: list[str], studies: set[str]) -> set[str]:
        """Greener mutants in the study's sense: `study`, newline, `arm`."""
        found: set[str] = set()
        for study in sorted(studies):
            metric = self.metrics.get(study)
            worse: Word = "higher" if metric and metric.direction == "minimize" else "lower"
            tests = self.tests[self.tests["study"] == study]
            found |= greener(tests, energies, PERFORMANCE, worse=worse)
        return found


def section(context: Context) -> Section:
    """The three questions; says why where a question can't be answered."""
    known = Answers(context)
    if known.runs.empty or not known.diagnosis.series:
        return Section(
            key=KEY,
            title="The paper's questions",
            paragraphs=(
                ABOUT,
                *generated.lines(context),
                (
                    "No hyperparameter was changed on its own beside a completed original, so none of"
                    " the questions can be answered."
                ),
            ),
        )
    solo, beside = (known.studies(solo=alone) for alone in (True, False))
    paragraphs = [ABOUT, *generated.lines(context), PUBLISHED]
    if not context.measured:
        paragraphs.append(
            "Energy was not measured, so nothing is said of it; what follows is about time."
        )
    if not beside:
        paragraphs.append(
            "No run was beside another training, so the third question has no answer."
        )
    gave_away = diagnostics.section(context, known.diagnosis, known.total)
    tables = [
        *_correlations(known, solo, "1. Alone"),
        *_greener(known, solo, "2. Alone"),
        *_correlations(known, beside, "3. In parallel"),
        *_greener(known, beside, "3. In parallel"),
        *_scatter(known),
        *(replace(t, title=f"Diagnostics: {_lower(t.title)}") for t in gave_away.tables),
    ]
    return Section(
        key=KEY,
        title="The paper's questions",
        paragraphs=(*paragraphs, *gave_away.paragraphs[1:]),
        points=tuple(_points(known, solo, beside)),
        tables=tuple(table for table in tables if table.rows),
    )


def _points(known: Answers, solo: set[str], beside: set[str]) -> Iterator[str]:
    """The counts, in both senses."""
    for studies, words in ((solo, "alone"), (beside, "in parallel")):
        if not studies:
            continue
        mutants = known.tests[known.tests["study"].isin(studies)].groupby("study")["arm"].nunique()
        count, total = int(mutants.sum()), len(known.greener([known.total], studies))
        what = quantity_name(known.total)
        if known.energies:
            what = f"total energy ({', '.join(map(quantity_name, known.energies))})"
        text = f"{known.better.capitalize()} {words}, by the published test on {what}: {total} of {count} mutants"
        if len(known.energies) > 1:
            every = len(known.greener(known.energies, studies))
            text += f"; with each channel significantly lower instead of their total: {every}"
        yield f"{text}. Performance not significantly lower in either."
        if known.context.measured:
            rows = known.verdicts[known.verdicts["study"].isin(studies)]
            called = rows[rows["energy"] == "greener"]
            fine = called["performance"].isin(FINE).sum()
            yield (
                f"Greener {words}, better founded: {len(called)} of {len(rows)} mutants;"
                f" {fine} of these with performance kept within the stated margin."
            )


def _correlations(known: Answers, studies: set[str], heading: str) -> Iterator[Table]:
    parts = [part for part in known.diagnosis.series if part.study in studies and part.ordered]
    if not parts:
        return
    published = published_correlations(parts, known.quantities)
    titles = [_title(quantity) for quantity in known.quantities]
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
            *(Column(f"{_title(q)} [95 %]", "coefficient") for q in known.quantities),
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
        holds = [_title(q) for q in known.quantities if by_quantity[q]["p_corrected"] < ALPHA]
        nothing = "none" if (rows["smallest_p"] < ALPHA).any() else TOO_FEW
        settings, against = int(rows["settings"].max()), _against(known, study, str(name))
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
        columns=(Column("Study"), *(Column(_title(name), "quantity") for name in names)),
        rows=rows,
        notes=("Pearson's r² of each energy on time over all runs of the study.",),
        behind=whole_studies(rows),
    )


def _greener(known: Answers, studies: set[str], heading: str) -> Iterator[Table]:
    tests = known.tests[known.tests["study"].isin(studies)]
    if tests.empty:
        return
    yield _counts(known, tests, studies, heading)
    yield _against_performance(known, tests, heading)
    if known.context.measured:
        yield _founded(known, studies, heading)
        yield _savings(known, studies, heading)


def _counts(known: Answers, tests: pd.DataFrame, studies: set[str], heading: str) -> Table:
    what = quantity_name(known.total)
    in_total = known.greener([known.total], studies)
    in_each = known.greener(known.energies, studies) if known.energies else set()
    cells: list[tuple[Cell, ...]] = []
    for (study, name), rows in tests.groupby(["study", "hyperparameter"], sort=False):
        words = {q: rows.loc[rows["quantity"] == q, "word"] for q in (known.total, PERFORMANCE)}
        keys = {f"{study}\n{arm}" for arm in rows["arm"]}
        cells.append(
            (
                str(study),
                str(name),
                len(keys),
                *(int((words[known.total] == word).sum()) for word in WORDS),
                *(int((words[PERFORMANCE] == word).sum()) for word in WORDS),
                len(keys & in_total),
                *([len(keys & in_each)] if len(known.energies) > 1 else []),
            )
        )
    sums = [sum(int(str(row[place])) for row in cells) for place in range(2, len(cells[0]))]
    behind = whole_studies(cells)
    return Table(
        title=f"{heading}, as the study has it: mutants against originals",
        columns=(
            Column("Study"),
            Column("Hyperparameter"),
            Column("Mutants", "count"),
            *(Column(f"{what} {word}", "count") for word in WORDS),
            *(Column(f"performance {word}", "count") for word in WORDS),
            Column(known.better.capitalize(), "count"),
            *([Column("Greener, each channel", "count")] if len(known.energies) > 1 else []),
        ),
        rows=(*cells, ("all", "", *sums)),
        notes=(
            PUBLISHED,
            f"{known.better.capitalize()}: lower, and performance not significantly worse.",
        ),
        behind=(*behind, None),
    )


def _against_performance(known: Answers, tests: pd.DataFrame, heading: str) -> Table:
    """The study's win/tie/loss table."""
    words = tests.assign(key=tests["study"] + "\n" + tests["arm"]).pivot_table(
        index="key", columns="quantity", values="word", aggfunc="first"
    )
    minimized = {study for study, metric in known.metrics.items() if metric.direction == "minimize"}
    outcome = {"lower": "loss", "same": "tie", "higher": "win", "unknown": "unknown"}
    turned = {"lower": "win", "same": "tie", "higher": "loss", "unknown": "unknown"}
    energy = words[known.total].map(turned)
    performance = pd.Series("unknown", index=words.index)
    if PERFORMANCE in words:
        studies = pd.Series([key.partition("\n")[0] for key in words.index], index=words.index)
        better = words[PERFORMANCE].map(outcome)
        performance = better.where(~studies.isin(minimized), words[PERFORMANCE].map(turned))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            f"{quantity_name(known.total)} {word}",
            *(int(((energy == word) & (performance == p)).sum()) for p in ("win", "tie", "loss")),
        )
        for word in ("win", "tie", "loss")
    )
    return Table(
        title=f"{heading}, as the study has it: energy against performance",
        columns=(
            Column("Mutants"),
            *(Column(f"performance {word}", "count") for word in ("win", "tie", "loss")),
        ),
        rows=rows,
        notes=(
            (
                f"Win: significantly less {'energy' if known.energies else 'time'}, or better"
                " performance, by the published test."
            ),
        ),
    )


def _founded(known: Answers, studies: set[str], heading: str) -> Table:
    rows = known.verdicts[known.verdicts["study"].isin(studies)]
    cells: list[tuple[Cell, ...]] = []
    for (study, name), part in rows.groupby(["study", "hyperparameter"], sort=False):
        called = part[part["energy"] == "greener"]
        cells.append(
            (
                str(study),
                str(name),
                len(part),
                len(called),
                int(called["performance"].isin(FINE).sum()),
                int((part["energy"] == "costlier").sum()),
                int((~part["energy"].isin(("greener", "costlier"))).sum()),
                _floor(known, str(study), part),
                _against(known, str(study), str(name)),
            )
        )
    sums = [sum(int(str(row[place])) for row in cells) for place in range(2, 7)]
    rest: list[tuple[Cell, ...]] = [("all", "", *sums, None, "")] if cells else []
    margins = sorted(
        {
            f"{metric.name} {metric.margin:g}"
            for study in studies
            for metric in known.context.metrics(study)
            if metric.margin is not None
        }
    )
    stated = f"Margins: {', '.join(margins)}." if margins else "No margin is stated."
    return Table(
        title=f"{heading}, better founded: greener without damage",
        columns=(
            Column("Study"),
            Column("Hyperparameter"),
            Column("Mutants", "count"),
            Column("Greener", "count"),
            Column("… performance kept", "count"),
            Column("Costlier", "count"),
            Column("Neither", "count"),
            Column("Noise floor", "share"),
            Column("Against it"),
        ),
        rows=(*cells, *rest),
        notes=(
            (
                "The verdicts of this report: corrected for all mutants of a study, no effect called"
                f" inside the noise floor. {stated}"
            ),
        ),
        behind=(*whole_studies(cells), *([None] * len(rest))),
    )


def _floor(known: Answers, study: str, part: pd.DataFrame) -> float | None:
    if known.blocked:
        return noise_band(known.context.rows(known.context.quantity, study))
    band = part["band"].dropna()
    return float(band.max()) if len(band) else None


def _savings(known: Answers, studies: set[str], heading: str) -> Table:
    """What the study's greener mutants save, and what the better-founded analysis says of each."""
    keys = known.greener([known.total], studies)
    rows = known.tests[known.tests["quantity"] == known.total]
    words = {(r["study"], r["arm"]): r for r in known.verdicts.to_dict("records")}
    cells: list[tuple[Cell, ...]] = []
    behind = []
    for row in rows.to_dict("records"):
        if f"{row['study']}\n{row['arm']}" not in keys:
            continue
        judged_so = words.get((row["study"], row["arm"]), {})
        said = [judged_so.get("energy"), judged_so.get("why")]
        performance = judged_so.get("performance")
        said += [f"performance {performance}"] if performance else []
        cells.append(
            (
                row["study"],
                row["arm"],
                float(row["change"]),
                float(row["p"]),
                float(row["cliffs_delta"]),
                "; ".join(str(word) for word in said if word),
            )
        )
        behind.append(Behind.of_delta(row["study"], row["arm"]))
    return Table(
        title=f"{heading}: the study's greener mutants",
        columns=(
            Column("Study"),
            Column("Mutant"),
            Column("Saving", "percent"),
            Column("p", "p"),
            Column("δ", "coefficient"),
            Column("Better founded"),
        ),
        rows=tuple(cells),
        notes=("Saving: of the means, by the published test; then this report's own verdict.",),
        behind=tuple(behind),
    )


def _scatter(known: Answers) -> Iterator[Table]:
    found = scatter_beside(known.runs, known.total)
    rows = tuple(
        (
            str(row["study"]),
            float(row["solo"]),
            float(row["beside"]),
            Interval(float(row["ratio"]), float(row["low"]), float(row["high"])),
        )
        for row in found.to_dict("records")
    )
    yield Table(
        title=f"3. How much repeats scatter in {quantity_name(known.total)}, alone and in parallel",
        columns=(
            Column("Study"),
            Column("Alone", "share"),
            Column("In parallel", "share"),
            Column("Ratio [95 %]", "quantity"),
        ),
        rows=rows,
        notes=(
            (
                "Relative standard deviation of runs of the same configuration, pooled over arms; the"
                " interval is F's, for normal noise."
            ),
        ),
        behind=whole_studies(rows),
    )


def _against(known: Answers, study: str, hyperparameter: str) -> str:
    """What the diagnostics hold against any effect of this series."""
    found = []
    if known.diagnosis.is_null_like(study, hyperparameter):
        found.append("nothing responds to it")
    if known.diagnosis.is_drifted(study, hyperparameter) and not known.blocked:
        found.append("drifted from its originals")
    return ", ".join(found)


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:]


def _title(quantity: str) -> str:
    return PERFORMANCE if quantity == PERFORMANCE else quantity_name(quantity)


def _place(channel: str) -> tuple[int, str]:
    return next((p for p, word in enumerate(ORDER) if word in channel), len(ORDER)), channel


def _interval(row: Mapping[Hashable, Any]) -> Interval | None:
    return Interval.of(row["rho"], row["low"], row["high"])
