"""Optimizers and learning-rate schedules by name, and the names read back from the objects."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch import nn, optim
from torch.optim import lr_scheduler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenbench_data.models.settings import Settings

OPTIMIZERS: Mapping[str, type[Any]] = {
    "sgd": optim.SGD,
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "rmsprop": optim.RMSprop,
}
SCHEDULES: Mapping[str, type[Any]] = {
    "constant": lr_scheduler.ConstantLR,
    "cosine": lr_scheduler.CosineAnnealingLR,
    "step": lr_scheduler.MultiStepLR,
}


def optimizer_for(network: nn.Module, settings: Settings) -> optim.Optimizer:
    """The optimizer that the settings name, over all parameters of the network."""
    extra = {"momentum": 0.9} if settings.optimizer == "sgd" else {}
    made: optim.Optimizer = OPTIMIZERS[settings.optimizer](
        network.parameters(),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        **extra,
    )
    return made


def schedule_for(optimizer: optim.Optimizer, name: str, steps: int) -> lr_scheduler.LRScheduler:
    """The schedule of that name over a training of `steps` steps, moved once a step."""
    arguments: Mapping[str, Mapping[str, Any]] = {
        "constant": {"factor": 1.0, "total_iters": 0},
        "cosine": {"T_max": steps},
        "step": {"milestones": [math.ceil(steps * 2 / 3)], "gamma": 0.1},
    }
    made: lr_scheduler.LRScheduler = SCHEDULES[name](optimizer, **arguments[name])
    return made


def name_in(table: Mapping[str, type[Any]], thing: object) -> str:
    """The name under which the table has the class of `thing`; its own name if it has not."""
    return next((n for n, kind in table.items() if type(thing) is kind), type(thing).__name__)


def schedule_in_effect(schedule: lr_scheduler.LRScheduler, steps: int) -> str:
    """The schedule's name; one that was not moved at each of the steps had another effect."""
    name = name_in(SCHEDULES, schedule)
    moved = int(schedule.last_epoch)  # PyTorch's name for the count of moves
    return name if moved == steps else f"{name}, moved {moved} times in {steps} steps"
