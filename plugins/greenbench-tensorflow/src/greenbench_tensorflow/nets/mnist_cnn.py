"""The convolutional network of PyTorch's MNIST example (pytorch/examples, mnist/main.py)."""

from __future__ import annotations

import keras
from keras import layers

from greenbench_tensorflow.layers import conv, dense

HIDDEN = 128


def network(
    side: int, channels: int, classes: int, *, width: int, dropout: float, hidden: float
) -> keras.Model:
    """Two 3×3 convolutions, pooling, 128 hidden units; 1,199,882 parameters at width 32. `dropout`
    comes after the pooling, `hidden` after the hidden units."""
    pooled = 2 * width * ((side - 4) // 2) ** 2
    return keras.Sequential(
        [
            keras.Input((side, side, channels)),
            conv(width, 3, channels, activation="relu"),
            conv(2 * width, 3, width, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(dropout, name="dropout"),
            layers.Flatten(),
            dense(HIDDEN, pooled, activation="relu"),
            layers.Dropout(hidden, name="hidden_dropout"),
            dense(classes, HIDDEN),
        ],
        name="mnist_cnn",
    )
