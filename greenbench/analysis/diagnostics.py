"""What a record gives away about itself: mutations that changed nothing, series that drifted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from greenbench.analysis.association import associate, scaled
from greenbench.analysis.inference import ALPHA, Array, fdr, relative
from greenbench.analysis.settings import Series

FEWEST_SETTINGS = 4
"""Mutated settings below which neither can be told."""
LEAST_SHIFT = 0.01
"""A shift between a series and its originals that is smaller is not called drift."""
NULL_COLUMNS = (
    "study",
    "model",
    "hyperparameter",
    "settings",
    "runs",
    "smallest",
    "largest",
    "performance_p",
    "time_p",
    "null_like",
)
DRIFT_COLUMNS = (
    "study",
    "model",
    "hyperparameter",
    "quantity",
    "settings",
    "shift",
    "low",
    "high",
    "p",
    "p_corrected",
    "extrapolated",
    "drifted",
)


def null_like(found: list[Series], metrics: list[str]) -> pd.DataFrame:
    """Hyperparameters that nothing responds to: changed, they leave the training as it was.

    `performance_p`: Kruskal and Wallis over the settings, the original's among them, the smallest
    over `metrics` (columns) times their number. `time_p`: the smaller of that test of time and of
    its trend (Spearman), times 2, over the mutants alone, so that originals measured at another
    time are not in it. null_like: neither is below 0.05.
    Either the hyperparameter has no effect in the range that was tried (`smallest` to `largest`,
    as multiples of the default), or its value never reached the trainer: both make the mutants a
    test of originals against originals. Rows with fewer than 4 repeated mutated settings, or without
    any metric, are left out: of those it can't be told.
    """
    rows: list[dict[str, Any]] = []
    for part in found:
        sizes = part.mutants.groupby("setting", sort=False).size()
        if (sizes > 1).sum() < FEWEST_SETTINGS:
            continue
        performance = [p for metric in metrics if (p := _kruskal(part, metric)) is not None]
        time = _time(part)
        if not performance or time is None:
            continue
        smallest = min(1.0, min(performance) * len(performance))
        low, high = _span(part)
        rows.append(
            {
                "study": part.study,
                "model": part.model,
                "hyperparameter": part.hyperparameter,
                "settings": len(sizes),
                "runs": len(part.mutants),
                "smallest": low,
                "largest": high,
                "performance_p": smallest,
                "time_p": time,
                "null_like": smallest >= ALPHA and time >= ALPHA,
            }
        )
    return pd.DataFrame.from_records(rows, columns=list(NULL_COLUMNS))


def drifted(found: list[Series], quantities: list[str]) -> pd.DataFrame:
    """Series that do not meet their own originals: measured at another time, in other conditions.

    The mutants' own trend (a line through the means of their settings, both on logarithms) is read
    at the default value and compared with the originals there: `shift`, relative, with a 95 %
    interval by Student's t (Welch and Satterthwaite's degrees of freedom). An effect of the
    hyperparameter moves the line; it can't make the line miss the originals, unless it is far from
    monotone. `extrapolated`: all values lie on one side of the default. `p_corrected`: Benjamini
    and Hochberg over all rows. drifted: p_corrected < 0.05 and |shift| >= 1 %.
    """
    rows: list[dict[str, Any]] = []
    for part in found:
        for quantity in quantities:
            shift = _shift(part, quantity)
            if shift is not None:
                base = {"study": part.study, "model": part.model}
                base |= {"hyperparameter": part.hyperparameter, "quantity": quantity}
                rows.append(base | shift)
    table = pd.DataFrame.from_records(rows, columns=list(DRIFT_COLUMNS))
    table["p_corrected"] = fdr(pd.to_numeric(table["p"]).to_numpy(float))
    table["drifted"] = (table["p_corrected"] < ALPHA) & (table["shift"].abs() >= LEAST_SHIFT)
    return table


def _kruskal(part: Series, quantity: str, *, mutants_only: bool = False) -> float | None:
    if quantity not in part.mutants:
        return None
    groups = part.groups(quantity)
    if mutants_only:
        groups.pop(part.default, None)
    known = [group for group in groups.values() if len(group) > 1]
    if len(known) < 2 or np.ptp(np.concatenate(known)) == 0:
        return None
    return float(stats.kruskal(*known).pvalue)


def _time(part: Series) -> float | None:
    differs = _kruskal(part, "train_s", mutants_only=True)
    if differs is None:
        return None
    mutants = part.mutants
    trend = associate(mutants["setting"], mutants["train_s"]) if part.ordered else None
    return min(1.0, 2 * min(differs, trend.p)) if trend else differs


def _span(part: Series) -> tuple[float | None, float | None]:
    """The range of values as multiples of the default; None where that has no meaning."""
    if not part.ordered or not part.default:
        return None, None
    multiples = part.mutants["setting"].astype(float) / float(part.default)
    return float(multiples.min()), float(multiples.max())


def _shift(part: Series, quantity: str) -> dict[str, Any] | None:
    if not part.ordered or quantity not in part.mutants:
        return None
    groups = {
        float(setting): np.log(values[values > 0])
        for setting, values in part.groups(quantity).items()
    }
    originals = groups.pop(float(part.default), np.array([]))
    settings = [setting for setting, values in groups.items() if len(values)]
    if len(settings) < FEWEST_SETTINGS or len(originals) < 2:
        return None
    x = _steps(np.array(settings), float(part.default))
    line = stats.linregress(x, [float(groups[setting].mean()) for setting in settings])
    own, others = line.intercept_stderr**2, float(originals.var(ddof=1)) / len(originals)
    variance = own + others
    if not variance > 0:
        return None
    df = variance**2 / (own**2 / (len(settings) - 2) + others**2 / (len(originals) - 1))
    center = float(line.intercept - originals.mean())
    half = float(stats.t.ppf(1 - ALPHA / 2, df)) * math.sqrt(variance)
    return {
        "settings": len(settings),
        "shift": relative(center),
        "low": relative(center - half),
        "high": relative(center + half),
        "p": 2 * float(stats.t.sf(abs(center) / math.sqrt(variance), df)),
        "extrapolated": bool((x > 0).all() or (x < 0).all()),
    }


def _steps(values: Array, default: float) -> Array:
    """Distance from the default: by factors where all are positive, else by difference (in some
    unit)."""
    if default > 0 and (values > 0).all():
        return np.log(values / default)
    return scaled(values / 2 - default / 2)
