"""What trainings do to one another: who slows whom, what that costs, and how effects change."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from greenbench.analysis.colocation import block_means
from greenbench.analysis.inference import ALPHA, Array, holm, relative
from greenbench.analysis.pairs import Pairs, Place
from greenbench.analysis.records import records

TOGETHER_COLUMNS = (
    "study",
    "arm",
    "model",
    "scenario",
    "kind",
    "mutation",
    "null",
    "places",
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
    "study",
    "arm",
    "model",
    "scenario",
    "mutation",
    "train_s",
    "overlap_s",
    "energy_j",
    "overlap_j",
)
INTERACTION_COLUMNS = (
    "study",
    "arm",
    "mutation",
    "solo",
    "solo_low",
    "solo_high",
    "beside",
    "beside_low",
    "beside_high",
    "change",
    "low",
    "high",
    "p",
    "p_corrected",
)
SPREAD_COLUMNS = (
    "study",
    "model",
    "scenario",
    "arms",
    "cv_solo",
    "cv_beside",
    "ratio",
    "low",
    "high",
    "p",
)
SLOWED_COLUMNS = (
    "study",
    "arm",
    "mutation",
    "null",
    "model",
    "role",
    "beside",
    "scenario",
    "kind",
    "place",
    "solo_s",
    "beside_s",
    "slowdown",
    "low",
    "high",
    "blocks",
    "note",
)
OF_ARM = ("study", "arm", "mutation", "model", "scenario", "kind")
ENDS = {"": "estimate", "_low": "low", "_high": "high"}
FOREGROUND = "the background's work is not a fixed amount: energy is not compared"


def together(
    cohorts: pd.DataFrame, trials: pd.DataFrame, pairs: Pairs, quantity: str
) -> pd.DataFrame:
    """A cohort's measured quantity for its work against the same work solo, one after another.

    One row an arm of each co-located study: `apart` is the sum over the cohort's members of the
    mean solo value of the same configuration (k times it for k copies; where from, say `places`,
    member by member), `together` the cohort's own mean, measured whole: no modelled share enters.
    `change`: together against apart, relative, with a 95 % interval: Welch's t on logarithms of
    block means, the sum's variance by the delta method, degrees of freedom by Satterthwaite. They
    are different cohorts, not pairs. apart_s and together_s: their times (s). A foreground's
    background repeats its work for as long as it is needed: no energy is compared, `note` says so.
    """
    runs = _runs(cohorts)
    parallel = cohorts[cohorts["kind"] != "solo"]
    chosen = trials[trials["cohort"].isin(parallel.drop_duplicates(["study", "arm"])["cohort"])]
    of_cohort = dict(iter(chosen.groupby("cohort", sort=False)))
    rows: list[dict[str, Any]] = []
    for _, table in parallel.groupby(["study", "arm"], sort=False):
        (first,) = records(table.iloc[:1])
        row: dict[str, Any] = dict.fromkeys(TOGETHER_COLUMNS)
        row |= {name: first[name] for name in OF_ARM}
        row |= {"null": bool(first["null"]), "places": (), "note": ""}
        if first["kind"] == "foreground":
            rows.append(row | {"note": FOREGROUND})
            continue
        members = records(of_cohort[first["cohort"]])
        places = [pairs.alone(member) for member in members]
        lost = [m["model"] for m, p in zip(members, places, strict=True) if p not in runs]
        if lost:
            rows.append(row | {"note": _missing(lost)})
            continue
        parts = {place: block_means(runs[place], quantity) for place in places}
        compared = _compared([parts[place] for place in places], block_means(table, quantity))
        rows.append(row | {"places": tuple(places)} | compared | _times(runs, places, table))
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
        row = {name: table[name].iloc[0] for name in OVERLAP_COLUMNS[:5]}
        rows.append(row | {name: table[name].mean() for name in OVERLAP_COLUMNS[5:]})
    return pd.DataFrame.from_records(rows, columns=list(OVERLAP_COLUMNS))


def interaction(deltas: pd.DataFrame, pairs: Pairs) -> pd.DataFrame:
    """How each mutant's relative delta differs between a co-located study and its solo study.

    From `deltas(…, "ratio")` of both: `solo` and `beside` are the deltas with their own 95 %
    intervals, `change` is (1 + beside)/(1 + solo) - 1 with a 95 % interval from both standard
    errors (Satterthwaite's degrees of freedom; different cohorts), p two-sided, `p_corrected` by
    Holm over the mutants of that study. Mutants that only one of the two has are left out.
    """
    rows = []
    for _, solo, beside in pairs.sides(deltas[~deltas["null"].astype(bool)]):
        both = beside.merge(solo, on="mutation", suffixes=("", "_solo"))
        found = [_difference(row) for _, row in both.iterrows()]
        tested = [row for row in found if row["p"] is not None]
        for row, p in zip(tested, holm([row["p"] for row in tested]), strict=True):
            row["p_corrected"] = p
        rows += found
    return pd.DataFrame.from_records(rows, columns=list(INTERACTION_COLUMNS))


def spread(cohorts: pd.DataFrame, pairs: Pairs, quantity: str) -> pd.DataFrame:
    """Does a quantity vary more with the same mutations beside others than solo?

    Coefficients of variation of the arms' means (original and mutants that both studies of a pair
    have), and their ratio (above 1: more in co-location) with a 95 % interval and p by Pitman and
    Morgan's test for variances of pairs (1939), on values divided by their mean. A point is an
    arm; fewer than 4 say nothing.
    """
    rows = []
    for pair, *both_sides in pairs.sides(cohorts[~cohorts["null"].astype(bool)]):
        sides = [_arm_means(side, quantity) for side in both_sides]
        both = pd.concat(sides, axis=1, join="inner").dropna()
        if len(both) >= 4:
            x, y = (both.iloc[:, k].to_numpy(float) for k in (0, 1))
            row = {"study": pair.study, "model": pair.model, "scenario": pair.scenario}
            rows.append(row | {"arms": len(both)} | _pitman_morgan(x / x.mean(), y / y.mean()))
    return pd.DataFrame.from_records(rows, columns=list(SPREAD_COLUMNS))


def slowed(trials: pd.DataFrame, cohorts: pd.DataFrame, pairs: Pairs) -> pd.DataFrame:
    """Who slows whom: each model's own training time beside others against solo.

    From the trials of `cohorts` (those that statistics rest on), in their order. One row a model and role of each
    co-located study's original; of mutants too beside other models (copies of them are in
    `colocation.per_training`), the study's own model alone. `beside` (the other members' models),
    `place` (the solo runs), solo_s and beside_s (means over blocks, s), `slowdown`: their ratio,
    with a 95 % interval by Welch's t on logarithms of block means. A background has no time of its
    own. `note` says where no solo run has the configuration. What it costs is in `together`.
    """
    if (trials["kind"] == "solo").all():
        return pd.DataFrame(columns=list(SLOWED_COLUMNS))
    counted = trials[trials["cohort"].isin(cohorts["cohort"]) & (trials["train_s"] > 0)]
    original = counted["arm"] == "original"
    apart = counted["kind"].isin(("mixed", "foreground")) & (counted["role"] == "measured")
    beside = counted[(counted["kind"] != "solo") & (original | apart)]
    places = pd.Index(cohorts["cohort"].unique()).get_indexer(beside["cohort"])
    beside = beside.iloc[np.argsort(places, kind="stable")]
    members = trials[trials["cohort"].isin(beside["cohort"])]
    others = members.groupby("cohort", sort=False)["model"].apply(list)
    runs = _runs(counted[counted["kind"] == "solo"])
    rows = []
    names = ["study", "arm", "model", "hyperparameters", "role"]
    for _, table in beside.groupby(names, sort=False):
        (first,) = records(table.iloc[:1])
        company = list(others[first["cohort"]])
        company.remove(first["model"])
        times, place = block_means(table, "train_s"), pairs.alone(first)
        row: dict[str, Any] = dict.fromkeys(SLOWED_COLUMNS)
        row |= {name: first[name] for name in (*OF_ARM, "role")} | {"null": bool(first["null"])}
        row |= {"beside": ", ".join(company), "beside_s": float(times.mean())}
        row |= {"blocks": len(times), "note": ""}
        if place not in runs:
            rows.append(row | {"note": _missing([first["model"]])})
            continue
        change = _compared([block_means(runs[place], "train_s")], times)
        row |= {"place": place, "solo_s": change["apart"]}
        row |= {"slowdown": _plus_one(change["change"])}
        rows.append(row | {name: _plus_one(change[name]) for name in ("low", "high")})
    return pd.DataFrame.from_records(rows, columns=list(SLOWED_COLUMNS))


def _runs(table: pd.DataFrame) -> dict[Place | None, pd.DataFrame]:
    """The solo rows of cohorts or of their trials, by study and arm."""
    groups = table[table["kind"] == "solo"].groupby(["study", "arm"], sort=False)
    return {(str(study), str(arm)): rows for (study, arm), rows in groups}


def _missing(models: Iterable[str]) -> str:
    return f"no solo run has the same configuration of {', '.join(sorted(set(models)))}"


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
        "change": relative(change),
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
    return found | {"low": relative(change - half), "high": relative(change + half)}


def _times(
    runs: Mapping[Place | None, pd.DataFrame], places: list[Place | None], table: pd.DataFrame
) -> dict[str, Any]:
    apart = [block_means(runs[place], "train_s") for place in places]
    beside = block_means(table, "train_s")
    return {
        "apart_s": math.fsum(float(t.mean()) for t in apart) if all(map(len, apart)) else None,
        "together_s": float(beside.mean()) if len(beside) else None,
    }


def _difference(row: pd.Series) -> dict[str, Any]:
    found: dict[str, Any] = {
        **{name: row[name] for name in ("study", "arm", "mutation")},
        **{f"solo{end}": row[f"{of}_solo"] for end, of in ENDS.items()},
        **{f"beside{end}": row[of] for end, of in ENDS.items()},
        "change": _ratio(row["estimate"], row["estimate_solo"]),
        "low": None,
        "high": None,
        "p": None,
        "p_corrected": None,
    }
    one, other = float(row["error_solo"]), float(row["error"])
    if not (one > 0 and other > 0 and _told(row["estimate"]) and _told(row["estimate_solo"])):
        return found
    error = math.hypot(one, other)
    df = error**4 / (one**4 / float(row["df_solo"]) + other**4 / float(row["df"]))
    center = math.log1p(float(row["estimate"])) - math.log1p(float(row["estimate_solo"]))
    half = float(stats.t.ppf(1 - ALPHA / 2, df)) * error
    return found | {
        "low": relative(center - half),
        "high": relative(center + half),
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


def _told(change: float) -> bool:
    """Whether a relative change is one that a float tells from all or nothing."""
    return -1 < change < math.inf


def _ratio(change: float, other: float) -> float | None:
    """The change from one relative change to another."""
    return (1 + change) / (1 + other) - 1 if _told(change) and _told(other) else None


def _plus_one(value: float | None) -> float | None:
    return None if value is None else 1 + value
