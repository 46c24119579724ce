"""Two small classifiers of 8×8 digits, with everything about them to mutate."""

from __future__ import annotations

from greenbench.api import Hyperparameter, Metric, Model

DIGITS = (
    "scikit-learn's digits: 1,797 real grey images of handwritten digits, 8×8 pixels; "
    "1,100 to train on, 197 to validate, 500 held out, stratified, the same for every seed"
)

METRICS = (
    Metric(
        name="accuracy",
        direction="maximize",
        margin=0.02,
        chance=0.1,
        items=500,
        description=(
            "share of the 500 held-out images that are classified correctly. Margin: two in a "
            "hundred, for a demonstration"
        ),
    ),
    Metric(
        name="loss",
        direction="minimize",
        unit="nat",
        description="mean cross-entropy of the held-out images; shown, not judged",
    ),
)


def training(*, epochs: int, dropout: float) -> tuple[Hyperparameter, ...]:
    """The hyperparameters of a classifier, with the defaults that differ between networks."""
    return (
        Hyperparameter(
            name="epochs",
            default=epochs,
            low=1,
            high=1000,
            description="passes over the training images",
        ),
        Hyperparameter(
            name="learning_rate",
            default=0.001,
            low=1e-6,
            high=10.0,
            log_scale=True,
            description="of the first step; the schedule moves it from there",
        ),
        Hyperparameter(
            name="batch_size",
            default=32,
            low=1,
            high=1100,
            unit="images",
            description="images a step; the last batch of an epoch holds what is left",
        ),
        Hyperparameter(
            name="dropout",
            default=dropout,
            low=0.0,
            high=0.95,
            description="probability that a unit is silenced, in every dropout layer",
        ),
        Hyperparameter(
            name="weight_decay",
            default=0.0001,
            low=0.0,
            high=1.0,
            description="L2 term of the gradient; decoupled from it in adamw, and in all of Keras's",
        ),
        Hyperparameter(
            name="optimizer",
            default="adam",
            choices=("sgd", "adam", "adamw", "rmsprop"),
            description="sgd has a momentum of 0.9; all else at the framework's defaults",
        ),
        Hyperparameter(
            name="schedule",
            default="constant",
            choices=("constant", "cosine", "step"),
            description="cosine: down to zero; step: a tenth for the last third",
        ),
    )


DIGITS_MLP = Model(
    name="digits-mlp",
    framework="",
    trainer="DigitsMlp",
    hyperparameters=training(epochs=25, dropout=0.2),
    metrics=METRICS,
    description="multilayer perceptron, two hidden layers of 512",
    data=DIGITS,
)

DIGITS_CNN = Model(
    name="digits-cnn",
    framework="",
    trainer="DigitsCnn",
    hyperparameters=training(epochs=10, dropout=0.25),
    metrics=METRICS,
    description="convolutional network, two convolutions and a hidden layer of 128",
    data=DIGITS,
)
