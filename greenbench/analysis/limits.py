"""What limits the conclusions: each weakness of a record in words, with what would help."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from greenbench.analysis.blocks import FEWEST_RESIDUALS, layouts
from greenbench.analysis.cohorts import idle_windows, main_channels
from greenbench.analysis.frames import Frames, json_rows
from greenbench.analysis.inference import ALPHA
from greenbench.analysis.records import records

SHORTEST_PERIODS = 100
"""Below so many update periods of its sensor, a window's edges are more than 1 % of it."""
RESOLUTION = 0.01
"""Relative half-width of an energy beyond which it is said."""
IDLE_VARIATION = 0.05
"""Relative standard deviation of idle power beyond which a host is unstable."""
BUSY_LOAD = 0.5
"""1-minute load beyond which a host was busy before a cohort started; below it a framework's
own last trial echoes."""


ENERGY = ("energy_j", "resolution_j", "gap_s", "reason", "start_s", "end_s")
TAILS = 0.01
"""Level of the test for heavy tails."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One thing to know before believing the rest, and what to do about it ("" if nothing)."""

    text: str
    remedy: str = ""


def blocks_needed(mutants: int, originals: int) -> int:
    """How many blocks until the smallest corrected p is below 0.05: 2m / (s + 1)^B < 0.05."""
    if originals < 1:
        return 0
    return math.floor(math.log(2 * max(mutants, 1) / ALPHA) / math.log(originals + 1)) + 1


def of_blocks(deltas: pd.DataFrame, beside: pd.DataFrame) -> Iterator[Limit]:
    """Studies with too few blocks for noise or an exact test, without an A/A arm, or with a
    telling one; `beside` is that of `deltas.beside`."""
    tested = deltas.merge(beside, on=["study", "arm"], how="left")
    for study, table in tested.groupby("study", sort=False):
        mutants, nulls = table[~table["null"].astype(bool)], table[table["null"].astype(bool)]
        blocks = int(mutants["blocks"].max()) if len(mutants) else 0
        if len(mutants) and mutants["error"].isna().all():
            yield Limit(
                f"{study}: too few to tell: with {blocks} complete block{'' if blocks == 1 else 's'}"
                " the noise is not known, so there is no interval and nothing is concluded",
                "run more blocks",
            )
        elif len(mutants) and (mutants["smallest_p_corrected"] >= ALPHA).any():
            originals = max(1, round(float((mutants["originals"] / mutants["blocks"]).median())))
            needed = blocks_needed(len(mutants), originals)
            best = float(mutants["smallest_p_corrected"].min())
            yield Limit(
                f"{study}: {blocks} complete blocks are too few to tell by the exact test (its"
                f" smallest corrected p would be {best:.2g}): conclusions rest on the intervals, which"
                " assume noise that is near normal on the log scale",
                f"run at least {needed} blocks, or compare fewer mutants",
            )
        if nulls.empty:
            yield Limit(
                f"{study}: without an A/A arm the noise floor is not known",
                "add the operator null to the suite",
            )
        for null in records(nulls[(nulls["low"] > 0) | (nulls["high"] < 0)]):
            yield Limit(
                f"{study}: the A/A arm ({null['mutation']}) came out"
                f" {100 * null['estimate']:+.2g} % different though nothing was changed; 1 in 20"
                " does by chance, otherwise conditions inside a block were not equal",
                "longer cool-down, a quieter host",
            )


def of_noise(cohorts: pd.DataFrame, quantity: str) -> Iterator[Limit]:
    """Studies whose noise has heavier tails than a normal one (Anscombe and Glynn's test of the
    kurtosis of the block model's residuals, 1983, at 1 %)."""
    for study, layout in layouts(cohorts, quantity, "ratio").items():
        contrasts = layout.contrasts
        residuals = (contrasts - np.nanmean(contrasts, axis=0)).ravel()
        residuals = residuals[np.isfinite(residuals)]
        if len(residuals) < FEWEST_RESIDUALS or np.ptp(residuals) == 0:
            continue
        test = stats.kurtosistest(residuals)
        if test.statistic > 0 and test.pvalue < TAILS:
            yield Limit(
                f"{study}: the noise has heavier tails than normal (kurtosis"
                f" {float(stats.kurtosis(residuals)):+.1f}): the joint intervals are wider for it,"
                " and effects are missed more often than the blocks' number says",
                "see the outliers and the exact tests; more blocks",
            )


def of_trials(frames: Frames, cohorts: pd.DataFrame) -> Iterator[Limit]:
    """Trials that are missing from the comparison, and trainings that diverged."""
    counted = frames.trials[frames.trials["counted"]]
    for status, text, remedy in (
        ("planned", "were not run yet", "run the suite again: it goes on where it stopped"),
        ("running", "are running, or their run was killed", "run the suite again"),
        ("interrupted", "were interrupted", "run the suite again: it goes on where it stopped"),
        ("failed", "failed; they are left out", "the errors are under Failures"),
        (
            "excluded",
            "were excluded as invalid; they are left out",
            "the reasons are under Failures",
        ),
    ):
        number = int((counted["status"] == status).sum())
        if number:
            yield Limit(f"{number} of {len(counted)} trials {text}", remedy)
    measured = counted[(counted["status"] == "completed") & (counted["role"] == "measured")]
    lost = measured["cohort"].nunique() - len(cohorts)
    if lost:
        yield Limit(f"{lost} cohorts are left out because not all of their members completed")
    originals = cohorts[cohorts["original"].astype(bool) & (cohorts["diverged"] > 0)]
    if len(originals):
        ways = ways_to_diverge(originals)
        yield Limit(
            f"{len(originals)} originals diverged ({ways}); their metrics enter no comparison",
            "give the study an original that learns",
        )


DIVERGED_AS: Mapping[str, str] = {
    "not_finite": "not finite",
    "loss_above_start": "loss above its start",
    "at_chance": "no better than chance",
}
"""The ways in which a training comes to nothing, in words."""


def ways_to_diverge(cohorts: pd.DataFrame) -> str:
    """Each way in which trainings of these cohorts diverged, in words: `not finite, loss above
    its start`."""
    found = {kind for kinds in cohorts["divergence"] for kind in str(kinds).split(", ") if kind}
    return ", ".join(words for kind, words in DIVERGED_AS.items() if kind in found)


def of_energy(frames: Frames, cohorts: pd.DataFrame) -> Iterator[Limit]:
    """Energies that are not known, gaps in sampling, coarse sensors, changed sets of channels."""
    energies = frames.energies
    of_training = energies["cohort_run"].isin(cohorts["cohort_run"]) & (energies["kind"] == "train")
    trained = energies.loc[of_training, ["session", "channel", *ENERGY]]
    facts = frames.channels.rename(columns={"name": "channel"})
    trained = trained.merge(
        facts[["session", "channel", "added", "update_period_s"]],
        on=["session", "channel"],
        how="left",
    )
    unknown = trained[trained["energy_j"].isna()]
    for keys, group in unknown.groupby(["channel", "reason"], dropna=False):
        channel, reason = map(str, keys)
        yield Limit(f"{channel}: energy of {len(group)} cohorts is not known: {reason}")
    gaps = trained[trained["gap_s"] > 0]
    for name, group in gaps.groupby("channel"):
        share = float((group["gap_s"] / (group["end_s"] - group["start_s"])).max())
        yield Limit(
            f"{name}: sampling has gaps in {len(group)} cohorts, at most {share:.1%} of the time"
        )
    for name, group in trained.groupby("channel"):
        yield from _coarse(str(name), group)
    main = main_channels(cohorts)
    others = int((cohorts["channels"].notna() & (cohorts["channels"] != main)).sum())
    if others:
        yield Limit(
            f"The total of {others} cohorts adds other channels than the rest ({main}) and is left"
            " out: sensors came or went between sessions"
        )


def _coarse(channel: str, group: pd.DataFrame) -> Iterator[Limit]:
    duration_s = group["end_s"] - group["start_s"]
    short = int((duration_s < SHORTEST_PERIODS * group["update_period_s"]).sum())
    coarse = int((group["resolution_j"] > RESOLUTION * group["energy_j"].abs()).sum())
    if short:
        yield Limit(
            f"{channel}: {short} training windows are shorter than {SHORTEST_PERIODS} update"
            " periods of the sensor",
            "train longer (more epochs in the original)",
        )
    elif coarse:
        yield Limit(
            f"{channel}: the energy of {coarse} training windows is known to ±1 % at best",
            "train longer, or sample more often",
        )


def of_host(frames: Frames) -> Iterator[Limit]:
    """An unstable or busy host, and what the run itself warned of."""
    power_w = idle_windows(frames)["power_w"].dropna()
    if len(power_w) > 2 and power_w.mean() > 0:
        variation = float(power_w.std() / power_w.mean())
        if variation > IDLE_VARIATION:
            yield Limit(
                f"Unstable host: idle power varies by {variation:.1%} (relative standard deviation"
                f" of {len(power_w)} readings)",
                "end other work on the host, fix clocks and fan speed, cool down longer",
            )
    loads = pd.Series(map(_load, json_rows(frames.cohort_runs["conditions"])), dtype=float)
    busy = int((loads > BUSY_LOAD * _processors(frames)).sum())
    if busy:
        yield Limit(
            f"The host was busy before {busy} of {len(loads)} cohorts (load up to {loads.max():.1f})",
            "end other work on the host, cool down longer",
        )
    for text in frames.problems["text"].drop_duplicates():
        yield Limit(f"Noted while it ran: {text}")


def _load(conditions: Any) -> float:
    load = conditions.get("load_1min") if isinstance(conditions, dict) else None
    return float(load) if isinstance(load, int | float) else math.nan


def _processors(frames: Frames) -> int:
    """Threads of the widest cohort: a load beyond a part of it would be felt."""
    by_cohort = frames.trials.groupby("cohort")["threads"].sum()
    return int(by_cohort.max()) if len(by_cohort) else 1
