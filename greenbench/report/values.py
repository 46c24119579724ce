"""What the cells of tables and the marks of figures are made of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "count", "quantity", "change", "percent", "share", "p", "coefficient"]
"""How a number is read.

text; count; quantity (in the unit that the title names); change (signed, in that unit); percent
(a relative change, 0.1 shows as +10 %); share (0.1 shows as 10 %); p; coefficient (signed, in
[-1, 1]).
"""


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


Cell = str | int | float | Interval | None
"""None is what is not known (a table turns NaN into it); it shows as a dash, never as 0."""


@dataclass(frozen=True, slots=True)
class Behind:
    """The trials that a row or a mark rests on: these arms of a study; without arms, all of it."""

    study: str
    arms: tuple[str, ...] = ()
