"""The control workload in simulated time: constant power is stable, drifting power is not."""

from __future__ import annotations

import pytest
from sim.curves import Curve, constant, ramp
from sim.host import Clock, CounterReader

from greenbench.energy.meter import Meter
from greenbench.energy.timeline import Timeline
from greenbench.host.control import Control, Ran, Run, control, judged, load_process

PACE = 500.0
"""Units of work a second."""


class SimulatedHost:
    """A clock, a counter and a worker of a steady pace; sleeping moves the clock."""

    def __init__(self, curve: Curve, *, contention: list[float] | None = None) -> None:
        self.clock = Clock()
        reader = CounterReader(self.clock, curve, "cpu/package-0", update_s=0.001)
        self.meter = Meter([reader], 0.1, clock=self.clock)
        self.timeline = Timeline(self.meter.channels)
        self.contention = iter(contention or [])
        self.meter.start()

    def sleep(self, seconds: float) -> None:
        end_s = self.clock.now_s + seconds
        while self.clock.now_s < end_s:
            self.clock.now_s = min(self.clock.now_s + 0.1, end_s)
            self.meter.tick()

    def run(self, units: int, waiting) -> Ran:
        start_s = self.clock.now_s
        slower = 1 + next(self.contention, 0.0) if units > PACE else 1.0
        self.sleep(units / PACE * slower)
        waiting()
        return Ran(start_s, self.clock.now_s, units / PACE)

    def control(self, **options) -> Control:
        return control(self, self.meter, self.timeline, sleep=self.sleep, **options)


def test_constant_power_is_stable_and_runs_are_as_long_as_asked():
    found = SimulatedHost(constant(50)).control(runs=10, seconds=30)
    assert len(found.runs) == 10
    assert [run.duration_s for run in found.runs] == pytest.approx([30.0] * 10)
    assert [run.energy_j for run in found.runs] == pytest.approx([1500.0] * 10, rel=1e-3)
    assert found.variation < 0.001
    assert found.stable is True


def test_drifting_power_is_not_stable_and_the_drift_is_told():
    drifting = ramp(50, 60, begin_s=1000.0, end_s=1400.0)
    found = SimulatedHost(drifting).control(runs=10, seconds=30)
    assert found.variation > 0.01
    assert found.stable is False
    assert found.trend > 0.05


def test_work_that_takes_longer_because_others_work_is_not_stable():
    slower = [0.0, 0.05] * 6
    found = SimulatedHost(constant(50), contention=slower).control(runs=6, seconds=30)
    assert found.stable is False
    assert found.duration_variation > 0.01


def test_where_only_estimates_exist_cpu_time_is_compared_and_nothing_is_called_stable():
    runs = [Run(duration_s=1, cpu_time_s=t, energy_j=None, uncertainty_j=None) for t in (1, 1.001)]
    found = judged(1, runs, "cpu_time_s")
    assert found.repeatable is True
    assert found.stable is None
    assert found.as_json()["quantity"] == "cpu_time_s"


def test_a_run_without_energy_leaves_the_variation_unknown():
    runs = [Run(duration_s=1, cpu_time_s=1, energy_j=e, uncertainty_j=None) for e in (1.0, None)]
    found = judged(1, runs, "energy_j")
    assert found.variation is None
    assert found.stable is None


def test_the_real_workload_does_the_same_work_and_ends_with_its_user():
    with load_process() as load:
        first, second = (load.run(20, lambda: None) for _ in range(2))
        assert 0 < first.cpu_time_s <= first.end_s - first.start_s + 0.01
        assert second.start_s >= first.end_s
        child = load._child
    assert child.returncode is not None
