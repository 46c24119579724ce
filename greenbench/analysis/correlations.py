"""How each hyperparameter moves with energy, time, power and performance, over the settings of a study."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from greenbench.analysis.association import (
    Method,
    Shape,
    associate_permuted,
    blocked_categories,
    of_order,
    partial,
    shape_of_levels,
    smallest_permuted,
)
from greenbench.analysis.blocks import BlockFit, Layout, fit_blocks, layouts
from greenbench.analysis.cohorts import original_settings
from greenbench.analysis.inference import ALPHA, fdr

FEWEST_SETTINGS = 4
"""With fewer, a rank correlation is a coin's word."""
FEWEST_TESTED = 5
"""With fewer, even the clearest order has a p above 0.05."""
TOO_FEW = "too few settings"
NOMINAL = ("seed",)
"""Numbers without an order that could matter."""
NAMES: dict[Method, str] = {"spearman": "rho", "kendall": "tau", "pearson": "r"}
COLUMNS = (
    "study",
    "hyperparameter",
    "quantity",
    "settings",
    *(
        column
        for name in NAMES.values()
        for column in (name, f"{name}_low", f"{name}_high", f"{name}_p", f"{name}_p_corrected")
    ),
    "partial",
    "partial_low",
    "partial_high",
    "partial_p",
    "held",
    "epsilon_squared",
    "epsilon_p",
    "shape",
    "p",
    "p_corrected",
    "smallest_p",
    "note",
)


def correlations(cohorts: pd.DataFrame, quantities: Sequence[str]) -> pd.DataFrame:
    """Each varied hyperparameter with each quantity, study by study, one row a pair.

    A point is a setting: the mean over blocks of its difference from the block's originals (so
    drift between blocks is not in it, and repeats are no new points), for the original and the
    arms that changed this hyperparameter alone. Spearman's ρ (`rho`), Kendall's τ (`tau`) and
    Pearson's r (`r`), each with a 95 % interval (`_low`, `_high`) and two-sided p: ρ and r by
    permuting the settings, τ as scipy has it. `shape` is over the settings in order of their value
    (`association.shape_of_levels`). Where arms changed several hyperparameters at once, `partial`
    is Spearman's ρ over all settings of the study with the hyperparameters in `held` fixed.

    Hyperparameters without an order have `epsilon_squared` (0 to 1) and `epsilon_p` of Kruskal and
    Wallis on values aligned by block, in place of coefficients. `p` is ρ's or that one; it is
    missing where even the clearest order could not be significant, and `note` says why. Every
    `_corrected` is Benjamini and Hochberg's over all pairs of the study: at most 5 % of what is
    claimed there is false on average.
    """
    rows: list[dict[str, Any]] = []
    found = {q: layouts(cohorts, q, "difference") for q in quantities}
    places = cohorts.groupby("study", sort=False).indices
    columns = ["changed", "value", "original", "block", *quantities]
    runs = cohorts[[name for name in columns if name in cohorts]]
    for study, arms in cohorts.drop_duplicates(["study", "arm"]).groupby("study", sort=False):
        facts = _Facts.of(arms)
        names = dict.fromkeys([*varied(arms), *facts.several])
        fits = {q: _fitted(found[q].get(str(study))) for q in quantities if names}
        table = runs.iloc[places[study]]
        rows += [
            {"study": study, "hyperparameter": name, "quantity": quantity} | pair
            for name in names
            for quantity, fitted in fits.items()
            if fitted is not None
            and (pair := _pair(table, facts, fitted, name, quantity)) is not None
        ]
    return _corrected(pd.DataFrame.from_records(rows, columns=list(COLUMNS)))


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a study's arms are: the original's settings, what each arm changed alone to what, and
    its whole configuration."""

    defaults: dict[str, Any]
    changed: dict[str, dict[str, Any]]
    configurations: dict[str, str]
    several: list[str]

    @classmethod
    def of(cls, table: pd.DataFrame) -> _Facts:
        first = table.drop_duplicates("arm")
        changed: dict[str, dict[str, Any]] = {}
        for arm, name, value in zip(first["arm"], first["changed"], first["value"], strict=True):
            changed.setdefault(str(name), {})[str(arm)] = value
        configurations = dict(zip(first["arm"], first["hyperparameters"], strict=True))
        return cls(original_settings(table), changed, configurations, _several(table))


@dataclass(frozen=True, slots=True)
class _Fitted:
    layout: Layout
    fit: BlockFit


def _fitted(layout: Layout | None) -> _Fitted | None:
    if layout is None:
        return None
    return _Fitted(layout, fit_blocks(layout.contrasts, layout.originals))


def varied(table: pd.DataFrame) -> list[str]:
    """Hyperparameters that some arm of the study changed alone, in the plan's order."""
    names = [str(name) for name in table["changed"].drop_duplicates()]
    return [name for name in names if name and "," not in name]


def settings(table: pd.DataFrame, hyperparameter: str, quantity: str) -> list[tuple[Any, float]]:
    """(value, mean difference from the block's originals) of each setting, the original's first."""
    layout = next(iter(layouts(table, quantity, "difference").values()), None)
    fitted = _fitted(layout)
    found = _levels(_Facts.of(table), fitted, hyperparameter) if fitted is not None else []
    return [(value, mean) for value, mean, _, _ in found]


def _several(table: pd.DataFrame) -> list[str]:
    """Hyperparameters of a study in which some arm changed more than one at once; [] if none did."""
    together = [str(names).split(",") for names in table["changed"].drop_duplicates()]
    if not any(len(names) > 1 for names in together):
        return []
    return list(dict.fromkeys(name for names in together for name in names if name))


def _pair(
    table: pd.DataFrame,
    facts: _Facts,
    fitted: _Fitted,
    name: str,
    quantity: str,
) -> dict[str, Any] | None:
    points = _levels(facts, fitted, name)
    beside = _partial(facts, fitted, name)
    if not points:
        return beside or None
    found: dict[str, Any] = {"settings": len(points), "note": "", **beside}
    values = [value for value, _, _, _ in points]
    if name in NOMINAL or any(isinstance(v, str | bool) for v in values):
        return found | _categories(table, name, quantity)
    if len(points) < FEWEST_SETTINGS:
        return found | {"note": TOO_FEW}
    x, y = np.array(values, dtype=float), np.array([mean for _, mean, _, _ in points])
    scale = float(np.abs(y).max()) or 1.0
    y = np.round(y / scale, 12) * scale
    if np.ptp(y) == 0 or np.ptp(x) == 0:
        return found | {"note": "constant"}
    order = [tuple(np.unique(side, return_inverse=True)[1].tolist()) for side in (x, y)]
    for method, column in NAMES.items():
        association = (
            associate_permuted(x, y, method) if method == "pearson" else of_order(*order, method)
        )
        if association is not None:
            found |= {
                column: association.coefficient,
                f"{column}_low": association.low,
                f"{column}_high": association.high,
                f"{column}_p": association.p,
            }
    found["shape"] = _shape(points)
    found["smallest_p"] = smallest_permuted(len(x))
    if found["smallest_p"] >= ALPHA or math.isnan(found.get("rho_p", math.nan)):
        unknown = {f"{column}_p": None for column in NAMES.values()}
        return found | unknown | {"note": "too few to tell"}
    return found | {"p": found.get("rho_p")}


def _levels(
    facts: _Facts, fitted: _Fitted, hyperparameter: str
) -> list[tuple[Any, float, float, float]]:
    """(value, mean, variance of its difference from the original, its df); the original first."""
    defaults, values = facts.defaults, facts.changed.get(hyperparameter, {})
    if hyperparameter not in defaults:
        return []
    fit, error = fitted.fit, fitted.fit.error
    points: dict[str, list[tuple[Any, float, float, float]]] = {}
    for place, arm in enumerate(fitted.layout.arms):
        if arm in values:
            value = values[arm]
            noise = float(error[place]) ** 2
            point = (value, float(fit.estimate[place]), noise, float(fit.df[place]))
            points.setdefault(json.dumps(value), []).append(point)
    means = [
        (
            found[0][0],
            float(np.mean([mean for _, mean, _, _ in found])),
            float(np.mean([noise for _, _, noise, _ in found])) / len(found),
            found[0][3],
        )
        for found in points.values()
    ]
    return [(defaults[hyperparameter], 0.0, 0.0, math.inf), *means] if means else []


def _shape(points: list[tuple[Any, float, float, float]]) -> Shape:
    """Over levels in order; two mutants differ by their own noise, without that of the originals,
    of which a share of at most 1/2 is left in: the word errs on the safe side."""
    ordered = sorted(points, key=lambda point: float(point[0]))
    means, noise = (np.array([point[k] for point in ordered]) for k in (1, 2))
    return shape_of_levels(means, np.add.outer(noise, noise), min(point[3] for point in ordered))


def _partial(facts: _Facts, fitted: _Fitted, name: str) -> dict[str, Any]:
    """ρ over all settings with the other hyperparameters' ranks fixed; {} where none apply."""
    several = facts.several
    if name not in several:
        return {}
    layout, estimates = fitted.layout, fitted.fit.estimate
    chosen = [place for place, null in enumerate(layout.nulls) if not null]
    whole = [json.loads(facts.configurations[layout.arms[place]]) for place in chosen]
    configurations = [facts.defaults, *whole]
    columns = {
        other: np.array([float(c[other]) for c in configurations])
        for other in several
        if all(_numeric(c.get(other)) for c in configurations)
    }
    held = [other for other in columns if other != name]
    if name not in columns or not held:
        return {}
    y = np.array([0.0, *estimates[chosen]])
    found = partial(columns[name], y, np.column_stack([columns[other] for other in held]))
    if found is None:
        fixed = f"nothing is left with {', '.join(held)} held fixed"
        return {"settings": len(y), "held": ", ".join(held), "note": fixed}
    return {
        "settings": found.n,
        "partial": found.coefficient,
        "partial_low": found.low,
        "partial_high": found.high,
        "partial_p": found.p,
        "held": ", ".join(held),
        "note": "",
    }


def _categories(table: pd.DataFrame, name: str, quantity: str) -> dict[str, Any]:
    rows = table[(table["changed"] == name) | table["original"].astype(bool)]
    values = pd.to_numeric(rows[quantity], errors="coerce").to_numpy(float)
    level = rows["value"].map(json.dumps).to_numpy(dtype=str)
    found = blocked_categories(values, level, rows["block"].to_numpy())
    if found is None:
        return {"note": "categories; constant or too few"}
    return {
        "epsilon_squared": found.epsilon_squared,
        "epsilon_p": found.p,
        "p": found.p,
        "note": "categories: ε² of Kruskal and Wallis, no sign"
        + ("; too few to tell" if math.isnan(found.p) else ""),
    }


def _numeric(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _corrected(table: pd.DataFrame) -> pd.DataFrame:
    numbers = [
        c
        for c in COLUMNS
        if c not in ("study", "hyperparameter", "quantity", "held", "shape", "note")
    ]
    table[numbers] = table[numbers].astype(float)
    families = table.groupby("study", sort=False).indices.values()
    for name in ("p", *(f"{column}_p" for column in NAMES.values())):
        p = table[name].to_numpy(float)
        corrected = np.full(len(p), math.nan)
        for family in families:
            corrected[family] = fdr(p[family])
        table[f"{name}_corrected"] = corrected
    return table
