"""A trial's hyperparameters, checked and typed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenbench.api import Value


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
        expected = {field.name for field in fields(cls)}
        if unequal := expected ^ set(hyperparameters):
            raise ValueError(
                f"hyperparameters that are missing or unknown: {', '.join(sorted(unequal))}"
            )
        return cls(
            epochs=int(hyperparameters["epochs"]),
            learning_rate=float(hyperparameters["learning_rate"]),
            batch_size=int(hyperparameters["batch_size"]),
            dropout=float(hyperparameters["dropout"]),
            weight_decay=float(hyperparameters["weight_decay"]),
            optimizer=str(hyperparameters["optimizer"]),
            schedule=str(hyperparameters["schedule"]),
        )
