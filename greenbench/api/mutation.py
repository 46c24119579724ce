"""Mutations: what an operator is asked for, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal, Protocol

from greenbench.api.models import Model
from greenbench.api.values import Value


@dataclass(frozen=True, slots=True)
class Change:
    """One hyperparameter's value before and after, printed verbatim wherever it shows."""

    hyperparameter: str
    before: Value
    after: Value

    def __str__(self) -> str:
        return f"{self.hyperparameter}: {shown(self.before)} → {shown(self.after)}"


def shown(value: Value) -> str:
    """A value as text that reads back as the same value (floats by shortest round-trip)."""
    return value if isinstance(value, str) else repr(value)


@dataclass(frozen=True, slots=True)
class Mutation:
    """What one operator changed. No changes: a null mutant, the A/A arm."""

    operator: str
    changes: tuple[Change, ...]
    number: int = 0
    """Tells null mutants apart; 0 elsewhere."""

    def __str__(self) -> str:
        if self.changes:
            return ", ".join(str(change) for change in self.changes)
        return f"null {self.number}"

    def apply(self, hyperparameters: Mapping[str, Value]) -> dict[str, Value]:
        """The mutant's configuration (a changed `seed` is not among the hyperparameters)."""
        after = {c.hyperparameter: c.after for c in self.changes}
        return {name: after.get(name, value) for name, value in hyperparameters.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """`count` random values between `low` and `high`; multiples of the default if `relative`."""

    distribution: Literal["uniform", "log-uniform"]
    low: float
    high: float
    count: int
    relative: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MutationRequest:
    """What a suite asks of an operator: explicit values, factors of the default, a draw,
    and `options` of the operator's own."""

    values: tuple[Value, ...] = ()
    factors: tuple[float, ...] = ()
    draw: Draw | None = None
    options: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request can't be met: `key` below the operator's table (`factors[1]`), and a text
    that says what was found and what is allowed."""

    key: str
    message: str


class MutationOperator(Protocol):
    """Turns a model's hyperparameters into mutants. Pure: no framework, no globals."""

    name: str
    description: str

    def mutate(
        self,
        model: Model,
        original: Mapping[str, Value],
        request: MutationRequest,
        random: Random,
    ) -> Sequence[Mutation | Refusal]:
        """The mutations, or refusals, of `request`: within bounds, never the original again,
        never twice the same. `original` is the study's configuration (defaults and overrides);
        `random` is the only source of chance."""
