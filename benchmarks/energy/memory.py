"""Memory over a day: 24 hours at 10 Hz in simulated time, and what a tick keeps until drained.

python benchmarks/energy/memory.py [--hours 24]
"""

from __future__ import annotations

import argparse
import os
import time
import tracemalloc
from pathlib import Path

from markdown import reached, table

from greenbench.api import Channel
from greenbench.energy.meter import Meter
from greenbench.energy.timeline import Timeline

PERIOD_S = 0.1
DRAIN_TICKS = 10
FORGET_TICKS = 600
KEEP_S = 60.0
CHANNELS = {"gpu/0": "counter", "gpu/0/power": "power", "cpu/package-0": "counter"} | {
    "cpu/package-1": "counter"
}


class SimulatedReader:
    """A counter (µJ, wraps as an Intel package does) or a power reading at 200 W."""

    def __init__(self, name: str, method: str, clock: list[float]) -> None:
        counter = method == "counter"
        self.clock, self.counter, self.wrap = clock, counter, 262_143_328_850
        self.channel = Channel(
            name=name,
            backend="simulated",
            method="counter" if counter else "power",
            physical_id=name,
            scope="simulated",
            unit_j=1e-6 if counter else None,
            unit_w=None if counter else 1e-3,
            wrap_units=self.wrap if counter else None,
            max_power_w=500.0,
            update_period_s=0.001 if counter else None,
        )

    def read(self) -> int:
        return int(self.clock[0] * 200e6) % self.wrap if self.counter else 200_000

    def close(self) -> None:
        pass


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def bytes_a_tick(names: list[str], ticks: int = 20_000) -> float:
    """Allocated memory by tick, as long as nothing is drained."""
    clock = [0.0]
    meter = Meter([SimulatedReader(n, CHANNELS[n], clock) for n in names], 0.1, lambda: clock[0])
    meter.tick()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(ticks):
        clock[0] += PERIOD_S
        meter.tick()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / ticks


def a_day(hours: int) -> list[tuple[int, float, int]]:
    """Resident memory and knots kept in the timeline, by simulated hour."""
    clock = [0.0]
    meter = Meter(
        [SimulatedReader(n, m, clock) for n, m in CHANNELS.items()], 0.1, lambda: clock[0]
    )
    timeline = Timeline(meter.channels)
    found = []
    for tick in range(1, hours * 36_000 + 1):
        clock[0] += PERIOD_S
        meter.tick()
        if tick % DRAIN_TICKS == 0:
            timeline.add(meter.drain())
        if tick % FORGET_TICKS == 0:
            timeline.forget(clock[0] - KEEP_S)
        if tick % 36_000 == 0:
            knots = sum(len(course.knots) for course in timeline._courses.values())
            found.append((tick // 36_000, resident_mb(), knots))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=24)
    hours = parser.parse_args().hours
    begin_s = time.process_time()
    found = a_day(hours)
    spent_s = time.process_time() - begin_s
    shown = [row for row in found if row[0] in {1, 2, 6, 12, 18, hours}]
    flat = reached(held=found[-1][1] - found[0][1] < 1.0)
    kept = reached(held=bytes_a_tick(list(CHANNELS)) <= 100)
    print(
        f"## Memory\n\nAim: flat over {hours} hours: {flat}; at most 100 bytes a tick until", end=""
    )
    print(f" flushed: {kept}.\n")
    rows = [(h, f"{mb:.1f} MB", knots) for h, mb, knots in shown]
    print(table(["simulated hour", "resident memory", "knots in the timeline"], rows))
    print(
        f"\n{hours * 36_000:,} ticks of {len(CHANNELS)} channels, drained each second and forgotten"
        f" after a minute, in {spent_s:.0f} s of CPU time.\n"
    )
    rows = [
        (", ".join(names), f"{bytes_a_tick(names):.0f}")
        for names in (list(CHANNELS)[:1], [n for n in CHANNELS if "power" not in n], list(CHANNELS))
    ]
    print(table(["channels", "bytes a tick until flushed"], rows))


if __name__ == "__main__":
    main()
