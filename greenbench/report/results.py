"""The record trial by trial, as stable data for scripts and as rows for people."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from greenbench.analysis import frames as reading
from greenbench.analysis.cohorts import cohorts
from greenbench.errors import ResultsError
from greenbench.store import Store, result_sets


def results_json(store: Store) -> dict[str, list[dict[str, Any]]]:
    """`{"trials": [...]}`, one entry a planned trial in the plan's order; JSON-ready.

    key, cohort, status (planned, running, completed, failed, interrupted, excluded), study, model,
    scenario, arm, mutation (text; null for the original), hyperparameters, block, seed, slot,
    counted, attempts; metrics (NaN and infinity as strings that `float()` reads), divergence
    (not_finite, loss_above_start or at_chance; null for a training that learned), cpu_time_s, error (null unless there was one). Of the whole cohort, and only where it completed and is
    compared: train_s, cohort_energy_j (measured), cohort_estimate_j (an estimate, never mixed with
    the former). energy_j repeats cohort_energy_j for a cohort of one; co-located trials have no
    measured energy of their own. checks: what was found of the measurement (check, severity,
    found, limit, text); valid: whether none failed (null: none was made). Invalid trials keep
    their energies here; the report leaves them out. What is not known is null.
    """
    return {"trials": results_table(store).to_dict(orient="records")}  # type: ignore[dict-item]


def results_table(store: Store) -> pd.DataFrame:
    """The entries of `results_json` as a frame (object columns; None is what is not known)."""
    frames = reading.read(store)
    checks = _checks(reading.checks(store))
    measured = {row["cohort"]: row for row in cohorts(frames).to_dict(orient="records")}
    columns = frames.trials.columns
    rows = [
        _entry(dict(zip(columns, trial, strict=True)), measured, checks)
        for trial in frames.trials.itertuples(index=False, name=None)
    ]
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


COLUMNS = (
    "key",
    "cohort",
    "status",
    "study",
    "model",
    "scenario",
    "arm",
    "mutation",
    "hyperparameters",
    "block",
    "seed",
    "slot",
    "counted",
    "attempts",
    "energy_j",
    "cohort_energy_j",
    "cohort_estimate_j",
    "train_s",
    "cpu_time_s",
    "metrics",
    "divergence",
    "error",
    "valid",
    "checks",
)


def list_results(root: Path) -> list[dict[str, Any]]:
    """One row a result set below `root`, oldest first: folder, suite, created_at, trials, and the
    number of trials by status; `problem` says why one can't be read (else null)."""
    return [_listed(folder) for folder in result_sets(root)]


def _listed(folder: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"folder": str(folder), "problem": None}
    try:
        store = Store.open(folder, read_only=True)
    except ResultsError as error:
        return row | {"problem": error.message}
    try:
        facts, statuses = store.facts(), store.statuses()
    finally:
        store.close()
    row |= {"suite": facts.get("suite_name"), "created_at": facts.get("created_at")}
    counts: dict[str, int] = Counter(statuses.values())
    return row | {"trials": len(statuses)} | counts


def _checks(found: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """The checks of each trial, by its key."""
    by_trial: dict[str, list[dict[str, Any]]] = {}
    for row in found.to_dict(orient="records"):
        check = {name: row[name] for name in ("check", "severity", "text")}
        check |= {name: _known(row[name]) for name in ("found", "limit")}
        by_trial.setdefault(str(row["trial"]), []).append(check)
    return by_trial


def _entry(
    trial: dict[str, Any],
    measured: dict[Any, dict[Any, Any]],
    checks: dict[str, list[dict[str, Any]]],
) -> dict[str, Any]:
    cohort = measured.get(trial["cohort"], {})
    energy_j = _known(cohort.get("energy_j"))
    found = {name: trial[name] for name in COLUMNS if name in trial}
    return found | {
        "mutation": trial["mutation"] or None,
        "hyperparameters": json.loads(trial["hyperparameters"]),
        "energy_j": energy_j if cohort.get("members") == 1 else None,
        "cohort_energy_j": energy_j,
        "cohort_estimate_j": _known(cohort.get("estimate_j")),
        "train_s": _known(cohort.get("train_s")),
        "cpu_time_s": _known(trial["cpu_time_s"]),
        "metrics": {
            name: value if math.isfinite(value) else repr(value)
            for name, value in trial["metrics"].items()
        },
        "divergence": trial["divergence"] or None,
        "error": trial["error"] if isinstance(trial["error"], str) else None,
        "checks": checks.get(trial["key"], []),
        "valid": _valid(checks.get(trial["key"], [])),
    }


def _valid(checks: list[dict[str, Any]]) -> bool | None:
    """Whether no check failed; None if none was made."""
    return all(check["severity"] != "fail" for check in checks) if checks else None


def _known(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
