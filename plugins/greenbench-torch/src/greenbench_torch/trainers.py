"""The trainers that models name: each settles its process, then imports PyTorch and trains."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

from greenbench_data.models.settings import Asked, Settings
from greenbench_data.models.trainers import Settled

from greenbench_torch import catalog
from greenbench_torch.surroundings import settle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenbench.api import Conditions, Model, Trainer, Value


class ImageClassifier(Settled):
    """Trains one network on one data set; subclasses name both."""

    data: ClassVar[str]
    """A classification task of `greenbench_data.load`."""
    network: ClassVar[str]
    """A function of `greenbench_torch.networks.digits`."""

    def begin(self, hyperparameters: Mapping[str, Value], conditions: Conditions) -> Trainer:
        """The classification."""
        settings = Settings.of(hyperparameters)
        settle(conditions)
        module = import_module("greenbench_torch.classification")
        begun: Trainer = module.Classification(self.data, self.network, settings, conditions)
        return begun


class DigitsMlp(ImageClassifier):
    """`digits-mlp`."""

    data = "digits"
    network = "mlp"


class DigitsCnn(ImageClassifier):
    """`digits-cnn`."""

    data = "digits"
    network = "cnn"


class Published(Settled):
    """Trains one of the published models or a text model; subclasses name its form of training."""

    form: ClassVar[str]
    """`module:Class` below `greenbench_torch.forms`."""
    model: ClassVar[Model]

    def begin(self, hyperparameters: Mapping[str, Value], conditions: Conditions) -> Trainer:
        """Its form of training."""
        asked = Asked(hyperparameters, self.model)
        settle(conditions)
        module, _, name = self.form.partition(":")
        form = getattr(import_module(f"greenbench_torch.forms.{module}"), name)
        begun: Trainer = form(asked, conditions)
        return begun


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
