"""The embedded executor: one child process per trial; same worker, same events, no isolation."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from greenbench.api import (
    HOLDER_LABEL,
    Availability,
    Environment,
    Exit,
    Launch,
    Limits,
    Model,
    Placing,
    Provided,
    Running,
    Usage,
)
from greenbench.errors import ExecutorError
from greenbench.executors import gpus
from greenbench.executors.environment import worker_environment
from greenbench.executors.process_tree import MARKER, ProcessTree, marked
from greenbench.executors.requirements import missing_requirements, versions

HOLDER_VARIABLE: Final = "GREENBENCH_HOLDER"
KEPT_VARIABLES: Final = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "TZ")
"""What a worker needs of the host's environment: where programs and libraries are. Nothing else
is passed on, least of all keys and tokens."""

OUTPUT_TAIL_BYTES: Final = 4_096


class ProcessExecutor:
    """Runs each trial as a child process of greenbench's own Python."""

    name = "process"
    description = "one child process per trial, in greenbench's own Python"
    gives_up = (
        "no isolation: training code can read and write all that you can, and use the network; "
        "no limit on memory, processes or files; every model shares one Python environment, "
        "so versions are what is installed here, not what an image pins"
    )

    holds: tuple[Placing, ...] = ("cpus",)

    def __init__(self) -> None:
        self._models: tuple[str, ...] = ()

    def availability(self) -> Availability:
        """Always usable: it needs nothing but this Python."""
        return Availability(True, f"child processes of {sys.executable}")

    def prepare(
        self,
        models: Sequence[Provided[Model]],
        limits: Limits,
        progress: Callable[[str], None],  # noqa: ARG002 (nothing here is slow)
    ) -> Mapping[str, str]:
        """Finds what is missing before the first trial; returns the versions that will train."""
        wanted = gpus.gpu_request(limits.gpus)
        if wanted and not gpus.driver_present():
            raise ExecutorError(gpus.NO_DRIVER, gpus.NO_DRIVER_REMEDY)
        if places := [name for name in wanted.ids if ":" in name]:
            raise ExecutorError(
                f"a process can't be given the MIG instance {', '.join(places)} by its place",
                "Name it by its UUID, `MIG-…`: `nvidia-smi -L` lists them.",
            )
        self._models = tuple(model.name for model in models)
        return {model.name: _prepared(model) for model in models}

    def environments(self) -> Sequence[Environment]:
        """The Python of greenbench itself, with all that is installed in it."""
        packages: dict[str, str] = {}
        for found in distributions():
            packages.setdefault(found.metadata["Name"], found.version)
        return [
            Environment(
                models=self._models,
                name=sys.prefix,
                python=platform.python_version(),
                packages=dict(sorted(packages.items())),
            )
        ]

    def start(self, launch: Launch) -> Running:
        """Starts the worker in a session of its own, with a scratch folder below `directory`."""
        scratch = launch.directory / "scratch"
        scratch.mkdir(exist_ok=True)
        marker = uuid.uuid4().hex
        output = launch.directory / "output.txt"
        arguments = ["--socket", str(launch.directory / "worker.sock"), "--scratch", str(scratch)]
        if launch.data is not None:
            arguments += ["--data", str(launch.data)]
        with output.open("wb") as sink:
            child = subprocess.Popen(
                [sys.executable, "-P", "-m", "greenbench.worker", *arguments],
                env=_environment(launch, str(scratch), marker),
                cwd=scratch,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _limit(child.pid, launch.limits)
        _pin(child.pid, launch.cpus)
        return RunningProcess(child, marker, scratch, output)

    def remove_leftovers(self, holder: str) -> Sequence[str]:
        """Ends workers that outlived their orchestrator (they should have ended themselves)."""
        removed = []
        for process in marked(HOLDER_VARIABLE, holder):
            process.kill()
            removed.append(f"process {process.pid}")
        return removed


class RunningProcess:
    """One trial in a process tree of its own."""

    def __init__(
        self, child: subprocess.Popen[bytes], marker: str, scratch: Path, output: Path
    ) -> None:
        self.identity = f"pid {child.pid}"
        self.facts: Mapping[str, str] = {
            "python": platform.python_version(),
            "executable": sys.executable,
        }
        self._child = child
        self._tree = ProcessTree(child.pid, marker)
        self._scratch = scratch
        self._output = output
        self._killed = False
        self._ooms_before = _oom_kills()

    def cpu_time_s(self) -> float | None:
        """CPU time of the tree so far; what ended without being waited for is not in it."""
        self._tree.read()
        return self._tree.cpu_time_s

    def memory_peak_bytes(self) -> int | None:
        """The sum of the peaks of its processes: an upper bound."""
        self._tree.read()
        return self._tree.memory_peak_bytes or None

    def usage(self) -> Usage:
        """What the tree has used. Its network traffic is the host's, so it is not known."""
        tree = self._tree
        tree.read(thorough=False)
        return Usage(
            cpu_time_s=tree.cpu_time_s,
            memory_bytes=tree.memory_bytes,
            memory_peak_bytes=tree.memory_peak_bytes or None,
            disk_read_bytes=tree.disk_bytes[0] if tree.disk_bytes else None,
            disk_written_bytes=tree.disk_bytes[1] if tree.disk_bytes else None,
            pids=tree.pids,
        )

    def exit(self) -> Exit | None:
        """How the worker ended, with the last it wrote if it failed."""
        status = self._tree.status()
        if status is None:
            return None
        code = os.waitstatus_to_exitcode(status)
        self._child.returncode = code  # Popen must not wait for a process that is gone
        out_of_memory = (
            code == -signal.SIGKILL and not self._killed and _oom_kills() > self._ooms_before
        )
        detail = f"killed by signal {-code}" if code < 0 else ""
        if code:
            detail = "\n".join(part for part in (detail, _tail(self._output)) if part)
        return Exit(code=code, out_of_memory=out_of_memory, detail=detail)

    def kill(self) -> None:
        """Ends the whole tree at once."""
        self._killed = self._killed or self._tree.status() is None
        self._tree.kill()
        self.exit()

    def remove(self) -> None:
        """Ends what is left of the tree and removes its scratch folder."""
        self.kill()
        shutil.rmtree(self._scratch, ignore_errors=True)


def _prepared(model: Provided[Model]) -> str:
    framework = model.value.framework
    missing = missing_requirements(model.distribution, framework)
    if missing and find_spec(framework) is None:
        raise ExecutorError(
            f"model {model.name} ({model.distribution} {model.version}) needs "
            f"{', '.join(missing)}, not installed in {sys.prefix}",
            f"Run `pip install '{model.distribution}[{framework}]'` there, or use "
            "`--executor docker`, which brings the framework in an image.",
        )
    return f"Python {platform.python_version()}, {versions(model.distribution, framework)}"


def _environment(launch: Launch, scratch: str, marker: str) -> dict[str, str]:
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    environment.update(worker_environment(launch.limits, scratch))
    environment[MARKER] = marker
    environment[HOLDER_VARIABLE] = launch.labels.get(HOLDER_LABEL, "")
    visible = gpus.gpu_request(launch.limits.gpus).visible_devices()
    if visible is not None:
        environment["CUDA_VISIBLE_DEVICES"] = visible
    return environment


def _limit(pid: int, limits: Limits) -> None:
    """Limits that harm nothing: no core dumps, no file above the scratch size.

    Not RLIMIT_AS: frameworks reserve address space (CUDA tens of GB) that they never use.
    Not RLIMIT_NPROC: it counts every process of the user, not this trial's.
    """
    file_bytes = limits.scratch_mb * 1024 * 1024
    try:
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    except ProcessLookupError:
        return  # ended already; `exit()` tells


def _pin(pid: int, cpus: tuple[int, ...]) -> None:
    """Before it has started a thread or a child: these inherit it."""
    if cpus:
        try:
            os.sched_setaffinity(pid, cpus)
        except ProcessLookupError:
            return


def _oom_kills() -> int:
    """How many processes the kernel has killed for lack of memory since boot."""
    for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return 0


def _tail(path: Path) -> str:
    with path.open("rb") as output:
        output.seek(max(0, path.stat().st_size - OUTPUT_TAIL_BYTES))
        return output.read().decode("utf-8", "replace").strip()
