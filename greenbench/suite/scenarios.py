"""Checks what a study's scenarios mean: which keys go with which kind, companions, GPUs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from greenbench.suite.mutants import override_problem, unknown_model
from greenbench.suite.problems import Problem

if TYPE_CHECKING:
    from greenbench.plugins import Plugins
    from greenbench.suite.tables import CompanionTable, ScenarioTable, StudyTable

OTHERS: Final = {"companions": "mixed", "background": "foreground"}
"""Key that names other models → the kind that it belongs to."""


def scenario_problems(table: StudyTable, gpus: int | None, plugins: Plugins) -> Iterator[Problem]:
    """Problems of every scenario of a study. `gpus`: how many the suite asks for, None where
    only the host can tell."""
    for index, scenario in enumerate(table.scenarios):
        if not isinstance(scenario, str):
            found = [*_copies(scenario), *_others(scenario, plugins), *_gpu(scenario, gpus)]
            yield from (problem.below("scenarios", index) for problem in found)


def _copies(scenario: ScenarioTable) -> Iterator[Problem]:
    kind, copies = scenario.kind, scenario.copies
    if kind == "homogeneous" and copies == 1:
        yield Problem(("copies",), 'found 1; allowed: 2 or more (1 copy is "solo")')
    if kind != "homogeneous" and copies not in (None, 1):
        text = f'found {copies}; {kind} is 1 copy; did you mean kind = "homogeneous"?'
        yield Problem(("copies",), text)


def _others(scenario: ScenarioTable, plugins: Plugins) -> Iterator[Problem]:
    for key, kind in OTHERS.items():
        entries: list[CompanionTable | str] = getattr(scenario, key)
        if scenario.kind == kind and not entries:
            text = f'is missing: the models beside the study\'s, such as {key} = ["NAME"]'
            yield Problem((key,), text)
        elif scenario.kind != kind and entries:
            yield Problem((key,), f'belongs to kind = "{kind}", not to "{scenario.kind}"')
        else:
            for index, entry in enumerate(entries):
                here = _companion(entry, plugins)
                yield from (problem.below(key, index) for problem in here)


def _companion(entry: CompanionTable | str, plugins: Plugins) -> Iterator[Problem]:
    name = entry if isinstance(entry, str) else entry.model
    if name not in plugins.models:
        path = () if isinstance(entry, str) else ("model",)
        yield Problem(path, unknown_model(name, plugins))
    elif not isinstance(entry, str):
        model = plugins.models[name].value
        for key, value in entry.hyperparameters.items():
            if text := override_problem(key, value, model):
                yield Problem(("hyperparameters", key), text)


def _gpu(scenario: ScenarioTable, gpus: int | None) -> Iterator[Problem]:
    if scenario.gpu != "each" or gpus is None:
        return
    members = (scenario.copies or 2) if scenario.kind == "homogeneous" else 1
    members += len(scenario.companions) + len(scenario.background)
    if gpus < members:
        text = f"one GPU each for {members} members, but limits.gpus is {gpus}"
        yield Problem(("gpu",), f'{text}; ask for {members}, or use gpu = "same"')
