"""The trainers that models name: each settles its process, then imports PyTorch and trains."""

from __future__ import annotations

from greenbench_data import models
from greenbench_data.models import trainers


class ImageClassifier(trainers.ImageClassifier):
    """A classifier of digits, in this package."""

    package = "greenbench_torch"


class Published(trainers.Published):
    """A published model or a text model, in this package."""

    package = "greenbench_torch"


class DigitsMlp(ImageClassifier):
    """`digits-mlp`."""

    data = "digits"
    network = "mlp"


class DigitsCnn(ImageClassifier):
    """`digits-cnn`."""

    data = "digits"
    network = "cnn"


class MnistCnn(Published):
    """`mnist-cnn`."""

    model = models.MNIST_CNN
    form = "images:MnistCnnTraining"


class MnistForwardForward(Published):
    """`mnist-forward-forward`."""

    model = models.MNIST_FORWARD_FORWARD
    form = "forward_forward:ForwardForwardTraining"


class MnistSiamese(Published):
    """`mnist-siamese`."""

    model = models.MNIST_SIAMESE
    form = "pairs:SiameseTraining"


class Cifar10ResNet20(Published):
    """`cifar10-resnet20`."""

    model = models.CIFAR10_RESNET20
    form = "images:Cifar10ResNet20Training"


class Market1501HRNet18(Published):
    """`market1501-hrnet18`."""

    model = models.MARKET1501_HRNET18
    form = "persons:PersonTraining"


class StdlibTransformerLm(Published):
    """`stdlib-transformer-lm`."""

    model = models.STDLIB_TRANSFORMER_LM
    form = "language:LanguageTraining"


class StdlibClassifierFineTuning(Published):
    """`stdlib-classifier-finetuning`."""

    model = models.STDLIB_CLASSIFIER_FINETUNING
    form = "finetuning:FineTuning"
