"""One training of a classifier: data, network, optimizer and the loop over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from greenbench_data import load, order

from greenbench_tensorflow import device, optimization, randomness
from greenbench_tensorflow.bookkeeping import Seen, Tally
from greenbench_tensorflow.networks import NETWORKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from greenbench_data.models.settings import Settings
    from greenbench_data.parts import Labelled, Part
    from numpy.typing import NDArray

    from greenbench.api import Conditions, Effective, Progress, Value

EVALUATION_BATCH = 512
"""Images a step without gradients: bounds the memory, leaves the metrics alone."""


class Images:
    """A part of the data on the device."""

    def __init__(self, data: Labelled, part: Part) -> None:
        self.images = tf.constant(part.inputs.astype(np.float32) / np.float32(data.brightest))
        self.labels = tf.constant(part.labels)

    def __len__(self) -> int:
        return int(self.labels.shape[0])


class Classification:
    """A network learning to tell classes apart, from its first weights to the test."""

    def __init__(self, data: str, network: str, settings: Settings, conditions: Conditions) -> None:
        self.settings = settings
        self.seed = conditions.seed
        device.settle(conditions)
        task = load.classification(data, conditions.data)
        self.training = Images(task, task.train)
        self.validation = Images(task, task.validation)
        self.held_out = Images(task, task.test)
        randomness.seed_everything(conditions.seed)
        side, classes = task.train.inputs.shape[1], task.classes
        self.network = NETWORKS[network](side, classes, settings.dropout)
        self.portions = order.Batches(items=len(self.training), size=settings.batch_size)
        self.planned = settings.epochs * self.portions.steps
        self.optimizer = optimization.optimizer_for(settings, self.planned)
        self.optimizer.build(self.network.trainable_variables)
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.tally = Tally()
        self.seen = Seen()
        indices = tf.TensorSpec([None], tf.int64)  # any length: traced once for all batches
        self.learn_batch = tf.function(
            self._learn_batch, input_signature=[indices], autograph=False
        )
        self.judge_batch = tf.function(
            self._judge_batch,
            input_signature=[tf.TensorSpec([None, side, side, 1]), indices],
            autograph=False,
        )

    def prepare(self) -> None:
        """Traces, runs each batch shape and both evaluations; then everything as it was."""
        variables = [*self.network.variables, *self.optimizer.variables]
        before = [variable.numpy() for variable in variables]
        random_state = randomness.RandomState.now()
        batch = self.settings.batch_size
        self._learn(np.arange(batch + len(self.training) % batch))  # a full batch, a last one
        self._evaluate(self.validation)
        self._evaluate(self.held_out)
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        self.seen = Seen()
        self.synchronize()
        random_state.restore(self.seed)

    def synchronize(self) -> None:
        """Waits for the device."""
        device.synchronize()

    def train(self, progress: Progress) -> None:
        """All epochs: every image once in the seed's order, then a validation."""
        for number in range(1, self.settings.epochs + 1):
            with progress.epoch(number) as window:
                drawn = order.order_of(len(self.training), self.seed, number)
                window.report(**self._learn(drawn))
                self.seen.epochs += 1
            with progress.validation(number) as window:
                window.report(**self._evaluate(self.validation))

    def test(self, progress: Progress) -> Mapping[str, float]:
        """Accuracy and loss on what was held out."""
        with progress.test() as window:
            metrics = self._evaluate(self.held_out)
            window.report(**metrics, items=len(self.held_out))
        return metrics

    def effective(self) -> Mapping[str, Effective]:
        """Read from the optimizer, the schedule, the layers, and what the loop counted."""
        layers, weights = self.network.layers, self.network.trainable_variables
        return {
            "steps": self.seen.steps,
            "planned_steps": self.planned,
            "epochs": self.seen.epochs,
            "learning_rate": self.seen.first_learning_rate,
            "batch_size": self.seen.largest_batch,
            "dropout": _only(x.rate for x in layers if isinstance(x, keras.layers.Dropout)),
            "weight_decay": self.seen.held_throughout("weight_decay", self.optimizer, weights),
            "optimizer": optimization.optimizer_in_effect(self.optimizer),
            "schedule": optimization.schedule_in_effect(self.optimizer, self.seen.steps),
            **self.seen.groups_in_effect(self.optimizer, weights),
        }

    def environment(self) -> Mapping[str, Value]:
        """What a record should say."""
        return {
            **device.description(self.network.trainable_variables[0]),
            "parameters": int(self.network.count_params()),
        }

    def _learn(self, order: NDArray[Any]) -> dict[str, float]:
        self.seen.begin(self.optimizer, self.network.trainable_variables)
        self.tally.clear()
        for start in range(0, len(order), self.settings.batch_size):
            batch = tf.constant(order[start : start + self.settings.batch_size])
            self.learn_batch(batch)
            self.seen.step(int(batch.shape[0]))
        return self.tally.metrics()

    def _learn_batch(self, batch: tf.Tensor) -> None:
        images = tf.gather(self.training.images, batch)
        labels = tf.gather(self.training.labels, batch)
        with tf.GradientTape() as tape:
            scores = self.network(images, training=True)
            loss = self.loss(labels, scores)
        weights = self.network.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        self.tally.add(scores, labels, loss)

    def _evaluate(self, part: Images) -> dict[str, float]:
        self.tally.clear()
        for start in range(0, len(part), EVALUATION_BATCH):
            end = start + EVALUATION_BATCH
            self.judge_batch(part.images[start:end], part.labels[start:end])
        return self.tally.metrics()

    def _judge_batch(self, images: tf.Tensor, labels: tf.Tensor) -> None:
        scores = self.network(images, training=False)
        self.tally.add(scores, labels, self.loss(labels, scores))


def _only(values: Iterable[float]) -> float:
    """The value that all layers share; NaN, equal to nothing, if they don't."""
    found = set(values)
    return found.pop() if len(found) == 1 else float("nan")
