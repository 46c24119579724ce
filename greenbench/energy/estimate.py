"""Energy where there is no meter at all: a stated model, labelled an estimate wherever it shows.

    E_cpu = busy CPU time of the host × rated power / logical CPUs

Busy time comes from /proc/stat (all but idle and iowait; guests are in user time already). Rated
power is the sum of the packages' long-term limits where the kernel tells them (powercap
`constraint_0_power_limit_uw`, the processor's TDP unless someone changed it); else 12 W a core,
what Green Algorithms takes for a processor it doesn't know (Lannelongue, Grealey, Inouye, Advanced
Science 8, 2100707, 2021, https://doi.org/10.1002/advs.202100707).

    E_memory = installed memory × 0.3725 W/GB × time

with the constant from the same paper. It depends on time alone.

The model knows nothing of clocks, idle power, instructions or accelerators.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

from greenbench.api import Channel, Missing
from greenbench.energy.powercap import find_zones, powercap_root, read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from greenbench.api import Reader

CORE_W: Final = 12.0
MEMORY_W_PER_GB: Final = 0.3725


class BusyReader:
    """Busy CPU time of the host in clock ticks."""

    __slots__ = ("_descriptor", "channel")

    def __init__(self, channel: Channel, stat: str = "/proc/stat") -> None:
        self.channel = channel
        self._descriptor = os.open(stat, os.O_RDONLY | os.O_CLOEXEC)

    def read(self) -> int:
        """Sum of user + nice + system + irq + softirq + steal, as /proc/stat counts them."""
        fields = os.pread(self._descriptor, 256, 0).split(None, 9)
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[1:9])
        return user + nice + system + irq + softirq + steal

    def close(self) -> None:
        """Closes the descriptor; harmless if it is closed."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class TimeReader:
    """Elapsed time in ms: energy at constant power."""

    __slots__ = ("_clock", "channel")

    def __init__(self, channel: Channel, clock: Callable[[], float] = time.monotonic) -> None:
        self.channel = channel
        self._clock = clock

    def read(self) -> int:
        """Milliseconds of the monotonic clock."""
        return int(self._clock() * 1000)

    def close(self) -> None:
        """Nothing is kept open."""


class EstimateBackend:
    """The model of this module. `rated_power_w` overrides the processor's rated power (W)."""

    name = "estimate"
    description = "a model: CPU time × rated power; no measurement, no verdicts"
    measured = False
    on_request = False

    def __init__(self, rated_power_w: float | None = None) -> None:
        self._rated_power_w = rated_power_w

    def open(self) -> tuple[Sequence[Reader], Sequence[Missing]]:
        """One channel for the processors, one for the memory."""
        try:
            return [BusyReader(self._cpu()), *_memory()], []
        except OSError as error:
            remedy = "mount /proc; the estimate works on Linux alone"
            return [], [Missing("estimate", "cpu/estimate", f"no CPU time: {error}", remedy)]

    def _cpu(self) -> Channel:
        logical = os.cpu_count() or 1
        rated_w, source = self._rated()
        per_cpu_w = rated_w / logical
        return Channel(
            name="cpu/estimate",
            backend="estimate",
            method="estimate",
            physical_id="estimate/cpu",
            scope=f"estimate: busy CPU time × {per_cpu_w:.4g} W per logical CPU ({source})",
            unit_j=per_cpu_w / os.sysconf("SC_CLK_TCK"),
            max_power_w=max(rated_w, per_cpu_w) * 2,
            update_period_s=1 / os.sysconf("SC_CLK_TCK"),
        )

    def _rated(self) -> tuple[float, str]:
        if self._rated_power_w is not None:
            return self._rated_power_w, f"{self._rated_power_w:.4g} W as given"
        limit_w = _stated_limit_w(powercap_root())
        if limit_w:
            return limit_w, f"{limit_w:.4g} W long-term limit of the packages"
        cores = _physical_cores()
        return cores * CORE_W, f"{cores} cores × {CORE_W:g} W"


def _stated_limit_w(root: Path) -> float:
    """Sum of the packages' long-term power limits (W); 0 where they are not told."""
    watts = 0.0
    for zone in find_zones(root):
        if zone.channel.startswith("cpu/package"):
            text = read_text(zone.path / "constraint_0_power_limit_uw")
            watts += int(text) * 1e-6 if text is not None and text.isdigit() else 0.0
    return watts


def _physical_cores() -> int:
    """Physical cores of this host; logical ones where the topology is not told."""
    cores = set()
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as cpuinfo:  # noqa: PTH123
            package = "0"
            for line in cpuinfo:
                key, _, value = line.partition(":")
                if key.strip() == "physical id":
                    package = value.strip()
                elif key.strip() == "core id":
                    cores.add((package, value.strip()))
    except OSError:
        pass
    return len(cores) or os.cpu_count() or 1


def _memory() -> list[Reader]:
    try:
        size_gb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    except (OSError, ValueError):
        return []
    watts = size_gb * MEMORY_W_PER_GB
    channel = Channel(
        name="memory/estimate",
        backend="estimate",
        method="estimate",
        physical_id="estimate/memory",
        scope=f"estimate: {size_gb:.4g} GB × {MEMORY_W_PER_GB} W/GB, whatever runs",
        unit_j=watts / 1000,
        max_power_w=watts * 2,
        update_period_s=0.001,
    )
    return [TimeReader(channel)]
