"""What a training counts while it runs: batches seen, loss and accuracy summed up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from greenbench_data.models.groups import Moved, groups_in_effect
from torch import optim

from greenbench.api import Effective, Value

HELD: Final = {
    "momentum": "momentum",
    "dampening": "dampening",
    "nesterov": "nesterov",
    "weight_decay": "weight_decay",
    "rho": "rho",
    "alpha": "alpha",
    "eps": "epsilon",
    "amsgrad": "amsgrad",
}
"""Settings of an optimizer's group beside its rate, and the names by which records tell them."""


@dataclass(slots=True)
class Seen:
    """What the loop truly did, and what the optimizer held as it did."""

    epochs: int = 0
    steps: int = 0
    largest_batch: int = 0
    highest_learning_rate: float = -math.inf
    rates: list[float] = field(default_factory=list)
    """The learning rate of each epoch's first step; of the last group, where there are several."""
    first_rates: list[float] = field(default_factory=list)
    last_rates: list[float] = field(default_factory=list)
    """Those of every group, at the first step and at the last one."""
    held: list[dict[str, Value]] = field(default_factory=list)
    """What every group held at the first step."""

    def step(self, batch: int, optimizer: optim.Optimizer) -> None:
        """One step on `batch` items, which the optimizer is about to take."""
        self.last_rates = [float(group["lr"]) for group in optimizer.param_groups]
        rate = self.last_rates[-1]
        if self.steps == 0:
            self.first_rates, self.held = self.last_rates, held_by(optimizer)
        if len(self.rates) == self.epochs:
            self.rates.append(rate)
        self.highest_learning_rate = max(self.highest_learning_rate, rate)
        self.steps += 1
        self.largest_batch = max(self.largest_batch, batch)

    @property
    def first_learning_rate(self) -> float:
        """That of the very first step; NaN if there was none."""
        return self.rates[0] if self.rates else math.nan

    def in_groups(self, name: str, optimizer: optim.Optimizer) -> float:
        """A setting that all groups share and held from the first step on; else NaN."""
        return only(float(group[name]) for group in [*self.held, *held_by(optimizer)])

    def in_last_group(self, name: str, optimizer: optim.Optimizer) -> float:
        """A setting that the last group held from the first step on; else NaN."""
        return only(float(held[name]) for held in [*self.held[-1:], held_by(optimizer)[-1]])

    def groups_in_effect(
        self, optimizer: optim.Optimizer, *, phase: str = "", first: int = 1
    ) -> dict[str, Effective]:
        """The optimizer, and for each of its groups, numbered from `first`, how many parameters it
        moved, at which rates in the first and the last step, and what else it held (what it held
        otherwise at the end, too). `phase` comes before each name."""
        groups = zip(optimizer.param_groups, self.held, held_by(optimizer), strict=False)
        moved = (
            Moved(
                parameters=sum(int(p.numel()) for p in group["params"]),
                first_learning_rate=self.first_rates[place],
                last_learning_rate=self.last_rates[place],
                held=before,
                held_at_end=after,
            )
            for place, (group, before, after) in enumerate(groups)
        )
        return groups_in_effect(optimizer, moved, phase=phase, first=first)


def held_by(optimizer: optim.Optimizer) -> list[dict[str, Value]]:
    """What each group holds now, beside its rate."""
    return [_settings(group) for group in optimizer.param_groups]


def _settings(group: Mapping[str, Any]) -> dict[str, Value]:
    found: dict[str, Value] = {HELD[name]: group[name] for name in HELD if name in group}
    if "betas" in group:
        found["beta_1"], found["beta_2"] = map(float, group["betas"])
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one batch: the mean loss, how many items, how many of them were right."""

    loss: torch.Tensor
    items: int
    correct: torch.Tensor

    @classmethod
    def of(cls, loss: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor) -> Outcome:
        """Scores (… × classes) against labels (…)."""
        return cls(loss, labels.numel(), (scores.argmax(dim=-1) == labels).sum())


class Tally:
    """Loss and accuracy summed up on the device and read once, so that no step waits for it."""

    def __init__(self, place: torch.device) -> None:
        self.items = 0
        self.loss = torch.zeros((), device=place)
        self.correct = torch.zeros((), device=place, dtype=torch.int64)

    def add(self, outcome: Outcome) -> None:
        """Adds one batch."""
        self.items += outcome.items
        self.loss += outcome.loss.detach() * outcome.items
        self.correct += outcome.correct

    def metrics(self) -> dict[str, float]:
        """Means over all items; a loss that is not a number stays one."""
        return {
            "accuracy": float(self.correct.item()) / self.items,
            "loss": float(self.loss.item()) / self.items,
        }


def only(values: Iterable[float]) -> float:
    """The value that all layers or parameter groups share; NaN, equal to nothing, if they don't."""
    found = set(values)
    return found.pop() if len(found) == 1 else math.nan
