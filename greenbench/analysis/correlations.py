"""Rank correlation of each hyperparameter with energy, time, power and performance."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from greenbench.analysis.cohorts import original_settings
from greenbench.analysis.deltas import contrasts
from greenbench.analysis.inference import (
    ALPHA,
    EXACT_LIMIT,
    PERMUTATION_SEED,
    RESAMPLES,
    Array,
)

FEWEST_SETTINGS = 4
"""With fewer, a rank correlation is a coin's word."""
NOMINAL = ("seed",)
"""Numbers without an order that could matter."""
COLUMNS = ("study", "hyperparameter", "quantity", "settings", "rho", "p", "smallest_p", "note")


def correlations(cohorts: pd.DataFrame, quantities: Sequence[str]) -> pd.DataFrame:
    """Spearman's ρ of each varied hyperparameter with each quantity, study by study.

    Only the original and the arms that changed this hyperparameter alone enter. A point is a
    setting: the mean over blocks of its difference from the block's originals (so drift between
    blocks is not in it, and repeats are no new points). `p` permutes the settings (exactly, or a
    seeded sample where there are too many orders); it is missing where even the clearest order
    could not be significant. `note` says why a number is missing.
    """
    rows = [
        {"study": study, "hyperparameter": name, "quantity": quantity, **found}
        for study, table in cohorts.groupby("study", sort=False)
        for name in varied(table)
        for quantity in quantities
        if (found := _correlation(table, name, quantity)) is not None
    ]
    return pd.DataFrame.from_records(rows, columns=COLUMNS)


def varied(table: pd.DataFrame) -> list[str]:
    """Hyperparameters that some arm of the study changed alone, in the plan's order."""
    names = [str(name) for name in table["changed"].drop_duplicates()]
    return [name for name in names if name and "," not in name]


def settings(table: pd.DataFrame, hyperparameter: str, quantity: str) -> list[tuple[Any, float]]:
    """(value, mean difference from the block's originals) of each setting, the original's first."""
    defaults = original_settings(table)
    arms = contrasts(table, quantity, "difference").values()
    if hyperparameter not in defaults or not arms:
        return []
    changed = table[table["changed"] == hyperparameter]
    values = dict(zip(changed["arm"], changed["value"], strict=True))
    points: dict[str, list[Any]] = {}
    for arm in next(iter(arms)):
        if arm.arm in values:
            value = values[arm.arm]
            points.setdefault(json.dumps(value), [value]).append(float(arm.contrasts.mean()))
    means = [(value, float(np.mean(found))) for value, *found in points.values()]
    return [(defaults[hyperparameter], 0.0), *means] if means else []


def spearman(x: Array, y: Array) -> tuple[float, float, float]:
    """ρ, its two-sided permutation p, and the smallest p that this many points could give."""
    ranks_x, ranks_y = (stats.rankdata(values) - (len(values) + 1) / 2 for values in (x, y))
    rho = float((ranks_x * ranks_y).sum() / np.sqrt((ranks_x**2).sum() * (ranks_y**2).sum()))

    def product(shuffled: Array, axis: int) -> Array:
        return np.asarray((shuffled * ranks_y).sum(axis=axis))

    orders = math.factorial(len(x))
    exact = orders <= EXACT_LIMIT
    test = stats.permutation_test(
        (ranks_x,),
        product,
        permutation_type="pairings",
        vectorized=True,
        n_resamples=EXACT_LIMIT if exact else RESAMPLES,
        batch=5_000,
        random_state=np.random.default_rng(PERMUTATION_SEED),
    )
    smallest = 2 / orders if exact else 2 / (RESAMPLES + 1)
    return rho, min(1.0, float(test.pvalue)), smallest


def _correlation(table: pd.DataFrame, name: str, quantity: str) -> dict[str, Any] | None:
    points = settings(table, name, quantity)
    if not points:
        return None
    found: dict[str, Any] = {
        "settings": len(points),
        "rho": None,
        "p": None,
        "smallest_p": None,
        "note": "",
    }
    values = [value for value, _ in points]
    if name in NOMINAL or any(isinstance(v, str | bool) for v in values):
        return found | {"note": "no order among its values: not a rank correlation"}
    if len(points) < FEWEST_SETTINGS:
        return found | {"note": "too few settings"}
    x, y = np.array(values, dtype=float), np.array([mean for _, mean in points])
    if len(set(_rounded(y))) == 1 or len(set(x)) == 1:
        return found | {"note": "constant"}
    rho, p, smallest = spearman(x, y)
    found |= {"rho": rho, "smallest_p": smallest}
    if smallest >= ALPHA:
        return found | {"note": "too few to tell"}
    return found | {"p": p}


def _rounded(values: Array) -> Iterator[float]:
    """Equal but for rounding is equal."""
    scale = float(np.abs(values).max()) or 1.0
    return (round(float(value) / scale, 12) for value in values)
