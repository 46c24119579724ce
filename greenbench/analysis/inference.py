"""Tests on blocks: stratified permutation, corrections for many tests, Cliff's δ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]

EXACT_LIMIT = 100_000
"""Up to this many arrangements a permutation test looks at all of them."""
RESAMPLES = 9_999
"""Random arrangements where there are too many to look at all."""
PERMUTATION_SEED = 20_26
"""Fixed, so that the same record gives the same p."""
ALPHA = 0.05
"""Error level of every test and one minus the confidence of every interval."""


@dataclass(frozen=True, slots=True)
class Permutation:
    """Two-sided p of a permutation test, and the smallest one that it could have given."""

    p: float
    smallest_p: float
    exact: bool


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
    """The same for arms that have all of these blocks."""
    parts = []
    for mutants, pool in zip(values, pools, strict=True):
        trials = np.vstack([mutants, np.tile(pool[:, None], len(mutants))])
        # With trial i as the mutant: v_i - (total - v_i) / s, an increasing map of v_i.
        parts.append(trials - (trials.sum(axis=0) - trials) / len(pool))
    observed = np.sum([part[0] for part in parts], axis=0)
    tolerance = 1e-9 * np.max([np.abs(part).max(axis=0) for part in parts], axis=0)
    exact = math.prod(len(part) for part in parts) <= EXACT_LIMIT
    if exact:
        sums = reduce(lambda left, right: (left[:, None] + right).reshape(-1, left.shape[1]), parts)
    else:
        random = np.random.default_rng(PERMUTATION_SEED)
        sums = np.zeros((RESAMPLES + 1, values.shape[1]))
        drawn = np.empty((RESAMPLES, values.shape[1]))
        for part in parts:
            places = random.integers(len(part), size=RESAMPLES)
            sums[1:] += np.take(part, places, axis=0, out=drawn, mode="clip")
        sums[0] = observed
    below = (sums <= observed + tolerance).sum(axis=0)
    above = (sums >= observed - tolerance).sum(axis=0)
    floor = smallest_p([len(pool) for pool in pools])
    p = np.minimum(1.0, 2 * np.minimum(below, above) / len(sums))
    return [Permutation(float(value), floor, exact) for value in p]


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
    signs = [np.sign(v - pool) for v, pool in zip(mutant, pools, strict=True) if math.isfinite(v)]
    return float(np.mean(np.concatenate(signs))) if signs else math.nan


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
