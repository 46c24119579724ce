"""Optimizers and learning-rate schedules by name, and the names read back from the objects."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from keras import optimizers
from keras.optimizers import schedules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenbench_data.models.settings import Settings

OPTIMIZERS: Mapping[str, type[Any]] = {
    "sgd": optimizers.SGD,
    "adam": optimizers.Adam,
    "adamw": optimizers.AdamW,
    "rmsprop": optimizers.RMSprop,
}
SCHEDULES = {"CosineDecay": "cosine", "PiecewiseConstantDecay": "step"}
"""Keras's classes and our names; without a schedule the rate is constant."""


def optimizer_for(settings: Settings, steps: int) -> optimizers.Optimizer:
    """The optimizer that the settings name, its rate on the schedule of `steps` steps."""
    extra = {"momentum": 0.9} if settings.optimizer == "sgd" else {}
    return OPTIMIZERS[settings.optimizer](
        learning_rate=_rate(settings, steps), weight_decay=settings.weight_decay, **extra
    )


def _rate(settings: Settings, steps: int) -> Any:
    rate = settings.learning_rate
    if settings.schedule == "cosine":
        return schedules.CosineDecay(rate, decay_steps=steps)
    if settings.schedule == "step":
        last_before = math.ceil(steps * 2 / 3) - 1
        return schedules.PiecewiseConstantDecay([last_before], [rate, rate * 0.1])
    return rate


def optimizer_in_effect(optimizer: optimizers.Optimizer) -> str:
    """The optimizer's name; that of its class if it is none of ours."""
    found = (name for name, kind in OPTIMIZERS.items() if type(optimizer) is kind)
    return next(found, type(optimizer).__name__)


def schedule_in_effect(optimizer: optimizers.Optimizer, steps: int) -> str:
    """The schedule's name; an optimizer that did not count each of the steps had another."""
    rate = optimizer.get_config()["learning_rate"]
    kind = rate["class_name"] if isinstance(rate, dict) else ""
    name = str(SCHEDULES.get(kind, kind)) if kind else "constant"
    moved = int(optimizer.iterations.numpy())
    return name if moved == steps else f"{name}, moved {moved} times in {steps} steps"
