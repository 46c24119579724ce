"""`stdlib-transformer-lm`: the next byte of running text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from greenbench_data import load, order
from greenbench_data.parts import kept
from torch import nn, optim
from torch.optim import lr_scheduler

from greenbench.api import Share
from greenbench_torch.bookkeeping import Outcome, Seen, only
from greenbench_torch.forms.base import Training, items_used
from greenbench_torch.networks.transformer import Attention, Shape, Transformer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from greenbench_data.models.settings import Asked
    from greenbench_data.parts import Array
    from torch.optim.lr_scheduler import LRScheduler

    from greenbench.api import Effective

BETAS = (0.9, 0.95)
CLIP = 1.0
"""Gradients are scaled down to this norm, as trainings of such networks do (Brown et al. 2020)."""
EVALUATION_BATCH = 128


class Windows:
    """A stream of tokens on the device, cut into windows, each with the token after it; the first
    `share` of its windows."""

    def __init__(
        self, stream: Array, context: int, place: torch.device, share: float = 1.0
    ) -> None:
        self.total = (len(stream) - 1) // context
        if not self.total:
            raise ValueError(f"{len(stream)} tokens hold no window of {context}")
        self.count = kept(self.total, share)
        self.context = context
        self.tokens = torch.from_numpy(stream[: self.count * context + 1].copy()).to(place)

    def __len__(self) -> int:
        return self.count

    def at(self, indices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens (count × context) and those that follow each (int64)."""
        places = torch.arange(self.context + 1, device=indices.device)
        found = self.tokens[indices[:, None] * self.context + places].long()
        return found[:, :-1], found[:, 1:]


class WarmupCosine(lr_scheduler.LambdaLR):
    """Up in a straight line over the first steps, then down to zero by a half cosine."""

    def __init__(self, optimizer: optim.Optimizer, steps: int, share: float) -> None:
        self.steps = steps
        self.warmup_steps = round(steps * share)
        super().__init__(optimizer, self.factor)

    def factor(self, step: int) -> float:
        """Of the full rate, at a step counted from 0."""
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        left = max(1, self.steps - self.warmup_steps)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - self.warmup_steps) / left)))

    def warmup_in_effect(self, seen: Seen) -> Share | float:
        """The steps that warmed up, if it was moved at each of those planned; else NaN."""
        if self.last_epoch != seen.steps or seen.steps != self.steps:
            return math.nan
        return Share(count=self.warmup_steps, total=seen.steps)


def adamw(network: nn.Module, rate: float, weight_decay: float) -> optim.AdamW:
    """AdamW; only matrices decay, as is usual for Transformers."""
    matrices = [p for p in network.parameters() if p.dim() > 1]
    others = [p for p in network.parameters() if p.dim() <= 1]
    groups: list[dict[str, Any]] = [
        {"params": others, "weight_decay": 0.0},
        {"params": matrices, "weight_decay": weight_decay},
    ]
    return optim.AdamW(groups, lr=rate, betas=BETAS)


def shape_of(asked: Asked, vocabulary: int) -> Shape:
    """The sizes that were asked for."""
    return Shape(
        vocabulary=vocabulary,
        context=asked.count("context"),
        width=asked.count("width"),
        heads=asked.count("heads"),
        layers=asked.count("layers"),
    )


def shape_in_effect(trunk: Transformer) -> Mapping[str, Effective]:
    """The sizes that the layers have."""
    context, width = trunk.positions.weight.shape
    return {
        "context": int(context),
        "width": int(width),
        "heads": int(only(m.heads for m in trunk.modules() if isinstance(m, Attention))),
        "layers": len(trunk.blocks),
    }


def next_token(trunk: Transformer, windows: Windows, batch: torch.Tensor) -> Outcome:
    """Cross-entropy a token, and tokens that were foretold."""
    tokens, following = windows.at(batch)
    scores = trunk.next_scores(tokens)
    loss = nn.functional.cross_entropy(scores.flatten(0, 1), following.flatten())
    return Outcome.of(loss, scores, following)


class LanguageTraining(Training):
    """AdamW with a warm-up, then down by a cosine; each window of the text once an epoch."""

    network: Transformer
    schedule: WarmupCosine

    def load(self, folder: Path | None) -> None:
        """Three streams, cut into windows."""
        self.task = load.text(self.asked.text("data"), folder)
        context = self.asked.count("context")
        share = self.asked.number("data_share")
        self.training = Windows(self.task.train, context, self.device, share)
        self.portions = order.Batches(items=len(self.training), size=self.asked.count("batch_size"))
        self.looked_at, self.held_out = (
            Windows(part, context, self.device) for part in (self.task.validation, self.task.test)
        )

    def build(self) -> nn.Module:
        """The Transformer."""
        shape = shape_of(self.asked, self.task.vocabulary)
        return Transformer(shape, dropout=self.asked.number("dropout"))

    def optimization(self) -> tuple[optim.Optimizer, LRScheduler]:
        """The schedule moves at every step."""
        optimizer = adamw(
            self.network, self.asked.number("learning_rate"), self.asked.number("weight_decay")
        )
        share = self.asked.number("warmup_share")
        return optimizer, WarmupCosine(optimizer, self.planned_steps(), share)

    def train(self, progress: Any) -> None:
        """All epochs, each with its validation."""
        for number in range(1, self.asked.count("epochs") + 1):
            with progress.epoch(number) as window:
                window.report(**self.learn(self.batches(number)))
                self.seen.epochs += 1
            self.validate(progress, number)

    def batches(self, epoch: int) -> Iterator[torch.Tensor]:
        """Windows in the epoch's order."""
        for batch in self.portions.of(seed=self.seed, epoch=epoch):
            yield self.on_device(batch)

    def outcome(self, batch: torch.Tensor) -> Outcome:
        """Cross-entropy a token."""
        return next_token(self.network, self.training, batch)

    def step(self, batch: torch.Tensor) -> Outcome:
        """One step with clipped gradients, then one of the schedule."""
        self.optimizer.zero_grad()
        outcome = self.outcome(batch)
        torch.autograd.backward(outcome.loss)
        nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self.seen.step(len(batch), self.optimizer)
        self.optimizer.step()
        self.schedule.step()
        return outcome

    def validation(self) -> dict[str, float]:
        """Of the stream that is looked at after every epoch."""
        return self._judged(self.looked_at)

    def final(self) -> dict[str, float]:
        """Of the stream that was held out."""
        return self._judged(self.held_out)

    def effective(self) -> Mapping[str, Effective]:
        """Read from optimizer, schedule and layers; the rate is the highest there was."""
        return {
            **super().effective(),
            "learning_rate": self.seen.highest_learning_rate,
            "warmup_share": self.schedule.warmup_in_effect(self.seen),
        }

    def more_effective(self) -> Mapping[str, Effective]:
        """The group that decays, the layers, the data."""
        return {
            "weight_decay": self.seen.in_last_group("weight_decay", self.optimizer),
            "dropout": self.dropout_in_effect(),
            **shape_in_effect(self.network),
            "data": self.task.name,
            "data_share": items_used(len(self.training), self.training.total),
        }

    def _judged(self, windows: Windows) -> dict[str, float]:
        found = self.judge(
            len(windows), lambda at: next_token(self.network, windows, at), EVALUATION_BATCH
        )
        return found | {"bits_per_byte": found["loss"] / math.log(2)}
