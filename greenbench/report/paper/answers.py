"""What the paper's questions are answered from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from greenbench.analysis.cohorts import CHANNEL, METRIC, main_channel_names
from greenbench.analysis.independent import Diagnosis, diagnose, verdicts
from greenbench.analysis.published import (
    Word,
    greener,
    published_tests,
)
from greenbench.api import Metric
from greenbench.report.context import Context
from greenbench.report.effects import judged
from greenbench.report.imported import is_blocked
from greenbench.report.relations import name as quantity_name

PERFORMANCE = "performance"
ORDER = ("package", "dram", "gpu")


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


def held_against(known: Answers, study: str, hyperparameter: str) -> str:
    """What the diagnostics hold against any effect of this series."""
    found = []
    if known.diagnosis.is_null_like(study, hyperparameter):
        found.append("nothing responds to it")
    if known.diagnosis.is_drifted(study, hyperparameter) and not known.blocked:
        found.append("drifted from its originals")
    return ", ".join(found)


def quantity_title(quantity: str) -> str:
    """A quantity as a column's title."""
    return PERFORMANCE if quantity == PERFORMANCE else quantity_name(quantity)


def _place(channel: str) -> tuple[int, str]:
    return next((p for p, word in enumerate(ORDER) if word in channel), len(ORDER)), channel
