"""What is read about once a second beside energy, and what a training window of it comes to."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from greenbench.api import Usage, Window
from greenbench.host.gpu import SLOWING, GpuState


@dataclass(frozen=True, slots=True)
class UsageReading:
    """What a trial had used at `stamp_s` (monotonic, s)."""

    stamp_s: float
    usage: Usage


@dataclass(frozen=True, slots=True)
class GpuReading:
    """A GPU at `stamp_s` (monotonic, s), with the processes on it that are not the cohort's
    (None: they can't be told apart)."""

    stamp_s: float
    state: GpuState
    foreign_processes: int | None = None
    foreign_utilization: float | None = None


@dataclass(frozen=True, slots=True)
class HostReading:
    """Busy time of all processors since boot, greenbench's own part of it (CPU s), and how often
    processors were slowed by heat since boot; None: not told here."""

    stamp_s: float
    busy_cpu_time_s: float | None
    own_cpu_time_s: float | None
    cpu_throttle_events: int | None


@dataclass(frozen=True, slots=True)
class CpuReading:
    """The highest clock of a processor and the hottest one's temperature; None: not told here."""

    stamp_s: float
    clock_mhz: float | None
    temperature_c: float | None

    @property
    def tells(self) -> bool:
        """Whether there is anything in it."""
        return self.clock_mhz is not None or self.temperature_c is not None


def within(readings: Iterable[Any], window: Window) -> list[Any]:
    """The readings taken in a window."""
    return [r for r in readings if window.start_s <= r.stamp_s <= window.end_s]


def growth(points: Sequence[tuple[float, float]], window: Window) -> float | None:
    """How much a counter grew in a window, from (stamp, value) in order of time; between two
    readings it is taken to grow evenly. None without two readings."""
    if len(points) < 2:
        return None
    return _at(points, window.end_s) - _at(points, window.start_s)


def _at(points: Sequence[tuple[float, float]], stamp_s: float) -> float:
    """The value at an instant; before the first reading the first, after the last the last."""
    place = bisect_left(points, (stamp_s,))
    if place == 0:
        return points[0][1]
    if place == len(points):
        return points[-1][1]
    (low_s, low), (high_s, high) = points[place - 1 : place + 1]
    return low + (high - low) * (stamp_s - low_s) / (high_s - low_s)


def summary(
    window: Window, usage: Sequence[UsageReading], gpus: Sequence[GpuReading]
) -> dict[str, float | int | None]:
    """One row of the table `usage`: peaks and totals of the attempt, means over its window.

    `gpus` are readings of the GPUs that the trial may use; empty if it uses none.
    """
    cpu_s = growth(_points(usage, "cpu_time_s"), window)
    length_s = window.end_s - window.start_s
    trained = within(gpus, window)
    states: list[GpuState] = [reading.state for reading in trained]
    slowed = [bool(s.throttle_reasons & sum(SLOWING)) for s in states if s.throttle_reasons]
    told = [s for s in states if s.throttle_reasons is not None]
    start_c = [s.temperature_c for s in states[:1] if s.temperature_c is not None]
    return {
        "samples": len(within(usage, window)),
        "memory_peak_bytes": _most([r.usage.memory_peak_bytes for r in usage]),
        "disk_read_bytes": _last(usage, "disk_read_bytes"),
        "disk_written_bytes": _last(usage, "disk_written_bytes"),
        "network_received_bytes": _last(usage, "network_received_bytes"),
        "network_sent_bytes": _last(usage, "network_sent_bytes"),
        "cpu_utilization": None if cpu_s is None or length_s <= 0 else cpu_s / length_s,
        "gpu_utilization": _mean([s.utilization for s in states]),
        "gpu_memory_utilization": _mean([s.memory_utilization for s in states]),
        "gpu_memory_peak_bytes": _most([s.memory_used_bytes for s in states]),
        "gpu_temperature_start_c": start_c[0] if start_c else None,
        "gpu_temperature_max_c": _most([s.temperature_c for s in states]),
        "gpu_sm_clock_mhz": _mean([s.sm_clock_mhz for s in states]),
        "gpu_throttled": sum(slowed) / len(told) if told else None,
    }


def cpu_points(usage: Sequence[UsageReading]) -> list[tuple[float, float]]:
    """A trial's CPU time as (stamp, seconds)."""
    return _points(usage, "cpu_time_s")


def _points(usage: Sequence[UsageReading], name: str) -> list[tuple[float, float]]:
    values = ((r.stamp_s, getattr(r.usage, name)) for r in usage)
    return [(stamp_s, value) for stamp_s, value in values if value is not None]


def _last(usage: Sequence[UsageReading], name: str) -> Any:
    """What was told last: a container's counters vanish with it."""
    values = (getattr(reading.usage, name) for reading in reversed(usage))
    return next((value for value in values if value is not None), None)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _most(values: Iterable[Any]) -> Any:
    return max((value for value in values if value is not None), default=None)
