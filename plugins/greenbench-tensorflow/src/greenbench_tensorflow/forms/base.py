"""One training in Keras, as far as all models share it: prepare, learn, judge, tell."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import keras
import numpy as np
import tensorflow as tf
from greenbench_data import order

from greenbench.api import Share, Unused
from greenbench_tensorflow import device, randomness
from greenbench_tensorflow.bookkeeping import Seen, Sums
from greenbench_tensorflow.judge import Outcome
from greenbench_tensorflow.rates import first_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from greenbench_data.models.settings import Asked
    from keras import optimizers

    from greenbench.api import Conditions, Effective, Progress, Value

ROUNDING = 1e-5
"""Relative: of learning rates, which are multiplied in single precision."""
Batch = tuple[Any, ...]
"""Arrays of one step, as `Learning.batches` yields them and `Learning.outcome` takes them."""


class Step:
    """One step of an optimizer, traced once for batches of any length; sums up what comes of it."""

    def __init__(
        self,
        outcome: Callable[..., Outcome],
        network: keras.Model,
        optimizer: optimizers.Optimizer,
        signature: Sequence[tf.TensorSpec],
    ) -> None:
        self.outcome, self.network, self.optimizer = outcome, network, optimizer
        self.sums = Sums()
        self.run = tf.function(self._run, input_signature=signature, autograph=False)

    def _run(self, *batch: tf.Tensor) -> None:
        weights = self.network.trainable_variables
        with tf.GradientTape() as tape:
            loss, hits, count = self.outcome(*batch)
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        self.sums.add(loss, hits, count)

    def learn(self, batches: Iterable[Batch], seen: Seen) -> dict[str, float]:
        """A step on each batch; the means over them, and the loss before the very first step."""
        self.sums.clear()
        first: dict[str, float] = {}
        seen.begin(self.optimizer, self.network.trainable_variables)
        for batch in batches:
            self.run(*map(tf.constant, batch))
            seen.step(len(batch[0]))
            if seen.steps == 1:
                first = {"first_loss": self.sums.metrics()["loss"]}
        return self.sums.metrics() | first


class Learning(ABC):
    """A network learning from batches, from its first weights to the test.

    A form says what it loads, what network and optimizer it has, what the batches of an epoch are
    and what comes of one, and how the held-out part judges it. Data stay on the device as bytes.
    """

    signature: ClassVar[tuple[tf.TensorSpec, ...]]
    """The arrays of a batch."""
    portions: order.Batches
    """How the items of an epoch come to its steps."""
    validates: ClassVar[bool] = True
    """Whether each epoch is followed by a validation, as the published training has it."""

    def __init__(self, asked: Asked, conditions: Conditions) -> None:
        self.asked = asked
        self.seed = conditions.seed
        device.settle(conditions)
        self.load(conditions)
        randomness.seed_everything(conditions.seed)
        self.network = self.build()
        self.optimizer = self.choose_optimizer()
        self.optimizer.build(self.network.trainable_variables)
        self.step = Step(self.outcome, self.network, self.optimizer, self.signature)
        self.seen = Seen()
        self.planned = self.planned_steps()

    # --- what a form says ---

    @abstractmethod
    def load(self, conditions: Conditions) -> None:
        """Puts the data on the device."""

    @abstractmethod
    def build(self) -> keras.Model:
        """The network with the weights that the seed gives."""

    @abstractmethod
    def choose_optimizer(self) -> optimizers.Optimizer:
        """The optimizer with its schedule."""

    @abstractmethod
    def batches(self, epoch: int) -> Iterable[Batch]:
        """The batches of an epoch, in the seed's order."""

    def planned_steps(self) -> int:
        """What epochs, data and batch size come to."""
        return self.portions.steps * self.asked.count("epochs")

    @abstractmethod
    def outcome(self, *batch: tf.Tensor) -> Outcome:
        """Mean loss, hits and items of a training batch. Runs inside a traced function."""

    def validate(self) -> dict[str, float]:
        """The metrics after an epoch."""
        return {}

    @abstractmethod
    def final(self) -> dict[str, float]:
        """The metrics on what was held out."""

    def judged_by(self) -> Mapping[str, float]:
        """What the test reports beside its metrics: of how many items its shares are, and what
        guessing gives where that follows from them. Nothing, if none is a share of items."""
        return {}

    @abstractmethod
    def more_effective(self) -> Mapping[str, Effective]:
        """What was in effect besides epochs, learning rate and batch size."""

    # --- what a trainer calls ---

    def stateful(self) -> list[Any]:
        """All whose variables a step changes."""
        return [self.network, self.optimizer]

    def prepare(self) -> None:
        """A step of each batch shape and every evaluation; then everything as it was."""
        variables = [variable for thing in self.stateful() for variable in thing.variables]
        before = [variable.numpy() for variable in variables]
        random_state = randomness.RandomState.now()
        self.rehearse()
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        self.seen = Seen()
        self.synchronize()
        random_state.restore(self.seed)

    def rehearse(self) -> None:
        """What `prepare` runs."""
        self.step.learn(of_each_size(self.batches(1)), self.seen)
        self.validate()
        self.final()

    def synchronize(self) -> None:
        """Waits for the device."""
        device.synchronize()

    def train(self, progress: Progress) -> None:
        """All epochs, each with its validation if there is one."""
        for number in range(1, self.asked.count("epochs") + 1):
            with progress.epoch(number) as window:
                window.report(**self.step.learn(self.batches(number), self.seen))
                self.seen.epochs += 1
            if self.validates:
                with progress.validation(number) as window:
                    window.report(**self.validate())

    def test(self, progress: Progress) -> Mapping[str, float]:
        """The final metrics."""
        with progress.test() as window:
            metrics = self.final()
            window.report(**metrics, **self.judged_by())
        return metrics

    def effective(self) -> Mapping[str, Effective]:
        """Read from the optimizer, the schedule, the layers, and what the loop counted."""
        return {
            "steps": self.seen.steps,
            "planned_steps": self.planned,
            "epochs": self.seen.epochs,
            "learning_rate": self.seen.first_learning_rate,
            "batch_size": self.seen.largest_batch,
            **self.seen.groups_in_effect(self.optimizer, self.network.trainable_variables),
            **self.more_effective(),
        }

    def environment(self) -> Mapping[str, Value]:
        """What a record should say."""
        weights = self.network.trainable_variables
        return {
            **device.description(weights[0]),
            "parameters": sum(int(np.prod(weight.shape)) for weight in weights),
        }

    # --- reading back ---

    def moved(self) -> bool:
        """Whether the optimizer counted every step, by which its schedule goes."""
        return int(self.optimizer.iterations.numpy()) == self.seen.steps

    def factor_in_effect(self) -> float | Unused:
        """The factor of the optimizer's schedule, if at its first turn the rate in use was multiplied
        by it; what it was multiplied by, if not; NaN, if the schedule was not moved at every step.
        Unused, if no step came after that turn."""
        turn = first_turn(self.optimizer)
        if turn is None or not self.moved():
            return math.nan
        if self.seen.steps <= turn.steps:
            return Unused(turn.factor)
        epoch = turn.steps // self.portions.steps
        before, after = self.seen.rates[epoch - 1 : epoch + 1]
        fits = math.isclose(after, before * turn.factor, rel_tol=ROUNDING)
        return turn.factor if fits else after / before

    def held_throughout(self, name: str) -> float:
        """A setting of the optimizer, for its last group of weights where it has several, that was
        the same from the first step on; else NaN."""
        return self.seen.held_throughout(name, self.optimizer, self.network.trainable_variables)


def data_in_effect(name: str, count: int, total: int) -> dict[str, Effective]:
    """The data set, and the share of its training part that is on the device."""
    return {"data": name, "data_share": Share(count=count, total=total, least=1)}


def of_each_size(batches: Iterable[Batch]) -> Iterator[Batch]:
    """The first batch, and the last one: an epoch has no other shape."""
    first = last = None
    for batch in batches:
        first, last = (batch if first is None else first), batch
    if first is not None:
        yield first
    if last is not None and last is not first:
        yield last
