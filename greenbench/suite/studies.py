"""From one `[[study]]` table to its studies: one model in one scenario each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from greenbench.api import Scenario
from greenbench.suite.spec import MutateSpec, StudySpec

if TYPE_CHECKING:
    from greenbench.suite.tables import ScenarioTable, StudyTable

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
    default = 1 if table.kind == "solo" else 2
    return Scenario(kind=table.kind, copies=table.copies or default)
