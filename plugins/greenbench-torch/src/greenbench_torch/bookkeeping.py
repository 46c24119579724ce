"""What a training counts while it runs: batches seen, loss and accuracy summed up."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch


@dataclass(slots=True)
class Seen:
    """What the loop truly did."""

    epochs: int = 0
    steps: int = 0
    largest_batch: int = 0
    first_learning_rate: float = math.nan
    highest_learning_rate: float = -math.inf

    def step(self, batch: int, learning_rate: float) -> None:
        """One optimizer step on `batch` items."""
        if self.steps == 0:
            self.first_learning_rate = learning_rate
        self.highest_learning_rate = max(self.highest_learning_rate, learning_rate)
        self.steps += 1
        self.largest_batch = max(self.largest_batch, batch)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one batch: the mean loss, how many items, how many of them were right."""

    loss: torch.Tensor
    items: int
    correct: torch.Tensor

    @classmethod
    def of(cls, loss: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor) -> Outcome:
        """Scores (… × classes) against labels (…)."""
        return cls(loss, labels.numel(), (scores.argmax(dim=-1) == labels).sum())


class Tally:
    """Loss and accuracy summed up on the device and read once, so that no step waits for it."""

    def __init__(self, place: torch.device) -> None:
        self.items = 0
        self.loss = torch.zeros((), device=place)
        self.correct = torch.zeros((), device=place, dtype=torch.int64)

    def add(self, outcome: Outcome) -> None:
        """Adds one batch."""
        self.items += outcome.items
        self.loss += outcome.loss.detach() * outcome.items
        self.correct += outcome.correct

    def metrics(self) -> dict[str, float]:
        """Means over all items; a loss that is not a number stays one."""
        return {
            "accuracy": float(self.correct.item()) / self.items,
            "loss": float(self.loss.item()) / self.items,
        }


def only(values: Iterable[float]) -> float:
    """The value that all layers or parameter groups share; NaN, equal to nothing, if they don't."""
    found = set(values)
    return found.pop() if len(found) == 1 else math.nan
