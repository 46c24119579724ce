"""greenbench's verdicts over many simulated suites at once, from the analysis' own functions."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy import stats

from greenbench.analysis.blocks import BlockFit, fit_blocks
from greenbench.analysis.joint import joint_quantile
from suites import Design


@lru_cache
def _limits(mutants: int, originals: int) -> tuple[np.ndarray, np.ndarray]:
    loadings = (1 / math.sqrt(1 + originals),) * mutants
    df = np.geomspace(1, 2000, 60)
    return 1 / df[::-1], np.array([joint_quantile(float(d), loadings) for d in df])[::-1]


def joint_half(fit: BlockFit, design: Design) -> np.ndarray:
    """Half widths of the joint intervals (suites, arms)."""
    inverse, limits = _limits(design.mutants, design.originals)
    limit = np.interp(1 / fit.df, inverse, limits)
    return limit * fit.widening(limit) * fit.error


def greener(fit: BlockFit, design: Design) -> np.ndarray:
    """(suites, mutants): called greener; the mutants come before the A/A arms."""
    half, own = joint_half(fit, design), fit.half_width()
    nulls = slice(design.mutants, None)
    band = (np.abs(fit.estimate) + own)[..., nulls].max(axis=-1, initial=0.0)
    estimate = np.expm1(fit.estimate)
    ends = np.abs(np.stack([np.expm1(fit.estimate - own), np.expm1(fit.estimate + own)]))
    if design.nulls:
        band = ends[..., nulls].max(axis=(0, -1))
    called = (fit.estimate + half < 0) & (np.abs(estimate) > band[..., None])
    return called[..., : design.mutants]


def fitted(arms: np.ndarray, originals: np.ndarray) -> BlockFit:
    contrasts = arms - originals.mean(axis=-1)[..., None]
    return fit_blocks(contrasts, originals.shape[-1])


def unblocked(arms: np.ndarray, originals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(estimates, half widths) of the first mutant if the same runs are compared without blocks:
    means of independent samples with one pooled variance (what `scipy.stats.dunnett` takes)."""
    blocks = arms.shape[1]
    first = arms[..., 0]
    others = originals.reshape(len(originals), -1)
    squares = blocks * first.var(axis=1) + others.shape[1] * others.var(axis=1)
    rest = arms[..., 1:]
    squares = squares + blocks * rest.var(axis=1).sum(axis=-1)
    df = blocks * arms.shape[-1] + others.shape[1] - arms.shape[-1] - 1
    error = np.sqrt(squares / df * (1 / blocks + 1 / others.shape[1]))
    return first.mean(axis=1) - others.mean(axis=1), stats.t.ppf(0.975, df) * error


def kept(losses: np.ndarray, originals: int, margin: float) -> np.ndarray:
    """(suites, arms): performance called kept (or improved), from contrasts of losses."""
    fit = fit_blocks(losses, originals, own=True)
    return fit.estimate + fit.half_width(0.9) < margin
