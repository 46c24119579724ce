"""How two columns move together: coefficients with intervals, partial ones, shape, categories."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, special, stats
from statsmodels.stats.libqsturng import qsturng

from greenbench.analysis.inference import (
    ALPHA,
    EXACT_LIMIT,
    PERMUTATION_SEED,
    RESAMPLES,
    Array,
    rounded_down,
)

Method = Literal["spearman", "kendall", "pearson"]
Permutable = Literal["spearman", "pearson"]
Ranked = Literal["spearman", "kendall"]
METHODS: tuple[Method, ...] = ("spearman", "kendall", "pearson")
CHUNK = 256
"""Points that are ranked beside all others at once."""
NEAR = 0.01
"""Differences this near to the approximate limit are judged by the exact one."""
Shape = Literal["rising", "falling", "U", "∩", "wavy", "no difference shown"]


@dataclass(frozen=True, slots=True)
class Association:
    """A coefficient in [-1, 1] over `n` points, its 95 % interval (None: too few points, or at
    ±1) and its two-sided p (NaN: cannot be had, or so few points could not bring it below 5 %)."""

    coefficient: float
    low: float | None
    high: float | None
    p: float
    n: int


def associate(x: ArrayLike, y: ArrayLike, method: Method = "spearman") -> Association | None:
    """Coefficient and p as scipy gives them; None where one side is constant or fewer than 3 points are finite.

    Pairs with a value that is not finite are left out. Intervals are on Fisher's z (Fisher 1921):
    its variance is 1/(n-3) for Pearson's r, (1 + ρ²/2)/(n-3) for Spearman's ρ (Bonett and Wright
    2000), 0.437/(n-4) for Kendall's τ (Fieller, Hartley and Pearson 1957).
    """
    points, others = _finite(x, y)
    if len(points) < 3 or np.ptp(points) == 0 or np.ptp(others) == 0:
        return None
    call = {"spearman": stats.spearmanr, "kendall": stats.kendalltau, "pearson": stats.pearsonr}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = call[method](points, others)
    coefficient, p = float(found.statistic), float(found.pvalue)
    if not math.isfinite(coefficient):
        return None
    low, high = _fisher(coefficient, len(points), method) or (None, None)
    return Association(coefficient, low, high, p, len(points))


@lru_cache(maxsize=4096)
def of_order(x: tuple[int, ...], y: tuple[int, ...], method: Ranked) -> Association | None:
    """Kendall's τ of `associate` or Spearman's ρ of `associate_permuted` of points by their places
    in order, worked out once for each order: studies with as many settings show few."""
    if method == "kendall":
        return associate(x, y, method)
    return associate_permuted(np.array(x), np.array(y), method)


def partial(x: ArrayLike, y: ArrayLike, others: ArrayLike) -> Association | None:
    """Spearman's ρ of `x` and `y` with the ranks of `others` (points x columns) held fixed.

    The correlation of what is left of both ranks after linear regression on the others'; p by Student's t with n-2-k degrees of
    freedom for k columns, the interval as for Spearman's ρ with n-k points (Fisher 1924). None
    where the columns determine one another, or with fewer than 4 + k points.
    """
    table = np.column_stack([np.asarray(x, float), np.asarray(y, float), np.asarray(others, float)])
    table = table[np.isfinite(table).all(axis=1)]
    table = table[:, [True, True, *(np.ptp(table[:, 2:], axis=0) > 0)]] if len(table) else table
    n, k = len(table), table.shape[1] - 2
    if n < 4 + k or np.ptp(table[:, 0]) == 0 or np.ptp(table[:, 1]) == 0:
        return None
    ranks = stats.rankdata(table, axis=0)
    ranks -= ranks.mean(axis=0)
    fitted = np.linalg.lstsq(ranks[:, 2:], ranks[:, :2], rcond=None)[0]
    rest = ranks[:, :2] - ranks[:, 2:] @ fitted
    sizes = np.sqrt((rest**2).sum(axis=0))
    if (sizes <= 1e-9 * n**1.5).any():
        return None
    rho = min(1.0, max(-1.0, float(rest[:, 0] @ rest[:, 1] / sizes.prod())))
    df = n - 2 - k
    t = rho * math.sqrt(df / max(1e-300, 1 - rho**2))
    low, high = _fisher(rho, n - k, "spearman") or (None, None)
    return Association(rho, low, high, 2 * float(special.stdtr(df, -abs(t))), n)


def permuted(x: Array, y: Array, method: Permutable = "spearman") -> tuple[float, float]:
    """Two-sided p by permuting the points, and the smallest p that these values could give.

    Every order up to 8 points, otherwise a seeded sample with the observed one added (Phipson and
    Smyth 2010): for points that are few, where the formulas for p are approximations. Values that
    are alike make the smallest p larger than the number of points alone would.
    """
    return _permuted_p(*_centred(x, y, method))


def _permuted_p(a: Array, b: Array) -> tuple[float, float]:
    """Of two centred sides."""
    sums, observed = a[_orders(len(a))] @ b, float(a @ b)
    exact = math.factorial(len(a)) <= EXACT_LIMIT
    tolerance = 1e-9 * max(abs(observed), float(np.abs(sums).max()), 1e-300)
    extra = 0 if exact else 1
    tails, ends = (
        [int((side * sums >= side * edge - tolerance).sum()) for side, edge in edges]
        for edges in (
            ((-1.0, observed), (1.0, observed)),
            ((-1.0, float(sums.min())), (1.0, float(sums.max()))),
        )
    )
    total = len(sums) + extra
    return min(1.0, 2 * (min(tails) + extra) / total), min(1.0, 2 * min(ends) / total)


def smallest_permuted(points: int) -> float:
    """The smallest p that `permuted` can give for so many points."""
    exact = math.factorial(points) <= EXACT_LIMIT
    return 2 / (math.factorial(points) if exact else RESAMPLES + 1)


def associate_permuted(x: Array, y: Array, method: Permutable) -> Association:
    """As `associate`, with the p of `permuted` where that could be below 5 %; of points that are
    finite and not constant."""
    a, b = _centred(x, y, method)
    coefficient = min(1.0, max(-1.0, float(a @ b / math.sqrt(float((a @ a) * (b @ b))))))
    low, high = _fisher(coefficient, len(x), method) or (None, None)
    p, smallest = _permuted_p(a, b)
    return Association(coefficient, low, high, p if smallest < ALPHA else math.nan, len(x))


def _centred(x: Array, y: Array, method: Permutable) -> tuple[Array, Array]:
    a, b = (stats.rankdata(v) if method == "spearman" else scaled(v) for v in (x, y))
    return a - a.mean(), b - b.mean()


def scaled(values: Array) -> Array:
    """The same with the largest at about 1, by a power of two, which rounds nothing: squares of
    huge and tiny numbers are no floats."""
    return np.ldexp(values, -int(np.frexp(np.abs(values).max())[1]))


def shape_of_levels(means: Array, variance: Array, df: float) -> Shape:
    """The shape of a quantity over ordered levels, from differences that Tukey's test shows.

    `means` in the order of the levels; `variance[i, j]` is the variance of mean i minus mean j.
    A difference counts if its studentized range is significant at 5 % over all pairs (Tukey 1949,
    Kramer 1956), so the word as a whole is wrong at most that often where nothing differs. U: an
    inner level lies below one on its left and one on its right; ∩: above; wavy: both.
    """
    k = len(means)
    if k < 3 or not df > 0:
        return "no difference shown"
    gaps = np.subtract.outer(means, means)
    with np.errstate(all="ignore"):
        errors = np.abs(gaps) / np.sqrt(variance)
    limit = _tukey_beside(k, rounded_down(df), errors[variance > 0])
    return _shape(np.where((errors > limit) & (variance > 0), np.sign(gaps), 0.0))


def shape_of_points(x: ArrayLike, y: ArrayLike, whole: Association | None = None) -> Shape:
    """The shape over points that are runs of their own (no blocks); `whole`: their Spearman's ρ,
    where that is known already.

    Where values repeat: Tukey's test between levels, as `shape_of_levels`. Where they do not:
    the points are cut at each inner value, and a U or ∩ needs rank correlations of opposite sign
    on both sides, each significant at 5 % over all cuts (Bonferroni); otherwise the sign of a
    significant Spearman's ρ.
    """
    points, values = _finite(x, y)
    levels, inverse, counts = np.unique(points, return_inverse=True, return_counts=True)
    repeated = len(values) - len(levels)
    if len(levels) < 3:
        return "no difference shown"
    if repeated >= len(levels):
        values = scaled(values)
        means = np.bincount(inverse, values) / counts
        squares = float(((values - means[inverse]) ** 2).sum())
        variance = squares / repeated * np.add.outer(1 / counts, 1 / counts)
        return shape_of_levels(means, variance, repeated)
    return _cut(points, values, whole or associate(points, values))


def smallest_ranked(x: Array) -> float:
    """The smallest exact two-sided p that a rank correlation with so many points of `x` can have:
    of all orders that the values of `x` tell apart, two are the clearest."""
    counts = np.unique(x, return_counts=True)[1]
    return min(
        1.0,
        math.exp(math.log(2) + float(special.gammaln(counts + 1).sum()) - math.lgamma(len(x) + 1)),
    )


def smallest_grouped(counts: np.ndarray) -> float:
    """The smallest exact p that a test of levels within blocks can have, from how often each level
    (row) is in each block (column): levels that are there equally often can be exchanged."""
    arrangements = float(special.gammaln(counts.sum(axis=0) + 1).sum()) - float(
        special.gammaln(counts + 1).sum()
    )
    alike = np.unique(counts, axis=0, return_counts=True)[1]
    return min(1.0, math.exp(float(special.gammaln(alike + 1).sum()) - arrangements))


@dataclass(frozen=True, slots=True)
class Categories:
    """Kruskal and Wallis' H over `groups` with `n` points: p, and ε² in [0, 1]."""

    h: float
    p: float
    epsilon_squared: float
    groups: int
    n: int


def categories(groups: Sequence[ArrayLike]) -> Categories | None:
    """Kruskal-Wallis over independent groups (1952) with ε² = H/(n-1) (Tomczak and Tomczak 2014).

    None with fewer than two groups, or where nothing differs at all.
    """
    found = [np.asarray(group, float) for group in groups]
    found = [group[np.isfinite(group)] for group in found]
    found = [group for group in found if len(group)]
    n = sum(map(len, found))
    if len(found) < 2 or n < 3 or np.ptp(np.concatenate(found)) == 0:
        return None
    test = stats.kruskal(*found)
    h = float(test.statistic)
    return Categories(h, float(test.pvalue), h / (n - 1), len(found), n)


def blocked_categories(values: Array, level: Array, block: Array) -> Categories | None:
    """Kruskal-Wallis on values aligned by their block's mean; p by permuting inside blocks.

    Hodges and Lehmann 1962 for the alignment. Under the null hypothesis the trials of a block are
    exchangeable, so levels are shuffled among them (a seeded sample, the observed one added). p is
    NaN where even the clearest order could not bring it below 5 %.
    `values`, `level` and `block` have one entry a trial.
    """
    keep = np.isfinite(values)
    values, level, block = values[keep], level[keep], block[keep]
    names, levels = np.unique(level, return_inverse=True)
    _, blocks = np.unique(block, return_inverse=True)
    if len(names) < 2 or len(values) < 3:
        return None
    aligned = values - (np.bincount(blocks, values) / np.bincount(blocks))[blocks]
    scale = float(np.abs(aligned).max())
    if scale <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return None
    ranks = stats.rankdata(np.round(aligned / scale, 12))
    counts = np.bincount(levels)
    n = len(values)

    def spread(sums: Array) -> Array:
        return np.asarray((sums**2 / counts).sum(axis=-1))

    random = np.random.default_rng(PERMUTATION_SEED)
    order = np.argsort(blocks, kind="stable")
    ranks, levels = ranks[order], levels[order]
    edges = np.searchsorted(blocks[order], np.arange(blocks.max() + 2))
    one_hot = np.eye(len(names))[levels]
    sums = np.zeros((RESAMPLES // 10, len(names)))
    for start, end in pairwise(edges):
        shuffled = random.permuted(np.tile(ranks[start:end], (len(sums), 1)), axis=1)
        sums += shuffled @ one_hot[start:end]
    observed = float(spread(ranks @ one_hot))
    p = (int((spread(sums) >= observed * (1 - 1e-12)).sum()) + 1) / (len(sums) + 1)
    p = p if smallest_grouped(_crossed(levels, blocks[order])) < ALPHA else math.nan
    h = (12 / (n * (n + 1)) * observed - 3 * (n + 1)) / float(stats.tiecorrect(ranks))
    return Categories(h, p, min(1.0, h / (n - 1)), len(names), n)


def _crossed(levels: np.ndarray, blocks: np.ndarray) -> Array:
    """How often each level (row) is in each block (column)."""
    found = np.zeros((levels.max() + 1, blocks.max() + 1))
    np.add.at(found, (levels, blocks), 1)
    return found


def _tukey_beside(levels: int, df: float, errors: Array) -> float:
    """A limit that tells these differences (in standard errors) apart as `_tukey` does: statsmodels'
    approximation, which is within 1 %, unless one of them is as near to it."""
    near = float(qsturng(1 - ALPHA, levels, df)) / math.sqrt(2)
    close = np.abs(errors / near - 1) < NEAR
    return _tukey(levels, df) if close.any() else near


@lru_cache(maxsize=4096)
def _tukey(levels: int, df: float) -> float:
    """How many standard errors a difference must have to be shown: the root of scipy's exact
    distribution, found from statsmodels' approximation in a third of the time of its `ppf`."""
    near = float(qsturng(1 - ALPHA, levels, df))
    limit = optimize.newton(
        lambda q: float(stats.studentized_range.sf(q, levels, df)) - ALPHA,
        near,
        x1=near * 1.001,
        tol=1e-8,
    )
    return float(limit) / math.sqrt(2)


def _finite(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    points, others = np.asarray(x, float), np.asarray(y, float)
    keep = np.isfinite(points) & np.isfinite(others)
    return points[keep], others[keep]


def fisher_variance(coefficient: float, n: int, method: Method) -> float | None:
    """Variance of Fisher's z of a coefficient over n points (`associate` names the sources); None
    with too few points, or at ±1."""
    spare = n - (4 if method == "kendall" else 3)
    if spare < 1 or abs(coefficient) >= 1:
        return None
    factor = {"pearson": 1.0, "spearman": 1 + coefficient**2 / 2, "kendall": 0.437}[method]
    return factor / spare


def _fisher(coefficient: float, n: int, method: Method) -> tuple[float, float] | None:
    variance = fisher_variance(coefficient, n, method)
    if variance is None:
        return None
    half = float(special.ndtri(1 - ALPHA / 2)) * math.sqrt(variance)
    middle = math.atanh(coefficient)
    return math.tanh(middle - half), math.tanh(middle + half)


@lru_cache(maxsize=32)
def _orders(n: int) -> np.ndarray:
    """Every order of n points, or a seeded sample of them."""
    if math.factorial(n) <= EXACT_LIMIT:
        orders = np.zeros((1, 0), dtype=int)
        for place in range(n):
            orders = np.concatenate(
                [np.insert(orders, where, place, axis=1) for where in range(place + 1)]
            )
        return orders
    random = np.random.default_rng(PERMUTATION_SEED)
    return random.permuted(np.tile(np.arange(n), (RESAMPLES, 1)), axis=1)


def _shape(above: Array) -> Shape:
    """From signs: `above[i, j]` is 1 where level i is shown to lie above level j."""
    inner = range(1, len(above) - 1)
    valley = any((above[:i, i] > 0).any() and (above[i + 1 :, i] > 0).any() for i in inner)
    hill = any((above[:i, i] < 0).any() and (above[i + 1 :, i] < 0).any() for i in inner)
    later = above[np.tril_indices(len(above), -1)]
    rises, falls = bool((later > 0).any()), bool((later < 0).any())
    if (valley and hill) or (rises and falls and not (valley or hill)):
        return "wavy"
    if valley or hill:
        return "U" if valley else "∩"
    return "rising" if rises else "falling" if falls else "no difference shown"


def _cut(points: Array, values: Array, whole: Association | None) -> Shape:
    order = np.argsort(points, kind="stable")
    points, values = points[order], values[order]
    inner = np.arange(4, len(points) - 3)
    cuts = inner[points[inner - 1] < points[inner]]
    for cut in cuts[_opposite(points, values, cuts)].tolist():
        left, right = (
            associate(points[part], values[part]) for part in (slice(cut), slice(cut, None))
        )
        if left is None or right is None or max(map(_p, (left, right))) >= ALPHA / len(cuts):
            continue
        if left.coefficient * right.coefficient < 0:
            return "U" if right.coefficient > 0 else "∩"
    if whole is None or _p(whole) >= ALPHA:
        return "no difference shown"
    return "rising" if whole.coefficient > 0 else "falling"


def _p(found: Association) -> float:
    """Not below what so few points without ties could have at best."""
    return max(found.p, math.exp(math.log(2) - math.lgamma(found.n + 1)))


def _opposite(points: Array, values: Array, cuts: np.ndarray) -> np.ndarray:
    """Which cuts may have significant correlations of opposite sign on both sides: all at once,
    a hair generous, for `associate` to judge."""
    left = _rhos(points, values, cuts)
    right = _rhos(points[::-1], values[::-1], (len(points) - cuts)[::-1])[::-1]
    limits = []
    for size in (cuts, len(points) - cuts):
        t = stats.t.isf(ALPHA / 2 / max(1, len(cuts)), size - 2)
        limits.append(t / np.sqrt(size - 2 + t**2) - 1e-9)
    far = (np.abs(left) > limits[0]) & (np.abs(right) > limits[1])
    return np.asarray(far & (left * right < 0))


def _rhos(x: Array, y: Array, sizes: np.ndarray) -> Array:
    """Spearman's ρ of the first k points for each k of `sizes`, which rise; NaN where one side is
    constant."""
    found = np.full(len(sizes), math.nan)
    counts = [np.zeros((2, len(x))) for _ in (x, y)]
    for start in range(0, len(x), CHUNK):
        here = np.flatnonzero((sizes > start) & (sizes <= start + CHUNK))
        inside = np.arange(len(x))[:, None] < sizes[here]
        ranks = []
        for side, count in zip((x, y), counts, strict=True):
            part = side[start : start + CHUNK]
            smaller = (part < side[:, None]).cumsum(axis=1) + count[0][:, None]
            equal = (part == side[:, None]).cumsum(axis=1) + count[1][:, None]
            rank = (smaller + (equal + 1) / 2)[:, sizes[here] - start - 1]
            ranks.append(np.where(inside, rank - (sizes[here] + 1) / 2, 0.0))
            count[:] = smaller[:, -1], equal[:, -1]
        one, other = ranks
        with np.errstate(all="ignore"):
            scale = np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0))
            found[here] = (one * other).sum(axis=0) / scale
    return found
