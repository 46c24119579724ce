"""The tests of the study that greenbench follows, as its published scripts have them (arXiv
2603.06195): every run a point of its own, nothing corrected, nothing blocked."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pandas as pd

from greenbench.analysis.association import associate
from greenbench.analysis.inference import ALPHA, Array
from greenbench.analysis.samples import t_test
from greenbench.analysis.settings import Series

NEGLIGIBLE = 0.147
"""Cliff's δ below which the study calls a difference negligible (Romano et al. 2006)."""
Word = Literal["lower", "higher", "same", "unknown"]
TEST_COLUMNS = (
    "study",
    "model",
    "hyperparameter",
    "arm",
    "quantity",
    "runs",
    "originals",
    "change",
    "p",
    "cliffs_delta",
    "word",
)
CORRELATION_COLUMNS = (
    "study",
    "model",
    "hyperparameter",
    "quantity",
    "runs",
    "settings",
    "rho",
    "p",
)


def published_tests(found: list[Series], quantities: list[str]) -> pd.DataFrame:
    """Each mutant against all originals of its study, in each quantity.

    `change`: relative change of the means. `p`: Student's t test with equal variances, two-sided,
    uncorrected. `cliffs_delta`: over all pairs of runs, positive if the mutant is higher. `word`:
    lower or higher if p < 0.05 and |δ| >= 0.147, else same; unknown without two runs a side.
    """
    rows = [
        {
            "study": part.study,
            "model": part.model,
            "hyperparameter": part.hyperparameter,
            "arm": str(arm),
            "quantity": quantity,
            **_test(_known(group, quantity), _known(part.originals, quantity)),
        }
        for part in found
        for arm, group in part.mutants.groupby("arm", sort=False)
        for quantity in quantities
    ]
    return pd.DataFrame.from_records(rows, columns=list(TEST_COLUMNS))


def published_correlations(found: list[Series], quantities: list[str]) -> pd.DataFrame:
    """Spearman's ρ of each hyperparameter with each quantity over runs, with scipy's own p.

    The points are the study's originals and the runs that changed this hyperparameter alone, each
    run one (30 of 6 settings in the published runs, so p is smaller than it should be).
    """
    rows: list[dict[str, Any]] = []
    for part in found:
        table = part.runs()
        for quantity in quantities:
            values = pd.to_numeric(table[quantity], errors="coerce").astype(float)
            row = {
                "study": part.study,
                "model": part.model,
                "hyperparameter": part.hyperparameter,
                "quantity": quantity,
                "runs": int(values.notna().sum()),
                "settings": table.loc[values.notna(), "setting"].nunique(),
                "rho": math.nan,
                "p": math.nan,
            }
            found_by = associate(table["setting"].astype(float), values) if part.ordered else None
            if found_by is not None:
                row |= {"rho": found_by.coefficient, "p": found_by.p}
            rows.append(row)
    return pd.DataFrame.from_records(rows, columns=list(CORRELATION_COLUMNS))


def greener(tests: pd.DataFrame, energies: list[str], performance: str, *, worse: Word) -> set[str]:
    """Arms (`study` and `arm`, joined by a newline) that are greener in the study's sense: lower in
    every one of `energies`, and their performance not significantly `worse` ("lower" for a metric
    to maximise)."""
    words = tests.assign(key=tests["study"] + "\n" + tests["arm"]).pivot_table(
        index="key", columns="quantity", values="word", aggfunc="first"
    )
    if words.empty or not {*energies} <= set(words.columns):
        return set()
    fine = (words[energies] == "lower").all(axis=1)
    if performance in words:
        fine &= words[performance] != worse
    return set(words.index[fine])


def _known(table: pd.DataFrame, quantity: str) -> Array:
    values = pd.to_numeric(table[quantity], errors="coerce").to_numpy(dtype=float)
    return np.asarray(values[np.isfinite(values)])


def _test(mutant: Array, originals: Array) -> dict[str, Any]:
    row: dict[str, Any] = {"runs": len(mutant), "originals": len(originals)}
    if min(len(mutant), len(originals)) < 2:
        return row | {
            "change": math.nan,
            "p": math.nan,
            "cliffs_delta": math.nan,
            "word": "unknown",
        }
    p = float(t_test(mutant, originals, equal_var=True).pvalue)
    delta = float(np.sign(np.subtract.outer(mutant, originals)).mean())
    base = float(originals.mean())
    change = float(mutant.mean()) / base - 1 if base else math.nan
    called = p < ALPHA and abs(delta) >= NEGLIGIBLE
    word: Word = ("lower" if mutant.mean() < base else "higher") if called else "same"
    return row | {"change": change, "p": p, "cliffs_delta": delta, "word": word}
