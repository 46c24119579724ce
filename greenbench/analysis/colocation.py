"""Solo beside co-located: the measured energy of a cohort for its work, and the deltas in both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from greenbench.analysis.inference import ALPHA, Array

COLUMNS = (
    "model",
    "scenario",
    "copies",
    "mutation",
    "null",
    "solo",
    "cohort",
    "per_training",
    "change",
    "low",
    "high",
    "solo_s",
    "cohort_s",
    "slowdown",
)


def per_training(cohorts: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Each arm solo and as k copies, matched by model and mutation.

    `solo`: mean over blocks of the quantity for one training; `cohort`: of all k; `per_training`:
    cohort divided by k (measured whole, then divided: no modelled shares); `change`: per_training
    against solo, relative, with a 95 % interval by Welch's t on the logarithms of block means
    (the two are different cohorts, not pairs). solo_s and cohort_s: time (s); `slowdown`: their
    ratio (below k, k trainings side by side are done sooner than one after another).
    """
    rows: list[dict[str, Any]] = []
    with_copies = cohorts.loc[cohorts["kind"] == "homogeneous", "model"].unique()
    for _, table in cohorts[cohorts["model"].isin(with_copies)].groupby("model", sort=False):
        solo = table[table["kind"] == "solo"]
        parallel = table[table["kind"] == "homogeneous"]
        for _, together in parallel.groupby(["scenario", "mutation"], sort=False):
            alone = solo[solo["mutation"] == together["mutation"].iloc[0]]
            if len(alone):
                rows.append(_row(alone, together, quantity))
    return pd.DataFrame.from_records(rows, columns=COLUMNS)


def _row(alone: pd.DataFrame, together: pd.DataFrame, quantity: str) -> dict[str, Any]:
    first = together.iloc[0]
    copies = int(first["copies"])
    one, whole = _block_means(alone, quantity), _block_means(together, quantity)
    share = whole / copies
    change, low, high = _welch(one, share)
    solo_s, cohort_s = (_mean(_block_means(t, "train_s")) for t in (alone, together))
    return {
        "model": first["model"],
        "scenario": first["scenario"],
        "copies": copies,
        "mutation": first["mutation"],
        "null": bool(first["null"]),
        "solo": _mean(one),
        "cohort": _mean(whole),
        "per_training": _mean(share),
        "change": change,
        "low": low,
        "high": high,
        "solo_s": solo_s,
        "cohort_s": cohort_s,
        "slowdown": cohort_s / solo_s if solo_s and cohort_s else None,
    }


def _block_means(table: pd.DataFrame, quantity: str) -> Array:
    values = pd.to_numeric(table[quantity])
    values = values[(values > 0) & (values < math.inf)]
    return values.groupby(table["block"]).mean().to_numpy(dtype=float)


def _mean(values: Array) -> float | None:
    return float(values.mean()) if len(values) else None


def _welch(one: Array, other: Array) -> tuple[float | None, float | None, float | None]:
    """Relative change from `one` to `other`, and its 95 % interval where both repeat."""
    if not (len(one) and len(other)):
        return None, None, None
    a, b = np.log(one), np.log(other)
    center = float(b.mean() - a.mean())
    change = math.expm1(center)
    if min(len(a), len(b)) < 2:
        return change, None, None
    terms = [float(v.var(ddof=1)) / len(v) for v in (a, b)]
    variance = sum(terms)
    if variance <= 0:
        return change, None, None
    df = variance**2 / sum(t**2 / (len(v) - 1) for t, v in zip(terms, (a, b), strict=True))
    half = float(stats.t.ppf(1 - ALPHA / 2, df)) * math.sqrt(variance)
    return change, math.expm1(center - half), math.expm1(min(center + half, 700.0))
