"""One row a comparable cohort: its total energy, time, power and performance."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd

from greenbench.analysis.frames import Frames

IDENTITY = (
    "study",
    "model",
    "arm",
    "mutation",
    "operator",
    "changed",
    "value",
    "null",
    "original",
    "hyperparameters",
    "block",
    "scenario",
    "kind",
    "copies",
    "position",
)
METRIC = "metric."
CHANNEL = "channel."
LARGEST = 1e150
"""From here on a number is as good as infinite, since its square is: no energy, no time, no metric."""


def cohorts(frames: Frames) -> pd.DataFrame:
    """The independent units: counted cohorts whose last run completed in all its members.

    cohort, cohort_run, session, the trial columns of its first measured member (`IDENTITY`),
    members (measured ones); train_s and start_s (s); energy_j (J: sum of the disjoint measured
    channels; missing unless every one of them is known), overlap_s and overlap_j (s and J of the
    time in which all members trained; missing where no such window is recorded), estimate_j (the same of estimates),
    channels (names that were added), idle_w (W, mean of the session's idle windows), active_j
    (energy above idle, J), ready_j and ready_w (J and W before the start: everything loaded,
    nothing runs), power_w (W, mean), cpu_time_s (s, all members), diverged (members whose
    training came to nothing), divergence (in which ways, by comma; "" if none), failed_checks (the checks that the measurement of one of its
    members failed, by comma; "" if none), `metric.NAME` (mean over members; missing if one diverged, or is beyond `LARGEST`) and
    `channel.NAME` (J).
    """
    table = _members(frames.trials)
    if table.empty:
        columns = ("cohort", "cohort_run", "session", *IDENTITY, *QUANTITIES, *WORDS)
        return pd.DataFrame(columns=list(columns))
    table = table.merge(_durations(frames.windows), on="cohort_run", how="left")
    trained = _energies(frames, "train")
    trained = trained[trained["cohort_run"].notna()]
    by_window = ["cohort_run", "session"]
    table = table.merge(_totals(trained, frames.channels, by_window), on=by_window, how="left")
    table = table.merge(_overlap(frames), on="cohort_run", how="left")
    table = table.merge(_per_channel(trained), on="cohort_run", how="left")
    idle = idle_windows(frames)
    known = idle[idle["energy_j"].notna()]
    sums = known.groupby("session")[["energy_j", "duration_s"]].sum()
    table["idle_w"] = table["session"].map(sums["energy_j"] / sums["duration_s"]).astype(float)
    table = table.merge(_ready(frames), on="cohort_run", how="left")
    failed = _failed(frames.checks)
    table["failed_checks"] = [failed.get(float(run), "") for run in table["cohort_run"]]
    return _derived(table)


WORDS = ("divergence", "failed_checks")
QUANTITIES = (
    "members",
    "diverged",
    "cpu_time_s",
    "train_s",
    "start_s",
    "energy_j",
    "overlap_s",
    "overlap_j",
    "estimate_j",
    "channels",
    "idle_w",
    "active_j",
    "power_w",
    "ready_j",
    "ready_w",
)


READ = (
    "train_s",
    "energy_j",
    "overlap_s",
    "overlap_j",
    "estimate_j",
    "idle_w",
    "ready_j",
    "ready_w",
    "cpu_time_s",
)
"""Of `QUANTITIES` what comes from the record as it is; the rest is worked out from it."""


def idle_windows(frames: Frames) -> pd.DataFrame:
    """Idle readings of the host: session, window, start_s, duration_s (s), energy_j (J, disjoint
    measured channels), power_w (W)."""
    idle = frames.windows[frames.windows["kind"] == "idle"]
    totals = _totals(_energies(frames, "idle"), frames.channels, ["window", "session"])
    table = idle[["session", "window", "start_s", "duration_s"]].merge(
        totals[["window", "energy_j"]], on="window", how="left"
    )
    table = table[table["duration_s"] > 0].reset_index(drop=True)
    table["power_w"] = table["energy_j"] / table["duration_s"]
    return table


def main_channels(table: pd.DataFrame) -> str:
    """The set of channels that most cohorts' totals add; totals of others can't be compared."""
    sets = table["channels"].dropna() if "channels" in table else pd.Series(dtype=object)
    return str(sets.mode().iloc[0]) if len(sets) else ""


def main_channel_names(table: pd.DataFrame) -> list[str]:
    """The names of those channels, sorted; a name may hold anything, a plus too."""
    names = sorted(str(c).removeprefix(CHANNEL) for c in table.columns if c.startswith(CHANNEL))
    return _parted(main_channels(table), names)


def _parted(text: str, names: list[str]) -> list[str]:
    """The names that the text joins; none where it does not."""
    for place, name in enumerate(names):
        if text == name:
            return [name]
        if text.startswith(f"{name} + "):
            rest = _parted(text.removeprefix(f"{name} + "), names[place + 1 :])
            if rest:
                return [name, *rest]
    return []


def metric_names(table: pd.DataFrame) -> list[str]:
    """The metrics that any cohort has, sorted."""
    return sorted(c.removeprefix(METRIC) for c in table.columns if c.startswith(METRIC))


def _members(trials: pd.DataFrame) -> pd.DataFrame:
    """One row a comparable cohort. Performance is the measured members', CPU time everyone's:
    energy is measured whole."""
    everyone = _comparable(trials[trials["counted"]])
    measured = everyone[everyone["role"] == "measured"]
    of, names = pd.factorize(measured["cohort"])
    table = measured.drop_duplicates("cohort")[["cohort", "cohort_run", "session", *IDENTITY]]
    table = table.reset_index(drop=True).infer_objects()

    def total(places: np.ndarray, values: Any = None) -> np.ndarray:
        return np.bincount(places, values, minlength=len(table))

    table["members"] = total(of)
    beside = pd.Index(names).get_indexer(everyone["cohort"])
    table["cpu_time_s"] = total(beside, everyone["cpu_time_s"])
    kinds = measured["divergence"]
    lost = (kinds != "").to_numpy(bool)
    table["diverged"] = total(of[lost])
    words = kinds[lost].groupby(of[lost]).agg(lambda found: ", ".join(sorted(set(found))))
    table["divergence"] = words.reindex(table.index, fill_value="")
    metrics = list(measured["metrics"])
    for name in dict.fromkeys(name for found in metrics for name in sorted(found)):
        values = np.array([found.get(name, math.nan) for found in metrics], dtype=float)
        known = (np.abs(values) < LARGEST) & ~lost
        table[METRIC + name] = total(of, np.where(known, values, math.nan)) / table["members"]
    return table


def _comparable(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials of cohorts whose members all completed in the same run."""
    of, names = pd.factorize(trials["cohort"])
    first = np.unique(of, return_index=True)[1]
    run = trials["cohort_run"].to_numpy(float)
    completed = (trials["status"] == "completed") & (trials["cohort_status"] == "completed")
    fine = completed.to_numpy(bool) & (run == run[first][of])
    lacking = np.bincount(of, ~fine, minlength=len(names))
    whole: pd.DataFrame = trials[lacking[of] == 0]
    return whole


def _durations(windows: pd.DataFrame) -> pd.DataFrame:
    whole = windows[windows["cohort_run"].notna()]
    last = whole.drop_duplicates(["cohort_run", "kind"], keep="last").set_index("cohort_run")
    train = last[last["kind"] == "train"]
    table = pd.DataFrame({"train_s": train["duration_s"], "start_s": train["start_s"]})
    return table.rename_axis("cohort_run").reset_index()


def _overlap(frames: Frames) -> pd.DataFrame:
    """Time and energy of all `overlap` windows of each cohort; no energy where one's is missing."""
    windows = frames.windows[frames.windows["kind"] == "overlap"]
    totals = _totals(_energies(frames, "overlap"), frames.channels, ["window", "session"])
    found = windows[["cohort_run", "window", "duration_s"]].merge(totals, on="window", how="left")
    grouped = found.groupby("cohort_run")
    table = pd.DataFrame({"overlap_s": grouped["duration_s"].sum()})
    table["overlap_j"] = (
        grouped["energy_j"].sum().where(grouped["energy_j"].count() == grouped.size())
    )
    return table.reset_index()


def _energies(frames: Frames, kind: str) -> pd.DataFrame:
    """Of windows of one kind; without the texts that no total needs."""
    columns = ["window", "session", "cohort_run", "channel", "energy_j", "duration_s"]
    return frames.energies.loc[frames.energies["kind"] == kind, columns]


def _totals(energies: pd.DataFrame, channels: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Totals by `keys`; missing where one channel of the session's sum is not known."""
    named = channels.rename(columns={"name": "channel"})
    merged = energies.merge(
        named[["session", "channel", "added", "estimated"]], on=["session", "channel"], how="inner"
    )
    result = energies[keys].drop_duplicates()
    for flag, column in (("added", "energy_j"), ("estimated", "estimate_j")):
        part = merged[merged[flag].astype(bool)]
        finite = part["energy_j"].where(part["energy_j"].abs() < math.inf)
        sums = finite.groupby([part[key] for key in keys]).agg(["sum", "count"]).reset_index()
        wanted = named[named[flag].astype(bool)].groupby("session")["channel"]
        complete = sums["count"] == sums["session"].map(wanted.nunique())
        sums[column] = sums["sum"].where(complete)
        result = result.merge(sums[[*keys, column]], on=keys, how="left")
        if flag == "added":
            names = wanted.apply(lambda group: " + ".join(sorted(group)))
            result["channels"] = result["session"].map(names)
    return result


def _ready(frames: Frames) -> pd.DataFrame:
    """Energy and mean power of the window in which everything is loaded and waits."""
    found = _energies(frames, "ready_idle")
    found = found[found["cohort_run"].notna()]
    totals = _totals(found, frames.channels, ["cohort_run", "session"])
    spans_s = found.drop_duplicates("cohort_run").set_index("cohort_run")["duration_s"]
    duration_s = totals["cohort_run"].map(spans_s).astype(float)
    table = pd.DataFrame({"cohort_run": totals["cohort_run"], "ready_j": totals["energy_j"]})
    table["ready_w"] = (table["ready_j"] / duration_s).where(duration_s > 0)
    return table


def _failed(checks: pd.DataFrame) -> dict[float, str]:
    """Names of the failed checks by cohort run."""
    failed = checks[checks["severity"] == "fail"]
    return {
        float(str(run)): ", ".join(sorted(set(group["check"])))
        for run, group in failed.groupby("cohort_run")
    }


def _per_channel(energies: pd.DataFrame) -> pd.DataFrame:
    if energies.empty:
        return pd.DataFrame({"cohort_run": pd.Series(dtype=float)})
    table = energies.pivot_table(
        index="cohort_run", columns="channel", values="energy_j", aggfunc="last", dropna=False
    )
    return table.add_prefix(CHANNEL).rename_axis(columns=None).reset_index()


def _derived(table: pd.DataFrame) -> pd.DataFrame:
    """Adds active energy and power; drops totals over another set of channels than most."""
    for name in QUANTITIES:
        if name not in table:
            table[name] = math.nan
    names = [str(n) for n in table if n in READ or str(n).startswith(CHANNEL)]
    table = _limited(table, names)
    comparable = table["channels"] == main_channels(table)
    for name in ("energy_j", "overlap_j"):
        table[name] = table[name].where(comparable)
    table["active_j"] = table["energy_j"] - table["idle_w"] * table["train_s"]
    table["power_w"] = (table["energy_j"] / table["train_s"]).where(table["train_s"] > 0)
    table = _limited(table, ["active_j", "power_w"])
    return table.sort_values("position", ignore_index=True)


def _limited(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The same, with numbers of these columns that are as good as infinite not known."""
    values = table[names].astype(float)
    if (far := values.abs() >= LARGEST).to_numpy().any():
        table[names] = values.mask(far)
    return table


def original_settings(table: pd.DataFrame) -> dict[str, Any]:
    """The configuration of a study's original, {} if none completed."""
    originals = table[table["original"].astype(bool)]
    return dict(json.loads(originals["hyperparameters"].iloc[0])) if len(originals) else {}
