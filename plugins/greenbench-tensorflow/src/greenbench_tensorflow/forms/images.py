"""Learning the classes of images: `mnist-cnn-keras` and `cifar10-resnet20-keras`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import tensorflow as tf
from greenbench_data import load, order

from greenbench_tensorflow import rates
from greenbench_tensorflow.forms.base import Batch, Learning, data_in_effect
from greenbench_tensorflow.forms.pictures import Pictures
from greenbench_tensorflow.judge import INDICES, Judge, Outcome, cross_entropy
from greenbench_tensorflow.layers import first_width
from greenbench_tensorflow.nets import mnist_cnn, resnet20

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import keras
    from greenbench_data.parts import Part
    from keras import optimizers

    from greenbench.api import Conditions, Effective

FLAGS = tf.TensorSpec([None], tf.bool)


class ImageLearning(Learning):
    """Cross-entropy on classes; every image once an epoch."""

    signature: ClassVar[tuple[tf.TensorSpec, ...]] = (INDICES,)
    normalised: ClassVar[bool] = False
    """Whether the network has batch normalisation."""

    def load(self, conditions: Conditions) -> None:
        """The three parts."""
        name, share = self.asked.text("data"), self.asked.number("data_share")
        task = load.classification(name, conditions.data, share)
        self.task = task
        self.training = Pictures.of(task, task.train)
        self.labels = tf.constant(task.train.labels)
        self.portions = order.Batches(
            items=len(self.training),
            size=self.asked.count("batch_size"),
            normalised=self.normalised,
        )
        self.looked_at, self.held_out = self._judge(task.validation), self._judge(task.test)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Indices in the epoch's order."""
        for batch in self.portions.of(seed=self.seed, epoch=epoch):
            yield (batch,)

    def outcome(self, *batch: tf.Tensor) -> Outcome:
        """Cross-entropy of whole images."""
        (indices,) = batch
        scores = self.network(self.training.whole(indices), training=True)
        return cross_entropy(scores, tf.gather(self.labels, indices))

    def validate(self) -> dict[str, float]:
        """Accuracy and loss on the part that is looked at after every epoch."""
        return self.looked_at.metrics()

    def final(self) -> dict[str, float]:
        """Accuracy and loss on what was held out."""
        return self.held_out.metrics()

    def judged_by(self) -> Mapping[str, float]:
        """Images."""
        return {"items": len(self.task.test)}

    def more_effective(self) -> Mapping[str, Effective]:
        """The data."""
        return data_in_effect(self.task.name, len(self.training), self.task.total)

    def _judge(self, part: Part) -> Judge:
        pictures, labels = Pictures.of(self.task, part), tf.constant(part.labels)

        def outcome(indices: tf.Tensor) -> Outcome:
            scores = self.network(pictures.whole(indices), training=False)
            return cross_entropy(scores, tf.gather(labels, indices))

        return Judge(len(part), outcome)


class MnistCnn(ImageLearning):
    """As PyTorch's MNIST example trains: Adadelta, its rate times γ after each epoch."""

    def build(self) -> keras.Model:
        """The network of the example."""
        side, channels = self.task.train.inputs.shape[2:]
        return mnist_cnn.network(
            side,
            channels,
            self.task.classes,
            width=self.asked.count("width"),
            dropout=self.asked.number("dropout"),
            hidden=self.asked.number("hidden_dropout"),
        )

    def choose_optimizer(self) -> optimizers.Optimizer:
        """Adadelta at PyTorch's ρ and ε."""
        rate, gamma = self.asked.number("learning_rate"), self.asked.number("gamma")
        return rates.adadelta(rates.every(1, rate, gamma, self.portions.steps))

    def more_effective(self) -> Mapping[str, Effective]:
        """The schedule, the layers, the data."""
        return {
            "gamma": self.factor_in_effect(),
            "dropout": float(self.network.get_layer("dropout").rate),
            "hidden_dropout": float(self.network.get_layer("hidden_dropout").rate),
            "width": first_width(self.network),
            **super().more_effective(),
        }


class Cifar10ResNet20(ImageLearning):
    """As He et al. (2016) train: SGD, a tenth of the rate after half and after three quarters,
    images shifted by up to 4 pixels and mirrored."""

    signature = (INDICES, INDICES, INDICES, FLAGS)
    normalised = True
    padding = 4
    optimizer: rates.CoupledSGD

    def build(self) -> keras.Model:
        """ResNet-20."""
        side, channels = self.task.train.inputs.shape[2:]
        width = self.asked.count("width")
        return resnet20.network(side, channels, self.task.classes, width=width)

    def choose_optimizer(self) -> optimizers.Optimizer:
        """SGD whose weight decay is part of the gradient."""
        epochs = self.asked.count("epochs")
        rate = rates.at_milestones(
            self.asked.number("learning_rate"),
            self.asked.number("decay_factor"),
            (math.ceil(epochs / 2), math.ceil(epochs * 3 / 4)),
            self.portions.steps,
        )
        momentum, decay = self.asked.number("momentum"), self.asked.number("weight_decay")
        return rates.CoupledSGD(rate, momentum=momentum, weight_decay=decay)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Indices in the epoch's order, with the window and the mirroring of each."""
        crops = order.crops(len(self.training), self.padding, seed=self.seed, epoch=epoch)
        for (batch,) in super().batches(epoch):
            yield batch, crops.rows[batch], crops.columns[batch], crops.flipped[batch]

    def outcome(self, *batch: tf.Tensor) -> Outcome:
        """Cross-entropy of shifted and mirrored images."""
        images = self.training.cropped(*batch, padding=self.padding)
        scores = self.network(images, training=True)
        return cross_entropy(scores, tf.gather(self.labels, batch[0]))

    def more_effective(self) -> Mapping[str, Effective]:
        """The optimizer, the schedule, the layers, the data."""
        return {
            "momentum": self.held_throughout("momentum"),
            "weight_decay": self.held_throughout("weight_decay"),
            "decay_factor": self.factor_in_effect(),
            "width": first_width(self.network),
            **super().more_effective(),
        }
