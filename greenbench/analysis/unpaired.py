"""Runs without blocks (imported ones): arms beside originals, and correlations over runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from greenbench.analysis.association import (
    METHODS,
    Method,
    associate,
    categories,
    partial,
    shape_of_points,
    smallest_grouped,
    smallest_ranked,
)
from greenbench.analysis.inference import ALPHA, Array, Scale, fdr, unscaled
from greenbench.analysis.joint import joint_p, joint_quantile
from greenbench.analysis.samples import t_test

TOO_FEW = "too few to tell"
LEAST_RECORDED = 0.5
"""Share of runs that must record a hyperparameter for it to be held fixed."""
DELTA_COLUMNS = (
    "study",
    "arm",
    "runs",
    "originals",
    "original_mean",
    "estimate",
    "low",
    "high",
    "joint_low",
    "joint_high",
    "delta",
    "p",
    "p_corrected",
    "rank_p",
    "cliffs_delta",
    "cliffs_low",
    "cliffs_high",
    "note",
)
CHANGE_COLUMNS = ("estimate", "low", "high", "p")
CORRELATION_COLUMNS = (
    "study",
    "hyperparameter",
    "quantity",
    "method",
    "runs",
    "settings",
    "coefficient",
    "low",
    "high",
    "p",
    "p_corrected",
    "partial",
    "partial_low",
    "partial_high",
    "partial_p",
    "partial_runs",
    "held",
    "shape",
    "note",
)


def unpaired_deltas(
    runs: pd.DataFrame, quantity: str, scale: Scale, *, study: str = "study", arm: str = "arm"
) -> pd.DataFrame:
    """Each arm of each study against the study's originals, as independent samples.

    `runs` has one row a run: the columns `study` and `arm` (names), `original` (bool) and the
    quantity. `estimate`, `low`, `high`: the change as in `deltas.deltas` (relative for "ratio",
    in the quantity's unit for "difference") with a 95 % interval by Welch's t, on logarithms for
    ratios; `joint_low`, `joint_high` and `p_corrected`: Dunnett's (1955), with one variance for
    all samples of the study, so that together they hold with 95 %; `p`: Welch's; `rank_p`: Mann
    and Whitney's; Cliff's δ with Cliff's interval (1993). Nothing here takes drift between the
    originals' time and the mutants' out: `note` says so.
    """
    rows: list[dict[str, Any]] = []
    for name, originals, groups in _samples(runs, quantity, scale, study, arm):
        found = [_delta(key, group, originals, scale) for key, group in groups.items()]
        _dunnett(found, list(groups.values()), originals, scale)
        rows += [row | {"study": name} for row in found]
    return pd.DataFrame.from_records(rows, columns=list(DELTA_COLUMNS))


def unpaired_changes(
    runs: pd.DataFrame, quantity: str, scale: Scale, *, study: str = "study", arm: str = "arm"
) -> pd.DataFrame:
    """Of `unpaired_deltas` only study, arm, estimate, low, high and p: the change, by Welch's t."""
    rows = [
        {"study": name, "arm": key, **_change(group, originals, scale)}
        for name, originals, groups in _samples(runs, quantity, scale, study, arm)
        for key, group in groups.items()
    ]
    return pd.DataFrame.from_records(rows, columns=["study", "arm", *CHANGE_COLUMNS])


def _samples(
    runs: pd.DataFrame, quantity: str, scale: Scale, study: str, arm: str
) -> Iterator[tuple[Any, Array, dict[str, Array]]]:
    """Study by study the originals' values and each arm's, of studies that have both."""
    values = _usable(runs, quantity, scale)
    for name, table in (
        runs[[study, arm, "original"]].assign(_value=values).groupby(study, sort=False)
    ):
        known = table[table["_value"].notna()]
        originals = known.loc[known["original"].astype(bool), "_value"].to_numpy(float)
        mutants = known[~known["original"].astype(bool)]
        groups = {
            str(key): group["_value"].to_numpy(float)
            for key, group in mutants.groupby(arm, sort=False)
        }
        if len(originals) and groups:
            yield name, originals, groups


def unpaired_correlations(
    runs: pd.DataFrame,
    hyperparameters: Sequence[str],
    quantities: Sequence[str],
    *,
    study: str = "study",
    methods: Sequence[Method] = METHODS,
) -> pd.DataFrame:
    """Each hyperparameter's column with each quantity's, over the runs of each study.

    Coefficients and p are scipy's own on the runs in which both are known (a missing value is
    missing, not zero); `low` and `high`: 95 % (see `association.associate`). `runs`: how many;
    `settings`: how many values of the hyperparameter: repeats of a value are not independent
    points, and where there are many `note` says so. `partial`: Spearman's ρ with all other hyperparameters that
    vary in the same runs held fixed (`held` names them; `partial_runs`: how many record them all), for the method "spearman". `p_corrected`:
    Benjamini and Hochberg over all cells of a study and method that have a p: none has where the
    clearest order of so few runs could not bring an exact p below 5 % (Pearson's rests on normal
    noise instead). `shape`: see
    `association.shape_of_points`. Categorical columns get one row, method "kruskal":
    `coefficient` is ε² (0 to 1, no sign).
    """
    rows: list[dict[str, Any]] = []
    for name, table in runs.groupby(study, sort=False):
        columns = [h for h in hyperparameters if h in table and _varies(table[h])]
        varied = {h: _Varied.of(table[h]) for h in columns}
        measured = [q for q in quantities if q in table]
        ys = {q: pd.to_numeric(table[q], errors="coerce").to_numpy(float) for q in measured}
        for hyperparameter, quantity in product(varied, measured):
            base = {"study": name, "hyperparameter": hyperparameter, "quantity": quantity}
            others = {h: other for h, other in varied.items() if h != hyperparameter}
            found = _cells(varied[hyperparameter], ys[quantity], others, methods)
            rows += [base | cell for cell in found]
    result = pd.DataFrame.from_records(rows, columns=list(CORRELATION_COLUMNS))
    result["p_corrected"] = math.nan
    for _, family in result.groupby(["study", "method"], sort=False):
        corrected = fdr(pd.to_numeric(family["p"]).to_numpy(float))
        result.loc[family.index, "p_corrected"] = corrected
    return result


def _varies(values: pd.Series) -> bool:
    return len(values.dropna().unique()) > 1


@dataclass(frozen=True, slots=True)
class _Varied:
    """One hyperparameter over a study's runs: its `settings` as they were recorded, the same as
    numbers (NaN: none), and where it is a text or a truth value, which have no order."""

    settings: pd.Series
    numbers: Array
    named: np.ndarray

    @classmethod
    def of(cls, settings: pd.Series) -> _Varied:
        numbers = pd.to_numeric(settings, errors="coerce").to_numpy(float)
        named = [isinstance(value, str | bool | np.bool_) for value in settings]
        return cls(settings, numbers, np.array(named, dtype=bool))


def cliff(one: Array, other: Array) -> tuple[float, float | None, float | None]:
    """Cliff's δ of independent samples with its 95 % interval (Cliff 1993, unbiased variance,
    asymmetric limits); no interval with fewer than 2 values a side or at ±1."""
    signs = np.sign(np.subtract.outer(one, other))
    delta = float(signs.mean())
    n, m = signs.shape
    if min(n, m) < 2 or abs(delta) >= 1:
        return delta, None, None
    rows = float(((signs.mean(axis=1) - delta) ** 2).sum())
    columns = float(((signs.mean(axis=0) - delta) ** 2).sum())
    cells = float(((signs - delta) ** 2).sum())
    variance = (m**2 * rows + n**2 * columns - cells) / (n * m * (n - 1) * (m - 1))
    variance = max(variance, (1 - delta**2) / (n * m - 1))
    z2 = float(stats.t.ppf(1 - ALPHA / 2, n + m - 2)) ** 2
    root = math.sqrt(z2 * variance * ((1 - delta**2) ** 2 + z2 * variance))
    middle, scale = delta - delta**3, 1 - delta**2 + z2 * variance
    return delta, max(-1.0, (middle - root) / scale), min(1.0, (middle + root) / scale)


def _usable(runs: pd.DataFrame, quantity: str, scale: Scale) -> pd.Series:
    if quantity not in runs:
        return pd.Series(math.nan, index=runs.index)
    values = pd.to_numeric(runs[quantity], errors="coerce").astype(float)
    values = values.where(np.isfinite(values))
    if scale == "ratio":
        return pd.Series(np.log(values.where(values > 0)), index=runs.index)
    return values


def _delta(arm: str, group: Array, originals: Array, scale: Scale) -> dict[str, Any]:
    change = _change(group, originals, scale)
    row: dict[str, Any] = dict.fromkeys(DELTA_COLUMNS)
    original_mean = float((np.exp(originals) if scale == "ratio" else originals).mean())
    delta, low, high = cliff(group, originals)
    row |= {
        "arm": arm,
        "runs": len(group),
        "originals": len(originals),
        "original_mean": original_mean,
        "delta": change["estimate"] * (original_mean if scale == "ratio" else 1.0),
        "cliffs_delta": delta,
        "cliffs_low": low,
        "cliffs_high": high,
        "rank_p": float(stats.mannwhitneyu(group, originals).pvalue),
        "p_corrected": math.nan,
        "note": "no blocks: drift between the originals' time and the mutants' is not taken out",
    }
    return row | change


def _change(group: Array, originals: Array, scale: Scale) -> dict[str, Any]:
    center = float(group.mean() - originals.mean())
    row: dict[str, Any] = dict.fromkeys(CHANGE_COLUMNS)
    row |= {"estimate": unscaled(center, scale), "p": math.nan}
    if min(len(group), len(originals)) > 1 and max(np.ptp(group), np.ptp(originals)) > 0:
        test = t_test(group, originals, equal_var=False)
        interval = test.confidence_interval()
        row |= {
            "p": float(test.pvalue),
            "low": unscaled(float(interval.low), scale),
            "high": unscaled(float(interval.high), scale),
        }
    return row


def _dunnett(
    rows: list[dict[str, Any]], groups: list[Array], originals: Array, scale: Scale
) -> None:
    samples = [originals, *groups]
    df = sum(map(len, samples)) - len(samples)
    squares = sum(float(((sample - sample.mean()) ** 2).sum()) for sample in samples)
    if df < 1 or squares <= 0:
        return
    widths = [math.sqrt(squares / df * (1 / len(g) + 1 / len(originals))) for g in groups]
    centers = [float(group.mean() - originals.mean()) for group in groups]
    loadings = [math.sqrt(len(g) / (len(g) + len(originals))) for g in groups]
    t = np.array([center / width for center, width in zip(centers, widths, strict=True)])
    limit = joint_quantile(float(df), tuple(loadings))
    for row, center, width, p in zip(rows, centers, widths, joint_p(t, df, loadings), strict=True):
        row["p_corrected"] = float(p)
        row["joint_low"] = unscaled(center - limit * width, scale)
        row["joint_high"] = unscaled(center + limit * width, scale)


def _cells(
    varied: _Varied, y: Array, others: Mapping[str, _Varied], methods: Sequence[Method]
) -> list[dict[str, Any]]:
    known = varied.settings.notna().to_numpy() & np.isfinite(y)
    y = y[known]
    base: dict[str, Any] = {"runs": len(y), "held": ""}
    if varied.named[known].any():
        settings = varied.settings[known]
        base["settings"] = int(settings.nunique())
        groups = pd.Series(y, index=settings.index).groupby(settings)
        found = categories([group.to_numpy() for _, group in groups])
        if found is None:
            return [base | {"method": "kruskal", "note": "too few runs, or constant"}]
        few = smallest_grouped(settings.value_counts().to_numpy()[:, None]) >= ALPHA
        effect = {"coefficient": found.epsilon_squared, "p": math.nan if few else found.p}
        note = f"categories: ε², no sign{f'; {TOO_FEW}' if few else ''}"
        return [base | effect | {"method": "kruskal", "note": note}]
    x = varied.numbers[known]
    base["settings"] = len(np.unique(x))
    few = smallest_ranked(x) >= ALPHA
    associations = {method: associate(x, y, method) for method in methods}
    shape = shape_of_points(x, y, associations.get("spearman"))
    cells = []
    for method, found_by in associations.items():
        cell: dict[str, Any] = base | {"method": method, "p": math.nan}
        if found_by is None:
            cells.append(cell | {"note": "too few runs, or constant"})
            continue
        cell |= {
            "coefficient": found_by.coefficient,
            "low": found_by.low,
            "high": found_by.high,
            "p": found_by.p,
            "shape": shape,
            "note": _note(base, others),
        }
        if few and method != "pearson":
            cell |= {"p": math.nan, "note": "; ".join(filter(None, (TOO_FEW, cell["note"])))}
        if method == "spearman":
            cell |= _partial(known, x, y, others)
        cells.append(cell)
    return cells


def _note(base: dict[str, Any], others: Iterable[str]) -> str:
    notes = [f"also varied: {', '.join(others)}"] if others else []
    if base["runs"] >= 2 * base["settings"]:
        notes.append("runs of one setting are not independent points")
    return "; ".join(notes)


def _partial(
    known: np.ndarray, x: Array, y: Array, others: Mapping[str, _Varied]
) -> dict[str, Any]:
    """ρ with the others held fixed, over the runs that record them all; those of one value, without
    an order, or recorded in fewer than half of the runs can't be."""
    here = {name: other.numbers[known] for name, other in others.items()}
    held = [
        name
        for name, values in here.items()
        if not others[name].named[known].any()
        and len(np.unique(values[~np.isnan(values)])) > 1
        and (~np.isnan(values)).mean() >= LEAST_RECORDED
    ]
    found = partial(x, y, np.column_stack([here[name] for name in held])) if held else None
    if found is None:
        return {}
    return {
        "partial": found.coefficient,
        "partial_low": found.low,
        "partial_high": found.high,
        "partial_p": found.p,
        "partial_runs": found.n,
        "held": ", ".join(held),
    }
