"""The models in Keras: those that the frameworks share, trained here. Imports no framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenbench_data import models

if TYPE_CHECKING:
    from greenbench.api import Model


def _here(model: Model) -> Model:
    return models.in_framework(model, "tensorflow", "greenbench_tensorflow", "-keras")


DIGITS_CNN_KERAS = _here(models.DIGITS_CNN)
MNIST_CNN = _here(models.MNIST_CNN)
MNIST_FORWARD_FORWARD = _here(models.MNIST_FORWARD_FORWARD)
MNIST_SIAMESE = _here(models.MNIST_SIAMESE)
CIFAR10_RESNET20 = _here(models.CIFAR10_RESNET20)
MARKET1501_HRNET18 = _here(models.MARKET1501_HRNET18)
STDLIB_TRANSFORMER_LM = _here(models.STDLIB_TRANSFORMER_LM)
STDLIB_CLASSIFIER_FINETUNING = _here(models.STDLIB_CLASSIFIER_FINETUNING)

MODELS = (
    DIGITS_CNN_KERAS,
    MNIST_CNN,
    MNIST_FORWARD_FORWARD,
    MNIST_SIAMESE,
    CIFAR10_RESNET20,
    MARKET1501_HRNET18,
    STDLIB_TRANSFORMER_LM,
    STDLIB_CLASSIFIER_FINETUNING,
)
