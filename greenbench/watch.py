"""Reads about once a second what the cohort, its GPUs and the host do, and judges it afterwards."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from greenbench.api import Channel, Running, Usage, Window, WindowEnergy
from greenbench.host.activity import busy_cpu_time_s, cpu_throttle_events, own_cpu_time_s
from greenbench.host.cooldown import Reading, Rest
from greenbench.host.cores import allowed_cpus
from greenbench.host.cpu_sensors import CpuSensors
from greenbench.host.evidence import Beside, Check, Evidence, Together
from greenbench.host.fingerprint import temperatures_c
from greenbench.host.gpu import Gpus, GpuState, foreign
from greenbench.host.readings import (
    CpuReading,
    GpuReading,
    HostReading,
    UsageReading,
    cpu_points,
    summary,
)
from greenbench.host.validity import checks
from greenbench.store import Store

PERIOD_S: Final = 1.0
"""Between two readings; edges of training are read as well."""
EDGE_S: Final = 0.05
"""The shortest time between two readings: edges that are closer share one."""
USAGE_COLUMNS: Final = (
    "cpu_time_s",
    "memory_bytes",
    "memory_peak_bytes",
    "disk_read_bytes",
    "disk_written_bytes",
    "network_received_bytes",
    "network_sent_bytes",
)


@dataclass(slots=True)
class Watch:
    """Readings of one cohort at a time. `begin` forgets the one before.

    `gpus`: the GPUs to read, None where there are none.
    """

    store: Store
    gpus: Gpus | None
    _cohort_run: int = 0
    _attempts: Sequence[int] = ()
    _running: dict[int, Running] = field(default_factory=dict)
    _usage: dict[int, list[UsageReading]] = field(default_factory=dict)
    _pinned: Sequence[frozenset[int]] = ()
    _own_gpus: Sequence[frozenset[str]] = ()
    _strayed: dict[int, set[int]] = field(default_factory=dict)
    _gpu: list[GpuReading] = field(default_factory=list)
    _host: list[HostReading] = field(default_factory=list)
    _cpu_sensors: CpuSensors = field(default_factory=CpuSensors.find)
    _processors: list[CpuReading] = field(default_factory=list)
    _start_c: Mapping[str, float] = field(default_factory=dict)
    _foreign_before: dict[str, int] | None = None
    _looked_s: float = 0.0
    _kept: int = 0
    _kept_gpu: int = 0
    _kept_usage: dict[int, int] = field(default_factory=dict)

    def begin(
        self,
        cohort_run: int,
        attempts: Sequence[int],
        pinned: Sequence[frozenset[int]] = (),
        own_gpus: Sequence[frozenset[str]] = (),
    ) -> None:
        """A cohort is about to start; `pinned`: each member's processors, if it has its own,
        `own_gpus`: the UUIDs of the GPUs that each may use."""
        self._pinned = pinned or [frozenset[int]() for _ in attempts]
        self._own_gpus = own_gpus or [frozenset[str]() for _ in attempts]
        self._strayed = {slot: set() for slot in range(len(attempts))}
        self._cohort_run, self._attempts = cohort_run, attempts
        self._running, self._usage, self._kept_usage = (
            {},
            {slot: [] for slot in _slots(attempts)},
            {},
        )
        self._gpu, self._host, self._processors, self._start_c = [], [], [], {}
        if self._foreign_before is None:
            self._foreign_before = self._foreign_now()
        self._kept = self._kept_gpu = 0

    def started(self, slot: int, running: Running) -> None:
        """A trial's worker was started."""
        self._running[slot] = running

    def look(self) -> None:
        """Takes a reading if the last is a second old."""
        if time.monotonic() - self._looked_s >= PERIOD_S:
            self._read()

    def look_at_edge(self, kind: str) -> None:
        """Takes a reading where training begins or ends, and before a worker goes."""
        if kind not in ("train_begin", "train_end", "result", "error"):
            return
        if kind == "train_begin" and not self._start_c:
            self._start_c = self.temperatures_c()
        if time.monotonic() - self._looked_s >= EDGE_S:
            self._read()

    def temperatures_c(self) -> dict[str, float]:
        """Temperatures of the host's sensors and of its GPUs (°C); empty: none are shown."""
        states = self.gpus.states() if self.gpus else []
        of_gpus = {s.uuid: s.temperature_c for s in states if s.temperature_c is not None}
        return {**temperatures_c(), **of_gpus}

    def keep(self) -> None:
        """Writes what was read since the last call."""
        store = self.store
        for slot, readings in self._usage.items():
            new = readings[self._kept_usage.get(slot, 0) :]
            self._kept_usage[slot] = len(readings)
            store.add_rows("usage_1hz", [_usage_row(self._attempts[slot], r) for r in new])
        store.add_rows(
            "gpu_1hz", [_gpu_row(self._cohort_run, r) for r in self._gpu[self._kept_gpu :]]
        )
        new_host = self._host[self._kept :]
        store.add_rows(
            "host_1hz", [{"cohort_run": self._cohort_run, **asdict(r)} for r in new_host]
        )
        told = [r for r in self._processors[self._kept :] if r.tells]
        store.add_rows("cpu_1hz", [{"cohort_run": self._cohort_run, **asdict(r)} for r in told])
        self._kept, self._kept_gpu = len(self._host), len(self._gpu)

    def sum_up(self, slot: int, window: Window) -> None:
        """Writes what an attempt used in a window."""
        own = self._own_gpus[slot]
        of_gpus = [reading for reading in self._gpu if reading.state.uuid in own]
        summed = summary(window, self._usage[slot], of_gpus)
        self.store.add_rows("usage", [{"attempt": self._attempts[slot], **summed}])

    def judge(
        self,
        slot: int,
        window: Window,
        energies: Sequence[WindowEnergy],
        channels: Sequence[Channel],
        *,
        idle: Reading,
        rest: Rest,
        cooldown_limit_s: float,
        beside: Sequence[Beside] = (),
        together: Together | None = None,
    ) -> list[Check]:
        """Writes the checks of an attempt with its train window; `beside`: its background,
        `together`: what it did with other members that train once."""
        evidence = Evidence(
            window=window,
            energies=energies,
            channels=channels,
            idle=idle,
            start_temperature_c=self._start_c,
            rest=rest,
            cooldown_limit_s=cooldown_limit_s,
            gpus=self._gpu,
            foreign_before=self._foreign_before or {},
            own_gpus=self._own_gpus[slot],
            host=self._host,
            processors=self._processors,
            cpu_limit_c=self._cpu_sensors.limit_c(),
            cpu=[cpu_points(readings) for readings in self._usage.values()],
            beside=beside,
            together=together,
            pinned=self._pinned[slot],
            strayed=frozenset(self._strayed[slot]),
        )
        found = checks(evidence)
        attempt = self._attempts[slot]
        self.store.add_rows(
            "checks",
            [
                {
                    "attempt": attempt,
                    "check": check.name,
                    "severity": check.severity,
                    "found": check.found,
                    "limit": check.limit,
                    "text": check.text,
                }
                for check in found
            ],
        )
        return found

    def _read(self) -> None:
        own: set[int] = set()
        for slot, running in self._running.items():
            usage = _usage_of(running)
            own |= usage.pids or frozenset()
            if self._pinned[slot]:
                self._strayed[slot] |= allowed_cpus(usage.pids or ()) - self._pinned[slot]
            self._usage[slot].append(UsageReading(time.monotonic(), usage))
        self._host.append(
            HostReading(
                time.monotonic(), busy_cpu_time_s(), own_cpu_time_s(), cpu_throttle_events()
            )
        )
        sensors = self._cpu_sensors
        clock_mhz, temperature_c = sensors.clock_mhz(), sensors.temperature_c()
        self._processors.append(CpuReading(time.monotonic(), clock_mhz, temperature_c))
        if self.gpus is not None:
            states = self.gpus.states()
            stamp_s = time.monotonic()
            self._gpu += [self._gpu_reading(stamp_s, state, own) for state in states]
        self._looked_s = time.monotonic()

    def _foreign_now(self) -> dict[str, int]:
        """Processes on each GPU that tells them, while no trial runs."""
        states = self.gpus.states() if self.gpus else []
        readings = [self._gpu_reading(0.0, state, set()) for state in states]
        return {
            r.state.uuid: r.foreign_processes for r in readings if r.foreign_processes is not None
        }

    def _gpu_reading(self, stamp_s: float, state: GpuState, own: set[int]) -> GpuReading:
        others = foreign(state, {*own, os.getpid()})
        used_by_cohort = any(state.uuid in gpus for gpus in self._own_gpus)
        if others is None or (used_by_cohort and not _can_be_told(state, own)):
            return GpuReading(stamp_s, state)
        shares = [p.utilization for p in others]
        known = [share for share in shares if share is not None]
        used = sum(known) if len(known) == len(shares) else None
        return GpuReading(stamp_s, state, len(others), used)


def _can_be_told(state: GpuState, own: set[int]) -> bool:
    """Whether the driver's process ids are ours: in a container of its own, greenbench sees other
    numbers than the host."""
    pids = [process.pid for process in state.processes or ()]
    return any(pid in own for pid in pids) or all(Path(f"/proc/{pid}").exists() for pid in pids)


def _usage_of(running: Running) -> Usage:
    """What a trial has used; of an executor that does not tell all, what every one tells."""
    usage = getattr(running, "usage", None)
    try:
        if usage is None:
            cpu_time_s, peak_bytes = running.cpu_time_s(), running.memory_peak_bytes()
            return Usage(cpu_time_s=cpu_time_s, memory_peak_bytes=peak_bytes)
        found = usage()
    except Exception:  # noqa: BLE001 (an executor's reading less must not end the run)
        return Usage()
    return found if isinstance(found, Usage) else Usage()


def _slots(attempts: Sequence[int]) -> Iterator[int]:
    return iter(range(len(attempts)))


def _usage_row(attempt: int, reading: UsageReading) -> dict[str, Any]:
    row = {name: getattr(reading.usage, name) for name in USAGE_COLUMNS}
    return {"attempt": attempt, "stamp_s": reading.stamp_s, **row}


def _gpu_row(cohort_run: int, reading: GpuReading) -> dict[str, Any]:
    row = asdict(reading.state)
    del row["processes"]
    return {
        "cohort_run": cohort_run,
        "gpu": row.pop("uuid"),
        "stamp_s": reading.stamp_s,
        **row,
        "foreign_processes": reading.foreign_processes,
        "foreign_utilization": reading.foreign_utilization,
    }
