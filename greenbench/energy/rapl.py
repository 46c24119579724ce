"""Processor energy from the kernel's powercap counters (Intel and AMD RAPL)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from greenbench.api import Channel, Missing
from greenbench.energy.powercap import Zone, find_zones, max_power_w, powercap_root, read_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenbench.api import Reader

UPDATE_PERIOD_S: Final = 0.001
"""RAPL updates its counters about every millisecond (Intel SDM vol. 3B, 15.10)."""

SCOPES: Final = {
    "package": "processor package: cores, caches, memory controller, integrated graphics",
    "dram": "memory modules on this package's channels",
    "core": "the package's cores, already in the package",
    "uncore": "the package's integrated graphics, already in the package",
    "psys": "the platform as the mainboard's maker wired it",
}


class RaplReader:
    """Reads one zone through a descriptor that stays open."""

    __slots__ = ("_descriptor", "channel")

    def __init__(self, channel: Channel, path: Path) -> None:
        self.channel = channel
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self) -> int:
        """The counter in µJ; OSError if the kernel refuses or the file is empty."""
        data = os.pread(self._descriptor, 32, 0)
        try:
            return int(data)
        except ValueError:
            raise OSError(f"{self.channel.name}: energy_uj reads {data!r}") from None

    def close(self) -> None:
        """Closes the descriptor; harmless if it is closed."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class RaplBackend:
    """Every RAPL zone below `root` (default: `GREENBENCH_POWERCAP_ROOT`, or the kernel's tree)."""

    name = "rapl"
    description = "processor and memory counters of the kernel's powercap tree (RAPL)"
    measured = True
    on_request = False

    def __init__(self, root: Path | None = None) -> None:
        self._root = root

    def open(self) -> tuple[Sequence[Reader], Sequence[Missing]]:
        """A reader per zone; what can't be read is missing, with the command that would help."""
        root = self._root or powercap_root()
        zones = find_zones(root)
        readers: list[Reader] = []
        missing: list[Missing] = []
        for zone in zones:
            try:
                readers.append(_open(zone))
            except OSError as error:
                missing.append(_refused(zone, root, error))
        if not zones:
            missing.append(_no_zones(root))
        return readers, missing


def _open(zone: Zone) -> RaplReader:
    counter = zone.path / "energy_uj"
    wrap = read_text(zone.path / "max_energy_range_uj")
    if wrap is None or not wrap.isdigit() or int(wrap) == 0:
        raise FileNotFoundError("max_energy_range_uj is missing: wraps could not be undone")
    kind = zone.physical_id.rpartition("/")[2].split("-")[0]
    channel = Channel(
        name=zone.channel,
        backend="rapl",
        method="counter",
        physical_id=zone.physical_id,
        scope=SCOPES.get(kind, f"RAPL zone {zone.physical_id}"),
        unit_j=1e-6,
        wrap_units=int(wrap),
        max_power_w=max_power_w(zone.path),
        update_period_s=UPDATE_PERIOD_S,
        contained_in=zone.parent,
    )
    reader = RaplReader(channel, counter)
    try:
        reader.read()
    except OSError:
        reader.close()
        raise
    return reader


def _refused(zone: Zone, root: Path, error: OSError) -> Missing:
    path = zone.path / "energy_uj"
    if isinstance(error, PermissionError):
        reason = f"{path} may be read by root alone (CVE-2020-8694)"
        remedy = f"sudo chmod a+r {root}/*/energy_uj   (until the next boot), or run as root"
        return Missing("rapl", zone.channel, reason, remedy)
    remedy = f"look at it with: sudo cat {path}"
    return Missing("rapl", zone.channel, f"{path} can't be read: {error}", remedy)


def _no_zones(root: Path) -> Missing:
    remedy = (
        "sudo modprobe intel_rapl_msr   (Linux ≥ 5.3; AMD: ≥ 5.11); virtual machines and "
        "containers seldom show RAPL: run greenbench on the host itself"
    )
    if not root.is_dir():
        return Missing("rapl", "cpu", f"there is no {root}: the kernel offers no RAPL", remedy)
    return Missing("rapl", "cpu", f"{root} has no RAPL zone with an energy counter", remedy)
