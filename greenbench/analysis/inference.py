"""Tests on blocks: stratified permutation, corrections for many tests, Cliff's δ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]

EXACT_LIMIT = 100_000
"""Up to this many arrangements a permutation test looks at all of them."""
RESAMPLES = 9_999
"""Random arrangements where there are too many to look at all."""
CHUNK = 128
"""Blocks whose arrangements are added at once."""
PERMUTATION_SEED = 20_26
"""Fixed, so that the same record gives the same p."""
Scale = Literal["ratio", "difference"]
"""What is compared: logarithms, or the values themselves."""
ALPHA = 0.05
"""Error level of every test and one minus the confidence of every interval."""


@dataclass(frozen=True, slots=True)
class Permutation:
    """Two-sided p of a permutation test, and the smallest one that it could have given."""

    p: float
    smallest_p: float
    exact: bool


def relative(change: float) -> float:
    """A change of a logarithm as a relative one; beyond what a float holds it is infinite."""
    return math.inf if change >= 700 else math.expm1(change)


def unscaled(value: float, scale: Scale) -> float:
    """A change on the scale that is compared as it is shown: of a ratio, the relative one."""
    return value if scale == "difference" else relative(value)


def rounded_down(df: float) -> float:
    """Degrees of freedom to three digits below 100 and two above it, never up: on the safe side,
    and few enough for limits to be worked out once each."""
    if df >= 1e4:
        return 1e4
    step = 10.0 ** (math.floor(math.log10(df)) - (2 if df < 100 else 1))
    return math.floor(df / step * (1 + 1e-12)) * step


def smallest_p(originals_per_block: Sequence[int]) -> float:
    """The smallest two-sided p that blocks with so many originals can reach: 2 / Π(s + 1)."""
    arrangements = math.prod(count + 1 for count in originals_per_block)
    if arrangements <= EXACT_LIMIT:
        return min(1.0, 2 / arrangements)
    return 2 / (RESAMPLES + 1)


def permutations_within_blocks(values: Array, pools: Sequence[Array]) -> list[Permutation]:
    """For each arm (column): is its value exchangeable with the originals of its block?

    `values` (blocks x arms) has NaN where a block lacks the arm; `pools` the values of each
    block's originals. The statistic is the sum over blocks of mutant minus mean of originals;
    under the null hypothesis the mutant is any of the block's s + 1 trials. All Π(s + 1)
    arrangements, or a seeded sample with the observed one added (Phipson and Smyth 2010).
    Two-sided p: twice the smaller tail. Memory: `RESAMPLES` floats an arm.
    """
    results = [Permutation(1.0, 1.0, exact=True)] * values.shape[1]
    known = np.isfinite(values)
    patterns, which = np.unique(known, axis=1, return_inverse=True)
    for number, pattern in enumerate(patterns.T):
        arms = np.flatnonzero(which.ravel() == number)
        if pattern.any():
            chosen = [pools[block] for block in np.flatnonzero(pattern).tolist()]
            found = _permutations(values[pattern][:, arms], chosen)
            for arm, test in zip(arms, found, strict=True):
                results[arm] = test
    return results


def _permutations(values: Array, pools: Sequence[Array]) -> list[Permutation]:
    """The same for arms that have all of these blocks.

    With trial i of a block as the mutant, mutant minus mean of originals is v_i·(1 + 1/s) less what
    no choice of i changes: so the sums compared are those of v_i·(1 + 1/s), with v from the mean of
    the block's originals.
    """
    sizes = np.array([len(pool) for pool in pools])
    first, flat = np.cumsum(sizes) - sizes, np.concatenate(pools)
    means, factors = np.add.reduceat(flat, first) / sizes, 1 + 1 / sizes
    mutants = (values - means[:, None]) * factors[:, None]
    originals = (flat - np.repeat(means, sizes)) * np.repeat(factors, sizes)
    observed = mutants.sum(axis=0)
    tolerance = 1e-9 * np.maximum(np.abs(mutants).max(axis=0), np.abs(originals).max())
    exact = math.prod((sizes + 1).tolist()) <= EXACT_LIMIT
    sums = (_all_sums if exact else _drawn_sums)(mutants, np.split(originals, first[1:]))
    extra = 0 if exact else 1
    below = (sums <= observed + tolerance).sum(axis=0) + extra
    above = (sums >= observed - tolerance).sum(axis=0) + extra
    p = np.minimum(1.0, 2 * np.minimum(below, above) / (len(sums) + extra))
    floor = smallest_p(sizes.tolist())
    return [Permutation(float(value), floor, exact) for value in p]


def _all_sums(mutants: Array, originals: Sequence[Array]) -> Array:
    """(arrangements x arms): each arm's value or one of the originals', in every block."""
    parts = [
        np.vstack([own, np.tile(pool[:, None], len(own))])
        for own, pool in zip(mutants, originals, strict=True)
    ]
    return reduce(lambda left, right: (left[:, None] + right).reshape(-1, left.shape[1]), parts)


def _drawn_sums(mutants: Array, originals: Sequence[Array]) -> Array:
    """(RESAMPLES x arms): the same of random arrangements, which all arms share."""
    arrangements = _arrangements(tuple(len(pool) for pool in originals))
    common = np.zeros(RESAMPLES)
    for pool, chosen in zip(originals, arrangements, strict=True):
        common += np.append(0.0, pool).take(chosen, mode="clip")
    sums = np.tile(common[:, None], mutants.shape[1])
    for start in range(0, len(mutants), CHUNK):
        here = slice(start, start + CHUNK)
        sums += (arrangements[here] == 0).astype(float).T @ mutants[here]
    return sums


@lru_cache(maxsize=1)
def _arrangements(sizes: tuple[int, ...]) -> np.ndarray:
    """Random ones (blocks x RESAMPLES): which of a block's trials is the mutant, its own first.
    Studies of one shape share them."""
    random = np.random.default_rng(PERMUTATION_SEED)
    smallest = np.min_scalar_type(max(sizes))
    return np.stack([random.integers(s + 1, size=RESAMPLES).astype(smallest) for s in sizes])


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (Holm 1979): controls the chance of any false claim.

    Not statsmodels' `multipletests`: it collects the garbage of the whole process at each call,
    which takes a second for each study of a large result set.
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in corrected]


def fdr(p_values: Array) -> Array:
    """Benjamini and Hochberg's correction (1995) of the p that are known (NaN stays NaN): bounds
    the share of false ones among the claims; holds for positively dependent tests."""
    corrected = np.full(len(p_values), math.nan)
    known = np.isfinite(p_values)
    if known.any():
        corrected[known] = stats.false_discovery_control(p_values[known], method="bh")
    return corrected


def cliffs_within(mutant: Array, pools: Sequence[Array]) -> float:
    """Cliff's δ in its paired form: share of pairs with the mutant above minus below, in [-1, 1].

    Cliff 1996, with pairs formed inside a block only, so that drift between blocks is not in it.
    `mutant` has a value for each block (NaN: none); NaN without a pair.
    """
    if not np.isfinite(mutant).any():
        return math.nan
    signs = np.sign(np.repeat(mutant, [len(pool) for pool in pools]) - np.concatenate(pools))
    return float(np.nanmean(signs))


def cliffs_delta(mutant: Array, pools: Sequence[Array]) -> float:
    """Cliff's δ over all pairs of a mutant's and an original's value (Cliff 1993), in [-1, 1].

    Of the blocks that have the mutant; NaN without a pair.
    """
    there = np.isfinite(mutant)
    if not there.any():
        return math.nan
    originals = np.sort(np.concatenate([pools[block] for block in np.flatnonzero(there).tolist()]))
    below = np.searchsorted(originals, mutant[there], side="left")
    above = len(originals) - np.searchsorted(originals, mutant[there], side="right")
    return float((below - above).mean() / len(originals))
