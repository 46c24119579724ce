"""Several arms against shared originals at once: Dunnett's distribution, exactly integrated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy import optimize, special

from greenbench.analysis.inference import ALPHA, Array

Z_NODES, S_NODES = 48, 160
LEAST = 1e-12
"""The smallest p that is integrated: 1 minus it still has some digits."""


def joint_p(t: Array, df: float, loadings: Sequence[float]) -> Array:
    """Corrected two-sided p of each t of a family of contrasts: P(max |T| >= |t|).

    Dunnett 1955: T is a multivariate t with `df` degrees of freedom and correlation
    loadings[i] * loadings[j] (√ρ each, for contrasts with common correlation ρ; √(n/(n + n₀)) for
    independent samples of n beside n₀ originals). With such a product structure the arms are
    independent given what they share, so the integral has two dimensions for any number of arms:
    Gauss-Hermite over the shared part, Gauss-Legendre over the variance. It is scipy's
    `multivariate_t.cdf` without its random numbers, and does not change with its version. Kept
    between the uncorrected p and Bonferroni's, which it cannot leave, and Bonferroni's where that
    is so small that the integral has no digits left.
    """
    size = np.abs(np.asarray(t, dtype=float))
    single = 2 * special.stdtr(df, -size)
    known = np.isfinite(size) & (df > 0)
    corrected = np.where(known, np.minimum(1, len(loadings) * single), math.nan)
    told = corrected > LEAST
    if told.any():
        outside = 1 - _inside(size[told], float(df), tuple(loadings))
        corrected[told] = np.clip(outside, single[told], corrected[told])
    return corrected


@lru_cache(maxsize=4096)
def joint_quantile(df: float, loadings: tuple[float, ...], confidence: float = 1 - ALPHA) -> float:
    """The c such that all of a family's |T| stay below it with `confidence` (see `joint_p`)."""
    low = float(special.stdtrit(df, 0.5 + confidence / 2))
    high = float(special.stdtrit(df, 1 - (1 - confidence) / (2 * len(loadings))))
    if high - low < 1e-9:
        return low

    def excess(c: float) -> float:
        return float(_inside(np.array([c]), df, loadings)[0]) - confidence

    if excess(low) >= 0 or excess(high) <= 0:
        return low if excess(low) >= 0 else high
    return float(optimize.brentq(excess, low, high, xtol=1e-6))


def _inside(c: Array, df: float, loadings: tuple[float, ...]) -> Array:
    """P(max |T| < c) for each c."""
    z, weight_z = _normal_nodes()
    s, weight_s = _scale_nodes(df)
    c_s = c[:, None, None] * s[:, None]
    product = np.ones((len(c), len(s), len(z)))
    for loading in sorted(set(loadings)):
        rest = math.sqrt(1 - loading**2)
        upper = special.ndtr((c_s - loading * z) / rest)
        lower = special.ndtr((-c_s - loading * z) / rest)
        product *= (upper - lower) ** loadings.count(loading)
    return np.asarray(product @ weight_z @ weight_s)


@lru_cache(maxsize=1)
def _normal_nodes() -> tuple[Array, Array]:
    """Of the upper half: what is integrated is the same on both sides of 0."""
    nodes, weights = special.roots_hermitenorm(Z_NODES)
    upper = nodes > 0
    return nodes[upper], 2 * weights[upper] / weights.sum()


@lru_cache(maxsize=256)
def _scale_nodes(df: float) -> tuple[Array, Array]:
    """Values of √(χ²/df) with weights."""
    nodes, weights = _uniform_nodes()
    return np.sqrt(special.chdtri(df, (1 - nodes) / 2) / df), weights / 2


@lru_cache(maxsize=1)
def _uniform_nodes() -> tuple[Array, Array]:
    """Of the interval from -1 to 1."""
    nodes, weights = special.roots_legendre(S_NODES)
    return nodes, weights
