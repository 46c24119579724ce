"""What the trainers of these models share: the training begins when the process is settled, and is
then handed on what the trainer is told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenbench.api import Conditions, Effective, Progress, Trainer, Value


class Settled(ABC):
    """A `greenbench.api.Trainer` whose framework is imported when it is built, not before.

    `training` has a trainer's methods.
    """

    def __init__(self, hyperparameters: Mapping[str, Value], conditions: Conditions) -> None:
        self.training = self.begin(hyperparameters, conditions)

    @abstractmethod
    def begin(self, hyperparameters: Mapping[str, Value], conditions: Conditions) -> Trainer:
        """Checks what is asked for, settles the process, and only then imports what trains."""

    def prepare(self) -> None:
        """Runs a step of each shape that occurs, then restores what that changed."""
        self.training.prepare()

    def synchronize(self) -> None:
        """Waits for the GPU; on a CPU what was called is done when it returns."""
        self.training.synchronize()

    def train(self, progress: Progress) -> None:
        """Trains all epochs."""
        self.training.train(progress)

    def test(self, progress: Progress) -> Mapping[str, float]:
        """The model's metrics on what was held out."""
        return self.training.test(progress)

    def effective(self) -> Mapping[str, Effective]:
        """What optimizer, schedule, layers and the loop truly held and did."""
        return self.training.effective()

    def environment(self) -> Mapping[str, Value]:
        """Versions, device, dtype, threads and the flags that make it deterministic."""
        return self.training.environment()
