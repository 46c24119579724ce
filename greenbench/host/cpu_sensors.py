"""Clock and temperature of the processors right now, from kernel files that are found once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

CPUFREQ: Final = Path("/sys/devices/system/cpu/cpufreq")
HWMON: Final = Path("/sys/class/hwmon")
CHIPS: Final = ("coretemp", "k10temp", "zenpower", "cpu_thermal")
"""The kernel's names of sensors that are in processors."""
MOST_FILES: Final = 32
"""Of each kind, spread evenly: a read takes some 10 µs, and large hosts have hundreds."""


@dataclass(frozen=True, slots=True)
class CpuSensors:
    """Files with a clock each (kHz), with a temperature each (m°C), and with the highest that each
    may have."""

    clocks: Sequence[Path] = ()
    temperatures: Sequence[Path] = ()
    limits: Sequence[Path] = ()

    @classmethod
    def find(cls, cpufreq: Path = CPUFREQ, hwmon: Path = HWMON) -> Self:
        """Those of this host; none in most virtual machines."""
        clocks = sorted(cpufreq.glob("policy*/scaling_cur_freq"))
        named = [path for path in sorted(hwmon.glob("*/name")) if _text(path) in CHIPS]
        temperatures = [file for name in named for file in sorted(name.parent.glob("temp*_input"))]
        limits = [file for name in named for file in sorted(name.parent.glob("temp*_crit"))]
        return cls(_some(clocks), _some(temperatures), _some(limits))

    def clock_mhz(self) -> float | None:
        """The highest clock of a processor, which is that of a busy one; None: not told."""
        return max((value / 1e3 for value in _numbers(self.clocks)), default=None)

    def temperature_c(self) -> float | None:
        """The hottest reading; None: not told."""
        return max((value / 1e3 for value in _numbers(self.temperatures)), default=None)

    def limit_c(self) -> float | None:
        """The lowest temperature at which one of the processors slows itself down, as the kernel
        read it from them (Documentation/hwmon/coretemp.rst: TjMax); None: not told."""
        return min((value / 1e3 for value in _numbers(self.limits) if value > 0), default=None)


def _some(files: Sequence[Path]) -> Sequence[Path]:
    step = -(-len(files) // MOST_FILES) or 1
    return files[::step]


def _numbers(files: Sequence[Path]) -> Iterator[int]:
    for file in files:
        with contextlib.suppress(OSError, ValueError):
            yield int(file.read_text())


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
