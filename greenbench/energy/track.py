"""One channel in the meter: undoes wraps, tells faults, resets and gaps from energy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from greenbench.energy.samples import (
    AMBIGUOUS,
    FAILED,
    FAULT,
    GAP,
    RESET,
    SLEPT,
    STARVED,
    SampleChunk,
)

if TYPE_CHECKING:
    from greenbench.api import Reader

ASSUMED_MAX_POWER_W: Final = 2000.0
"""Taken for a channel that states no maximum: above any single package or accelerator sold."""
ASSUMED_UPDATE_S: Final = 0.1
"""Taken for a counter that states no update period: the slowest one known (NVML: 10 to 100 ms)."""
FAULT_FACTOR: Final = 1.5
"""How far above its maximum power a step may be before it is a fault, not energy."""
POWER_SPAN_S: Final = 1.0
"""`latest_power_w` looks back over about this long."""


class Track:
    """Turns raw readings of one channel into rows; called by the meter under its lock."""

    __slots__ = (
        "_base",
        "_base_s",
        "_changed_s",
        "_counter",
        "_limit_w",
        "_mark",
        "_older_mark",
        "_starved_s",
        "_suspect",
        "_unit_j",
        "_unit_w",
        "_update_s",
        "_wrap",
        "_wrap_s",
        "chunk",
        "failures",
        "last_error",
        "name",
        "total",
    )

    def __init__(self, reader: Reader, starved_s: float) -> None:
        channel = reader.channel
        self.name = channel.name
        self.chunk = SampleChunk(channel.name)
        self.total = 0
        self.failures = 0
        self.last_error = ""
        self._counter = channel.method != "power"
        self._unit_j = channel.unit_j or 1.0
        self._unit_w = channel.unit_w or 1.0
        self._wrap = channel.wrap_units
        max_w = channel.max_power_w or ASSUMED_MAX_POWER_W
        self._limit_w = FAULT_FACTOR * max_w
        self._update_s = channel.update_period_s or ASSUMED_UPDATE_S
        self._wrap_s = self._wrap * self._unit_j / max_w if self._wrap else float("inf")
        self._starved_s = starved_s
        self._base: int | None = None  # last good raw reading
        self._base_s = 0.0
        self._changed_s = 0.0  # start of the read that first showed `_base`
        self._suspect: tuple[int, float, float] | None = None  # raw, start, end of its read
        self._mark = (0.0, 0)
        self._older_mark = (0.0, 0)

    def missed(self, before_s: float, after_s: float, error: BaseException) -> None:
        """A read that raised."""
        self.failures += 1
        self.last_error = f"{type(error).__name__}: {error}"
        self._row(before_s, after_s, FAILED)

    def take(self, before_s: float, after_s: float, raw: int, *, slept: bool) -> None:
        """A read that began at `before_s` and had returned by `after_s`."""
        base = self._base
        if not self._counter:
            late = base is not None and before_s - self._base_s > self._starved_s
            self.total = self._base = raw
            self._base_s = after_s
            self._row(before_s, after_s, (STARVED if late else 0) | (SLEPT if slept else 0))
            return
        if base is None:
            self._rebase(before_s, after_s, raw)
            self._mark = self._older_mark = (after_s, 0)
            self._row(before_s, after_s, 0)
            return
        elapsed_s = after_s - self._base_s
        flags = STARVED if elapsed_s > self._starved_s else 0
        if slept or elapsed_s >= self._wrap_s:
            self._rebase(before_s, after_s, raw)
            self._row(before_s, after_s, flags | GAP | (SLEPT if slept else AMBIGUOUS))
            return
        step = self._step(base, raw)
        if self._plausible(step, after_s - self._changed_s):
            self._accept(before_s, after_s, raw, step, flags)
        else:
            self._doubt(before_s, after_s, raw, flags)

    def power_w(self) -> float | None:
        """Mean power over about the last second; None before there are two readings."""
        if self._base is None:
            return None
        if not self._counter:
            return self.total * self._unit_w
        then_s, then = self._older_mark
        if self._changed_s <= then_s:
            return None
        return (self.total - then) * self._unit_j / (self._changed_s - then_s)

    def _step(self, base: int, raw: int) -> int:
        return (raw - base) % self._wrap if self._wrap else raw - base

    def _plausible(self, step: int, elapsed_s: float) -> bool:
        """Counters step: one that updates every 100 ms, read every 10 ms, moves tenfold at once."""
        if step < 0:
            return False
        most_j = self._limit_w * max(elapsed_s, self._update_s)
        return step * self._unit_j <= most_j + self._unit_j

    def _accept(self, before_s: float, after_s: float, raw: int, step: int, flags: int) -> None:
        if step:
            self.total += step
            self._changed_s = before_s
            if before_s - self._mark[0] >= POWER_SPAN_S / 2:
                self._older_mark = self._mark
                self._mark = (before_s, self.total)
        self._base = raw
        self._base_s = before_s
        self._suspect = None
        self._row(before_s, after_s, flags)

    def _doubt(self, before_s: float, after_s: float, raw: int, flags: int) -> None:
        """One implausible reading is a fault; two that agree with each other are a reset."""
        suspect = self._suspect
        if suspect is not None:
            step = self._step(suspect[0], raw)
            if self._plausible(step, after_s - suspect[1]):
                self._rebase(before_s, after_s, raw)
                self._row(before_s, after_s, flags | GAP | RESET)
                return
        self._suspect = (raw, before_s, after_s)
        self.failures += 1
        self.last_error = f"counter read {raw} after {self._base}: no power explains that step"
        self._row(before_s, after_s, FAULT)

    def _rebase(self, before_s: float, after_s: float, raw: int) -> None:
        self._base = raw
        self._base_s = self._changed_s = before_s
        self._suspect = None
        self._mark = self._older_mark = (after_s, self.total)

    def _row(self, before_s: float, after_s: float, flags: int) -> None:
        chunk = self.chunk
        chunk.stamp_s.append((before_s + after_s) * 0.5)
        chunk.half_s.append((after_s - before_s) * 0.5)
        chunk.value.append(self.total)
        chunk.flags.append(flags)
