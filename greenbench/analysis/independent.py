"""Verdicts on runs without blocks: arms and originals as independent samples, noise and drift taken
from what the record gives away."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import special

from greenbench.analysis.diagnostics import drifted, null_like
from greenbench.analysis.inference import ALPHA, Array
from greenbench.analysis.samples import Mean
from greenbench.analysis.settings import Series, series
from greenbench.analysis.unpaired import unpaired_deltas
from greenbench.analysis.verdicts import (
    WORST_FIRST,
    PerformanceVerdict,
    items_errors,
    with_items,
)
from greenbench.api import Metric

EnergyWord = Literal["greener", "costlier", "inconclusive"]
VERDICT_COLUMNS = (
    "study",
    "model",
    "hyperparameter",
    "arm",
    "runs",
    "originals",
    "estimate",
    "low",
    "high",
    "p_corrected",
    "cliffs_delta",
    "delta",
    "band",
    "energy",
    "performance",
    "why",
)


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What the runs give away about themselves (`diagnostics`), and the series they were read by."""

    series: tuple[Series, ...]
    null_like: pd.DataFrame
    drift: pd.DataFrame

    @cached_property
    def _null_like(self) -> set[tuple[str, str]]:
        return _pairs(self.null_like, "null_like")

    @cached_property
    def _drifted(self) -> set[tuple[str, str]]:
        return _pairs(self.drift, "drifted")

    def is_null_like(self, study: str, hyperparameter: str) -> bool:
        """Whether nothing responds to this hyperparameter in that study."""
        return (study, hyperparameter) in self._null_like

    def is_drifted(self, study: str, hyperparameter: str) -> bool:
        """Whether that series misses its originals in power, time or energy."""
        return (study, hyperparameter) in self._drifted

    def shift(self, study: str, hyperparameter: str, quantity: str) -> float:
        """How far a drifted series may lie off its originals (relative, at the far end of its
        interval); 0 for one that did not drift."""
        if not self.is_drifted(study, hyperparameter):
            return 0.0
        of = self.drift["study"] == study
        rows = self.drift[of & (self.drift["hyperparameter"] == hyperparameter)]
        rows = rows[rows["quantity"] == quantity]
        return max((abs(float(v)) for v in rows[["low", "high"]].to_numpy().ravel()), default=0.0)


def diagnose(runs: pd.DataFrame, metrics: list[str], quantity: str) -> Diagnosis:
    """Looks for null-like hyperparameters and drifted series in the frame of `cohorts.cohorts`.

    `metrics`: columns of performance; `quantity`: the energy that drift is also looked for in,
    beside mean power and time.
    """
    found = tuple(series(runs))
    quantities = list(dict.fromkeys((quantity, "power_w", "train_s")))
    return Diagnosis(
        series=found,
        null_like=null_like(list(found), metrics),
        drift=drifted(list(found), quantities),
    )


def noise_floors(deltas: pd.DataFrame, known: Diagnosis) -> dict[str, float]:
    """By study: the largest relative change of an arm that changed nothing, as far as can be seen.

    Null-like arms stand in for the A/A arm that recorded runs do not have, unless their series
    drifted. A study without any has no entry.
    """
    floors: dict[str, float] = {}
    for part in known.series:
        name = part.hyperparameter
        if known.is_null_like(part.study, name) and not known.is_drifted(part.study, name):
            arms = set(part.mutants["arm"])
            rows = deltas[(deltas["study"] == part.study) & deltas["arm"].isin(arms)]
            changes = rows["estimate"].astype(float).abs()
            if len(changes):
                floors[part.study] = max(floors.get(part.study, 0.0), float(changes.max()))
    return floors


def verdicts(
    runs: pd.DataFrame,
    quantity: str,
    metrics: Mapping[str, Sequence[Metric]],
    known: Diagnosis,
) -> pd.DataFrame:
    """Each arm of each study with its verdicts, arms as independent samples.

    `estimate` and its `low`, `high`: relative change of `quantity`, the interval jointly 95 % over
    the study's arms (Dunnett 1955); `delta` in the quantity's unit. `band`: what no effect is
    called inside of: the study's noise floor (`noise_floors`), or how far a drifted series may lie
    off, if that is more. `energy`: greener or costlier if the interval excludes zero, the estimate
    lies outside the noise floor and, in a drifted series, the interval reaches not even into what
    the drift may be; else inconclusive, and `why` says what stands against it.
    `performance`: the worst word of all of the study's `metrics` that state a margin.
    """
    deltas = unpaired_deltas(runs, quantity, "ratio")
    floors = noise_floors(deltas, known)
    parts = dict(iter(runs.groupby(["study", "arm"], sort=False)))
    originals = {
        str(study): part for study, part in runs[runs["original"].astype(bool)].groupby("study")
    }
    pairs = {(part.study, part.hyperparameter) for part in known.series}
    shifts = {pair: known.shift(*pair, quantity) for pair in pairs}
    nulls = {pair for pair in pairs if known.is_null_like(*pair)}
    rows = []
    for row in deltas.to_dict("records"):
        study, arm = row["study"], row["arm"]
        part = parts[(study, arm)]
        hyperparameter = str(part["changed"].iloc[0])
        drift = shifts.get((study, hyperparameter), 0.0)
        floor = floors.get(study)
        word, why = _energy_word(dict(row), floor, drift)
        if (study, hyperparameter) in nulls:
            why = "nothing responds to this hyperparameter"
        rows.append(
            {
                **{
                    name: row[name]
                    for name in ("study", "arm", "runs", "originals", "estimate", "delta")
                },
                "model": part["model"].iloc[0],
                "hyperparameter": hyperparameter,
                "low": row["joint_low"],
                "high": row["joint_high"],
                "p_corrected": row["p_corrected"],
                "cliffs_delta": row["cliffs_delta"],
                "band": max(floor or 0.0, drift) if floor is not None or drift else math.nan,
                "energy": word,
                "performance": performance(part, originals[study], metrics.get(study, ())),
                "why": why,
            }
        )
    return pd.DataFrame.from_records(rows, columns=list(VERDICT_COLUMNS))


def performance(
    mutant: pd.DataFrame, originals: pd.DataFrame, metrics: Sequence[Metric]
) -> PerformanceVerdict | None:
    """The word for an arm's performance over all metrics that have a margin: the worst of theirs."""
    words = {performance_word(mutant, originals, metric) for metric in metrics}
    return next((word for word in WORST_FIRST if word in words), None)


def performance_word(
    mutant: pd.DataFrame, originals: pd.DataFrame, metric: Metric
) -> PerformanceVerdict | None:
    """The word for an arm in one metric; None where no margin is stated.

    One-sided non-inferiority at 5 % by Welch's t on independent samples: kept if the loss is below
    the margin with 95 % confidence, damaged if it is above with that confidence, improved if the
    two-sided 95 % interval holds gains only. Where the metric is a share of a known number of test
    items, their sampling error is part of it (`verdicts.items_errors`).
    """
    if metric.margin is None:
        return None
    if int(mutant["diverged"].sum()):
        return "diverged"
    one, other = (_finite(table, f"metric.{metric.name}") for table in (mutant, originals))
    if min(len(one), len(other)) < 2 or max(np.ptp(one), np.ptp(other)) == 0:
        return "inconclusive"
    original = Mean.of(other)
    change = Mean.of(one).minus(original)
    if not change.df > 0:
        return "inconclusive"
    gain = change.mean if metric.direction == "maximize" else -change.mean
    more, less = (
        with_items(math.sqrt(change.variance), change.df, items)
        for items in items_errors(original.mean, change.mean, metric)
    )
    if gain > _half(*more, 1 - ALPHA / 2):
        return "improved"
    if gain - _half(*more, 1 - ALPHA) > -metric.margin:
        return "kept"
    return "damaged" if gain + _half(*less, 1 - ALPHA) < -metric.margin else "inconclusive"


def _half(error: float, df: float, quantile: float) -> float:
    return float(special.stdtrit(df, quantile)) * error


def _energy_word(
    row: dict[Hashable, Any], floor: float | None, drift: float
) -> tuple[EnergyWord, str]:
    low, high, estimate = row["joint_low"], row["joint_high"], float(row["estimate"])
    if row["originals"] < 2:
        return "inconclusive", "one original: its noise is in every comparison"
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return "inconclusive", "too few runs to tell"
    if low <= 0 <= high:
        return "inconclusive", ""
    if drift and low <= drift and high >= -drift:
        return "inconclusive", "not told apart from the drift of its series"
    if floor is not None and abs(estimate) <= floor:
        return "inconclusive", "inside the noise floor of the null-like mutants"
    return ("greener" if estimate < 0 else "costlier"), ""


def _finite(table: pd.DataFrame, column: str) -> Array:
    if column not in table:
        return np.array([])
    values = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=float)
    return np.asarray(values[np.isfinite(values)])


def _pairs(table: pd.DataFrame, column: str) -> set[tuple[str, str]]:
    """Study and hyperparameter of the rows in which the column is true."""
    rows = table[table[column].astype(bool)]
    return set(zip(rows["study"], rows["hyperparameter"], strict=True))
