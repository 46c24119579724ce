"""`stdlib-classifier-finetuning-keras`: a language model first, then its knowledge turned to a task."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from greenbench_data import load, order

from greenbench.api import Share, Unused
from greenbench_tensorflow import rates
from greenbench_tensorflow.bookkeeping import Seen
from greenbench_tensorflow.forms.base import Batch, Learning, Step, data_in_effect, of_each_size
from greenbench_tensorflow.forms.language import EVALUATION_BATCH, Windows, next_token, shape_of
from greenbench_tensorflow.judge import INDICES, Judge, Outcome, cross_entropy
from greenbench_tensorflow.layers import dropout_in_effect
from greenbench_tensorflow.nets import transformer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import keras
    from greenbench_data.parts import Part
    from keras import optimizers

    from greenbench.api import Conditions, Effective, Progress

TEXT = "stdlib-text"
"""What the pre-training reads; it shares no module with the functions."""


class StdlibClassifierFineTuning(Learning):
    """Pre-training on running text, then fine-tuning of all weights with a new layer for the
    classes. The windows of both are epochs, those of the pre-training first."""

    signature = (INDICES,)
    optimizer: optimizers.AdamW

    def load(self, conditions: Conditions) -> None:
        """Running text in windows; functions cut to the context."""
        self.text = load.text(TEXT, conditions.data)
        share = self.asked.number("pretrain_share")
        self.windows = Windows(self.text.train, self.asked.count("context"), share)
        size = self.asked.count("batch_size")
        self.text_portions = order.Batches(items=len(self.windows), size=size)
        name, share = self.asked.text("data"), self.asked.number("data_share")
        self.task = load.classification(name, conditions.data, share)
        self.portions = order.Batches(items=len(self.task.train), size=size)
        self.training = self._on_device(self.task.train)
        self.looked_at, self.held_out = (
            self._judge(part) for part in (self.task.validation, self.task.test)
        )

    def build(self) -> keras.Model:
        """The Transformer with the layer for the classes, and the same with next tokens."""
        shape = shape_of(self.asked, self.text.vocabulary)
        self.reader, classifier = transformer.reader_and_classifier(
            shape, self.task.classes, self.asked.number("dropout")
        )
        return classifier

    def choose_optimizer(self) -> optimizers.Optimizer:
        """An optimizer and a schedule for each phase; those of the fine-tuning are returned."""
        self.text_steps = self.text_portions.steps * self.asked.count("pretrain_epochs")
        self.reading_schedule, self.reading = self._phase(
            "pretrain_learning_rate", self.text_steps, self.reader
        )
        self.reading.build(self.reader.trainable_variables)
        self.read_step = Step(self._foretold, self.reader, self.reading, self.signature)
        self.read = Seen()
        steps = super().planned_steps()
        self.schedule, optimizer = self._phase("learning_rate", steps, self.network)
        return optimizer

    def planned_steps(self) -> int:
        """Of both phases."""
        return self.text_steps + super().planned_steps()

    def stateful(self) -> list[Any]:
        """The network, and the optimizers of both phases."""
        return [self.network, self.reading, self.optimizer]

    def rehearse(self) -> None:
        """Steps of both phases, and the evaluations."""
        if self.asked.count("pretrain_epochs"):
            self.read_step.learn(of_each_size(self._text_batches(1)), self.read)
            self.read = Seen()
        super().rehearse()

    def train(self, progress: Progress) -> None:
        """The pre-training's epochs, then those of the fine-tuning with their validations."""
        before = self.asked.count("pretrain_epochs")
        for number in range(1, before + 1):
            with progress.epoch(number) as window:
                window.report(**self.read_step.learn(self._text_batches(number), self.read))
                self.read.epochs += 1
        for number in range(1, self.asked.count("epochs") + 1):
            with progress.epoch(before + number) as window:
                window.report(**self.step.learn(self.batches(number), self.seen))
                self.seen.epochs += 1
            with progress.validation(before + number) as window:
                window.report(**self.validate())

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Functions in the epoch's order."""
        return self._in_batches(self.portions, epoch)

    def outcome(self, *batch: tf.Tensor) -> Outcome:
        """Cross-entropy on modules."""
        return self._scored(*self.training, batch[0], training=True)

    def validate(self) -> dict[str, float]:
        """Accuracy and loss on the functions that are looked at after every epoch."""
        return self.looked_at.metrics()

    def final(self) -> dict[str, float]:
        """Accuracy and loss on the functions that were held out."""
        return self.held_out.metrics()

    def judged_by(self) -> Mapping[str, float]:
        """Functions."""
        return {"items": len(self.task.test)}

    def effective(self) -> Mapping[str, Effective]:
        """Read from both optimizers and schedules, and from the layers."""
        warmups = [self.schedule.warmup_in_effect(_steps(self.optimizer))]
        if self.read.steps:
            warmups.append(self.reading_schedule.warmup_in_effect(_steps(self.reading)))
        shares = tuple(warmup for warmup in warmups if isinstance(warmup, Share))
        return {
            **super().effective(),
            "steps": self.read.steps + self.seen.steps,
            "learning_rate": self.schedule.highest() if self.moved() else math.nan,
            "warmup_share": shares if len(shares) == len(warmups) else math.nan,
        }

    def more_effective(self) -> Mapping[str, Effective]:
        """The pre-training, the optimizers, the layers, the data."""
        text_weights = self.reader.trainable_variables
        decays = {
            self.read.held_throughout("weight_decay", self.reading, text_weights),
            self.held_throughout("weight_decay"),
        }
        return {
            **self.read.groups_in_effect(self.reading, text_weights, phase="pretrain_"),
            "pretrain_epochs": self.read.epochs,
            **self._reading_in_effect(),
            "weight_decay": decays.pop() if len(decays) == 1 else math.nan,
            "dropout": dropout_in_effect(self.network),
            **transformer.shape_in_effect(self.network),
            **data_in_effect(self.task.name, len(self.task.train), self.task.total),
        }

    def _reading_in_effect(self) -> Mapping[str, Effective]:
        """The rate and the text of the pre-training; without one they are only held."""
        highest = self.reading_schedule.highest()
        windows = Share(count=len(self.windows), total=self.windows.total, least=1)
        if not self.read.steps:
            return {"pretrain_learning_rate": Unused(highest), "pretrain_share": Unused(windows)}
        moved = _steps(self.reading) == self.read.steps
        return {
            "pretrain_learning_rate": highest if moved else math.nan,
            "pretrain_share": windows,
        }

    def _phase(
        self, rate: str, steps: int, network: keras.Model
    ) -> tuple[rates.WarmupCosine, optimizers.AdamW]:
        schedule = rates.WarmupCosine(
            self.asked.number(rate), steps, self.asked.number("warmup_share")
        )
        return schedule, rates.adamw(schedule, self.asked.number("weight_decay"), network)

    def _text_batches(self, epoch: int) -> Iterator[Batch]:
        return self._in_batches(self.text_portions, epoch)

    def _in_batches(self, portions: order.Batches, epoch: int) -> Iterator[Batch]:
        for batch in portions.of(seed=self.seed, epoch=epoch):
            yield (batch,)

    def _foretold(self, indices: tf.Tensor) -> Outcome:
        return next_token(self.reader, self.windows, indices, training=True)

    def _scored(
        self, texts: tf.Tensor, labels: tf.Tensor, indices: tf.Tensor, *, training: bool
    ) -> Outcome:
        scores = self.network(tf.gather(texts, indices), training=training)
        return cross_entropy(scores, tf.gather(labels, indices))

    def _on_device(self, part: Part) -> tuple[tf.Tensor, tf.Tensor]:
        texts = part.inputs[:, : self.asked.count("context")].astype(np.int32)
        return tf.constant(texts), tf.constant(part.labels)

    def _judge(self, part: Part) -> Judge:
        texts, labels = self._on_device(part)
        return Judge(
            len(part),
            lambda indices: self._scored(texts, labels, indices, training=False),
            EVALUATION_BATCH,
        )


def _steps(optimizer: optimizers.Optimizer) -> int:
    return int(optimizer.iterations.numpy())
