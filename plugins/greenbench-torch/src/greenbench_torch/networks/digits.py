"""The networks for 8×8 digits, each built from the image's size, the classes and the dropout."""

from __future__ import annotations

from torch import nn


def mlp(side: int, classes: int, dropout: float) -> nn.Sequential:
    """Two hidden layers of 512."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(side * side, 512),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(512, 512),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(512, classes),
    )


def cnn(side: int, classes: int, dropout: float) -> nn.Sequential:
    """Two convolutions, pooling, a hidden layer of 128."""
    return nn.Sequential(
        nn.Conv2d(1, 32, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(dropout),
        nn.Flatten(),
        nn.Linear(64 * (side // 2) ** 2, 128),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(128, classes),
    )


NETWORKS = {"mlp": mlp, "cnn": cnn}
