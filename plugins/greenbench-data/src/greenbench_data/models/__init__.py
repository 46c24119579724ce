"""Models in words and numbers, the same in every framework: hyperparameters, bounds, metrics.

Imports no framework and no NumPy. Here a model's `trainer` is the name of a class, which each
framework's plugin has in its module `trainers`; `in_framework` makes it the plugin's own model.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from greenbench_data.models.digits import DIGITS_CNN, DIGITS_MLP
from greenbench_data.models.published import (
    CIFAR10_RESNET20,
    MARKET1501_HRNET18,
    MNIST_CNN,
    MNIST_FORWARD_FORWARD,
    MNIST_SIAMESE,
)
from greenbench_data.models.texts import STDLIB_CLASSIFIER_FINETUNING, STDLIB_TRANSFORMER_LM

if TYPE_CHECKING:
    from greenbench.api import Model


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


def in_framework(model: Model, framework: str, package: str, suffix: str = "") -> Model:
    """The model as the plugin `package` trains it, its name with `suffix`."""
    return replace(
        model,
        name=model.name + suffix,
        framework=framework,
        trainer=f"{package}.trainers:{model.trainer}",
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
    "in_framework",
]
