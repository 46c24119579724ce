"""From one `[[study]]` table to its studies: one model in one scenario each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from greenbench.api import Companion, Placement, Scenario
from greenbench.suite.spec import MutateSpec, StudySpec

if TYPE_CHECKING:
    from greenbench.suite.tables import CompanionTable, ScenarioTable, StudyTable

NULL: Final = "null"
"""The operator of the A/A arm."""


def study_specs(table: StudyTable, position: int, blocks: int) -> list[StudySpec]:
    """The studies of one `[[study]]` table: one for each scenario."""
    mutate = mutate_specs(table)
    own_nulls = any(spec.operator == NULL for spec in mutate)
    default_nulls = 0 if own_nulls else 1
    return [
        StudySpec(
            model=table.model,
            name=table.name or table.model,
            scenario=_scenario(scenario),
            hyperparameters=dict(table.hyperparameters),
            mutate=mutate,
            nulls=default_nulls if table.nulls is None else table.nulls,
            originals=table.originals,
            blocks=table.blocks or blocks,
            margins=dict(table.margins),
            label="" if isinstance(scenario, str) else scenario.name or "",
            position=position,
        )
        for scenario in table.scenarios
    ]


def mutate_specs(table: StudyTable) -> tuple[MutateSpec, ...]:
    """All that a study asks of operators: its `operators` as they are, then its tables."""
    bare = [table.operators] if isinstance(table.operators, str) else table.operators
    asked = [MutateSpec(operator=name, place=("operators",)) for name in bare]
    asked += [
        MutateSpec(operator=m.operator, request=m.request(), place=("mutate", index))
        for index, m in enumerate(table.mutate)
    ]
    return tuple(asked)


def _scenario(table: ScenarioTable | str) -> Scenario:
    if isinstance(table, str):
        return Scenario()
    default = 2 if table.kind == "homogeneous" else 1
    return Scenario(
        kind=table.kind,
        copies=table.copies or default,
        companions=tuple(_companion(entry) for entry in [*table.companions, *table.background]),
        placement=Placement(
            gpu=table.gpu,
            cores=table.cores,
            cpu_quota=table.cpu_quota,
            memory_mb=table.memory_mb,
        ),
    )


def _companion(entry: CompanionTable | str) -> Companion:
    if isinstance(entry, str):
        return Companion(model=entry)
    return Companion(model=entry.model, hyperparameters=dict(entry.hyperparameters))
