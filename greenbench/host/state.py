"""The state a host is in: changes from minute to minute, and is part of every record."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePath
from typing import Any, Final

from greenbench.host.activity import (
    busy_cpu_time_s,
    busy_processes,
    own_cpu_time_s,
    process_times_s,
)
from greenbench.host.disturbances import disturbances
from greenbench.host.fingerprint import conditions
from greenbench.host.gpu import Gpus

INTERPRETERS: Final = ("python", "node", "ruby", "perl", "Rscript", "bash", "sh")


@dataclass(slots=True)
class StateWatch:
    """Looks at the host over an idle stretch: make it, wait, then ask `state()`."""

    gpus: Gpus | None = None
    _begun_s: float = field(default_factory=time.monotonic)
    _processes: dict[tuple[int, float], tuple[str, float]] = field(default_factory=process_times_s)
    _busy_s: float | None = field(default_factory=busy_cpu_time_s)
    _own_s: float = field(default_factory=own_cpu_time_s)

    def state(self) -> dict[str, Any]:
        """Load, clocks (MHz), temperatures (°C), swap (bytes); who kept processors busy since this
        watch began, by name; what GPUs do and for whom. None is what can't be known here.

        `busy_cpus`: processors that others kept busy on average. `unseen_cpus`: the part of them
        that no visible process explains.
        """
        conditions_now = conditions()
        seconds = max(time.monotonic() - self._begun_s, 1e-3)
        busy_s = busy_cpu_time_s()
        own_s = own_cpu_time_s() - self._own_s
        processes = busy_processes(self._processes, process_times_s(), seconds)
        cpus = unseen = None
        if busy_s is not None and self._busy_s is not None:
            cpus = max(busy_s - self._busy_s - own_s, 0.0) / seconds
            unseen = max(cpus - sum(process.cpus for process in processes), 0.0)
        return {
            **conditions_now,
            "watched_s": seconds,
            "busy_cpus": cpus,
            "unseen_cpus": unseen,
            "busy_processes": [
                {"name": _script(p.pid, p.name), "pid": p.pid, "cpus": round(p.cpus, 3)}
                for p in processes
            ],
            "gpus": _gpus(self.gpus),
        }


def state_facts(
    host: Mapping[str, Any], state: Mapping[str, Any], idle_power_w: Mapping[str, float]
) -> dict[str, Any]:
    """The state and what disturbs, as a session's record keeps them: `host_state` and
    `disturbances`. Apart from `host`, since they may change where a result set is resumed."""
    return {
        "host_state": {**state, "idle_power_w": dict(idle_power_w)},
        "disturbances": [asdict(found) for found in disturbances(host, state)],
    }


def _gpus(gpus: Gpus | None) -> list[dict[str, Any]] | None:
    if gpus is None:
        return None
    return [
        {
            "uuid": state.uuid,
            "utilization": state.utilization,
            "temperature_c": state.temperature_c,
            "sm_clock_mhz": state.sm_clock_mhz,
            "memory_used_bytes": state.memory_used_bytes,
            "throttle_reasons": state.throttle_reasons,
            "processes": None
            if state.processes is None
            else [
                {"name": _name(p.pid), "pid": p.pid, "utilization": p.utilization}
                for p in state.processes
            ],
        }
        for state in gpus.states()
    ]


def _script(pid: int, name: str) -> str:
    """A process's name; of an interpreter with its script, by which people know it."""
    import psutil

    if not name.startswith(INTERPRETERS):
        return name
    with contextlib.suppress(psutil.Error, OSError):
        arguments = psutil.Process(pid).cmdline()[1:2]
        if arguments and not arguments[0].startswith("-"):
            return f"{name} {PurePath(arguments[0]).name}"
    return name


def _name(pid: int) -> str | None:
    import psutil

    try:
        return _script(pid, psutil.Process(pid).name())
    except (psutil.Error, ValueError):
        return None
