"""Forward-Forward (Hinton 2022), as PyTorch's example trains it: no backward pass through layers.

Each layer learns by itself to be lively for images with their right label written in, and calm for
images with a wrong one; how lively, its `threshold` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf
from keras import ops

from greenbench_tensorflow.layers import dense

if TYPE_CHECKING:
    from collections.abc import Sequence

SMALL = 1e-4
"""Keeps the direction of a black image defined, as in the example."""


class Lively(keras.layers.Layer):
    """A linear layer with a ReLU on the direction of what comes in, and the goodness that it
    should pass: mean square of its units, above the threshold for right labels."""

    def __init__(self, inputs: int, units: int, threshold: float) -> None:
        super().__init__()
        self.inputs, self.threshold = inputs, threshold
        self.linear = dense(units, inputs)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """The linear layer's weights."""
        self.linear.build(input_shape)

    def call(self, x: Any) -> Any:
        """`x`: batch × inputs."""
        length = ops.sqrt(ops.sum(x * x, axis=1, keepdims=True))
        return ops.relu(self.linear(x / (length + SMALL)))

    def loss(self, right: Any, wrong: Any) -> Any:
        """How far right labels are from passing the threshold, and wrong ones from staying below."""
        missing = self.threshold - goodness(self(right))
        excess = goodness(self(wrong)) - self.threshold
        return ops.mean(ops.softplus(ops.concatenate([missing, excess])))


def network(pixels: int, *, width: int, threshold: float) -> keras.Sequential:
    """Two layers; 643,000 parameters for 784 pixels at width 500."""
    layers = [Lively(pixels, width, threshold), Lively(width, width, threshold)]
    return keras.Sequential([keras.Input((pixels,)), *layers], name="forward_forward")


def goodness(lively: Any) -> Any:
    """Mean square of the units."""
    return ops.mean(lively * lively, axis=1)


def labelled(images: Any, labels: Any, classes: int, white: float) -> Any:
    """Flat images with a label written into their first pixels, in the brightest value."""
    written = tf.one_hot(labels, classes, on_value=white, off_value=0.0)
    return tf.concat([written, images[:, classes:]], axis=1)


def guessed(layers: Sequence[Lively], images: Any, classes: int, white: float) -> Any:
    """The label that makes the layers liveliest, for each image."""
    totals = []
    for label in range(classes):
        x = labelled(images, tf.fill([tf.shape(images)[0]], label), classes, white)
        total = 0.0
        for layer in layers:
            x = layer(x)
            total = total + goodness(x)
        totals.append(total)
    return tf.argmax(tf.stack(totals, axis=1), axis=1)
