"""A trial's hyperparameters, checked and typed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenbench.api import Model, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a classifier is trained with. Field by field the hyperparameters of `catalog`."""

    epochs: int
    learning_rate: float
    batch_size: int
    dropout: float
    weight_decay: float
    optimizer: str
    schedule: str

    @classmethod
    def of(cls, hyperparameters: Mapping[str, Value]) -> Settings:
        """The settings; a name too many or too few is an error, never passed over."""
        _all_there({field.name for field in fields(cls)}, hyperparameters)
        return cls(
            epochs=int(hyperparameters["epochs"]),
            learning_rate=float(hyperparameters["learning_rate"]),
            batch_size=int(hyperparameters["batch_size"]),
            dropout=float(hyperparameters["dropout"]),
            weight_decay=float(hyperparameters["weight_decay"]),
            optimizer=str(hyperparameters["optimizer"]),
            schedule=str(hyperparameters["schedule"]),
        )


class Asked:
    """A trial's hyperparameters by name, each as the type that its model declares."""

    def __init__(self, hyperparameters: Mapping[str, Value], model: Model) -> None:
        _all_there(set(model.defaults()), hyperparameters)
        self.values = dict(hyperparameters)

    def number(self, name: str) -> float:
        """A real number."""
        return float(self.values[name])

    def count(self, name: str) -> int:
        """A whole number."""
        return int(self.values[name])

    def text(self, name: str) -> str:
        """A word."""
        return str(self.values[name])


def _all_there(expected: set[str], hyperparameters: Mapping[str, Value]) -> None:
    if unequal := expected ^ set(hyperparameters):
        raise ValueError(
            f"hyperparameters that are missing or unknown: {', '.join(sorted(unequal))}"
        )
