"""Independent samples: compared by t as scipy has it, and their means with what is known of them."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from greenbench.analysis.inference import Array


def t_test(one: Array, other: Array, *, equal_var: bool) -> Any:
    """`scipy.stats.ttest_ind`: Student's t with `equal_var`, else Welch's.

    Samples without any spread, with hardly any, or too large to square are no news here: their p
    and interval are NaN, 0 or infinite, and callers say what they make of that.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.filterwarnings("ignore", "Precision loss occurred", RuntimeWarning)
        return stats.ttest_ind(one, other, equal_var=equal_var)


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean of `number` units on the scale that is compared, its variance and degrees of freedom
    (0: not known), and their level in the quantity's own unit."""

    mean: float
    variance: float
    df: float
    number: int
    level: float = math.nan

    @classmethod
    def of(cls, values: Array, level: float = math.nan) -> Mean:
        """Of a sample; without any spread its variance is 0."""
        number = len(values)
        variance = float(values.var(ddof=1)) / number if number > 1 else 0.0
        variance = variance if np.ptp(values) > 0 else 0.0
        return cls(float(values.mean()), variance, number - 1, number, level)

    def minus(self, other: Mean) -> Mean:
        """Of two independent ones (Welch 1947, Satterthwaite 1946)."""
        variance, df = self.variance + other.variance, 0.0
        if self.df and other.df and variance > 0:
            df = 1 / sum((m.variance / variance) ** 2 / m.df for m in (self, other))
        number = min(self.number, other.number)
        return Mean(self.mean - other.mean, variance, df, number)
