"""What NVIDIA GPUs are doing right now, through NVML: utilisation, temperature, clocks, processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

SLOWING: Final = {
    0x08: "hardware slowdown",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "power brake",
}
"""Throttle reasons that come from heat or failing power (nvml.h, nvmlClocksEventReasons): the GPU
runs slower than it was asked to."""
CAPPED: Final = {0x04: "power cap", 0x10: "sync boost"}
"""Throttle reasons of a GPU that works as it is configured, but not at its highest clock. Idle
(0x1), application clocks (0x2) and display clocks (0x100) are no throttling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuProcess:
    """A process on a GPU, by the host's process id. `utilization` (0 to 1) is of the last second
    or so; None where the driver does not tell (MIG)."""

    pid: int
    memory_bytes: int | None = None
    utilization: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuState:
    """One GPU at one moment. Utilisations are shares of time (0 to 1); None: not told here."""

    uuid: str
    utilization: float | None = None
    memory_utilization: float | None = None
    memory_used_bytes: int | None = None
    temperature_c: float | None = None
    sm_clock_mhz: float | None = None
    memory_clock_mhz: float | None = None
    throttle_reasons: int | None = None
    processes: tuple[GpuProcess, ...] | None = None


@dataclass(slots=True)
class Gpus:
    """The GPUs of this host, kept open. Every call may fail by itself and is then None.

    `apart`: UUIDs of those that are none of the suite's business: their state is not read.
    """

    nvml: Any
    handles: dict[str, Any]
    names: dict[str, str]
    apart: frozenset[str] = frozenset()
    _since_us: dict[str, int] = field(default_factory=dict)

    def states(self) -> list[GpuState]:
        """Every GPU but those apart, now. Takes some milliseconds a GPU: once a second is right."""
        near = [(uuid, handle) for uuid, handle in self.handles.items() if uuid not in self.apart]
        return [self._state(uuid, handle) for uuid, handle in near]

    def facts(self) -> list[dict[str, Any]]:
        """What the GPUs are and how they are set: name, driver, power limit (W), clocks (MHz)."""
        nvml = self.nvml
        driver = _call(nvml.nvmlSystemGetDriverVersion)
        return [
            {
                "uuid": uuid,
                "name": self.names[uuid],
                "driver": driver,
                "power_limit_w": _scaled(_call(nvml.nvmlDeviceGetEnforcedPowerLimit, handle), 1e-3),
                "memory_bytes": getattr(_call(nvml.nvmlDeviceGetMemoryInfo, handle), "total", None),
            }
            for uuid, handle in self.handles.items()
        ]

    def _state(self, uuid: str, handle: Any) -> GpuState:
        nvml = self.nvml
        rates = _call(nvml.nvmlDeviceGetUtilizationRates, handle)
        clock = nvml.nvmlDeviceGetClockInfo
        return GpuState(
            uuid=uuid,
            utilization=None if rates is None else rates.gpu / 100,
            memory_utilization=None if rates is None else rates.memory / 100,
            memory_used_bytes=getattr(_call(nvml.nvmlDeviceGetMemoryInfo, handle), "used", None),
            temperature_c=_call(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
            sm_clock_mhz=_call(clock, handle, nvml.NVML_CLOCK_SM),
            memory_clock_mhz=_call(clock, handle, nvml.NVML_CLOCK_MEM),
            throttle_reasons=_call(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle),
            processes=self._processes(uuid, handle),
        )

    def _processes(self, uuid: str, handle: Any) -> tuple[GpuProcess, ...] | None:
        nvml = self.nvml
        compute = _call(nvml.nvmlDeviceGetComputeRunningProcesses, handle)
        graphics = _call(nvml.nvmlDeviceGetGraphicsRunningProcesses, handle)
        if compute is None and graphics is None:
            return None
        used = self._utilization(uuid, handle)
        found = {p.pid: p.usedGpuMemory for p in (*(graphics or ()), *(compute or ()))}
        return tuple(
            GpuProcess(
                pid=pid,
                memory_bytes=memory_bytes,
                utilization=None if used is None else used.get(pid, 0.0),
            )
            for pid, memory_bytes in sorted(found.items())
        )

    def _utilization(self, uuid: str, handle: Any) -> dict[int, float] | None:
        """Share of time (0 to 1) by process since the call before, as the driver samples it."""
        nvml = self.nvml
        now_us = time.time_ns() // 1000
        since_us = self._since_us.get(uuid, now_us - 1_000_000)
        try:
            samples = nvml.nvmlDeviceGetProcessUtilization(handle, since_us)
        except nvml.NVMLError as error:
            return {} if error.value == nvml.NVML_ERROR_NOT_FOUND else None
        self._since_us[uuid] = now_us
        by_pid: dict[int, list[int]] = {}
        for sample in samples:
            by_pid.setdefault(sample.pid, []).append(sample.smUtil)
        return {pid: sum(shares) / len(shares) / 100 for pid, shares in by_pid.items()}


def open_gpus() -> Gpus | None:
    """The GPUs that NVML lists; None where there is no driver, no library, or no GPU."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError:
        return None
    handles, names = {}, {}
    for index in range(count):
        handle = _call(pynvml.nvmlDeviceGetHandleByIndex, index)
        if handle is None:
            continue
        uuid = str(_call(pynvml.nvmlDeviceGetUUID, handle) or f"index {index}")
        handles[uuid] = handle
        names[uuid] = str(_call(pynvml.nvmlDeviceGetName, handle) or "GPU")
    return Gpus(pynvml, handles, names) if handles else None


def reasons(bits: int, among: dict[int, str]) -> list[str]:
    """The throttle reasons in `bits`, in words, that are `among` those of this module."""
    return [text for bit, text in among.items() if bits & bit]


def foreign(state: GpuState, own: Iterable[int]) -> tuple[GpuProcess, ...] | None:
    """The processes on a GPU that are not `own` (host process ids); None if it tells none."""
    if state.processes is None:
        return None
    mine = frozenset(own)
    return tuple(process for process in state.processes if process.pid not in mine)


def _call(call: Callable[..., Any], *arguments: Any) -> Any:
    """The call's result; None if NVML refuses, or this pynvml does not know it."""
    from pynvml import NVMLError

    try:
        return call(*arguments)
    except NVMLError:
        return None


def _scaled(value: int | None, unit: float) -> float | None:
    return None if value is None else value * unit
