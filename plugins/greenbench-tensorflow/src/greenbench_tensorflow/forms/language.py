"""`stdlib-transformer-lm-keras`: the next byte of running text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import keras
import tensorflow as tf
from greenbench_data import load, order
from greenbench_data.parts import kept

from greenbench_tensorflow import rates
from greenbench_tensorflow.forms.base import Batch, Learning, data_in_effect
from greenbench_tensorflow.judge import INDICES, Judge, Outcome, cross_entropy
from greenbench_tensorflow.layers import dropout_in_effect
from greenbench_tensorflow.nets import transformer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from greenbench_data.models.settings import Asked
    from greenbench_data.parts import Array
    from keras import optimizers

    from greenbench.api import Conditions, Effective

EVALUATION_BATCH = 128


class Windows:
    """A stream of tokens on the device, cut into windows, each with the token after it; the first
    `share` of its windows."""

    def __init__(self, stream: Array, context: int, share: float = 1.0) -> None:
        self.total, self.context = (len(stream) - 1) // context, context
        if not self.total:
            raise ValueError(f"{len(stream)} tokens hold no window of {context}")
        self.count = kept(self.total, share)
        self.tokens = tf.constant(stream[: self.count * context + 1])

    def __len__(self) -> int:
        return self.count

    def at(self, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Tokens (count × context, int32) and those that follow each (int64)."""
        places = indices[:, None] * self.context + tf.range(self.context + 1, dtype=tf.int64)
        found = tf.gather(self.tokens, places)
        return tf.cast(found[:, :-1], tf.int32), tf.cast(found[:, 1:], tf.int64)


def shape_of(asked: Asked, vocabulary: int) -> transformer.Shape:
    """The sizes that were asked for."""
    return transformer.Shape(
        vocabulary=vocabulary,
        context=asked.count("context"),
        width=asked.count("width"),
        heads=asked.count("heads"),
        layers=asked.count("layers"),
    )


def next_token(
    network: keras.Model, windows: Windows, indices: tf.Tensor, *, training: bool
) -> Outcome:
    """Cross-entropy a token, and tokens that were foretold."""
    tokens, following = windows.at(indices)
    return cross_entropy(network(tokens, training=training), following)


class StdlibTransformerLm(Learning):
    """AdamW with a warm-up, then down by a cosine; each window of the text once an epoch."""

    signature = (INDICES,)
    optimizer: optimizers.AdamW

    def load(self, conditions: Conditions) -> None:
        """Three streams, cut into windows."""
        task = load.text(self.asked.text("data"), conditions.data)
        self.task = task
        share = self.asked.number("data_share")
        self.training = Windows(task.train, self.asked.count("context"), share)
        self.portions = order.Batches(items=len(self.training), size=self.asked.count("batch_size"))
        self.looked_at, self.held_out = self._judge(task.validation), self._judge(task.test)

    def build(self) -> keras.Model:
        """The Transformer."""
        shape = shape_of(self.asked, self.task.vocabulary)
        return transformer.language_model(shape, self.asked.number("dropout"))

    def choose_optimizer(self) -> optimizers.Optimizer:
        """The schedule moves at every step."""
        rate, share = self.asked.number("learning_rate"), self.asked.number("warmup_share")
        self.schedule = rates.WarmupCosine(rate, self.planned_steps(), share)
        return rates.adamw(self.schedule, self.asked.number("weight_decay"), self.network)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Windows in the epoch's order."""
        for batch in self.portions.of(seed=self.seed, epoch=epoch):
            yield (batch,)

    def outcome(self, *batch: tf.Tensor) -> Outcome:
        """Cross-entropy a token."""
        return next_token(self.network, self.training, batch[0], training=True)

    def validate(self) -> dict[str, float]:
        """Of the stream that is looked at after every epoch."""
        return _with_bits(self.looked_at.metrics())

    def final(self) -> dict[str, float]:
        """Of the stream that was held out."""
        return _with_bits(self.held_out.metrics())

    def effective(self) -> Mapping[str, Effective]:
        """Read from optimizer, schedule and layers; the rate is the highest there was."""
        steps = int(self.optimizer.iterations.numpy())
        return {
            **super().effective(),
            "learning_rate": self.schedule.highest() if self.moved() else math.nan,
            "warmup_share": self.schedule.warmup_in_effect(steps) if self.moved() else math.nan,
        }

    def more_effective(self) -> Mapping[str, Effective]:
        """The optimizer, the layers, the data."""
        return {
            "weight_decay": self.held_throughout("weight_decay"),
            "dropout": dropout_in_effect(self.network),
            **transformer.shape_in_effect(self.network),
            **data_in_effect(self.task.name, len(self.training), self.training.total),
        }

    def _judge(self, stream: Array) -> Judge:
        windows = Windows(stream, self.asked.count("context"))
        return Judge(
            len(windows),
            lambda indices: next_token(self.network, windows, indices, training=False),
            EVALUATION_BATCH,
        )


def _with_bits(found: dict[str, float]) -> dict[str, float]:
    return found | {"bits_per_byte": found["loss"] / math.log(2)}
