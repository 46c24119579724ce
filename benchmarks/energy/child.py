"""What is measured inside a process of its own: `child.py TASK TOOL …` prints one line of JSON."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil
from tools import Perun, started
from watching import driver_calls, hold, idle

ROUNDS = 60


def mean_us(call: Callable[[], object], times: int) -> float:
    """Mean time of one call (µs) over `times` calls back to back."""
    begin_ns = time.perf_counter_ns()
    for _ in range(times):
        call()
    return (time.perf_counter_ns() - begin_ns) / times / 1000


def window(name: str) -> dict[str, Any]:
    """Begin and end of a window, one after the other: medians of `ROUNDS` means (µs)."""
    tool = started(name)
    found: dict[str, Any] = {}
    times = 1 if name == "CodeCarbon" else 50

    def measure() -> None:
        rounds = []
        for _ in range(ROUNDS):
            begin_us = end_us = 0.0
            for _ in range(times):
                begin_us += mean_us(tool.begin, 1)
                end_us += mean_us(tool.end, 1)
            rounds.append((begin_us / times, end_us / times))
        found["begin_us"] = statistics.median(begin for begin, _ in rounds)
        found["end_us"] = statistics.median(end for _, end in rounds)

    measure()
    if (
        name == "greenbench"
    ):  # a suite's runner also takes a sample beside each edge, if 20 ms passed
        found["edge_sample_us"] = statistics.median(mean_us(tool.sample, 20) for _ in range(ROUNDS))
    if isinstance(tool, Perun):  # regions exist only inside a monitored function
        tool.monitored(measure)
    return found


def sample(name: str) -> dict[str, Any]:
    """One sample back to back, and the driver's part of it, in alternating rounds (µs)."""
    tool = started(name)
    drivers = driver_calls(tool) if name == "greenbench" else None
    if name == "greenbench":
        tool.meter.stop()  # type: ignore[attr-defined]
    times = 20 if name == "CodeCarbon" else 200
    samples, driver = [], []
    for _ in range(ROUNDS):
        samples.append(mean_us(tool.sample, times))
        if drivers is not None:
            driver.append(sum(mean_us(call, times) for call in drivers))
            tool.meter.drain()  # type: ignore[attr-defined]
    found: dict[str, Any] = {"sample_us": statistics.median(samples)}
    if driver:
        found["driver_us"] = statistics.median(driver)
        found["own_us"] = statistics.median(s - d for s, d in zip(samples, driver, strict=True))
        found["channels"] = [c.name for c in tool.meter.channels]  # type: ignore[attr-defined]
    return found


def integrate(_: str) -> dict[str, Any]:
    """What a window costs later: rows taken into the timeline, and one window's energies."""
    from greenbench.api import Window
    from greenbench.energy.timeline import Timeline

    tool = started("greenbench")
    meter = tool.meter  # type: ignore[attr-defined]
    began_s = time.monotonic()
    time.sleep(20)
    meter.stop()
    chunks = meter.drain()
    timeline = Timeline(meter.channels)
    add_us = mean_us(lambda: timeline.add(chunks), 1)
    window = Window(kind="train", start_s=began_s + 2.123, end_s=began_s + 17.456)
    energy_us = statistics.median(mean_us(lambda: timeline.energy(window), 20) for _ in range(30))
    ticks = len(chunks[0])
    return {
        "channels": len(chunks),
        "ticks": ticks,
        "add_us_per_tick": add_us / ticks,
        "energy_us": energy_us,
    }


def main() -> None:
    tasks = {"window": window, "sample": sample, "integrate": integrate, "idle": idle, "hold": hold}
    if sys.argv[1] == "realtime":
        from realtime import inside

        found = inside(*map(float, sys.argv[2:]))
    else:
        found = tasks[sys.argv[1]](*sys.argv[2:])
    print("\n" + json.dumps(found), flush=True)
    for helper in psutil.Process().children(recursive=True):
        helper.kill()  # some tools leave theirs behind for a while
    os._exit(0)


if __name__ == "__main__":
    main()
