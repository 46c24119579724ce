"""What comes of a batch, and judging a network on data that it doesn't learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from keras import losses

from greenbench_tensorflow.bookkeeping import Sums

if TYPE_CHECKING:
    from collections.abc import Callable

EVALUATION_BATCH = 512
"""Items a step without gradients: bounds the memory, leaves the metrics alone."""
INDICES = tf.TensorSpec([None], tf.int64)

Outcome = tuple[tf.Tensor, tf.Tensor, tf.Tensor]
"""Mean loss, hits and items of a batch."""


def cross_entropy(scores: tf.Tensor, labels: tf.Tensor) -> Outcome:
    """Of scores (… × classes) for labels (…, int64); a hit has its highest score at its label."""
    loss = tf.reduce_mean(losses.sparse_categorical_crossentropy(labels, scores, from_logits=True))
    hits = tf.math.count_nonzero(tf.equal(tf.argmax(scores, axis=-1), labels))
    return loss, hits, tf.size(labels)


class Judge:
    """Loss and accuracy over `count` items; `outcome` gives those of a batch of indices."""

    def __init__(
        self,
        count: int,
        outcome: Callable[[tf.Tensor], Outcome],
        batch_size: int = EVALUATION_BATCH,
    ) -> None:
        self.count, self.batch_size = count, batch_size
        self.sums = Sums()

        def judge(indices: tf.Tensor) -> None:
            self.sums.add(*outcome(indices))

        self.run = tf.function(judge, input_signature=[INDICES], autograph=False)

    def metrics(self) -> dict[str, float]:
        """Means over all items, in their own order."""
        self.sums.clear()
        everything = np.arange(self.count)
        for start in range(0, self.count, self.batch_size):
            self.run(tf.constant(everything[start : start + self.batch_size]))
        return self.sums.metrics()
