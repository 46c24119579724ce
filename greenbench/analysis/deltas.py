"""Mutants against the originals of their blocks: ratios and differences with intervals and tests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from greenbench.analysis.inference import (
    ALPHA,
    Array,
    Permutation,
    Pooled,
    cliffs_delta,
    holm,
    own_variance,
    permutation_within_blocks,
    pooled_variance,
    t_interval,
)

Scale = Literal["ratio", "difference"]

COLUMNS = (
    "study",
    "arm",
    "mutation",
    "null",
    "blocks",
    "originals",
    "original_mean",
    "estimate",
    "low",
    "high",
    "low_one_sided",
    "high_one_sided",
    "df",
    "delta",
    "p",
    "p_corrected",
    "smallest_p_corrected",
    "exact",
    "cliffs_delta",
)


@dataclass(frozen=True, slots=True)
class Contrasts:
    """One arm: its value, its originals and their contrast in each block that has both."""

    arm: str
    mutation: str
    null: bool
    values: Array
    originals: tuple[Array, ...]
    contrasts: Array


def deltas(cohorts: pd.DataFrame, quantity: str, scale: Scale) -> pd.DataFrame:
    """Each arm of each study against the originals of its blocks, in the column `quantity`.

    `scale` "ratio" works on logarithms: `estimate`, `low` and `high` are relative changes
    (0.1: 10 % more), and values that are not above zero are left out. "difference" keeps the
    quantity's own unit. `delta` is in that unit always: for a ratio, the relative change times
    `original_mean`. Intervals are 95 % t intervals over blocks on the variance pooled over the
    study's arms (see `inference.pooled_variance`); for differences the arm's own variance counts
    where it is larger, since a mutation can make training itself unsteady. `low_one_sided` and
    `high_one_sided` are the 95 % bounds of one-sided tests. `p` is of the permutation test within
    blocks, `p_corrected` by Holm over the study's mutants (A/A arms are no part of the family),
    `smallest_p_corrected` what the blocks could reach at best. Without known noise the interval
    is missing, never zero wide.
    """
    rows: list[dict[str, Any]] = []
    for study, arms in contrasts(cohorts, quantity, scale).items():
        found = [_row(arm, _variance(arm, arms, scale), scale) for arm in arms]
        _correct(found)
        rows += [{"study": study, **row} for row in found]
    return pd.DataFrame.from_records(rows, columns=COLUMNS)


def contrasts(cohorts: pd.DataFrame, quantity: str, scale: Scale) -> dict[str, list[Contrasts]]:
    """The arms of each study, in the order of the rows, with their contrasts block by block.

    Only blocks with at least one original and the arm itself enter; an arm with none is left out.
    """
    if quantity not in cohorts:
        return {}
    values = pd.to_numeric(cohorts[quantity]).to_numpy(dtype=float)
    usable = np.isfinite(values) & ((values > 0) | (scale == "difference"))
    with np.errstate(all="ignore"):
        values = np.log(values) if scale == "ratio" else values
    columns = [cohorts[name].to_list() for name in ("study", "arm", "block", *FACTS)]
    pools: dict[tuple[str, int], list[float]] = {}
    arms: dict[str, dict[str, tuple[str, bool, dict[int, list[float]]]]] = {}
    for fine, value, study, arm, block, original, mutation, null in zip(
        usable, values, *columns, strict=True
    ):
        if fine and original:
            pools.setdefault((study, block), []).append(float(value))
        elif fine:
            of_study = arms.setdefault(study, {})
            blocks = of_study.setdefault(arm, (mutation, bool(null), {}))[2]
            blocks.setdefault(block, []).append(float(value))
    originals = {key: np.array(pool) for key, pool in pools.items()}
    found = {
        study: [
            _contrasts(arm, mutation, null, blocks, {b: originals.get((study, b)) for b in blocks})
            for arm, (mutation, null, blocks) in of_study.items()
        ]
        for study, of_study in arms.items()
    }
    return {study: [a for a in of_study if len(a.values)] for study, of_study in found.items()}


FACTS = ("original", "mutation", "null")


def _contrasts(
    arm: str,
    mutation: str,
    null: bool,  # noqa: FBT001 (a fact, not a switch)
    blocks: dict[int, list[float]],
    originals: dict[int, Array | None],
) -> Contrasts:
    pairs = [
        (float(np.mean(values)), pool)
        for block, values in sorted(blocks.items())
        if (pool := originals[block]) is not None
    ]
    mutants = np.array([value for value, _ in pairs])
    means = np.array([pool.mean() for _, pool in pairs])
    return Contrasts(
        arm, mutation, null, mutants, tuple(pool for _, pool in pairs), mutants - means
    )


def _variance(arm: Contrasts, arms: list[Contrasts], scale: Scale) -> Pooled | None:
    counts = [len(pool) for other in arms for pool in other.originals]
    correlation = 0.5 if scale == "difference" else 1 / (1 + float(np.mean(counts)))
    pooled = pooled_variance([other.contrasts for other in arms], correlation)
    own = own_variance(arm.contrasts)
    if scale == "difference" and pooled and own and own.variance > pooled.variance:
        return own
    return pooled


def _row(arm: Contrasts, variance: Pooled | None, scale: Scale) -> dict[str, Any]:
    center = float(arm.contrasts.mean())
    interval = one_sided = None
    if variance is not None:
        noise = (variance.variance, len(arm.contrasts), variance.df)
        interval = t_interval(center, *noise)
        one_sided = t_interval(center, *noise, confidence=1 - 2 * ALPHA)
    means = np.array([(np.exp(p) if scale == "ratio" else p).mean() for p in arm.originals])
    original_mean = float(means.mean())
    estimate = _back(center, scale)
    test = permutation_within_blocks(list(arm.values), arm.originals)
    return {
        "arm": arm.arm,
        "mutation": arm.mutation,
        "null": arm.null,
        "blocks": len(arm.contrasts),
        "originals": sum(len(pool) for pool in arm.originals),
        "original_mean": original_mean,
        "estimate": estimate,
        "low": _back(interval[0], scale) if interval else None,
        "high": _back(interval[1], scale) if interval else None,
        "low_one_sided": _back(one_sided[0], scale) if one_sided else None,
        "high_one_sided": _back(one_sided[1], scale) if one_sided else None,
        "df": variance.df if variance else None,
        "delta": estimate * original_mean if scale == "ratio" else estimate,
        "cliffs_delta": cliffs_delta(list(arm.values), arm.originals),
        "test": test,
    }


def _back(value: float, scale: Scale) -> float:
    """From the log scale to a relative change; beyond what a float holds it is infinite."""
    if scale == "difference":
        return value
    return math.expm1(value) if value < 700 else math.inf


def _correct(rows: list[dict[str, Any]]) -> None:
    family = [row for row in rows if not row["null"]]
    tests: list[Permutation] = [row["test"] for row in family]
    for row, corrected in zip(family, holm([test.p for test in tests]), strict=True):
        row["p_corrected"] = corrected
    for row in rows:
        test: Permutation = row.pop("test")
        size = 1 if row["null"] else len(family)
        row["p"], row["exact"] = test.p, test.exact
        row["smallest_p_corrected"] = min(1.0, size * test.smallest_p)
