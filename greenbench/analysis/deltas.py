"""Mutants against the originals of their blocks: ratios and differences with intervals and tests."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from greenbench.analysis.blocks import BlockFit, Layout, fit_blocks, layouts
from greenbench.analysis.inference import (
    ALPHA,
    Array,
    Permutation,
    Scale,
    cliffs_delta,
    cliffs_within,
    holm,
    permutations_within_blocks,
)
from greenbench.analysis.records import stacked

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
    "joint_low",
    "joint_high",
    "low_one_sided",
    "high_one_sided",
    "error",
    "df",
    "delta",
    "p",
    "p_corrected",
)
TOGETHER = ("joint_low", "joint_high", "p_corrected")
BESIDE_COLUMNS = (
    "study",
    "arm",
    "exact",
    "permutation_p",
    "permutation_corrected",
    "smallest_p_corrected",
    "cliffs_delta",
    "cliffs_within",
)


def deltas(cohorts: pd.DataFrame, quantity: str, scale: Scale) -> pd.DataFrame:
    """Each arm of each study against the originals of its blocks, in the column `quantity`.

    study, arm, mutation (verbatim), null (an A/A arm), blocks and originals (how many enter),
    original_mean (in the quantity's unit). `scale` "ratio" works on logarithms: `estimate`, `low`
    and `high` are relative changes (0.1: 10 % more), and values that are not above zero are left
    out. "difference" keeps the quantity's own unit. `delta` is in that unit always: for a ratio,
    the relative change times `original_mean`.

    Intervals come from the block model (`blocks.fit_blocks`): `low` and `high` hold each by itself
    with 95 %; `joint_low` and `joint_high` hold together with 95 % for all mutants of the study
    (Dunnett 1955, widened by the noise's tails; A/A arms are no part of that family);
    `low_one_sided` and `high_one_sided` are the 95 % bounds of one-sided tests. For differences the arm's own variance counts where it is
    larger, since a mutation can make training itself unsteady. `error` is the standard error on
    the scale worked on, `df` its degrees of freedom, `p` each arm's own, `p_corrected` that of
    the joint intervals. Without known noise these are missing, never zero wide.
    """
    parts = [
        _alone(layout, fit, scale) | _together(layout, fit, scale)
        for layout, fit in _fits(cohorts, quantity, scale)
    ]
    return stacked(parts)[list(COLUMNS)] if parts else pd.DataFrame(columns=list(COLUMNS))


def deltas_alone(cohorts: pd.DataFrame, quantity: str, scale: Scale) -> pd.DataFrame:
    """`deltas` without the columns that hold for all mutants together: `joint_low`, `joint_high`,
    `p_corrected`. For quantities whose mutants are not judged together: most of a report's."""
    columns = [name for name in COLUMNS if name not in TOGETHER]
    parts = [_alone(layout, fit, scale) for layout, fit in _fits(cohorts, quantity, scale)]
    return stacked(parts)[columns] if parts else pd.DataFrame(columns=columns)


def beside(cohorts: pd.DataFrame, quantity: str, scale: Scale) -> pd.DataFrame:
    """What is shown beside `deltas`, in its order: exact tests and effect sizes.

    study, arm; `permutation_p` of the permutation test within blocks, `exact` (all arrangements
    were looked at), `permutation_corrected` by Holm over the study's mutants (missing for A/A
    arms), `smallest_p_corrected` what the blocks could reach at best; Cliff's δ over all pairs of
    a mutant and an original, and its paired form over pairs inside a block.
    """
    rows: list[dict[str, Any]] = []
    for study, layout in layouts(cohorts, quantity, scale).items():
        tests = permutations_within_blocks(layout.values, layout.pools)
        found = [
            {
                "study": study,
                "arm": arm,
                "exact": test.exact,
                "permutation_p": test.p,
                "permutation_corrected": math.nan,
                "cliffs_delta": cliffs_delta(values, layout.pools),
                "cliffs_within": cliffs_within(values, layout.pools),
            }
            for arm, test, values in zip(
                layout.arms, tests, np.transpose(layout.values), strict=True
            )
        ]
        _holm(found, tests, layout.nulls)
        rows += found
    return pd.DataFrame.from_records(rows, columns=list(BESIDE_COLUMNS))


def _fits(cohorts: pd.DataFrame, quantity: str, scale: Scale) -> Iterator[tuple[Layout, BlockFit]]:
    for layout in layouts(cohorts, quantity, scale).values():
        yield layout, fit_blocks(layout.contrasts, layout.originals, own=scale == "difference")


def _together(layout: Layout, fit: BlockFit, scale: Scale) -> dict[str, Array]:
    joint, p_corrected = fit.joint(~layout.nulls)
    bounds = _bounds(fit.estimate, joint, scale, "joint_low", "joint_high")
    return {**bounds, "p_corrected": p_corrected}


def _alone(layout: Layout, fit: BlockFit, scale: Scale) -> dict[str, Any]:
    half, one_sided = fit.half_width(), fit.half_width(1 - 2 * ALPHA)
    center = fit.estimate
    known = np.isfinite(layout.values)
    counts = np.array([len(pool) for pool in layout.pools])
    raw = layout.pool_means(exponential=scale == "ratio")
    original_mean = raw @ known / known.sum(axis=0)
    estimate = back(center, scale)
    with np.errstate(over="ignore"):
        delta = estimate * original_mean if scale == "ratio" else estimate
    return {
        "study": (layout.study,) * len(layout.arms),
        "arm": layout.arms,
        "mutation": layout.mutations,
        "null": layout.nulls,
        "blocks": fit.blocks,
        "originals": counts @ known,
        "original_mean": original_mean,
        "estimate": estimate,
        **_bounds(center, half, scale, "low", "high"),
        **_bounds(center, one_sided, scale, "low_one_sided", "high_one_sided"),
        **_noise(fit),
        "delta": delta,
        "p": fit.p(),
    }


def _bounds(center: Array, half: Array, scale: Scale, low: str, high: str) -> dict[str, Array]:
    return {low: back(center - half, scale), high: back(center + half, scale)}


def _noise(fit: BlockFit) -> dict[str, Array]:
    error = fit.error
    return {"error": error, "df": np.where(np.isfinite(error), fit.df, math.nan)}


def back(values: Array, scale: Scale) -> Array:
    """From the log scale to a relative change; beyond what a float holds it is infinite."""
    if scale == "difference":
        return values
    with np.errstate(over="ignore"):
        return np.asarray(np.expm1(values))


def _holm(rows: list[dict[str, Any]], tests: list[Permutation], nulls: np.ndarray) -> None:
    family = [place for place, null in enumerate(nulls) if not null]
    corrected = holm([tests[place].p for place in family])
    for place, p in zip(family, corrected, strict=True):
        rows[place]["permutation_corrected"] = p
    for row, test, null in zip(rows, tests, nulls, strict=True):
        size = 1 if null else len(family)
        row["smallest_p_corrected"] = min(1.0, size * test.smallest_p)
