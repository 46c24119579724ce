"""What all forms of training share: preparing, the windows, steps, counting what was done."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from greenbench_data import order
from torch import nn

from greenbench.api import Share, Unused
from greenbench_torch import device, randomness
from greenbench_torch.bookkeeping import Outcome, Seen, Tally, only

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from greenbench_data.models.settings import Asked
    from torch import optim
    from torch.optim.lr_scheduler import LRScheduler

    from greenbench.api import Conditions, Effective, Progress, Value

EVALUATION_BATCH = 512
"""Items a step without gradients: bounds the memory, leaves the metrics alone."""
ROUNDING = 1e-9
"""Relative: of learning rates, which are multiplied in double precision."""


class Training(ABC):
    """One training, from its first weights to the test.

    A form says what it loads, what network and optimizer it has, what the batches of an epoch are
    and what comes of one, and how the held-out part judges it. Data stay on the device as bytes.
    """

    network: nn.Module
    optimizer: optim.Optimizer
    schedule: LRScheduler
    portions: order.Batches
    """How the items of an epoch come to its steps."""

    def __init__(self, asked: Asked, conditions: Conditions) -> None:
        self.asked = asked
        self.seed = conditions.seed
        self.device = device.device_for(conditions)
        randomness.be_deterministic()
        self.load(conditions.data)
        randomness.seed_everything(conditions.seed)
        self.network = self.build().to(self.device)
        self.seen = Seen()
        self.optimizer, self.schedule = self.optimization()
        self.planned = self.planned_steps()

    # --- what a form says ---

    @abstractmethod
    def load(self, folder: Path | None) -> None:
        """Brings the data to the device."""

    @abstractmethod
    def build(self) -> nn.Module:
        """The network with the weights that the seed gives."""

    @abstractmethod
    def optimization(self) -> tuple[optim.Optimizer, LRScheduler]:
        """The optimizer, and the schedule that moves its rate once an epoch."""

    @abstractmethod
    def batches(self, epoch: int) -> Iterable[Any]:
        """What each step of the epoch learns from, in the seed's order."""

    def planned_steps(self) -> int:
        """What epochs, data and batch size come to."""
        return self.portions.steps * self.asked.count("epochs")

    @abstractmethod
    def outcome(self, batch: Any) -> Outcome:
        """Loss and hits of a batch."""

    @abstractmethod
    def final(self) -> dict[str, float]:
        """The model's metrics on what was held out."""

    def judged_by(self) -> Mapping[str, float]:
        """What the test reports beside its metrics: of how many items its shares are, and what
        guessing gives where that follows from them. Nothing, if none is a share of items."""
        return {}

    def validation(self) -> dict[str, float] | None:
        """Metrics after an epoch; None where the published training looks at none."""
        return None

    @abstractmethod
    def more_effective(self) -> Mapping[str, Effective]:
        """What was in effect besides epochs, learning rate and batch size."""

    # --- what a trainer calls ---

    def stateful(self) -> list[Any]:
        """All that a step changes and that must be put back after preparing."""
        return [self.network, self.optimizer, self.schedule]

    def prepare(self) -> None:
        """A step of each batch shape and every evaluation; then everything as it was."""
        before = copy.deepcopy([thing.state_dict() for thing in self.stateful()])
        random_state = randomness.RandomState.now(self.device)
        self.rehearse()
        for thing, state in zip(self.stateful(), before, strict=True):
            thing.load_state_dict(state)
        self.optimizer.zero_grad()
        self.seen = Seen()
        self.synchronize()
        random_state.restore()

    def rehearse(self) -> None:
        """What `prepare` runs."""
        self.learn(of_each_size(self.batches(1)))
        self.validation()
        self.final()

    def synchronize(self) -> None:
        """Waits for the device."""
        device.synchronize(self.device)

    def train(self, progress: Progress) -> None:
        """All epochs, each with its validation if there is one."""
        for number in range(1, self.asked.count("epochs") + 1):
            with progress.epoch(number) as window:
                window.report(**self.learn(self.batches(number)))
                self.seen.epochs += 1
                self.schedule.step()
            self.validate(progress, number)

    def validate(self, progress: Progress, number: int) -> None:
        """The validation after epoch `number`, in its own window, if this form has one."""
        if type(self).validation is not Training.validation:
            with progress.validation(number) as window:
                window.report(**(self.validation() or {}))

    def test(self, progress: Progress) -> Mapping[str, float]:
        """The final metrics."""
        with progress.test() as window:
            metrics = self.final()
            window.report(**metrics, **self.judged_by())
        return metrics

    def effective(self) -> Mapping[str, Effective]:
        """Read from optimizer, schedule and layers, and from what the loop counted."""
        return {
            "steps": self.seen.steps,
            "planned_steps": self.planned,
            "epochs": self.seen.epochs,
            "learning_rate": self.seen.first_learning_rate,
            "batch_size": self.seen.largest_batch,
            **self.seen.groups_in_effect(self.optimizer),
            **self.more_effective(),
        }

    def environment(self) -> Mapping[str, Value]:
        """What a record should say."""
        parameters = list(self.network.parameters())
        return {
            **device.description(parameters[0]),
            "parameters": sum(int(p.numel()) for p in parameters),
        }

    # --- the loop ---

    def learn(self, batches: Iterable[Any]) -> dict[str, float]:
        """A step on each batch; the means over them, and the loss before the very first step."""
        return self.run_through(batches, self.step, self.seen)

    def run_through(
        self, batches: Iterable[Any], step: Callable[[Any], Outcome], seen: Seen
    ) -> dict[str, float]:
        """`learn` for steps of any kind, which `seen` counts."""
        self.network.train()
        tally = Tally(self.device)
        first: torch.Tensor | None = None
        for batch in batches:
            outcome = step(batch)
            if seen.steps == 1:
                first = outcome.loss.detach()
            tally.add(outcome)
        return tally.metrics() | ({} if first is None else {"first_loss": float(first.item())})

    def step(self, batch: Any) -> Outcome:
        """One step of the optimizer."""
        self.optimizer.zero_grad()
        outcome = self.outcome(batch)
        torch.autograd.backward(outcome.loss)
        self.seen.step(self.size_of(batch), self.optimizer)
        self.optimizer.step()
        return outcome

    def size_of(self, batch: Any) -> int:
        """Items of a batch."""
        return len(batch)

    def judge(
        self, count: int, outcome: Callable[[torch.Tensor], Outcome], size: int = EVALUATION_BATCH
    ) -> dict[str, float]:
        """Means over `count` items without gradients; `outcome` takes indices on the device."""
        self.network.eval()
        tally = Tally(self.device)
        with torch.inference_mode():
            for indices in torch.split(torch.arange(count, device=self.device), size):
                tally.add(outcome(indices))
        return tally.metrics()

    # --- reading back ---

    def on_device(self, indices: Any) -> torch.Tensor:
        """NumPy's indices or values as a tensor on the device."""
        return torch.from_numpy(indices).to(self.device)

    def dropout_in_effect(self) -> float:
        """That of all dropout layers."""
        return only(m.p for m in self.network.modules() if isinstance(m, nn.Dropout))

    def in_groups(self, name: str) -> float:
        """A setting that all of the optimizer's groups share, from the first step on."""
        return self.seen.in_groups(name, self.optimizer)

    def turned(self, factor: float, first_turn: int) -> float | Unused:
        """A schedule's factor, if after the epoch `first_turn`, counted from 1, the rate in use was
        multiplied by it; what it was multiplied by, if not; NaN, if the schedule was not moved after
        every epoch. Unused, if no epoch followed."""
        if self.schedule.last_epoch != self.seen.epochs:
            return math.nan
        if self.seen.epochs <= first_turn:
            return Unused(factor)
        before, after = self.seen.rates[first_turn - 1 : first_turn + 1]
        return factor if math.isclose(after, before * factor, rel_tol=ROUNDING) else after / before


def items_used(count: int, total: int) -> Share:
    """The share of the training data that `count` items on the device are."""
    return Share(count=count, total=total, least=1)


def of_each_size(batches: Iterable[Any]) -> Iterator[Any]:
    """The first batch, and the last one: an epoch has no other shape."""
    first = last = None
    for batch in batches:
        first, last = (batch if first is None else first), batch
    if first is not None:
        yield first
    if last is not first:
        yield last
