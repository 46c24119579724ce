"""Checks what a suite means: do the names exist, are the values allowed, do operators agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from greenbench.suite.lines import Path
from greenbench.suite.mutants import (
    override_problem,
    study_mutations,
    unknown_model,
    unknown_operator,
)
from greenbench.suite.problems import Problem, found, unknown
from greenbench.suite.scenarios import scenario_problems
from greenbench.suite.studies import NULL, mutate_specs, study_specs

if TYPE_CHECKING:
    from greenbench.api import Model
    from greenbench.plugins import Plugins
    from greenbench.suite.spec import StudySpec
    from greenbench.suite.tables import StudyTable

AUTO = "auto"


def meaning_problems(data: Mapping[str, Any], bad: list[Path], plugins: Plugins) -> list[Problem]:
    """Every problem of meaning in the parts of `data` whose shape is right.

    `bad` are the paths of shape problems: what stands there is left out, the rest is checked,
    so that one run of the check shows all there is to put right.
    """
    problems = [*_executor(data, bad, plugins), *_backends(data, bad, plugins)]
    problems += _network(data, bad, plugins)
    seen: dict[str, int] = {}
    for position, table, places in _studies(data, bad):
        model = _model(table, plugins)
        if isinstance(model, Problem):
            problems.append(model.below("study", position))
            continue
        here = [*_hyperparameters(table, model), *_nulls(table), *_margins(table, model)]
        here += scenario_problems(table, _gpus(data, bad), plugins)
        studies = _specs(table, position, data, bad)
        for study in studies:
            here += _named_twice(study, seen)
        here += _mutants(studies[0], _seed(data, bad), plugins, places, model)
        problems += [problem.below("study", position) for problem in here]
    return problems


def _broken(path: Path, bad: list[Path]) -> bool:
    """Whether something at, above or below `path` has the wrong shape."""
    return any(path[: len(b)] == b or b[: len(path)] == path for b in bad)


def _seed(data: Mapping[str, Any], bad: list[Path]) -> int:
    return 0 if _broken(("seed",), bad) else int(data.get("seed", 0))


def _gpus(data: Mapping[str, Any], bad: list[Path]) -> int | None:
    """How many GPUs a trial may use; None where only the host can tell."""
    if _broken(("limits", "gpus"), bad):
        return None
    gpus = data.get("limits", {}).get("gpus", 0)
    if isinstance(gpus, list):
        return len(gpus)
    return gpus if isinstance(gpus, int) else None


def _executor(data: Mapping[str, Any], bad: list[Path], plugins: Plugins) -> Iterator[Problem]:
    name = data.get("executor", AUTO)
    if not _broken(("executor",), bad) and name != AUTO and name not in plugins.executors:
        names = [AUTO, *plugins.executors.names()]
        yield Problem(("executor",), unknown(name, names, "executor", plugins.problems))


def _backends(data: Mapping[str, Any], bad: list[Path], plugins: Plugins) -> Iterator[Problem]:
    path: Path = ("measure", "backends")
    if _broken(path, bad):
        return
    names = data.get("measure", {}).get("backends", AUTO)
    for index, name in enumerate([] if names == AUTO else names):
        if name not in plugins.energy:
            text = unknown(name, plugins.energy.names(), "energy backend", plugins.problems)
            yield Problem((*path, index), text)
        elif name in names[:index]:
            yield Problem((*path, index), f"found {found(name)} twice; name it once")


def _network(data: Mapping[str, Any], bad: list[Path], plugins: Plugins) -> Iterator[Problem]:
    path: Path = ("limits", "network")
    if _broken(path, bad):
        return
    for index, name in enumerate(data.get("limits", {}).get("network", [])):
        if name not in plugins.models:
            yield Problem((*path, index), unknown_model(name, plugins))


def _studies(
    data: Mapping[str, Any], bad: list[Path]
) -> Iterator[tuple[int, StudyTable, list[int]]]:
    """Each study whose model can be read, without its bad parts, and the positions in the file
    of the mutate tables that are left."""
    from greenbench.suite.tables import StudyTable

    if ("study",) in bad:
        return
    for position, raw in enumerate(data.get("study", [])):
        here: Path = ("study", position)
        if here in bad or "model" not in raw or _broken((*here, "model"), bad):
            continue
        good = {
            key: value
            for key, value in raw.items()
            if key != "mutate" and not _broken((*here, key), bad)
        }
        mutate = raw.get("mutate", []) if (*here, "mutate") not in bad else []
        places = [j for j in range(len(mutate)) if not _broken((*here, "mutate", j), bad)]
        good["mutate"] = [mutate[j] for j in places]
        yield position, StudyTable.model_validate(good), places


def _specs(
    table: StudyTable, position: int, data: Mapping[str, Any], bad: list[Path]
) -> list[StudySpec]:
    blocks = 1 if _broken(("blocks",), bad) else data.get("blocks", 1)
    return study_specs(table, position, blocks)


def _model(table: StudyTable, plugins: Plugins) -> Model | Problem:
    if table.model in plugins.models:
        return plugins.models[table.model].value
    return Problem(("model",), unknown_model(table.model, plugins))


def _hyperparameters(table: StudyTable, model: Model) -> Iterator[Problem]:
    for name, value in table.hyperparameters.items():
        if text := override_problem(name, value, model):
            yield Problem(("hyperparameters", name), text)


def _margins(table: StudyTable, model: Model) -> Iterator[Problem]:
    names = [metric.name for metric in model.metrics]
    for name in table.margins:
        if name not in names:
            yield Problem(("margins", name), unknown(name, names, "metric", ()))


def _nulls(table: StudyTable) -> Iterator[Problem]:
    asked = mutate_specs(table)
    own = any(spec.operator == NULL for spec in asked)
    if own and table.nulls:
        yield Problem(("nulls",), f'found {table.nulls} and an operator "{NULL}"; keep one of them')
    if not asked and table.nulls == 0:
        yield Problem(("mutate",), "nothing to compare: give at least one mutant or one null")


def _named_twice(study: StudySpec, seen: dict[str, int]) -> Iterator[Problem]:
    first = seen.get(study.study)
    if first == study.position:
        yield Problem(("scenarios",), f"gives {study.study} twice; once is enough")
    elif first is not None:
        text = f"study[{first}] is {study.study} already; give one of them another name"
        yield Problem(("name",), text)
    seen[study.study] = study.position


def _mutants(
    study: StudySpec, seed: int, plugins: Plugins, places: list[int], model: Model
) -> Iterator[Problem]:
    """Problems of the study's mutants, at their places in the file. Where the original itself is
    wrong, what is said of values would mislead: then only the operators' names are checked."""
    if any(override_problem(name, value, model) for name, value in study.hyperparameters.items()):
        problems = [
            Problem((*spec.place, "operator"), unknown_operator(spec.operator, plugins))
            for spec in study.mutate
            if spec.operator not in plugins.operators
        ]
    else:
        problems = study_mutations(study, seed, plugins)[1]
    for problem in problems:
        path = problem.path
        if path[:1] == ("operators",):
            path = ("operators",)  # a bare name has no keys of its own
        elif len(path) > 1 and path[0] == "mutate" and isinstance(path[1], int):
            path = ("mutate", places[path[1]], *path[2:])
        yield Problem(path, problem.text)
