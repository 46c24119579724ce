"""What watching costs: a tool that is held at 10 Hz, beside a loop that does nothing."""

from __future__ import annotations

import ctypes
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import psutil
from tools import PERIOD_S, Perun, started

CHILD = Path(__file__).with_name("child.py")


def hold(name: str) -> dict[str, Any]:
    """Starts a tool, says so, and asks nothing of it for the rest of its life."""

    def wait() -> None:
        print("ready", flush=True)
        time.sleep(3600)

    if name == "empty":
        threading.Thread(target=empty_loop, daemon=True).start()
        wait()
    if name == "driver":
        threading.Thread(target=driver_loop, daemon=True).start()
        wait()
    tool = started(name)
    tool.sample()
    if isinstance(tool, Perun):
        tool.monitored(wait)
    wait()
    return {}


def empty_loop(calls: Sequence[Callable[[], object]] = ()) -> None:
    """Wakes as often as the meter does, and does nothing but make `calls`."""
    never, vary = threading.Event(), Random(0).random
    while not never.wait(PERIOD_S * (0.75 + 0.5 * vary())):
        for call in calls:
            call()


def driver_loop() -> None:
    tool: Any = started("greenbench")
    tool.meter.stop()
    empty_loop(driver_calls(tool))


def idle(name: str, seconds: str) -> dict[str, Any]:
    """CPU time per second of a tool and its helpers, and of an empty 10 Hz loop at the same time.

    A second in which another machine took the processor away counts for both; the median of the
    differences leaves it out."""
    command = [sys.executable, str(CHILD), "hold"]
    processes = [
        subprocess.Popen([*command, one], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for one in (name, "empty")
    ]
    for process in processes:
        while b"ready" not in (line := process.stdout.readline()):  # type: ignore[union-attr]
            if not line:
                return {"absent": "it does not start"}
    time.sleep(2.0)
    trees = [tree(process.pid) for process in processes]
    shares = []
    before = [cpu_time_s(pids) for pids in trees]
    begin_s = time.monotonic()
    for _ in range(int(seconds)):
        time.sleep(1.0)
        now, now_s = [cpu_time_s(pids) for pids in trees], time.monotonic()
        shares.append([(n - b) / (now_s - begin_s) for n, b in zip(now, before, strict=True)])
        before, begin_s = now, now_s
    helpers = trees[0][1:]
    return {
        "tool": statistics.median(tool for tool, _ in shares),
        "empty": statistics.median(empty for _, empty in shares),
        "above": statistics.median(tool - empty for tool, empty in shares),
        "above_mean": statistics.mean(tool - empty for tool, empty in shares),
        "helpers": len(helpers),
        "helpers_mb": sum(memory_mb(pid) for pid in helpers),
        "own_mb": memory_mb(trees[0][0]),
    }


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def cpu_time_s(pids: list[int]) -> float:
    """CPU time of all of them, from their own clocks (nanoseconds, not the kernel's ticks)."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def memory_mb(pid: int) -> float:
    """Resident memory (MB)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def driver_calls(tool: Any) -> list[Callable[[], object]]:
    """The same calls into library and kernel with nothing around them."""
    calls: list[Callable[[], object]] = []
    for read in tool.meter._reads:
        reader = read.__self__
        if reader.channel.backend == "rapl":
            calls.append(partial(os.pread, reader._descriptor, 32, 0))
        else:
            calls.append(nvml_call(reader))
    return calls


def nvml_call(reader: Any) -> Callable[[], object]:
    """The simulated GPU tells its energy, and its instant power as a field."""
    import pynvml

    library = ctypes.CDLL("libnvidia-ml.so.1")
    if reader.channel.method == "counter":
        into = ctypes.byref(ctypes.c_ulonglong())
        return partial(library.nvmlDeviceGetTotalEnergyConsumption, reader._handle, into)
    values = (pynvml.c_nvmlFieldValue_t * 1)()
    values[0].fieldId = pynvml.NVML_FI_DEV_POWER_INSTANT
    return partial(library.nvmlDeviceGetFieldValues, reader._handle, 1, ctypes.byref(values))
