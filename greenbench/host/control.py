"""Repeats a fixed amount of work under the meter: how much does the same thing cost each time?"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, Final, Literal, Protocol

from greenbench.api import Window
from greenbench.energy.meter import Meter
from greenbench.energy.timeline import Timeline
from greenbench.energy.total import total
from greenbench.errors import GreenbenchError
from greenbench.host import load

LIMIT: Final = 0.01
"""Coefficient of variation up to which a host is stable; Green Metrics Tool, too, refuses a host
whose control workload varies by more than 1 %."""
CALIBRATE: Final = 0.1
CALIBRATE_LEAST_S: Final = 0.3
CALIBRATE_MOST_S: Final = 2.0
"""How long the work's pace is looked at: as a share of a run, at least and at most."""
WARM_UP: Final = 1 / 3
"""Share of a run that is worked before the first: clocks and temperature have moved by then."""
PAUSE: Final = 0.1
PAUSE_MOST_S: Final = 2.0
"""Rest between two runs, as a share of a run and at most."""
SETTLE_S: Final = 1.0

Quantity = Literal["energy_j", "cpu_time_s"]


@dataclass(frozen=True, slots=True)
class Ran:
    """One piece of work: when (monotonic, s), and the CPU time that it took (s)."""

    start_s: float
    end_s: float
    cpu_time_s: float


class Worker(Protocol):
    """Does work on request."""

    def run(self, units: int, waiting: Callable[[], None]) -> Ran:
        """Does `units` of work; calls `waiting` about once a second until it is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the control workload; `energy_j` of all disjoint measured channels, None where
    there is none or it is not known."""

    duration_s: float
    cpu_time_s: float
    energy_j: float | None
    uncertainty_j: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What the runs came to.

    `quantity` is what was compared: measured energy, or CPU time where only estimates exist.
    `variation` is its coefficient of variation, `trend` its relative change from the first to the
    second half of the runs; None where they can't be known. `stable`: a statement on measured
    energy, None where there is none.
    """

    units: int
    runs: tuple[Run, ...]
    quantity: Quantity
    variation: float | None
    duration_variation: float | None
    trend: float | None
    limit: float = LIMIT

    @property
    def repeatable(self) -> bool | None:
        """Whether the same work cost the same, within the limit; None: not known."""
        return None if self.variation is None else self.variation <= self.limit

    @property
    def stable(self) -> bool | None:
        """Whether the host may be called stable; None where energy is not measured."""
        return self.repeatable if self.quantity == "energy_j" else None

    def as_json(self) -> dict[str, Any]:
        """Stable JSON: seconds, joules, relative numbers; null is what is not known."""
        values = [getattr(run, self.quantity) for run in self.runs]
        known = [value for value in values if value is not None]
        return {
            "quantity": self.quantity,
            "runs": [
                {
                    "duration_s": run.duration_s,
                    "cpu_time_s": run.cpu_time_s,
                    "energy_j": run.energy_j,
                    "uncertainty_j": run.uncertainty_j,
                }
                for run in self.runs
            ],
            "mean": fmean(known) if known else None,
            "coefficient_of_variation": self.variation,
            "duration_coefficient_of_variation": self.duration_variation,
            "trend": self.trend,
            "limit": self.limit,
            "repeatable": self.repeatable,
        }


def control(
    worker: Worker,
    meter: Meter,
    timeline: Timeline,
    *,
    runs: int = 10,
    seconds: float = 30.0,
    estimated: bool = False,
    sleep: Callable[[float], None] = time.sleep,
    progress: Callable[[str], None] = lambda _: None,
) -> Control:
    """Runs the control workload `runs` times, each about `seconds` long. `meter` is running."""

    def drain() -> None:
        timeline.add(meter.drain())

    units = _calibrated(worker, seconds, drain)
    worker.run(max(round(units * WARM_UP), 1), drain)
    found: list[Run] = []
    for number in range(1, runs + 1):
        sleep(min(seconds * PAUSE, PAUSE_MOST_S))
        drain()
        ran = worker.run(units, drain)
        run = _run(ran, meter, timeline, sleep)
        found.append(run)
        cost = f"CPU time {run.cpu_time_s:.2f} s"
        if not estimated:
            cost = "energy not known" if run.energy_j is None else f"{run.energy_j:.2f} J"
        progress(f"control run {number} of {runs}: {run.duration_s:.2f} s, {cost}")
    return judged(units, found, "cpu_time_s" if estimated else "energy_j")


def judged(units: int, runs: Sequence[Run], quantity: Quantity) -> Control:
    """What the runs say, compared by `quantity`."""
    values = [getattr(run, quantity) for run in runs]
    known = [value for value in values if value is not None]
    complete = len(known) == len(runs)
    return Control(
        units=units,
        runs=tuple(runs),
        quantity=quantity,
        variation=_variation(known) if complete else None,
        duration_variation=_variation([run.duration_s for run in runs]),
        trend=_trend(known) if complete else None,
    )


def _run(ran: Ran, meter: Meter, timeline: Timeline, sleep: Callable[[float], None]) -> Run:
    window = Window(kind="train", start_s=ran.start_s, end_s=ran.end_s)
    step_s = meter.period_s / 2
    timeline.add(meter.drain())
    for _ in range(max(round(SETTLE_S / step_s), 5)):
        if timeline.ready(window):
            break
        sleep(step_s)
        timeline.add(meter.drain())
    whole = total(timeline.energy(window), timeline.channels)
    measured = whole.method == "measured"
    return Run(
        duration_s=ran.end_s - ran.start_s,
        cpu_time_s=ran.cpu_time_s,
        energy_j=whole.energy_j if measured else None,
        uncertainty_j=whole.resolution_j if measured else None,
    )


def _calibrated(worker: Worker, seconds: float, waiting: Callable[[], None]) -> int:
    """Units of work that take about `seconds` here."""
    enough_s = min(max(CALIBRATE * seconds, CALIBRATE_LEAST_S), CALIBRATE_MOST_S, seconds)
    units = 16
    while True:
        ran = worker.run(units, waiting)
        took_s = ran.end_s - ran.start_s
        if took_s >= enough_s:
            return max(round(units * seconds / took_s), 1)
        units *= 2


def _variation(values: Sequence[float]) -> float | None:
    """Standard deviation (n − 1) over mean."""
    if len(values) < 2 or not fmean(values) > 0:
        return None
    return stdev(values) / fmean(values)


def _trend(values: Sequence[float]) -> float | None:
    half = len(values) // 2
    if half < 1 or not fmean(values) > 0:
        return None
    return (fmean(values[-half:]) - fmean(values[:half])) / fmean(values)


class LoadProcess:
    """The control workload in one process for all runs: what differs between processes (memory
    layout, hash seed) is not what is asked for."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        self._child = subprocess.Popen(
            [sys.executable, "-I", str(Path(load.__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def run(self, units: int, waiting: Callable[[], None]) -> Ran:
        """Does `units` of work; GreenbenchError if the process has ended."""
        child = self._child
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(f"{units}\n")
            child.stdin.flush()
        except OSError as error:
            raise GreenbenchError(f"the control workload has ended: {error}") from error
        while not select.select([child.stdout], [], [], 1.0)[0]:
            waiting()
        answer = child.stdout.readline().split()
        if len(answer) != 3:
            raise GreenbenchError(f"the control workload ended (exit code {child.wait()})")
        return Ran(*map(float, answer))

    def close(self) -> None:
        """Ends the process."""
        self._child.kill()
        self._child.communicate()


@contextlib.contextmanager
def load_process() -> Iterator[LoadProcess]:
    """The workload's process, ended in any case."""
    process = LoadProcess()
    try:
        yield process
    finally:
        process.close()
