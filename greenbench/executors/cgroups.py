"""Reads what a container uses from the host's cgroup files, versions 1 and 2.

Reading a file costs microseconds and no CPU time of the engine; `docker stats` costs both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

NANOSECONDS: Final = 1e-9
MICROSECONDS: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The files of one process's control group. None: this kernel does not offer it."""

    cpu: Path | None
    memory_peak: Path | None
    memory: Path | None = None
    disk: Path | None = None
    members: Path | None = None
    oom: Path | None = None

    def cpu_time_s(self) -> float | None:
        """CPU time of every process that ever was in the group; None once it is gone."""
        text = _text(self.cpu)
        if text is None or self.cpu is None:
            return None
        if self.cpu.name == "cpuacct.usage":
            return int(text) * NANOSECONDS
        for line in text.splitlines():
            if line.startswith("usage_usec "):
                return int(line.split()[1]) * MICROSECONDS
        return None

    def cpu_time_by_cpu_s(self) -> tuple[float, ...] | None:
        """The same by logical CPU; None in version 2, which does not tell it."""
        if self.cpu is None or self.cpu.name != "cpuacct.usage":
            return None
        text = _text(self.cpu.with_name("cpuacct.usage_percpu"))
        return tuple(int(part) * NANOSECONDS for part in text.split()) if text else None

    def memory_peak_bytes(self) -> int | None:
        """The highest memory use of the group, page cache included; None once it is gone."""
        text = _text(self.memory_peak)
        return int(text) if text else None

    def memory_bytes(self) -> int | None:
        """The group's memory use now, page cache included; None once it is gone."""
        text = _text(self.memory)
        return int(text) if text else None

    def oom_kills(self) -> int | None:
        """How many of the group's processes the kernel has ended for lack of memory; None once it
        is gone, or before Linux 4.13."""
        for line in (_text(self.oom) or "").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
        return None

    def disk_bytes(self) -> tuple[int, int] | None:
        """Bytes read from and written to block devices; None where they are not counted.

        Version 1 counts buffered writes for whoever flushes them, so it tells less than was
        written; version 2 counts them for the group.
        """
        text = _text(self.disk)
        if text is None or self.disk is None:
            return None
        return _disk_v2(text) if self.disk.name == "io.stat" else _disk_v1(text)

    def pids(self) -> frozenset[int] | None:
        """The group's living processes, in the host's numbers; None once it is gone."""
        text = _text(self.members)
        return None if text is None else frozenset(int(pid) for pid in text.split())


def cgroup_of(pid: int, proc: Path = Path("/proc")) -> Cgroup | None:
    """The control group of a living process; None if it has ended or can't be seen from here."""
    membership = _text(proc / str(pid) / "cgroup")
    mounts = _text(proc / "self" / "mountinfo")
    if membership is None or mounts is None:
        return None
    folders = _folders(_memberships(membership), mounts)
    return Cgroup(
        cpu=_first_file(
            _below(folders.get("cpuacct"), "cpuacct.usage"), _below(folders.get(""), "cpu.stat")
        ),
        memory_peak=_first_file(
            _below(folders.get("memory"), "memory.max_usage_in_bytes"),
            _below(folders.get(""), "memory.peak"),
        ),
        memory=_first_file(
            _below(folders.get("memory"), "memory.usage_in_bytes"),
            _below(folders.get(""), "memory.current"),
        ),
        disk=_first_file(
            _below(folders.get("blkio"), "blkio.throttle.io_service_bytes"),
            _below(folders.get(""), "io.stat"),
        ),
        members=_first_file(
            *(
                _below(folders.get(controller), "cgroup.procs")
                for controller in ("cpuacct", "memory", "")
            )
        ),
        oom=_first_file(
            _below(folders.get("memory"), "memory.oom_control"),
            _below(folders.get(""), "memory.events"),
        ),
    )


def network_bytes(pid: int, proc: Path = Path("/proc")) -> tuple[int, int] | None:
    """Bytes received and sent by the network namespace of a process, loopback left out; None if
    the process has ended."""
    text = _text(proc / str(pid) / "net" / "dev")
    if text is None:
        return None
    received = sent = 0
    for line in text.splitlines()[2:]:
        name, _, numbers = line.partition(":")
        if name.strip() != "lo":
            fields = numbers.split()
            received += int(fields[0])
            sent += int(fields[8])
    return received, sent


def _disk_v1(text: str) -> tuple[int, int]:
    """Lines `8:0 Read 4096`, and a total that is not needed."""
    totals = {"Read": 0, "Write": 0}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[1] in totals:
            totals[fields[1]] += int(fields[2])
    return totals["Read"], totals["Write"]


def _disk_v2(text: str) -> tuple[int, int]:
    """Lines `8:0 rbytes=4096 wbytes=0 rios=1 …`, one a device."""
    totals = {"rbytes": 0, "wbytes": 0}
    for field in text.split():
        name, _, value = field.partition("=")
        if name in totals:
            totals[name] += int(value)
    return totals["rbytes"], totals["wbytes"]


def _memberships(text: str) -> dict[str, str]:
    """Path by controller, from `/proc/PID/cgroup`; the unified hierarchy has the empty name."""
    paths = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path
    return paths


def _folders(paths: dict[str, str], mounts: str) -> dict[str, Path]:
    """Folder by controller: where the hierarchy is mounted, and the group's path in it."""
    folders = {}
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        root, mount_point = left.split(" ")[3:5]
        if kind == "cgroup2":
            controllers = [""]
        elif kind == "cgroup":
            controllers = options.split(",")
        else:
            continue
        for controller in controllers:
            if controller in paths and controller not in folders:
                inside = _inside(paths[controller], root)
                if inside is not None:
                    folders[controller] = Path(mount_point) / inside
    return folders


def _inside(path: str, root: str) -> PurePosixPath | None:
    """A group's path as seen from a mount whose root is `root`."""
    try:
        return PurePosixPath(path).relative_to(root)
    except ValueError:
        return None


def _below(folder: Path | None, name: str) -> Path | None:
    return folder / name if folder is not None else None


def _first_file(*candidates: Path | None) -> Path | None:
    return next((path for path in candidates if path is not None and path.is_file()), None)


def _text(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # the group, or the process, is gone
        return None
