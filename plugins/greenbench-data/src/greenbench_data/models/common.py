"""Hyperparameters and metrics that several models share."""

from __future__ import annotations

from typing import Final

from greenbench.api import Hyperparameter, Metric


def epochs(default: int, description: str = "passes over the training data") -> Hyperparameter:
    """How long it trains."""
    return Hyperparameter(
        name="epochs", default=default, low=1, high=100_000, description=description
    )


def learning_rate(default: float, name: str = "learning_rate") -> Hyperparameter:
    """The optimizer's rate, on a scale of factors."""
    return Hyperparameter(
        name=name,
        default=default,
        low=1e-6,
        high=100.0,
        log_scale=True,
        description="the optimizer's, at its highest; the schedule moves it",
    )


def batch_size(default: int, unit: str, low: int = 1) -> Hyperparameter:
    """Items a step."""
    return Hyperparameter(
        name="batch_size", default=default, low=low, high=10_000, unit=unit, description="a step"
    )


NORMALISED: Final = 2
"""The smallest batch of a network with batch normalisation: one item has no spread."""


def factor(name: str, default: float, description: str) -> Hyperparameter:
    """What a schedule multiplies the rate by."""
    return Hyperparameter(name=name, default=default, low=0.0, high=3.0, description=description)


def weight_decay(default: float, description: str) -> Hyperparameter:
    """Pulls weights towards zero."""
    return Hyperparameter(
        name="weight_decay", default=default, low=0.0, high=1.0, description=description
    )


def dropout(
    default: float, name: str = "dropout", where: str = "in every dropout layer"
) -> Hyperparameter:
    """Silences units at random."""
    return Hyperparameter(
        name=name,
        default=default,
        low=0.0,
        high=0.95,
        description=f"probability that a unit is silenced, {where}",
    )


def size(name: str, default: int, high: int, description: str, low: int = 1) -> Hyperparameter:
    """A size of the network or its input: smaller ones make it feasible on a CPU."""
    return Hyperparameter(name=name, default=default, low=low, high=high, description=description)


def data(default: str, *stand_ins: str) -> Hyperparameter:
    """What it trains on: the published data set, or a stand-in that is there offline."""
    return Hyperparameter(
        name="data",
        default=default,
        choices=(default, *stand_ins),
        description="the data set, as `greenbench data list` has it",
    )


def data_share(default: float = 1.0, name: str = "data_share") -> Hyperparameter:
    """Less data, less work."""
    return Hyperparameter(
        name=name,
        default=default,
        low=0.0001,
        high=1.0,
        description="share of the training data that is used: the first so many, for every seed",
    )


def accuracy(chance: float, margin: float, why: str) -> Metric:
    """The share that is right. The margin is what a user would put up with for a greener training,
    whatever a test set can show: one item in a hundred, or a third of the errors that the published
    training makes where that is less."""
    return Metric(
        name="accuracy",
        direction="maximize",
        margin=margin,
        chance=chance,
        of_test_set=True,
        description=f"share of the held-out items that are told right. Margin: {why}",
    )


LOSS = Metric(
    name="loss",
    direction="minimize",
    unit="nat",
    description="mean cross-entropy of the held-out items; shown, not judged",
)
