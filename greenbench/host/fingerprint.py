"""What a reader must know of the host: the same facts go into every result set."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from greenbench.host.gpu import Gpus

CPU = Path("/sys/devices/system/cpu")
NO_TURBO = CPU / "intel_pstate/no_turbo"
BOOST = CPU / "cpufreq/boost"


def boot_id() -> str:
    """Changes with every boot; the monotonic clock starts anew with it."""
    return _read(Path("/proc/sys/kernel/random/boot_id")) or "unknown"


def fingerprint(gpus: Gpus | None = None) -> dict[str, Any]:
    """Hardware, kernel and power settings. A fact that can't be read is None, never a guess."""
    import psutil

    memory = psutil.virtual_memory()
    return {
        "cpu_model": _cpu_model(),
        "cpu_logical": os.cpu_count(),
        "cpu_physical": psutil.cpu_count(logical=False),
        "memory_bytes": memory.total,
        "swap_bytes": psutil.swap_memory().total,
        "machine": platform.machine(),
        "kernel": platform.release(),
        "os": _os_name(),
        "python": platform.python_version(),
        "governor": _read(CPU / "cpu0/cpufreq/scaling_governor"),
        "cpu_max_mhz": _megahertz(_read(CPU / "cpu0/cpufreq/cpuinfo_max_freq")),
        "turbo": _turbo(),
        "virtual": _virtual(),
        "gpus": None if gpus is None else gpus.facts(),
    }


def conditions() -> dict[str, Any]:
    """The host's state right now: load (1 minute), clocks (MHz), temperatures (°C)."""
    import psutil

    frequency = psutil.cpu_freq()
    return {
        "load_1min": os.getloadavg()[0],
        "cpu_clock_mhz": None if frequency is None else frequency.current,
        "temperature_c": temperatures_c(),
        "swap_used_bytes": psutil.swap_memory().used,
    }


def temperatures_c() -> Mapping[str, float]:
    """The hottest reading of each sensor chip in °C; empty where the host shows none."""
    import psutil

    if not hasattr(psutil, "sensors_temperatures"):
        return {}
    chips = psutil.sensors_temperatures()
    return {
        chip: max(reading.current for reading in readings)
        for chip, readings in chips.items()
        if readings
    }


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None


def _cpu_model() -> str | None:
    for line in (_read(Path("/proc/cpuinfo")) or "").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or None


def _os_name() -> str | None:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return None


def turbo_switch() -> Path | None:
    """The kernel's file that turns turbo on and off; None where it has none."""
    return next((path for path in (NO_TURBO, BOOST) if path.exists()), None)


def _turbo() -> bool | None:
    switch = turbo_switch()
    value = _read(switch) if switch else None
    return None if value is None else value == ("0" if switch == NO_TURBO else "1")


def _megahertz(kilohertz: str | None) -> float | None:
    return int(kilohertz) / 1000 if kilohertz and kilohertz.isdigit() else None


def _virtual() -> bool:
    """Whether the kernel says that it runs under a hypervisor (then RAPL is rarely there)."""
    flags = _read(Path("/proc/cpuinfo")) or ""
    return " hypervisor " in f"{flags} ".replace("\n", " ")
