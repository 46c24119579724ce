"""`mnist-siamese-keras`: whether two images are of one class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf
from greenbench_data import load, order
from keras import losses

from greenbench_tensorflow import rates
from greenbench_tensorflow.forms.base import Batch, Learning, data_in_effect
from greenbench_tensorflow.forms.pictures import Pictures
from greenbench_tensorflow.judge import INDICES, Judge, Outcome
from greenbench_tensorflow.layers import first_width
from greenbench_tensorflow.nets import siamese

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import keras
    from greenbench_data.parts import Part
    from keras import optimizers

    from greenbench.api import Conditions, Effective

SAME = tf.TensorSpec([None], tf.float32)
TEST_SEED = 0
"""Never a trial's seed: every trial is judged by the same pairs."""


class MnistSiamese(Learning):
    """As PyTorch's Siamese example trains: as many new pairs an epoch as there are images, half
    of them of one class; Adadelta, its rate times γ after each epoch."""

    signature = (INDICES, INDICES, SAME)

    def load(self, conditions: Conditions) -> None:
        """Images to draw pairs of, and the pairs to be judged by."""
        name, share = self.asked.text("data"), self.asked.number("data_share")
        task = load.classification(name, conditions.data, share)
        self.task = task
        self.training = Pictures.of(task, task.train)
        self.portions = order.Batches(
            items=len(self.training), size=self.asked.count("batch_size"), normalised=True
        )
        self.looked_at, self.held_out = self._judge(task.validation), self._judge(task.test)

    def build(self) -> keras.Model:
        """One trunk for both images."""
        side, channels = self.task.train.inputs.shape[2:]
        return siamese.network(side, channels, width=self.asked.count("width"))

    def choose_optimizer(self) -> optimizers.Optimizer:
        """Adadelta at PyTorch's ρ and ε."""
        rate, gamma = self.asked.number("learning_rate"), self.asked.number("gamma")
        return rates.adadelta(rates.every(1, rate, gamma, self.portions.steps))

    def batches(self, epoch: int) -> Iterator[Batch]:
        """First image, second image, whether they are of one class."""
        labels = self.task.train.labels
        pairs = order.pairs(labels, len(labels), seed=self.seed, epoch=epoch)
        for batch in self.portions.of(seed=self.seed, epoch=epoch):
            yield pairs.first[batch], pairs.second[batch], pairs.same[batch]

    def outcome(self, *batch: tf.Tensor) -> Outcome:
        """Binary cross-entropy."""
        return self._scored(self.training, *batch, training=True)

    def validate(self) -> dict[str, float]:
        """Accuracy and loss on pairs of the part that is looked at after every epoch."""
        return self.looked_at.metrics()

    def final(self) -> dict[str, float]:
        """Accuracy and loss on pairs of held-out images."""
        return self.held_out.metrics()

    def judged_by(self) -> Mapping[str, float]:
        """Pairs, as many as images."""
        return {"items": len(self.task.test)}

    def more_effective(self) -> Mapping[str, Effective]:
        """The schedule, the layers, the data."""
        return {
            "gamma": self.factor_in_effect(),
            "width": first_width(self.network),
            **data_in_effect(self.task.name, len(self.training), self.task.total),
        }

    def _scored(
        self,
        pictures: Pictures,
        first: tf.Tensor,
        second: tf.Tensor,
        same: tf.Tensor,
        *,
        training: bool,
    ) -> Outcome:
        both = [pictures.whole(first), pictures.whole(second)]
        logits = self.network(both, training=training)
        loss = tf.reduce_mean(losses.binary_crossentropy(same[:, None], logits, from_logits=True))
        right = tf.equal(logits[:, 0] > 0, same > 0.5)
        return loss, tf.math.count_nonzero(right), tf.size(same)

    def _judge(self, part: Part) -> Judge:
        pictures = Pictures.of(self.task, part)
        pairs = order.pairs(part.labels, len(part), seed=TEST_SEED, epoch=0)
        columns = [tf.constant(column) for column in (pairs.first, pairs.second, pairs.same)]

        def outcome(indices: tf.Tensor) -> Outcome:
            chosen = (tf.gather(column, indices) for column in columns)
            return self._scored(pictures, *chosen, training=False)

        return Judge(len(part), outcome)
