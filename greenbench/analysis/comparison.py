"""Two result sets side by side: what the same arm took in each, and how its delta changed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from greenbench.analysis.blocks import Scale, layouts
from greenbench.analysis.inference import ALPHA, Array
from greenbench.analysis.samples import t_test

TOTALS = ("study", "arm", "mutation", "before", "after", "change", "low", "high", "blocks")
DELTAS = ("study", "arm", "mutation", "before", "after", "change", "low", "high", "blocks")


def totals(before: pd.DataFrame, after: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Each arm that both frames of cohorts have with one configuration, in one quantity.

    before, after: means over blocks; change: after against before, relative; low, high: its
    interval by Welch's t on logarithms of block means. The intervals hold together: their
    confidence is 1 - 0.05/m for m arms (Bonferroni), so that the chance that any of them misses
    is 5 % at most. blocks: the fewer of the two. Without two blocks on each side there is none.
    """
    pairs = matched(before, after)
    values = [
        (first, _block_means(before, key, quantity), _block_means(after, key, quantity))
        for key, first in pairs.items()
    ]
    known = [(first, one, two) for first, one, two in values if len(one) and len(two)]
    rows = [
        {
            **first,
            "before": float(np.exp(one).mean()),
            "after": float(np.exp(two).mean()),
            **_change(one, two, len(known), "ratio"),
        }
        for first, one, two in known
    ]
    return pd.DataFrame.from_records(rows, columns=list(TOTALS))


def deltas(before: pd.DataFrame, after: pd.DataFrame, quantity: str, scale: Scale) -> pd.DataFrame:
    """How each mutant's delta differs between the two, from its contrasts block by block.

    before, after: the deltas; change: the difference (relative for a ratio: +1 % means that the
    mutant's ratio to its originals grew by 1 %), with an interval by Welch's t on the contrasts,
    joint as in `totals`. Each side is compared with originals of its own.
    """
    same = matched(before, after)
    sides = [
        {
            (study, arm): contrasts[np.isfinite(contrasts)]
            for study, layout in layouts(table, quantity, scale).items()
            for arm, contrasts in zip(layout.arms, np.transpose(layout.contrasts), strict=True)
        }
        for table in (before, after)
    ]
    known = [
        (first, sides[0][key], sides[1][key])
        for key, first in same.items()
        if key in sides[0] and key in sides[1]
    ]
    rows = [
        {
            **first,
            "before": _back(float(one.mean()), scale),
            "after": _back(float(two.mean()), scale),
            **_change(one, two, len(known), scale),
        }
        for first, one, two in known
    ]
    return pd.DataFrame.from_records(rows, columns=list(DELTAS))


def matched(before: pd.DataFrame, after: pd.DataFrame) -> dict[tuple[str, str], dict[str, str]]:
    """Study and arm of what both have with the same hyperparameters, with the words for it, in
    the order of the first."""
    sides = [configurations(table) for table in (before, after)]
    return {
        key: {"study": key[0], "arm": key[1], "mutation": mutation}
        for key, (settings, mutation) in sides[0].items()
        if key in sides[1] and sides[1][key][0] == settings
    }


def configurations(table: pd.DataFrame) -> dict[tuple[str, str], tuple[str, str]]:
    """(canonical hyperparameters, mutation's words) of each study's arms; a mutated seed is
    another configuration."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    columns = ("study", "arm", "hyperparameters", "mutation")
    for study, arm, settings, mutation in table[list(columns)].itertuples(index=False, name=None):
        key = (str(study), str(arm))
        if key not in found:
            text = json.dumps(json.loads(settings), sort_keys=True)
            found[key] = (text, str(mutation))
    return found


def _block_means(table: pd.DataFrame, key: tuple[str, str], quantity: str) -> Array:
    """Logarithms of the mean of each block; what is not above zero is not known."""
    if quantity not in table:
        return np.array([])
    rows = table[(table["study"] == key[0]) & (table["arm"] == key[1])]
    values = pd.to_numeric(rows[quantity]).astype(float)
    usable = values[np.isfinite(values) & (values > 0)]
    return np.asarray(np.log(usable.groupby(rows["block"]).mean()), dtype=float)


def _change(one: Array, two: Array, family: int, scale: Scale) -> Mapping[str, Any]:
    found: dict[str, Any] = {
        "change": _back(float(two.mean() - one.mean()), scale),
        "low": None,
        "high": None,
        "blocks": min(len(one), len(two)),
    }
    spread = max(float(np.ptp(one)), float(np.ptp(two)))
    if len(one) < 2 or len(two) < 2 or not spread > 0:
        return found
    test = t_test(two, one, equal_var=False)
    interval = test.confidence_interval(1 - ALPHA / family)
    if math.isfinite(interval.low) and math.isfinite(interval.high):
        found["low"] = _back(float(interval.low), scale)
        found["high"] = _back(float(interval.high), scale)
    return found


def _back(value: float, scale: Scale) -> float:
    if scale == "difference":
        return value
    return math.expm1(value) if value < 700 else math.inf
