"""What the cells of tables and the marks of figures are made of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

import pandas as pd

Kind = Literal["text", "count", "quantity", "change", "percent", "share", "p", "coefficient"]
"""How a number is read.

text; count; quantity (in the unit that the title names); change (signed, in that unit); percent
(a relative change, 0.1 shows as +10 %); share (0.1 shows as 10 %); p; coefficient (signed, in
[-1, 1]).
"""


def number_or_none(value: Any) -> float | None:
    """A number of a frame as a cell; None where the frame has none (None, NaN)."""
    return None if pd.isna(value) else float(value)


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its 95 % interval; without bounds the noise is not known."""

    value: float
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        """A bound that is NaN is one that is not known."""
        for name in ("low", "high"):
            bound = getattr(self, name)
            if bound is not None and math.isnan(bound):
                object.__setattr__(self, name, None)

    @classmethod
    def of(cls, value: Any, low: Any, high: Any) -> Self | None:
        """Of three numbers of a frame; None where the first of them is not known."""
        center = number_or_none(value)
        return None if center is None else cls(center, number_or_none(low), number_or_none(high))


Cell = str | int | float | Interval | None
"""None is what is not known (a table turns NaN into it); it shows as a dash, never as 0."""


@dataclass(frozen=True, slots=True)
class Behind:
    """The trials that a row or a mark rests on: these arms of a study; without arms, all of it.

    `also` are those of other studies, where a number compares several.
    """

    study: str
    arms: tuple[str, ...] = ()
    also: tuple[Behind, ...] = ()

    def parts(self) -> Iterator[Behind]:
        """One for each study."""
        yield Behind(self.study, self.arms)
        for other in self.also:
            yield from other.parts()

    def holds(self, group: Behind) -> bool:
        """Whether one arm of a study is among them."""
        return any(
            part.study == group.study and (not part.arms or group.arms[0] in part.arms)
            for part in self.parts()
        )

    @classmethod
    def of_delta(cls, study: str, arm: str) -> Self:
        """Of an arm against the originals."""
        return cls(study, (arm, "original"))


def whole_studies(rows: Iterable[tuple[Cell, ...]]) -> tuple[Behind, ...]:
    """What rows that begin with a study's name rest on, where that is all of it."""
    return tuple(Behind(str(row[0])) for row in rows)
