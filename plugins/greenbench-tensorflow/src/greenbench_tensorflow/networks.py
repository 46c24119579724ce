"""The networks, each built from the size of an image, the number of classes and the dropout."""

from __future__ import annotations

import keras
from keras import layers


def cnn(side: int, classes: int, dropout: float) -> keras.Model:
    """Two convolutions, pooling, a hidden layer of 128."""
    return keras.Sequential(
        [
            keras.Input((side, side, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(dropout),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(dropout),
            layers.Dense(classes),
        ]
    )


NETWORKS = {"cnn": cnn}
