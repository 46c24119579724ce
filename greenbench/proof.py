"""What a finished training proves: it did what was asked, where it was asked, and it learned."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from greenbench.api import (
    Direction,
    Effective,
    Launch,
    Metric,
    Model,
    Share,
    Trial,
    Unused,
    Value,
)

TOLERANCE: Final = 1e-6
"""Relative: frameworks keep a learning rate in single precision."""
GUESSING_Z: Final = 2.326
"""One-sided 1 % of the normal distribution: so rarely does guessing itself pass for learning."""
START_TOLERANCE: Final = 0.05
"""Relative: the loss at the start may be that of one batch, which differs from the mean of all."""
NUMBERS: Final = (bool, int, float)

Problem = tuple[str, str]
"""A kind of error and its text."""
DivergenceKind = Literal["not_finite", "loss_above_start", "at_chance"]


def configuration_problem(trial: Trial, effective: Mapping[str, Effective]) -> Problem | None:
    """Whether a trainer used another configuration than asked for, or a mutation did nothing.

    A null mutant and an original are asked for the original's configuration, so that they must
    leave it as it is. Where the trainer tells its steps, they must be as many as planned. A mutation
    changed nothing if it is smaller than single precision, comes to the same count of whole things,
    or is of what nothing acted on.
    """
    wrong = differences(trial.hyperparameters, effective)
    if wrong:
        return "configuration", "the trainer used another configuration: " + "; ".join(wrong)
    taken, planned = effective.get("steps"), effective.get("planned_steps")
    if planned is not None and taken != planned:
        text = (
            f"the trainer took {taken!r} optimizer steps, but epochs, data and batch size come to"
            f" {planned!r}"
        )
        return "configuration", text
    changes = trial.mutation.changes if trial.mutation else ()
    changed = [c for c in changes if c.hyperparameter in trial.hyperparameters]
    if changed and all(_identical(c.before, effective[c.hyperparameter]) for c in changed):
        used = [f"{c.hyperparameter}: {_shown(effective[c.hyperparameter])}" for c in changed]
        text = (
            f"the mutation {trial.mutation} had no effect: it left the configuration in effect as"
            f" the original's ({'; '.join(used)}). Mutate it further, or train where it acts"
        )
        return "configuration", text
    return None


def differences(asked: Mapping[str, Value], effective: Mapping[str, Effective]) -> list[str]:
    """Each hyperparameter that was in effect otherwise than asked for, in words."""
    return [
        f"{name}: asked for {wanted!r}, used {_shown(effective.get(name))}"
        for name, wanted in asked.items()
        if not _same(wanted, effective.get(name))
    ]


def device_problem(launch: Launch, environment: Mapping[str, Any]) -> Problem | None:
    """Whether a trainer runs on another device, or with other threads, than asked for.

    Threads are compared where the trainer tells them; a GPU has to be told.
    """
    wanted = device_of(launch)
    used = environment.get("device")
    if used != wanted and not (used is None and wanted == "cpu"):
        told = "doesn't say which device it uses" if used is None else f"uses the device {used!r}"
        return "device", f"asked for the device {wanted!r}, but the trainer {told}"
    threads = environment.get("threads")
    if type(threads) is int and threads != launch.trial.threads:
        text = f"asked for {launch.trial.threads} threads, but the trainer uses {threads}"
        return "threads", text
    return None


def device_of(launch: Launch) -> Literal["cpu", "gpu"]:
    """The device that a trial is asked to train on."""
    return "gpu" if launch.limits.gpus else "cpu"


@dataclass(frozen=True, slots=True)
class Divergence:
    """How a completed training came to nothing: an outcome of its own, not a value of a metric.

    `metric` is what told it, `found` its value, `limit` what it would have had to pass (None for
    a value that is not finite).
    """

    kind: DivergenceKind
    metric: str
    found: float
    limit: float | None
    text: str


def divergence(
    model: Model,
    metrics: Mapping[str, float],
    first_epoch: Mapping[str, float],
    last_epoch: Mapping[str, float],
    tested: Mapping[str, float],
) -> Divergence | None:
    """The first of: a metric or the training loss is not finite; the training loss of the last
    epoch lies above its start; a metric is no better than chance. None if it learned.

    The start is what the first epoch reports as `first_loss` (the loss of the first batch, before
    the first step), or else its `loss` if more epochs followed. Chance is what the test reports of
    it (`tested`), or else what the model declares.
    """
    for name, value in [*metrics.items(), *last_epoch.items()]:
        if not math.isfinite(value):
            return Divergence("not_finite", name, value, None, f"{name} is {value}")
    loss, start = last_epoch.get("loss"), first_epoch.get("first_loss")
    if start is None and first_epoch is not last_epoch:
        start = first_epoch.get("loss")
    if loss is not None and start is not None and not math.isfinite(start):
        return Divergence("not_finite", "loss", start, None, f"the loss began at {start}")
    if loss is not None and start is not None and loss > start + START_TOLERANCE * abs(start):
        text = f"the training loss ended at {loss:.6g}, above its start at {start:.6g}"
        return Divergence("loss_above_start", "loss", loss, start, text)
    for metric in model.metrics:
        end, chance = (
            metrics.get(metric.name),
            _told(tested, f"chance_{metric.name}", metric.chance),
        )
        if end is None or chance is None:
            continue
        limit = _guessing_limit(metric, chance, _told(tested, "items", metric.items))
        if not _beyond(end, limit, metric.direction):
            text = (
                f"{metric.name} is {end:.6g}, and guessing gives {chance:.6g}"
                f" (up to {limit:.6g} counts as that)"
            )
            return Divergence("at_chance", metric.name, end, limit, text)
    return None


def _told(tested: Mapping[str, float], name: str, declared: float | None) -> float | None:
    """What the test reports, if it is a number; else what the model declares."""
    value = tested.get(name)
    return declared if value is None or not math.isfinite(value) else value


def _guessing_limit(metric: Metric, chance: float, items: float | None) -> float:
    """The value that a metric has to pass to be better than guessing: by its margin, and, if it is
    a share of test items, by more than what guessing gives varies over so many of them."""
    whole = 100.0 if metric.unit == "%" else 1.0
    share, noise = chance / whole, 0.0
    is_share = metric.of_test_set or metric.items is not None
    if is_share and items is not None and items > 0 and 0.0 <= share <= 1.0:
        noise = GUESSING_Z * whole * math.sqrt(share * (1.0 - share) / items)
    gain = max(metric.margin or 0.0, noise)
    return chance + gain if metric.direction == "maximize" else chance - gain


def _beyond(value: float, limit: float, direction: Direction) -> bool:
    """Whether it lies on the better side of the limit."""
    return value > limit if direction == "maximize" else value < limit


def _same(wanted: Value, used: Effective | None) -> bool:
    """Equal, numbers to single precision; a share comes to the count that was used."""
    if isinstance(used, Unused):
        return _same(wanted, used.held)
    if isinstance(used, Share | tuple):
        return _comes_to(wanted, used)
    if isinstance(wanted, NUMBERS) and isinstance(used, NUMBERS):
        return abs(wanted - used) <= TOLERANCE * max(abs(wanted), abs(used))
    return wanted == used


def _identical(before: Value, used: Effective) -> bool:
    """Whether the original's value would have been in effect just so, in single precision."""
    if isinstance(used, Unused):
        return True
    if isinstance(used, Share | tuple):
        return _comes_to(before, used)
    if (
        isinstance(before, NUMBERS)
        and isinstance(used, NUMBERS)
        and float in map(type, (before, used))
    ):
        return _single(before) == _single(used)
    return before == used


def _comes_to(request: Value, used: Share | tuple[Share, ...]) -> bool:
    """Whether a request comes to these counts."""
    if not isinstance(request, int | float):
        return False
    shares = used if isinstance(used, tuple) else (used,)
    return all(share.count_for(request) == share.count for share in shares)


def _shown(used: Effective | None) -> str:
    """What was in effect, in words: `12 of 120`."""
    if isinstance(used, tuple):
        return ", ".join(map(_shown, used))
    if isinstance(used, Share):
        return f"{used.count} of {used.total}"
    return (
        f"{_shown(used.held)}, which nothing acted on" if isinstance(used, Unused) else repr(used)
    )


def _single(value: float) -> float:
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.inf
