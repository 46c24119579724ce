"""What only the user can say of energy: what it emits, what it costs, which change of it matters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

J_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """Stated by the suite (`[analysis]`) or on the command line; None: not stated, not assumed.

    `grid_g_per_kwh`: emissions of the grid in g CO₂e a kWh; `price_per_kwh` in `currency`;
    `smallest_effect`: the smallest relative change of energy that matters (0.02: 2 %).
    """

    grid_g_per_kwh: float | None = None
    price_per_kwh: float | None = None
    currency: str = ""
    smallest_effect: float | None = None

    @classmethod
    def of(cls, data: object) -> Self:
        """From a record's facts; what does not fit is left out."""
        found = data if isinstance(data, Mapping) else {}
        known: dict[str, Any] = {
            f.name: v for f in fields(cls) if _fits(f.name, v := found.get(f.name))
        }
        return cls(**known)

    def overridden(self, other: Stated) -> Stated:
        """The same, with what `other` states in its place."""
        mine = {f.name: getattr(self, f.name) for f in fields(self)}
        theirs = {f.name: getattr(other, f.name) for f in fields(other)}
        return Stated(**{k: mine[k] if theirs[k] in (None, "") else theirs[k] for k in mine})

    def emissions_g(self, energy_j: float) -> float | None:
        """Emissions of an energy in g CO₂e at the stated intensity."""
        intensity = self.grid_g_per_kwh
        return None if intensity is None else energy_j / J_PER_KWH * intensity

    def cost(self, energy_j: float) -> float | None:
        """Money for an energy at the stated price."""
        price = self.price_per_kwh
        return None if price is None else energy_j / J_PER_KWH * price


def _fits(name: str, value: Any) -> bool:
    if name == "currency":
        return isinstance(value, str)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value >= 0
