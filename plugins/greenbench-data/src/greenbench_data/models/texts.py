"""Two kinds of workload that many people train today, on Python's own standard library."""

from __future__ import annotations

from greenbench.api import Hyperparameter, Metric, Model
from greenbench_data.models.common import (
    LOSS,
    accuracy,
    batch_size,
    data,
    data_share,
    dropout,
    epochs,
    learning_rate,
    size,
    weight_decay,
)

WARMUP = Hyperparameter(
    name="warmup_share",
    default=0.1,
    low=0.0,
    high=1.0,
    description="share of all steps in which the rate rises; then it falls by a cosine to zero",
)
DECAY = "AdamW's, of matrices"


def transformer(*, context: int, width: int, heads: int, layers: int) -> tuple[Hyperparameter, ...]:
    """The sizes of a Transformer."""
    return (
        dropout(0.1),
        size("context", context, 512, "bytes that it sees at once", low=2),
        size("width", width, 2048, "of every position; a multiple of heads", low=2),
        size("heads", heads, 64, "of attention"),
        size("layers", layers, 64, "blocks of attention and two dense layers"),
    )


STDLIB_TRANSFORMER_LM = Model(
    name="stdlib-transformer-lm",
    framework="",
    trainer="StdlibTransformerLm",
    description="a small GPT: the next byte of Python's standard library",
    data="the source of Python's standard library, byte by byte",
    hyperparameters=(
        epochs(5),
        learning_rate(0.001),
        weight_decay(0.1, DECAY),
        WARMUP,
        batch_size(32, "windows"),
        *transformer(context=128, width=128, heads=4, layers=4),
        data("stdlib-text"),
        data_share(),
    ),
    metrics=(
        Metric(
            name="bits_per_byte",
            direction="minimize",
            unit="bit",
            margin=0.02,
            chance=8.0,
            description=(
                "mean cross-entropy of held-out files. Margin: a hundredth of what such a model "
                "reaches"
            ),
        ),
        Metric(
            name="accuracy",
            direction="maximize",
            description="share of held-out bytes that were foretold",
        ),
        LOSS,
    ),
)

STDLIB_CLASSIFIER_FINETUNING = Model(
    name="stdlib-classifier-finetuning",
    framework="",
    trainer="StdlibClassifierFineTuning",
    description="a small GPT, pre-trained on text, fine-tuned to tell which module a function is of",
    data="functions of 16 modules of Python's standard library; pre-training on its other modules",
    hyperparameters=(
        Hyperparameter(
            name="pretrain_epochs",
            default=1,
            low=0,
            high=1000,
            description="passes over the text before the fine-tuning",
        ),
        learning_rate(0.001, "pretrain_learning_rate"),
        data_share(name="pretrain_share"),
        epochs(10, "passes over the functions"),
        learning_rate(0.0005),
        weight_decay(0.1, DECAY),
        WARMUP,
        batch_size(32, "windows or functions"),
        *transformer(context=256, width=128, heads=4, layers=4),
        data("stdlib-functions"),
        data_share(),
    ),
    metrics=(
        accuracy(0.2, 0.01, "one in a hundred"),
        LOSS,
    ),
)
