"""`stdlib-classifier-finetuning`: a language model first, then its knowledge turned to a task."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import torch
from greenbench_data import load, order
from torch import nn, optim

from greenbench.api import Share, Unused
from greenbench_torch.bookkeeping import Outcome, Seen
from greenbench_torch.forms.base import Training, items_used, of_each_size
from greenbench_torch.forms.language import (
    CLIP,
    WarmupCosine,
    Windows,
    adamw,
    next_token,
    shape_in_effect,
    shape_of,
)
from greenbench_torch.networks.transformer import TextClassifier, Transformer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from greenbench_data.parts import Part
    from torch.optim.lr_scheduler import LRScheduler

    from greenbench.api import Effective, Progress

TEXT = "stdlib-text"
"""What the pre-training reads; it shares no module with the functions."""
EVALUATION_BATCH = 128


class FineTuning(Training):
    """Pre-training on running text, then fine-tuning of all weights with a new layer for the
    classes. The windows of both are epochs, those of the pre-training first."""

    network: TextClassifier
    schedule: WarmupCosine

    def load(self, folder: Path | None) -> None:
        """Running text in windows; functions cut to the context."""
        context = self.asked.count("context")
        self.text = load.text(TEXT, folder)
        share = self.asked.number("pretrain_share")
        self.windows = Windows(self.text.train, context, self.device, share)
        size = self.asked.count("batch_size")
        self.text_portions = order.Batches(items=len(self.windows), size=size)
        name, share = self.asked.text("data"), self.asked.number("data_share")
        self.task = load.classification(name, folder, share)
        self.portions = order.Batches(items=len(self.task.train), size=size)
        self.parts = {
            id(part): (self.on_device(part.inputs[:, :context]), self.on_device(part.labels))
            for part in (self.task.train, self.task.validation, self.task.test)
        }

    def build(self) -> nn.Module:
        """The Transformer, and the layer for the classes."""
        shape = shape_of(self.asked, self.text.vocabulary)
        trunk = Transformer(shape, dropout=self.asked.number("dropout"))
        return TextClassifier(trunk, self.task.classes)

    def optimization(self) -> tuple[optim.Optimizer, LRScheduler]:
        """An optimizer and a schedule for each phase; those of the fine-tuning are returned."""
        decay, share = self.asked.number("weight_decay"), self.asked.number("warmup_share")
        self.reading = adamw(self.network.trunk, self.asked.number("pretrain_learning_rate"), decay)
        self.text_steps = self.text_portions.steps * self.asked.count("pretrain_epochs")
        self.reading_schedule = WarmupCosine(self.reading, self.text_steps, share)
        optimizer = adamw(self.network, self.asked.number("learning_rate"), decay)
        self.read = Seen()
        return optimizer, WarmupCosine(optimizer, super().planned_steps(), share)

    def planned_steps(self) -> int:
        """Of both phases."""
        return self.text_steps + super().planned_steps()

    def stateful(self) -> list[Any]:
        """The network, and the optimizers and schedules of both phases."""
        return [
            self.network,
            self.reading,
            self.reading_schedule,
            self.optimizer,
            self.schedule,
        ]

    def rehearse(self) -> None:
        """Steps of both phases, and the evaluations."""
        if self.asked.count("pretrain_epochs"):
            self._read_epoch(of_each_size(self._text_batches(1)))
        self.learn(of_each_size(self.batches(1)))
        self.validation()
        self.final()
        self.read = Seen()

    def train(self, progress: Progress) -> None:
        """The pre-training's epochs, then those of the fine-tuning with their validations."""
        before = self.asked.count("pretrain_epochs")
        for number in range(1, before + 1):
            with progress.epoch(number) as window:
                window.report(**self._read_epoch(self._text_batches(number)))
                self.read.epochs += 1
        for number in range(1, self.asked.count("epochs") + 1):
            with progress.epoch(before + number) as window:
                window.report(**self.learn(self.batches(number)))
                self.seen.epochs += 1
            self.validate(progress, before + number)

    def batches(self, epoch: int) -> Iterator[torch.Tensor]:
        """Functions in the epoch's order."""
        for batch in self.portions.of(seed=self.seed, epoch=epoch):
            yield self.on_device(batch)

    def outcome(self, batch: torch.Tensor) -> Outcome:
        """Cross-entropy on modules."""
        return self._scored(self.task.train, batch)

    def step(self, batch: torch.Tensor) -> Outcome:
        """One step with clipped gradients, then one of the schedule."""
        outcome = self.outcome(batch)
        self._descend(outcome.loss, self.optimizer, self.schedule, self.seen, len(batch))
        return outcome

    def validation(self) -> dict[str, float]:
        """Accuracy and loss on the functions that are looked at after every epoch."""
        return self._judged(self.task.validation)

    def final(self) -> dict[str, float]:
        """Accuracy and loss on the functions that were held out."""
        return self._judged(self.task.test)

    def judged_by(self) -> Mapping[str, float]:
        """Functions."""
        return {"items": len(self.task.test)}

    def effective(self) -> Mapping[str, Effective]:
        """Read from both optimizers and schedules, and from the layers."""
        warmups = [self.schedule.warmup_in_effect(self.seen)]
        if self.read.steps:
            warmups.append(self.reading_schedule.warmup_in_effect(self.read))
        shares = tuple(warmup for warmup in warmups if isinstance(warmup, Share))
        return {
            **super().effective(),
            "steps": self.read.steps + self.seen.steps,
            "learning_rate": self.seen.highest_learning_rate,
            "warmup_share": shares if len(shares) == len(warmups) else float("nan"),
        }

    def more_effective(self) -> Mapping[str, Effective]:
        """The pre-training, the groups that decay, the layers, the data."""
        decays = {
            seen.in_last_group("weight_decay", optimizer)
            for seen, optimizer in ((self.read, self.reading), (self.seen, self.optimizer))
        }
        return {
            **self.read.groups_in_effect(self.reading, phase="pretrain_"),
            "pretrain_epochs": self.read.epochs,
            **self._reading_in_effect(),
            "weight_decay": decays.pop() if len(decays) == 1 else float("nan"),
            "dropout": self.dropout_in_effect(),
            **shape_in_effect(self.network.trunk),
            "data": self.task.name,
            "data_share": items_used(len(self.task.train), self.task.total),
        }

    def _reading_in_effect(self) -> Mapping[str, Effective]:
        """The rate and the text of the pre-training; without one they are only held."""
        windows = items_used(len(self.windows), self.windows.total)
        if not self.read.steps:
            rate = float(self.reading_schedule.base_lrs[-1])
            return {"pretrain_learning_rate": Unused(rate), "pretrain_share": Unused(windows)}
        return {
            "pretrain_learning_rate": self.read.highest_learning_rate,
            "pretrain_share": windows,
        }

    def _text_batches(self, epoch: int) -> Iterator[torch.Tensor]:
        for batch in self.text_portions.of(seed=self.seed, epoch=epoch):
            yield self.on_device(batch)

    def _read_epoch(self, batches: Iterator[torch.Tensor]) -> dict[str, float]:
        return self.run_through(batches, self._read_step, self.read)

    def _read_step(self, batch: torch.Tensor) -> Outcome:
        outcome = next_token(self.network.trunk, self.windows, batch)
        self._descend(outcome.loss, self.reading, self.reading_schedule, self.read, len(batch))
        return outcome

    def _descend(
        self,
        loss: torch.Tensor,
        optimizer: optim.Optimizer,
        schedule: WarmupCosine,
        seen: Seen,
        items: int,
    ) -> None:
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        parameters = itertools.chain(*(group["params"] for group in optimizer.param_groups))
        nn.utils.clip_grad_norm_(parameters, CLIP)
        seen.step(items, optimizer)
        optimizer.step()
        schedule.step()

    def _scored(self, part: Part, batch: torch.Tensor) -> Outcome:
        texts, labels = self.parts[id(part)]
        scores, wanted = self.network(texts[batch].long()), labels[batch]
        return Outcome.of(nn.functional.cross_entropy(scores, wanted), scores, wanted)

    def _judged(self, part: Part) -> dict[str, float]:
        return self.judge(len(part), lambda at: self._scored(part, at), EVALUATION_BATCH)
