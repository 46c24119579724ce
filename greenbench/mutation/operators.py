"""The built-in operators: named hyperparameters, any hyperparameter, the seed, and null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from random import Random

from greenbench.api import (
    Change,
    Hyperparameter,
    Model,
    Mutation,
    MutationRequest,
    Refusal,
    Value,
)
from greenbench.mutation.values import mutated_values

MAX_SEED = 2**31 - 1
MAX_NULLS = 100


class NamedHyperparameter:
    """Mutates the hyperparameter that has the operator's own name."""

    def __init__(self, name: str, description: str) -> None:
        self.name = name
        self.description = description

    def mutate(
        self,
        model: Model,
        original: Mapping[str, Value],
        request: MutationRequest,
        random: Random,
    ) -> Sequence[Mutation | Refusal]:
        """See `MutationOperator.mutate`. Takes values, factors and draws; no options."""
        if refusals := _unknown_options(self.name, request):
            return refusals
        hyperparameter = model.hyperparameter(self.name)
        if hyperparameter is None:
            return [Refusal("operator", _no_such(model, self.name))]
        return _mutations(self.name, hyperparameter, original, request, random)


class AnyHyperparameter:
    """Mutates the hyperparameter that its option `name` names: for any plugin's model."""

    name = "hyperparameter"
    description = 'any hyperparameter, named by options = {name = "…"}'

    def mutate(
        self,
        model: Model,
        original: Mapping[str, Value],
        request: MutationRequest,
        random: Random,
    ) -> Sequence[Mutation | Refusal]:
        """See `MutationOperator.mutate`. Takes values, factors and draws; option `name`."""
        if refusals := _unknown_options(self.name, request, "name"):
            return refusals
        name = request.options.get("name")
        if not isinstance(name, str):
            listed = ", ".join(h.name for h in model.hyperparameters)
            return [Refusal("options.name", f"name the hyperparameter to mutate: {listed}")]
        hyperparameter = model.hyperparameter(name)
        if hyperparameter is None:
            return [Refusal("options.name", _no_such(model, name))]
        return _mutations(self.name, hyperparameter, original, request, random)


class Seed:
    """Overrides the training seed that a block's arms share: what chance alone does."""

    name = "seed"
    description = "the training seed, in place of the block's"

    def mutate(
        self,
        model: Model,  # noqa: ARG002 (every model has a training seed)
        original: Mapping[str, Value],  # noqa: ARG002
        request: MutationRequest,
        random: Random,
    ) -> Sequence[Mutation | Refusal]:
        """See `MutationOperator.mutate`. Takes values and absolute draws."""
        refusals = _unknown_options(self.name, request)
        if request.factors:
            refusals.append(Refusal("factors", "a seed has no default to multiply; give values"))
        if request.draw is not None and request.draw.relative:
            refusals.append(
                Refusal("draw.relative", "a seed has no default to multiply; leave it out")
            )
        if refusals:
            return refusals
        seed = Hyperparameter(name=self.name, default=0, low=0, high=MAX_SEED)
        return [
            value if isinstance(value, Refusal) else _mutation(self.name, self.name, "block", value)
            for value in mutated_values(seed, None, request, random)
        ]


class Null:
    """The A/A arm: mutants that change nothing and are meant to, to show the noise floor."""

    name = "null"
    description = "changes nothing, on purpose: the A/A arm that shows the noise floor"

    def mutate(
        self,
        model: Model,  # noqa: ARG002 (nothing of it is changed)
        original: Mapping[str, Value],  # noqa: ARG002
        request: MutationRequest,
        random: Random,  # noqa: ARG002
    ) -> Sequence[Mutation | Refusal]:
        """See `MutationOperator.mutate`. Takes the option `count` (default 1)."""
        refusals = _unknown_options(self.name, request, "count")
        given = {"values": request.values, "factors": request.factors, "draw": request.draw}
        refusals += [
            Refusal(key, "null changes nothing; it only takes options = {count = …}")
            for key, value in given.items()
            if value
        ]
        count = request.options.get("count", 1)
        if type(count) is not int or not 1 <= count <= MAX_NULLS:
            message = f"must be a whole number in [1, {MAX_NULLS}], not {count!r}"
            refusals.append(Refusal("options.count", message))
        if refusals or type(count) is not int:
            return refusals
        return [Mutation(self.name, (), number) for number in range(1, count + 1)]


def _mutations(
    operator: str,
    hyperparameter: Hyperparameter,
    original: Mapping[str, Value],
    request: MutationRequest,
    random: Random,
) -> list[Mutation | Refusal]:
    name = hyperparameter.name
    before = original[name]
    return [
        value if isinstance(value, Refusal) else _mutation(operator, name, before, value)
        for value in mutated_values(hyperparameter, before, request, random)
    ]


def _mutation(operator: str, name: str, before: Value, after: Value) -> Mutation:
    return Mutation(operator, (Change(name, before, after),))


def _unknown_options(
    operator: str, request: MutationRequest, *allowed: str
) -> list[Mutation | Refusal]:
    known = f"{operator} takes {', '.join(allowed)}" if allowed else f"{operator} takes none"
    return [
        Refusal(f"options.{name}", f"found an unknown option; {known}")
        for name in request.options
        if name not in allowed
    ]


def _no_such(model: Model, name: str) -> str:
    names = [h.name for h in model.hyperparameters]
    close = get_close_matches(name, names, n=1)
    hint = f'; did you mean "{close[0]}"?' if close else ""
    return f'{model.name} has no hyperparameter "{name}"; it has: {", ".join(names)}{hint}'
