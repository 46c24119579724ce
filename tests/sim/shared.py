"""A host in simulated time that several trials share: two packages of two CPUs, and one GPU.

Each trial keeps the GPU and its CPUs busy along a curve of its own, so its true energy is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from greenbench.api import Usage

from .curves import Curve
from .host import Clock

GPU = "GPU-1"
TICKS = 100


@dataclass(frozen=True)
class Load:
    """What one trial does: GPU utilisation (0 to 1), and CPUs kept busy on each package."""

    gpu: Curve
    packages: tuple[Curve, Curve]
    watts: float = 1.0
    """How hungry its kernels are against its neighbours'."""


@dataclass(frozen=True)
class Sum:
    """`idle_w`, and `unit_w` for each unit of use: power that is linear in utilisation."""

    idle_w: float
    unit_w: float
    parts: Sequence[tuple[Curve, float]]

    def energy_j(self, t: float) -> float:
        return self.idle_w * t + self.unit_w * sum(w * c.energy_j(t) for c, w in self.parts)

    def between_j(self, start_s: float, end_s: float) -> float:
        return self.energy_j(end_s) - self.energy_j(start_s)


class SharedHost:
    """The files and drivers that tell who used it, and the sums that the sensors follow."""

    def __init__(self, folder: Path, clock: Clock, loads: Sequence[Load], other: Curve) -> None:
        self.folder, self.clock, self.loads, self.other = folder, clock, loads, other
        self.start_s = clock.now_s
        self.gpu = Sum(60.0, 240.0, [(load.gpu, load.watts) for load in loads])
        packages = [[(load.packages[p], load.watts) for load in loads] for p in (0, 1)]
        packages[1].append((other, 1.0))
        self.packages = [Sum(35.0, 45.0, parts) for parts in packages]
        self.stat = folder / "stat"
        self.cpus = folder / "cpu"
        for cpu in range(4):
            topology = self.cpus / f"cpu{cpu}" / "topology"
            topology.mkdir(parents=True)
            (topology / "physical_package_id").write_text(f"{cpu // 2}\n")

    def cpu_times_s(self, curves: Sequence[tuple[int, Curve]]) -> tuple[float, ...]:
        """CPU seconds by CPU; work on a package is spread over its CPUs."""
        times = [0.0] * 4
        for package, curve in curves:
            used_s = curve.between_j(self.start_s, self.clock.now_s)
            for cpu in (2 * package, 2 * package + 1):
                times[cpu] += used_s / 2
        return tuple(times)

    def write_stat(self) -> None:
        """/proc/stat as of now, in whole clock ticks."""
        curves = [(p, load.packages[p]) for load in self.loads for p in (0, 1)]
        times = self.cpu_times_s([*curves, (1, self.other)])
        ticks = [round(t * TICKS) for t in times]
        lines = [f"cpu  {sum(ticks)} 0 0 5 5 0 0 77 0 0"]
        lines += [f"cpu{i} {n} 0 0 5 5 0 0 77 0 0" for i, n in enumerate(ticks)]
        self.stat.write_text("\n".join([*lines, "intr 5"]) + "\n")

    def running(self, slot: int, *, by_cpu: bool = True) -> SharedTrial:
        return SharedTrial(self, slot, by_cpu)

    def gpu_truth_j(self, slot: int, start_s: float, end_s: float) -> float:
        load = self.loads[slot]
        return self.gpu.unit_w * load.watts * load.gpu.between_j(start_s, end_s)

    def package_truth_j(self, slot: int, package: int, start_s: float, end_s: float) -> float:
        load = self.loads[slot]
        curve = load.packages[package]
        return self.packages[package].unit_w * load.watts * curve.between_j(start_s, end_s)


class SharedTrial:
    """A started trial as its executor shows it."""

    def __init__(self, host: SharedHost, slot: int, by_cpu: bool) -> None:
        self.host, self.slot, self.by_cpu = host, slot, by_cpu
        self.identity, self.facts = f"trial {slot}", {}

    def usage(self) -> Usage:
        load = self.host.loads[self.slot]
        times = self.host.cpu_times_s([(p, load.packages[p]) for p in (0, 1)])
        return Usage(
            cpu_time_s=sum(times),
            cpu_time_by_cpu_s=times if self.by_cpu else None,
            pids=frozenset({1000 + self.slot}),
        )


class SharedGpuTime:
    """What the driver tells of the GPU's processes: whole percents of the time since last asked."""

    uuids = (GPU,)

    def __init__(self, host: SharedHost, pid_of: Callable[[int], int] = lambda n: 1000 + n):
        self.host, self.pid_of = host, pid_of
        self.unknown: dict[str, str] = {}
        self._since_s = host.clock.now_s

    def poll(self, now_s: float) -> Iterator[tuple[str, int, float]]:
        elapsed_s = now_s - self._since_s
        for slot, load in enumerate(self.host.loads):
            share = load.gpu.between_j(self._since_s, now_s) / elapsed_s if elapsed_s else 0.0
            yield GPU, self.pid_of(slot), round(100 * share) / 100 * elapsed_s
        self._since_s = now_s
