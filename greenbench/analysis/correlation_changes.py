"""How rank correlations differ between solo and co-located trainings."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from scipy import stats

from greenbench.analysis.association import fisher_variance
from greenbench.analysis.inference import ALPHA, holm
from greenbench.analysis.pairs import Pairs
from greenbench.analysis.records import records

COLUMNS = (
    "study",
    "solo_study",
    "hyperparameter",
    "quantity",
    "solo",
    "beside",
    "points",
    "change",
    "low",
    "high",
    "p",
    "p_corrected",
    "note",
)
FEWEST = 5
"""With fewer points on one side the normal approximation of z says nothing."""


def correlation_changes(correlations: pd.DataFrame, pairs: Pairs) -> pd.DataFrame:
    """Spearman's ρ of a hyperparameter and a quantity, beside others against solo.

    `correlations`: study, hyperparameter, quantity, rho, points (how many ρ is over). One row each
    that both studies of a pair have: `solo` and `beside` (ρ), `points` (the fewer of both),
    `change`: Fisher's z beside minus that solo, with a 95 % interval and p by its normal
    approximation (Fisher 1921; variance (1 + ρ²/2)/(n-3) each, Bonett and Wright 2000),
    `p_corrected` by Holm over the rows of the pair. The two are taken as independent: where the
    same settings stand behind both they err alike, and the interval is too wide, not too narrow.
    Fewer than 5 points, or ρ of ±1, have no interval; `note` says which.
    """
    rows: list[dict[str, Any]] = []
    for _, solo, beside in pairs.sides(correlations[correlations["rho"].notna()]):
        keys = ["hyperparameter", "quantity"]
        both = beside.merge(solo, on=keys, suffixes=("", "_solo"))
        found = [_change(row) for row in records(both)]
        tested = [row for row in found if row["p"] is not None]
        for row, p in zip(tested, holm([row["p"] for row in tested]), strict=True):
            row["p_corrected"] = p
        rows += found
    return pd.DataFrame.from_records(rows, columns=list(COLUMNS))


def _change(row: dict[str, Any]) -> dict[str, Any]:
    solo, beside = float(row["rho_solo"]), float(row["rho"])
    sizes = int(row["points_solo"]), int(row["points"])
    found: dict[str, Any] = dict.fromkeys(COLUMNS)
    found |= {name: row[name] for name in ("study", "hyperparameter", "quantity")}
    found |= {"solo_study": row["study_solo"], "solo": solo, "beside": beside}
    found |= {"points": min(sizes), "note": ""}
    if min(sizes) < FEWEST:
        return found | {"note": "too few to tell"}
    parts = [
        fisher_variance(rho, n, "spearman") for rho, n in zip((solo, beside), sizes, strict=True)
    ]
    if parts[0] is None or parts[1] is None:
        return found | {"note": "no interval at ±1"}
    error = math.sqrt(parts[0] + parts[1])
    change = math.atanh(beside) - math.atanh(solo)
    half = float(stats.norm.ppf(1 - ALPHA / 2)) * error
    bounds = {"low": change - half, "high": change + half}
    return found | {"change": change, **bounds, "p": 2 * float(stats.norm.sf(abs(change) / error))}
