"""The mutation rules of the study arXiv 2603.06195 as one operator: `operators = "paper"`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from greenbench.api import (
    Change,
    Hyperparameter,
    Model,
    Mutation,
    MutationRequest,
    Refusal,
    Value,
    shown,
)
from greenbench.mutation.draws import DRAW_DIGITS, different_values

PUBLISHED_COUNT = 5
"""Mutants of a hyperparameter in the study."""
MOST = 1000


@dataclass(frozen=True, slots=True)
class Rule:
    """How a value is drawn from the original `d`; `text` is the rule as it was published."""

    text: str
    sample: Callable[[float, Random], float]
    relative: bool = True
    """Whether it multiplies the original: then 0 has no mutants."""


def _epochs(original: float, random: Random) -> float:
    return random.randint(math.ceil(0.75 * original), math.floor(1.25 * original))


def _learning_rate(original: float, random: Random) -> float:
    return original * float(10.0 ** (random.choice((-1, 1)) * random.random()))


def _decay(original: float, random: Random) -> float:
    if random.random() < 0.5:
        return original / (1 + 4 * random.random())
    return original * (1 + 2 * random.random())


def _threshold(original: float, random: Random) -> float:  # noqa: ARG001 (absolute)
    return random.randint(0, 9)


_DECAY = Rule("d / (1 + 4U) or d · (1 + 2U), U uniform in [0, 1]", _decay)
RULES: Mapping[str, Rule] = {
    "epochs": Rule("a whole number, uniform in [0.75 d, 1.25 d]", _epochs),
    "learning_rate": Rule("d · 10^±U, U uniform in [0, 1]", _learning_rate),
    "gamma": _DECAY,
    "weight_decay": _DECAY,
    "threshold": Rule("a whole number from 0 to 9", _threshold, relative=False),
}
"""By hyperparameter. d is the study's original; either sign and either side is as likely."""


class Paper:
    """Mutates each hyperparameter that has a published rule, one at a time."""

    name = "paper"
    description = "the rules of arXiv 2603.06195, for each hyperparameter that has one"

    def mutate(
        self,
        model: Model,
        original: Mapping[str, Value],
        request: MutationRequest,
        random: Random,
    ) -> Sequence[Mutation | Refusal]:
        """See `MutationOperator.mutate`. Options: `count` mutants of each hyperparameter
        (default 5), `name` for one of them alone. A rule that multiplies passes over an original
        of 0. Each hyperparameter's draws depend on its own name only, not on the model's others.
        """
        if refusals := _refusals(request):
            return refusals
        count = int(request.options.get("count", PUBLISHED_COUNT))
        root = random.getrandbits(64)
        outcomes: list[Mutation | Refusal] = []
        for hyperparameter in _chosen(model, original, request.options.get("name")):
            own = Random(f"{root} {hyperparameter.name}")
            outcomes += _mutants(hyperparameter, original[hyperparameter.name], count, own)
        if not outcomes:
            named = ", ".join(RULES)
            text = f"there is a rule for {named}, and {model.name} has none of them to multiply"
            return [Refusal("options.name" if "name" in request.options else "operator", text)]
        return outcomes


def _refusals(request: MutationRequest) -> list[Mutation | Refusal]:
    given = {"values": request.values, "factors": request.factors, "draw": request.draw}
    found: list[Mutation | Refusal] = [
        Refusal(key, "the published rules draw by themselves; it only takes options")
        for key, value in given.items()
        if value
    ]
    found += [
        Refusal(f"options.{name}", "found an unknown option; paper takes count, name")
        for name in request.options
        if name not in ("count", "name")
    ]
    count = request.options.get("count", PUBLISHED_COUNT)
    if type(count) is not int or not 1 <= count <= MOST:
        text = f"must be a whole number in [1, {MOST}], not {count!r}"
        found.append(Refusal("options.count", text))
    name = request.options.get("name")
    if name is not None and name not in RULES:
        text = f"has no published rule: {name!r}; there is one for {', '.join(RULES)}"
        found.append(Refusal("options.name", text))
    return found


def _chosen(
    model: Model, original: Mapping[str, Value], name: Value | None
) -> list[Hyperparameter]:
    """The model's hyperparameters with a rule that their original can follow."""
    return [
        hyperparameter
        for hyperparameter in model.hyperparameters
        if (rule := RULES.get(hyperparameter.name)) is not None
        and name in (None, hyperparameter.name)
        and isinstance(original[hyperparameter.name], int | float)
        and (original[hyperparameter.name] or not rule.relative)
    ]


def _mutants(
    hyperparameter: Hyperparameter, original: Value, count: int, random: Random
) -> list[Mutation | Refusal]:
    name, rule = hyperparameter.name, RULES[hyperparameter.name]
    assert isinstance(original, int | float)

    def sample() -> int | float:
        value = rule.sample(original, random)
        if isinstance(hyperparameter.default, int):
            return math.floor(value + 0.5)
        return float(f"{value:.{DRAW_DIGITS}g}")

    values = different_values(
        sample, lambda value: hyperparameter.problem(value) is None, {original}, count
    )
    if len(values) < count:
        text = (
            f"{name} of {shown(original)}: {rule.text} gives only {len(values)} of {count} other"
            f" values in {hyperparameter.allowed()}; ask for fewer, or start from another original"
        )
        return [Refusal("options.count", text)]
    return [Mutation("paper", (Change(name, original, value),)) for value in values]
