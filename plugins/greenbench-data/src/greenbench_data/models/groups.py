"""How a training's effective values name what its optimizer did to each group of parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from greenbench.api import Effective, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One group: how many parameters, the rates of the first and the last step, and what else it
    held at the first step and in the end."""

    parameters: int
    first_learning_rate: float
    last_learning_rate: float
    held: Mapping[str, Value]
    held_at_end: Mapping[str, Value]


def groups_in_effect(
    optimizer: object, groups: Iterable[Moved], *, phase: str = "", first: int = 1
) -> dict[str, Effective]:
    """The optimizer, and each group, numbered from `first`, with what it held; what it held
    otherwise in the end, too. `phase` comes before each name."""
    found: dict[str, Effective] = {f"{phase}optimizer_class": type(optimizer).__name__}
    for place, group in enumerate(groups, first):
        name = f"{phase}group{place}_"
        found[f"{name}parameters"] = group.parameters
        found[f"{name}first_learning_rate"] = group.first_learning_rate
        found[f"{name}last_learning_rate"] = group.last_learning_rate
        found |= {f"{name}{key}": value for key, value in group.held.items()}
        changed = {k: v for k, v in group.held_at_end.items() if v != group.held.get(k)}
        found |= {f"{name}{key}_at_end": value for key, value in changed.items()}
    return found
