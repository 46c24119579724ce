"""One child process with everything it starts: its CPU time, its memory, its end."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

MARKER = "GREENBENCH_LAUNCH"
"""Environment variable that every descendant inherits, also one that leaves the session."""

KILL_LIMIT_S = 10.0


class ProcessTree:
    """A process group leader started by us, and its descendants."""

    def __init__(self, pid: int, marker: str) -> None:
        self.pid = pid
        self.cpu_time_s = 0.0
        self.memory_peak_bytes = 0
        self.memory_bytes: int | None = None
        self.disk_bytes: tuple[int, int] | None = None
        self.pids: frozenset[int] = frozenset()
        self._marker = marker
        self._status: int | None = None
        self._lock = threading.Lock()

    def status(self) -> int | None:
        """The leader's wait status once it has ended, else None."""
        with self._lock:
            if self._status is None:
                pid, status, usage = os.wait4(self.pid, os.WNOHANG)
                if pid:
                    self._status = status
                    used_s = usage.ru_utime + usage.ru_stime
                    self.cpu_time_s = max(self.cpu_time_s, used_s)
                    self.memory_peak_bytes = max(self.memory_peak_bytes, usage.ru_maxrss * 1024)
            return self._status

    def read(self, *, thorough: bool = True) -> None:
        """Brings what is known of the tree up to date.

        `thorough` looks at every process of the host for what left the tree but not its session;
        without it, reading costs no more than the tree is large.

        A process's own time (and disk traffic) and that of its ended, waited-for children is what
        the kernel keeps; the peak of memory is the sum of every living process's own, an upper
        bound.
        """
        import psutil

        if self.status() is not None:
            self.pids = frozenset()
            return
        cpu_time_s, peak_bytes, memory_bytes = 0.0, 0, 0
        disk: list[tuple[int, int]] = []
        living = self._living() if thorough else self._known()
        for process in living:
            with contextlib.suppress(psutil.Error, OSError):
                cpu_time_s += sum(process.cpu_times()[:4])
                peak_bytes += _peak_bytes(process.pid)
                memory_bytes += process.memory_info().rss
                counters = process.io_counters()
                disk.append((counters.read_bytes, counters.write_bytes))
        self.cpu_time_s = max(self.cpu_time_s, cpu_time_s)
        self.memory_peak_bytes = max(self.memory_peak_bytes, peak_bytes)
        self.memory_bytes = memory_bytes or None
        if disk:
            before = self.disk_bytes or (0, 0)
            read, written = (sum(column) for column in zip(*disk, strict=True))
            self.disk_bytes = max(before[0], read), max(before[1], written)
        self.pids = frozenset(process.pid for process in living)

    def kill(self) -> None:
        """Ends the leader, its group and every descendant, wherever it went."""
        self.read()
        deadline_s = time.monotonic() + KILL_LIMIT_S
        while time.monotonic() < deadline_s:
            living = [] if self.status() is not None else self._living()
            strays = [p for p in marked(MARKER, self._marker) if p.pid != self.pid]
            for pid in {process.pid for process in living + strays}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if self.status() is not None and not strays:
                return
            time.sleep(0.01)

    def _known(self) -> list[psutil.Process]:
        """The leader, its descendants as the kernel lists them, and who was found before and is
        still in its session."""
        import psutil

        pids = {self.pid, *(pid for pid in self.pids if _session(pid) == self.pid)}
        try:
            pids |= _descendants(self.pid)
        except OSError:  # a kernel without CONFIG_PROC_CHILDREN, or one of them has just ended
            return self._living()
        found = []
        for pid in pids:
            with contextlib.suppress(psutil.Error):
                found.append(psutil.Process(pid))
        return found

    def _living(self) -> list[psutil.Process]:
        """The leader, its descendants, and whoever is still in its session."""
        import psutil

        found: dict[int, psutil.Process] = {}
        with contextlib.suppress(psutil.Error):
            leader = psutil.Process(self.pid)
            found = {p.pid: p for p in (leader, *leader.children(recursive=True))}
        for pid in psutil.pids():
            with contextlib.suppress(OSError, psutil.Error):
                if pid not in found and os.getsid(pid) == self.pid:
                    found[pid] = psutil.Process(pid)
        return list(found.values())


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _descendants(pid: int) -> set[int]:
    """Living descendants; OSError where the kernel does not list children, or one has ended."""
    found: set[int] = set()
    pending = [pid]
    while pending:
        for task in Path(f"/proc/{pending.pop()}/task").iterdir():
            children = {int(child) for child in (task / "children").read_text().split()}
            pending += children - found
            found |= children
    return found


def marked(variable: str, value: str) -> list[psutil.Process]:
    """Living processes of this user whose environment says `variable=value`."""
    import psutil

    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if (
                process.environ().get(variable) == value
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process)
    return found


def _peak_bytes(pid: int) -> int:
    """The highest resident memory that one process had."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:  # noqa: PTH123 (a proc file)
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
