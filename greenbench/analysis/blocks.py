"""The block model: a study as a table of blocks by arms, and what its contrasts are known to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from greenbench.analysis.inference import ALPHA, Array, Scale, rounded_down
from greenbench.analysis.joint import joint_p, joint_quantile

ROUNDING = 13
"""Digits of a contrast, relative to its values: what differs beyond them is a float's rounding,
and no noise."""
FEWEST_RESIDUALS = 20
"""Below it, nothing is said of the noise's tails: an estimate of a kurtosis is no estimate."""
LEAST_KURTOSIS = -2.0
"""Of two values as often as each other: no noise has less."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One study in one quantity: blocks down, arms across, on the scale of the comparison.

    `values` (blocks x arms) holds each arm's value, NaN where a block has none; `pools` the
    values of each block's originals. Blocks without an original are not in it.
    """

    study: str
    arms: tuple[str, ...]
    mutations: tuple[str, ...]
    nulls: np.ndarray
    blocks: tuple[int, ...]
    values: Array
    pools: tuple[Array, ...]

    @property
    def contrasts(self) -> Array:
        """Each value minus the mean of its block's originals (blocks x arms); NaN: not known."""
        with np.errstate(all="ignore"):
            found = self.values - self.pool_means()[:, None]
            scale = np.nanmax(np.abs(self.values), initial=1e-300)
            found = np.round(found / scale, ROUNDING) * scale
        return np.asarray(np.where(np.isfinite(found), found, math.nan))

    def pool_means(self, *, exponential: bool = False) -> Array:
        """The mean of each block's originals (blocks,); with `exponential`, of their exponentials:
        in the quantity's own unit where the layout is of logarithms."""
        values = np.concatenate(self.pools)
        sizes = np.array([len(pool) for pool in self.pools])
        with np.errstate(all="ignore"):
            values = np.exp(values) if exponential else values
            return np.asarray(np.add.reduceat(values, np.cumsum(sizes) - sizes) / sizes)

    @property
    def originals(self) -> float:
        """Originals a block, on average."""
        return float(np.mean([len(pool) for pool in self.pools])) if self.pools else 0.0


@dataclass(frozen=True, slots=True)
class BlockFit:
    """Mean contrasts of arms over blocks and what is known of them; arrays end in (arms,).

    `variance` is of one block's contrast (0 or NaN: not known), `df` its degrees of freedom,
    `loading` the square root of the correlation between contrasts that the joint test assumes,
    `tails` what heavy tails add to its limits (`widening`).
    """

    estimate: Array
    variance: Array
    df: Array
    blocks: Array
    loading: Array
    tails: Array

    @property
    def error(self) -> Array:
        """Standard errors of the estimates; NaN where the noise is not known."""
        with np.errstate(all="ignore"):
            found = np.sqrt(self.variance / self.blocks)
        return np.asarray(np.where((found > 0) & (self.df > 0), found, math.nan))

    def half_width(self, confidence: float = 1 - ALPHA) -> Array:
        """Half of each two-sided t interval."""
        with np.errstate(all="ignore"):
            return np.asarray(special.stdtrit(self.df, 0.5 + confidence / 2) * self.error)

    def p(self) -> Array:
        """Two-sided p of each arm alone."""
        with np.errstate(all="ignore"):
            return np.asarray(2 * special.stdtr(self.df, -np.abs(self.estimate / self.error)))

    def widening(self, limit: Array | float) -> Array:
        """By what factor the tails of the noise widen a joint interval of `limit` errors: Cornish
        and Fisher's 1 + tails (limit² - 3), at which Dunnett's chance of 5 % is what it says."""
        return np.asarray(1 + self.tails * (np.square(limit) - 3))

    def joint(self, family: np.ndarray) -> tuple[Array, Array]:
        """(half widths, p) of the arms in `family` that hold together with 95 % (Dunnett, widened
        by the noise's tails); NaN for the others. One study only: arrays of shape (arms,)."""
        half, p = np.full(len(family), math.nan), np.full(len(family), math.nan)
        loadings = (float(self.loading),) * int(family.sum())
        error = self.error
        known = np.flatnonzero(family & np.isfinite(error))
        dfs = np.array([rounded_down(float(df)) for df in self.df[known]])
        for df in np.unique(dfs).tolist():
            arms = known[dfs == df]
            limit = joint_quantile(df, loadings)
            wider = error[arms] * self.widening(limit)[arms]
            half[arms] = limit * wider
            p[arms] = joint_p(self.estimate[arms] / wider, df, loadings)
        return half, p


def layouts(cohorts: pd.DataFrame, quantity: str, scale: Scale) -> dict[str, Layout]:
    """The studies of a frame of cohorts (`cohorts.cohorts`) in one of its columns.

    "ratio" takes logarithms, and leaves values out that are not above zero. Arms and studies come
    in the order of the rows; an arm without a block that has an original is left out.
    """
    if quantity not in cohorts or cohorts.empty:
        return {}
    values = pd.to_numeric(cohorts[quantity], errors="coerce").to_numpy(dtype=float)
    usable = np.isfinite(values) & ((values > 0) | (scale == "difference"))
    with np.errstate(all="ignore"):
        values = np.log(values) if scale == "ratio" else values
    studies, names = pd.factorize(cohorts["study"])
    rows = np.flatnonzero(usable)
    rows = rows[np.argsort(studies[rows], kind="stable")]
    arms = pd.factorize(cohorts["arm"])[0]
    original = cohorts["original"].to_numpy(dtype=bool)
    block = cohorts["block"].to_numpy()
    edges = np.searchsorted(studies[rows], np.arange(len(names) + 1))
    tables = [
        _table(values, arms, original, block, rows[start:end]) for start, end in pairwise(edges)
    ]
    first = np.concatenate([table.first for table in tables])
    facts = cohorts[["arm", "mutation", "null"]].iloc[first]
    columns = [facts[name].tolist() for name in facts]
    ends = np.cumsum([len(table.first) for table in tables]).tolist()
    found = zip(map(str, names), tables, [0, *ends], ends, strict=False)
    return {
        study: _layout(study, table, *(column[start:end] for column in columns))
        for study, table, start, end in found
        if end > start
    }


def fit_blocks(contrasts: Array, originals: float, *, own: bool = False) -> BlockFit:
    """Fits contrasts (..., blocks x arms; NaN where a block lacks the arm).

    The variance of a contrast is pooled over the arms; with `own`, an arm's own one counts where
    it is larger. Contrasts of one block share its originals, so they correlate, and the pooled
    variance knows less than the sum of its parts: df = Σ(n-1) / (1 + (m-1)·ρ²), by matching its
    first two moments (Satterthwaite 1946). ρ is estimated from the residuals, kept between
    1/(s+1), which s originals and plain noise bring, and 1/2, which an interaction of arms and
    blocks can bring. The joint test takes 1/(s+1), and less where arms share few blocks: the less
    correlated, the wider it is.
    """
    known = np.isfinite(contrasts)
    number = known.sum(axis=-2)
    with np.errstate(all="ignore"):
        estimate = np.where(known, contrasts, 0.0).sum(axis=-2) / number
        residuals = np.where(known, contrasts - estimate[..., None, :], 0.0)
        squares = (residuals**2).sum(axis=-2)
        freedom = np.maximum(number - 1, 0)
        total = freedom.sum(axis=-1)
        variance = squares.sum(axis=-1) / total
        floor = 1 / (1 + max(originals, 1.0))
        cross = (residuals.sum(axis=-1) ** 2).sum(axis=-1) - squares.sum(axis=-1)
        beside = known.sum(axis=-1)
        pairs = (beside * (beside - 1)).sum(axis=-1) * total / number.sum(axis=-1)
        rho = np.clip(np.nan_to_num(cross / pairs / variance), floor, 0.5)
        df = total / (1 + ((freedom > 0).sum(axis=-1) - 1) * rho**2)
        shape = estimate.shape
        variances = np.broadcast_to(variance[..., None], shape)
        dfs = np.broadcast_to(df[..., None], shape)
        tails = np.zeros(shape) if own else _tails(residuals, number, variance, df, originals)
        if own:
            single = squares / freedom
            larger = single > variances
            variances = np.where(larger, single, variances)
            dfs = np.where(larger, freedom, dfs)
        shared = np.swapaxes(known, -1, -2).astype(float) @ known.astype(float)
        overlap = shared / np.sqrt(number[..., :, None] * number[..., None, :])
        least = np.nanmin(
            np.where(number.min(axis=-1)[..., None, None] > 0, overlap, 0.0), axis=(-1, -2)
        )
    return BlockFit(estimate, variances, dfs, number, np.sqrt(floor * least), tails)


def _tails(residuals: Array, number: Array, variance: Array, df: Array, originals: float) -> Array:
    """What the kurtosis κ of the noise does to the t of an arm of n blocks whose variance is
    pooled over m arms: its limit c grows by κ/n (1/24 - w/8) (c³ - 3c), by the Edgeworth series
    of the mean, of the pooled variance and of what they share (Hall 1992, chapter 2; Gayen 1949).

    w = (1/m + 1/s³)/(1 + 1/s³), for contrasts with s originals, is 1 for an arm with a variance of
    its own. Where w is above 1/3 heavy tails make the interval hold more often than it says
    (Benjamini 1983), and nothing is taken off. κ is Fisher's k₄/k₂² of the residuals, for the
    pooled arms: unbiased, since an arm's residuals hide a part of it. Nothing below 20 residuals.
    """
    count, arms = number.sum(axis=-1), (number > 1).sum(axis=-1)
    cube = max(originals, 1.0) ** -3
    share = (1 / arms + cube) / (1 + cube)
    left = 1 - 1 / number
    here = np.where(number > 1, number, 0)
    of_fourth = (here * (left**4 + (number - 1) / number**4)).sum(axis=-1)
    of_square = 3 * (here * left**2).sum(axis=-1) / (1 + 2 / df)
    fourth = (residuals**4).sum(axis=(-1, -2)) - of_square * variance**2
    kurtosis = fourth / (of_fourth - of_square * share * arms / count) / variance**2
    factor = np.maximum(1 / 24 - share / 8, 0) * np.maximum(kurtosis, LEAST_KURTOSIS)
    factor = np.where((count >= FEWEST_RESIDUALS) & np.isfinite(factor), factor, 0.0)
    return np.asarray(factor[..., None] / np.maximum(number, 1))


@dataclass(frozen=True, slots=True)
class _Table:
    """Of one study: the first row of each arm, the blocks, their table and pools."""

    first: np.ndarray
    blocks: np.ndarray
    values: Array
    pools: list[Array]


def _table(
    values: Array, arms: np.ndarray, original: np.ndarray, block: np.ndarray, rows: np.ndarray
) -> _Table:
    of_originals = rows[original[rows]]
    blocks, place, sizes = np.unique(block[of_originals], return_inverse=True, return_counts=True)
    pooled = values[of_originals[np.argsort(place, kind="stable")]]
    ends = np.cumsum(sizes).tolist()
    pools = [pooled[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    mutants = rows[~original[rows] & np.isin(block[rows], blocks)]
    codes, places, column = np.unique(arms[mutants], return_index=True, return_inverse=True)
    order = np.argsort(places)
    column = np.argsort(order)[column]
    cell = np.searchsorted(blocks, block[mutants]) * len(codes) + column
    sums, counts = (
        np.bincount(cell, weights, minlength=len(blocks) * len(codes))
        for weights in (values[mutants], None)
    )
    with np.errstate(all="ignore"):
        table = np.where(counts > 0, sums / counts, math.nan).reshape(len(blocks), len(codes))
    return _Table(mutants[places[order]], blocks, table, pools)


def _layout(
    study: str, table: _Table, arms: list[Any], mutations: list[Any], nulls: list[Any]
) -> Layout:
    return Layout(
        study,
        tuple(map(str, arms)),
        tuple(map(str, mutations)),
        np.array(nulls, dtype=bool),
        tuple(table.blocks.tolist()),
        table.values,
        tuple(table.pools),
    )
