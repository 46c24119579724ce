"""The Siamese network of PyTorch's examples (pytorch/examples, siamese_network/main.py)."""

from __future__ import annotations

import keras
from keras import initializers, layers

from greenbench_tensorflow.nets import resnet18

HIDDEN = 256


def network(side: int, channels: int, *, width: int) -> keras.Model:
    """Two images to the logit of their being of one class: one trunk for both, then 256 hidden
    units on both features side by side. 11,432,897 parameters at width 64. (The example's sigmoid
    is in the loss here.)"""
    trunk = resnet18.trunk(side, channels, width=width)
    first, second = (keras.Input((side, side, channels)) for _ in range(2))
    both = layers.Concatenate()([trunk(first), trunk(second)])
    hidden = _linear(HIDDEN, activation="relu")(both)
    logit = _linear(1)(hidden)
    return keras.Model([first, second], logit, name="siamese")


def _linear(units: int, activation: str | None = None) -> layers.Dense:
    """As the example begins its linear layers: Xavier's uniform weights, biases of 0.01."""
    return layers.Dense(
        units,
        activation=activation,
        kernel_initializer="glorot_uniform",
        bias_initializer=initializers.Constant(0.01),
    )
