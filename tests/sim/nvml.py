"""A simulated NVML: compiles the stub and drives it through its control file.

pynvml finds it as `libnvidia-ml.so.1`: run the process under test with `SimulatedNvml.environment`.
pynvml keeps the library for the life of a process, so each scenario is a process of its own.
"""

from __future__ import annotations

import mmap
import os
import shutil
import struct
import subprocess
from pathlib import Path

from .curves import Curve

HEADER = 8
DEVICE = 128
PROCESSES = 8
_PLACES = {
    "update_s": 12,
    "phase_s": 13,
    "latency_s": 14,
    "origin_s": 15,
    "lost": 16,
    "average_s": 17,
    "limit_w": 18,
    "mig": 19,
    "mig_count": 20,
    "mig_energy": 21,
    "utilization": 22,
    "temperature": 23,
    "clock_mhz": 24,
    "throttle": 25,
    "memory_bytes": 26,
    "power_update_s": 27,
}
_PROCESSES_AT = 30
_ERRORS_AT = 80
CALLS = [
    "handle",
    "uuid",
    "name",
    "energy",
    "power",
    "constraints",
    "utilization",
    "temperature",
    "clock",
    "throttle",
    "memory",
    "processes",
    "process_utilization",
    "mig",
    "fields",
    "enforced",
]
NOT_SUPPORTED, NO_PERMISSION, GPU_IS_LOST, UNKNOWN = 3, 4, 15, 999


def compile_stub(folder: Path) -> Path:
    """Builds `libnvidia-ml.so.1` in `folder`; its SONAME lets pynvml find it by name."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise RuntimeError("a C compiler is needed to simulate NVML: apt-get install gcc")
    library = folder / "libnvidia-ml.so.1"
    source = Path(__file__).with_name("nvml_stub.c")
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    soname = "-Wl,-soname,libnvidia-ml.so.1"
    subprocess.run([compiler, *flags, soname, "-o", library, source, "-lm"], check=True)
    return library


class SimulatedNvml:
    """`devices` GPUs whose library lies in `folder`; every setting can change while it is used."""

    def __init__(self, folder: Path, devices: int = 1, library: Path | None = None) -> None:
        self.library = library or compile_stub(folder)
        self.control = folder / "nvml-control"
        size = 8 * (HEADER + DEVICE * devices)
        self.control.write_bytes(bytes(size))
        with self.control.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), size)
        self.devices = devices
        self._put(0, devices)
        for device in range(devices):
            self.set(device, update_s=0.02, limit_w=400, temperature=40, clock_mhz=1400)
            self.set_curve(device, Curve(100.0))

    @property
    def environment(self) -> dict[str, str]:
        """What the process under test needs besides its own environment."""
        return {
            "LD_LIBRARY_PATH": f"{self.library.parent}:{os.environ.get('LD_LIBRARY_PATH', '')}",
            "GBSIM_NVML_CONTROL": str(self.control),
        }

    @property
    def calls(self) -> int:
        """How many device calls were made."""
        return int(struct.unpack_from("d", self._map, 8 * 2)[0])

    def set_curve(self, device: int, curve: Curve) -> None:
        """The device's power from now (and, for its counter, from ever) on."""
        for place, value in enumerate(curve.numbers()):
            self._put(self._at(device) + place, value)

    def set(self, device: int, **values: float) -> None:
        """Settings by name: `update_s`, `phase_s`, `latency_s`, `lost`, `mig`, …"""
        for name, value in values.items():
            self._put(self._at(device) + _PLACES[name], value)

    def fail(self, device: int, call: str, error: int = NOT_SUPPORTED) -> None:
        """Lets one kind of call fail with an NVML error number; 0 heals it."""
        self._put(self._at(device) + _ERRORS_AT + CALLS.index(call), error)

    def fail_init(self, error: int) -> None:
        """Lets `nvmlInit` fail."""
        self._put(1, error)

    def processes(self, device: int, entries: list[tuple[int, float, float, float]]) -> None:
        """(host pid, SM %, memory %, bytes) of each process on the device."""
        entries = [*entries, *[(0, 0.0, 0.0, 0.0)] * (PROCESSES - len(entries))]
        for number, entry in enumerate(entries):
            for place, value in enumerate(entry):
                self._put(self._at(device) + _PROCESSES_AT + 4 * number + place, value)

    def _at(self, device: int) -> int:
        return HEADER + DEVICE * device

    def _put(self, place: int, value: float) -> None:
        struct.pack_into("d", self._map, 8 * place, value)
