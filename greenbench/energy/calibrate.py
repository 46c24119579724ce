"""Learns how often a counter updates, by looking at it often for a moment."""

from __future__ import annotations

from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from greenbench.api import Reader

LOOK_EVERY_S: Final = 0.001
ENOUGH_CHANGES: Final = 8
LEAST_CHANGES: Final = 3
MOST_CHANGES: Final = 64
"""A counter that is updated as often as it is looked at is not looked at for longer."""
MARGIN: Final = 1.02
"""How much longer than its stated period an update may take."""
WELL_KNOWN: Final = 1.01
"""A longest possible period within this of the middle is not narrowed down further."""


def update_periods_s(
    readers: Sequence[Reader],
    at_most_s: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> list[float | None]:
    """Each counter's update period (s), or None if it did not change often enough in
    `at_most_s` seconds. Ends early when every counter has changed enough times.

    A busy host looks late, so a change is known to lie between two reads and no better. From two
    changes follows how long and how short the period can be; all of them together bound it. Where
    it is not known to `MARGIN` after `at_most_s`, it is stated as long as it can be: who takes an
    update for older than it can be is never wrong about when it was.
    """
    seen = [_Changes() for _ in readers]
    began_s = clock()
    while clock() - began_s < at_most_s and not all(changes.enough for changes in seen):
        for reader, changes in zip(readers, seen, strict=True):
            changes.look(reader, clock)
        sleep(LOOK_EVERY_S)
    return [changes.period_s() for changes in seen]


class _Changes:
    """Between which reads one counter changed."""

    __slots__ = ("_before_s", "_value", "_within_s", "enough")

    def __init__(self) -> None:
        self.enough = False
        self._value: int | None = None
        self._before_s = 0.0  # when the last read began
        self._within_s: list[tuple[float, float]] = []  # start of the read before, end of the read

    def look(self, reader: Reader, clock: Callable[[], float]) -> None:
        """Reads the counter; one that fails is a reading less."""
        start_s = clock()
        try:
            value = reader.read()
        except Exception:  # noqa: BLE001 (the meter will count it)
            return
        if self._value is not None and value != self._value and not self.enough:
            self._within_s.append((self._before_s, clock()))
            self.enough = self._judge()
        self._value, self._before_s = value, start_s

    def period_s(self) -> float | None:
        """As `update_periods_s` says."""
        within_s = self._within_s
        if len(within_s) <= LEAST_CHANGES:
            return None
        shortest_s, longest_s = self._bounds_s()
        if not 0 < shortest_s <= longest_s:  # can't be counted, or jitters: one update a change
            return (within_s[-1][1] - within_s[0][0]) / (len(within_s) - 1)
        middle_s = (shortest_s + longest_s) / 2
        return middle_s if longest_s <= MARGIN * middle_s else longest_s

    def _judge(self) -> bool:
        if len(self._within_s) < ENOUGH_CHANGES:
            return False
        shortest_s, longest_s = self._bounds_s()
        known = shortest_s > 0 and longest_s <= WELL_KNOWN * (shortest_s + longest_s) / 2
        return known or len(self._within_s) >= MOST_CHANGES

    def _bounds_s(self) -> tuple[float, float]:
        """The shortest and the longest period that the changes allow, for a counter with a period.

        Only changes that are known to half a period count: the distance of two of them is a whole
        number of periods, and that number is seen.
        """
        middle_s = middle([b - a for a, b in pairwise(map(_mean, self._within_s))])
        sharp = [within_s for within_s in self._within_s if _width(within_s) <= middle_s / 2]
        if not sharp:
            return 0.0, inf
        best = min(sharp, key=_width)
        shortest_s, longest_s, numbers = 0.0, inf, [0]
        for before_s, after_s in pairwise(map(_mean, sharp)):
            numbers.append(numbers[-1] + max(round((after_s - before_s) / middle_s), 1))
        for within_s, number in zip(sharp, numbers, strict=True):
            if count := abs(number - numbers[sharp.index(best)]):
                first, last = sorted((within_s, best))
                shortest_s = max(shortest_s, (last[0] - first[1]) / count)
                longest_s = min(longest_s, (last[1] - first[0]) / count)
        return shortest_s, longest_s


def _mean(within_s: tuple[float, float]) -> float:
    return (within_s[0] + within_s[1]) / 2


def _width(within_s: tuple[float, float]) -> float:
    return within_s[1] - within_s[0]


def middle(values: Sequence[float]) -> float:
    """The median; of an even number the upper one. The standard library's costs a twentieth of all
    that an import of greenbench's meter costs."""
    return sorted(values)[len(values) // 2]
