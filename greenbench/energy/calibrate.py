"""Learns how often a counter updates, by looking at it often for a moment."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from greenbench.api import Reader

LOOK_EVERY_S: Final = 0.001
ENOUGH_CHANGES: Final = 8
LEAST_CHANGES: Final = 3


def update_periods_s(
    readers: Sequence[Reader],
    at_most_s: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> list[float | None]:
    """Each counter's update period (s), or None if it did not change often enough in
    `at_most_s` seconds. Ends early when every counter has changed enough times.

    The period is the time from the first to the last change over the number of changes between
    them, unless single distances differ so much from it that changes must have been missed.
    """
    changes: list[list[float]] = [[] for _ in readers]
    last: list[int | None] = [None] * len(readers)
    began_s = clock()
    while clock() - began_s < at_most_s and any(len(c) < ENOUGH_CHANGES for c in changes):
        for place, reader in enumerate(readers):
            try:
                value = reader.read()
            except Exception:  # noqa: BLE001, S112 (a reading less; the meter will count it)
                continue
            if last[place] is not None and value != last[place]:
                changes[place].append(clock())
            last[place] = value
        sleep(LOOK_EVERY_S)
    return [_period_s(stamps) for stamps in changes]


def middle(values: Sequence[float]) -> float:
    """The median; of an even number the upper one. The standard library's costs a twentieth of all
    that an import of greenbench's meter costs."""
    return sorted(values)[len(values) // 2]


def _period_s(stamps: list[float]) -> float | None:
    if len(stamps) < LEAST_CHANGES + 1:
        return None
    distances = [b - a for a, b in pairwise(stamps)]
    middle_s = middle(distances)
    steps = sum(max(round(distance / middle_s), 1) for distance in distances)
    return (stamps[-1] - stamps[0]) / steps
