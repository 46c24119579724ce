"""Whether the host held still: drift over the suite, outliers; the results on other runs."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy import special

from greenbench.analysis.deltas import deltas
from greenbench.analysis.inference import ALPHA, relative

OUTLIER = 3.5
"""Modified z beyond which a run is an outlier (Iglewicz and Hoaglin 1993); among many runs as far
out as one of them in 20 such studies would lie by chance."""
FEWEST_RUNS = 10
DRIFT_COLUMNS = ("study", "runs", "hours", "per_hour", "low", "high", "p", "over_suite")
OUTLIER_COLUMNS = ("study", "arm", "mutation", "block", "cohort", "value", "z")
SHOWN = (
    "estimate",
    "low",
    "high",
    "joint_low",
    "joint_high",
    "low_one_sided",
    "high_one_sided",
)
RUN = ("study", "arm", "mutation", "block", "cohort", "start_s")
SENSITIVITY_COLUMNS = (
    "study",
    "arm",
    "mutation",
    "null",
    *SHOWN,
    *(f"{name}_otherwise" for name in SHOWN),
)


def drift(cohorts: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """How a quantity moved over each study's time, apart from what its arms explain.

    Least squares of its logarithm on the start time with one level for each arm: `per_hour`
    (relative) with a 95 % t interval and p, and what that comes to `over_suite`, from the first
    start to the last (`hours`). Blocks keep it out of the deltas; a large one says that the host
    was not at rest. Fewer than 10 runs say nothing.
    """
    rows = []
    for study, table in _known(cohorts, quantity).groupby("study", sort=False):
        hours = (table["start_s"] - table["start_s"].min()) / 3600
        arms = table["arm"]
        x = (hours - hours.groupby(arms).transform("mean")).to_numpy(float)
        y = (table["_log"] - table["_log"].groupby(arms).transform("mean")).to_numpy(float)
        df = len(table) - arms.nunique() - 1
        spread = float(x @ x)
        if len(table) < FEWEST_RUNS or df < 1 or spread <= 0:
            continue
        slope = float(x @ y) / spread
        rest = y - slope * x
        error = math.sqrt(float(rest @ rest) / df / spread)
        if not error > 0:
            continue
        half = float(special.stdtrit(df, 1 - ALPHA / 2)) * error
        rows.append(
            {
                "study": study,
                "runs": len(table),
                "hours": float(hours.max()),
                "per_hour": relative(slope),
                "low": relative(slope - half),
                "high": relative(slope + half),
                "p": 2 * float(special.stdtr(df, -abs(slope) / error)),
                "over_suite": relative(slope * float(hours.max())),
            }
        )
    return pd.DataFrame.from_records(rows, columns=list(DRIFT_COLUMNS))


def outliers(cohorts: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Cohorts far from what their arm and their block explain: study, arm, mutation, block, cohort,
    value, z.

    The logarithm minus the arm's median, minus the block's median of what is left; z is that over
    its median absolute deviation, scaled to a standard deviation, with what arms and blocks took up
    given back. An outlier may be the truth: it
    is shown and stays in.
    """
    table = _known(cohorts, quantity)
    arms, blocks = (
        table.groupby(["study", name], sort=False).ngroup() for name in ("arm", "block")
    )
    rest = table["_log"] - table["_log"].groupby(arms).transform("median")
    rest -= rest.groupby(blocks).transform("median")
    rest -= rest.groupby(table["study"]).transform("median")
    z, far = np.zeros(len(table)), []
    of_study = table.groupby("study").indices
    for study in table["study"].drop_duplicates():
        places = np.asarray(of_study[study])
        values, runs = rest.to_numpy()[places], len(places)
        moved = np.abs(values[np.abs(values) > 1e-12])
        df = runs - arms.iloc[places].nunique() - blocks.iloc[places].nunique() + 1
        if runs < FEWEST_RUNS or df < FEWEST_RUNS / 2 or not len(moved):
            continue
        z[places] = values / (float(np.median(moved)) * 1.4826 * math.sqrt(runs / df))
        limit = max(OUTLIER, -float(special.ndtri(ALPHA / 2 / runs)))
        far += places[np.abs(z[places]) > limit].tolist()
    return table.assign(z=z, value=table.get(quantity)).iloc[far][list(OUTLIER_COLUMNS)]


def otherwise(
    main: pd.DataFrame, cohorts: pd.DataFrame, studies: pd.Series, quantity: str
) -> pd.DataFrame:
    """The deltas of some studies beside what they would be on other cohorts.

    `main`: `deltas(…, quantity, "ratio")` of the runs that the results rest on; `cohorts`: the other
    choice of runs (without outliers, with those that failed a check); `studies`: the names of those
    in which the two differ. study, arm, mutation, null, the columns of the deltas in `SHOWN`, and
    the same with `_otherwise`; an arm that one side lacks has none there.
    """
    sides = [
        main[main["study"].isin(studies)],
        deltas(cohorts[cohorts["study"].isin(studies)], quantity, "ratio"),
    ]
    arms = [side[list(SENSITIVITY_COLUMNS[:4])] for side in sides if len(side)]
    if not arms:
        return pd.DataFrame(columns=list(SENSITIVITY_COLUMNS))
    found = pd.concat(arms).drop_duplicates(["study", "arm"])
    for side, ending in zip(sides, ("", "_otherwise"), strict=True):
        values = side[["study", "arm", *SHOWN]].rename(columns={n: n + ending for n in SHOWN})
        found = found.merge(values, on=["study", "arm"], how="left")
    return found[list(SENSITIVITY_COLUMNS)]


def _known(cohorts: pd.DataFrame, quantity: str) -> pd.DataFrame:
    if quantity not in cohorts or cohorts.empty:
        return cohorts.assign(_log=[]).iloc[:0]
    values = pd.to_numeric(cohorts[quantity], errors="coerce").to_numpy(float)
    usable = np.isfinite(values) & (values > 0) & cohorts["start_s"].notna().to_numpy(bool)
    columns = [*dict.fromkeys((*RUN, quantity))]
    table: pd.DataFrame = cohorts.loc[usable, columns].copy()
    table["_log"] = np.log(values[usable])
    return table
