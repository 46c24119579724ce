"""`mnist-forward-forward-keras`: layer after layer, each on the whole training data at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import tensorflow as tf
from greenbench_data import load, order
from keras import optimizers

from greenbench_tensorflow.bookkeeping import Seen
from greenbench_tensorflow.forms.base import Batch, Learning, Step, data_in_effect
from greenbench_tensorflow.forms.pictures import Pictures
from greenbench_tensorflow.judge import EVALUATION_BATCH, Outcome
from greenbench_tensorflow.nets import forward_forward
from greenbench_tensorflow.rates import ADAM_EPSILON

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import keras
    from greenbench_data.parts import Part

    from greenbench.api import Conditions, Effective, Progress

ROWS = tf.TensorSpec([None, None], tf.float32)


class MnistForwardForward(Learning):
    """As PyTorch's Forward-Forward example trains: Adam for each layer; the first layer for all
    epochs, then the second on what the first has become. An epoch is one step of one layer on all
    data, so the windows count to layers × epochs."""

    signature = (ROWS, ROWS)

    def load(self, conditions: Conditions) -> None:
        """Flat images; those with their own label drawn in, and those with a wrong one."""
        name, share = self.asked.text("data"), self.asked.number("data_share")
        task = load.classification(name, conditions.data, share)
        self.task = task
        images, white = self._flat(task.train)
        wrong = order.wrong_labels(task.train.labels, task.classes, seed=self.seed)
        self.right, self.wrong = (
            forward_forward.labelled(images, labels, task.classes, white)
            for labels in (task.train.labels, wrong)
        )
        self.held_out, self.white = self._flat(task.test)

    def build(self) -> keras.Model:
        """Two layers."""
        network = forward_forward.network(
            int(self.right.shape[1]),
            width=self.asked.count("width"),
            threshold=self.asked.count("threshold"),
        )
        self.guess = tf.function(
            lambda images: forward_forward.guessed(
                network.layers, images, self.task.classes, self.white
            ),
            input_signature=[ROWS],
            autograph=False,
        )
        return network

    def choose_optimizer(self) -> optimizers.Optimizer:
        """Adam for the first layer; each layer has one of its own, without a schedule."""
        rate = self.asked.number("learning_rate")
        self.optimizers = [
            optimizers.Adam(learning_rate=rate, epsilon=ADAM_EPSILON) for _ in self.network.layers
        ]
        pairs = list(zip(self.network.layers, self.optimizers, strict=True))
        for layer, optimizer in pairs:
            optimizer.build(layer.trainable_variables)
        self.steps = [
            Step(_outcome_of(layer), layer, optimizer, self.signature) for layer, optimizer in pairs
        ]
        self.layers_seen = [Seen() for _ in pairs]
        return self.optimizers[0]

    def planned_steps(self) -> int:
        """One an epoch, of each layer."""
        return len(self.network.layers) * self.asked.count("epochs")

    def stateful(self) -> list[Any]:
        """The network and every layer's optimizer."""
        return [self.network, *self.optimizers]

    def rehearse(self) -> None:
        """A step of each layer, and the test."""
        for _, step, batch in self._layers():
            step.learn([batch], Seen())
        self.final()

    def train(self, progress: Progress) -> None:
        """All epochs of the first layer, then all of the second."""
        epochs = self.asked.count("epochs")
        for place, step, batch in self._layers():
            seen = self.layers_seen[place]
            for number in range(1, epochs + 1):
                with progress.epoch(place * epochs + number) as window:
                    found = step.learn([batch], seen)
                    del found["accuracy"]  # a layer by itself tells no classes
                    if place:
                        found.pop("first_loss", None)
                    window.report(**found)
                    seen.epochs += 1

    def batches(self, epoch: int) -> Iterable[Batch]:  # noqa: ARG002 (all are the same)
        """There is one batch: everything."""
        return [(self.right, self.wrong)]

    def outcome(self, *batch: tf.Tensor) -> Outcome:
        """Of the first layer; the others learn from what it makes of the batch."""
        found: Outcome = _outcome_of(self.network.layers[0])(*batch)
        return found

    def final(self) -> dict[str, float]:
        """The share of held-out images whose liveliest label is their own."""
        hits, labels = 0, self.task.test.labels
        for start in range(0, len(labels), EVALUATION_BATCH):
            end = start + EVALUATION_BATCH
            hits += int((self.guess(self.held_out[start:end]).numpy() == labels[start:end]).sum())
        return {"accuracy": hits / len(labels)}

    def judged_by(self) -> Mapping[str, float]:
        """Images."""
        return {"items": len(self.task.test)}

    def effective(self) -> Mapping[str, Effective]:
        """Read from the layers and their optimizers, and from what those counted."""
        counted = {int(optimizer.iterations.numpy()) for optimizer in self.optimizers}
        used = {rate for seen in self.layers_seen for rate in seen.rates}
        groups: dict[str, Effective] = {}
        for place, layer in enumerate(self.network.layers):
            groups |= self.layers_seen[place].groups_in_effect(
                self.optimizers[place], layer.trainable_variables, first=place + 1
            )
        thresholds = {layer.threshold for layer in self.network.layers}
        widths = {int(layer.linear.units) for layer in self.network.layers}
        return {
            "steps": sum(seen.steps for seen in self.layers_seen),
            "planned_steps": self.planned,
            "epochs": counted.pop() if len(counted) == 1 else math.nan,
            "learning_rate": used.pop() if len(used) == 1 else math.nan,
            **groups,
            "threshold": thresholds.pop() if len(thresholds) == 1 else math.nan,
            "width": widths.pop() if len(widths) == 1 else math.nan,
            **data_in_effect(self.task.name, int(self.right.shape[0]), self.task.total),
        }

    def more_effective(self) -> Mapping[str, Effective]:
        """Nothing: `effective` says all."""
        return {}

    def _layers(self) -> Iterator[tuple[int, Step, Batch]]:
        """Each layer's place and step, with what the layers before it have made of the images."""
        right, wrong = self.right, self.wrong
        for place, (layer, step) in enumerate(zip(self.network.layers, self.steps, strict=True)):
            yield place, step, (right, wrong)
            right, wrong = layer(right), layer(wrong)

    def _flat(self, part: Part) -> tuple[tf.Tensor, float]:
        """All images as rows of pixels, and the brightest of them."""
        whole = Pictures.of(self.task, part).whole(tf.range(len(part)))
        flat = tf.reshape(whole, [len(part), -1])
        return flat, float(tf.reduce_max(flat))


def _outcome_of(layer: forward_forward.Lively) -> Any:
    def outcome(right: tf.Tensor, wrong: tf.Tensor) -> Outcome:
        return layer.loss(right, wrong), tf.constant(0), tf.shape(right)[0]

    return outcome
