"""The accumulated energy of one channel as a function of time, and how well it is known.

Half-widths are stated so that the truth lies inside in 95 of 100 windows. They combine, as the
root of the sum of squares: when the counter was updated (`half_s` × power), the counter's step,
how power may have moved between two knots, and what gaps hide.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Final

from greenbench.api import Channel, Window, WindowEnergy
from greenbench.energy.knots import LOST, THIN, Knots, grained
from greenbench.energy.track import ASSUMED_MAX_POWER_W, ASSUMED_UPDATE_S

WIDEN: Final = 1.12
"""95 % of the sum of two equal uniform errors lies within 1.10 × the root of their squares."""
MOST_GAP: Final = 0.1
"""A window of which a larger share is gap has no energy."""
KEPT_KNOTS: Final = 4
"""Knots kept before the oldest window, for the power around its start."""
FILL_KNOTS: Final = 8
"""Knots on either side whose mean power fills a gap."""
NOISE: Final = 1.0
"""Powers of two intervals that differ by less than this many half-widths may be the same."""
BEND_MARGIN: Final = 1.2
"""For bursts whose height between two knots can't be seen."""
STRETCH: Final = 0.25
"""Extra width where update instants are known no better than the distance between knots."""
REACH: Final = 2.0
"""A window may reach past the readings by this many update and sampling periods."""


@dataclass(frozen=True, slots=True)
class _Edge:
    """The accumulated energy at one instant, and what blurs it (half-widths, J)."""

    interval: int
    energy_j: float
    power_w: float
    timing_j: float
    bend_j: float


class Course:
    """Reads energy off the knots of one channel."""

    __slots__ = ("_fills_w", "_max_w", "_unit_j", "channel", "knots")

    def __init__(self, channel: Channel, knots: Knots) -> None:
        self.channel = channel
        self.knots = knots
        self._max_w = channel.max_power_w or ASSUMED_MAX_POWER_W
        self._unit_j = (channel.unit_j or 0.0) if channel.method != "power" else 0.0
        self._fills_w: dict[float, float] = {}

    def ready(self, until_s: float) -> bool:
        """Whether later rows can't change what is known up to `until_s`."""
        knots = self.knots
        return max(knots.known_s, knots.tried_s - 1.0) >= until_s

    def energy(self, window: Window) -> WindowEnergy:
        """The window's energy, or why there is none."""
        gap_s, lost_s = self._gaps_s(window.start_s, window.end_s)
        reason = self._unknown(window, lost_s)
        if reason:
            return self._answer(window, None, None, gap_s, reason)
        start, end = self._edge(window.start_s), self._edge(window.end_s)
        fill_j, hidden_j = self._filled_j(window.start_s, window.end_s)
        energy_j = end.energy_j - start.energy_j + fill_j
        resolution_j = self._resolution_j(window, start, end) + hidden_j
        return self._answer(window, energy_j, resolution_j, gap_s, "")

    def forget(self, before_s: float) -> None:
        """Drops knots and rows that no window from `before_s` on needs."""
        knots = self.knots
        oldest = max(bisect_right(knots.time_s, before_s) - KEPT_KNOTS, 0)
        knots.forget(oldest, bisect_left(knots.rows, before_s), before_s)
        for time_s in [t for t in self._fills_w if t < before_s]:
            del self._fills_w[time_s]

    def _answer(
        self,
        window: Window,
        energy_j: float | None,
        resolution_j: float | None,
        gap_s: float,
        reason: str,
    ) -> WindowEnergy:
        rows = self.knots.rows
        return WindowEnergy(
            channel=self.channel.name,
            window=window.kind,
            number=window.number,
            energy_j=energy_j,
            resolution_j=resolution_j,
            coverage=self.channel.coverage,
            calibration=self.channel.calibration,
            method=self.channel.method,
            samples=bisect_left(rows, window.end_s) - bisect_left(rows, window.start_s),
            gap_s=gap_s,
            reason=reason,
        )

    def _unknown(self, window: Window, lost_s: float) -> str:
        """Why nothing can be said about the window; empty if something can."""
        knots = self.knots
        if len(knots) < 2:
            return "there are no two readings of this channel" + knots.why()
        length_s = window.end_s - window.start_s
        blurred_s = (self.channel.update_period_s or 0.0) + (self.channel.averaging_s or 0.0)
        reach_s = REACH * (blurred_s + self._spacing_s())
        early_s, late_s = knots.time_s[0] - window.start_s, window.end_s - knots.known_s
        if early_s > reach_s:
            return f"its first reading is {early_s:.3g} s after the window begins"
        if late_s > reach_s:
            return f"its last reading is {late_s:.3g} s before the window ends" + knots.why()
        if lost_s > MOST_GAP * length_s:
            return f"{lost_s:.3g} s of the window's {length_s:.3g} s could not be read"
        return ""

    def _spacing_s(self) -> float:
        times = self.knots.time_s
        return (times[-1] - times[0]) / (len(times) - 1)

    # --- gaps -----------------------------------------------------------------------------------

    def _gaps_s(self, start_s: float, end_s: float) -> tuple[float, float]:
        """Seconds of the window without readings, and those of them with unknown energy."""
        gap_s = lost_s = 0.0
        for low_s, high_s, flags in self.knots.gaps:
            shared_s = max(min(high_s, end_s) - max(low_s, start_s), 0.0)
            gap_s += shared_s
            lost_s += shared_s if flags & LOST or self.channel.method == "power" else 0.0
        return gap_s, lost_s

    def _filled_j(self, start_s: float, end_s: float) -> tuple[float, float]:
        """Energy put into gaps from the power around them, and how wrong that can be (J)."""
        fill_j = hidden_j = 0.0
        for low_s, high_s, flags in self.knots.gaps:
            shared_s = max(min(high_s, end_s) - max(low_s, start_s), 0.0)
            if not shared_s or not (flags & LOST or self.channel.method == "power"):
                continue
            fill_w = self._fill_w(low_s, high_s)
            hidden_j += max(fill_w, self._max_w - fill_w) * shared_s
            if flags & LOST:
                before_end = grained(fill_w * min(max(end_s - low_s, 0.0), high_s - low_s))
                before_start = grained(fill_w * min(max(start_s - low_s, 0.0), high_s - low_s))
                fill_j += before_end - before_start
        return fill_j, hidden_j

    def _fill_w(self, low_s: float, high_s: float) -> float:
        """Mean power of the knots on both sides of a gap; decided once, so that windows add up."""
        known_w = self._fills_w.get(low_s)
        if known_w is None:
            before, after = self._mean_w(low_s, -FILL_KNOTS), self._mean_w(high_s, FILL_KNOTS)
            known = [power_w for power_w in (before, after) if power_w is not None]
            known_w = self._fills_w[low_s] = sum(known) / len(known) if known else 0.0
        return known_w

    def _mean_w(self, at_s: float, reach: int) -> float | None:
        times, energies = self.knots.time_s, self.knots.energy_j
        here = min(bisect_left(times, at_s), len(times) - 1)
        there = min(max(here + reach, 0), len(times) - 1)
        if there == here:
            return None
        return (energies[there] - energies[here]) / (times[there] - times[here])

    # --- edges ----------------------------------------------------------------------------------

    def _power_w(self, interval: int) -> float | None:
        """Mean power between knot `interval` and the next; None past the ends and in gaps."""
        knots = self.knots
        if not 0 <= interval < len(knots) - 1 or knots.flags[interval + 1] & LOST:
            return None
        span_s = knots.time_s[interval + 1] - knots.time_s[interval]
        return (knots.energy_j[interval + 1] - knots.energy_j[interval]) / span_s

    def _edge(self, at_s: float) -> _Edge:
        """Straight lines between knots; a straight line on past the last one."""
        knots = self.knots
        times = knots.time_s
        last = len(times) - 1
        interval = min(max(bisect_right(times, at_s) - 1, 0), last - 1)
        power_w = self._power_w(interval) or 0.0
        span_s = times[interval + 1] - times[interval]
        energy_j = grained(knots.energy_j[interval] + power_w * (at_s - times[interval]))
        share = (at_s - times[interval]) / span_s
        low_s, high_s = knots.half_s[interval], knots.half_s[interval + 1]
        if knots.flags[interval + 1] & LOST:
            return _Edge(interval, energy_j, 0.0, 0.0, 0.0)
        if not 0.0 <= share <= 1.0:
            beyond_s = max(times[interval] - at_s, at_s - times[interval + 1])
            return _Edge(interval, energy_j, power_w, power_w * high_s, power_w * beyond_s)
        timing_s = sqrt(((1 - share) * low_s) ** 2 + (share * high_s) ** 2)
        timing_j = power_w * timing_s * (1 + STRETCH * (low_s + high_s) / span_s)
        if self.channel.method == "power":
            step_j = sqrt(12 * (knots.spread_j2[interval + 1] - knots.spread_j2[interval]))
            smear_j = self._smear_j(at_s, interval)
            return _Edge(interval, energy_j, power_w, smear_j, 0.3 * step_j)
        return _Edge(interval, energy_j, power_w, timing_j, self._bend_j(interval, share))

    def _smear_j(self, at_s: float, interval: int) -> float:
        """What a mean over some time, a reading that is not of this instant, and the time that
        the two reads beside it took, hide around an edge: a step that shows as a ramp was anywhere
        on it."""
        channel, half_s = self.channel, self.knots.half_s
        stale_s = ASSUMED_UPDATE_S if channel.update_period_s is None else channel.update_period_s
        blur_s = (channel.averaging_s or 0.0) + stale_s + half_s[interval] + half_s[interval + 1]
        times = self.knots.time_s
        first = max(bisect_left(times, at_s - blur_s), 1)
        last = min(bisect_right(times, at_s + blur_s), len(times) - 1)
        powers_w = [self._power_w(i - 1) or 0.0 for i in range(first, last + 1)]
        swing_w = max(powers_w) - min(powers_w) if powers_w else 0.0
        return swing_w * blur_s / 2

    def _bend_j(self, interval: int, share: float) -> float:
        """How far the energy may be off the straight line, judged by the power around.

        Nothing where power stands still for three intervals in a row, this one among them. A
        steady slope bends the line into a parabola. Else power may have been anywhere between
        the lowest and the highest around, in any order that has this interval's mean.
        """
        knots = self.knots
        if knots.flags[interval + 1] & THIN:
            return self._most_bend_j(interval, share)
        span_s = knots.time_s[interval + 1] - knots.time_s[interval]
        power_w = self._power_w(interval) or 0.0
        around = [self._power_w(interval + i) for i in (-2, -1, 1, 2)]
        outer_before, before, after, outer_after = (
            power_w if near_w is None else near_w for near_w in around
        )
        same_w = power_w * self._noise(interval) + self._unit_j / span_s
        if abs(power_w - before) <= same_w and abs(power_w - outer_before) <= same_w:
            return 0.0
        if abs(power_w - after) <= same_w and abs(power_w - outer_after) <= same_w:
            return 0.0
        low_w, high_w = min(power_w, before, after), max(power_w, before, after)
        flat_w = {
            near_w
            for near_w, outer_w in ((before, outer_before), (after, outer_after))
            if abs(near_w - outer_w) <= same_w
        }
        above_w = power_w + before + after - 3 * low_w
        below_w = 3 * high_w - power_w - before - after
        if high_w not in flat_w:  # the top of a burst: it may have been higher and shorter
            high_w = max(high_w, min(power_w + above_w, self._max_w))
        if low_w not in flat_w:
            low_w = min(low_w, max(power_w - below_w, 0.0))
        most_w = min(high_w * share, power_w - low_w * (1 - share)) - power_w * share
        least_w = power_w * share - max(low_w * share, power_w - high_w * (1 - share))
        slope_w = abs(after - before) / 4 * share * (1 - share)
        steady = _steadiness(outer_before, before, power_w, after, outer_after)
        bend_w = (1 - steady) * max(most_w, least_w, 0.0) + steady * slope_w
        return BEND_MARGIN * bend_w * span_s

    def _noise(self, interval: int) -> float:
        """Relative error of an interval's power that unknown update instants alone explain."""
        knots = self.knots
        span_s = knots.time_s[interval + 1] - knots.time_s[interval]
        return NOISE * sqrt(knots.half_s[interval] ** 2 + knots.half_s[interval + 1] ** 2) / span_s

    def _most_bend_j(self, interval: int, share: float) -> float:
        """Half of what is possible between two knots if power stays within 0 and its maximum."""
        knots = self.knots
        span_s = knots.time_s[interval + 1] - knots.time_s[interval]
        rise_j = knots.energy_j[interval + 1] - knots.energy_j[interval]
        most_j = min(rise_j, self._max_w * share * span_s)
        least_j = max(0.0, rise_j - self._max_w * (1 - share) * span_s)
        return max(most_j - least_j, 0.0)

    def _resolution_j(self, window: Window, start: _Edge, end: _Edge) -> float:
        """The half-width from steps and sampling, without gaps."""
        length_s = window.end_s - window.start_s
        step2 = 2 * (self._unit_j / 2) ** 2
        if start.interval == end.interval and start.interval < len(self.knots) - 1:
            times = self.knots.time_s
            span_s = times[start.interval + 1] - times[start.interval]
            inside = min(length_s / span_s, 1.0)
            timing_j = start.power_w * length_s * self._noise(start.interval) / NOISE
            bend_j = max(start.bend_j, end.bend_j) + self._swing_w(start.interval) * length_s
            squares = timing_j**2 + (bend_j * (1 - inside)) ** 2 + step2 * inside**2
        else:
            squares = start.timing_j**2 + end.timing_j**2 + start.bend_j**2 + end.bend_j**2 + step2
        if self.channel.method == "power":
            spread = self.knots.spread_j2
            squares += 3 * max(spread[end.interval] - spread[start.interval], 0.0)
            squares += ((self.channel.unit_w or 0.0) / 2 * length_s) ** 2
        return WIDEN * sqrt(squares)

    def _swing_w(self, interval: int) -> float:
        """The larger difference of power to a neighbouring interval, above its noise."""
        power_w = self._power_w(interval) or 0.0
        near = [self._power_w(interval - 1), self._power_w(interval + 1)]
        swing_w = min((abs(p - power_w) for p in near if p is not None), default=0.0)
        return max(swing_w - power_w * self._noise(interval), 0.0)


def _steadiness(*powers_w: float) -> float:
    """1 where power goes on rising or falling at the same rate, 0 where it jumps or turns."""
    rises = [after - before for before, after in pairwise(powers_w)]
    low, high = min(rises), max(rises)
    if low <= 0.0 <= high:
        return 0.0
    return low / high if low > 0 else high / low
