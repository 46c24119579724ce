"""How far two ways to read the same device are apart: its counter, and its integrated power."""

from __future__ import annotations

import pandas as pd

from greenbench.analysis.frames import Frames

COLUMNS = ("counter", "power", "windows", "median", "low", "high", "within")


def agreement(frames: Frames) -> pd.DataFrame:
    """One row a device that has both a counter and a power channel, over its training windows.

    counter and power (channels), windows; median, low and high of the difference of integrated
    power to the counter (relative to the counter); within (share of windows in which the two are
    no further apart than their half-widths together). The two may share a sensor, so agreement is
    no proof.
    """
    energies = frames.energies
    if not {"counter", "power"} <= set(energies["method"].unique()):
        return pd.DataFrame(columns=list(COLUMNS))
    trained = energies[(energies["kind"] == "train") & energies["cohort_run"].notna()]
    facts = frames.channels[["session", "name", "physical_id"]].rename(columns={"name": "channel"})
    trained = trained.merge(facts, on=["session", "channel"], how="left")
    keys = ["window", "physical_id"]
    columns = [*keys, "channel", "energy_j", "resolution_j"]
    counters = trained[(trained["method"] == "counter") & (trained["energy_j"] > 0)][columns]
    powers = trained[(trained["method"] == "power") & trained["energy_j"].notna()][columns]
    pairs = counters.merge(powers, on=keys, suffixes=("", "_power"))
    rows = []
    for (counter, power), group in pairs.groupby(["channel", "channel_power"], sort=False):
        apart_j = group["energy_j_power"] - group["energy_j"]
        difference = apart_j / group["energy_j"]
        widths_j = group["resolution_j"].fillna(0.0) + group["resolution_j_power"].fillna(0.0)
        rows.append(
            (
                str(counter),
                str(power),
                len(group),
                float(difference.median()),
                float(difference.min()),
                float(difference.max()),
                float((apart_j.abs() <= widths_j).mean()),
            )
        )
    return pd.DataFrame.from_records(rows, columns=list(COLUMNS))
