"""The sentence on which hyperparameters move with what mutants are compared by."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from greenbench.analysis.inference import ALPHA
from greenbench.report.text import number

MOST = 5
"""Hyperparameters that are named."""


def moving(found: pd.DataFrame, what: str, points: str) -> Iterator[str]:
    """Which hyperparameters move with `what` over `points`, the strongest first.

    `found`: study, hyperparameter, sign (ρ, or ε² where there is no order), coefficient,
    p_corrected and note, one row a hyperparameter of a study. Nothing where there is no row.
    """
    if found.empty:
        return
    untested = int((found["p_corrected"].isna() & found["note"].str.contains("too few")).sum())
    if untested == len(found):
        yield f"Too few {points} of each hyperparameter to tell which one moves with {what}."
        return
    sure = found[found["p_corrected"] < ALPHA]
    few = f"; too few {points} to tell in {untested} of {len(found)} cases" if untested else ""
    if sure.empty:
        yield f"No hyperparameter is shown to move with {what}{few}."
        return
    several = len(found["study"].unique()) > 1
    strength = sure["coefficient"].abs().groupby(sure["hyperparameter"]).max()
    names = list(strength.sort_values(ascending=False, kind="stable").index)
    texts = [
        _text(table, len(found[found["hyperparameter"] == name]) if several else 0)
        for name in names[:MOST]
        for table in (sure[sure["hyperparameter"] == name],)
    ]
    more = f"; and {len(names) - MOST} more" if len(names) > MOST else ""
    studies = ", of the studies that varied it" if several else ""
    head = f"Moves with {what} over {points}, with corrected p below {ALPHA:g}{studies}"
    yield f"{head}: {'; '.join(texts)}{more}{few}."


def _text(sure: pd.DataFrame, studies: int) -> str:
    """A hyperparameter's coefficients that hold, and in how many of the studies (0: there is one)."""
    name = sure["hyperparameter"].iloc[0]
    known = []
    for sign, rows in sure.groupby("sign", sort=False):
        values = rows["coefficient"].astype(float)
        ends = dict.fromkeys(_written(sign, end) for end in (values.min(), values.max()))
        known.append(f"{sign} {' to '.join(ends)}")
    where = f" in {len(sure)} of {studies}" if studies else ""
    return f"{name}{where} ({', '.join(known)})"


def _written(sign: object, value: float) -> str:
    return number(value, "coefficient") if sign == "ρ" else f"{value:.2f}"
