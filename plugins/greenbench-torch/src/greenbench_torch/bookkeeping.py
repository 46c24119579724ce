"""What a training counts while it runs: batches seen, loss and accuracy summed up."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(slots=True)
class Seen:
    """What the loop truly did."""

    epochs: int = 0
    steps: int = 0
    largest_batch: int = 0
    first_learning_rate: float = float("nan")

    def step(self, batch: int, learning_rate: float) -> None:
        """One optimizer step on `batch` images."""
        if self.steps == 0:
            self.first_learning_rate = learning_rate
        self.steps += 1
        self.largest_batch = max(self.largest_batch, batch)


class Tally:
    """Loss and accuracy summed up on the device and read once, so that no step waits for it."""

    def __init__(self, place: torch.device) -> None:
        self.images = 0
        self.loss = torch.zeros((), device=place)
        self.correct = torch.zeros((), device=place, dtype=torch.int64)

    def add(self, scores: torch.Tensor, labels: torch.Tensor, mean_loss: torch.Tensor) -> None:
        """Adds one batch."""
        self.images += len(labels)
        self.loss += mean_loss.detach() * len(labels)
        self.correct += (scores.argmax(dim=1) == labels).sum()

    def metrics(self) -> dict[str, float]:
        """Means over all images; a loss that is not a number stays one."""
        return {
            "accuracy": float(self.correct.item()) / self.images,
            "loss": float(self.loss.item()) / self.images,
        }
