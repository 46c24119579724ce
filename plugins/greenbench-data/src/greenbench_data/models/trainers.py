"""What the trainers of these models share: the training begins when the process is settled, and is
then handed on what the trainer is told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from greenbench_data.models.settings import Asked, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenbench.api import Conditions, Effective, Model, Progress, Trainer, Value


class Settled(ABC):
    """A `greenbench.api.Trainer` whose framework is imported when it is built, not before.

    `training` has a trainer's methods.
    """

    package: ClassVar[str]
    """That of a framework's plugin, whose module `surroundings` settles the process."""

    def __init__(self, hyperparameters: Mapping[str, Value], conditions: Conditions) -> None:
        self.training = self.begin(hyperparameters, conditions)

    def part(self, name: str) -> Any:
        """A module of the plugin."""
        return import_module(f"{self.package}.{name}")

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


class ImageClassifier(Settled):
    """Trains one network on one data set; subclasses name both."""

    data: ClassVar[str]
    """A classification task of `greenbench_data.load`."""
    network: ClassVar[str]
    """A network that the plugin's module `classification` knows."""

    def begin(self, hyperparameters: Mapping[str, Value], conditions: Conditions) -> Trainer:
        """The classification."""
        settings = Settings.of(hyperparameters)
        self.part("surroundings").settle(conditions)
        classification = self.part("classification").Classification
        begun: Trainer = classification(self.data, self.network, settings, conditions)
        return begun


class Published(Settled):
    """Trains one of the published models or a text model; subclasses name its form of training."""

    form: ClassVar[str]
    """`module:Class` below the plugin's `forms`."""
    model: ClassVar[Model]

    def begin(self, hyperparameters: Mapping[str, Value], conditions: Conditions) -> Trainer:
        """Its form of training."""
        asked = Asked(hyperparameters, self.model)
        self.part("surroundings").settle(conditions)
        module, _, name = self.form.partition(":")
        begun: Trainer = getattr(self.part(f"forms.{module}"), name)(asked, conditions)
        return begun
