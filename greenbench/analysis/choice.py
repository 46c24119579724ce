"""Which configuration to take: the Pareto front, and what the greenest acceptable one truly saves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special, stats

from greenbench.analysis.blocks import Layout, fit_blocks, layouts
from greenbench.analysis.cohorts import METRIC
from greenbench.analysis.inference import ALPHA, Array
from greenbench.analysis.verdicts import items_variance
from greenbench.api import Metric

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
    cohorts: pd.DataFrame, quantity: str, metrics: Mapping[str, Metric]
) -> pd.DataFrame:
    """What the greenest mutant that keeps its performance saves, study by study.

    A winner is lucky: the blocks that chose it flatter it. So half of the blocks, drawn 20 times,
    choose the arm with the lowest energy among those whose loss in the metric is below its margin
    by the verdict's own one-sided test, and the other half says what that saved (nothing, where
    none was acceptable). `saving` is the mean of that (relative; negative where it costs);
    `saving_j` and its bounds are the same in the quantity's unit for one cohort. The 95 % interval
    is the t interval of one half alone: the splits share blocks, so how much their mean knows more
    is not known, and it errs on the wide side. `arm` and `mutation`: what all blocks choose ("":
    the original), `chosen_in` of `splits`: how often it was chosen; `naive`: what its own blocks
    say it saves. Studies without a margin, or with fewer than 3 blocks, are left out.
    """
    rows: list[dict[str, Any]] = []
    energies = layouts(cohorts, quantity, "ratio")
    names = {METRIC + metric.name for metric in metrics.values()}
    performances = {name: layouts(cohorts, name, "difference") for name in names}
    for study, metric in metrics.items():
        losses = performances[METRIC + metric.name].get(study)
        energy = energies.get(study)
        known = metric.margin is not None and losses is not None and energy is not None
        if known and energy is not None and losses is not None:
            row = _row(energy, losses, metric)
            rows += [{"study": study, **row}] if row else []
    return pd.DataFrame.from_records(rows, columns=list(COLUMNS))


def cross_fit(
    energy: Array, losses: Array, originals: float, margin: float, items: Array | float = 0.0
) -> CrossFit:
    """See `greenest_acceptable`; `energy` and `losses` (positive: worse) are contrasts of the same
    arms (..., blocks x arms), `items` the variance that the test set adds to each arm's loss."""
    blocks = energy.shape[-2]
    random = np.random.default_rng(SPLIT_SEED)
    saved, chosen = [], []
    for _ in range(SPLITS):
        order = random.permutation(blocks)
        rest, beside = order[blocks // 2 :], order[: blocks // 2]
        arm = choose(energy[..., rest, :], losses[..., rest, :], originals, margin, items=items)
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
        half = stats.t.ppf(1 - ALPHA / 2, df) * np.sqrt(variance / (blocks // 2))
    return CrossFit(mean, np.where(half > 0, half, math.nan), np.stack(chosen, axis=-1))


def choose(
    energy: Array, losses: Array, originals: float, margin: float, items: Array | float = 0.0
) -> np.ndarray:
    """The arm of lowest mean energy below the originals' among the acceptable ones; -1 if none."""
    loss = fit_blocks(losses, originals, own=True)
    fit = fit_blocks(energy, originals)
    with np.errstate(all="ignore"):
        variance = loss.error**2 + items
        df = loss.df * (variance / loss.error**2) ** 2
        worst = loss.estimate + special.stdtrit(df, 1 - ALPHA) * np.sqrt(variance)
        fine = (worst < margin) & (fit.estimate < 0)
    best = np.where(fine, fit.estimate, math.inf).argmin(axis=-1)
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


def _row(energy: Layout, losses: Layout, metric: Metric) -> dict[str, Any] | None:
    blocks = [b for b in energy.blocks if b in losses.blocks]
    arms = [
        a
        for a, null in zip(energy.arms, energy.nulls, strict=True)
        if not null and a in losses.arms
    ]
    if len(blocks) < FEWEST_BLOCKS or not arms:
        return None
    sign = -1.0 if metric.direction == "maximize" else 1.0
    costs, lost = _part(energy, blocks, arms), sign * _part(losses, blocks, arms)
    level = float(np.mean(np.concatenate(losses.pools)))
    changes = np.nan_to_num(sign * np.nanmean(lost, axis=0))
    items = np.array([items_variance(level, change, metric) for change in changes])
    margin = abs(metric.margin or 0.0)
    found = cross_fit(costs, lost, energy.originals, margin, items)
    arm = int(choose(costs, lost, energy.originals, margin, items))
    original = float(np.mean([np.exp(pool).mean() for pool in energy.pools]))
    mean, half = float(found.mean), float(found.half)
    saving, low, high = (-math.expm1(x) for x in (mean, mean + half, mean - half))
    mutations = dict(zip(energy.arms, energy.mutations, strict=True))
    return {
        "arm": arms[arm] if arm >= 0 else "original",
        "mutation": mutations[arms[arm]] if arm >= 0 else "",
        "chosen_in": int((found.chosen == arm).sum()),
        "splits": SPLITS,
        "saving": saving,
        "low": low,
        "high": high,
        "saving_j": saving * original,
        "low_j": low * original,
        "high_j": high * original,
        "naive": -math.expm1(float(np.nanmean(costs[:, arm]))) if arm >= 0 else 0.0,
    }


def _part(layout: Layout, blocks: list[int], arms: list[str]) -> Array:
    rows = [layout.blocks.index(block) for block in blocks]
    return np.asarray(layout.contrasts[np.ix_(rows, [layout.arms.index(arm) for arm in arms])])
