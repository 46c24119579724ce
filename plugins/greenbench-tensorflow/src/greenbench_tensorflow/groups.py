"""An optimizer's groups of weights: Keras has none, but ours hold some weights to other settings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keras import optimizers
from keras.optimizers import schedules

from greenbench_tensorflow.rates import CoupledSGD

if TYPE_CHECKING:
    from collections.abc import Sequence

    import keras

    from greenbench.api import Value

HELD: Final = ("momentum", "nesterov", "rho", "epsilon", "beta_1", "beta_2", "amsgrad")
"""Settings of an optimizer beside its rate and weight decay, as Keras calls them."""


@dataclass(frozen=True, slots=True)
class Group:
    """Weights that are held to the same settings. `rate_share`: of the optimizer's rate."""

    parameters: int
    rate_share: float
    settings: dict[str, Value]


def of(optimizer: optimizers.Optimizer, weights: Sequence[keras.Variable]) -> list[Group]:
    """The groups in the order in which PyTorch's trainings have them: the slow weights and the
    others; those that don't decay and those that do. One, where all are held to the same."""
    config = optimizer.get_config()
    common: dict[str, Value] = {name: config[name] for name in HELD if name in config}
    found: dict[tuple[float, float], int] = {}
    for weight in weights:
        key = _rate_share(optimizer, weight), _decay(optimizer, weight)
        found[key] = found.get(key, 0) + math.prod(weight.shape)
    return [
        Group(parameters, share, common | {"weight_decay": decay})
        for (share, decay), parameters in sorted(found.items(), key=lambda item: item[0])
    ]


def last_rate(optimizer: optimizers.Optimizer) -> float:
    """The rate of the last step that the optimizer counted."""
    held = optimizer._learning_rate  # noqa: SLF001 (the property gives that of the step to come)
    if isinstance(held, schedules.LearningRateSchedule):
        return float(held(optimizer.iterations - 1))
    return float(optimizer.learning_rate)


def _rate_share(optimizer: optimizers.Optimizer, weight: keras.Variable) -> float:
    return optimizer.rate_share(weight) if isinstance(optimizer, CoupledSGD) else 1.0


def _decay(optimizer: optimizers.Optimizer, weight: keras.Variable) -> float:
    decays = optimizer._use_weight_decay(weight)  # noqa: SLF001 (the only way to know)
    return float(optimizer.weight_decay or 0.0) if decays else 0.0
