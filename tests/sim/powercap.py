"""A simulated powercap tree: the kernel's layout and formats, driven by power curves.

Files are updated in place at fixed width: a rename would break kept descriptors, and truncation
would give empty reads. As a program it keeps a tree up to date in real time:

    python powercap.py TREE.json
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import floor
from pathlib import Path

if __package__:
    from .curves import Curve
else:
    from curves import Curve

WIDTH = 20
INTEL_RANGE_UJ = 262_143_328_850
AMD_RANGE_UJ = 65_532_610_987
UNIT_J = 2.0**-14
"""Intel's energy unit (61 µJ); powercap shows it in µJ."""


@dataclass(frozen=True)
class Zone:
    """One zone: `index` as in `intel-rapl:INDEX` ("0", "0:1"), its name, power and range.

    `start_uj` is what the counter shows at `origin_s` of the monotonic clock.
    """

    index: str
    name: str
    curve: Curve
    range_uj: int | None = INTEL_RANGE_UJ
    control: str = "intel-rapl"
    start_uj: int = 0
    origin_s: float = 0.0
    limit_uw: int | None = None

    @property
    def folder(self) -> str:
        return f"{self.control}:{self.index}"

    def counter_uj(self, t: float) -> int:
        """The counter at `t` if it is updated right then."""
        units = floor(self.curve.between_j(self.origin_s, t) / UNIT_J)
        value = self.start_uj + int(units * UNIT_J * 1e6)
        return value % self.range_uj if self.range_uj else value


class SimulatedPowercap:
    """Writes the tree below `folder`; `root` is what `/sys/class/powercap` would be."""

    def __init__(self, folder: Path, zones: Sequence[Zone]) -> None:
        self.folder = folder
        self.zones = list(zones)
        self.root = folder / "class" / "powercap"
        self.devices = folder / "devices" / "virtual" / "powercap"
        self._files: dict[str, int] = {}
        self.root.mkdir(parents=True)
        for control in dict.fromkeys(zone.control for zone in self.zones):
            self._folder(self.devices / control, {"enabled": "1"})
        for zone in sorted(self.zones, key=lambda z: z.index.count(":")):
            self._zone(zone)

    def path(self, zone: Zone) -> Path:
        """The zone's folder below `devices`, nested as in the kernel."""
        path = self.devices / zone.control
        indices = zone.index.split(":")
        for depth in range(len(indices)):
            path /= f"{zone.control}:{':'.join(indices[: depth + 1])}"
        return path

    def update(self, t: float | None = None) -> None:
        """Every counter as of `t` (default: now), in place."""
        t = time.monotonic() if t is None else t
        for zone in self.zones:
            self.write(zone, str(zone.counter_uj(t)))

    def write(self, zone: Zone, text: str) -> None:
        """Puts `text` where the zone's counter is."""
        os.pwrite(self._files[zone.folder], text.encode().ljust(WIDTH) + b"\n", 0)

    @contextmanager
    def running(self, update_s: float = 0.001) -> Iterator[None]:
        """Keeps the tree up to date every `update_s` in a process of its own (`writer`)."""
        spec = self.folder / "tree.json"
        zones = [
            [str(self.path(z) / "energy_uj"), z.curve.numbers(), z.range_uj, z.start_uj, z.origin_s]
            for z in self.zones
        ]
        late = str(self.folder / "late")
        spec.write_text(json.dumps({"update_s": update_s, "zones": zones, "late": late}))
        self.writer = child = subprocess.Popen(
            [sys.executable, __file__, spec], stdout=subprocess.PIPE
        )
        try:
            assert child.stdout is not None
            child.stdout.readline()  # updated once
            yield
        finally:
            child.kill()
            child.wait()

    def late(self) -> list[tuple[float, float]]:
        """When the files stood still for over two updates: from the last one to the next
        (monotonic, s). The host held up the simulation then, and what it shows is no truth."""
        lines = (self.folder / "late").read_text().splitlines()
        return [(float(start), float(end)) for start, end in map(str.split, lines)]

    def vanish(self, *refusing: Zone) -> None:
        """Removes the whole tree; a kept descriptor of `refusing` zones reads nothing from now on
        (as the kernel's do), those of others read a value that stands still."""
        self.writer.kill()
        self.writer.wait()
        for zone in refusing:
            os.ftruncate(self._files[zone.folder], 0)
        shutil.rmtree(self.root.parent)
        shutil.rmtree(self.devices)

    def _zone(self, zone: Zone) -> None:
        path = self.path(zone)
        files = {"name": zone.name, "enabled": "0", "energy_uj": "0".ljust(WIDTH)}
        if zone.range_uj is not None:
            files["max_energy_range_uj"] = str(zone.range_uj)
        if zone.limit_uw is not None:
            files["constraint_0_name"] = "long_term"
            files["constraint_0_power_limit_uw"] = str(zone.limit_uw)
            files["constraint_0_max_power_uw"] = str(zone.limit_uw)
        self._folder(path, files)
        self._files[zone.folder] = os.open(path / "energy_uj", os.O_RDWR)

    def _folder(self, path: Path, files: dict[str, str]) -> None:
        """A device's folder with its files, its `subsystem` link and its link in the class."""
        path.mkdir(parents=True)
        for name, text in files.items():
            (path / name).write_text(text + "\n")
        (path / "subsystem").symlink_to(os.path.relpath(self.root, path))
        (self.root / path.name).symlink_to(os.path.relpath(path, self.root))


def intel(curve: Curve, dram: Curve | None = None, packages: int = 1) -> list[Zone]:
    """Packages with core, uncore and (if given) DRAM, as a server shows them."""
    zones: list[Zone] = []
    for number in range(packages):
        zones.append(Zone(str(number), f"package-{number}", curve, limit_uw=250_000_000))
        zones.append(Zone(f"{number}:0", "core", curve))
        if dram is not None:
            zones.append(Zone(f"{number}:1", "dram", dram))
    return zones


def hurry() -> None:
    """Hardware is never starved by a busy host: real-time priority, or as near as is allowed."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        with suppress(OSError):
            os.nice(-15)


def keep_updated(spec: dict[str, object]) -> None:
    """Writes every counter each `update_s` by the clock, as hardware does, until killed."""
    zones = [
        (os.open(path, os.O_WRONLY), Zone("0", "", Curve.from_numbers(n), r, "", s, o))
        for path, n, r, s, o in spec["zones"]  # type: ignore[attr-defined]
    ]
    update_s = float(spec["update_s"])  # type: ignore[arg-type]
    late = Path(str(spec["late"])).open("w", buffering=1)  # noqa: SIM115 # until killed
    told = False
    hurry()
    last_s = next_s = time.monotonic()
    while True:
        start_s = time.monotonic()
        for descriptor, zone in zones:
            value = str(zone.counter_uj(time.monotonic()))
            os.pwrite(descriptor, value.encode().ljust(WIDTH) + b"\n", 0)
        now_s = time.monotonic()
        if told and now_s - last_s > 2 * update_s:
            late.write(f"{last_s} {now_s}\n")
        if not told:
            print("running", flush=True)
            told = True
        last_s, next_s = start_s, max(next_s + update_s, now_s)
        time.sleep(next_s - now_s)


if __name__ == "__main__":
    keep_updated(json.loads(Path(sys.argv[1]).read_text()))
