"""Runs as settings of one hyperparameter: its originals, and the arms that changed it alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from greenbench.analysis.cohorts import original_settings
from greenbench.analysis.inference import Array

HYPERPARAMETER = "hyperparameter."


@dataclass(frozen=True, slots=True)
class Series:
    """The runs that vary one hyperparameter of one study: `originals`, and `mutants` (rows of the
    cohorts' frame), each with a column `setting`, the hyperparameter's value there; `default` is
    the original's. Values without an order are left out of `ordered`."""

    study: str
    model: str
    hyperparameter: str
    default: Any
    originals: pd.DataFrame
    mutants: pd.DataFrame

    @property
    def ordered(self) -> bool:
        """Whether its values are numbers."""
        values = [self.default, *self.mutants["setting"]]
        return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)

    def runs(self) -> pd.DataFrame:
        """All runs, the originals first."""
        return pd.concat([self.originals, self.mutants], ignore_index=True)

    def groups(self, quantity: str) -> dict[Any, Array]:
        """The known values of a quantity, by setting, the original's first."""
        found: dict[Any, list[float]] = {}
        for side in (self.originals, self.mutants):
            values = pd.to_numeric(side[quantity], errors="coerce").astype(float)
            for setting, value in zip(side["setting"], values, strict=True):
                if math.isfinite(value):
                    found.setdefault(setting, []).append(value)
        return {setting: np.array(values) for setting, values in found.items()}


def series(runs: pd.DataFrame) -> Iterator[Series]:
    """Every hyperparameter that arms changed alone, study by study, in the order of the rows.

    `runs` is the frame of `cohorts.cohorts`. Studies without an original have none.
    """
    for study, table in runs.groupby("study", sort=False):
        originals = table[table["original"].astype(bool)]
        defaults = original_settings(table)
        changed = table["changed"].astype(str)
        for name in changed.drop_duplicates():
            if name and "," not in name and name in defaults:
                mutants = table[changed == name]
                yield Series(
                    str(study),
                    str(table["model"].iloc[0]),
                    name,
                    defaults[name],
                    originals.assign(setting=[defaults[name]] * len(originals)),
                    mutants.assign(setting=mutants["value"]),
                )


def setting_means(found: Series, quantity: str, *, blocked: bool) -> tuple[Array, Array]:
    """One point a setting: its value, and the mean of a quantity over its runs.

    With blocks, of its difference from the mean of the block's originals, so that drift between
    blocks is not in it. Empty arrays without order or without known values.
    """
    if not found.ordered or quantity not in found.originals:
        return np.array([]), np.array([])
    table = found.runs()
    values = pd.to_numeric(table[quantity], errors="coerce").astype(float)
    values = values.where(values.abs() < math.inf)
    if blocked:
        originals = values[table["original"].astype(bool)]
        means = originals.groupby(table["block"]).mean()
        values = values - table["block"].map(means)
    points = values.groupby(table["setting"].astype(float)).mean().dropna()
    return np.asarray(points.index, dtype=float), np.asarray(points, dtype=float)


def with_hyperparameters(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with a column `hyperparameter.NAME` for each; missing where it was not recorded."""
    known = [json.loads(text) for text in runs["hyperparameters"]]
    names = dict.fromkeys(name for values in known for name in values)
    columns = {
        HYPERPARAMETER + name: pd.Series(
            [values.get(name) for values in known], index=runs.index, dtype=object
        )
        for name in names
    }
    return runs.assign(**columns)


def one_at_a_time(table: pd.DataFrame) -> bool:
    """Whether no run of a study changed more than one hyperparameter."""
    return not table["changed"].astype(str).str.contains(",").any()
