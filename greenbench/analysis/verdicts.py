"""The words for a mutant: greener or not, performance kept or not, and when nothing can be said."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import special
from statsmodels.stats.proportion import confint_proportions_2indep

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
ROUNDING = 12
"""Digits of a share: a mean of ones is 1."""


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
    bounds of two one-sided tests; `items_error` is the part of the standard error of `worst` that
    comes from the test set (0 where the number of its items is not known)."""

    estimate: float
    best: float
    worst: float
    items_error: float


def loss(row: Row, metric: Metric) -> Loss | None:
    """From a row of `deltas(…, "metric.NAME", "difference")`; None where its noise is not known.

    Where the metric is a share of `metric.items` test items, another test set would give another
    share: its error (`items_errors`) is added to that of the blocks (`with_items`). It does not
    shrink with blocks.
    """
    error, df = float(row["error"]), float(row["df"])
    if not (error > 0 and df > 0):
        return None
    change = float(row["estimate"])
    center = change if metric.direction == "minimize" else -change
    items = items_errors(float(row["original_mean"]), change, metric)
    up, down = (
        float(special.stdtrit(freedom, 1 - ALPHA)) * whole
        for whole, freedom in (with_items(error, df, part) for part in items)
    )
    return Loss(center, center - down, center + up, items[0])


def items_errors(original: float, change: float, metric: Metric) -> tuple[float, float]:
    """How far test items mislead about a change of a share, as standard errors: by how much more,
    and by how much less, may truly be lost. 0 where their number is not known.

    As if the two shares were found on different items, an upper bound where the same serve both:
    from the 90 % interval of a difference of proportions by Newcombe (1998, method 10), which holds
    near shares of 0 and 1 too, where √(p(1-p)/n) is too small, and 0 at last.
    """
    whole = 100.0 if metric.unit == "%" else 1.0
    items, share = metric.items, round(original / whole, ROUNDING)
    if not items or not 0 <= share <= 1:
        return 0.0, 0.0
    shares = np.clip([share + change / whole, share], 0, 1)
    new, old = (shares * items).tolist()
    low, high = confint_proportions_2indep(
        new, items, old, items, method="newcomb", compare="diff", alpha=2 * ALPHA
    )
    found = float(shares[0] - shares[1])
    per_error = whole / float(special.ndtri(1 - ALPHA))
    below, above = (found - float(low)) * per_error, (float(high) - found) * per_error
    return (below, above) if metric.direction == "maximize" else (above, below)


def with_items(error: float, df: float, items_error: float) -> tuple[float, float]:
    """A standard error of runs with that of test items, which is known without any, and the
    degrees of freedom of both (Satterthwaite 1946)."""
    both = math.hypot(error, items_error)
    return both, df * (both / error) ** 4


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
