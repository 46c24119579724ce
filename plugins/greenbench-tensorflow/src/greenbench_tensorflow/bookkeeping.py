"""What a training counts while it runs: batches seen, loss and accuracy summed up."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf


@dataclass(slots=True)
class Seen:
    """What the loop truly did."""

    epochs: int = 0
    steps: int = 0
    largest_batch: int = 0
    first_learning_rate: float = float("nan")

    def step(self, batch: int) -> None:
        """One optimizer step on `batch` images."""
        self.steps += 1
        self.largest_batch = max(self.largest_batch, batch)


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
