"""One trial's container, from the host: its CPU time and memory, how it ended, its removal."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from greenbench.api import Exit, Usage
from greenbench.errors import ExecutorError
from greenbench.executors.cgroups import cgroup_of, network_bytes
from greenbench.executors.engine import Engine, engine_errors

if TYPE_CHECKING:
    from docker import APIClient

LOG_TAIL_LINES: Final = 20
NOT_MODIFIED_OR_GONE: Final = (304, 404, 409)
KILLED: Final = 128 + signal.SIGKILL
OOM_SETTLES_S: Final = 1.0
"""The news that a container ran out of memory may reach an engine after those of its end, or never
(https://github.com/containerd/containerd/issues/8893)."""


class RunningContainer:
    """One trial in its started container."""

    def __init__(self, engine: Engine, container_id: str, facts: Mapping[str, str]) -> None:
        self.identity = container_id[:12]
        self.facts = facts
        self._client = engine.client
        self._id = container_id
        self._cpu_time_s: float | None = None
        self._memory_peak_bytes: int | None = None
        self._oom_kills: int | None = None
        self._killed = False
        self._first_asked_s: float | None = None
        self._exit: Exit | None = None
        with engine_errors(f"container {self.identity} can't be inspected"):
            pid = int(self._client.inspect_container(container_id)["State"]["Pid"])
        self._pid = pid
        self._cgroup = cgroup_of(pid) if pid else None
        self._pidfd = _pidfd(pid) if pid else None

    def cpu_time_s(self) -> float | None:
        """CPU time of the whole container; after its end, what was read last."""
        used_s = self._cgroup.cpu_time_s() if self._cgroup else None
        self._cpu_time_s = used_s if used_s is not None else self._cpu_time_s
        return self._cpu_time_s

    def memory_peak_bytes(self) -> int | None:
        """Peak memory of the whole container; after its end, what was read last."""
        peak_bytes = self._cgroup.memory_peak_bytes() if self._cgroup else None
        self._memory_peak_bytes = peak_bytes if peak_bytes is not None else self._memory_peak_bytes
        return self._memory_peak_bytes

    def usage(self) -> Usage:
        """What the whole container has used, from the host's own files."""
        group = self._cgroup
        disk = group.disk_bytes() if group else None
        network = network_bytes(self._pid) if self._alive() else None
        return Usage(
            cpu_time_s=self.cpu_time_s(),
            cpu_time_by_cpu_s=group.cpu_time_by_cpu_s() if group else None,
            memory_bytes=group.memory_bytes() if group else None,
            memory_peak_bytes=self.memory_peak_bytes(),
            disk_read_bytes=disk[0] if disk else None,
            disk_written_bytes=disk[1] if disk else None,
            network_received_bytes=network[0] if network else None,
            network_sent_bytes=network[1] if network else None,
            pids=group.pids() if group else None,
        )

    def exit(self) -> Exit | None:
        """How it ended. While its first process lives, the engine is not asked; where it was killed
        and nobody knows for what, there is no answer before that had time to be told."""
        if self._exit is None and not self._alive():
            try:
                self._exit = self._ended()
            except ExecutorError as error:
                return Exit(code=None, detail=error.message)
        return self._exit

    def kill(self) -> None:
        """Ends it at once: through the engine, or past it if the engine is down."""
        import docker

        self._killed = self._killed or self._alive()
        self.cpu_time_s()
        self.memory_peak_bytes()
        try:
            with engine_errors(f"container {self.identity} can't be killed"):
                self._client.kill(self._id)
        except ExecutorError as error:
            cause = error.__cause__
            if isinstance(cause, docker.errors.APIError) and _gone(cause):
                return
            if self._pidfd is None or not self._alive():
                return
            try:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            except OSError:
                raise error from cause

    def remove(self) -> None:
        """Removes the container and what the engine kept of it."""
        if self._exit is None:
            self.cpu_time_s()
            self.memory_peak_bytes()
        remove_container(self._client, self._id)
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None

    def _alive(self) -> bool:
        if self._pidfd is None:
            return False
        return not select.select([self._pidfd], [], [], 0)[0]

    def _ended(self) -> Exit | None:
        import docker

        counted = self._cgroup.oom_kills() if self._cgroup else None
        self._oom_kills = self._oom_kills if counted is None else counted  # until the group goes
        try:
            with engine_errors(f"container {self.identity} can't be inspected"):
                state = self._client.inspect_container(self._id)["State"]
        except ExecutorError as error:
            if isinstance(error.__cause__, docker.errors.NotFound):
                return Exit(code=None, detail="the container was removed from outside")
            raise
        if state["Running"]:
            return None
        code = int(state["ExitCode"])
        out_of_memory = bool(state["OOMKilled"]) or bool(self._oom_kills)
        if code == KILLED and not out_of_memory and not self._killed and self._oom_may_follow():
            return None
        detail = "\n".join(part for part in (state.get("Error", ""), self._log(code)) if part)
        return Exit(code=code, out_of_memory=out_of_memory, detail=detail)

    def _oom_may_follow(self) -> bool:
        """Whether the engine may still say that the kernel killed it: where the kernel's own count
        could not be read after its end, and for a while."""
        if self._oom_kills is not None:
            return False
        now_s = time.monotonic()
        self._first_asked_s = now_s if self._first_asked_s is None else self._first_asked_s
        return now_s - self._first_asked_s < OOM_SETTLES_S

    def _log(self, code: int) -> str:
        """What reached the engine before the worker took the output over."""
        if code == 0:
            return ""
        with contextlib.suppress(ExecutorError), engine_errors("no log"):
            log = self._client.logs(self._id, stdout=True, stderr=True, tail=LOG_TAIL_LINES)
            return bytes(log).decode("utf-8", "replace").strip()
        return ""


def remove_container(client: APIClient, container_id: str) -> None:
    """Removes a container, running or not, with its volumes; harmless if it is gone."""
    import docker

    try:
        with engine_errors(f"container {container_id[:12]} can't be removed"):
            client.remove_container(container_id, force=True, v=True)
    except ExecutorError as error:
        cause = error.__cause__
        if not (isinstance(cause, docker.errors.APIError) and _gone(cause)):
            raise


def _gone(error: Any) -> bool:
    """Not there, not running, or already being removed: what was wanted."""
    return error.status_code in NOT_MODIFIED_OR_GONE


def _pidfd(pid: int) -> int | None:
    """A handle on the container's first process that no other process can ever take over."""
    try:
        return os.pidfd_open(pid)
    except OSError:  # ended already, or a kernel before 5.3
        return None
