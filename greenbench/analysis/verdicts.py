"""The words for a mutant: greener or not, performance kept or not, and when nothing can be said."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import special

from greenbench.analysis.inference import ALPHA
from greenbench.api import Metric

EnergyVerdict = Literal["greener", "costlier", "unchanged", "inconclusive"]
Row = Mapping[Any, Any] | pd.Series
"""A row of `deltas.deltas`."""
PerformanceVerdict = Literal["kept", "damaged", "improved", "inconclusive", "diverged"]
WORST_FIRST: tuple[PerformanceVerdict, ...] = (
    "diverged",
    "damaged",
    "inconclusive",
    "kept",
    "improved",
)
FINE = ("kept", "improved")
"""Words for a performance that may be taken."""


def noise_band(deltas: pd.DataFrame) -> float | None:
    """How far a study's A/A arms reach from zero with their 95 % intervals (relative).

    None without an A/A arm whose interval is known.
    """
    nulls = deltas["null"].to_numpy(bool)
    ends = np.abs([deltas[name].to_numpy(float)[nulls] for name in ("low", "high")])
    known = ends[~np.isnan(ends)]
    return float(known.max()) if len(known) else None


def energy_verdict(row: Row, band: float | None, smallest: float | None = None) -> EnergyVerdict:
    """The word for one row of `deltas(…, "energy_j", "ratio")`, on measurements only.

    greener, costlier: the joint 95 % interval, which holds for all mutants of the study together,
    excludes zero, and the estimate lies outside the noise band. unchanged: the change is shown to
    be smaller than `smallest`, the smallest change that matters (relative), by two one-sided tests
    at 5 % (Schuirmann 1987); without a stated `smallest` nothing is called unchanged.
    """
    low, high = float(row["joint_low"]), float(row["joint_high"])
    outside = band is None or abs(row["estimate"]) > band
    if outside and (low > 0 or high < 0):
        return "greener" if high < 0 else "costlier"
    within = smallest is not None and (
        row["low_one_sided"] > -smallest and row["high_one_sided"] < smallest
    )
    return "unchanged" if within else "inconclusive"


@dataclass(frozen=True, slots=True)
class Loss:
    """How far a mutant's metric fell, in the metric's unit (negative: gained), with the 95 %
    bounds of two one-sided tests; `items_error` is the part of its standard error that comes from
    the test set (0 where the number of its items is not known)."""

    estimate: float
    best: float
    worst: float
    items_error: float


def loss(row: Row, metric: Metric) -> Loss | None:
    """From a row of `deltas(…, "metric.NAME", "difference")`; None where its noise is not known.

    Where the metric is a share of `metric.items` test items, another test set would give another
    share: the variance of that, (p(1-p) + q(1-q))/n for shares p and q as if the two had been
    tested on different items (an upper bound where the same items serve both), is added to that
    of the blocks, with degrees of freedom by Satterthwaite (1946). It does not shrink with blocks.
    """
    error, df = float(row["error"]), float(row["df"])
    if not (error > 0 and df > 0):
        return None
    sign = 1.0 if metric.direction == "maximize" else -1.0
    center = -sign * float(row["estimate"])
    items = items_variance(float(row["original_mean"]), float(row["estimate"]), metric)
    variance = error**2 + items
    df *= (variance / error**2) ** 2
    half = float(special.stdtrit(df, 1 - ALPHA)) * math.sqrt(variance)
    return Loss(center, center - half, center + half, math.sqrt(items))


def items_variance(original: float, change: float, metric: Metric) -> float:
    """Variance of a change of a share of `metric.items` test items; 0 where they are not known."""
    whole = 100.0 if metric.unit == "%" else 1.0
    shares = (original / whole, (original + change) / whole)
    if not metric.items or not all(0 <= share <= 1 for share in shares):
        return 0.0
    return whole**2 * sum(share * (1 - share) for share in shares) / metric.items


def performance_verdict(
    row: Row | None, metric: Metric, *, diverged: bool = False
) -> PerformanceVerdict | None:
    """The word for one row of `deltas(…, "metric.NAME", "difference")`; None without a margin.

    One-sided non-inferiority at 5 %: kept, if the loss is below the margin with 95 % confidence;
    damaged, if it is above the margin with that confidence; improved, if it is a gain with 97.5 %
    confidence (the two-sided 95 % interval holds gains only). A mutant with diverged trials has
    that for its outcome: a mean would hide it.
    """
    margin = metric.margin
    if margin is None or not math.isfinite(margin):
        return None
    if diverged:
        return "diverged"
    found = None if row is None else loss(row, metric)
    if row is None or found is None:
        return "inconclusive"
    gains = row["low"] > 0 if metric.direction == "maximize" else row["high"] < 0
    if gains and found.worst < 0:
        return "improved"
    if found.worst < abs(margin):
        return "kept"
    return "damaged" if found.best > abs(margin) else "inconclusive"


def performance(
    rows: Mapping[str, Mapping[str, Row]], metrics: Sequence[Metric], diverged: Collection[str]
) -> dict[str, PerformanceVerdict]:
    """The word for each arm over all metrics that have a margin: the worst of theirs. {} if none.

    `rows` holds those of `deltas(…, "metric.NAME", "difference")` by metric and arm; `diverged`
    the arms with a diverged trial. Kept in all of them is shown in each, so that it is wrong at
    most 5 % of the time as for one metric (Berger 1982); to be damaged, one is enough.
    """
    judged = [m for m in metrics if m.margin is not None and math.isfinite(m.margin)]
    if not judged:
        return {}
    known = [(metric, rows.get(metric.name, {})) for metric in judged]
    arms = dict.fromkeys([arm for _, found in known for arm in found] + list(diverged))
    words = {
        arm: [performance_verdict(f.get(arm), m, diverged=arm in diverged) for m, f in known]
        for arm in arms
    }
    return {arm: next(w for w in WORST_FIRST if w in found) for arm, found in words.items()}
