"""What a study of some size can detect, and how many blocks it takes: the verdict's own rule, drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypedDict

import numpy as np
import pandas as pd
from scipy import special

from greenbench.analysis.inference import ALPHA, Array, rounded_down
from greenbench.analysis.joint import joint_quantile
from greenbench.analysis.records import records

POWER = 0.8
"""Chance with which an effect of the stated size is to be found."""
DRAWS = 20_000
SEED = 2026
MOST_BLOCKS = 1000
COLUMNS = (
    "study",
    "arm",
    "mutation",
    "blocks",
    "noise",
    "detectable",
    "blocks_for_estimate",
    "blocks_for_smallest",
)


class _Size(TypedDict):
    originals: int
    mutants: int
    nulls: int
    noise: float


def detectable(
    blocks: int, *, originals: int, mutants: int, nulls: int, noise: float, power: float = POWER
) -> float | None:
    """The smallest saving (relative) that such a study calls greener with chance `power`.

    `noise` is the standard deviation of one run's logarithm (about its coefficient of variation)
    inside a block; `originals` a block, `mutants` in the family, `nulls` A/A arms whose noise band
    the estimate has to leave. None with fewer than 2 blocks: no noise is known then.
    """
    if blocks < 2 or mutants < 1:
        return None
    errors = _errors(blocks, originals, mutants, nulls, power)
    return -math.expm1(-errors * noise * math.sqrt((1 + 1 / originals) / blocks))


def blocks_to_detect(
    effect: float, *, originals: int, mutants: int, nulls: int, noise: float, power: float = POWER
) -> int | None:
    """The fewest blocks whose `detectable` saving is at most `effect`; None beyond 1000."""
    if effect <= 0 or mutants < 1:
        return None

    def enough(blocks: int) -> bool:
        found = detectable(
            blocks, originals=originals, mutants=mutants, nulls=nulls, noise=noise, power=power
        )
        return found is not None and found <= effect

    if not enough(MOST_BLOCKS):
        return None
    low, high = 1, MOST_BLOCKS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def reached(deltas: pd.DataFrame, smallest: float | None = None) -> pd.DataFrame:
    """For each mutant of `deltas(…, "ratio")`: what its study could detect, and what it would take.

    `noise`: standard deviation of one run's logarithm inside a block; `detectable`: the smallest
    saving found with a chance of 80 % by as many blocks (relative); `blocks_for_estimate`: blocks
    in all that would find a change as large as the estimate, were it the true one;
    `blocks_for_smallest`: to find a saving of `smallest`. Missing: not known, or beyond 1000.
    """
    rows = []
    for study, table in deltas.groupby("study", sort=False):
        family = table[~table["null"].astype(bool)]
        nulls = int(table["null"].astype(bool).sum())
        for row in records(family[family["error"].notna()]):
            blocks = int(row["blocks"])
            originals = max(1, round(float(row["originals"]) / blocks))
            contrast = float(row["error"]) * math.sqrt(blocks)
            noise = contrast / math.sqrt(1 + 1 / originals)
            size: _Size = {
                "originals": originals,
                "mutants": len(family),
                "nulls": nulls,
                "noise": noise,
            }
            effect = 1 - math.exp(-abs(math.log1p(max(float(row["estimate"]), -0.999999))))
            rows.append(
                {
                    "study": study,
                    "arm": row["arm"],
                    "mutation": row["mutation"],
                    "blocks": blocks,
                    "noise": noise,
                    "detectable": detectable(blocks, **size),
                    "blocks_for_estimate": blocks_to_detect(effect, **size),
                    "blocks_for_smallest": blocks_to_detect(smallest or 0.0, **size),
                }
            )
    found = pd.DataFrame.from_records(rows, columns=list(COLUMNS))
    numbers = ["noise", "detectable", "blocks_for_estimate", "blocks_for_smallest"]
    return found.astype(dict.fromkeys(numbers, float))


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A planned study: its blocks, and what each of them holds."""

    study: str
    blocks: int
    originals: int
    mutants: int
    nulls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a planned study needs to find an effect: `blocks_needed` is None beyond 1000, or where
    the noise is not known (`noise` None: no earlier result of the study, none stated)."""

    study: str
    blocks: int
    noise: float | None
    detectable: float | None
    blocks_needed: int | None


def plan_needs(
    studies: Iterable[Size], effect: float, noise: Mapping[str, float], stated: float | None = None
) -> list[Need]:
    """For each study with mutants: what its blocks detect, and how many `effect` would take.

    `noise` by study, from earlier results (`run_noise`); `stated`, a run's coefficient of
    variation, goes before it.
    """
    needs = []
    for study in studies:
        if not study.mutants:
            continue
        known = stated if stated is not None else noise.get(study.study)
        found = fewest = None
        if known is not None:
            size: _Size = {
                "originals": study.originals,
                "mutants": study.mutants,
                "nulls": study.nulls,
                "noise": known,
            }
            found = detectable(study.blocks, **size)
            fewest = blocks_to_detect(effect, **size)
        needs.append(
            Need(
                study=study.study,
                blocks=study.blocks,
                noise=known,
                detectable=found,
                blocks_needed=fewest,
            )
        )
    return needs


def run_noise(deltas: pd.DataFrame) -> dict[str, float]:
    """Each study's noise (see `reached`), where known: what to plan another suite with."""
    table = reached(deltas)
    return {str(s): float(g["noise"].median()) for s, g in table.groupby("study", sort=False)}


@lru_cache(maxsize=4096)
def _errors(blocks: int, originals: int, mutants: int, nulls: int, power: float) -> float:
    """The effect in standard errors of a contrast that the verdict's rule finds so often.

    Drawn, since the rule compares a t with the larger of Dunnett's limit and the noise band of
    A/A arms that share its originals and its variance.
    """
    arms = mutants + nulls
    rho = 1 / (1 + originals)
    df = arms * (blocks - 1) / (1 + (arms - 1) * rho**2)
    scale = np.sqrt(np.random.default_rng(SEED).chisquare(df, DRAWS) / df)
    shared, own = _normals(1 + nulls)
    errors = math.sqrt(rho) * shared + math.sqrt(1 - rho) * own
    limit = joint_quantile(rounded_down(df), (math.sqrt(rho),) * mutants) * scale
    if nulls:
        half = float(special.stdtrit(df, 1 - ALPHA / 2)) * scale
        limit = np.maximum(limit, (np.abs(errors[1:]) + half).max(axis=0))
    return float(np.quantile(limit + errors[0], power))


@lru_cache(maxsize=16)
def _normals(arms: int) -> tuple[Array, Array]:
    """What arms share and what is their own (arms x draws): the same for any number of blocks."""
    random = np.random.default_rng([SEED, arms])
    return random.normal(size=DRAWS), random.normal(size=(arms, DRAWS))
