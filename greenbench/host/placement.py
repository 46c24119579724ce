"""Where each member of a cohort runs: its processors, its GPUs, its share of both. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from greenbench.api import Limits, Placement, Scenario
from greenbench.errors import ExecutorError
from greenbench.executors.gpus import gpu_request


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One member's place. `cpus`: its own logical processors, empty for all there are.
    `gpu_uuids`: the whole GPUs that it may use, as far as NVML tells them."""

    limits: Limits
    cpus: tuple[int, ...] = ()
    cpu_quota: float | None = None
    placement: Placement
    gpu_uuids: frozenset[str] = frozenset()

    def facts(self) -> Mapping[str, str]:
        """What was chosen, for the record of an attempt."""
        chosen = self.placement.chosen()
        found = {"cpus": ",".join(str(cpu) for cpu in self.cpus)} if self.cpus else {}
        if self.cpu_quota is not None:
            found["cpu_quota"] = f"{self.cpu_quota:g}"
        if "memory_mb" in chosen:
            found["memory_mb"] = str(self.limits.memory_mb)
        if "gpu" in chosen:
            found["gpus"] = ",".join(self.limits.gpus)
        return found


def seats(
    scenario: Scenario, limits: Limits, cores: Sequence[tuple[int, ...]], gpus: Sequence[str] | None
) -> list[Seat]:
    """The seats of a scenario's members, by slot. `cores`: the physical cores that may be used, as
    their logical processors; `gpus`: the ids of the host's GPUs, None where that can't be told.

    Raises ExecutorError where there are too few of either, and says how many there are.
    """
    placement = scenario.placement
    count = scenario.members
    cpus = _cpus(scenario, limits, cores) if placement.cores == "pinned" else [()] * count
    shared = replace(limits, memory_mb=placement.memory_mb or limits.memory_mb)
    own = [shared] * count
    if placement.gpu == "each":
        own = [replace(shared, gpus=(gpu,)) for gpu in _gpus(scenario, limits, gpus)]
    return [
        Seat(limits=mine, cpus=cpu, cpu_quota=placement.cpu_quota, placement=placement)
        for mine, cpu in zip(own, cpus, strict=True)
    ]


def _cpus(
    scenario: Scenario, limits: Limits, cores: Sequence[tuple[int, ...]]
) -> list[tuple[int, ...]]:
    """A whole physical core for each thread, siblings with it, as long as these suffice; else
    single logical processors, core by core."""
    count, threads = scenario.members, limits.threads
    if len(cores) >= count * threads:
        parts = [cores[n * threads : (n + 1) * threads] for n in range(count)]
        return [tuple(sorted(cpu for core in part for cpu in core)) for part in parts]
    single = [cpu for core in cores for cpu in core]
    if len(single) < count * threads:
        raise ExecutorError(
            f"{scenario}: {count} members with {threads} threads each need {count * threads} "
            f"processors of their own, but only {len(single)} may be used here",
            'use fewer members or threads, or cores = "shared"; `nproc` counts what may be used',
        )
    return [tuple(sorted(single[n * threads : (n + 1) * threads])) for n in range(count)]


def _gpus(scenario: Scenario, limits: Limits, gpus: Sequence[str] | None) -> Sequence[str]:
    count, wanted = scenario.members, gpu_request(limits.gpus)
    remedy = 'use fewer members, or gpu = "same"; `nvidia-smi -L` lists what is there'
    if wanted.all and gpus is None:
        raise ExecutorError(f"{scenario}: how many GPUs there are can't be told here", remedy)
    pool = list(gpus or ()) if wanted.all else [*wanted.ids]
    pool = pool or [str(index) for index in range(wanted.count)]
    there = len(pool) if gpus is None else min(len(pool), len(gpus))
    if there < count:
        raise ExecutorError(
            f"{scenario}: {count} members need a GPU each, but there are {there}", remedy
        )
    return pool[:count]
