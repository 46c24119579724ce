"""A study's mutants: asks the operators, and checks that what they return keeps the rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from greenbench.api import Change, Model, Mutation, Refusal, Value, shown
from greenbench.suite.lines import Path
from greenbench.suite.problems import Problem, did_you_mean, dotted, undotted, unknown
from greenbench.suite.seeds import TRAINING_SEEDS, derived_random

if TYPE_CHECKING:
    from greenbench.plugins import Plugins
    from greenbench.suite.spec import MutateSpec, StudySpec

SEED = "seed"
"""The name under which a mutation overrides the block's training seed."""


def original_of(overrides: Mapping[str, Value], model: Model) -> dict[str, Value]:
    """A study's original or a companion's configuration: the model's defaults and the suite's
    overrides, in the model's types (an int given for a float is that float)."""
    chosen = {**model.defaults(), **overrides}
    return {name: _typed(model, name, value) for name, value in chosen.items()}


def override_problem(name: str, value: object, model: Model) -> str | None:
    """What is wrong with a value given in place of a hyperparameter's default; None if nothing."""
    hyperparameter = model.hyperparameter(name)
    if hyperparameter is not None:
        text = hyperparameter.problem(value)
        return text and text + did_you_mean(value, hyperparameter.choices)
    if name == SEED:
        return 'each block has a training seed of its own; the operator "seed" mutates it'
    names = [h.name for h in model.hyperparameters]
    hint = did_you_mean(name, names)
    return f"found an unknown hyperparameter; {model.name} has: {', '.join(names)}{hint}"


def arm_name(mutation: Mutation | None) -> str:
    """`original`, `null-1`, or what a mutant changed: `learning_rate=0.05`."""
    if mutation is None:
        return "original"
    if not mutation.changes:
        return f"null-{mutation.number}"
    return ",".join(f"{c.hyperparameter}={shown(c.after)}" for c in mutation.changes)


def unknown_operator(name: str, plugins: Plugins) -> str:
    """What to say of an operator that isn't there."""
    return unknown(name, plugins.operators.names(), "operator", plugins.problems)


def unknown_model(name: str, plugins: Plugins) -> str:
    """What to say of a model that isn't there."""
    return unknown(name, plugins.models.names(), "model", plugins.problems)


def study_mutations(
    study: StudySpec, seed: int, plugins: Plugins
) -> tuple[list[Mutation], list[Problem]]:
    """All mutants and nulls of a study in the order of its tables, and what is wrong with them.

    The model has to be known. Chance comes from `seed`, the study's name, the operator with its
    options, and how often it was asked before: other studies and tables don't change it.
    """
    model = plugins.models[study.model].value
    original = original_of(study.hyperparameters, model)
    mutations: list[Mutation] = []
    problems: list[Problem] = []
    origin: dict[object, Path] = {}
    asked: dict[str, int] = {}
    for spec in study.mutate:
        purpose = json.dumps([spec.operator, dict(spec.request.options)], sort_keys=True)
        asked[purpose] = asked.get(purpose, 0) + 1
        random = derived_random(seed, study.name, "mutate", purpose, asked[purpose])
        here = spec.place
        for outcome in _asked(spec, model, original, random, plugins):
            if isinstance(outcome, Problem):
                problems.append(outcome.below(*here))
                continue
            first = origin.setdefault(_identity(outcome), here)
            if first != here or outcome in mutations:
                text = f"yields {outcome} again; {dotted(('study', *first))} already does"
                problems.append(Problem(here, text))
                continue
            mutations.append(outcome)
    nulls = [Mutation("null", (), number) for number in range(1, study.nulls + 1)]
    return mutations + nulls, problems


def _asked(
    spec: MutateSpec,
    model: Model,
    original: Mapping[str, Value],
    random: Random,
    plugins: Plugins,
) -> list[Mutation | Problem]:
    """What one operator makes of one table; whatever it does wrong becomes a problem."""
    if spec.operator not in plugins.operators:
        return [Problem(("operator",), unknown_operator(spec.operator, plugins))]
    provided = plugins.operators[spec.operator]
    who = f"the operator {provided.name} of {provided.distribution} {provided.version}"
    try:
        outcomes = list(provided.value.mutate(model, dict(original), spec.request, random))
    except Exception as error:  # noqa: BLE001 (a plugin's error is not ours)
        return [Problem(("operator",), f"{who} failed: {type(error).__name__}: {error}")]
    if not outcomes:
        return [Problem((), f"{who} yields no mutant; ask it for at least one")]
    return [_checked(outcome, model, original, who) for outcome in outcomes]


def _checked(
    outcome: object, model: Model, original: Mapping[str, Value], who: str
) -> Mutation | Problem:
    if isinstance(outcome, Refusal):
        return Problem(undotted(outcome.key), outcome.message)
    if not isinstance(outcome, Mutation):
        return Problem(("operator",), f"{who} returned {outcome!r}, which is no Mutation")
    if not outcome.changes and outcome.number < 1:
        return Problem(("operator",), f"{who} returned a mutation that changes nothing")
    names = [change.hyperparameter for change in outcome.changes]
    if len(set(names)) < len(names):
        return Problem(("operator",), f"{who} changes a hyperparameter twice: {outcome}")
    for change in outcome.changes:
        if text := _change_problem(change, model, original):
            return Problem(("operator",), f"{who} returned {outcome}, but {text}")
    changes = tuple(
        replace(change, after=_typed(model, change.hyperparameter, change.after))
        for change in outcome.changes
    )
    return replace(outcome, changes=changes)


def _change_problem(change: Change, model: Model, original: Mapping[str, Value]) -> str | None:
    name, after = change.hyperparameter, change.after
    hyperparameter = model.hyperparameter(name)
    if hyperparameter is None and name == SEED:
        right = type(after) is int and 0 <= after < TRAINING_SEEDS
        return None if right else f"a seed must be a whole number in [0, {TRAINING_SEEDS - 1}]"
    if hyperparameter is None:
        return f"{model.name} has no hyperparameter {name}"
    if change.before != original[name]:
        return f"{name} of the original is {shown(original[name])}"
    if after == original[name]:
        return "that is the original"
    text = hyperparameter.problem(after)
    return f"{name} {text}" if text else None


def _typed(model: Model, name: str, value: Value) -> Value:
    hyperparameter = model.hyperparameter(name)
    wants_float = hyperparameter is not None and isinstance(hyperparameter.default, float)
    return float(value) if wants_float and type(value) is int else value


def _identity(mutation: Mutation) -> object:
    """Equal for mutations that give the same mutant, whoever made them."""
    changes = {(change.hyperparameter, shown(change.after)) for change in mutation.changes}
    return mutation.number if not changes else frozenset(changes)
