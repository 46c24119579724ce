"""The values that a request asks of one hyperparameter: checked, drawn, rounded, each once."""

from __future__ import annotations

import math
from random import Random

from greenbench.api import Hyperparameter, MutationRequest, Refusal, Value, shown
from greenbench.mutation.draws import drawn_values

FACTOR_DIGITS = 12
"""A product keeps this many significant digits: 3 × 0.1 is 0.3, not 0.30000000000000004."""


def mutated_values(
    hyperparameter: Hyperparameter,
    original: Value | None,
    request: MutationRequest,
    random: Random,
) -> list[Value | Refusal]:
    """Explicit values, then factors of the original, then draws: within bounds, never the
    original, never twice the same; a `Refusal` where that can't be had.

    `original` is None where there is none to avoid or to multiply. A categorical hyperparameter
    of which nothing is asked gives each of its other choices.
    """
    if not request.values and not request.factors and request.draw is None:
        return _everything_else(hyperparameter, original)
    taken = _Taken(hyperparameter, original)
    outcomes: list[Value | Refusal] = [
        taken.take(f"values[{index}]", value, shown(value))
        for index, value in enumerate(request.values)
    ]
    numeric = _is_number(hyperparameter.default)
    if request.factors and not (numeric and _is_number(original)):
        outcomes.append(Refusal("factors", _not_numeric(hyperparameter)))
    elif request.factors:
        outcomes += [
            _multiplied(taken, index, factor) for index, factor in enumerate(request.factors)
        ]
    if request.draw is not None and not numeric:
        outcomes.append(Refusal("draw", _not_numeric(hyperparameter)))
    elif request.draw is not None:
        outcomes += drawn_values(hyperparameter, original, request.draw, taken.values, random)
    return outcomes


class _Taken:
    """The values given so far, and whether another one may join them."""

    def __init__(self, hyperparameter: Hyperparameter, original: Value | None) -> None:
        self.hyperparameter = hyperparameter
        self.original = original
        self.values: set[Value] = set() if original is None else {original}

    def take(self, key: str, value: Value, said: str) -> Value | Refusal:
        """`value` in the hyperparameter's type, or why not; `said` is how the suite put it."""
        problem = self.hyperparameter.problem(value)
        if problem:
            return Refusal(key, f"{self.hyperparameter.name} {problem}")
        if isinstance(self.hyperparameter.default, float):
            value = float(value)
        if value == self.original:
            return Refusal(key, f"{said} is the original itself; a mutant has to differ")
        if value in self.values:
            return Refusal(key, f"{said} gives {shown(value)} a second time")
        self.values.add(value)
        return value


def _multiplied(taken: _Taken, index: int, factor: float) -> Value | Refusal:
    key = f"factors[{index}]"
    original = taken.original
    assert isinstance(original, int | float)
    name = taken.hyperparameter.name
    if original == 0:
        text = f"the original {name} is {shown(original)}, and so is every multiple; give values"
        return Refusal(key, text)
    product = float(f"{original * factor:.{FACTOR_DIGITS}g}")
    whole = isinstance(taken.hyperparameter.default, int)
    value = math.floor(product + 0.5) if whole and math.isfinite(product) else product
    said = f"{shown(original)} × {shown(factor)}"
    if value != product:
        said += f" rounds to {value}, which"
    return taken.take(key, value, said)


def _everything_else(
    hyperparameter: Hyperparameter, original: Value | None
) -> list[Value | Refusal]:
    choices: list[Value] = list(hyperparameter.choices)
    if isinstance(hyperparameter.default, bool):
        choices = [False, True]
    if choices and not _is_number(hyperparameter.default):
        return [choice for choice in choices if choice != original]
    ways = "values = […]" if isinstance(hyperparameter.default, str) else _WAYS
    return [Refusal("", f"asks for nothing; say {ways}")]


_WAYS = "values = […], factors = […] or draw = {…}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _not_numeric(hyperparameter: Hyperparameter) -> str:
    return f"{hyperparameter.name} is no number ({hyperparameter.allowed()}); give values"
