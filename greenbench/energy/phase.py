"""Follows the update instants of a counter that updates at a steady period."""

from __future__ import annotations

from typing import Final

PERIOD_TOLERANCE: Final = 0.1
"""How far (relative) the stated update period may be off before anything was learnt."""
WANDER: Final = 5e-6
"""How far (relative) a period may wander from one update to the next."""
JITTER_SHARE: Final = 0.25
"""Updates that jitter by more than this share of their period are not followed."""
COMMON: Final = 0.92
"""The two edges of a window share part of a followed phase's error: it cancels in their difference."""


class PhaseTracker:
    """Narrows down when a counter was updated.

    Each look at the counter says that an update happened between two reads. If updates come every
    `period_s`, all looks bound the same two unknowns, first instant and period; what satisfies
    all of them is far narrower than any one of them. An update outside of what was predicted
    widens the allowed jitter by as much, so an irregular counter is never trusted.
    """

    __slots__ = (
        "_anchor_high_s",
        "_anchor_low_s",
        "_count",
        "_high_s",
        "_longest_s",
        "_low_s",
        "_shortest_s",
        "jitter_s",
        "period_s",
    )

    def __init__(self, period_s: float) -> None:
        self.period_s = period_s
        self.jitter_s = 0.0
        self._low_s = self._high_s = 0.0
        self._restart(0.0, 0.0)

    @property
    def steady(self) -> bool:
        """Whether updates are regular enough to be followed."""
        return self.jitter_s <= JITTER_SHARE * self.period_s

    def _restart(self, low_s: float, high_s: float) -> None:
        self._low_s = self._anchor_low_s = low_s
        self._high_s = self._anchor_high_s = high_s
        self._shortest_s = self.period_s * (1 - PERIOD_TOLERANCE)
        self._longest_s = self.period_s * (1 + PERIOD_TOLERANCE)
        self._count = 0

    def observe(self, low_s: float, high_s: float) -> tuple[float, float]:
        """An update happened in (low_s, high_s]: its most likely instant and the half-width."""
        middle_s = (self._low_s + self._high_s) / 2
        mean_s = (self._shortest_s + self._longest_s) / 2
        steps = round(((low_s + high_s) / 2 - middle_s) / mean_s)
        spread_s = steps * (self._longest_s - self._shortest_s) + self._high_s - self._low_s
        if self._high_s == 0.0 or steps < 1 or spread_s > self.period_s:
            self._restart(low_s, high_s)
            return (low_s + high_s) / 2, (high_s - low_s) / 2
        jitter_s, wander_s = self.jitter_s, steps * WANDER * self.period_s
        low = max(self._low_s + steps * self._shortest_s - wander_s, low_s - jitter_s)
        high = min(self._high_s + steps * self._longest_s + wander_s, high_s + jitter_s)
        if low > high:
            self.jitter_s += low - high
            self._restart(low_s, high_s)
            return (low_s + high_s) / 2, (high_s - low_s) / 2
        self._low_s, self._high_s = low, high
        self._count += steps
        first_s, last_s = self._anchor_low_s, self._anchor_high_s
        self._shortest_s = max(self._shortest_s, (low_s - jitter_s - last_s) / self._count)
        self._longest_s = min(self._longest_s, (high_s + jitter_s - first_s) / self._count)
        middle_s, reach_s = (low + high) / 2, COMMON * (high - low) / 2 + jitter_s
        low, high = max(middle_s - reach_s, low_s), min(middle_s + reach_s, high_s)
        return (low + high) / 2, max(high - low, 0.0) / 2
