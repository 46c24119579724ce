"""The trainers that models name: each settles its process, then imports TensorFlow and trains."""

from __future__ import annotations

from greenbench_data import models
from greenbench_data.models import trainers


class ImageClassifier(trainers.ImageClassifier):
    """A classifier of digits, in this package."""

    package = "greenbench_tensorflow"


class Published(trainers.Published):
    """A published model or a text model, in this package."""

    package = "greenbench_tensorflow"


class DigitsCnn(ImageClassifier):
    """`digits-cnn-keras`."""

    data = "digits"
    network = "cnn"


class MnistCnn(Published):
    """`mnist-cnn-keras`."""

    model = models.MNIST_CNN
    form = "images:MnistCnn"


class MnistForwardForward(Published):
    """`mnist-forward-forward-keras`."""

    model = models.MNIST_FORWARD_FORWARD
    form = "forward_forward:MnistForwardForward"


class MnistSiamese(Published):
    """`mnist-siamese-keras`."""

    model = models.MNIST_SIAMESE
    form = "pairs:MnistSiamese"


class Cifar10ResNet20(Published):
    """`cifar10-resnet20-keras`."""

    model = models.CIFAR10_RESNET20
    form = "images:Cifar10ResNet20"


class Market1501HRNet18(Published):
    """`market1501-hrnet18-keras`."""

    model = models.MARKET1501_HRNET18
    form = "persons:Market1501HrNet18"


class StdlibTransformerLm(Published):
    """`stdlib-transformer-lm-keras`."""

    model = models.STDLIB_TRANSFORMER_LM
    form = "language:StdlibTransformerLm"


class StdlibClassifierFineTuning(Published):
    """`stdlib-classifier-finetuning-keras`."""

    model = models.STDLIB_CLASSIFIER_FINETUNING
    form = "finetuning:StdlibClassifierFineTuning"
