"""Executors: places to run trials, and what they tell of a running one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeVar, runtime_checkable

from greenbench.api.models import Model
from greenbench.api.trials import Limits, Trial

Placing = Literal["cpus", "cpu_quota"]
"""What of a `Launch` only some executors can hold a trial to."""
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Provided(Generic[T_co]):
    """A plugin object with the distribution that provides it."""

    name: str
    value: T_co
    distribution: str
    version: str


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether an executor can be used here, and if not, why and what to do."""

    usable: bool
    detail: str
    remedy: str = ""


HOLDER_LABEL = "greenbench.holder"
"""The label that names the result set a trial belongs to; every `Launch.labels` carries it, and
`Executor.remove_leftovers` finds by it what a dead run left."""

RESULTS_LABEL = "greenbench.results"
"""The label with the folder of that result set, by whose lock one sees whether its run lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One trial about to be started.

    `directory` is a host folder with the trial's socket `worker.sock`; the worker connects to it.
    `labels` identify suite, result set and trial on whatever the executor starts. `cpus` are the
    logical processors that it has to stay on (empty: any), `cpu_quota` is how many processors'
    worth of CPU time it may use (None: no limit); they are given to executors that hold them.
    """

    trial: Trial
    model: Provided[Model]
    limits: Limits
    directory: Path
    labels: Mapping[str, str]
    data: Path | None = None
    cpus: tuple[int, ...] = ()
    cpu_quota: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a started trial ended, as its executor saw it."""

    code: int | None
    out_of_memory: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a started trial has used since its start, read from outside of it; None: not told here.

    `memory_bytes` is what it uses now. Disk: bytes that reached or left a block device; network:
    bytes through its interfaces but the loopback. `pids`: its living processes, in the host's
    numbers; by them a GPU's processes are told apart. `cpu_time_by_cpu_s`: CPU time by logical
    CPU, in the kernel's order (control groups of version 1 tell it).
    """

    cpu_time_s: float | None = None
    cpu_time_by_cpu_s: tuple[float, ...] | None = None
    memory_bytes: int | None = None
    memory_peak_bytes: int | None = None
    disk_read_bytes: int | None = None
    disk_written_bytes: int | None = None
    network_received_bytes: int | None = None
    network_sent_bytes: int | None = None
    pids: frozenset[int] | None = None


class Running(Protocol):
    """One started trial.

    It may also have `usage(self) -> Usage`, called about once a second from the thread of the
    others; without it, CPU time and peak memory come from the methods below.
    """

    identity: str
    """Container or process id, for people."""
    facts: Mapping[str, str]
    """Image digest and the like, recorded with the attempt."""

    def cpu_time_s(self) -> float | None:
        """CPU time of all its processes so far."""

    def memory_peak_bytes(self) -> int | None:
        """Highest memory use so far."""

    def exit(self) -> Exit | None:
        """How it ended, or None while it runs."""

    def kill(self) -> None:
        """Ends it at once; harmless if it has ended."""

    def remove(self) -> None:
        """Leaves nothing behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What trials of `models` run in: an image by tag and id, or an environment on the host.

    `base` is what it was built from, by digest where one is known. `packages` are all Python
    distributions in it, by name with their version.
    """

    models: tuple[str, ...]
    name: str
    id: str = ""
    base: str = ""
    python: str = ""
    packages: Mapping[str, str]


@runtime_checkable
class Executor(Protocol):
    """A place to run trials: the same worker, the same events, different isolation.

    It may also have `environments(self) -> Sequence[Environment]`, called after `prepare`: what
    goes into the record once a session, instead of with every trial.

    It may also have `holds: Collection[Placing]`, the parts of a placement that it can keep a
    trial to; a suite that asks for another is refused before its first trial.

    It may also have `holders(self) -> Mapping[str, str]`: of every worker that it has now, whoever
    started it, the result set and its folder (`HOLDER_LABEL`, `RESULTS_LABEL`). What dead runs left
    is then removed when any suite starts, not only at the next run of the same one.
    """

    name: str
    description: str
    gives_up: str
    """What a user does without when this executor is chosen; empty if nothing."""

    def availability(self) -> Availability:
        """Whether it can be used on this host now."""

    def prepare(
        self,
        models: Sequence[Provided[Model]],
        limits: Limits,
        progress: Callable[[str], None],
    ) -> Mapping[str, str]:
        """Everything slow that must be there before the first trial (images). Raises a
        GreenbenchError with its remedy. Returns what goes into the record, by model name."""

    def start(self, launch: Launch) -> Running:
        """Starts one trial; returns as soon as it is under way."""

    def remove_leftovers(self, holder: str) -> Sequence[str]:
        """Removes what dead runs of the result set `holder` left; returns what it removed."""
