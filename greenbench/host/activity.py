"""Who uses this host's processors: busy time of all of them, and of single processes by name."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

STAT: Final = Path("/proc/stat")
CPUS: Final = Path("/sys/devices/system/cpu")
LEAST_CPUS: Final = 0.02
"""A process that uses less (processors, averaged) is not worth a line: timers, shells."""


@dataclass(frozen=True, slots=True)
class Busy:
    """A process and how many processors it kept busy, averaged over the time that was watched."""

    pid: int
    name: str
    cpus: float


def busy_cpu_time_s() -> float | None:
    """CPU time since boot of everything on the host, stolen time of a virtual machine included
    (s, in steps of a clock tick a processor); None where the kernel does not tell."""
    try:
        with STAT.open(encoding="ascii") as stat:
            fields = stat.readline().split()
    except OSError:
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def own_cpu_time_s() -> float:
    """CPU time of this process, its threads included (s), to the nanosecond: `os.times` counts in
    clock ticks, of which a short training sees none."""
    return time.process_time()


def cpu_throttle_events() -> int | None:
    """How often processors were slowed because they were hot, since boot; None: not told."""
    counts = []
    for path in _throttle_counts():
        with contextlib.suppress(OSError, ValueError):
            counts.append(int(path.read_text()))
    return sum(counts) if counts else None


@cache
def _throttle_counts() -> tuple[Path, ...]:
    """Found once: hundreds of files on a large host."""
    return tuple(CPUS.glob("cpu[0-9]*/thermal_throttle/*_throttle_count"))


def process_times_s() -> dict[tuple[int, float], tuple[str, float]]:
    """CPU time (s) and name of every process that can be seen, by process id and start."""
    import psutil

    found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError), process.oneshot():
            times = process.cpu_times()
            key = process.pid, process.create_time()
            found[key] = process.name(), times.user + times.system
    return found


def busy_processes(
    before: Mapping[tuple[int, float], tuple[str, float]],
    after: Mapping[tuple[int, float], tuple[str, float]],
    seconds: float,
    own: Collection[int] = (),
) -> list[Busy]:
    """Processes that used CPU between two looks `seconds` apart, the busiest first; `own` ones
    (process ids), this one, and those below `LEAST_CPUS` are left out."""
    mine = {os.getpid(), *own}
    found = []
    for (pid, started), (name, used_s) in after.items():
        earlier = before.get((pid, started))
        cpus = (used_s - (earlier[1] if earlier else 0.0)) / seconds
        if pid not in mine and cpus >= LEAST_CPUS:
            found.append(Busy(pid, name, cpus))
    return sorted(found, key=lambda busy: -busy.cpus)
