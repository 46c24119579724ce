"""One training of a classifier: data, network, optimizer and the loop over them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from greenbench_data import load, order
from torch import nn

from greenbench_torch import device, optimization, randomness
from greenbench_torch.bookkeeping import Outcome, Seen, Tally, only
from greenbench_torch.networks.digits import NETWORKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenbench_data.models.settings import Settings
    from greenbench_data.parts import Labelled, Part

    from greenbench.api import Conditions, Effective, Progress, Value

EVALUATION_BATCH = 512
"""Images a step without gradients: bounds the memory, leaves the metrics alone."""


class Images:
    """A part of the data on the device."""

    def __init__(self, data: Labelled, part: Part, place: torch.device) -> None:
        channels_first = torch.from_numpy(part.inputs).permute(0, 3, 1, 2)
        self.images = (channels_first.float() / data.brightest).contiguous().to(place)
        self.labels = torch.from_numpy(part.labels).to(place)

    def __len__(self) -> int:
        return len(self.labels)


class Classification:
    """A network learning to tell classes apart, from its first weights to the test."""

    def __init__(self, data: str, network: str, settings: Settings, conditions: Conditions) -> None:
        self.settings = settings
        self.seed = conditions.seed
        self.device = device.device_for(conditions)
        randomness.be_deterministic()
        task = load.classification(data, conditions.data)
        self.training = Images(task, task.train, self.device)
        self.validation = Images(task, task.validation, self.device)
        self.held_out = Images(task, task.test, self.device)
        randomness.seed_everything(conditions.seed)
        side, classes = task.train.inputs.shape[1], task.classes
        self.network = NETWORKS[network](side, classes, settings.dropout).to(self.device)
        self.optimizer = optimization.optimizer_for(self.network, settings)
        self.portions = order.Batches(items=len(self.training), size=settings.batch_size)
        self.planned = settings.epochs * self.portions.steps
        self.schedule = optimization.schedule_for(self.optimizer, settings.schedule, self.planned)
        self.loss = nn.CrossEntropyLoss()
        self.seen = Seen()

    def prepare(self) -> None:
        """A step of each batch shape and both evaluations; then everything as it was."""
        stateful: tuple[Any, ...] = (self.network, self.optimizer, self.schedule)
        before = copy.deepcopy([thing.state_dict() for thing in stateful])
        random_state = randomness.RandomState.now(self.device)
        batch = self.settings.batch_size
        self._learn(torch.arange(batch + len(self.training) % batch))  # a full batch, a last one
        self._evaluate(self.validation)
        self._evaluate(self.held_out)
        for thing, state in zip(stateful, before, strict=True):
            thing.load_state_dict(state)
        self.optimizer.zero_grad()
        self.seen = Seen()
        self.synchronize()
        random_state.restore()

    def synchronize(self) -> None:
        """Waits for the device."""
        device.synchronize(self.device)

    def train(self, progress: Progress) -> None:
        """All epochs: every image once in the seed's order, then a validation."""
        for number in range(1, self.settings.epochs + 1):
            with progress.epoch(number) as window:
                drawn = order.order_of(len(self.training), self.seed, number)
                window.report(**self._learn(torch.from_numpy(drawn)))
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
        return {
            "steps": self.seen.steps,
            "planned_steps": self.planned,
            "epochs": self.seen.epochs,
            "learning_rate": self.seen.first_learning_rate,
            "batch_size": self.seen.largest_batch,
            "dropout": only(m.p for m in self.network.modules() if isinstance(m, nn.Dropout)),
            "weight_decay": self.seen.in_groups("weight_decay", self.optimizer),
            "optimizer": optimization.name_in(optimization.OPTIMIZERS, self.optimizer),
            "schedule": optimization.schedule_in_effect(self.schedule, self.seen.steps),
            **self.seen.groups_in_effect(self.optimizer),
        }

    def environment(self) -> Mapping[str, Value]:
        """What a record should say."""
        parameters = list(self.network.parameters())
        return {
            **device.description(parameters[0]),
            "parameters": sum(int(p.numel()) for p in parameters),
        }

    def _learn(self, order: torch.Tensor) -> dict[str, float]:
        self.network.train()
        tally = Tally(self.device)
        for batch in torch.split(order.to(self.device), self.settings.batch_size):
            images, labels = self.training.images[batch], self.training.labels[batch]
            self.optimizer.zero_grad()
            scores = self.network(images)
            loss = self.loss(scores, labels)
            loss.backward()
            self.seen.step(len(labels), self.optimizer)
            self.optimizer.step()
            self.schedule.step()
            tally.add(Outcome.of(loss, scores, labels))
        return tally.metrics()

    def _evaluate(self, part: Images) -> dict[str, float]:
        self.network.eval()
        tally = Tally(self.device)
        with torch.inference_mode():
            for batch in torch.split(torch.arange(len(part), device=self.device), EVALUATION_BATCH):
                images, labels = part.images[batch], part.labels[batch]
                scores = self.network(images)
                tally.add(Outcome.of(self.loss(scores, labels), scores, labels))
        return tally.metrics()
