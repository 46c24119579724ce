"""Two samples compared by t as scipy has it, on any finite numbers."""

from __future__ import annotations

import warnings
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
