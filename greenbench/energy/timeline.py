"""Energy of any window, from the meter's rows, with what is not known about it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from math import nan
from typing import TYPE_CHECKING

from greenbench.api import Channel, Window, WindowEnergy
from greenbench.energy.course import Course
from greenbench.energy.knots import LOST, CounterKnots, PowerKnots
from greenbench.errors import EnergyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from greenbench.energy.samples import SampleChunk


class Timeline:
    """Integrates the rows of `channels` over windows of the monotonic clock.

    Energies of adjacent windows add up exactly. A window can be asked for once rows from after
    its end were added (`ready`); asked earlier, the answer is honest but wider, or none.
    """

    def __init__(self, channels: Iterable[Channel]) -> None:
        self.channels: tuple[Channel, ...] = tuple(channels)
        self._courses: dict[str, Course] = {}
        self._builders: dict[str, CounterKnots | PowerKnots] = {}
        for channel in self.channels:
            if channel.name in self._builders:
                raise EnergyError(f"two energy channels are named {channel.name!r}")
            builder = PowerKnots if channel.method == "power" else CounterKnots
            self._builders[channel.name] = builder(channel)
            self._courses[channel.name] = Course(channel, self._builders[channel.name].knots)

    def add(self, chunks: Iterable[SampleChunk]) -> None:
        """Takes chunks as `Meter.drain` returns them, each channel's in order."""
        for chunk in chunks:
            builder = self._builders.get(chunk.channel)
            if builder is None:
                raise EnergyError(f"samples of an unknown energy channel {chunk.channel!r}")
            builder.add(chunk)

    def ready(self, window: Window) -> bool:
        """Whether every channel that still answers has been read beyond the window's end."""
        return all(course.ready(window.end_s) for course in self._courses.values())

    def energy(self, window: Window) -> list[WindowEnergy]:
        """The window's energy by channel, in the order of the channels."""
        if not window.end_s >= window.start_s:
            raise EnergyError(f"a window ends before it begins: {window}")
        return [self._courses[channel.name].energy(window) for channel in self.channels]

    def power_w(self, channel: str, window: Window) -> list[tuple[float, float]]:
        """A trace for charts: (monotonic s, mean W since the point before) in the window; NaN where
        the energy in between is not known."""
        knots = self._courses[channel].knots
        first = max(bisect_left(knots.time_s, window.start_s), 1)
        last = bisect_right(knots.time_s, window.end_s)
        return [
            (
                knots.time_s[i],
                nan
                if knots.flags[i] & LOST
                else (knots.energy_j[i] - knots.energy_j[i - 1])
                / (knots.time_s[i] - knots.time_s[i - 1]),
            )
            for i in range(first, last)
        ]

    def forget(self, before_s: float) -> None:
        """Drops what no window that begins at or after `before_s` needs."""
        for course in self._courses.values():
            course.forget(before_s)


def by_channel(energies: Sequence[WindowEnergy]) -> dict[str, WindowEnergy]:
    """The energies of one window by channel name."""
    return {energy.channel: energy for energy in energies}
