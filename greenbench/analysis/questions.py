"""What the paper's questions need beside its own tests: correlations over settings, energy against
time, and how much the noise grows beside another training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from greenbench.analysis.association import associate, permuted
from greenbench.analysis.inference import ALPHA, Array, fdr
from greenbench.analysis.settings import Series, setting_means

FEWEST_SETTINGS = 4
CLUSTERED_COLUMNS = (
    "study",
    "model",
    "hyperparameter",
    "quantity",
    "settings",
    "rho",
    "low",
    "high",
    "p",
    "smallest_p",
    "p_corrected",
)
SCATTER_COLUMNS = (
    "model",
    "study",
    "solo",
    "beside",
    "df_solo",
    "df_beside",
    "ratio",
    "low",
    "high",
)


def clustered_correlations(
    found: list[Series], quantities: list[str], *, blocked: bool
) -> pd.DataFrame:
    """Spearman's ρ of each hyperparameter with each quantity, each setting one point.

    A point is the mean over a setting's runs (with blocks, of the difference from the block's
    originals). `low`, `high`: 95 % on Fisher's z (Bonett and Wright 2000). `p` permutes the
    settings, `smallest_p` is the least it could be, `p_corrected`: Benjamini and Hochberg over all
    rows. Missing with fewer than 4 settings, or without order.
    """
    rows: list[dict[str, Any]] = []
    for part in found:
        for quantity in quantities:
            row: dict[str, Any] = dict.fromkeys(CLUSTERED_COLUMNS, math.nan)
            x, y = setting_means(part, quantity, blocked=blocked)
            base = {"study": part.study, "model": part.model, "settings": len(x)}
            row |= base | {"hyperparameter": part.hyperparameter, "quantity": quantity}
            known = associate(x, y) if len(x) >= FEWEST_SETTINGS else None
            if known is not None:
                p, smallest = permuted(x, y)
                row |= {"rho": known.coefficient, "p": p, "smallest_p": smallest}
                row |= {"low": known.low, "high": known.high}
            rows.append(row)
    table = pd.DataFrame.from_records(rows, columns=list(CLUSTERED_COLUMNS))
    table["p_corrected"] = fdr(pd.to_numeric(table["p"]).to_numpy(float))
    return table


def explained_by_time(runs: pd.DataFrame, quantity: str) -> dict[str, float]:
    """By study: r² of an energy on time over its runs (Pearson), where both are known."""
    found = {}
    for study, table in runs.groupby("study", sort=False):
        known = associate(table["train_s"].astype(float), table[quantity].astype(float), "pearson")
        if known is not None:
            found[str(study)] = known.coefficient**2
    return found


def scatter_beside(runs: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """How much repeats of the same configuration scatter alone, and beside other trainings.

    One row a study that is not solo and whose model was also trained alone. `solo`, `beside`:
    standard deviation of the logarithm within arms (about: relative), pooled over arms, with its
    degrees of freedom. `ratio`: beside over
    solo, with a 95 % interval by the F distribution (normal noise).
    """
    rows = []
    for model, table in runs.groupby("model", sort=False):
        solo = _within(table[table["kind"] == "solo"], quantity)
        for study, beside in table[table["kind"] != "solo"].groupby("study", sort=False):
            other = _within(beside, quantity)
            if solo is None or other is None:
                continue
            (one, df_one), (two, df_two) = solo, other
            ratio = two / one
            low, high = (
                ratio / math.sqrt(float(stats.f.ppf(q, df_two, df_one)))
                for q in (1 - ALPHA / 2, ALPHA / 2)
            )
            rows.append((model, study, one, two, df_one, df_two, ratio, low, high))
    return pd.DataFrame.from_records(rows, columns=list(SCATTER_COLUMNS))


def _within(table: pd.DataFrame, quantity: str) -> tuple[float, int] | None:
    """Standard deviation of logarithms within arms and its degrees of freedom, None without."""
    values = pd.to_numeric(table[quantity], errors="coerce").astype(float)
    known = table.assign(log=np.log(values.where(values > 0)))
    known = known[np.isfinite(known["log"])]
    squares, df = 0.0, 0
    for _, group in known.groupby("arm", sort=False):
        logs: Array = np.asarray(group["log"], dtype=float)
        squares += float(((logs - logs.mean()) ** 2).sum())
        df += len(logs) - 1
    return (math.sqrt(squares / df), df) if df > 0 and squares > 0 else None
