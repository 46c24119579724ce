"""Finds RAPL zones in the kernel's powercap tree: by name, each physical zone once.

Layout: https://docs.kernel.org/power/powercap/powercap.html. A class folder holds one link per
control type (`intel-rapl`), zone (`intel-rapl:0`) and nested zone (`intel-rapl:0:1`); AMD's zones
appear under `intel-rapl` too. `intel-rapl-mmio` shows a package a second time.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT_VARIABLE: Final = "GREENBENCH_POWERCAP_ROOT"
DEFAULT_ROOT: Final = "/sys/class/powercap"
MMIO: Final = "intel-rapl-mmio"
LEAST_MAX_W: Final = 500.0
"""A power limit can be set below what a package reaches: readings up to here are never a fault."""

_ZONE: Final = re.compile(r"^(?P<control>[a-z][a-z0-9-]*)(?P<indices>(?::\d+)+)$")
_PACKAGE: Final = re.compile(r"^package-(?P<id>\d+(?:-die-\d+)?)$")


@dataclass(frozen=True, slots=True)
class Zone:
    """One zone: its folder, the channel's name, what the zone is called, and where it nests."""

    path: Path
    control: str
    channel: str
    physical_id: str
    parent: str | None


def powercap_root() -> Path:
    """The tree's class folder: `GREENBENCH_POWERCAP_ROOT`, or the kernel's own."""
    return Path(os.environ.get(ROOT_VARIABLE) or DEFAULT_ROOT)


def find_zones(root: Path) -> list[Zone]:
    """Every zone with an energy counter, packages before what they contain, twins dropped."""
    found: dict[str, Zone] = {}
    paths: dict[str, Path] = {}
    for folder in _folders(root):
        paths.setdefault(folder.name, folder)
    ordered = sorted(paths, key=_order)
    for name in ordered:
        zone = _zone(name, paths)
        if zone is not None and zone.channel not in found:
            found[zone.channel] = zone
    return [_within_platform(zone, found) for zone in found.values()]


def _order(name: str) -> tuple[bool, int, list[int]]:
    control, *indices = name.split(":")
    return control == MMIO, len(indices), [int(index) for index in indices]


def _folders(root: Path) -> list[Path]:
    """Zones in the class folder and, where it lacks them, nested below it."""
    pending = [root] if root.is_dir() else []
    found: list[Path] = []
    while pending:
        folder = pending.pop()
        try:
            inside = sorted(folder.iterdir())
        except OSError:
            continue
        for entry in inside:
            if _ZONE.match(entry.name) and entry.is_dir():
                found.append(entry)
                if folder != root or not entry.is_symlink():
                    pending.append(entry)
            elif folder == root and entry.is_dir():
                pending.append(entry)  # a control type
    return found


def _zone(name: str, paths: dict[str, Path]) -> Zone | None:
    match = _ZONE.match(name)
    label = read_text(paths[name] / "name")
    if match is None or label is None or not (paths[name] / "energy_uj").exists():
        return None
    control = match["control"]
    parent_name = name.rpartition(":")[0]
    if parent_name == control or parent_name not in paths:
        return Zone(paths[name], control, _channel(label), label, None)
    parent_label = read_text(paths[parent_name] / "name") or parent_name
    package = _PACKAGE.match(parent_label)
    suffix = package["id"] if package else parent_label
    # DRAM hangs below its package in the tree, but its energy is not in the package's.
    inside = None if label == "dram" else _channel(parent_label)
    return Zone(paths[name], control, f"cpu/{label}-{suffix}", f"{parent_label}/{label}", inside)


def _channel(label: str) -> str:
    return "platform/psys" if label == "psys" else f"cpu/{label}"


def _within_platform(zone: Zone, found: dict[str, Zone]) -> Zone:
    """Where the platform has a counter (psys), packages and DRAM are in it."""
    if zone.parent is None and zone.channel != "platform/psys" and "platform/psys" in found:
        return Zone(zone.path, zone.control, zone.channel, zone.physical_id, "platform/psys")
    return zone


def max_power_w(zone: Path) -> float:
    """The highest power limit that the zone states, but at least `LEAST_MAX_W` (W)."""
    limits = [LEAST_MAX_W]
    for number in range(4):
        for what in ("max_power_uw", "power_limit_uw"):
            text = read_text(zone / f"constraint_{number}_{what}")
            if text is not None and text.isdigit():
                limits.append(int(text) * 1e-6)
    return max(limits)


def read_text(path: Path) -> str | None:
    """The file's text without surrounding space, or None if it can't be read."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
