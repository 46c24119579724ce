"""Optimizers and learning rates of the published trainings, as PyTorch counts them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keras import ops, optimizers
from keras.optimizers import schedules

from greenbench.api import Share

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras

ADADELTA = {"rho": 0.9, "epsilon": 1e-6}
ADAM_EPSILON = 1e-8
"""PyTorch's defaults, which differ from Keras's."""
BETA_2 = 0.95
CLIP = 1.0
"""Gradients are scaled down to this norm, as trainings of Transformers do (Brown et al. 2020)."""


class CoupledSGD(optimizers.SGD):
    """SGD whose weight decay is part of the gradient (L2), as PyTorch's and as published.

    `slow_rate`: the share of the learning rate that `slow` variables have.
    """

    def __init__(
        self, rate: Any, *, weight_decay: float, slow_rate: float = 1.0, **options: Any
    ) -> None:
        super().__init__(learning_rate=rate, weight_decay=weight_decay, **options)
        self.slow_rate = slow_rate
        self.slow: frozenset[int] = frozenset()
        self.slowed: set[int] = set()
        """Those that took a step at the slow rate."""

    def slow_down(self, variables: Sequence[keras.Variable]) -> None:
        """These learn at the slow rate."""
        self.slow = frozenset(map(self._var_key, variables))

    def rate_share(self, variable: keras.Variable) -> float:
        """Of the learning rate, for this variable."""
        return self.slow_rate if self._var_key(variable) in self.slow else 1.0

    def slow_rate_in_effect(self) -> float:
        """The slow rate, if just the slow variables had it; else NaN."""
        return self.slow_rate if self.slowed == self.slow else math.nan

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One variable's step. The backend passes its own variable, not Keras's: `_var_key` is of
        both."""
        key = self._var_key(variable)
        if key in self.slow:
            self.slowed.add(key)
            learning_rate = learning_rate * self.slow_rate
        super().update_step(gradient + self.weight_decay * variable, variable, learning_rate)

    def _apply_weight_decay(self, variables: Sequence[keras.Variable]) -> None:
        """It is in the gradient already."""


class WarmupCosine(schedules.LearningRateSchedule):
    """Up in a straight line over the first steps, then down to zero by a half cosine."""

    def __init__(self, rate: float, steps: int, share: float) -> None:
        self.rate, self.steps = rate, steps
        self.warmup_steps = round(steps * share)

    def __call__(self, step: Any) -> Any:
        """The rate at a step counted from 0."""
        step = ops.cast(step, "float32")
        left = max(1, self.steps - self.warmup_steps)
        passed = ops.clip((step - self.warmup_steps) / left, 0.0, 1.0)
        down = 0.5 * (1.0 + ops.cos(math.pi * passed))
        up = (step + 1.0) / max(1, self.warmup_steps)
        return self.rate * ops.where(step < self.warmup_steps, up, down)

    def get_config(self) -> dict[str, Any]:
        """What it was made of."""
        return {"rate": self.rate, "steps": self.steps, "warmup_steps": self.warmup_steps}

    def highest(self) -> float:
        """The full rate, as the schedule gives it where the warm-up ends."""
        return float(self(self.warmup_steps))

    def warmup_in_effect(self, steps: int) -> Share | float:
        """The steps that warmed up, if there were as many steps as planned; else NaN."""
        return Share(count=self.warmup_steps, total=steps) if steps == self.steps else math.nan


def adadelta(rate: Any) -> optimizers.Adadelta:
    """Adadelta (Zeiler 2012)."""
    return optimizers.Adadelta(learning_rate=rate, **ADADELTA)


def adamw(rate: Any, weight_decay: float, network: keras.Model) -> optimizers.AdamW:
    """AdamW with clipped gradients; only matrices decay, as is usual for Transformers."""
    optimizer = optimizers.AdamW(
        learning_rate=rate,
        weight_decay=weight_decay,
        beta_2=BETA_2,
        epsilon=ADAM_EPSILON,
        global_clipnorm=CLIP,
    )
    vectors = [weight for weight in network.trainable_variables if len(weight.shape) < 2]
    optimizer.exclude_from_weight_decay(var_list=vectors)
    return optimizer


def every(epochs: int, rate: float, factor: float, steps: int) -> Any:
    """Times `factor` after each so many epochs of `steps` steps (PyTorch's `StepLR`)."""
    return schedules.ExponentialDecay(rate, epochs * steps, factor, staircase=True)


def at_milestones(rate: float, factor: float, milestones: Sequence[int], steps: int) -> Any:
    """Times `factor` after each of these epochs of `steps` steps (PyTorch's `MultiStepLR`)."""
    boundaries = [epoch * steps - 1 for epoch in milestones]
    values = [rate * factor**passed for passed in range(len(milestones) + 1)]
    return schedules.PiecewiseConstantDecay(boundaries, values)


@dataclass(frozen=True, slots=True)
class Turn:
    """A schedule's first turn: after so many steps the rate is multiplied by `factor`."""

    steps: int
    factor: float


def first_turn(optimizer: optimizers.Optimizer) -> Turn | None:
    """That of the schedule that the optimizer holds; None without one."""
    held = optimizer.get_config()["learning_rate"]
    config = held["config"] if isinstance(held, dict) else {}
    if "decay_rate" in config:
        return Turn(int(config["decay_steps"]), float(config["decay_rate"]))
    if "values" in config:
        first, second = config["values"][:2]
        return Turn(int(config["boundaries"][0]) + 1, float(second / first))
    return None
