"""Solo beside co-located: the measured energy of a cohort for its work, and the deltas in both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from greenbench.analysis.inference import Array, relative
from greenbench.analysis.pairs import Pairs
from greenbench.analysis.samples import t_test

COLUMNS = (
    "study",
    "arm",
    "solo_study",
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


def per_training(cohorts: pd.DataFrame, pairs: Pairs, quantity: str) -> pd.DataFrame:
    """Each arm as k copies beside the same arm of the solo study that it is compared with.

    `solo`: mean over blocks of the quantity for one training; `cohort`: of all k; `per_training`:
    cohort divided by k (measured whole, then divided: no modelled shares); `change`: per_training
    against solo, relative, with a 95 % interval by Welch's t on the logarithms of block means
    (the two are different cohorts, not pairs). solo_s and cohort_s: time (s); `slowdown`: their
    ratio (below k, k trainings side by side are done sooner than one after another).
    """
    rows: list[dict[str, Any]] = []
    for pair, solo, beside in pairs.sides(cohorts):
        if pair.kind != "homogeneous":
            continue
        alone = dict(iter(solo.groupby("mutation", sort=False)))
        for mutation, together in beside.groupby("mutation", sort=False):
            if mutation in alone:
                rows.append(_row(alone[mutation], together, quantity))
    return pd.DataFrame.from_records(rows, columns=COLUMNS)


def _row(alone: pd.DataFrame, together: pd.DataFrame, quantity: str) -> dict[str, Any]:
    first = together.iloc[0]
    copies = int(first["copies"])
    one, whole = block_means(alone, quantity), block_means(together, quantity)
    share = whole / copies
    change, low, high = _welch(one, share)
    solo_s, cohort_s = (_mean(block_means(t, "train_s")) for t in (alone, together))
    return {
        "study": first["study"],
        "arm": first["arm"],
        "solo_study": alone["study"].iloc[0],
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


def block_means(table: pd.DataFrame, quantity: str) -> Array:
    """The mean of each block's values, of those that are finite and above zero."""
    values = pd.to_numeric(table[quantity], errors="coerce").astype(float)
    values = values[(values > 0) & (values < math.inf)]
    return np.asarray(values.groupby(table["block"]).mean(), dtype=float)


def _mean(values: Array) -> float | None:
    return float(values.mean()) if len(values) else None


def _welch(one: Array, other: Array) -> tuple[float | None, float | None, float | None]:
    """Relative change from `one` to `other`, and its 95 % interval where both repeat."""
    if not (len(one) and len(other)):
        return None, None, None
    a, b = np.log(one), np.log(other)
    change = relative(float(b.mean() - a.mean()))
    if min(len(a), len(b)) < 2 or not max(np.ptp(a), np.ptp(b)) > 0:
        return change, None, None
    found = t_test(b, a, equal_var=False).confidence_interval()
    return change, relative(found.low), relative(found.high)
