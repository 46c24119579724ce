"""Two result sets side by side: what the same arm took in each, and how its delta changed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from greenbench.analysis.blocks import layouts
from greenbench.analysis.inference import ALPHA, Array, Scale, unscaled
from greenbench.analysis.samples import Mean

ORIGINAL = "original"
TOTALS = ("study", "arm", "mutation", "before", "after", "change", "low", "high", "blocks")
DELTAS = ("study", "arm", "mutation", "before", "after", "change", "low", "high", "blocks")


def totals(before: pd.DataFrame, after: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Each arm that both frames of cohorts have with one configuration, in one quantity.

    before, after: means over blocks; change: after against before, relative; low, high: its
    interval by Welch's t on logarithms of block means (of runs, where there are no blocks). The
    intervals hold together: their confidence is 1 - 0.05/m for m arms (Bonferroni), so that the
    chance that any of them misses is 5 % at most. blocks: the fewer of the two. Without two blocks
    on each side there is none.
    """
    sides = [_levels(table, quantity) for table in (before, after)]
    known = _in_both(matched(before, after), sides)
    rows = [
        {
            **first,
            "before": one.level,
            "after": two.level,
            **_change(one, two, len(known), "ratio"),
        }
        for first, one, two in known
    ]
    return pd.DataFrame.from_records(rows, columns=list(TOTALS))


def deltas(before: pd.DataFrame, after: pd.DataFrame, quantity: str, scale: Scale) -> pd.DataFrame:
    """How each mutant's delta differs between the two, from its contrasts block by block.

    before, after: the deltas; change: the difference (relative for a ratio: +1 % means that the
    mutant's ratio to its originals grew by 1 %), with an interval by Welch's t on the contrasts
    (without blocks, on mutants and originals as independent samples), joint as in `totals`. Each
    side is compared with originals of its own.
    """
    sides = [
        _contrasts(table[table["block"] > 0], quantity, scale)
        | _differences(table[table["block"] <= 0], quantity, scale)
        for table in (before, after)
    ]
    known = _in_both(matched(before, after), sides)
    rows = [
        {
            **first,
            "before": unscaled(one.mean, scale),
            "after": unscaled(two.mean, scale),
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


_Side = dict[tuple[str, str], Mean]
"""By study and arm."""


def _in_both(
    same: Mapping[tuple[str, str], dict[str, str]], sides: Sequence[_Side]
) -> list[tuple[dict[str, str], Mean, Mean]]:
    one, two = sides
    return [(first, one[k], two[k]) for k, first in same.items() if k in one and k in two]


def _levels(table: pd.DataFrame, quantity: str) -> _Side:
    """Of the logarithm of each block's mean, or of each run that is in none."""
    return {
        key: Mean.of(np.log(values), float(values.mean()))
        for key, values in _values(table, quantity, "ratio").items()
    }


def _values(table: pd.DataFrame, quantity: str, scale: Scale) -> dict[tuple[str, str], Array]:
    """The mean of each block, or each run that is in none; for a ratio, of what is above zero."""
    if quantity not in table:
        return {}
    values = pd.to_numeric(table[quantity]).astype(float)
    usable = np.isfinite(values) & ((values > 0) | (scale == "difference"))
    block = table["block"].to_numpy(dtype=float)
    unit = np.where(block > 0, block, -1.0 - np.arange(len(block)))
    known = table[["study", "arm"]].assign(_unit=unit, _value=values)[usable]
    means = known.groupby(["study", "arm", "_unit"], sort=False)["_value"].mean().reset_index()
    return {
        (str(study), str(arm)): rows["_value"].to_numpy(dtype=float)
        for (study, arm), rows in means.groupby(["study", "arm"], sort=False)
    }


def _contrasts(table: pd.DataFrame, quantity: str, scale: Scale) -> _Side:
    """Of each mutant's contrasts with its blocks' originals."""
    return {
        (study, arm): Mean.of(contrasts[np.isfinite(contrasts)])
        for study, layout in layouts(table, quantity, scale).items()
        for arm, contrasts in zip(layout.arms, np.transpose(layout.contrasts), strict=True)
    }


def _differences(table: pd.DataFrame, quantity: str, scale: Scale) -> _Side:
    """Of each mutant without blocks and its study's originals: independent samples."""
    found = {
        key: Mean.of(np.log(values) if scale == "ratio" else values)
        for key, values in _values(table, quantity, scale).items()
    }
    return {
        (study, arm): mutant.minus(found[study, ORIGINAL])
        for (study, arm), mutant in found.items()
        if arm != ORIGINAL and (study, ORIGINAL) in found
    }


def _change(one: Mean, two: Mean, family: int, scale: Scale) -> Mapping[str, Any]:
    change = two.minus(one)
    found: dict[str, Any] = {
        "change": unscaled(change.mean, scale),
        "low": None,
        "high": None,
        "blocks": change.number,
    }
    if not change.df > 0:
        return found
    half = float(special.stdtrit(change.df, 1 - ALPHA / family / 2)) * math.sqrt(change.variance)
    if math.isfinite(half):
        found["low"] = unscaled(change.mean - half, scale)
        found["high"] = unscaled(change.mean + half, scale)
    return found
