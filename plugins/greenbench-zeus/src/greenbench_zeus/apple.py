"""Apple silicon through Zeus: the energy counters of macOS's IOReport, in mJ.

https://github.com/ml-energy/zeus-apple-silicon has what each counter covers.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from greenbench.api import Channel, Missing
from greenbench_zeus.reader import BACKEND, Found, ZeusReader

if TYPE_CHECKING:
    from collections.abc import Callable

COUNTERS: Final = {
    "cpu_total_mj": ("cpu/apple", "all processor cores and their clusters", None),
    "dram_mj": ("cpu/apple-dram", "memory", None),
    "gpu_mj": ("gpu/apple", "graphics cores", None),
    "gpu_sram_mj": (
        "gpu/apple-sram",
        "memory of the graphics cores; as Apple doesn't say whether gpu/apple has it, never added",
        "gpu/apple",
    ),
    "ane_mj": ("npu/apple", "neural engine", None),
}
"""Zeus's field: channel, scope, and the channel that may contain it."""
INSTALL: Final = 'pip install "zeus[apple]"'


def find() -> Found:
    """A reader per counter that this processor has."""
    if sys.platform != "darwin":
        return Found(absent="no Apple silicon (this is not macOS)")
    zeus = import_module("zeus.device.soc.apple")
    if not zeus.zeus_apple_available:
        reason = "the package zeus-apple-silicon can't be imported"
        return Found(missing=[Missing(BACKEND, "cpu/apple", reason, INSTALL)])
    if not zeus.apple_silicon_is_available():
        return Found(absent="no Apple silicon (this Mac, or this Python, is Intel's)")
    return _counters(zeus.AppleSilicon())


def _counters(soc: Any) -> Found:
    first = soc.get_total_energy_consumption()
    found = Found(absent="IOReport has no energy counter that Zeus knows")
    for field, (name, scope, inside) in COUNTERS.items():
        if getattr(first, field, None) is None:
            reason = f"this processor has no counter of its {scope.partition(';')[0]}"
            found.missing.append(Missing(BACKEND, name, reason, "nothing to do"))
            continue
        channel = Channel(
            name=name,
            backend=BACKEND,
            method="counter",
            physical_id=f"apple/{field.removesuffix('_mj')}",
            scope=scope,
            unit_j=1e-3,
            contained_in=inside,
        )
        found.readers.append(ZeusReader(channel, _field(soc, field)))
    return found


def _field(soc: Any, field: str) -> Callable[[], int | None]:
    """Reads all counters and returns one: Zeus has no call for a single one."""

    def read() -> int | None:
        value: int | None = getattr(soc.get_total_energy_consumption(), field)
        return value

    return read
