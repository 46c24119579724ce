"""`market1501-hrnet18-keras`: learning persons, to find other persons again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf
from greenbench_data import load, market1501, order, ranking

from greenbench_tensorflow import rates
from greenbench_tensorflow.forms.base import Batch, Learning, data_in_effect
from greenbench_tensorflow.forms.images import FLAGS
from greenbench_tensorflow.forms.pictures import Pictures
from greenbench_tensorflow.judge import INDICES, Outcome, cross_entropy
from greenbench_tensorflow.layers import dropout_in_effect
from greenbench_tensorflow.nets import hrnet18

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from greenbench_data.parts import Array, Photos
    from keras import optimizers

    from greenbench.api import Conditions, Effective

FEATURE_BATCH = 128
MOMENTUM = 0.9


class Market1501HrNet18(Learning):
    """As layumi's baseline trains: SGD with Nesterov's momentum, the backbone at a tenth of the
    rate, a tenth of both after two thirds of the epochs. (The baseline starts from ImageNet's
    weights; here everything starts from the seed.) Judged by Market-1501's single-query protocol.
    """

    signature = (INDICES, INDICES, INDICES, FLAGS)
    validates = False
    optimizer: rates.CoupledSGD

    def load(self, conditions: Conditions) -> None:
        """Photographs to learn from, queries and gallery."""
        name, share = self.asked.text("data"), self.asked.number("data_share")
        task = load.reidentification(name, conditions.data, share)
        self.task = task
        self.size = (self.asked.count("image_height"), self.asked.count("image_width"))
        self.padding = market1501.padding(self.size[0])
        self.training, self.query, self.gallery = (
            Pictures(part.images, mean=task.mean, std=task.std)
            for part in (task.train, task.query, task.gallery)
        )
        self.identities = tf.constant(task.train.identities)
        self.portions = order.Batches(
            items=len(self.training),
            size=self.asked.count("batch_size"),
            drop_last=True,
            normalised=True,
        )

    def build(self) -> keras.Model:
        """HRNet and its head."""
        network, finder = hrnet18.network(
            *self.size,
            self.task.persons,
            width=self.asked.count("width"),
            blocks=self.asked.count("blocks"),
            dropout=self.asked.number("dropout"),
        )
        self.find = tf.function(
            lambda images: _unit_length(
                finder(images, training=False) + finder(tf.reverse(images, [2]), training=False)
            ),
            input_signature=[tf.TensorSpec([None, *self.size, 3])],
            autograph=False,
        )
        return network

    def choose_optimizer(self) -> optimizers.Optimizer:
        """The backbone at its share of the rate, the head at the full one."""
        turn = max(1, self.asked.count("epochs") * 2 // 3)
        rate, factor = self.asked.number("learning_rate"), self.asked.number("decay_factor")
        optimizer = rates.CoupledSGD(
            rates.every(turn, rate, factor, self.portions.steps),
            momentum=MOMENTUM,
            nesterov=True,
            weight_decay=self.asked.number("weight_decay"),
            slow_rate=self.asked.number("backbone_rate"),
        )
        head = {id(weight) for weight in hrnet18.head_weights(self.network)}
        optimizer.slow_down([w for w in self.network.trainable_variables if id(w) not in head])
        return optimizer

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Full batches alone, as the baseline has them."""
        crops = order.crops(len(self.training), self.padding, seed=self.seed, epoch=epoch)
        for batch in self.portions.of(seed=self.seed, epoch=epoch):
            yield batch, crops.rows[batch], crops.columns[batch], crops.flipped[batch]

    def outcome(self, *batch: tf.Tensor) -> Outcome:
        """Cross-entropy on persons, of shifted and mirrored photographs."""
        images = self.training.cropped(*batch, padding=self.padding, size=self.size)
        scores = self.network(images, training=True)
        return cross_entropy(scores, tf.gather(self.identities, batch[0]))

    def rehearse(self) -> None:
        """A step, and the features of a few photographs."""
        self.step.learn([next(iter(self.batches(1)))], self.seen)
        self.find(self.query.whole(tf.constant([0]), self.size))

    def final(self) -> dict[str, float]:
        """Rank-1, rank-5 and mean average precision."""
        return ranking.judged(
            self._features(self.query),
            self._features(self.gallery),
            query_of=_who_and_where(self.task.query),
            gallery_of=_who_and_where(self.task.gallery),
        )

    def judged_by(self) -> Mapping[str, float]:
        """Queries, and what a gallery in random order gives."""
        query, gallery = (_who_and_where(part) for part in (self.task.query, self.task.gallery))
        return ranking.guessing(query, gallery)

    def more_effective(self) -> Mapping[str, Effective]:
        """The optimizer, the schedule, the layers, the images' size, the data."""
        width, blocks = hrnet18.size_of(self.network)
        height, across = self.network.input_shape[1:3]
        return {
            "weight_decay": self.held_throughout("weight_decay"),
            "decay_factor": self.factor_in_effect(),
            "backbone_rate": self.optimizer.slow_rate_in_effect(),
            "dropout": dropout_in_effect(self.network),
            "width": width,
            "blocks": blocks,
            "image_height": int(height),
            "image_width": int(across),
            **data_in_effect(self.task.name, len(self.training), self.task.total),
        }

    def _features(self, pictures: Pictures) -> Array:
        """Of the photographs and of their mirror images together, as the baseline does; length 1."""
        everything = np.arange(len(pictures))
        rows = [
            self.find(pictures.whole(tf.constant(everything[at : at + FEATURE_BATCH]), self.size))
            for at in range(0, len(pictures), FEATURE_BATCH)
        ]
        found: Array = tf.concat(rows, axis=0).numpy()
        return found


def _unit_length(features: tf.Tensor) -> tf.Tensor:
    return features / tf.maximum(tf.norm(features, axis=1, keepdims=True), 1e-12)


def _who_and_where(part: Photos) -> tuple[Array, Array]:
    return part.identities, part.cameras
