"""Keras layers that begin as PyTorch's do: the same family of random weights, the same constants."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from keras import initializers, layers

if TYPE_CHECKING:
    from collections.abc import Iterator

    import keras

NORM_MOMENTUM = 0.9
"""Of the running means of batch normalisation: PyTorch's 0.1, counted the other way."""
NORM_EPSILON = 1e-5


def dense(units: int, inputs: int, **options: Any) -> layers.Dense:
    """PyTorch's `nn.Linear`: weights and biases uniform in ±1/√inputs."""
    return layers.Dense(units, **(_uniform(inputs) | options))


def conv(filters: int, size: int, channels: int, **options: Any) -> layers.Conv2D:
    """PyTorch's `nn.Conv2d`: weights and biases uniform in ±1/√(channels · size²)."""
    return layers.Conv2D(filters, size, **(_uniform(channels * size * size) | options))


def residual_conv(
    filters: int,
    size: int,
    *,
    stride: int = 1,
    mode: str = "fan_out",
    bias_of: int = 0,
    name: str | None = None,
) -> layers.Conv2D:
    """A convolution of the residual networks, which begins as He et al. 2015. What comes in has to
    be `padded` by size // 2. `bias_of`: how many channels come in, where it has biases."""
    begin = _uniform(bias_of * size * size)["bias_initializer"] if bias_of else "zeros"
    return layers.Conv2D(
        filters,
        size,
        strides=stride,
        padding="valid",
        use_bias=bool(bias_of),
        kernel_initializer=he_normal(mode),
        bias_initializer=begin,
        name=name,
    )


def he_normal(mode: str) -> initializers.Initializer:
    """Normal weights of variance 2 / fan: what PyTorch's `kaiming_normal_(mode=…)` draws."""
    return initializers.VarianceScaling(2.0, mode=mode, distribution="untruncated_normal")


def first_width(network: keras.Model) -> int:
    """Channels of the first convolution."""
    convolutions = (layer for layer in _all_layers(network) if isinstance(layer, layers.Conv2D))
    return int(next(convolutions).filters)


def dropout_in_effect(network: keras.Model) -> float:
    """The probability that all dropout layers share; NaN, equal to nothing, if they don't."""
    found = {layer.rate for layer in _all_layers(network) if isinstance(layer, layers.Dropout)}
    return float(found.pop()) if len(found) == 1 else math.nan


def _all_layers(layer: keras.Layer) -> Iterator[keras.Layer]:
    """Layers within layers within a network."""
    for inner in layer._layers:  # noqa: SLF001 (the only way to a custom layer's own layers)
        yield inner
        yield from _all_layers(inner)


def padded(x: Any, margin: int) -> Any:
    """Zeros around an image, the same on every side: Keras's "same" pads strides unevenly."""
    return layers.ZeroPadding2D(margin)(x) if margin else x


def batch_norm(**options: Any) -> layers.BatchNormalization:
    """Batch normalisation with PyTorch's constants."""
    return layers.BatchNormalization(momentum=NORM_MOMENTUM, epsilon=NORM_EPSILON, **options)


def _uniform(inputs: int) -> dict[str, Any]:
    bound = 1 / math.sqrt(inputs)
    return {
        "kernel_initializer": initializers.RandomUniform(-bound, bound),
        "bias_initializer": initializers.RandomUniform(-bound, bound),
    }
