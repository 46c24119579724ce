"""Tests and intervals on blocks: stratified permutation, Holm, Cliff's δ, pooled t intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests

Array = NDArray[np.float64]

EXACT_LIMIT = 100_000
"""Up to this many arrangements a permutation test looks at all of them."""
RESAMPLES = 19_999
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


def smallest_p(originals_per_block: Sequence[int]) -> float:
    """The smallest two-sided p that blocks with so many originals can reach: 2 / Π(s + 1)."""
    arrangements = math.prod(count + 1 for count in originals_per_block)
    if arrangements <= EXACT_LIMIT:
        return min(1.0, 2 / arrangements)
    return 2 / (RESAMPLES + 1)


def permutation_within_blocks(mutant: Sequence[float], originals: Sequence[Array]) -> Permutation:
    """Is the mutant's value exchangeable with the originals of its block?

    `mutant` has one value for each block, `originals` the values of that block's originals. The
    statistic is the sum over blocks of mutant minus mean of originals; under the null hypothesis
    the mutant is any of the block's s + 1 trials. All Π(s + 1) arrangements, or a seeded sample
    with the observed one added (Phipson and Smyth 2010). Two-sided p: twice the smaller tail.
    """
    pools = [np.append(value, others) for value, others in zip(mutant, originals, strict=True)]
    if not pools:
        return Permutation(1.0, 1.0, exact=True)
    # Moving the role of the mutant to trial i: v_i - (total - v_i) / s, an increasing map of v_i.
    parts = [pool - (pool.sum() - pool) / (len(pool) - 1) for pool in pools]
    observed = sum(float(part[0]) for part in parts)
    tolerance = 1e-9 * max(float(np.abs(part).max()) for part in parts)
    arrangements = math.prod(len(pool) for pool in pools)
    exact = arrangements <= EXACT_LIMIT
    if exact:
        sums = reduce(lambda left, right: np.add.outer(left, right).ravel(), parts)
    else:
        random = np.random.default_rng(PERMUTATION_SEED)
        sums = np.zeros(RESAMPLES)
        for part in parts:
            sums += part[random.integers(len(part), size=RESAMPLES)]
        sums = np.append(sums, observed)
    tail = min(int((sums <= observed + tolerance).sum()), int((sums >= observed - tolerance).sum()))
    floor = smallest_p([len(pool) - 1 for pool in pools])
    return Permutation(min(1.0, 2 * tail / len(sums)), floor, exact)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (Holm 1979): controls the chance of any false claim."""
    if not len(p_values):
        return []
    return [float(p) for p in multipletests(p_values, method="holm")[1]]


def fdr(p_values: Array) -> Array:
    """Benjamini and Hochberg's correction (1995) of the p that are known (NaN stays NaN): bounds
    the share of false ones among the claims; holds for positively dependent tests."""
    corrected = np.full(len(p_values), math.nan)
    known = np.isfinite(p_values)
    if known.any():
        corrected[known] = stats.false_discovery_control(p_values[known], method="bh")
    return corrected


def cliffs_delta(mutant: Sequence[float], originals: Sequence[Array]) -> float | None:
    """Cliff's δ within blocks: share of pairs with the mutant above minus below, in [-1, 1].

    Cliff 1993, with pairs formed inside a block only, so that drift between blocks is not in it.
    """
    signs = [np.sign(v - others) for v, others in zip(mutant, originals, strict=True)]
    return float(np.mean(np.concatenate(signs))) if signs else None


@dataclass(frozen=True, slots=True)
class Pooled:
    """One variance for the contrasts of all arms of a study, and its degrees of freedom."""

    variance: float
    df: float


def pooled_variance(contrasts: Sequence[Array], correlation: float) -> Pooled | None:
    """The variance of a block's contrast, pooled over arms; None without a repeated block.

    Each array holds one arm's contrasts (mutant minus its block's originals). Contrasts of one
    block share its originals, so they correlate, and the pooled variance knows less than the sum
    of its parts: df = Σ(n-1) / (1 + (m-1)·ρ²), by matching the first two moments (Satterthwaite
    1946) of a compound-symmetric variance. ρ = 1/(s+1) for s originals and plain noise; 1/2 is
    the bound that a seed shared by the block can bring.
    """
    repeated = [values for values in contrasts if len(values) > 1]
    if not repeated:
        return None
    freedom = [len(values) - 1 for values in repeated]
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in repeated)
    df = sum(freedom) / (1 + (len(repeated) - 1) * correlation**2)
    return Pooled(squares / sum(freedom), df)


def own_variance(contrasts: Array) -> Pooled | None:
    """One arm's variance of its own; None without a repeated block."""
    return pooled_variance([contrasts], 0.0)


def t_interval(
    center: float, variance: float, blocks: int, df: float, confidence: float = 1 - ALPHA
) -> tuple[float, float] | None:
    """The two-sided t interval of a mean over blocks; None where the noise is not known.

    A variance of exactly zero is no knowledge either: nothing measured is that repeatable.
    """
    if not (variance > 0 and blocks > 0 and df > 0 and math.isfinite(center)):
        return None
    half = float(stats.t.ppf(0.5 + confidence / 2, df)) * math.sqrt(variance / blocks)
    return center - half, center + half
