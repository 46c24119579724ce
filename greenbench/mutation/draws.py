"""Random values of a numeric hyperparameter: uniform or log-uniform, inside its bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

from greenbench.api import Draw, Hyperparameter, Refusal, Value, shown

DRAW_DIGITS = 6
"""A drawn float keeps this many significant digits: enough to differ, short enough to read."""

ATTEMPTS_PER_VALUE = 1000
"""Draws that are thrown away (the original again, a value twice) before giving up."""


def drawn_values(
    hyperparameter: Hyperparameter,
    original: Value | None,
    draw: Draw,
    taken: set[Value],
    random: Random,
) -> list[Value | Refusal]:
    """`draw.count` values that differ from each other and from all in `taken`, which grows.

    The range is the part of `[low, high]` that lies in the hyperparameter's bounds: drawing
    there is what resampling until a value fits comes to. One `Refusal` if it can't be met.
    """
    bounds = _range(hyperparameter, original, draw)
    if isinstance(bounds, Refusal):
        return [bounds]
    low, high = bounds
    whole = isinstance(hyperparameter.default, int)
    if whole:
        first, last = math.ceil(low), math.floor(high)
        possible = max(0, last - first + 1) - sum(1 for v in taken if _between(v, first, last))
        if possible < draw.count:
            text = f"asks for {draw.count} different values, but {first} to {last} has only "
            return [Refusal("draw.count", f"{text}{possible} that differ from all others")]
    values = different_values(
        lambda: _sample(low, high, draw, random, whole=whole),
        lambda value: low <= value <= high,
        taken,
        draw.count,
    )
    if len(values) == draw.count:
        return [*values]
    text = f"only {len(values)} of {draw.count} different values were found in {shown(low)} to "
    return [Refusal("draw", f"{text}{shown(high)}; ask for fewer or widen the range")]


def different_values(
    sample: Callable[[], int | float],
    fits: Callable[[int | float], bool],
    taken: set[Value],
    count: int,
) -> list[int | float]:
    """Samples until `count` values fit, none of them in `taken`, which grows; fewer if there is
    no end to it."""
    values: list[int | float] = []
    for _ in range(count * ATTEMPTS_PER_VALUE):
        value = sample()
        if value in taken or not fits(value):
            continue
        taken.add(value)
        values.append(value)
        if len(values) == count:
            break
    return values


def _range(
    hyperparameter: Hyperparameter, original: Value | None, draw: Draw
) -> tuple[float, float] | Refusal:
    """The interval to draw from, or why there is none."""
    if draw.count < 1:
        return Refusal("draw.count", f"must be 1 or more, not {draw.count}")
    if not (math.isfinite(draw.low) and math.isfinite(draw.high) and draw.low < draw.high):
        return Refusal(
            "draw.high", f"must be more than low = {shown(draw.low)}, not {shown(draw.high)}"
        )
    low, high = draw.low, draw.high
    if draw.relative:
        if not isinstance(original, int | float) or original == 0:
            text = f"the original {hyperparameter.name} is {original}, and so is every multiple"
            return Refusal("draw.relative", f"{text}; give absolute low and high")
        low, high = sorted((low * original, high * original))
    if hyperparameter.low is not None:
        low = max(low, hyperparameter.low)
    if hyperparameter.high is not None:
        high = min(high, hyperparameter.high)
    if low > high:
        allowed = hyperparameter.allowed()
        return Refusal("draw", f"all of it lies outside of {hyperparameter.name}'s {allowed}")
    if draw.distribution == "log-uniform" and low <= 0:
        return Refusal("draw.low", f"log-uniform needs a range above 0, not from {shown(low)}")
    return low, high


def _sample(low: float, high: float, draw: Draw, random: Random, *, whole: bool) -> int | float:
    logarithmic = draw.distribution == "log-uniform"
    if whole and not logarithmic:
        return random.randint(math.ceil(low), math.floor(high))
    if logarithmic:
        value = math.exp(random.uniform(math.log(low), math.log(high)))
    else:
        value = random.uniform(low, high)
    return math.floor(value + 0.5) if whole else float(f"{value:.{DRAW_DIGITS}g}")


def _between(value: Value, low: int, high: int) -> bool:
    return isinstance(value, int | float) and low <= value <= high
