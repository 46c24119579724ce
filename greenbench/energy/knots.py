"""Turns the rows of one channel into knots: instants at which its accumulated energy is known."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

from greenbench.energy.calibrate import MARGIN, middle
from greenbench.energy.phase import PhaseTracker
from greenbench.energy.samples import BAD, GAP, SLEPT, STARVED, SampleChunk

if TYPE_CHECKING:
    from greenbench.api import Channel

GRAIN_J: Final = 2.0**-24
"""Energies are multiples of this (60 nJ): sums and differences up to 5e8 J are exact."""
ENOUGH_DISTANCES: Final = 16
"""So many distances between updates tell the period of a counter that states none."""
STUCK: Final = 5.0
"""A counter that is read but not updated for this many periods: how power ran is not known."""
LOST: Final = 1
"""Knot flag: the energy since the knot before is not known."""
THIN: Final = 2
"""Knot flag: no reading for too long before it; the energy is known, its course is not."""
FOLLOWED: Final = 4
"""Knot flag: its instant comes from the phase of the counter's updates."""
SPIKE: Final = 4.0
"""A reading above (or below) both of its neighbours may stand for a burst between any two of the
three instants: a burst that is seen in half of all cases has six times the variance of two steps."""


def grained(energy_j: float) -> float:
    """The nearest multiple of `GRAIN_J`."""
    return round(energy_j / GRAIN_J) * GRAIN_J


class Knots:
    """Knots of one channel, in order of time; bounded by `forget`.

    `time_s` ± `half_s`: when the channel's accumulated energy was `energy_j`. `spread_j2`: sum of
    the variances (J²) that sampling of a power reading left so far. `flags`: bits of this module.
    """

    __slots__ = (
        "bad_rows",
        "energy_j",
        "flags",
        "gaps",
        "half_s",
        "rows",
        "spread_j2",
        "time_s",
        "tried_s",
    )

    def __init__(self) -> None:
        self.time_s = array("d")
        self.half_s = array("f")
        self.energy_j = array("d")
        self.spread_j2 = array("d")
        self.flags = array("B")
        self.rows = array("d")
        """Stamps of good rows since the oldest knot."""
        self.gaps: list[tuple[float, float, int]] = []
        """Start, end and `THIN` or `LOST` of every stretch without readings."""
        self.tried_s = 0.0
        """When the last row was taken, good or bad."""
        self.bad_rows = 0
        """Bad rows since the last good one."""

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def known_s(self) -> float:
        """Up to here the accumulated energy is known."""
        return self.time_s[-1] if self.time_s else 0.0

    def why(self) -> str:
        """A clause that says why there is no later knot."""
        if self.bad_rows:
            return f" ({self.bad_rows} reads failed since)"
        return " (its value has not moved since)" if self.rows else ""

    def looked(self, stamp_s: float, *, good: bool) -> None:
        """Counts a row."""
        self.tried_s = stamp_s
        self.bad_rows = 0 if good else self.bad_rows + 1
        if good:
            self.rows.append(stamp_s)

    def append(
        self, time_s: float, half_s: float, energy_j: float, flags: int, spread_j2: float = 0.0
    ) -> None:
        """Adds a knot after the last one."""
        if self.time_s and time_s <= self.time_s[-1]:
            time_s = self.time_s[-1] + 1e-7
        self.time_s.append(time_s)
        self.half_s.append(half_s)
        self.energy_j.append(energy_j)
        self.flags.append(flags)
        self.spread_j2.append(spread_j2)

    def forget(self, knots: int, rows: int, before_s: float) -> None:
        """Drops the oldest `knots` and `rows`, and gaps that ended before `before_s`."""
        self.gaps = [gap for gap in self.gaps if gap[1] >= before_s]
        del self.time_s[:knots], self.half_s[:knots], self.energy_j[:knots]
        del self.flags[:knots], self.spread_j2[:knots], self.rows[:rows]


class CounterKnots:
    """Knots of a counter: a knot for each update that was seen.

    A counter's value belongs to its last update, not to the read: after the read before (which
    showed another value) and at most an update period before this one.
    """

    __slots__ = (
        "_before_s",
        "_counts_use",
        "_distances_s",
        "_period_s",
        "_phase",
        "_unit_j",
        "_watched",
        "knots",
    )

    def __init__(self, channel: Channel) -> None:
        self.knots = Knots()
        self._unit_j = channel.unit_j or 1.0
        self._period_s = channel.update_period_s or 0.0
        self._counts_use = channel.method == "estimate"  # standing still means nothing was used
        follow = self._period_s > 0 and not self._counts_use
        self._phase = PhaseTracker(self._period_s) if follow else None
        self._before_s = 0.0  # start of the last good read
        self._watched = False  # it was seen to stand still since its last update
        self._distances_s: list[float] = []

    def add(self, chunk: SampleChunk) -> None:
        """Takes the rows of a chunk, which follow those of the last one."""
        for stamp_s, half_s, value, flags in zip(
            chunk.stamp_s, chunk.half_s, chunk.value, chunk.flags, strict=True
        ):
            good = not flags & BAD
            self.knots.looked(stamp_s, good=good)
            if good:
                self._row(stamp_s - half_s, stamp_s + half_s, value, flags)

    def _row(self, start_s: float, end_s: float, value: int, flags: int) -> None:
        knots = self.knots
        energy_j = grained(value * self._unit_j)
        oldest_s = start_s - self._period_s * MARGIN
        if not knots.time_s:
            knots.append((oldest_s + end_s) / 2, (end_s - oldest_s) / 2, energy_j, 0)
        elif flags & GAP:
            before_s = knots.time_s[-1]
            knots.append((oldest_s + end_s) / 2, (end_s - oldest_s) / 2, energy_j, LOST)
            knots.gaps.append((before_s, knots.time_s[-1], LOST))
        else:
            if flags & STARVED:
                knots.gaps.append((self._before_s, start_s, THIN))
            if energy_j == knots.energy_j[-1] and not self._counts_use:
                self._watched = True
            else:
                low_s = max(self._before_s, oldest_s) if self._period_s else self._before_s
                self._update(low_s, end_s, energy_j, flags)
        self._before_s = start_s

    def _update(self, low_s: float, high_s: float, energy_j: float, flags: int) -> None:
        """A new value first showed in a read that ended at `high_s`."""
        distance_s = (low_s + high_s) / 2 - self.knots.time_s[-1]
        stuck = self._watched and 0 < STUCK * self._period_s < distance_s
        thin = THIN if flags & STARVED or stuck else 0
        if self._watched and not self._period_s:
            self._learn(distance_s)
        self._watched = False
        phase = self._phase
        if phase is not None and phase.steady and high_s - low_s < self._period_s:
            time_s, half_s = phase.observe(low_s, high_s)
            self.knots.append(time_s, half_s, energy_j, thin | FOLLOWED)
        else:
            self.knots.append((low_s + high_s) / 2, (high_s - low_s) / 2, energy_j, thin)

    def _learn(self, distance_s: float) -> None:
        """Takes the period of a counter that states none from the distances of its updates."""
        self._distances_s.append(distance_s)
        if len(self._distances_s) >= ENOUGH_DISTANCES:
            self._period_s = middle(self._distances_s)
            self._phase = PhaseTracker(self._period_s)


class PowerKnots:
    """Knots of a power reading: its integral (trapezoids) at each good row."""

    __slots__ = ("_last_w", "_shift_s", "_step_w", "_unit_w", "knots")

    def __init__(self, channel: Channel) -> None:
        self.knots = Knots()
        self._unit_w = channel.unit_w or 1.0
        # A mean over some time belongs to the middle of it.
        self._shift_s = ((channel.update_period_s or 0.0) + (channel.averaging_s or 0.0)) / 2
        self._last_w = self._step_w = 0.0

    def add(self, chunk: SampleChunk) -> None:
        """Takes the rows of a chunk, which follow those of the last one."""
        for stamp_s, half_s, value, flags in zip(
            chunk.stamp_s, chunk.half_s, chunk.value, chunk.flags, strict=True
        ):
            good = not flags & BAD
            self.knots.looked(stamp_s, good=good)
            if good:
                self._row(stamp_s - self._shift_s, half_s, value * self._unit_w, flags)

    def _row(self, time_s: float, half_s: float, power_w: float, flags: int) -> None:
        knots = self.knots
        if not knots.time_s:
            knots.append(time_s, half_s, 0.0, 0)
        else:
            before_s = knots.time_s[-1]
            elapsed_s = max(time_s - before_s, 0.0)
            energy_j = knots.energy_j[-1] + (self._last_w + power_w) / 2 * elapsed_s
            step_w = power_w - self._last_w
            spike_w = min(abs(step_w), abs(self._step_w)) if step_w * self._step_w < 0 else 0.0
            variance_w2 = (step_w**2 + SPIKE * spike_w**2) / 12
            variance_j2 = variance_w2 * (elapsed_s**2 + (2 * half_s) ** 2)
            self._step_w = step_w
            unread = flags & (STARVED | SLEPT)
            if unread:
                knots.gaps.append((before_s, time_s, THIN))
            knots.append(
                time_s,
                half_s,
                grained(energy_j),
                THIN if unread else 0,
                knots.spread_j2[-1] + variance_j2,
            )
        self._last_w = power_w
