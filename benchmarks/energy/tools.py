"""The tools side by side: how each is started, sampled, and asked for a window.

Each method does what the tool's documentation shows, nothing less and nothing more.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import deque
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

PERIOD_S = 0.1


class Tool(Protocol):
    """`start` measures at 10 Hz where the tool samples at all; `begin` and `end` mark a window;
    `sample` reads the GPU and both packages once."""

    def start(self) -> None: ...
    def begin(self) -> None: ...
    def end(self) -> None: ...
    def sample(self) -> None: ...


class Greenbench:
    def start(self) -> None:
        from greenbench.api import Provided, Window
        from greenbench.energy.meter import Meter
        from greenbench.energy.nvml import NvmlBackend
        from greenbench.energy.rapl import RaplBackend
        from greenbench.energy.select import open_channels

        offered = [Provided(b.name, b, "greenbench", "0") for b in (NvmlBackend(), RaplBackend())]
        self.opened = open_channels(offered, [b.name for b in offered])
        self.meter = Meter(self.opened.readers, PERIOD_S)
        self.meter.start()
        self.Window = Window
        self.windows: deque[Any] = deque(maxlen=1000)

    def begin(self) -> None:
        self.begin_s = time.monotonic()

    def end(self) -> None:
        window = self.Window(kind="train", start_s=self.begin_s, end_s=time.monotonic())
        self.windows.append(window)

    def sample(self) -> None:
        self.meter.tick()


class Zeus:
    def start(self) -> None:
        from zeus.monitor import ZeusMonitor

        self.monitor = ZeusMonitor()

    def begin(self) -> None:
        self.monitor.begin_window("window", sync_execution=False)

    def end(self) -> None:
        self.monitor.end_window("window", sync_execution=False)

    def sample(self) -> None:
        self.monitor.gpus.get_total_energy_consumption(0)
        self.monitor.cpus.get_total_energy_consumption(0)
        self.monitor.cpus.get_total_energy_consumption(1)


class CodeCarbon:
    def start(self) -> None:
        self.tracker = self.new()
        self.tracker.start()
        self.tasks: Any = None

    def new(self) -> Any:
        from codecarbon import OfflineEmissionsTracker

        return OfflineEmissionsTracker(
            country_iso_code="DEU",
            measure_power_secs=PERIOD_S,
            save_to_file=False,
            log_level="critical",
            allow_multiple_runs=True,
        )

    def begin(self) -> None:
        if self.tasks is None:
            self.tracker.stop()
            self.tasks = self.new()
        self.tasks.start_task("window")

    def end(self) -> None:
        self.tasks.stop_task("window")
        self.tasks._tasks.clear()

    def sample(self) -> None:
        self.tracker._do_measurements()


class PyRapl:
    """Reads no GPU."""

    def start(self) -> None:
        import pyRAPL

        pyRAPL.setup()
        self.measurement = pyRAPL.Measurement("window")
        self.sensor = pyRAPL._sensor

    def begin(self) -> None:
        self.measurement.begin()

    def end(self) -> None:
        self.measurement.end()

    def sample(self) -> None:
        self.sensor.energy()


class Perun:
    """Samples in a process of its own while a decorated function runs; a window is a region."""

    def start(self) -> None:
        os.chdir(tempfile.mkdtemp())
        from perun.backend.nvml import NVMLBackend
        from perun.backend.powercap_rapl import PowercapRAPLBackend

        gpu, cpu = NVMLBackend(), PowercapRAPLBackend()
        self.sensors = gpu.getSensors({"CUDA:0_POWER"}) + cpu.getSensors(
            set(cpu.availableSensors())
        )

    def monitored(self, function: Any) -> None:
        from perun import perun

        perun(sampling_period=PERIOD_S)(function)()

    def begin(self) -> None:
        from perun.configuration import config
        from perun.core import Perun as Core

        Core(config).mark_event("window")

    end = begin

    def sample(self) -> None:
        for sensor in self.sensors:
            sensor.read()


TOOLS: dict[str, tuple[type[Tool], str]] = {
    "greenbench": (Greenbench, "greenbench"),
    "Zeus": (Zeus, "zeus"),
    "CodeCarbon": (CodeCarbon, "codecarbon"),
    "pyRAPL": (PyRapl, "pyRAPL"),
    "perun": (Perun, "perun"),
}
"""By name: the class, and the distribution whose version is printed."""


def started(name: str) -> Tool:
    """The tool of that name, started."""
    tool = TOOLS[name][0]()
    tool.start()
    return tool


def installed() -> dict[str, str]:
    """Version by tool; a tool that is not installed is not in it."""
    found = {}
    for name, (_, distribution) in TOOLS.items():
        try:
            found[name] = version(distribution)
        except PackageNotFoundError:
            continue
    return found
