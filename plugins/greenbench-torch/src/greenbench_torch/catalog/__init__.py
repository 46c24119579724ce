"""The models in words and numbers: hyperparameters, bounds, metrics. Imports no framework."""

from __future__ import annotations

from greenbench_torch.catalog.digits import DIGITS_CNN, DIGITS_MLP
from greenbench_torch.catalog.published import (
    CIFAR10_RESNET20,
    MARKET1501_HRNET18,
    MNIST_CNN,
    MNIST_FORWARD_FORWARD,
    MNIST_SIAMESE,
)
from greenbench_torch.catalog.texts import STDLIB_CLASSIFIER_FINETUNING, STDLIB_TRANSFORMER_LM

MODELS = (
    DIGITS_MLP,
    DIGITS_CNN,
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
    "DIGITS_CNN",
    "DIGITS_MLP",
    "MARKET1501_HRNET18",
    "MNIST_CNN",
    "MNIST_FORWARD_FORWARD",
    "MNIST_SIAMESE",
    "MODELS",
    "STDLIB_CLASSIFIER_FINETUNING",
    "STDLIB_TRANSFORMER_LM",
]
