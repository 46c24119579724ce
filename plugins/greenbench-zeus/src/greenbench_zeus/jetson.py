"""Jetson boards through Zeus: the power rails of their INA3221 sensors, in mW.

Zeus sums these up in a process of its own, every 100 ms, and answers with what it knew up to
100 ms ago. Here its rails are taken and read by greenbench's meter: no process, and an energy
whose uncertainty is known.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from greenbench.api import Channel, Missing
from greenbench_zeus.reader import BACKEND, Found, ZeusReader

if TYPE_CHECKING:
    from collections.abc import Callable

RAILS: Final = {
    "total_power_mw": ("platform/jetson", "the module's input, as its maker wired the sensor"),
    "cpu_power_mw": ("cpu/jetson", "the rail that Zeus takes for the processor's"),
    "gpu_power_mw": ("gpu/jetson", "the rail that Zeus takes for the GPU's"),
}
"""Zeus's name of a rail: channel and scope. Which rails share parts differs between boards."""
MAX_POWER_W: Final = 150.0
"""Above what any Jetson module may take (130 W, T5000)."""


def find() -> Found:
    """A reader per rail; the total contains the others."""
    if sys.platform != "linux":
        return Found(absent="no Jetson board (this is not Linux)")
    zeus = import_module("zeus.device.soc.jetson")
    if not zeus.jetson_is_available():
        return Found(absent="no Jetson board")
    discover = getattr(zeus.Jetson, "_discover_available_metrics", None)
    if discover is None:
        reason = "this release of Zeus finds a Jetson's rails in a way that is not known here"
        return Found(
            missing=[Missing(BACKEND, "platform/jetson", reason, 'pip install "zeus==0.16"')]
        )
    return _rails(discover(None))  # it uses nothing of its object, whose making starts a process


def _rails(rails: dict[str, Any]) -> Found:
    found = Found()
    for rail, (name, scope) in RAILS.items():
        strategy = rails.get(rail)
        if strategy is None:
            reason = "Zeus finds no INA3221 rail of that kind"
            remedy = "check with: grep . /sys/bus/i2c/drivers/ina3221*/*/hwmon/hwmon*/in*_label"
            found.missing.append(Missing(BACKEND, name, reason, remedy))
            continue
        inside = "total_power_mw" in rails and rail != "total_power_mw"
        channel = Channel(
            name=name,
            backend=BACKEND,
            method="power",
            physical_id=_file(strategy) or name,
            scope=scope,
            unit_w=1e-3,
            max_power_w=MAX_POWER_W,
            contained_in="platform/jetson" if inside else None,
        )
        found.readers.append(ZeusReader(channel, _power_mw(strategy)))
    return found


def _file(strategy: Any) -> str:
    """The file that the rail is read from."""
    path = getattr(strategy, "power_path", None) or getattr(strategy, "voltage_path", None)
    return "" if path is None else str(path)


def _power_mw(strategy: Any) -> Callable[[], float]:
    def read() -> float:
        power_mw: float = strategy.measure_power()
        return power_mw

    return read
