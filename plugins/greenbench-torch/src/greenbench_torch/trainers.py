"""The trainers that models name: each settles its process, then imports PyTorch and trains."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

from greenbench_torch import catalog
from greenbench_torch.settings import Asked, Settings
from greenbench_torch.surroundings import settle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenbench.api import Conditions, Effective, Model, Progress, Value
    from greenbench_torch.forms.base import Training


class ImageClassifier:
    """Trains one network on one data set. A `greenbench.api.Trainer`; subclasses name both."""

    data: ClassVar[str]
    """A classification task of `greenbench_data.load`."""
    network: ClassVar[str]
    """A function of `greenbench_torch.networks`."""

    def __init__(self, hyperparameters: Mapping[str, Value], conditions: Conditions) -> None:
        settings = Settings.of(hyperparameters)
        settle(conditions)
        from greenbench_torch.classification import Classification

        self.classification = Classification(self.data, self.network, settings, conditions)

    def prepare(self) -> None:
        """Trains a step of each shape that occurs, then restores what that changed."""
        self.classification.prepare()

    def synchronize(self) -> None:
        """Waits for the GPU; on a CPU PyTorch is done when it returns."""
        self.classification.synchronize()

    def train(self, progress: Progress) -> None:
        """Trains all epochs, each followed by a validation."""
        self.classification.train(progress)

    def test(self, progress: Progress) -> Mapping[str, float]:
        """Accuracy and loss on the held-out images."""
        return self.classification.test(progress)

    def effective(self) -> Mapping[str, Effective]:
        """What optimizer, schedule, layers and the loop truly held and did."""
        return self.classification.effective()

    def environment(self) -> Mapping[str, Value]:
        """Versions, device, dtype, threads and the flags that make it deterministic."""
        return self.classification.environment()


class DigitsMlp(ImageClassifier):
    """`digits-mlp`."""

    data = "digits"
    network = "mlp"


class DigitsCnn(ImageClassifier):
    """`digits-cnn`."""

    data = "digits"
    network = "cnn"


class Published:
    """Trains one of the published models or a text model; subclasses name its form of training."""

    form: ClassVar[str]
    """`module:Class` below `greenbench_torch.forms`."""
    model: ClassVar[Model]

    def __init__(self, hyperparameters: Mapping[str, Value], conditions: Conditions) -> None:
        asked = Asked(hyperparameters, self.model)
        settle(conditions)
        module, _, name = self.form.partition(":")
        form = getattr(import_module(f"greenbench_torch.forms.{module}"), name)
        self.training: Training = form(asked, conditions)

    def prepare(self) -> None:
        """Trains a step of each shape that occurs, then restores what that changed."""
        self.training.prepare()

    def synchronize(self) -> None:
        """Waits for the GPU; on a CPU PyTorch is done when it returns."""
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


class MnistCnn(Published):
    """`mnist-cnn`."""

    model = catalog.MNIST_CNN
    form = "images:MnistCnnTraining"


class MnistForwardForward(Published):
    """`mnist-forward-forward`."""

    model = catalog.MNIST_FORWARD_FORWARD
    form = "forward_forward:ForwardForwardTraining"


class MnistSiamese(Published):
    """`mnist-siamese`."""

    model = catalog.MNIST_SIAMESE
    form = "pairs:SiameseTraining"


class Cifar10ResNet20(Published):
    """`cifar10-resnet20`."""

    model = catalog.CIFAR10_RESNET20
    form = "images:Cifar10ResNet20Training"


class Market1501HRNet18(Published):
    """`market1501-hrnet18`."""

    model = catalog.MARKET1501_HRNET18
    form = "persons:PersonTraining"


class StdlibTransformerLm(Published):
    """`stdlib-transformer-lm`."""

    model = catalog.STDLIB_TRANSFORMER_LM
    form = "language:LanguageTraining"


class StdlibClassifierFineTuning(Published):
    """`stdlib-classifier-finetuning`."""

    model = catalog.STDLIB_CLASSIFIER_FINETUNING
    form = "finetuning:FineTuning"
