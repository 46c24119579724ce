"""What trainings do to one another: who slows whom, what that costs, and how effects change."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from greenbench.analysis.inference import ALPHA, Array, holm

TOGETHER_COLUMNS = (
    "model",
    "scenario",
    "kind",
    "mutation",
    "null",
    "apart",
    "together",
    "change",
    "low",
    "high",
    "apart_s",
    "together_s",
    "note",
)
OVERLAP_COLUMNS = (
    "model",
    "scenario",
    "mutation",
    "train_s",
    "overlap_s",
    "energy_j",
    "overlap_j",
)
INTERACTION_COLUMNS = (
    "model",
    "scenario",
    "mutation",
    "solo",
    "beside",
    "change",
    "low",
    "high",
    "p",
    "p_corrected",
)
SPREAD_COLUMNS = ("model", "scenario", "arms", "cv_solo", "cv_beside", "ratio", "low", "high", "p")
MATRIX_COLUMNS = (
    "model",
    "role",
    "beside",
    "study",
    "scenario",
    "solo_s",
    "beside_s",
    "slowdown",
    "low",
    "high",
    "blocks",
)
FOREGROUND = "the background's work is not a fixed amount: energy is not compared"


def together(cohorts: pd.DataFrame, trials: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """A cohort's measured quantity for its work against the same work solo, one after another.

    One row an arm of each co-located study: `apart` is the sum over the cohort's members of the
    mean solo value of the same configuration (k times it for k copies; a companion's from the solo
    study of its model), `together` the cohort's own mean, measured whole: no modelled share enters.
    `change`: together against apart, relative, with a 95 % interval: Welch's t on logarithms of
    block means, the sum's variance by the delta method, degrees of freedom by Satterthwaite. They
    are different cohorts, not pairs. apart_s and together_s: their times (s). A foreground's
    background repeats its work for as long as it is needed: no energy is compared, `note` says so.
    """
    parallel = cohorts[cohorts["kind"] != "solo"]
    if parallel.empty:
        return pd.DataFrame(columns=list(TOGETHER_COLUMNS))
    solo = _solo(cohorts, quantity)
    rows: list[dict[str, Any]] = []
    firsts = parallel.drop_duplicates(["study", "arm"])["cohort"]
    of_cohort = dict(iter(trials[trials["cohort"].isin(firsts)].groupby("cohort", sort=False)))
    for _, table in parallel.groupby(["study", "arm"], sort=False):
        first = table.iloc[0]
        row: dict[str, Any] = dict.fromkeys(TOGETHER_COLUMNS)
        row |= {name: first[name] for name in ("model", "scenario", "kind", "mutation")}
        row |= {"null": bool(first["null"]), "note": ""}
        if first["kind"] == "foreground":
            rows.append(row | {"note": FOREGROUND})
            continue
        members = of_cohort[first["cohort"]]
        keys = [_key(m.model, m.hyperparameters) for m in members.itertuples(index=False)]
        missing = sorted({key[0] for key in keys if key not in solo})
        if missing:
            rows.append(
                row | {"note": f"no solo study has the same configuration of {', '.join(missing)}"}
            )
            continue
        whole = _block_means(table, quantity)
        rows.append(
            row | _compared([solo[key][0] for key in keys], whole) | _times(solo, keys, table)
        )
    return pd.DataFrame.from_records(rows, columns=list(TOGETHER_COLUMNS))


def overlap(cohorts: pd.DataFrame) -> pd.DataFrame:
    """The time in which all members of a cohort trained, beside its whole run.

    One row an arm of each co-located study, A/A arms left out: means over its cohorts of train_s and
    energy_j (the whole run: s, J) and of overlap_s and overlap_j (that part of it). A cohort whose
    members never trained all at once has no such window: 0 s and 0 J.
    """
    parallel = cohorts[(cohorts["kind"] != "solo") & ~cohorts["null"].astype(bool)]
    never = parallel["overlap_s"].isna()
    parallel = parallel.assign(
        overlap_s=parallel["overlap_s"].where(~never, 0.0),
        overlap_j=parallel["overlap_j"].where(~never, 0.0),
    )
    rows = []
    for _, table in parallel.groupby(["study", "arm"], sort=False):
        row = {name: table[name].iloc[0] for name in ("model", "scenario", "mutation")}
        rows.append(row | {name: table[name].mean() for name in OVERLAP_COLUMNS[3:]})
    return pd.DataFrame.from_records(rows, columns=list(OVERLAP_COLUMNS))


def interaction(deltas: pd.DataFrame, cohorts: pd.DataFrame) -> pd.DataFrame:
    """How each mutant's relative delta differs between solo and a kind of co-location.

    From `deltas(…, "ratio")` of both studies: `solo` and `beside` are the deltas, `change` is
    (1 + beside)/(1 + solo) - 1 with a 95 % interval from both standard errors (Satterthwaite's
    degrees of freedom; different cohorts), p two-sided, `p_corrected` by Holm over the mutants of
    that model and scenario.
    """
    facts = cohorts.drop_duplicates("study").set_index("study")[["model", "kind", "scenario"]]
    known = deltas[~deltas["null"].astype(bool)].merge(facts, left_on="study", right_index=True)
    solo = known[known["kind"] == "solo"].drop_duplicates(["model", "mutation"])
    pairs = known[known["kind"] != "solo"].merge(
        solo, on=["model", "mutation"], suffixes=("", "_solo")
    )
    rows = []
    for (model, scenario), group in pairs.groupby(["model", "scenario"], sort=False):
        found = [_difference(row) for _, row in group.iterrows()]
        tested = [row for row in found if row["p"] is not None]
        for row, p in zip(tested, holm([row["p"] for row in tested]), strict=True):
            row["p_corrected"] = p
        rows += [{"model": model, "scenario": scenario, **row} for row in found]
    return pd.DataFrame.from_records(rows, columns=list(INTERACTION_COLUMNS))


def spread(cohorts: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Does a quantity vary more with the same mutations beside others than solo?

    Coefficients of variation of the arms' means (original and mutants that both have), and their
    ratio (above 1: more in co-location) with a 95 % interval and p by Pitman and Morgan's test for
    variances of pairs (1939), on values divided by their mean. A point is an arm; fewer than 4
    say nothing.
    """
    known = cohorts[~cohorts["null"].astype(bool)]
    rows = []
    for model, table in known.groupby("model", sort=False):
        if (table["kind"] == "solo").all():
            continue
        solo = _arm_means(table[table["kind"] == "solo"], quantity)
        beside = table[table["kind"] != "solo"]
        for scenario, group in beside.groupby("scenario", sort=False):
            both = pd.concat([solo, _arm_means(group, quantity)], axis=1, join="inner").dropna()
            if len(both) >= 4:
                x, y = (both.iloc[:, k].to_numpy(float) for k in (0, 1))
                row = {"model": model, "scenario": scenario, "arms": len(both)}
                rows.append(row | _pitman_morgan(x / x.mean(), y / y.mean()))
    return pd.DataFrame.from_records(rows, columns=list(SPREAD_COLUMNS))


def matrix(trials: pd.DataFrame, cohorts: pd.DataFrame) -> pd.DataFrame:
    """Who slows whom: each model's own training time beside others against solo.

    From the trials of `cohorts` (those that statistics rest on) that are originals, and from their
    companions: `model` with its `role`, `beside` (the other members' models), solo_s and beside_s
    (means over blocks, s), `slowdown`: their ratio, with a 95 % interval by Welch's t on logarithms
    of block means. A background has no time of its own. What it costs is in `together`.
    """
    counted = trials[trials["cohort"].isin(cohorts["cohort"]) & (trials["arm"] == "original")]
    counted = counted[counted["train_s"] > 0]
    if (counted["kind"] == "solo").all():
        return pd.DataFrame(columns=list(MATRIX_COLUMNS))
    solo = dict(iter(counted[counted["kind"] == "solo"].groupby(["model", "hyperparameters"])))
    beside = trials[trials["cohort"].isin(counted["cohort"])]
    others = beside.groupby("cohort", sort=False)["model"].apply(list)
    rows = []
    groups = counted[counted["kind"] != "solo"].groupby(
        ["study", "model", "hyperparameters", "role"], sort=False
    )
    for (study, model, hyperparameters, role), table in groups:
        alone = solo.get((model, hyperparameters))
        if alone is None:
            continue
        company = list(others[table["cohort"].iloc[0]])
        company.remove(model)
        one, other = (_block_means(t, "train_s") for t in (alone, table))
        change = _compared([one], other)
        rows.append(
            {
                "model": model,
                "role": role,
                "beside": ", ".join(company),
                "study": study,
                "scenario": table["scenario"].iloc[0],
                "solo_s": change["apart"],
                "beside_s": change["together"],
                "slowdown": _plus_one(change["change"]),
                "low": _plus_one(change["low"]),
                "high": _plus_one(change["high"]),
                "blocks": len(other),
            }
        )
    return pd.DataFrame.from_records(rows, columns=list(MATRIX_COLUMNS))


Key = tuple[str, str]


def _key(model: Any, hyperparameters: Any) -> Key:
    return str(model), str(hyperparameters)


def _solo(cohorts: pd.DataFrame, quantity: str) -> dict[Key, tuple[Array, Array]]:
    """Block means of the quantity and of time by model and configuration, where there are some."""
    found: dict[Key, tuple[Array, Array]] = {}
    alone = cohorts[(cohorts["kind"] == "solo") & ~cohorts["null"].astype(bool)]
    for key, table in alone.groupby(["model", "hyperparameters"], sort=False):
        values = _block_means(table, quantity)
        if len(values):
            found.setdefault(_key(*key), (values, _block_means(table, "train_s")))
    return found


def _block_means(table: pd.DataFrame, quantity: str) -> Array:
    values = pd.to_numeric(table[quantity], errors="coerce").astype(float)
    values = values[(values > 0) & np.isfinite(values)]
    return np.asarray(values.groupby(table["block"]).mean(), dtype=float)


def _arm_means(table: pd.DataFrame, quantity: str) -> pd.Series:
    values = pd.to_numeric(table[quantity], errors="coerce").astype(float)
    values = values.where((values > 0) & np.isfinite(values))
    return pd.Series(values.groupby(table["mutation"], sort=False).mean())


def _compared(parts: list[Array], whole: Array) -> dict[str, Any]:
    """`whole` against the sum of the parts' means, with a 95 % interval where all repeat."""
    empty = {"apart": None, "together": None, "change": None, "low": None, "high": None}
    if not len(whole) or not all(map(len, parts)):
        return empty
    distinct: dict[int, tuple[Array, int]] = {}
    for part in parts:
        distinct[id(part)] = (part, distinct.get(id(part), (part, 0))[1] + 1)
    centers = [(times * math.exp(float(np.log(p).mean())), p) for p, times in distinct.values()]
    apart = math.fsum(center for center, _ in centers)
    logs = np.log(whole)
    change = float(logs.mean()) - math.log(apart)
    found = empty | {
        "apart": math.fsum(times * float(p.mean()) for p, times in distinct.values()),
        "together": float(whole.mean()),
        "change": _relative(change),
    }
    if len(whole) < 2 or any(len(p) < 2 for p, _ in distinct.values()):
        return found
    terms = [
        ((center / apart) ** 2 * float(np.log(p).var(ddof=1)) / len(p), len(p) - 1)
        for center, p in centers
    ]
    terms.append((float(logs.var(ddof=1)) / len(logs), len(logs) - 1))
    variance = math.fsum(term for term, _ in terms)
    if not variance > 1e-24:
        return found
    df = variance**2 / math.fsum(term**2 / n for term, n in terms)
    half = float(stats.t.ppf(1 - ALPHA / 2, df)) * math.sqrt(variance)
    return found | {"low": _relative(change - half), "high": _relative(change + half)}


def _times(
    solo: dict[Key, tuple[Array, Array]], keys: list[Key], table: pd.DataFrame
) -> dict[str, Any]:
    apart = [solo[key][1] for key in keys]
    beside = _block_means(table, "train_s")
    return {
        "apart_s": math.fsum(float(t.mean()) for t in apart) if all(map(len, apart)) else None,
        "together_s": float(beside.mean()) if len(beside) else None,
    }


def _difference(row: pd.Series) -> dict[str, Any]:
    found: dict[str, Any] = {
        "mutation": row["mutation"],
        "solo": row["estimate_solo"],
        "beside": row["estimate"],
        "change": (1 + row["estimate"]) / (1 + row["estimate_solo"]) - 1,
        "low": None,
        "high": None,
        "p": None,
        "p_corrected": None,
    }
    one, other = float(row["error_solo"]), float(row["error"])
    if not (one > 0 and other > 0):
        return found
    error = math.hypot(one, other)
    df = error**4 / (one**4 / float(row["df_solo"]) + other**4 / float(row["df"]))
    center = math.log1p(float(row["estimate"])) - math.log1p(float(row["estimate_solo"]))
    half = float(stats.t.ppf(1 - ALPHA / 2, df)) * error
    return found | {
        "low": _relative(center - half),
        "high": _relative(center + half),
        "p": 2 * float(stats.t.sf(abs(center) / error, df)),
    }


def _pitman_morgan(x: Array, y: Array) -> dict[str, float | None]:
    """Ratio of the standard deviation of y to that of x, over pairs, with interval and p."""
    one, other = float(x.std(ddof=1)), float(y.std(ddof=1))
    found: dict[str, float | None] = {"cv_solo": one, "cv_beside": other}
    found |= {"ratio": None, "low": None, "high": None, "p": None}
    if not (one > 1e-12 and other > 1e-12):
        return found
    found["ratio"] = other / one
    r = float(stats.pearsonr(x, y).statistic)
    if 1 - r**2 < 1e-12:
        return found
    df = len(x) - 2
    f = (other / one) ** 2
    t = (f - 1) * math.sqrt(df) / math.sqrt(4 * f * (1 - r**2))
    limit = float(stats.t.ppf(1 - ALPHA / 2, df)) ** 2
    k = 1 + 2 * (1 - r**2) * limit / df
    width = math.sqrt(k**2 - 1)
    return found | {
        "low": math.sqrt(f * (k - width)),
        "high": math.sqrt(f * (k + width)),
        "p": 2 * float(stats.t.sf(abs(t), df)),
    }


def _relative(value: float) -> float:
    return math.expm1(value) if value < 700 else math.inf


def _plus_one(value: float | None) -> float | None:
    return None if value is None else 1 + value
