"""The models in words and numbers: hyperparameters, bounds, metrics. Imports no framework."""

from __future__ import annotations

from greenbench_tensorflow.catalog.digits import DIGITS_CNN_KERAS
from greenbench_tensorflow.catalog.published import (
    CIFAR10_RESNET20,
    MARKET1501_HRNET18,
    MNIST_CNN,
    MNIST_FORWARD_FORWARD,
    MNIST_SIAMESE,
)
from greenbench_tensorflow.catalog.texts import STDLIB_CLASSIFIER_FINETUNING, STDLIB_TRANSFORMER_LM

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

__all__ = [
    "CIFAR10_RESNET20",
    "DIGITS_CNN_KERAS",
    "MARKET1501_HRNET18",
    "MNIST_CNN",
    "MNIST_FORWARD_FORWARD",
    "MNIST_SIAMESE",
    "MODELS",
    "STDLIB_CLASSIFIER_FINETUNING",
    "STDLIB_TRANSFORMER_LM",
]
