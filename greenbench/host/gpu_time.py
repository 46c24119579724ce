"""Which process used a GPU for how long, as NVIDIA's driver samples it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

PERCENT: Final = 0.01
"""The driver tells utilisation in percent."""


@dataclass(slots=True)
class GpuTime:
    """Time on the GPUs by process, in steps: each `poll` tells what came since the one before.

    The driver samples which share of time a process's kernels ran (`nvmlDeviceGetProcess
    Utilization`), about every 0.2 to 1 s, and keeps the samples for a moment: poll about once a
    second and at edges. It tells host process ids. It does not on MIG: `unknown` says so by UUID.
    """

    uuids: Collection[str]
    wall_us: Callable[[], int] = lambda: time.time_ns() // 1000
    unknown: dict[str, str] = field(default_factory=dict)
    _nvml: Any = None
    _handles: dict[str, Any] = field(default_factory=dict)
    _since_us: dict[str, int] = field(default_factory=dict)
    _polled_s: float | None = None

    def open(self) -> None:
        """Finds the GPUs; those that are not NVIDIA's are unknown, with the reason."""
        if not self.uuids:
            return
        try:
            import pynvml
        except ImportError as error:
            self.unknown = dict.fromkeys(self.uuids, f"pynvml can't be imported: {error}")
            return
        self._nvml = pynvml
        for uuid in self.uuids:
            try:
                pynvml.nvmlInit()
                self._handles[uuid] = pynvml.nvmlDeviceGetHandleByUUID(uuid)
            except pynvml.NVMLError as error:
                self.unknown[uuid] = f"NVML does not tell who used this GPU: {error}"

    def poll(self, now_s: float) -> Iterator[tuple[str, int, float]]:
        """UUID, host process id and seconds on the GPU since the last poll."""
        elapsed_s = 0.0 if self._polled_s is None else now_s - self._polled_s
        self._polled_s = now_s
        for uuid in self._handles:
            for pid, share in self._shares(uuid).items():
                yield uuid, pid, share * elapsed_s

    def _shares(self, uuid: str) -> dict[int, float]:
        """Mean share of time by process over the driver's samples since the last poll."""
        nvml = self._nvml
        now_us = self.wall_us()
        since_us = self._since_us.get(uuid, now_us)
        try:
            samples = nvml.nvmlDeviceGetProcessUtilization(self._handles[uuid], since_us)
        except nvml.NVMLError as error:
            if error.value == nvml.NVML_ERROR_NOT_FOUND:  # no sample since, or nobody ran
                self._since_us.setdefault(uuid, now_us)
                self.unknown.pop(uuid, None)
            else:
                self.unknown[uuid] = f"NVML does not tell who used this GPU: {error}"
            return {}
        self.unknown.pop(uuid, None)
        self._since_us[uuid] = max([now_us, *(s.timeStamp for s in samples)])
        found: dict[int, list[int]] = {}
        for sample in samples:
            if sample.pid:  # the driver fills what it does not need with zeros
                found.setdefault(sample.pid, []).append(min(sample.smUtil, 100))
        return {pid: PERCENT * sum(s) / len(s) for pid, s in found.items()}
