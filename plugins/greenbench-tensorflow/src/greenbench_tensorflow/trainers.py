"""The trainers that models name: each settles its process, then imports TensorFlow and trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from greenbench_tensorflow.settings import Settings
from greenbench_tensorflow.surroundings import settle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenbench.api import Conditions, Progress, Value


class ImageClassifier:
    """Trains one network on one data set. A `greenbench.api.Trainer`; subclasses name both."""

    data: ClassVar[str]
    """A classification task of `greenbench_data.load`."""
    network: ClassVar[str]
    """A function of `greenbench_tensorflow.networks`."""

    def __init__(self, hyperparameters: Mapping[str, Value], conditions: Conditions) -> None:
        settings = Settings.of(hyperparameters)
        settle(conditions)
        from greenbench_tensorflow.classification import Classification

        self.classification = Classification(self.data, self.network, settings, conditions)

    def prepare(self) -> None:
        """Traces the functions and runs each shape that occurs, then restores what that changed."""
        self.classification.prepare()

    def synchronize(self) -> None:
        """Waits for the GPU; on a CPU TensorFlow is done when it returns."""
        self.classification.synchronize()

    def train(self, progress: Progress) -> None:
        """Trains all epochs, each followed by a validation."""
        self.classification.train(progress)

    def test(self, progress: Progress) -> Mapping[str, float]:
        """Accuracy and loss on the held-out images."""
        return self.classification.test(progress)

    def effective(self) -> Mapping[str, Value]:
        """What optimizer, schedule, layers and the loop truly held and did."""
        return self.classification.effective()

    def environment(self) -> Mapping[str, Value]:
        """Versions, device, dtype, threads and the flags that make it deterministic."""
        return self.classification.environment()


class DigitsCnn(ImageClassifier):
    """`digits-cnn-keras`."""

    data = "digits"
    network = "cnn"
