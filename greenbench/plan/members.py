"""Who trains together: the members of a cohort, in their slots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from greenbench.api import Mutation, Role, Scenario, Value
from greenbench.suite.seeds import training_seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One training of a cohort: its whole configuration and its seed."""

    model: str
    seed: int
    hyperparameters: Mapping[str, Value]
    mutation: Mutation | None = None
    role: Role = "measured"


def members(measured: Member, scenario: Scenario, block_seed: int) -> list[Member]:
    """The measured member, its further copies, and its companions, by slot.

    Each slot has a seed of its own. A copy's follows from the first one's, so that it is mutated
    with it; a companion's follows from the block's, so that it is the same beside every arm.
    """
    copies = [
        replace(measured, seed=training_seed(measured.seed, "slot", slot))
        for slot in range(1, scenario.copies)
    ]
    role: Role = "background" if scenario.kind == "foreground" else "companion"
    companions = [
        Member(
            model=companion.model,
            seed=training_seed(block_seed, "slot", slot),
            hyperparameters=companion.hyperparameters,
            role=role,
        )
        for slot, companion in enumerate(scenario.companions, start=scenario.copies)
    ]
    return [measured, *copies, *companions]
