"""The words for a mutant: greener or not, performance kept or not, and when nothing can be said."""

from __future__ import annotations

import math
from typing import Literal

import pandas as pd

from greenbench.analysis.inference import ALPHA
from greenbench.api import Direction

EnergyVerdict = Literal["greener", "costlier", "unchanged", "inconclusive"]
PerformanceVerdict = Literal["kept", "damaged", "improved", "inconclusive", "diverged"]


def noise_band(deltas: pd.DataFrame) -> float | None:
    """How far a study's A/A arms reach from zero with their 95 % intervals (relative).

    None without an A/A arm whose interval is known.
    """
    nulls = deltas[deltas["null"].astype(bool)]
    ends = pd.concat([nulls["low"], nulls["high"]]).dropna().astype(float).abs()
    return float(ends.max()) if len(ends) else None


def too_few(row: pd.Series) -> bool:
    """Whether not even the clearest outcome could have been significant after correction."""
    return bool(row["smallest_p_corrected"] >= ALPHA)


def energy_verdict(row: pd.Series, band: float | None) -> EnergyVerdict:
    """The word for one row of `deltas(…, "energy_j", "ratio")`, on measurements only.

    greener, costlier: corrected p below 0.05, the 95 % interval excludes zero, and the estimate
    lies outside the noise band. unchanged: all that the interval allows lies inside the band.
    """
    low, high, estimate = row["low"], row["high"], row["estimate"]
    if too_few(row) or pd.isna(low) or pd.isna(high):
        return "inconclusive"
    outside = band is None or abs(estimate) > band
    if row["p_corrected"] < ALPHA and outside and (low > 0 or high < 0):
        return "greener" if high < 0 else "costlier"
    if band is not None and -band <= low and high <= band:
        return "unchanged"
    return "inconclusive"


def performance_verdict(
    row: pd.Series | None, direction: Direction, margin: float | None, *, diverged: bool = False
) -> PerformanceVerdict | None:
    """The word for one row of `deltas(…, "metric.NAME", "difference")`; None without a margin.

    One-sided non-inferiority at 5 %: kept, if the loss is below the margin with 95 % confidence;
    damaged, if it is above the margin with that confidence. improved, if the two-sided 95 %
    interval holds gains only. A mutant with diverged trials has that for its outcome: a mean would hide it.
    """
    if margin is None or not math.isfinite(margin):
        return None
    if diverged:
        return "diverged"
    if row is None or pd.isna(row["low_one_sided"]) or pd.isna(row["high_one_sided"]):
        return "inconclusive"
    low, high = float(row["low_one_sided"]), float(row["high_one_sided"])
    worst, best = (low, high) if direction == "maximize" else (-high, -low)
    if (row["low"] > 0) if direction == "maximize" else (row["high"] < 0):
        return "improved"
    if worst > -abs(margin):
        return "kept"
    return "damaged" if best < -abs(margin) else "inconclusive"
