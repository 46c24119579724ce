"""A record without blocks as a value: its runs, and the analysis of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from greenbench.analysis.cohorts import METRIC
from greenbench.analysis.correlations import NOMINAL
from greenbench.analysis.independent import Diagnosis, diagnose, verdicts
from greenbench.analysis.settings import (
    HYPERPARAMETER,
    one_at_a_time,
    with_hyperparameters,
)
from greenbench.analysis.unpaired import unpaired_correlations
from greenbench.report.context import Context, channel_columns

WORDS = {word: word for word in ("greener", "costlier", "inconclusive")}
QUICKER = WORDS | {"greener": "quicker", "costlier": "slower"}
FEWEST_ORIGINALS = 2
"""With one nothing is compared: its noise would be in every comparison."""


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
