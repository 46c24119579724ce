"""NVIDIA GPUs through NVML: the energy counter and, as a second method, the power reading."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from greenbench.api import Channel, Missing
from greenbench.energy.calibrate import update_periods_s
from greenbench.energy.nvml_calls import energy_call
from greenbench.energy.nvml_power import PowerCall, power_call
from greenbench.errors import EnergyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from greenbench.api import Reader

SENSOR_COVERAGE: Final = {"A100": 0.25, "H100": 0.25}
"""Share of the time that the power sensor looks (Yang, Adamek, Armour, arXiv:2312.02741)."""
POWER_CALIBRATION: Final = 0.05
"""Gain error of the power reading (the same paper: ±5 %, not the ±5 W of the documentation)."""
LONGER: Final = 3.0
"""How much longer counters are watched that did not move enough the first time."""
MODULES: Final = ("GH200", "GB200", "Grace")
"""On these the counter covers the whole module, processor and memory included."""

REMEDIES: Final = {
    "LibraryNotFound": "install NVIDIA's driver (libnvidia-ml.so.1); check with: nvidia-smi",
    "DriverNotLoaded": "sudo modprobe nvidia; check with: nvidia-smi",
    "LibRmVersionMismatch": "library and kernel module differ in version: reboot the host",
    "NoPermission": "run as a user who may open /dev/nvidia*",
    "GpuIsLost": "the GPU fell off the bus: reboot the host; see: dmesg | grep -i xid",
    "NotSupported": "this GPU or driver does not offer it; nothing to do",
}


class NvmlReader:
    """Reads one number of one GPU."""

    __slots__ = ("_call", "_error", "_handle", "channel")

    def __init__(self, channel: Channel, call: Callable[[Any], int], handle: Any) -> None:
        from pynvml import NVMLError

        self.channel = channel
        self._call = call
        self._handle = handle
        self._error = NVMLError

    def read(self) -> int:
        """In mJ since the driver was loaded, or in mW; EnergyError with NVML's own words."""
        try:
            return self._call(self._handle)
        except self._error as error:
            raise EnergyError(f"{self.channel.name}: NVML: {error}") from None

    def close(self) -> None:
        """NVML stays initialised: other readers and libraries may use it."""


class NvmlBackend:
    """Every GPU that NVML lists, addressed by UUID; probed by calling, not by architecture."""

    name = "nvml"
    description = "NVIDIA GPUs: energy counter and power reading (NVML)"
    measured = True
    on_request = False

    def __init__(
        self,
        calibrate_s: float = 0.6,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._calibrate_s = calibrate_s
        self._clock = clock
        self._sleep = sleep

    def open(self) -> tuple[Sequence[Reader], Sequence[Missing]]:
        """Readers of every GPU. Counters are watched for a moment to learn how often they
        update; that takes up to `calibrate_s` seconds for all of them together, and longer if some stand
        still."""
        try:
            import pynvml
        except ImportError as error:
            reason = f"pynvml can't be imported: {error}"
            return [], [Missing("nvml", "gpu", reason, "pip install nvidia-ml-py")]
        try:
            pynvml.nvmlInit()
            count = pynvml.nvmlDeviceGetCount()
        except pynvml.NVMLError as error:
            return [], [_missing("gpu", "NVML does not start", error)]
        if count == 0:
            remedy = "check with: nvidia-smi -L"
            return [], [Missing("nvml", "gpu", "NVML lists no GPU on this host", remedy)]
        readers: list[NvmlReader] = []
        missing: list[Missing] = []
        for index in range(count):
            found, lacking = _Gpu(pynvml, index).open()
            readers += found
            missing += lacking
        return self._calibrated(readers), missing

    def _calibrated(self, readers: list[NvmlReader]) -> list[NvmlReader]:
        """Counters that hardly moved are watched once more, for longer; one that still does not
        is left to the timeline, which learns its period as it moves."""
        counters = [reader for reader in readers if reader.channel.method == "counter"]
        for limit_s in (self._calibrate_s, LONGER * self._calibrate_s):
            still = [reader for reader in counters if reader.channel.update_period_s is None]
            if limit_s > 0 and still:
                periods = update_periods_s(still, limit_s, self._clock, self._sleep)
                for reader, period_s in zip(still, periods, strict=True):
                    reader.channel = replace(reader.channel, update_period_s=period_s)
        return readers


class _Gpu:
    """One GPU while it is being opened."""

    def __init__(self, nvml: Any, index: int) -> None:
        self._nvml = nvml
        self._name = f"gpu/{index}"
        self._index = index
        self._missing: list[Missing] = []

    def open(self) -> tuple[list[NvmlReader], list[Missing]]:
        nvml = self._nvml
        handle = self._try(nvml.nvmlDeviceGetHandleByIndex, self._index)
        if handle is None:
            return [], self._missing
        uuid = self._quietly(nvml.nvmlDeviceGetUUID, handle) or f"index {self._index}"
        by_uuid = self._quietly(nvml.nvmlDeviceGetHandleByUUID, uuid)
        readers = self._readers(handle if by_uuid is None else by_uuid, str(uuid))
        readers += self._instances(handle, whole=bool(readers))
        return readers, self._missing

    def _readers(self, handle: Any, uuid: str) -> list[NvmlReader]:
        nvml = self._nvml
        model = str(self._quietly(nvml.nvmlDeviceGetName, handle) or "GPU")
        limits_mw = self._quietly(nvml.nvmlDeviceGetPowerManagementLimitConstraints, handle)
        max_w = limits_mw[1] / 1000 if limits_mw else None
        coverage = next((c for m, c in SENSOR_COVERAGE.items() if m in model), None)
        scope = f"{model}, whole {'module' if any(m in model for m in MODULES) else 'board'}"
        readers = []
        if self._try(nvml.nvmlDeviceGetTotalEnergyConsumption, handle) is not None:
            channel = Channel(
                name=self._name,
                backend="nvml",
                method="counter",
                physical_id=uuid,
                scope=scope,
                unit_j=1e-3,
                max_power_w=max_w,
                coverage=coverage,
            )
            readers.append(NvmlReader(channel, energy_call(nvml), handle))
        power = self._power(handle, model)
        if power is not None:
            channel = Channel(
                name=f"{self._name}/power" if readers else self._name,
                backend="nvml",
                method="power",
                physical_id=uuid,
                scope=f"{scope}, integrated from readings ({power.name})",
                unit_w=1e-3,
                max_power_w=max_w,
                contained_in=self._name if readers else None,
                coverage=coverage,
                calibration=POWER_CALIBRATION,
                averaging_s=power.averaging_s,
            )
            readers.append(NvmlReader(channel, power.call, handle))
        return readers

    def _power(self, handle: Any, model: str) -> PowerCall | None:
        try:
            return power_call(self._nvml, handle, model)
        except self._nvml.NVMLError as error:
            missing = _missing(f"{self._name}/power", "no power reading answers", error)
            self._missing.append(missing)
            return None

    def _instances(self, handle: Any, *, whole: bool) -> list[NvmlReader]:
        """MIG instances whose energy the driver tells; they are inside their GPU."""
        nvml = self._nvml
        mode = self._quietly(nvml.nvmlDeviceGetMigMode, handle)
        if not mode or mode[0] != nvml.NVML_DEVICE_MIG_ENABLE:
            return []
        readers = []
        for number in range(self._quietly(nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
            mig = self._quietly(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, number)
            if mig is None:
                continue
            name = f"{self._name}/mig-{number}"
            if self._quietly(nvml.nvmlDeviceGetTotalEnergyConsumption, mig) is None:
                reason = "the driver tells no energy of a single MIG instance"
                remedy = f"use {self._name}: it covers all of its instances"
                self._missing.append(Missing("nvml", name, reason, remedy))
                continue
            channel = Channel(
                name=name,
                backend="nvml",
                method="counter",
                physical_id=str(self._quietly(nvml.nvmlDeviceGetUUID, mig) or name),
                scope=f"MIG instance {number} of {self._name}",
                unit_j=1e-3,
                contained_in=self._name if whole else None,
            )
            readers.append(NvmlReader(channel, energy_call(nvml), mig))
        return readers

    def _try(self, call: Callable[..., Any], argument: Any) -> Any:
        """The call's result; None and a `Missing` if NVML refuses."""
        try:
            return call(argument)
        except self._nvml.NVMLError as error:
            self._missing.append(_missing(self._name, f"{call.__name__} fails", error))
            return None

    def _quietly(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """The call's result, or None: nothing is missing without it."""
        try:
            return call(*arguments)
        except self._nvml.NVMLError:
            return None


def _missing(channel: str, what: str, error: Exception) -> Missing:
    kind = type(error).__name__.removeprefix("NVMLError_")
    remedy = REMEDIES.get(kind, "check with: nvidia-smi")
    return Missing("nvml", channel, f"{what}: {error}", remedy)
