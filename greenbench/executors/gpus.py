"""Which GPUs a trial asks for, and whether this host has a driver for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

COUNT_PREFIX: Final = "count:"
DRIVER_FILES: Final = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
"""The device of NVIDIA's driver on Linux, and its stand-in under WSL 2."""

NO_DRIVER: Final = "the suite asks for GPUs, but no NVIDIA driver is loaded on this host"
NO_DRIVER_REMEDY: Final = (
    "Check with `nvidia-smi`; install or load the driver, or set limits.gpus = 0 in the suite."
)


@dataclass(frozen=True, slots=True)
class GpuRequest:
    """A trial's GPUs: all of them, the first `count`, or those named: by index (`0`), by UUID
    (`GPU-…`), MIG instances by theirs (`MIG-…`) or as `gpu:instance` (`0:1`)."""

    all: bool = False
    count: int = 0
    ids: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.all or bool(self.count) or bool(self.ids)

    def visible_devices(self) -> str | None:
        """The value of CUDA_VISIBLE_DEVICES for a child process; None leaves every GPU visible."""
        if self.all:
            return None
        return ",".join(self.ids or (str(index) for index in range(self.count)))


def gpu_request(gpus: Sequence[str]) -> GpuRequest:
    """Reads `Limits.gpus`: `("all",)`, `("count:2",)`, or names of GPUs and MIG instances."""
    if not gpus:
        return GpuRequest()
    if tuple(gpus) == ("all",):
        return GpuRequest(all=True)
    if len(gpus) == 1 and gpus[0].startswith(COUNT_PREFIX):
        return GpuRequest(count=int(gpus[0].removeprefix(COUNT_PREFIX)))
    return GpuRequest(ids=tuple(gpus))


def driver_present() -> bool:
    """Whether an NVIDIA driver is loaded here."""
    return any(path.exists() for path in DRIVER_FILES)
