"""CPU time as the kernel tells it, in all and by package, and what was spent in between."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from greenbench.host.topology import by_domain


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU time so far: in all (s), and by package where it is told. None: not told."""

    cpu_time_s: float | None = None
    by_s: Mapping[str, float] | None = None

    def since(self, earlier: Spent) -> Spent:
        """What was spent from `earlier` on."""
        total_s = None
        if self.cpu_time_s is not None and earlier.cpu_time_s is not None:
            total_s = self.cpu_time_s - earlier.cpu_time_s
        if self.by_s is None or earlier.by_s is None:
            return Spent(total_s)
        before_s = earlier.by_s
        return Spent(total_s, {n: s - before_s.get(n, 0.0) for n, s in self.by_s.items()})


def busy(stat: Path, domains: Mapping[int, tuple[str, ...]]) -> Spent:
    """Busy CPU time of the host since boot, without what a hypervisor gave to others.

    From /proc/stat, in clock ticks: user, nice, system, irq and softirq.
    """
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    total_s, per_cpu_s = None, {}
    try:
        lines = stat.read_text(encoding="ascii").splitlines()
    except OSError:
        return Spent()
    for line in lines:
        name, _, numbers = line.partition(" ")
        if not name.startswith("cpu"):
            break
        user, nice, system, _idle, _iowait, irq, softirq = map(int, numbers.split()[:7])
        busy_s = (user + nice + system + irq + softirq) * tick_s
        if name == "cpu":
            total_s = busy_s
        else:
            per_cpu_s[int(name[3:])] = busy_s
    return Spent(total_s, by_domain(per_cpu_s, domains))
