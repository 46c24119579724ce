"""A change of energy taken apart into time and power: E = P·t, on logarithms, channel by channel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from greenbench.analysis.blocks import BlockFit, Layout, fit_blocks, layouts
from greenbench.analysis.inference import Array
from greenbench.analysis.records import stacked

COLUMNS = (
    "study",
    "arm",
    "mutation",
    "null",
    "channel",
    "delta_j",
    "time_j",
    "power_j",
    "energy",
    "energy_low",
    "energy_high",
    "time",
    "time_low",
    "time_high",
    "power",
    "power_low",
    "power_high",
)


def energy_split(cohorts: pd.DataFrame, channels: Sequence[str]) -> pd.DataFrame:
    """How much of each arm's change of energy comes from time and how much from power.

    `channels` are energy columns of the cohorts (`energy_j`, `channel.NAME`). Since E = P·t, the
    mean contrasts of the logarithms add up: ln E = ln t + ln P, in each block and on average.
    `energy`, `time` and `power` are those as relative changes with their 95 % intervals (block
    model; (1 + energy) = (1 + time)·(1 + power)). In joules, `delta_j` (of the originals' mean)
    is shared out in proportion to the logarithms, so that `time_j` + `power_j` is `delta_j`: the
    logarithmic mean Divisia split (Ang 2004). Only cohorts with both a time and that energy enter.
    """
    parts = []
    for channel in channels:
        if channel not in cohorts:
            continue
        table = cohorts[(cohorts["train_s"] > 0) & (pd.to_numeric(cohorts[channel]) > 0)]
        table = table.assign(_power_w=pd.to_numeric(table[channel]) / table["train_s"])
        table = table[(table["_power_w"] > 0) & (table["_power_w"] < math.inf)]
        found = [layouts(table, name, "ratio") for name in (channel, "train_s", "_power_w")]
        parts += [
            _rows(channel, found[0][study], [kind[study] for kind in found])
            for study in found[0]
            if all(study in kind for kind in found)
        ]
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    return stacked(parts)[list(COLUMNS)]


def _rows(channel: str, layout: Layout, kinds: list[Layout]) -> dict[str, Any]:
    fits = [fit_blocks(kind.contrasts, kind.originals) for kind in kinds]
    energy, time, power = (fit.estimate for fit in fits)
    known = np.isfinite(layout.values)
    means = layout.pool_means(exponential=True) @ known / known.sum(axis=0)
    delta_j = means * np.expm1(energy)
    with np.errstate(all="ignore"):
        by_log = np.where(np.abs(energy) > 1e-9, delta_j / energy, means)
    bounds: dict[str, Array] = {}
    for name, fit in zip(("energy", "time", "power"), fits, strict=True):
        bounds |= _interval(name, fit)
    return {
        "study": (layout.study,) * len(layout.arms),
        "arm": layout.arms,
        "mutation": layout.mutations,
        "null": layout.nulls,
        "channel": (channel,) * len(layout.arms),
        "delta_j": delta_j,
        "time_j": by_log * time,
        "power_j": by_log * power,
        **bounds,
    }


def _interval(name: str, fit: BlockFit) -> dict[str, Array]:
    half = fit.half_width()
    with np.errstate(over="ignore"):
        return {
            name: np.expm1(fit.estimate),
            f"{name}_low": np.expm1(fit.estimate - half),
            f"{name}_high": np.expm1(fit.estimate + half),
        }
