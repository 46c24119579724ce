"""Which configuration to take: the Pareto front, and what the greenest acceptable one truly saves."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from greenbench.analysis.blocks import Layout, fit_blocks, layouts
from greenbench.analysis.inference import ALPHA, Array, relative

FEWEST_BLOCKS = 3
"""With fewer, the blocks that are left to choose from know nothing of the noise."""
SPLITS, SPLIT_SEED = 20, 2026
COLUMNS = (
    "study",
    "arm",
    "mutation",
    "chosen_in",
    "splits",
    "saving",
    "low",
    "high",
    "saving_j",
    "low_j",
    "high_j",
    "naive",
)


@dataclass(frozen=True, slots=True)
class CrossFit:
    """What choosing on half of the blocks saved in the others, on the scale of `energy`.

    `mean` (...; negative: saved) with `half`, half its 95 % interval (NaN: not known); `chosen`
    (..., splits): the arm that each split took, -1 for the original.
    """

    mean: Array
    half: Array
    chosen: np.ndarray


def greenest_acceptable(
    cohorts: pd.DataFrame, quantity: str, acceptable: Mapping[str, Collection[str]]
) -> pd.DataFrame:
    """What the greenest mutant that keeps its performance saves, study by study.

    `acceptable` names the arms of each study whose performance is kept (`verdicts.performance`);
    studies that are not in it, or with fewer than 3 blocks, are left out.

    A winner is lucky: the blocks that chose it flatter it. So half of the blocks, drawn 20 times,
    choose the arm with the lowest energy among the acceptable ones, and the other half says what
    that saved (nothing, where none was below the originals). Which arms are acceptable is judged
    on all blocks: that looks at performance, and no draw of blocks makes or breaks a mutant.
    `saving` is the mean over the draws (relative; negative where it costs); `saving_j` and its
    bounds are the same in the quantity's unit for one cohort. The 95 % interval is for what the
    named arm saves: the t interval of one half alone, which is wide enough for draws that share
    blocks and for those that chose another arm of nearly the same energy. `arm` and `mutation`:
    what all blocks choose ("": the original, which saves 0, without an interval), `chosen_in` of
    `splits`: how often it was chosen; `naive`: what its own blocks say it saves.
    """
    rows: list[dict[str, Any]] = []
    energies = layouts(cohorts, quantity, "ratio")
    for study, arms in acceptable.items():
        energy = energies.get(study)
        if energy is not None and len(energy.blocks) >= FEWEST_BLOCKS:
            rows.append({"study": study, **_row(energy, arms)})
    return pd.DataFrame.from_records(rows, columns=list(COLUMNS))


def cross_fit(energy: Array, acceptable: np.ndarray, originals: float) -> CrossFit:
    """See `greenest_acceptable`; `energy` are contrasts (..., blocks x arms), `acceptable` says
    which arms (..., arms) may be chosen."""
    blocks = energy.shape[-2]
    random = np.random.default_rng(SPLIT_SEED)
    saved, chosen = [], []
    for _ in range(SPLITS):
        order = random.permutation(blocks)
        rest, beside = order[blocks // 2 :], order[: blocks // 2]
        arm = choose(energy[..., rest, :], acceptable)
        means = _means(energy[..., beside, :])
        value = np.take_along_axis(means, np.maximum(arm, 0)[..., None], -1)[..., 0]
        saved.append(np.where(arm < 0, 0.0, value))
        chosen.append(arm)
    values = np.stack(saved, axis=-1)
    fit = fit_blocks(energy, originals)
    with np.errstate(all="ignore"):
        there = np.isfinite(values)
        mean = np.where(there, values, 0.0).sum(axis=-1) / there.sum(axis=-1)
        variance, df = np.nanmax(fit.variance, axis=-1), np.nanmax(fit.df, axis=-1)
        half = special.stdtrit(df, 1 - ALPHA / 2) * np.sqrt(variance / (blocks // 2))
    return CrossFit(mean, np.where(half > 0, half, math.nan), np.stack(chosen, axis=-1))


def choose(energy: Array, acceptable: np.ndarray) -> np.ndarray:
    """The arm of lowest mean energy below the originals' among the acceptable ones; -1 if none."""
    estimate = _means(energy)
    with np.errstate(all="ignore"):
        fine = acceptable & (estimate < 0)
    best = np.where(fine, estimate, math.inf).argmin(axis=-1)
    return np.asarray(np.where(fine.any(axis=-1), best, -1))


def _means(contrasts: Array) -> Array:
    """Over blocks, as `fit_blocks` estimates them."""
    known = np.isfinite(contrasts)
    with np.errstate(all="ignore"):
        return np.asarray(np.where(known, contrasts, 0.0).sum(axis=-2) / known.sum(axis=-2))


def pareto_front(points: Sequence[tuple[float, float]], *, more_is_better: bool) -> tuple[int, ...]:
    """Places of the points that no other beats: less in the first number, better in the second.

    A point is beaten by one that is at least as good in both and better in one.
    """
    sign = 1.0 if more_is_better else -1.0
    turned = [(x, -sign * y) for x, y in points]
    order = sorted(range(len(points)), key=lambda place: turned[place])
    front: list[int] = []
    best: tuple[float, float] | None = None
    for place in order:
        if best is None or turned[place][1] < best[1] or turned[place] == best:
            front.append(place)
            best = turned[place]
    return tuple(sorted(front))


def _row(energy: Layout, arms: Collection[str]) -> dict[str, Any]:
    costs, originals = energy.contrasts, energy.originals
    allowed = np.array([arm in arms for arm in energy.arms]) & ~energy.nulls
    found = cross_fit(costs, allowed, originals)
    arm = int(choose(costs, allowed))
    original = float(energy.pool_means(exponential=True).mean())
    mean, half = (float(found.mean), float(found.half)) if arm >= 0 else (0.0, math.nan)
    saving, low, high = (-relative(x) for x in (mean, mean + half, mean - half))
    return {
        "arm": energy.arms[arm] if arm >= 0 else "original",
        "mutation": energy.mutations[arm] if arm >= 0 else "",
        "chosen_in": int((found.chosen == arm).sum()),
        "splits": SPLITS,
        "saving": saving,
        "low": low,
        "high": high,
        "saving_j": saving * original,
        "low_j": low * original,
        "high_j": high * original,
        "naive": -relative(float(np.nanmean(costs[:, arm]))) if arm >= 0 else 0.0,
    }
