"""What a training counts while it runs: batches seen, loss and accuracy summed up."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import tensorflow as tf
from greenbench_data.models.groups import Moved, groups_in_effect

from greenbench_tensorflow import groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras
    from keras import optimizers

    from greenbench.api import Effective


@dataclass(slots=True)
class Seen:
    """What the loop truly did, and what the optimizer held as it did."""

    epochs: int = 0
    steps: int = 0
    largest_batch: int = 0
    rates: list[float] = field(default_factory=list)
    """The learning rate of each epoch's first step, read from the optimizer before it."""
    held: list[groups.Group] = field(default_factory=list)
    """What each group of weights was held to at the first step."""

    def begin(self, optimizer: optimizers.Optimizer, weights: Sequence[keras.Variable]) -> None:
        """An epoch is about to take its first step."""
        self.rates.append(float(optimizer.learning_rate))
        if not self.steps:
            self.held = groups.of(optimizer, weights)

    def step(self, batch: int) -> None:
        """One optimizer step on `batch` items."""
        self.steps += 1
        self.largest_batch = max(self.largest_batch, batch)

    @property
    def first_learning_rate(self) -> float:
        """That of the very first step; NaN if there was none."""
        return self.rates[0] if self.rates else math.nan

    def held_throughout(
        self, name: str, optimizer: optimizers.Optimizer, weights: Sequence[keras.Variable]
    ) -> float:
        """A setting of the last group, if that held it from the first step on; else NaN."""
        both = [*self.held[-1:], groups.of(optimizer, weights)[-1]]
        found = {float(group.settings[name]) for group in both}
        return found.pop() if len(found) == 1 else math.nan

    def groups_in_effect(
        self,
        optimizer: optimizers.Optimizer,
        weights: Sequence[keras.Variable],
        *,
        phase: str = "",
        first: int = 1,
    ) -> dict[str, Effective]:
        """The optimizer, and for each group of weights, numbered from `first`, how many parameters
        it moved, at which rates in the first and the last step, and what else it was held to (what
        it was held to otherwise at the end, too). `phase` comes before each name."""
        moved: list[Moved] = []
        if self.steps:
            last_rate = groups.last_rate(optimizer)
            now = groups.of(optimizer, weights)
            moved = [
                Moved(
                    parameters=before.parameters,
                    first_learning_rate=before.rate_share * self.first_learning_rate,
                    last_learning_rate=after.rate_share * last_rate,
                    held=before.settings,
                    held_at_end=after.settings,
                )
                for before, after in zip(self.held, now, strict=True)
            ]
        return groups_in_effect(optimizer, moved, phase=phase, first=first)


class Sums:
    """Loss, hits and items summed up on the device and read once, so that no step waits for it."""

    def __init__(self) -> None:
        self.items = tf.Variable(0, dtype=tf.int64)
        self.loss = tf.Variable(0.0)
        self.hits = tf.Variable(0, dtype=tf.int64)

    def clear(self) -> None:
        """Starts anew; the variables stay, as traced functions hold them."""
        for variable in (self.items, self.loss, self.hits):
            variable.assign(tf.zeros_like(variable))

    def add(self, mean_loss: tf.Tensor, hits: tf.Tensor, items: tf.Tensor) -> None:
        """Adds one batch. Runs inside traced functions."""
        items = tf.cast(items, tf.int64)
        self.items.assign_add(items)
        self.loss.assign_add(mean_loss * tf.cast(items, tf.float32))
        self.hits.assign_add(tf.cast(hits, tf.int64))

    def metrics(self) -> dict[str, float]:
        """Means over all items; a loss that is not a number stays one."""
        items = int(self.items.numpy())
        return {
            "accuracy": float(self.hits.numpy()) / items,
            "loss": float(self.loss.numpy()) / items,
        }


class Tally:
    """Loss and accuracy summed up on the device and read once, so that no step waits for it."""

    def __init__(self) -> None:
        self.images = tf.Variable(0, dtype=tf.int64)
        self.loss = tf.Variable(0.0)
        self.correct = tf.Variable(0, dtype=tf.int64)

    def clear(self) -> None:
        """Starts anew; the variables stay, as traced functions hold them."""
        for variable in (self.images, self.loss, self.correct):
            variable.assign(tf.zeros_like(variable))

    def add(self, scores: tf.Tensor, labels: tf.Tensor, mean_loss: tf.Tensor) -> None:
        """Adds one batch. Runs inside traced functions."""
        count = tf.size(labels, out_type=tf.int64)
        hits = tf.equal(tf.argmax(scores, axis=1), labels)
        self.images.assign_add(count)
        self.loss.assign_add(mean_loss * tf.cast(count, tf.float32))
        self.correct.assign_add(tf.math.count_nonzero(hits))

    def metrics(self) -> dict[str, float]:
        """Means over all images; a loss that is not a number stays one."""
        images = int(self.images.numpy())
        return {
            "accuracy": float(self.correct.numpy()) / images,
            "loss": float(self.loss.numpy()) / images,
        }
