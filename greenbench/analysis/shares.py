"""Who used the energy of a training window: modelled rows, averaged over the runs of a study."""

from __future__ import annotations

import pandas as pd

KINDS = ("idle", "trial", "own", "other", "unattributed")
COLUMNS = ("study", "channel", "kind", "slot", "energy_j", "uncertainty_j", "share", "runs")


def shares_of_originals(
    shares: pd.DataFrame, cohorts: pd.DataFrame, channels: pd.DataFrame
) -> pd.DataFrame:
    """Mean modelled rows of the originals' `train` windows (`frames.training_shares`), channel by
    channel of the total.

    study, channel, kind, slot (number in the cohort, missing but for trials), energy_j and
    uncertainty_j (J, means over runs; a model's error is no chance, so it does not shrink with
    them), share (of the channel's energy), runs. In the order in which people read them.
    """
    added = channels.loc[channels["added"].astype(bool), "name"].unique()
    originals = cohorts[cohorts["original"].astype(bool)][["study", "cohort_run"]]
    found = shares[shares["channel"].isin(added)]
    found = found.merge(originals, on="cohort_run", how="inner")
    if found.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    runs = found.groupby(["study", "channel"], sort=False)["cohort_run"].nunique()
    keys = ["study", "channel", "kind", "slot"]
    table = found.groupby(keys, dropna=False, sort=False)[["energy_j", "uncertainty_j"]].sum()
    table = table.reset_index()
    number = pd.Series(
        [runs[study, name] for study, name in zip(table["study"], table["channel"], strict=True)]
    )
    table["runs"] = number
    for name in ("energy_j", "uncertainty_j"):
        table[name] = table[name] / number
    whole = table.groupby(["study", "channel"])["energy_j"].transform("sum")
    table["share"] = (table["energy_j"] / whole).where(whole > 0)
    order = {study: place for place, study in enumerate(cohorts["study"].drop_duplicates())}
    table["place"] = table["study"].map(order)
    table["rank"] = table["kind"].map({kind: rank for rank, kind in enumerate(KINDS)})
    table = table.sort_values(["place", "channel", "rank", "slot"], ignore_index=True)
    return table[list(COLUMNS)]
